"""Read a user's table of sources: text in many forms, VOTable, FITS table or Parquet.

The content decides the format, not the file name. Nothing in a table is executed, fetched
or followed: no pickled columns, XML entities or external streams. Which column has which
meaning is decided in :mod:`radioviz.importing.columns`.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import IO

from radioviz.errors import CatalogueError, ImageError
from radioviz.images.opening import inflate
from radioviz.importing.readers import csv_table, table_formats
from radioviz.importing.readers.parquet_table import read_parquet
from radioviz.importing.readers.table_builder import MAX_BYTES, TableBuilder, UserTable, reading

FORMATS = "CSV, ECSV, VOTable, FITS table or Parquet"
_OTHER_FORMATS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, which is imported as a cube and not as a table"),
    (b"\x93NUMPY", "a NumPy array, which is imported as a cube and not as a table"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet (save a spreadsheet as CSV)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"<html", "an HTML page, not a table"),
    (b"\x80", "a pickled Python object, which is never opened"),
)


def read_table(path: str | Path, which: str = "") -> UserTable:
    """Read a table of sources.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV (comma, semicolon, tab, bar or blanks; ``#`` comments), an answer of VizieR, an
        ECSV, IPAC, machine-readable (CDS, AAS) or SExtractor table, a VOTable, FITS table or
        Parquet file, all but the last also gzipped. A text file of two or three columns without
        a header is read as RA, Dec and name.
    which : str
        Name or number (from 1) of one of several tables; default the first with positions.

    Raises
    ------
    CatalogueError
        If the file is missing, too large, damaged, of another format or has no rows.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, reading(path, "table"):
            size = path.stat().st_size
            if size > MAX_BYTES:
                raise CatalogueError(
                    f"{path}: the table has {size:,} bytes; tables up to {MAX_BYTES:,} are read"
                )
            head = file.read(4096)
            file.seek(0)
            if head[:4] == b"PAR1":
                builder = read_parquet(path)
            elif head[:2] == b"\x1f\x8b":
                content = gunzip(path, file)
                builder = _read_content(path, content[:4096], io.BytesIO(content), which)
            else:
                builder = _read_content(path, head, file, which)
    except FileNotFoundError:
        raise CatalogueError(f"{path}: no such table; give a {FORMATS} file") from None
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror or error}") from error
    return builder.table()


def read_table_bytes(name: str, content: bytes) -> UserTable:
    """As :func:`read_table`, of bytes; ``name`` is for messages. Parquet is not read."""
    path = Path(name or "table")
    with reading(path, "table"):
        if content[:2] == b"\x1f\x8b":
            content = gunzip(path, io.BytesIO(content))
        return _read_content(path, content[:4096], io.BytesIO(content), "").table()


def _read_content(path: Path, head: bytes, file: IO[bytes], which: str) -> TableBuilder:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise CatalogueError(f"{path}: the file is empty; give a {FORMATS} file")
    if head[:9] == b"SIMPLE  =":
        return table_formats.read_fits_table(path, file, which)
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff") and b"V\0O\0T\0" in head.upper()
    if wide or re.match(rb"<\?xml|<!|<(\w+:)?VOTABLE", start, re.IGNORECASE):
        if b"<html" in head.lower():
            raise CatalogueError(f"{path}: an HTML page, not a table; give a {FORMATS} file")
        return table_formats.read_votable(path, file, which)
    for magic, what in _OTHER_FORMATS:
        if head.startswith(magic):
            raise CatalogueError(f"{path}: {what}; give a {FORMATS} file")
    text = csv_table.decode_text(path, file.read())
    if known := table_formats.text_format(text):
        return table_formats.read_astropy_text(path, text, *known)
    return csv_table.read_delimited_text(path, text, which)


def gunzip(path: Path, file: IO[bytes]) -> bytes:
    """Content of a gzipped table; ``path`` is for messages.

    Raises CatalogueError if it is damaged, or unpacks to more than a table may hold.
    """
    try:
        content, problem = inflate(file, str(path), MAX_BYTES + 1)
    except ImageError as error:
        raise CatalogueError(str(error)) from error
    if content.tell() > MAX_BYTES:
        raise CatalogueError(f"{path}: unpacks to more than {MAX_BYTES:,} bytes")
    if problem:
        raise CatalogueError(f"{path}: {problem}")
    return content.getvalue()
