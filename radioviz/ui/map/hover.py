"""Hover text of the points of a map, made when the pointer asks: never a string a galaxy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import overload

import numpy as np
import pandas as pd


def hover_text(table: pd.DataFrame) -> list[str]:
    """Two lines a galaxy: name, then what is known of class, size and redshift."""
    names = np.where(table["name"] != "", table["name"], table["source_id"])
    lines = []
    for name, label, las, z in zip(
        names, table["label"], table["las"].to_numpy(), table["redshift"].to_numpy(), strict=True
    ):
        facts = [label] if label else []
        if las == las:
            facts.append(f"{las:.0f}″")
        if z == z:
            facts.append(f"z = {z:.3f}")
        lines.append(f"{name}\n{' · '.join(facts)}" if facts else str(name))
    return lines


class Hover(Sequence[str]):
    """:func:`hover_text` of a table, row by row on demand.

    Parameters
    ----------
    more : str
        A further line for every row; empty for none.
    """

    def __init__(self, table: pd.DataFrame, more: str = "") -> None:
        self._table = table
        self._more = f"\n{more}" if more else ""

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [t + self._more for t in hover_text(self._table.iloc[row])]
        place = range(len(self._table))[row]
        return hover_text(self._table.iloc[place : place + 1])[0] + self._more

    def __iter__(self) -> Iterator[str]:
        return (t + self._more for t in hover_text(self._table))


class Layered(Sequence[str]):
    """Several of them one after the other."""

    def __init__(self, parts: Sequence[Sequence[str]]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(p) for p in parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(len(self))[row]]
        place = range(len(self))[row]
        part = int(np.searchsorted(self._ends, place, side="right"))
        return self._parts[part][place - (int(self._ends[part - 1]) if part else 0)]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._parts)
