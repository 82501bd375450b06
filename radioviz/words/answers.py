"""Search a data set by a sentence: which galaxies, in which order."""

from __future__ import annotations

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
    """The galaxies that a question asks for.

    Attributes
    ----------
    rows : numpy.ndarray
        Row numbers, best first, int64.
    score : numpy.ndarray
        What they are ranked by, row by row of ``rows``; NaN without a ranking.
    """

    rows: np.ndarray
    score: np.ndarray


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
        place=lambda source_id: _position(source_id, columns), own_tags=list(own_tags),
        classes=classes,
    )  # fmt: skip


def answer(question: AskedQuestion, columns: TableColumns) -> RankedGalaxies:
    """The galaxies that a question asks for, best first.

    Raises
    ------
    FilterError
        If its filter or ranking, which a reader may have changed, cannot be used.
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


def _position(source_id: str, columns: TableColumns) -> tuple[float, float] | None:
    ids = _text(columns, "source_id")
    if ids is None or "ra" not in columns or "dec" not in columns:
        return None
    row = np.flatnonzero(ids.codes == pc.index(ids.words, source_id).as_py())
    both = [columns.values(n) for n in ("ra", "dec")]
    if not len(row):
        return None
    place = [float(v.floats()[row[0]]) for v in both if isinstance(v, Numbers)]
    return (place[0], place[1]) if len(place) == 2 and np.isfinite(place).all() else None
