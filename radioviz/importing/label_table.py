"""Tags, marks and notes in a table: an export of RadioViz, or one written by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.errors import LabelError
from radioviz.importing.export_tables import restored
from radioviz.importing.readers.user_tables import read_table
from radioviz.workspace.labels import (
    AGAINST,
    HIGHEST,
    LONGEST_NOTE,
    MARKS,
    MOST_GALAXIES,
    SEPARATOR,
    tags_in,
)

_COLUMNS = ("data_set", "source_id", "name", "tags", "note", "mark")
_ONE_A_ROW = ("tag", "applies", "sure", "by", "at")
_YES = ("", "yes", "true", "1", "1.0", "y", "t")
_NO = ("no", "false", "0", "0.0", "n", "f")


def read_labels(path: Path) -> pd.DataFrame:
    """Read the labels of a table in any format that a catalogue may have.

    A table of one tag a row (``tag``, ``applies``, ``sure``, ``by``, ``at``), by one person or
    several, is merged: each galaxy has a tag if most say so, weighed by how sure they are, and
    ``not TAG`` if most say that it does not apply; on a tie it has neither. Of several answers of
    one person (``by``) the last counts (``at``, else the order of rows). Rows name the same
    galaxy by its identifier or by its name. How sure ``interesting`` is, times five, is the mark
    where no column gives one; several marks are averaged, several notes follow one another.

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
    if not {"source_id", "name"} & set(frame):
        raise LabelError(
            f"{path.name}: there is no column source_id or name that says which galaxies are meant"
        )
    one_a_row = "tag" in frame and "tags" not in frame
    if not one_a_row and not {"tags", "note", "mark"} & set(frame):
        raise LabelError(f"{path.name}: there is no column tags, note or mark")
    found = pd.DataFrame(
        {
            name: frame[name].fillna("").astype(str).str.strip() if name in frame else ""
            for name in (*_COLUMNS[:-1], *_ONE_A_ROW)
        },
        index=frame.index,
    )
    marks = frame["mark"] if "mark" in frame else pd.Series(np.nan, frame.index)
    found["mark"] = pd.to_numeric(marks, errors="coerce")
    wrong = marks.notna() & (marks.astype(str) != "") & ~found["mark"].isin(range(HIGHEST + 1))
    _refuse(wrong, marks, path.name, f"a whole number 0 to {HIGHEST}")
    if one_a_row:
        found = _joined(found, path.name)
    found = found[list(_COLUMNS)]
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
    for row, why in table.refused:
        raise LabelError(f"{path.name}: row {row} cannot be read: {why}")
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


def _joined(rows: pd.DataFrame, file: str) -> pd.DataFrame:
    """A row a galaxy from a row a tag; cells are text, ``mark`` a number."""
    sure = pd.to_numeric(rows["sure"].replace("", "1"), errors="coerce")
    _refuse(~sure.between(0, 1), rows["sure"], file, "a number 0 to 1, or nothing")
    said = rows["applies"].str.lower()
    against = said.isin(_NO)
    _refuse(~against & ~said.isin(_YES), rows["applies"], file, "yes or no, true or false, 1 or 0")
    keys = list(_COLUMNS[:3])
    rows = rows.assign(vote=np.where(against, -1.0, 1.0) * sure)
    rows[keys] = _one_name_each(rows[keys])
    votes = rows.assign(tag=rows["tag"].str.split(";")).explode("tag")
    votes["tag"] = votes["tag"].str.split().str.join(" ")
    votes = votes[votes["tag"] != ""]
    denied = votes["tag"].str.startswith(AGAINST)  # "not ring" with "no" is "ring"
    votes["vote"] *= np.where(denied, -1.0, 1.0)
    votes["tag"] = votes["tag"].str.removeprefix(AGAINST)
    votes = votes.reset_index(drop=True)
    answers = votes.sort_values("at", kind="stable")[[*keys, "tag", "by"]]
    votes = votes[~answers.duplicated(keep="last").sort_index() | (votes["by"] == "")]
    total = votes.groupby([*keys, "tag"], sort=False)["vote"].sum().round(9)  # 0.1 + 0.2 - 0.3
    decided = total[total != 0].reset_index()
    decided["tags"] = np.where(decided["vote"] > 0, "", AGAINST) + decided["tag"]
    noted = rows[rows["note"] != ""].drop_duplicates([*keys, "note"])
    galaxies = rows.groupby(keys, sort=False)
    joined = pd.DataFrame(index=galaxies.size().index)
    for name, given in (("tags", decided), ("note", noted)):
        text = given.groupby(keys)[name].agg(SEPARATOR.join).to_dict() if len(given) else {}
        joined[name] = [text.get(galaxy, "") for galaxy in joined.index]
    joined["mark"] = galaxies["mark"].mean().round()
    for tag in (t for t, number in MARKS.items() if number):
        has = decided[(decided["tag"] == tag) & (decided["vote"] > 0)].set_index(keys).index
        say = votes[(votes["tag"] == tag) & (votes["vote"] > 0) & (votes["sure"] != "")]
        how_sure = say.groupby(keys)["vote"].mean().reindex(has)
        joined["mark"] = joined["mark"].fillna((HIGHEST * how_sure).round())
    return joined.reset_index()


def _one_name_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Data set, identifier and name as other rows of the same galaxy have them.

    One person may give the identifier, another the name. What could be several stays empty;
    identifiers and names are those of one data set.
    """
    rows = rows.copy()
    for wanted, by in (("data_set", ["source_id"]), ("data_set", ["name"]),
                       ("source_id", ["data_set", "name"])):  # fmt: skip
        known = rows[wanted].where(rows[wanted] != "").groupby([rows[c] for c in by])
        only = known.transform("first").where(known.transform("nunique") == 1, "")
        empty = (rows[wanted] == "") & (rows[by[-1]] != "")
        if by == ["name"]:
            empty &= rows["source_id"] == ""
        rows.loc[empty, wanted] = only[empty]
    named = rows["source_id"] != ""
    names = rows["name"].where(rows["name"] != "").groupby([rows["data_set"], rows["source_id"]])
    rows.loc[named, "name"] = names.transform("first").fillna("")[named]
    return rows


def _refuse(wrong: pd.Series, cells: pd.Series, file: str, expected: str) -> None:
    """Raise LabelError for the first cell that is wrong."""
    if wrong.any():
        at = int(np.argmax(wrong))
        raise LabelError(
            f"{file}: {cells.name} in row {cells.index[at]} is '{str(cells.iat[at])[:40]}'; "
            f"expected {expected}"
        )
