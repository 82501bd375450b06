"""VOTable, ECSV, FITS and Parquet tables, with their units and UCDs."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn
from xml.parsers import expat

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.fits_checks import check_fits
from radioviz.importing.readers.table_builder import (
    TableBuilder,
    check_rows,
    reading,
)
from radioviz.store.unpacking import excess

if TYPE_CHECKING:
    import pyarrow as pa

_FIRST_ROWS = 32  # astropy makes room for so many before it reads a stream
_CELL_BYTES = {"bit": 1, "boolean": 1, "unsignedByte": 1, "short": 2, "char": 4, "unicodeChar": 4,
               "int": 4, "float": 4, "doubleComplex": 16}  # fmt: skip
_MAX_PARAMETERS = 1_000_000  # values of all PARAM together
_GALACTIC = ("galactic", "supergalactic")


def check_xml(path: Path, file: IO[bytes]) -> None:
    """Refuse XML that would harm a VOTable parser.

    Refused are entity declarations (billion laughs, external files), external streams and
    tables that are too large; expat finds them in every encoding.

    Raises
    ------
    CatalogueError
        If one is found, the XML is not well formed, or its root is not VOTABLE.
    """
    parser = expat.ParserCreate()
    rows = columns = width = parameters = 0
    root = ""

    def refuse(what: str) -> NoReturn:
        raise CatalogueError(
            f"{path}: the XML {what}, which is not followed or expanded; save the table without "
            "it (TOPCAT: output format votable-tabledata)"
        )

    def entity(name: str, *rest: object) -> None:
        refuse(f"declares the entity '{name}'")

    def external(context: str, *rest: object) -> int:
        refuse("refers to an external entity")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal root, rows, columns, width, parameters
        local = name.rpartition(":")[2]
        root = root or local
        if root != "VOTABLE":
            raise CatalogueError(f"{path}: XML of type '{root[:60]}', not a VOTable")
        if local == "STREAM" and "href" in attributes:
            refuse(f"keeps its rows elsewhere ('{attributes['href'][:100]}')")
        if local == "STREAM" and attributes.get("encoding", "base64") != "base64":
            refuse(f"packs its rows by '{attributes['encoding'][:100]}'")
        if local == "TABLE":
            announced = attributes.get("nrows", "").strip()
            # The parser allocates as many rows as the file announces.
            rows, columns, width = int(announced) if announced.isdecimal() else 0, 0, 0
        elif local == "TR":
            rows += 1
        elif local in ("FIELD", "PARAM"):
            arraysize = attributes.get("arraysize", "")[:200]
            cells = math.prod(int(n) for n in re.findall(r"\d+", arraysize))  # '*' counts as one
            if local == "PARAM":
                parameters += cells
                if parameters > _MAX_PARAMETERS:
                    raise CatalogueError(
                        f"{path}: its PARAM elements announce {parameters:,} values; up to "
                        f"{_MAX_PARAMETERS:,} are read"
                    )
                return
            columns += 1
            width += cells * _CELL_BYTES.get(attributes.get("datatype", ""), 8)
        if local in ("TABLE", "TR", "FIELD"):
            most = max(rows, _FIRST_ROWS)
            check_rows(path, most, columns, most * width)

    parser.EntityDeclHandler = entity
    parser.ExternalEntityRefHandler = external
    parser.StartElementHandler = start
    try:
        while chunk := file.read(1 << 20):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # also unknown encodings
        raise CatalogueError(f"{path}: not well-formed XML: {error}") from error


def add_votable(builder: TableBuilder, file: IO[bytes]) -> None:
    """Add the columns of the first table with rows of a VOTable."""
    from astropy.io.votable import parse

    path = builder.path
    check_xml(path, file)
    file.seek(0)
    with reading(path, "VOTable", builder.notes):
        document = parse(file, verify="ignore")
    tables = [t for t in document.iter_tables() if len(t.array)]
    if not tables:
        status = [
            str(info.content or info.value)
            for resource in document.resources
            for info in resource.infos
            if info.name == "QUERY_STATUS" and str(info.value).upper() != "OK"
        ]
        why = f"; the service reports: {status[0].strip()[:300]}" if status else ""
        raise CatalogueError(f"{path}: the VOTable has no table with rows{why}")
    table = tables[0]
    _note_tables(builder, len(tables), table.name or table.ID)
    systems = {c.ID: c for r in document.resources for c in r.coordinate_systems}
    for field in table.fields:
        system = systems.get(field.ref)
        described = str(field.description or "")
        if system is not None and str(system.system).startswith("eq_FK4"):
            described = f"{described} (system eq_FK4, equinox {system.equinox or 'B1950'})"
        elif system is not None and system.system in _GALACTIC:
            described = f"{described} (system {system.system})"
        builder.add(
            field.name or field.ID,
            table.array[field.ID],
            unit=field.unit or "",
            ucd=field.ucd or "",
            description=described,
        )


def add_ecsv(builder: TableBuilder, text: str) -> None:
    """Add the columns of an ECSV; a column of sky coordinates becomes two columns."""
    from astropy.coordinates import SkyCoord
    from astropy.table import Table

    path = builder.path
    with reading(path, "ECSV", builder.notes):
        table = Table.read(text.splitlines(), format="ascii.ecsv")
    check_rows(path, len(table), len(table.colnames))
    for name in table.colnames:
        column = table[name]
        if isinstance(column, SkyCoord):
            sky = column.icrs
            builder.add(f"{name}.ra", sky.ra.deg, unit="deg", ucd="pos.eq.ra;meta.main")
            builder.add(f"{name}.dec", sky.dec.deg, unit="deg", ucd="pos.eq.dec;meta.main")
            continue
        meta = getattr(column.info, "meta", None) or {}
        mask = getattr(column, "mask", None)
        builder.add(
            name,
            getattr(column, "value", column),
            mask if mask is not None and np.ndim(mask) == 1 else None,
            unit=column.info.unit or "",
            ucd=meta.get("ucd", ""),
            description=column.info.description or "",
        )


def add_fits_table(builder: TableBuilder, file: IO[bytes]) -> None:
    """Add the columns of the first table with rows of a FITS file."""
    from astropy.io import fits

    path = builder.path
    check_fits(path, file)
    file.seek(0)
    with reading(path, "FITS table", builder.notes), fits.open(file, memmap=False) as hdus:
        plain = [h for h in hdus if type(h) in (fits.BinTableHDU, fits.TableHDU)]
        filled = [h for h in plain if h.header["NAXIS2"]]
        if not filled:
            raise CatalogueError(
                f"{path}: a FITS file of {len(hdus)} HDU(s) without a table that has rows"
            )
        hdu = filled[0]
        _note_tables(builder, len(filled), hdu.name)
        for number, column in enumerate(hdu.columns, start=1):
            values = np.asarray(hdu.data.field(number - 1))
            builder.add(
                column.name or f"column {number}",
                values,
                values == column.null if values.dtype.kind in "iu" else None,
                unit=column.unit,
                ucd=hdu.header.get(f"TUCD{number}", ""),
                description=hdu.header.get(f"TCOMM{number}", ""),
            )


def _note_tables(builder: TableBuilder, count: int, name: str) -> None:
    if count > 1:
        builder.notes.append(
            f"the file holds {count} tables with rows; the first, '{name or 'unnamed'}', is read"
        )


def add_parquet(builder: TableBuilder) -> None:
    """Add the columns of a Parquet file.

    Units are in the metadata of the fields, or where astropy writes them.
    """
    import pyarrow as pa

    with reading(builder.path, "Parquet file"):
        table = _parquet_table(builder)
    metadata = table.schema.metadata or {}
    described = _parquet_descriptions(metadata)
    # astropy writes masks as separate columns.
    masks = {
        name: table.column(f"{name}.mask")
        for name in table.column_names
        if b"table_meta_yaml" in metadata and f"{name}.mask" in table.column_names
    }
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.name.removesuffix(".mask") in masks and field.name.endswith(".mask"):
            continue
        if field.name.startswith("__index_level_") and field.name.endswith("__"):
            continue
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        if pa.types.is_decimal(field.type):
            column = column.cast(pa.float64())
        mask = column.is_null().to_numpy(zero_copy_only=False)
        if mask.any() and (pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)):
            column = column.fill_null(pa.scalar(0).cast(field.type))
        if field.name in masks:
            mask = mask | masks[field.name].to_numpy(zero_copy_only=False).astype(bool)
        facts = described.get(field.name, {}) | {
            k.decode("utf-8", "replace").lower(): v.decode("utf-8", "replace")
            for k, v in (field.metadata or {}).items()
        }
        builder.add(
            field.name,
            column.to_numpy(zero_copy_only=False),
            mask,
            unit=facts.get("unit", facts.get("units", "")),
            ucd=facts.get("ucd", ""),
            description=facts.get("description", ""),
        )


def _parquet_table(builder: TableBuilder) -> pa.Table:
    """A Parquet file in memory; its text, which may repeat without end, as dictionaries."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = builder.path
    with pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    kept = []
    width = 0
    for field in schema:
        if pa.types.is_nested(field.type):
            builder.notes.append(f"column '{field.name}' left out: its cells are {field.type}")
            continue
        kept.append(field.name)
        fixed = pa.types.is_primitive(field.type) or pa.types.is_fixed_size_binary(field.type)
        width += field.type.bit_width // 8 if fixed else 8
    _check_packed(path, rows, len(schema), rows * width)
    with pq.ParquetFile(path, read_dictionary=kept) as file:
        table = file.read(None if len(kept) == len(schema) else kept)
    table.validate(full=True)  # finds text that is not UTF-8
    size = rows * width
    for column in table.columns:
        kind = column.type
        if pa.types.is_dictionary(kind) and not pa.types.is_primitive(kind.value_type):
            for chunk in column.chunks:
                lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
                size += pc.sum(lengths).as_py() or 0
    _check_packed(path, rows, len(schema), size)
    return table


def _check_packed(path: Path, rows: int, columns: int, size: int) -> None:
    check_rows(path, rows, columns, size)
    if why := excess(path.stat().st_size, size):
        raise CatalogueError(f"{path}: {why}")


def _parquet_descriptions(metadata: dict[bytes, bytes]) -> dict[str, dict[str, str]]:
    """Units and descriptions of columns as astropy and pandas write them to Parquet."""
    from astropy.table import meta

    found: dict[str, dict[str, str]] = {}
    with suppress(Exception):  # a header of another version: go without its units
        lines = metadata.get(b"table_meta_yaml", b"").decode("utf-8").split("\n")
        for column in meta.get_header_from_yaml(lines)["datatype"]:
            found[column["name"]] = {
                key: str(column[key]) for key in ("unit", "description") if key in column
            }
    with suppress(ValueError, AttributeError):
        attributes = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
        for fact, key in (("unit", "units"), ("ucd", "ucds")):
            for name, text in attributes.get(key, {}).items():
                found.setdefault(name, {})[fact] = str(text)
    return found
