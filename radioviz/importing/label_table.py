"""Tags, marks and notes in a table: an export of RadioViz, or one written by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.errors import LabelError
from radioviz.importing.export_tables import restored
from radioviz.importing.readers.user_tables import read_table
from radioviz.workspace.labels import AGAINST, HIGHEST, LONGEST_NOTE, MOST_GALAXIES, tags_in

_COLUMNS = ("data_set", "source_id", "name", "tags", "note", "mark")
_ONE_A_ROW = ("tag", "applies", "sure", "by", "at")
_YES = ("", "yes", "true", "1", "1.0", "y", "t")
_NO = ("no", "false", "0", "0.0", "n", "f")


def read_labels(path: Path) -> pd.DataFrame:
    """Read the labels of a table in any format that a catalogue may have.

    A table of one tag a row (``tag``, ``applies``, ``sure``, ``by``, ``at``), by one person or
    several, is merged: each galaxy has a tag if most say so, weighed by how sure they are, and
    ``not TAG`` if most say that it does not apply; on a tie it has neither.

    Returns
    -------
    pandas.DataFrame
        One row a galaxy with a label: ``data_set``, ``source_id``, ``name``, ``tags``, ``note``
        (text, empty where the table has none) and ``mark`` (0 to 5, NaN without one).

    Raises
    ------
    CatalogueError
        If it is not a table.
    LabelError
        If it names no galaxies, has no labels, or one that is not possible; the message says which.
    """
    frame = _text_as_written(path)
    if "tag" in frame and "tags" not in frame:
        frame = _joined(frame, path.name)
    if not {"source_id", "name"} & set(frame):
        raise LabelError(
            f"{path.name}: there is no column source_id or name that says which galaxies are meant"
        )
    if not {"tags", "note", "mark"} & set(frame):
        raise LabelError(f"{path.name}: there is no column tags, note or mark")
    found = pd.DataFrame(
        {
            name: frame[name].fillna("").astype(str).str.strip() if name in frame else ""
            for name in _COLUMNS[:-1]
        },
        index=frame.index,
    )
    marks = frame["mark"] if "mark" in frame else pd.Series(np.nan, frame.index)
    found["mark"] = pd.to_numeric(marks, errors="coerce")
    wrong = marks.notna() & (marks.astype(str) != "") & ~found["mark"].isin(range(HIGHEST + 1))
    if wrong.any():
        raise LabelError(
            f"{path.name}: the mark in row {wrong.idxmax()} is '{marks[wrong].iat[0]}'; expected "
            f"a whole number 0 to {HIGHEST}"
        )
    found = found[(found["tags"] != "") | (found["note"] != "") | found["mark"].notna()]
    if len(found) > MOST_GALAXIES:
        raise LabelError(f"{path.name}: {len(found):,} rows have labels; at most {MOST_GALAXIES:,}")
    for row, cell in found["tags"].items():
        try:
            tags_in(cell)
        except LabelError as error:
            raise LabelError(f"{path.name}, row {row}: {error}") from None
    long = found["note"].str.len() > LONGEST_NOTE
    if long.any():
        raise LabelError(
            f"{path.name}: the note in row {long.idxmax()} is too long; at most {LONGEST_NOTE:,} "
            "characters"
        )
    return found.reset_index(drop=True)


def _text_as_written(path: Path) -> pd.DataFrame:
    """The columns of labels, in whatever capitals they are named, with text as it was exported."""
    table = read_table(path)
    whole = restored(table)[0]
    frame = whole.frame
    frame = frame.assign(**{str(c): table.frame[c] for c in table.frame if c not in frame})
    whole = dataclasses.replace(whole, frame=frame)
    named = {str(c).strip().lower(): c for c in reversed(list(frame.columns))}
    found = pd.DataFrame(index=frame.index)
    for name in (*_COLUMNS, *_ONE_A_ROW):
        if name in named:
            cells = frame[named[name]]
            numbers = name != "mark" and cells.dtype.kind in "iuf"
            found[name] = whole.text(named[name]) if numbers else cells
    return found


def _joined(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A row a galaxy from a row a tag."""
    keys = [c for c in ("data_set", "source_id", "name") if c in frame]
    text = frame.fillna("").astype(str).apply(lambda column: column.str.strip())
    sure = pd.Series(1.0, frame.index)
    if "sure" in text:
        sure = pd.to_numeric(text["sure"].replace("", "1"), errors="coerce")
        _refuse(~sure.between(0, 1), text["sure"], name, "a number 0 to 1, or nothing")
    against = pd.Series(False, frame.index)
    if "applies" in text:
        said = text["applies"].str.lower()
        against = said.isin(_NO)
        known = against | said.isin(_YES)
        _refuse(~known, text["applies"], name, "yes or no, true or false, 1 or 0")
    votes = text[[*keys, "tag"]].assign(vote=np.where(against, -1.0, 1.0) * sure)
    votes = votes[votes["tag"] != ""].groupby([*keys, "tag"], sort=False)["vote"].sum()
    decided = votes[votes != 0].reset_index()
    decided["tags"] = np.where(decided["vote"] > 0, "", AGAINST) + decided["tag"]
    joined = decided.groupby(keys, sort=False)["tags"].agg("; ".join)
    return pd.DataFrame(joined).reset_index()


def _refuse(wrong: pd.Series, cells: pd.Series, file: str, expected: str) -> None:
    """Raise LabelError for the first cell that is wrong."""
    if wrong.any():
        at = int(np.argmax(wrong))
        raise LabelError(
            f"{file}: {cells.name} in row {cells.index[at]} is '{str(cells.iat[at])[:40]}'; "
            f"expected {expected}"
        )
