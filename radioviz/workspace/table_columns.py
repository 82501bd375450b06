"""Columns of a data set as a filter, a table and a chart read them: numbers, text, or yes and no.

Numbers stay where they are (no copy); text is kept as codes of its distinct words, so that a
question to a million labels is a question to five words.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from radioviz.data.catalogue import Column
from radioviz.errors import FilterError


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers, one a row, or one for all rows."""

    values: np.ndarray  # shape ``(n,)`` or ``()``; integers, or floats with NaN where unknown
    # Mask of unknown values of a column of integers; None if all are known.
    unknown: np.ndarray | None = None

    @cached_property
    def missing(self) -> np.ndarray:
        """Mask of unknown values."""
        if self.unknown is not None:
            return self.unknown
        if self.values.dtype.kind != "f":
            return np.zeros(self.values.shape, dtype=bool)
        return np.isnan(self.values)

    @cached_property
    def extent(self) -> tuple[float, float] | None:
        """Smallest and largest finite value; None if there is none."""
        known = self.floats()
        known = known[np.isfinite(known)]
        return (float(known.min()), float(known.max())) if len(known) else None

    def floats(self) -> np.ndarray:
        """Values as floats, NaN where unknown."""
        if self.values.dtype.kind == "f":
            return self.values
        values = self.values.astype(np.float64)
        return values if self.unknown is None else np.where(self.unknown, np.nan, values)


@dataclass(frozen=True, eq=False)
class Text:
    """Text, one a row, as codes of distinct words."""

    # int32, shape ``(n,)`` or ``()``: index into ``words``, -1 where there is no text.
    codes: np.ndarray
    words: pa.Array  # distinct words, ``k`` large strings, sorted by code point

    @property
    def missing(self) -> np.ndarray:
        """Mask of rows without text."""
        return np.asarray(self.codes < 0)

    def of_words(self, answers: np.ndarray, otherwise: float) -> np.ndarray:
        """One answer a row from one answer a word; ``otherwise`` where there is no text."""
        padded = np.append(answers, otherwise).astype(np.asarray(answers).dtype)
        return np.asarray(padded[self.codes])

    def texts(self, rows: np.ndarray) -> list[str]:
        """Text of some rows; empty where there is none."""
        codes = pa.array(self.codes[rows], mask=self.codes[rows] < 0)
        return [text or "" for text in self.words.take(codes).to_pylist()]


@dataclass(frozen=True, eq=False)
class Truth:
    """Yes or no, one a row: a mask of shape ``(n,)`` or ``()``."""

    values: np.ndarray


Values = Numbers | Text | Truth


Similarity = Callable[[str], np.ndarray]
"""``source_id`` of an example to how similar each galaxy is to it, float ``(n,)``.

It raises a :class:`radioviz.errors.FilterError` where there is no such galaxy.
"""


class ColumnSource(Protocol):
    """A table whose columns are read when they are asked for: a DataFrame, or one in a file."""

    @property
    def columns(self) -> Any:
        """Names of the columns."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: str, /) -> Any:
        """A column as a pandas Series."""


class TableColumns:
    """The columns of a data set by name; each is prepared when first asked for.

    Parameters
    ----------
    table : pandas.DataFrame or ColumnSource
        ``n`` rows.
    described : mapping, optional
        Unit, UCD and meaning of columns, by name.

    Raises
    ------
    FilterError
        By :meth:`values` and :meth:`described`, if there is no such column.
    """

    def __init__(self, table: ColumnSource, described: Mapping[str, Column] | None = None) -> None:
        self._table = table
        self._described = described or {}
        self._prepared: dict[str, Values] = {}
        self._kinds: dict[str, type[Values]] = {}
        self._base: TableColumns | None = None
        self._joined: TableColumns | None = None
        self._lock = threading.Lock()
        self.names = [str(name) for name in table.columns]
        self.tags: dict[str, np.ndarray] = {}
        self.similarity: Similarity | None = None

    def extended(
        self,
        values: Mapping[str, Values],
        described: Mapping[str, Column] | None = None,
        tags: Mapping[str, np.ndarray] | None = None,
        similarity: Similarity | None = None,
    ) -> TableColumns:
        """These columns and more, by name, and the galaxies of each tag as a mask ``(n,)``.

        A column of a name that is here already takes its place.
        """
        more = TableColumns(self._table, {**self._described, **(described or {})})
        more._prepared, more._base = dict(values), self  # what self prepares serves all
        more.names = list(dict.fromkeys([*self.names, *values]))
        more.tags = dict(tags or {})
        more.similarity = similarity or self.similarity
        return more

    def with_columns(self, other: TableColumns) -> TableColumns:
        """These columns and those of another table with the same rows, such as a crossmatch."""
        more = self.extended({})
        more._joined = other
        more.names = list(dict.fromkeys([*self.names, *other.names]))
        return more

    def __len__(self) -> int:
        return len(self._table)

    def frame(self, rows: np.ndarray, names: Sequence[str] | None = None) -> pd.DataFrame:
        """The cells of some rows as they are stored, indexed by row; of all columns or of some."""
        chosen = self.names if names is None else names
        return pd.DataFrame({name: self._cells(name)[rows] for name in chosen}, index=rows)

    def _cells(self, name: str) -> Any:
        if (other := self._elsewhere(name)) is not None:
            return other._cells(name)
        if name not in self._prepared and name in self._table.columns:
            return self._table[name].array
        held = self._prepared.get(name)
        if isinstance(held, Truth):
            return held.values
        if self._base is not None and isinstance(held, Numbers):  # given, not read from the table
            return np.broadcast_to(held.floats(), len(self))
        if self._base is not None and isinstance(held, Text):
            return np.array(held.texts(np.arange(len(self))), dtype=object)
        return self._table[name].array

    def __contains__(self, name: object) -> bool:
        here = name in self._prepared or name in self._table.columns
        return here or self._elsewhere(name) is not None

    def _elsewhere(self, name: object) -> TableColumns | None:
        """Columns that these are made from and that have one of this name."""
        if name in self._prepared:
            return None
        return next((c for c in (self._joined, self._base) if c is not None and name in c), None)

    def column(self, name: str) -> Column:
        """Unit and meaning of a column; its name where nothing more is known."""
        if (other := self._elsewhere(name)) is not None:
            return other.column(name)
        about = self._described.get(name)
        if about is None:
            kind = {Numbers: "float64", Text: "str", Truth: "bool"}[self.kind(name)]
            about = Column(kind, "", "", name.replace("_", " "))
        return about

    def title(self, name: str) -> str:
        """Name of a column with its unit. It prepares nothing: menus ask for all columns."""
        if (other := self._elsewhere(name)) is not None:
            return other.title(name)
        about = self._described.get(name)
        return f"{name} [{about.unit}]" if about is not None and about.unit else name

    def about(self, name: str) -> str:
        """Unit and meaning of a column in words, as far as they are described."""
        if (other := self._elsewhere(name)) is not None:
            return other.about(name)
        found = self._described.get(name)
        if found is None:
            return ""
        return f"{found.description} [{found.unit}]" if found.unit else found.description

    def words(self, name: str, most: int, prepare: bool) -> list[str]:
        """Distinct texts of a column; none of numbers, or where there are more than ``most``.

        ``prepare`` False looks only into columns that were used before.
        """
        if (other := self._elsewhere(name)) is not None:
            return other.words(name, most, prepare)
        values = self.values(name) if prepare or name in self._prepared else None
        if not isinstance(values, Text) or len(values.words) > most:
            return []
        return [str(word) for word in values.words.to_pylist()]

    def values(self, name: str, position: int | None = None) -> Values:
        """Values of a column; ``position`` is where the filter names it, for its error."""
        if name not in self:
            named = {n.lower(): n for n in self.names}
            spelled = [named[n] for n in difflib.get_close_matches(name.lower(), named, 2, 0.6)]
            hint = f"did you mean {' or '.join(spelled)}?" if spelled else (
                f"the columns are {', '.join(self.names[:12])}"
                + (" ..." if len(self.names) > 12 else "")
            )  # fmt: skip
            raise FilterError(f"there is no column '{name[:60]}'; {hint}", position)
        other = self._elsewhere(name)
        if other is not None:
            return other.values(name, position)
        with self._lock:
            found = self._prepared.get(name)
            if found is None:
                found = self._prepared[name] = _prepare(self._table[name])
            return found

    def kind(self, name: str) -> type[Values]:
        """Whether a column has numbers, text, or yes and no; it prepares none for it."""
        if (other := self._elsewhere(name)) is not None:
            return other.kind(name)
        if name in self._prepared:
            return type(self._prepared[name])
        if name not in self._kinds:
            self._kinds[name] = _kind(self._table[name])
        return self._kinds[name]

    def tagged(self, tag: str, position: int | None = None) -> np.ndarray:
        """Mask of the galaxies with a tag; ``position`` is where the filter names it."""
        if tag not in self.tags:
            named = {t.lower(): t for t in self.tags}
            spelled = [named[t] for t in difflib.get_close_matches(tag.lower(), named, 2, 0.6)]
            known = f"the tags are {', '.join(list(self.tags)[:12])}" if self.tags else (
                "no galaxy has a tag yet")  # fmt: skip
            hint = f"did you mean {' or '.join(spelled)}?" if spelled else known
            raise FilterError(f"there is no tag '{tag[:60]}'; {hint}", position)
        return self.tags[tag]

    def order(self, name: str, *, descending: bool = False) -> np.ndarray:
        """Row numbers sorted by a column; rows without a value come last, ties as they stood."""
        values = self.values(name)
        if isinstance(values, Truth):
            key = values.values.astype(np.int8)
            return np.argsort(-key if descending else key, kind="stable")
        key = values.codes if isinstance(values, Text) else values.values
        known = np.flatnonzero(~values.missing)
        sign = key[known].astype(np.int64) if isinstance(values, Text) else key[known]
        if descending:  # stable, so that ties keep their order
            by = len(known) - 1 - np.argsort(sign[::-1], kind="stable")[::-1]
        else:
            by = np.argsort(sign, kind="stable")
        return np.concatenate([known[by], np.flatnonzero(values.missing)])


def _kind(series: pd.Series) -> type[Values]:
    if pd.api.types.is_bool_dtype(series.dtype) and not series.isna().any():
        return Truth
    return Numbers if pd.api.types.is_numeric_dtype(series.dtype) else Text


def _prepare(series: pd.Series) -> Values:
    kind = _kind(series)
    if kind is Truth:
        return Truth(series.to_numpy(bool))
    if kind is Text:
        return _text(series)
    whole = pd.api.types.is_bool_dtype(series.dtype)  # some are missing
    return _numbers(series.astype("Int8") if whole else series)


def _numbers(series: pd.Series) -> Numbers:
    if isinstance(series.dtype, np.dtype):
        return Numbers(series.to_numpy())
    unknown = series.isna().to_numpy(bool)
    if pd.api.types.is_integer_dtype(series.dtype):
        return Numbers(series.fillna(0).to_numpy(np.int64), unknown if unknown.any() else None)
    return Numbers(series.to_numpy(np.float64, na_value=np.nan))


def _text(series: pd.Series) -> Text:
    if not pd.api.types.is_string_dtype(series.dtype):
        series = series.where(series.notna(), None).map(str, na_action="ignore")
    encoded = pa.array(series, from_pandas=True)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    encoded = pc.dictionary_encode(encoded.cast(pa.large_string()))
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return sorted_text(codes, encoded.dictionary)


def sorted_text(codes: np.ndarray, words: pa.Array) -> Text:
    """Text of codes into distinct words in any order; empty words count as missing."""
    by = pc.sort_indices(words)
    ordered = words.take(by)
    empty = int(len(ordered) > 0 and ordered[0].as_py() == "")
    rank = np.empty(len(words) + 1, np.int32)
    rank[by.to_numpy()] = np.arange(len(words)) - empty
    rank[-1] = -1
    return Text(rank[codes], ordered[empty:])
