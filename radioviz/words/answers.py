"""Search a data set by a sentence: which galaxies, in which order."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radioviz.words.sentence import AskedQuestion, read_sentence
from radioviz.words.vocabulary import Vocabulary
from radioviz.workspace.evaluation import matching_rows, ranked_values
from radioviz.workspace.table_columns import Numbers, TableColumns, Text

_SHORT_NAME = re.compile(r"J(\d{4})([\d.]*)([+\-−–])(\d{4})([\d.]*)", re.IGNORECASE)
_MOST_CLASSES = 50


@dataclass(frozen=True, eq=False)
class RankedGalaxies:
    """The galaxies that a question asks for."""

    rows: np.ndarray  # row numbers, best first, int64
    score: np.ndarray  # what they are ranked by, row by row of ``rows``; NaN without a ranking


def ask(
    text: str,
    columns: TableColumns,
    vocabulary: Vocabulary,
    own_tags: Sequence[str] | Mapping[str, object] = (),
) -> AskedQuestion:
    """What a sentence asks of the columns of a data set; see :func:`read_sentence`."""
    classes: list[str] = []
    if "label" in columns:
        classes = columns.words("label", _MOST_CLASSES, prepare=True)
    return read_sentence(
        text, columns.names, vocabulary, find=lambda name: galaxies_named(name, columns),
        value=lambda source_id, column: _value(source_id, column, columns), own_tags=list(own_tags),
        classes=classes,
    )  # fmt: skip


def answer(question: AskedQuestion, columns: TableColumns) -> RankedGalaxies:
    """The galaxies that a question asks for, best first.

    Raises FilterError if its filter or ranking, which a reader may have changed, cannot be used.
    """
    if not question.understood:
        return RankedGalaxies(np.zeros(0, np.int64), np.zeros(0))
    keep = np.ones(len(columns), dtype=bool)
    if question.filter.strip():
        keep = matching_rows(question.filter, columns)
    rows = np.flatnonzero(keep)
    score = np.full(len(rows), np.nan)
    if question.ranking.strip():
        score = ranked_values(question.ranking, columns)[rows]
        known = np.isfinite(score)
        order = np.argsort(np.where(known, -score, np.inf), kind="stable")
        rows, score = rows[order], score[order]
    if question.limit:
        rows, score = rows[: question.limit], score[: question.limit]
    return RankedGalaxies(rows, score)


def answer_by_text(
    question: AskedQuestion, columns: TableColumns, every: np.ndarray
) -> RankedGalaxies:
    """As :func:`answer`, ranked by the scores ``(n,)`` of a text encoder instead.

    Where the sentence holds no condition that is understood, every galaxy is ranked.
    """
    rows = np.arange(len(columns))
    if question.understood:
        rows = np.sort(answer(dataclasses.replace(question, limit=0), columns).rows)
    rows = rows[np.argsort(-every[rows], kind="stable")]
    rows = rows[: question.limit] if question.limit else rows
    return RankedGalaxies(rows, every[rows])


def galaxies_named(name: str, columns: TableColumns) -> list[str]:
    """``source_id`` of the galaxies that a name or an identifier fits; empty if there is none.

    A J2000 name may be short: J0747+1717 fits J074708.4+171727.
    """
    name = name.strip()
    if not name:
        return []
    ids = _text(columns, "source_id")
    if ids is not None and pc.is_in(pa.scalar(name, pa.large_string()), ids.words).as_py():
        return [name]
    names = _text(columns, "name")
    if names is None or ids is None:
        return []
    pattern = f"^{re.escape(name)}$"
    if (short := _SHORT_NAME.fullmatch(name)) is not None:
        sign = "\\+" if short[3] == "+" else "[-−–]"
        ra, dec = (re.escape(short[a] + short[b]) for a, b in ((1, 2), (4, 5)))
        pattern = rf"J?{ra}[\d.]*{sign}{dec}[\d.]*$"
    fits = pc.match_substring_regex(names.words, pattern, ignore_case=True)
    hit = np.flatnonzero(names.of_words(np.asarray(fits, dtype=bool), False))
    return ids.texts(hit[:20])


def _text(columns: TableColumns, name: str) -> Text | None:
    if name not in columns:
        return None
    values = columns.values(name)
    return values if isinstance(values, Text) else None


def _value(source_id: str, column: str, columns: TableColumns) -> float:
    """A number of a galaxy; NaN where it has none."""
    ids = _text(columns, "source_id")
    values = columns.values(column) if column in columns else None
    if ids is None or not isinstance(values, Numbers):
        return math.nan
    row = np.flatnonzero(ids.codes == pc.index(ids.words, source_id).as_py())
    return float(values.floats()[row[0]]) if len(row) else math.nan
