"""Rows of identifiers, found by hash: twelve bytes an identifier, and no Python object for it.

An index of pandas keeps a hash table, and often a Python text, for each: 180 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

_AT_ONCE = 65_536


class Identifiers:
    """The row of each identifier of a data set.

    Parameters
    ----------
    texts : array of text
        Shape ``(n,)``: what a pandas Series holds, or a NumPy array.

    >>> Identifiers(np.array(["a", "b"], dtype=object)).rows_of(["b", "c"])
    array([ 1, -1])
    """

    def __init__(self, texts: Any) -> None:
        self._texts = texts
        n = len(texts)
        hashes = np.empty(n, np.uint64)
        for start in range(0, n, _AT_ONCE):
            hashes[start : start + _AT_ONCE] = _hashes(texts[start : start + _AT_ONCE])
        order = np.argsort(hashes, kind="stable")
        self._order, self._hashes = order.astype(np.int32), hashes[order]

    def __len__(self) -> int:
        return len(self._order)

    @cached_property
    def _repeats(self) -> np.ndarray:
        """Places in the order of hashes whose hash is that of the place before."""
        return np.flatnonzero(self._hashes[1:] == self._hashes[:-1]) + 1

    @cached_property
    def _longest(self) -> int:
        """Most places with the same hash."""
        if not len(self._repeats):
            return 1
        apart = np.split(self._repeats, np.flatnonzero(np.diff(self._repeats) > 1) + 1)
        return 1 + max(len(part) for part in apart)

    def first_repeated(self) -> str | None:
        """An identifier that occurs more than once; None if all are different."""
        seen: set[str] = set()
        places = np.union1d(self._repeats, self._repeats - 1)
        for text in self._at(np.sort(self._order[places])):
            if text in seen:
                return str(text)
            seen.add(text)
        return None

    def rows_of(self, wanted: Sequence[str] | np.ndarray | pd.Series) -> np.ndarray:
        """Row of each identifier, int64 of shape ``(len(wanted),)``; -1 for unknown ones."""
        asked = np.asarray(pd.Index(wanted, dtype=object))
        found = np.full(len(asked), -1, np.int64)
        if not len(self) or not len(asked):
            return found
        hashes = _hashes(asked)
        first = np.searchsorted(self._hashes, hashes)
        for step in range(self._longest):  # more than one where hashes of two are the same
            place = np.minimum(first + step, len(self) - 1)
            left = np.flatnonzero((self._hashes[place] == hashes) & (found < 0))
            rows = self._order[place[left]]
            same = self._at(rows) == asked[left]
            found[left[same]] = rows[same]
        return found

    def _at(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self._texts[rows], dtype=object)


def as_lines(texts: Any) -> Iterator[bytes]:
    """Texts in UTF-8, a line break between two, in parts; texts as for :class:`Identifiers`."""
    for start in range(0, len(texts), _AT_ONCE):
        part = "\n".join(np.asarray(texts[start : start + _AT_ONCE], dtype=object))
        yield f"\n{part}".encode() if start else part.encode()


def digest_of(key: str, lines: Iterable[bytes]) -> str:
    """Short SHA-256 of a data set's key and of its identifiers as :func:`as_lines` gives them."""
    h = hashlib.sha256(key.encode())
    for part in lines:
        h.update(part)
    return h.hexdigest()[:16]


def _hashes(texts: Any) -> np.ndarray:
    return pd.util.hash_array(np.asarray(texts, dtype=object), categorize=False)
