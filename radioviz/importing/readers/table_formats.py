"""VOTable, ECSV, FITS and Parquet tables, with their units and UCDs."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from typing import IO, Any, NoReturn
from xml.parsers import expat

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.fits_checks import check_fits
from radioviz.importing.readers.table_builder import (
    MAX_BYTES,
    TableBuilder,
    check_rows,
    library_notes,
    reading,
)

_MAX_DEPTH = 64
_MAX_CELL = 1_000_000
_GALACTIC = ("galactic", "supergalactic")


def _refuse_xml(path: Path, what: str) -> NoReturn:
    raise CatalogueError(
        f"{path}: the XML {what}, which is not followed or expanded; save the table without it "
        "(TOPCAT: output format votable-tabledata)"
    )


def check_xml(path: Path, file: IO[bytes]) -> None:
    """Refuse XML that would harm a VOTable parser.

    Refused are entity declarations (billion laughs, external files), external streams and
    deep nesting; expat finds them in every encoding.

    Raises
    ------
    CatalogueError
        If one is found, the XML is not well formed, or its root is not VOTABLE.
    """
    parser = expat.ParserCreate()
    depth = 0

    def entity(name: str, *rest: object) -> None:
        _refuse_xml(path, f"declares the entity '{name}'")

    def external(context: str, *rest: object) -> int:
        _refuse_xml(path, "refers to an external entity")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        local = name.rpartition(":")[2]
        if depth == 1 and local != "VOTABLE":
            raise CatalogueError(f"{path}: XML of type '{local[:60]}', not a VOTable")
        if depth > _MAX_DEPTH:
            _refuse_xml(path, f"is nested deeper than {_MAX_DEPTH} elements")
        if local == "FIELD" and _cells(attributes.get("arraysize", "")) > _MAX_CELL:
            _refuse_xml(path, f"has cells of arraysize {attributes['arraysize'][:40]}")
        rows = attributes.get("nrows", "")
        if local == "TABLE" and rows.strip().isdecimal():
            # The parser allocates as many rows as the file announces.
            check_rows(path, int(rows), 1)
        if local == "STREAM" and "href" in attributes:
            _refuse_xml(path, f"keeps its rows elsewhere ('{attributes['href'][:100]}')")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser.EntityDeclHandler = entity
    parser.ExternalEntityRefHandler = external
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        while chunk := file.read(1 << 20):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # also unknown encodings
        raise CatalogueError(f"{path}: not well-formed XML: {error}") from error


def _cells(arraysize: str) -> int:
    """Elements of one cell as VOTable declares them; ``*`` counts as one."""
    return math.prod(int(n) for n in re.findall(r"\d+", arraysize[:200]))


def add_votable(builder: TableBuilder, file: IO[bytes]) -> None:
    """Add the columns of the first table with rows of a VOTable."""
    from astropy.io.votable import parse

    path = builder.path
    check_xml(path, file)
    file.seek(0)
    with reading(path, "VOTable"), library_notes(path, builder):
        document = parse(io.BytesIO(file.read()), verify="ignore")
    tables = [t for t in document.iter_tables() if len(t.array)]
    if not tables:
        status = [
            str(i.content or i.value)
            for r in document.resources
            for i in r.infos
            if i.name == "QUERY_STATUS" and str(i.value).upper() != "OK"
        ]
        why = f"; the service reports: {status[0].strip()[:300]}" if status else ""
        raise CatalogueError(f"{path}: the VOTable has no table with rows{why}")
    table = tables[0]
    if len(tables) > 1:
        builder.notes.append(
            f"the file holds {len(tables)} tables with rows; the first, "
            f"'{table.name or table.ID or 'unnamed'}', is read"
        )
    check_rows(path, len(table.array), len(table.fields))
    systems = {c.ID: c for r in document.resources for c in r.coordinate_systems}
    for field in table.fields:
        system = systems.get(field.ref)
        described = f"{field.description or ''}"
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
    with reading(path, "ECSV"), library_notes(path, builder):
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
    with reading(path, "FITS table"):
        check_fits(path, file)
        file.seek(0)
        with library_notes(path, builder), fits.open(file, memmap=False) as hdus:
            plain = [h for h in hdus if type(h) in (fits.BinTableHDU, fits.TableHDU)]
            filled = [h for h in plain if h.header["NAXIS2"]]
            if not filled:
                raise CatalogueError(
                    f"{path}: a FITS file of {len(hdus)} HDU(s) without a table that has rows"
                )
            hdu = filled[0]
            if len(filled) > 1:
                builder.notes.append(
                    f"the file holds {len(filled)} tables with rows; the first, "
                    f"'{hdu.name or 'unnamed'}', is read"
                )
            check_rows(path, hdu.header["NAXIS2"], hdu.header["TFIELDS"])
            for number, column in enumerate(hdu.columns, start=1):
                values = hdu.data.field(number - 1)
                mask = None
                if column.null is not None and np.asarray(values).dtype.kind in "iu":
                    mask = np.asarray(values) == column.null
                if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
                    values = values.astype(values.dtype.newbyteorder("="))
                builder.add(
                    column.name or f"column {number}",
                    np.asarray(values)
                    if "P" not in column.format and "Q" not in column.format
                    else np.array([np.asarray(v) for v in values] + [None], dtype=object)[:-1],
                    mask,
                    unit=column.unit or "",
                    ucd=hdu.header.get(f"TUCD{number}", ""),
                    description=hdu.header.get(f"TCOMM{number}", ""),
                )


def add_parquet(builder: TableBuilder) -> None:
    """Add the columns of a Parquet file.

    Units are in the metadata of the fields, or where astropy writes them.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = builder.path
    with reading(path, "Parquet file"):
        file = pq.ParquetFile(path)
        meta = file.metadata
        check_rows(path, meta.num_rows, meta.num_columns)
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        if unpacked > 4 * MAX_BYTES:
            raise CatalogueError(f"{path}: unpacks to {unpacked:,} bytes; too large a table")
        table = file.read()
        table.validate(full=True)  # finds text that is not UTF-8
    metadata = table.schema.metadata or {}
    described = _parquet_descriptions(metadata)
    # astropy writes masks as separate columns.
    masks = {
        name.removesuffix(".mask"): table.column(name)
        for name in table.column_names
        if name.endswith(".mask")
        and b"table_meta_yaml" in metadata
        and name.removesuffix(".mask") in table.column_names
    }
    for i, field in enumerate(table.schema):
        if field.name.removesuffix(".mask") in masks and field.name.endswith(".mask"):
            continue
        if field.name.startswith("__index_level_") and field.name.endswith("__"):
            continue
        facts = {
            k.decode("utf-8", "replace").lower(): v.decode("utf-8", "replace")
            for k, v in (field.metadata or {}).items()
        }
        facts = {**described.get(field.name, {}), **facts}
        column: Any = table.column(i)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        if pa.types.is_nested(field.type):
            builder.notes.append(f"column '{field.name}' left out: its cells are {field.type}")
            continue
        if pa.types.is_decimal(field.type):
            column = column.cast(pa.float64())
        mask = column.is_null().to_numpy(zero_copy_only=False).astype(bool)
        if field.name in masks:
            mask |= masks[field.name].to_numpy(zero_copy_only=False).astype(bool)
        if mask.any() and (pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)):
            column = column.fill_null(pa.scalar(0).cast(field.type))
        builder.add(
            field.name,
            column.to_numpy(zero_copy_only=False),
            mask,
            unit=facts.get("unit", facts.get("units", "")),
            ucd=facts.get("ucd", ""),
            description=facts.get("description", ""),
        )


def _parquet_descriptions(metadata: dict[bytes, bytes]) -> dict[str, dict[str, str]]:
    """Units and descriptions of columns as astropy and pandas write them to Parquet."""
    out: dict[str, dict[str, str]] = {}
    written = metadata.get(b"table_meta_yaml")
    if written:
        from astropy.table import meta

        try:
            header = meta.get_header_from_yaml(written.decode("utf-8").split("\n"))
            for column in header.get("datatype", []):
                out[column["name"]] = {
                    k: str(column[k]) for k in ("unit", "description") if k in column
                }
        except Exception:  # a header of another version: go without its units
            out = {}
    try:
        attributes = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
    except ValueError:
        attributes = {}
    if isinstance(attributes, dict):
        for fact, key in (("unit", "units"), ("ucd", "ucds")):
            kept = attributes.get(key)
            for name, text in kept.items() if isinstance(kept, dict) else ():
                out.setdefault(str(name), {})[fact] = str(text)
    return out
