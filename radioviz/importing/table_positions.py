"""Sky positions of a table whose other columns stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.importing.column_names import SYNONYMS
from radioviz.importing.columns import map_columns
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.source_rows import SourceListBuilder
from radioviz.importing.survey_facts import Answers, Question


@dataclass(frozen=True, eq=False)
class TablePositions:
    """Positions of a table that has any columns besides."""

    # ra, dec: ICRS in degrees, shape ``(n,)``; NaN where a row has none
    ra: np.ndarray
    dec: np.ndarray
    how: str  # the columns and their interpretation
    # Rows without a position by their number in the file, and why.
    problems: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]
    needed: tuple[Question, ...]  # not empty where the positions are ambiguous


def read_table_positions(table: UserTable, answers: Answers | None = None) -> TablePositions:
    """Positions alone; answers are ``columns`` (of ``ra`` and ``dec``), ``ra_unit``, ``frame`` ...

    Raises CatalogueError if there are none, or RA and Dec are swapped.
    """
    answers = answers or {}
    given = {role: "" for role in SYNONYMS if role not in ("ra", "dec")}
    given |= {r: c for r, c in (answers.get("columns") or {}).items() if r in ("ra", "dec") and c}
    units = {role for role in ("ra", "dec") if answers.get(f"{role}_unit")}
    builder = SourceListBuilder(table, map_columns(table, given, units), answers, True)
    problems, nothing = builder.fill_positions(), np.full(len(table), np.nan)
    ra, dec = (np.asarray(builder.out.get(name, nothing), dtype=float) for name in ("ra", "dec"))
    numbers = [(int(table.frame.index[i]), why) for i, why in sorted(problems.items())]
    return TablePositions(
        ra, dec, builder.found.get("ra", ""), tuple(numbers), tuple(builder.notes),
        tuple(builder.needed),
    )  # fmt: skip
