"""A user's table of sources: CSV, ECSV, VOTable, FITS table or Parquet.

The format is told from the content, never from the file name. Nothing in a table is run,
fetched or followed: no pickled columns, no XML entities, no streams kept elsewhere. What
the columns mean is decided in :mod:`radioviz.importing.columns`.
"""

from __future__ import annotations

import gzip
import io
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError
from radioviz.images.quiet import quiet as hush

MAX_BYTES = 1 << 30
MAX_ROWS = 5_000_000
MAX_COLUMNS = 5_000
# Bytes that a gzipped table may unpack to whatever its size, and how many times its size.
_ANY_RATIO, _MAX_RATIO = 1 << 25, 100
FORMATS = "CSV, ECSV, VOTable, FITS table or Parquet"

_MASKED_TEXT = ("", "nan", "null", "none", "--", "n/a", "#n/a", "masked")


@dataclass(frozen=True, eq=False)
class UserTable:
    """A table as its author wrote it.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row a source; columns are numbers (NaN where masked), booleans or text (empty
        where masked). The index counts the rows of the file from 1.
    units, ucds, descriptions : dict of str to str
        By column, where the file gives them.
    repeated : tuple of str
        Names that several columns share; all but the first have got a number at the end.
    refused : tuple of (int, str)
        Rows that could not be read, by number, and why.
    notes : tuple of str
        What was left out or repaired.
    """

    frame: pd.DataFrame
    units: dict[str, str] = field(default_factory=dict)
    ucds: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)


class TableBuilder:
    """Collects columns of any reader into a :class:`UserTable`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: dict[str, pd.Series] = {}
        self.units: dict[str, str] = {}
        self.ucds: dict[str, str] = {}
        self.descriptions: dict[str, str] = {}
        self.repeated: list[str] = []
        self.notes: list[str] = []

    def add(
        self,
        name: object,
        values: Any,
        mask: Any = None,
        unit: object = "",
        ucd: object = "",
        description: object = "",
    ) -> None:
        """Add one column; what cannot be a column of a table is left out with a note."""
        wanted = _clean(name) or f"column {len(self.columns) + 1}"
        unique, number = wanted, 2
        while unique in self.columns:
            unique, number = f"{wanted}_{number}", number + 1
        if unique != wanted and wanted not in self.repeated:
            self.repeated.append(wanted)
        series = _series(values, mask)
        if isinstance(series, str):
            self.notes.append(f"column '{wanted}' left out: {series}")
            return
        self.columns[unique] = series
        for store, text in (
            (self.units, unit),
            (self.ucds, ucd),
            (self.descriptions, description),
        ):
            cleaned = _clean(text) if text is not None else ""
            if cleaned:
                store[unique] = cleaned

    def table(self, refused: Sequence[tuple[int, str]] = (), numbers: Any = None) -> UserTable:
        """The finished table; ``numbers`` are the row numbers where some were refused."""
        if not self.columns:
            why = f" ({'; '.join(self.notes)})" if self.notes else ""
            raise CatalogueError(f"{self.path}: no column that can be used{why}")
        frame = pd.DataFrame(self.columns)
        frame.index = pd.Index(np.arange(1, len(frame) + 1) if numbers is None else numbers)
        if len(frame) == 0 and not refused:
            raise CatalogueError(f"{self.path}: the table has no rows")
        return UserTable(
            frame,
            self.units,
            self.ucds,
            self.descriptions,
            tuple(self.repeated),
            tuple(refused),
            tuple(self.notes),
        )


def read_table(path: str | Path) -> UserTable:
    """Read a table of sources.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV (comma, semicolon, tab or bar; ``#`` comments), ECSV, VOTable, FITS table or
        Parquet file, the first four also gzipped. A text file of two or three columns
        without a header is read as RA, Dec and name.

    Raises
    ------
    CatalogueError
        If the file is missing, too large, damaged, of another format or has no rows.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4096)
            if size > MAX_BYTES:
                raise CatalogueError(
                    f"{path}: the table has {size:,} bytes; tables up to {MAX_BYTES:,} are read"
                )
            if head[:4] == b"PAR1":
                from radioviz.importing.readers.table_formats import parquet_table

                return parquet_table(path)
            file.seek(0)
            if head[:2] == b"\x1f\x8b":
                content = gunzip(path, file)
                return _from_content(path, content[:4096], io.BytesIO(content))
            return _from_content(path, head, file)
    except FileNotFoundError:
        raise CatalogueError(f"{path}: no such table; give a {FORMATS} file") from None
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror or error}") from error


def _from_content(path: Path, head: bytes, file: IO[bytes]) -> UserTable:
    from radioviz.importing.readers import csv_table, table_formats

    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise CatalogueError(f"{path}: the file is empty; give a {FORMATS} file")
    if head[:9] == b"SIMPLE  =":
        return table_formats.fits_table(path, file)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") and b"V\0O\0T\0" in head.upper():
        return table_formats.votable(path, file)
    if re.match(rb"<\?xml|<!|<(\w+:)?VOTABLE", start, re.IGNORECASE):
        if b"<html" in head.lower():
            raise CatalogueError(f"{path}: an HTML page, not a table; give a {FORMATS} file")
        return table_formats.votable(path, file)
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise CatalogueError(f"{path}: {what}; give a {FORMATS} file")
    text = csv_table.decode(path, file.read())
    if text.startswith("# %ECSV"):
        return table_formats.ecsv(path, text)
    return csv_table.read(path, text)


_OTHERS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, which is imported as a cube and not as a table"),
    (b"\x93NUMPY", "a NumPy array, which is imported as a cube and not as a table"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet (save a spreadsheet as CSV)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"<html", "an HTML page, not a table"),
    (b"\x80", "a pickled Python object, which is never opened"),
)


def gunzip(path: Path, file: IO[bytes]) -> bytes:
    """What a gzipped table unpacks to; ``path`` is for messages.

    Raises
    ------
    CatalogueError
        If it is damaged, or unpacks to more than a table can.
    """
    packed = file.seek(0, io.SEEK_END)
    file.seek(0)
    content = bytearray()
    try:
        with gzip.open(file) as plain:
            while block := plain.read(1 << 20):
                content += block
                if len(content) > MAX_BYTES:
                    raise CatalogueError(f"{path}: unpacks to more than {MAX_BYTES:,} bytes")
                # Text of a table shrinks to a twentieth at best.
                if len(content) > max(_ANY_RATIO, _MAX_RATIO * packed):
                    raise CatalogueError(
                        f"{path}: {packed:,} bytes unpack to more than {len(content) - 1:,}, "
                        "which no table does; unpack it first"
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CatalogueError(f"{path}: damaged gzip file: {error}") from error
    return bytes(content)


@contextmanager
def noted(path: Path, builder: TableBuilder | None = None) -> Iterator[None]:
    """Turn what a library warns of into one note; a truncated file into an error."""
    from astropy.utils.exceptions import AstropyWarning

    with hush(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    seen = [str(w.message).split("\n")[0] for w in caught if issubclass(w.category, AstropyWarning)]
    for message in seen:
        if "truncated" in message.lower():
            raise CatalogueError(f"{path}: the file is cut short ({message})")
    if seen and builder is not None:
        more = f" (and {len(seen) - 1} more)" if len(seen) > 1 else ""
        builder.notes.append(f"the file departs from its standard: {seen[0][:200]}{more}")


def check_rows(path: Path, rows: int, columns: int) -> None:
    """Refuse a table beyond the bounds, before its cells are read."""
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        raise CatalogueError(
            f"{path}: {rows:,} rows of {columns:,} columns; "
            f"up to {MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns are read"
        )


def _clean(text: object) -> str:
    """Text of one line without control characters; anything else in it is kept as it is."""
    return "".join(c if c.isprintable() else " " for c in str(text)).strip()


def _series(values: Any, mask: Any = None) -> pd.Series | str:
    """A column of float64, int64, bool or text; a sentence where it cannot be one."""
    array = np.ma.getdata(values)
    hidden = np.zeros(len(array), bool) if mask is None else np.asarray(mask)
    if np.ma.isMaskedArray(values):
        own = np.ma.getmaskarray(values)
        hidden = hidden | (own if own.ndim == 1 else own.reshape(len(own), -1).all(axis=1))
    if array.ndim != 1:
        return f"its cells are arrays of shape {array.shape[1:]}"
    if array.dtype.names:
        return "its cells are records"
    if array.dtype.kind == "b":
        series = pd.Series(array.astype(bool))
        return series if not hidden.any() else pd.Series(_text_of(array, hidden))
    if array.dtype.kind in "iu":
        if hidden.any() and np.abs(array[~hidden].astype(float)).max(initial=0) >= 2**53:
            return pd.Series(_text_of(array, hidden))
        if array.dtype == np.uint64 and array.max(initial=np.uint64(0)) > np.iinfo(np.int64).max:
            return pd.Series(_text_of(array, hidden))
        if hidden.any():
            return pd.Series(np.where(hidden, np.nan, array.astype(np.float64)))
        return pd.Series(array.astype(np.int64))
    if array.dtype.kind == "f":
        return pd.Series(np.where(hidden, np.nan, array.astype(np.float64)))
    if array.dtype.kind in "SUO":
        cells = array[~hidden]
        if array.dtype.kind == "O" and any(
            isinstance(c, list | tuple | dict | set | np.ndarray) and not isinstance(c, str | bytes)
            for c in cells
        ):
            return "its cells are arrays"
        return pd.Series(_text_of(array, hidden))
    if array.dtype.kind in "Mm":
        return pd.Series(_text_of(array.astype("datetime64[s]").astype(str), hidden))
    return f"its type {array.dtype} has no place in a table"


def _text_of(array: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    def text(cell: Any) -> str:
        if cell is None or (isinstance(cell, float) and np.isnan(cell)):
            return ""
        if isinstance(cell, bytes):  # numpy.bytes_ is one too
            try:
                cell = cell.decode("utf-8")
            except UnicodeDecodeError:
                cell = cell.decode("latin-1")
        return str(cell).replace("\0", "").strip()

    out = np.array([text(c) for c in array], dtype=object)
    out[hidden] = ""
    return out


def numbers_where_possible(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers and mask of a text column, None where some cell is no number.

    Identifiers with leading zeros stay text.
    """
    stripped = pd.Series(cells, dtype=object).str.strip()
    hidden = stripped.str.lower().isin(_MASKED_TEXT).to_numpy()
    filled = stripped[~hidden]
    if filled.empty or filled.str.match(r"^[+-]?0\d").any():
        return None
    numbers = pd.to_numeric(filled, errors="coerce")
    spelt = filled.str.lower().str.lstrip("+-").isin(("inf", "infinity"))
    if numbers[~spelt].isna().any():
        return None
    if numbers.dtype.kind in "iu" and not hidden.any():
        return numbers.to_numpy(), hidden
    out = np.full(len(stripped), np.nan)
    out[~hidden] = numbers.to_numpy(dtype=float, na_value=np.nan)
    return out, hidden
