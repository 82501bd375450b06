"""Clauses of a filter that a slider or a list sets: ``las between 20 and 80``, ``label in (...)``.

A filter is one text. A slider of a column finds its own clause among those that ``and`` joins, and
replaces it; all others stay as the reader wrote them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from radioviz.errors import FilterError
from radioviz.workspace.expression import Node, parse_filter, quoted, text_literal


@dataclass(frozen=True)
class Clause:
    """What a filter says of one column by itself."""

    # low, high: of ``between``
    low: float | None
    high: float | None
    words: tuple[str, ...] | None  # of ``in``
    # start, end: characters of the filter
    start: int
    end: int


def clause_of(text: str, column: str) -> Clause | None:
    """The clause of a column that a slider or a list wrote; None if there is none."""
    for node in _joined(text):
        if not node.parts or node.parts[0].kind != "column" or node.parts[0].value != column:
            continue
        rest = node.parts[1:]
        if node.kind == "between" and len(rest) == 2:
            ends = [_number(part) for part in rest]
            if None not in ends:
                return Clause(ends[0], ends[1], None, node.start, node.end)
        if node.kind == "in" and all(part.kind == "text" for part in rest):
            words = tuple(str(part.value) for part in rest)
            return Clause(None, None, words, node.start, node.end)
    return None


def with_range(text: str, column: str, low: float, high: float, values: np.ndarray) -> str:
    """The filter with ``column between low and high`` in place of its clause before.

    Ends have six digits, or as many more as keep exactly the ``values`` of the column in the range.
    """
    first = _written(low, lambda end: values >= end)
    last = _written(high, lambda end: values <= end)
    return _replaced(text, column, f"{quoted(column)} between {first} and {last}")


def with_words(text: str, column: str, words: Sequence[str]) -> str:
    """The filter with ``column in (words)`` in place of its clause before."""
    listed = ", ".join(map(text_literal, words))
    return _replaced(text, column, f"{quoted(column)} in ({listed})")


def without(text: str, column: str) -> str:
    """The filter without the clause of a column; empty if nothing is left."""
    found = clause_of(text, column)
    if found is None:
        return text
    before, after = text[: found.start].rstrip(), text[found.end :].lstrip()
    if after[:3].lower() == "and":
        return f"{before} {after[3:].lstrip()}".strip()
    if before.lower().endswith("and"):
        return f"{before[:-3].rstrip()} {after}".strip()
    return f"{before} {after}".strip()


def joined(text: str, clause: str) -> str:
    """The filter and a clause."""
    if not text.strip():
        return clause
    try:
        alone = parse_filter(text).kind != "or"
    except FilterError:
        alone = False
    return f"{text.strip()} and {clause}" if alone else f"({text.strip()}) and {clause}"


def _replaced(text: str, column: str, clause: str) -> str:
    found = clause_of(text, column)
    if found is None:
        return joined(text, clause)
    return text[: found.start] + clause + text[found.end :]


def _written(end: float, kept: Callable[[float], np.ndarray]) -> str:
    texts = (f"{end:.{digits}g}" for digits in range(6, 18))  # 17 give every float back
    return next(t for t in texts if np.array_equal(kept(float(t)), kept(end)))


def _joined(text: str) -> list[Node]:
    """Conditions that ``and`` joins at the top of a filter; none if it cannot be read."""
    try:
        nodes = [parse_filter(text)]
    except FilterError:
        return []
    while any(node.kind == "and" for node in nodes):
        nodes = [part for node in nodes for part in (node.parts if node.kind == "and" else (node,))]
    return nodes


def _number(node: Node) -> float | None:
    if node.kind in ("number", "angle") and isinstance(node.value, int | float):
        return float(node.value)
    if node.kind == "negative" and (inner := _number(node.parts[0])) is not None:
        return -inner
    return None
