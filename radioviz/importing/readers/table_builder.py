"""A user's table in memory, and what all table formats share: columns, types and limits."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError
from radioviz.images.quiet import quiet
from radioviz.jobs.watched_fork import begin

MAX_BYTES = 1 << 30
MAX_ROWS = 5_000_000
MAX_COLUMNS = 5_000
MAX_CELL_BYTES = 1 << 31
MAX_VECTOR = 512  # numbers of one cell, such as a latent vector, that become a column each

_UNDEFINED = frozenset(
    ("", "nan", "<nan>", "null", "none", "na", "<na>", "n/a", "#n/a", "nil", "undef", "undefined",
     "masked", r"\n", "#value!", "#div/0!", "#num!", "blank", "indef")
)  # fmt: skip
_EXACT_DIGITS = 15  # of a whole number in float64, which can be NaN
_FILLER = r"[-–—.*?_~]+"
# Cells of columns with these names are kept as they are written.
_IDENTIFIER = re.compile(
    r"(?:^|[\W_])(?i:id|name|designation|label|file|filename|path|code)$|[a-z]I[Dd]$"
)
_WHOLE = r"0|-?[1-9]\d*"


@dataclass(frozen=True, eq=False)
class UserTable:
    """A table as its author wrote it."""

    # One row per source; columns are numbers (NaN where masked), booleans or text (empty where
    # masked). The index counts the rows of the file from 1.
    frame: pd.DataFrame
    # units, ucds, descriptions: by column, where the file gives them
    units: dict[str, str] = field(default_factory=dict)
    ucds: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    # Names that several columns share; all but the first have a number appended.
    repeated: tuple[str, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()  # rows that could not be read, by number, and why
    notes: tuple[str, ...] = ()  # what was left out or repaired
    # By column: the frame of its coordinates (``FK4 B1950``), where the file says so; under an
    # empty name that of all columns.
    frames: dict[str, str] = field(default_factory=dict)
    # By column of numbers: the cells as a text file writes them.
    written: dict[str, pd.Series] = field(default_factory=dict)
    names: tuple[str, ...] = ()  # all tables with rows in the file; empty where there is one
    name: str = ""  # which of them this is

    def __len__(self) -> int:
        return len(self.frame)

    def text(self, column: str) -> list[str]:
        """Cells as their author wrote them; empty where there is none.

        Whole numbers of a typed column have no decimal point.
        """
        cells = self.written.get(column, self.frame[column])
        if cells.dtype.kind == "f":
            whole = cells.dropna()
            if np.isfinite(whole).all() and (whole == whole.round()).all():
                return [f"{int(v)}" if np.isfinite(v) else "" for v in cells]
        out = pd.Series(["" if pd.isna(v) else str(v).strip() for v in cells], dtype=object)
        return out.mask(no_name(out), "").tolist()


def undefined(text: pd.Series) -> pd.Series:
    """Where cells of a column of numbers are one of the usual words for no value."""
    lower = text.str.strip().str.lower()
    return lower.isin(_UNDEFINED) | lower.str.fullmatch(_FILLER)


def no_name(text: pd.Series) -> pd.Series:
    """Where text stands for no name: ``--`` does, ``NaN`` may be one."""
    return text.str.lower().isin(("null", "<na>", "#n/a", "masked")) | text.str.fullmatch(_FILLER)


@dataclass
class TableBuilder:
    """Collects the columns of any format into a :class:`UserTable`."""

    path: Path  # for messages
    # columns, units, ucds, descriptions, repeated, notes, frames, written, names, name: as in
    # :class:`UserTable`
    columns: dict[str, pd.Series] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    ucds: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # Rows that could not be read, and why.
    refused: list[tuple[int, str]] = field(default_factory=list)
    numbers: list[int] | None = None  # Numbers of the other rows, where rows were refused
    frames: dict[str, str] = field(default_factory=dict)
    written: dict[str, pd.Series] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    name: str = ""

    def add(
        self,
        name: object,
        values: Any,
        mask: Any = None,
        unit: object = "",
        ucd: object = "",
        description: object = "",
        frame: object = "",
    ) -> str:
        """Add one column; its final name, empty where its type is not supported (with a note).

        A column of vectors becomes one column a number: ``latent`` becomes ``latent_0``, ...
        """
        wanted = _clean(name) or f"column {len(self.columns) + 1}"
        if self._fits_as_vector(values):
            width = np.shape(values)[1]
            parts = [wanted] if width == 1 else [f"{wanted}_{i}" for i in range(width)]
            for i, part in enumerate(parts):
                hidden = mask[:, i] if np.ndim(mask) == 2 else mask
                self.add(part, values[:, i], hidden, unit, ucd, description, frame)
            return ""
        unique, number = wanted, 2
        while unique in self.columns:
            unique, number = f"{wanted}_{number}", number + 1
        if unique != wanted and wanted not in self.repeated:
            self.repeated.append(wanted)
        series = _series(values, mask)
        if isinstance(series, str):
            self.notes.append(f"column '{wanted}' left out: {series}")
            return ""
        self.columns[unique] = series
        for store, text in (
            (self.units, unit), (self.ucds, ucd), (self.descriptions, description),
            (self.frames, frame),
        ):  # fmt: skip
            if text is not None and (cleaned := _clean(text)):
                store[unique] = cleaned
        return unique

    def _fits_as_vector(self, values: Any) -> bool:
        """Whether cells are vectors of numbers, few enough to be columns."""
        if np.ndim(values) != 2 or np.ma.getdata(values).dtype.kind not in "iufb":
            return False
        rows, width = values.shape
        columns = len(self.columns) + width
        small = columns <= MAX_COLUMNS and rows * columns * 8 <= MAX_CELL_BYTES
        return 0 < width <= MAX_VECTOR and small

    def add_text(self, name: object, cells: pd.Series, **facts: object) -> None:
        """Add a column of a text file: numbers where all cells are, and the cells as written."""
        numbers = numbers_where_possible(cells)
        if (
            numbers is not None
            and _IDENTIFIER.search(str(name).strip())
            and not cells[~numbers[1]].str.strip().str.fullmatch(_WHOLE).all()
        ):
            numbers = None
        if numbers is None:
            self.add(name, cells.to_numpy(dtype=object), **facts)
        elif added := self.add(name, *numbers, **facts):
            self.written[added] = cells

    def table(self) -> UserTable:
        """The finished table."""
        if not self.columns:
            why = f" ({'; '.join(self.notes)})" if self.notes else ""
            raise CatalogueError(f"{self.path}: no usable column{why}")
        frame = pd.DataFrame(self.columns)
        if len(frame) == 0 and not self.refused:
            raise CatalogueError(f"{self.path}: the table has no rows")
        numbers = np.arange(1, len(frame) + 1) if self.numbers is None else self.numbers
        frame.index = pd.Index(numbers)
        return UserTable(
            frame, self.units, self.ucds, self.descriptions, tuple(self.repeated),
            tuple(self.refused), tuple(self.notes), self.frames, self.written, self.names,
            self.name,
        )  # fmt: skip


@contextmanager
def reading(path: Path, what: str, notes: list[str] | None = None) -> Iterator[None]:
    """Turn any error of a library into one that names the file.

    NumPy, astropy, expat, zipfile, pyarrow, h5py and zarr raise errors of every kind for a
    damaged file. Astropy's warnings become one of ``notes``, where these are given; a warning of
    a truncated file is an error.
    """
    begin(path.name)
    try:
        if notes is None:
            yield
        else:
            with quiet(), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield
            notes += _library_notes(path, caught)
    except CatalogueError:
        raise
    except MemoryError as error:
        raise CatalogueError(
            f"{path}: this {what} asks for more memory than there is ({error or 'not said'}); "
            "it may be damaged"
        ) from error
    except Exception as error:
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise CatalogueError(f"{path}: not a readable {what}: {text}") from error


def _library_notes(path: Path, caught: list[warnings.WarningMessage]) -> list[str]:
    from astropy.utils.exceptions import AstropyWarning

    seen = [str(w.message).split("\n")[0] for w in caught if issubclass(w.category, AstropyWarning)]
    for message in seen:
        if "truncated" in message.lower():
            raise CatalogueError(f"{path}: the file is cut short ({message})")
    more = f" (and {len(seen) - 1} more)" if len(seen) > 1 else ""
    return [f"the file departs from its standard: {m[:200]}{more}" for m in seen[:1]]


def check_rows(path: Path, rows: int, columns: int, size: int = 0) -> None:
    """Refuse a table beyond the limits before its cells are read.

    ``size``: bytes of all cells in memory; at least 8 per cell are counted. Raises CatalogueError
    if it has too many rows, columns or bytes.
    """
    size = max(size, rows * columns * 8)
    if rows > MAX_ROWS or columns > MAX_COLUMNS or size > MAX_CELL_BYTES:
        raise CatalogueError(
            f"{path}: {rows:,} rows of {columns:,} columns, {size:,} bytes; up to {MAX_ROWS:,} "
            f"rows, {MAX_COLUMNS:,} columns and {MAX_CELL_BYTES:,} bytes are read"
        )


def _clean(text: object) -> str:
    """Text on one line without control characters."""
    return "".join(c if c.isprintable() else " " for c in str(text)).strip()


def _series(values: Any, mask: Any = None) -> pd.Series | str:
    """A column of float64, int64, bool or text; the reason where it cannot be one."""
    array = np.ma.getdata(values)
    hidden = np.zeros(len(array), bool) if mask is None else np.asarray(mask)
    if np.ma.isMaskedArray(values):
        own = np.ma.getmaskarray(values)
        hidden = hidden | (own if own.ndim == 1 else own.reshape(len(own), -1).all(axis=1))
    if array.ndim != 1:
        return f"its cells are arrays of shape {array.shape[1:]}"
    if array.dtype.names:
        return "its cells are records"
    if array.dtype.kind == "b" and not hidden.any():
        return pd.Series(array.astype(bool))
    if array.dtype.kind in "iu":
        beyond = array.dtype == np.uint64 and array.max(initial=0) > np.iinfo(np.int64).max
        if not beyond and not hidden.any():
            return pd.Series(array.astype(np.int64))
        # A float64, which can be NaN, is exact up to 2**53; larger identifiers become text.
        if not beyond and np.abs(array[~hidden].astype(float)).max(initial=0) < 2**53:
            return pd.Series(np.where(hidden, np.nan, array.astype(np.float64)))
    if array.dtype.kind == "f":
        return pd.Series(np.where(hidden, np.nan, array.astype(np.float64)))
    if array.dtype.kind in "Mm":
        array = array.astype("datetime64[s]").astype(str)
    nested = (list, tuple, dict, set, np.ndarray)
    if array.dtype.kind == "O" and any(isinstance(cell, nested) for cell in array[~hidden]):
        return "its cells are arrays"
    if array.dtype.kind not in "biuSUO":
        return f"its type {array.dtype} is not supported in a table"
    cells = ["" if masked else _text(cell) for cell, masked in zip(array, hidden, strict=True)]
    return pd.Series(np.array(cells, dtype=object))


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, bytes):
        try:
            cell = cell.decode("utf-8")
        except UnicodeDecodeError:
            cell = cell.decode("latin-1")
    return str(cell).replace("\0", "").strip()


def numbers_where_possible(cells: pd.Series) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers and mask of a text column; None where a cell is not a number.

    Identifiers with leading zeros stay text, and so do whole numbers that a column of numbers
    could not hold digit by digit.
    """
    stripped = cells.str.strip().str.replace("−", "-")
    hidden = undefined(stripped).to_numpy(dtype=bool)
    filled = stripped[~hidden]
    if filled.empty or filled.str.match(r"[+-]?0\d").any():
        return None
    spelt = filled.str.lower().str.lstrip("+-").isin(("inf", "infinity"))
    numbers = pd.to_numeric(filled, errors="coerce")
    if numbers[~spelt].isna().any():
        return None
    if filled.str.fullmatch(r"[+-]?\d+").all():
        if numbers.dtype.kind == "i" and not hidden.any():
            return numbers.to_numpy(), hidden
        if filled.str.len().max() > _EXACT_DIGITS:
            return None
    out = np.full(len(stripped), np.nan)
    out[~hidden] = numbers.to_numpy(dtype=float, na_value=np.nan)
    return out, hidden
