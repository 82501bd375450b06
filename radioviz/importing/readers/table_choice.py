"""Which of several tables in one file is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from radioviz.errors import CatalogueError
from radioviz.importing.columns import map_columns
from radioviz.importing.readers.table_builder import TableBuilder

NamedTable = tuple[str, Callable[[TableBuilder], None]]
_MOST_TRIED = 50


def choose_table(path: Path, tables: Sequence[NamedTable], which: str = "") -> TableBuilder:
    """The columns of the chosen table, or of the first one with positions or images.

    Parameters
    ----------
    tables : sequence of (str, callable)
        Name of each table, and a function that adds its columns; at least one.
    which : str
        A name, or a number from 1; empty to choose by content.

    Raises
    ------
    CatalogueError
        If no table is called that.
    """
    names = _unique([name for name, _ in tables])
    if which:
        chosen = _number_of(path, names, which)
        return _filled(path, tables[chosen], names, chosen)
    built = _filled(path, tables[0], names, 0)
    for number in range(min(len(tables), _MOST_TRIED) if len(tables) > 1 else 0):
        candidate = built if number == 0 else _filled(path, tables[number], names, number)
        if _is_of_sources(candidate):
            return candidate
    return built


def _filled(path: Path, table: NamedTable, names: list[str], number: int) -> TableBuilder:
    builder = TableBuilder(path)
    if len(names) > 1:
        builder.names, builder.name = tuple(names), names[number]
    table[1](builder)
    return builder


def _is_of_sources(builder: TableBuilder) -> bool:
    if not builder.columns:
        return False
    try:
        columns = map_columns(builder.table()).columns
    except CatalogueError:  # several columns could be one role
        return True
    return "image" in columns or {"ra", "dec"} <= set(columns)


def _number_of(path: Path, names: list[str], which: str) -> int:
    wanted = which.strip().lower()
    lower = [name.lower() for name in names]
    if wanted in lower:
        return lower.index(wanted)
    if wanted.isdecimal() and 1 <= int(wanted[:9]) <= len(names):
        return int(wanted) - 1
    some = ", ".join(f"'{name}'" for name in names[:20])
    raise CatalogueError(
        f"{path}: no table '{which[:60]}' in it; it has {len(names)}: {some}. Give the name or "
        f"a number from 1 to {len(names)} (which_table)"
    )


def _unique(names: list[str]) -> list[str]:
    """Names without repeats; an unnamed table is called by its number."""
    out: list[str] = []
    for number, name in enumerate(names, start=1):
        plain = name.strip() or f"table {number}"
        out.append(f"{plain} ({number})" if plain.lower() in map(str.lower, out) else plain)
    return out
