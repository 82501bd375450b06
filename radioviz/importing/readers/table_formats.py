"""VOTable, FITS and Parquet tables and the text formats of astropy, with units and UCDs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn
from xml.parsers import expat

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError
from radioviz.importing.readers.declared_frames import frame_of_header, frames_of_fields
from radioviz.importing.readers.fits_checks import check_fits
from radioviz.importing.readers.table_builder import (
    TableBuilder,
    check_rows,
    reading,
)
from radioviz.importing.readers.table_choice import choose_table

if TYPE_CHECKING:
    from astropy.io.votable.tree import TableElement, VOTableFile

_FIRST_ROWS = 32  # astropy makes room for so many before it reads a stream
_CELL_BYTES = {"bit": 1, "boolean": 1, "unsignedByte": 1, "short": 2, "char": 4, "unicodeChar": 4,
               "int": 4, "float": 4, "doubleComplex": 16}  # fmt: skip
_MAX_PARAMETERS = 1_000_000  # values of all PARAM together


def check_xml(path: Path, file: IO[bytes]) -> None:
    """Refuse XML that would harm a VOTable parser.

    Refused are entity declarations (billion laughs, external files), external streams and
    tables that are too large; expat finds them in every encoding.

    Raises CatalogueError if one is found, the XML is not well formed, or its root is not VOTABLE.
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


def read_votable(path: Path, file: IO[bytes], which: str = "") -> TableBuilder:
    """Columns of a table of a VOTable, with the frames of its coordinates."""
    from astropy.io.votable import parse

    check_xml(path, file)
    file.seek(0)
    notes: list[str] = []
    with reading(path, "VOTable", notes):
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
    named = [(t.name or t.ID or "", partial(_add_votable, document, t)) for t in tables]
    chosen = choose_table(path, named, which)
    chosen.notes += notes
    return chosen


def _add_votable(document: VOTableFile, table: TableElement, builder: TableBuilder) -> None:
    frames = frames_of_fields(document, table)
    builder.frames.update({"": frames[""]} if frames.get("") else {})
    for field in table.fields:
        values = table.array[field.ID]
        mask = None
        if (null := field.values.null) is not None and values.ndim == 1:
            data = np.ma.getdata(values)
            if data.dtype.kind == "f":
                with suppress(ValueError):
                    mask = data == data.dtype.type(null)
            elif data.dtype.kind in "OUS":
                mask = data == null
        builder.add(
            field.name or field.ID,
            values,
            mask,
            unit=field.unit or "",
            ucd=field.ucd or "",
            description=field.description or "",
            frame=frames.get(field.ID, ""),
        )


# Text formats that astropy reads, by a pattern at the beginning.
_TEXT_FORMATS = (
    (re.compile(r"# %ECSV"), "ascii.ecsv", "ECSV"),
    (re.compile(r"(?:\\.*\n|[ \t\r\f\v]*\n)*[ \t]*\|.*\|[ \t]*\n\s*\|(?:[\s|]|"
                r"char|c|double|d|float|f|r|real|int|i|long|l|date)+\|[ \t]*\n"),
     "ascii.ipac", "IPAC table"),
    (re.compile(r"[\s\S]{0,100000}?^Byte-by-byte Description of file", re.MULTILINE), "ascii.mrt",
     "machine-readable table"),
    (re.compile(r"#\s+1\s+[A-Z]\w*(?:\s.*)?\n#\s+\d+\s+[A-Z]"), "ascii.sextractor",
     "SExtractor catalogue"),
    (re.compile(r"(?:#.*\n)*[^\n\t,;|#]+\n *-{2,}(?: +-+)+ *\n"),
     "ascii.fixed_width_two_line", "fixed-width table"),
)  # fmt: skip
_SEXTRACTOR_COLUMN = re.compile(r"#\s*([0-9]+)\s+[-\w]")


def text_format(text: str) -> tuple[str, str] | None:
    """Astropy's name of a text format, and its name in words; None for delimited text."""
    for pattern, name, words in _TEXT_FORMATS:
        if pattern.match(text):
            return name, words
    return None


def _numbered_columns(lines: list[str]) -> int:
    """How many columns astropy makes of a SExtractor header: also those between its numbers."""
    header = list(takewhile(lambda line: line.startswith("#"), lines))
    numbers = (_SEXTRACTOR_COLUMN.match(line) for line in header)
    cells = "".join(lines[len(header) : len(header) + 1]).split()
    return max([len(cells), *(int(number[1]) for number in numbers if number)])


def read_astropy_text(path: Path, text: str, name: str, words: str) -> TableBuilder:
    """Columns of a text format that astropy reads; sky coordinates become two columns.

    ``name``, ``words``: see :func:`text_format`.
    """
    from astropy.coordinates import SkyCoord
    from astropy.io.ascii import convert_numpy
    from astropy.table import Table

    builder = TableBuilder(path)
    options = {}
    if "fixed" in name:  # has no types: each column is text first
        options = {"converters": {"*": [convert_numpy(str)]}, "fill_values": []}
    with reading(path, words, builder.notes):
        # An empty line at the end would be a row of machine-readable tables.
        lines = text.replace("\r\n", "\n").rstrip().split("\n")
        if name == "ascii.sextractor":
            check_rows(path, 0, _numbered_columns(lines))
        table = Table.read(lines, format=name, **options)
    check_rows(path, len(table), len(table.colnames))
    header = {k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in
              (table.meta.get("keywords") or table.meta).items()}  # fmt: skip
    if frame := frame_of_header(header):
        builder.frames[""] = frame
    for column_name in table.colnames:
        column = table[column_name]
        if isinstance(column, SkyCoord):
            sky = column.icrs
            builder.add(f"{column_name}.ra", sky.ra.deg, unit="deg", ucd="pos.eq.ra;meta.main",
                        frame="ICRS")  # fmt: skip
            builder.add(f"{column_name}.dec", sky.dec.deg, unit="deg", ucd="pos.eq.dec;meta.main",
                        frame="ICRS")  # fmt: skip
            if column.frame.name not in ("icrs", "fk5"):
                builder.notes.append(
                    f"column '{column_name}': converted from {column.frame.name} to ICRS (J2000)"
                )
            continue
        if options:
            builder.add_text(column_name, pd.Series(np.asarray(column), dtype="str"))
            continue
        meta = getattr(column.info, "meta", None) or {}
        mask = getattr(column, "mask", None)
        builder.add(
            column_name,
            getattr(column, "value", column),
            mask if mask is not None and np.ndim(mask) == 1 else None,
            unit=column.info.unit or "",
            ucd=meta.get("ucd", ""),
            description=column.info.description or "",
        )
    return builder


def read_fits_table(path: Path, file: IO[bytes], which: str = "") -> TableBuilder:
    """Columns of a table of a FITS file, with the frame that its header gives."""
    from astropy.io import fits

    check_fits(path, file)
    file.seek(0)
    notes: list[str] = []
    with reading(path, "FITS table", notes), fits.open(file, memmap=False) as hdus:
        plain = [h for h in hdus if type(h) in (fits.BinTableHDU, fits.TableHDU)]
        filled = [h for h in plain if h.header["NAXIS2"]]
        if not filled:
            raise CatalogueError(
                f"{path}: a FITS file of {len(hdus)} HDU(s) without a table that has rows"
            )
        outer = dict(hdus[0].header)
        chosen = choose_table(path, [(h.name, partial(_add_hdu, h, outer)) for h in filled], which)
    chosen.notes += notes
    return chosen


def _add_hdu(hdu: Any, outer: Mapping[str, Any], builder: TableBuilder) -> None:
    for key, zero in list(hdu.header["TZERO*"].items()):
        if isinstance(zero, float) and zero.is_integer():  # unsigned integers, with a point
            del hdu.header[key]
            hdu.header[key] = int(zero)
    if frame := frame_of_header(hdu.header) or frame_of_header(outer):
        builder.frames[""] = frame
    for number, column in enumerate(hdu.columns, start=1):
        builder.add(
            column.name or f"column {number}",
            np.asarray(hdu.data.field(number - 1)),
            _undefined_in_fits(hdu, number - 1),
            unit=column.unit,
            ucd=hdu.header.get(f"TUCD{number}", ""),
            description=hdu.header.get(f"TCOMM{number}", hdu.header.get(f"TDESC{number}", "")),
            frame=frame_of_header(hdu.header, f"{number}"),
        )


def _undefined_in_fits(hdu: Any, index: int) -> np.ndarray | None:
    """Where a column has no value: TNULL holds before scaling, blanks in a table of text."""
    column = hdu.columns[index]
    raw = np.rec.recarray.field(hdu.data, index)
    if isinstance(column.format, str) and hdu.header["XTENSION"].strip() == "TABLE":
        if column.format[:1] == "A":
            return None
        text = np.char.strip(np.char.decode(raw, "latin-1") if raw.dtype.kind == "S" else raw)
        null = "" if column.null is None else str(column.null).strip()
        return (text == "") | (text == null)
    if str(column.format).lstrip("1") == "L":
        return raw == 0
    return raw == column.null if raw.dtype.kind in "iu" and column.null is not None else None
