"""Catalogues that were matched with galaxies: their columns join those of the data set.

The workspace holds what was matched and how; the joined cells are a Parquet table attached to it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from radioviz.data.catalogue import Column
from radioviz.errors import SelectionError, WorkspaceError
from radioviz.export.session_matches import MOST_CELLS
from radioviz.importing.catalogue_match import MatchedCatalogue
from radioviz.store.identifiers import Identifiers
from radioviz.ui import cache, session_workspace
from radioviz.ui.cache.data_sets import data_set_version
from radioviz.ui.cache.shared import shared
from radioviz.workspace.crossmatch import HOW
from radioviz.workspace.joined_table import JoinedTable
from radioviz.workspace.table_columns import TableColumns

FIELD = "crossmatches"
MOST = 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,23}")
_OWN = {
    "separation": Column("float64", "arcsec", "pos.angDistance", "Separation from {}"),
    "matches": Column("float64", "", "meta.number", "Rows of {} within {:g} arcsec; 0: no match"),
    "row": Column("float64", "", "meta.record", "Row of {}, counted from 1"),
}
"""Columns that every match adds."""


@dataclasses.dataclass(frozen=True)
class Crossmatch:
    """One match of a data set with a catalogue."""

    name: str  # begins the names of the joined columns
    # data_set, version: data set, and the digest of its catalogue then
    data_set: str
    version: str
    attached: str  # name of the table attached to the workspace
    title: str  # file, or service and table
    radius: float  # arcsec
    how: str  # one of :data:`radioviz.workspace.crossmatch.HOW`
    # asked, matched, several, pairs: galaxies with a position; those with a match, those with
    # several rows within the radius; pairs kept
    asked: int
    matched: int
    several: int
    pairs: int
    # rows, placed, shared: rows of the catalogue, those with a position, and those matched by
    # several galaxies
    rows: int
    placed: int
    shared: int
    # chance, chance_error, offset_ra, offset_dec: galaxies expected to match by chance; median of
    # catalogue minus galaxy, arcsec
    chance: float | None
    chance_error: float | None
    offset_ra: float | None
    offset_dec: float | None
    positions: str  # the interpretation of the catalogue's positions
    notes: list[str]
    # made, sha256: when; of the file, empty for a service
    made: str
    sha256: str
    # By joined name: the catalogue's name, type, unit, UCD, description, and how many different
    # values it has.
    columns: dict[str, list[str]]

    @property
    def described(self) -> dict[str, Column]:
        """Unit, UCD and meaning of the joined columns."""
        return {name: Column(*about[1:5]) for name, about in self.columns.items()}

    def sentence(self) -> str:
        """What was matched with what result."""
        text = (
            f"{self.matched:,} of {self.asked:,} galaxies match {self.title} ({self.rows:,} rows) "
            f"within {self.radius:g} arcsec, {HOW[self.how].lower()}"
        )
        if self.chance is not None:
            text += f"; {_with_error(self.chance, self.chance_error)} expected by chance"
        return text + "."


def _with_error(value: float, error: float | None) -> str:
    if not value:
        return f"fewer than {max(error or 0.0, 0.1):.2g}"
    return f"{value:.2g}" + (f" ± {error:.1g}" if error else "")


def crossmatches(data_set: str) -> list[Crossmatch]:
    """The matches of a data set in this workspace, in the order they were made."""
    held = session_workspace.value(FIELD, [])
    found = []
    for value in held:
        if value.get("data_set") == data_set:
            with suppress(TypeError):  # of another version
                found.append(_crossmatch(value))
    return found


def _crossmatch(value: Mapping[str, Any]) -> Crossmatch:
    known = {f.name for f in dataclasses.fields(Crossmatch)}
    return Crossmatch(**{k: v for k, v in value.items() if k in known})


def suggested_name(title: str, taken: Iterable[str] = ()) -> str:
    """A short name for the columns, from that of a file or table.

    >>> suggested_name("horton2025_lotss_dr2_labels.csv")
    'horton2025'
    >>> suggested_name("VIII/92/first14")
    'first14'
    """
    stem = title.rsplit("/", 1)[-1].split(".")[0]
    parts = [p for p in re.split(r"[^A-Za-z0-9]+", stem) if p[:1].isalpha()]
    name = (parts[0] if parts else "match")[:16].lower()
    free, number = name, 2
    while free in set(taken):
        free, number = f"{name}_{number}", number + 1
    return free


def check_name(name: str) -> str:
    """The name; :class:`SelectionError` if columns cannot begin with it."""
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise SelectionError(
            f"'{name[:40]}' cannot begin the names of columns; write a letter, then up to 23 "
            "letters, digits or _"
        )
    return name


def save_match(
    name: str,
    data_set: str,
    found: MatchedCatalogue,
    asked: np.ndarray,
    *,
    title: str,
    radius: float,
    how: str,
    content: bytes = b"",
) -> Crossmatch:
    """Join the columns of a matched catalogue to a data set; a match of this name is replaced.

    ``asked``: rows of the data set whose positions were given to the match, int64; ``content``: of
    the file, for its checksum. Raises SelectionError if the name is not accepted, or there are too
    many matches, and WorkspaceError if it cannot be saved.
    """
    name = check_name(name)
    held = session_workspace.value(FIELD, [])
    rest = [m for m in held if (m["data_set"], m["name"]) != (data_set, name)]
    if len(rest) >= MOST:
        raise SelectionError(f"a workspace keeps at most {MOST} matches; remove one first")
    catalogue = cache.data_set(data_set)
    others = {c for m in rest if m["data_set"] == data_set for c in m["columns"]}
    columns = _joined_columns(name, title, radius, found, others | _taken(data_set))
    attached = _attach(_joined_table(columns, found, catalogue.ids_of(asked)))
    placed = np.isfinite(catalogue.table["ra"].to_numpy(float)[asked])
    times = np.unique(found.row, return_counts=True)[1]
    first = np.flatnonzero(np.diff(found.galaxy, prepend=-1))
    match = Crossmatch(
        name, data_set, catalogue.digest, attached, title, float(radius), how,
        int(placed.sum()), len(first), int((found.within[first] > 1).sum()), len(found.galaxy),
        found.facts.rows, found.facts.placed, int((times > 1).sum()),
        _plain(found.chance), _plain(found.chance_error), _plain(found.offset_ra),
        _plain(found.offset_dec), found.facts.positions,
        [*found.facts.problems, *found.facts.notes, *([found.hint] if found.hint else [])],
        dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        hashlib.sha256(content).hexdigest() if content else "", columns,
    )  # fmt: skip
    _put([*rest, dataclasses.asdict(match)], f"match {title[:60]}")
    return match


def _attach(table: pa.Table) -> str:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", row_group_size=1 << 20)
    own = session_workspace.workspace_state()
    return session_workspace.saved().attach(own.identifier, out.getvalue(), FIELD)


def matches_to_save() -> Callable[[], tuple[dict[str, Any], ...]]:
    """A function that gives the matches of this workspace for a ``.radioviz`` file.

    It may be called from any thread. Matches with too many cells are left out.
    """
    found = []
    for data_set in dict.fromkeys(m["data_set"] for m in session_workspace.value(FIELD, [])):
        for match in crossmatches(data_set):
            with suppress(WorkspaceError):  # said on the Table page
                found.append((match, opened(match)))

    def made() -> tuple[dict[str, Any], ...]:
        return tuple(e for match, table in found if (e := _entry(match, table)) is not None)

    return made


def saved_entry(identifier: str, held: Mapping[str, Any]) -> dict[str, Any] | None:
    """A match of any saved workspace for a ``.radioviz`` file; None if it has too many cells."""
    match = _crossmatch(held)
    payload = session_workspace.saved().attachment(identifier, match.attached)
    if payload is None:
        return None
    return _entry(match, JoinedTable(payload, Identifiers(np.array([], dtype=object))))


def _entry(match: Crossmatch, table: JoinedTable) -> dict[str, Any] | None:
    known = table.unpacked(f"{match.name}_separation").notna()
    if int(known.sum()) * len(match.columns) > MOST_CELLS:
        return None
    about = dataclasses.asdict(match)
    del about["attached"]
    cells = {n: _plain_cells(table.unpacked(n)[known]) for n in ("source_id", *match.columns)}
    return {"about": about, "cells": cells, "without": table.unpacked("source_id")[~known].tolist()}


def _plain_cells(column: pd.Series) -> list[Any]:
    return [None if v is None or v != v else v for v in column.tolist()]


def load_match(entry: Mapping[str, Any]) -> None:
    """Join the columns of a match that a ``.radioviz`` file holds; one of its name is replaced.

    Raises SelectionError if the data set has columns of these names, or there are too many matches.
    """
    about, cells = dict(entry["about"]), entry["cells"]
    data_set, name = str(about["data_set"]), check_name(str(about["name"]))
    held = session_workspace.value(FIELD, [])
    rest = [m for m in held if (m["data_set"], m["name"]) != (data_set, name)]
    twice = sorted(c for c in about["columns"] if c.lower() in _taken(data_set))
    if twice or len(rest) >= MOST:
        why = f"{data_set} has a column '{twice[0]}'" if twice else f"at most {MOST} are kept"
        raise SelectionError(f"the crossmatch '{name}' of the file cannot be joined: {why}")
    k, matches = len(entry["without"]), f"{name}_matches"
    table = {"source_id": pa.array([*cells["source_id"], *entry["without"]], pa.large_string())}
    for column, (_, dtype, *_rest) in about["columns"].items():
        rest_of = [0.0 if column == matches else None] * k
        kind = pa.large_string() if dtype == "str" else pa.float64()
        table[column] = pa.array([*cells[column], *rest_of], kind)
    match = Crossmatch(**about, attached=_attach(pa.table(table)))
    _put([*rest, dataclasses.asdict(match)], f"load the match {name}")


def remove_match(data_set: str, name: str) -> None:
    """Remove the columns of a match; they return with undo."""
    held = session_workspace.value(FIELD, [])
    rest = [m for m in held if (m["data_set"], m["name"]) != (data_set, name)]
    _put(rest, f"remove the match {name}")


def _put(held: list[dict[str, Any]], what: str) -> None:
    session_workspace.put(FIELD, held, what)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _taken(data_set: str) -> set[str]:
    return {n.lower() for n in cache.filter_columns(data_set, None).names}


def _joined_columns(
    name: str, title: str, radius: float, found: MatchedCatalogue, taken: set[str]
) -> dict[str, list[str]]:
    """By joined name: what :class:`Crossmatch` keeps of it."""
    taken = {n.lower() for n in taken}
    out: dict[str, list[str]] = {}

    def add(source: str, about: Column, cells: pd.Series) -> None:
        plain = re.sub(r"\W+", "_", source).strip("_") or "column"
        joined, number = f"{name}_{plain}", 2
        while joined.lower() in taken:
            joined, number = f"{name}_{plain}_{number}", number + 1
        taken.add(joined.lower())
        different = cells[cells != ""].nunique()
        out[joined] = [source, *dataclasses.astuple(about), str(different)]

    for source, about in _OWN.items():
        text = about.description.format(title, radius)
        add(f"/{source}", dataclasses.replace(about, description=text), pd.Series(found.row))
    for source, about in found.columns.items():
        text = f"{about.description} ({title})"
        add(source, dataclasses.replace(about, description=text), found.frame[source])
    return out


def _joined_table(
    columns: Mapping[str, list[str]], found: MatchedCatalogue, ids: np.ndarray
) -> pa.Table:
    """A row for every pair, then one for every galaxy without a match."""
    place = np.full(int(found.galaxy.max(initial=-1)) + 1, False)
    place[found.galaxy] = True
    alone = np.setdiff1d(np.arange(len(ids)), np.flatnonzero(place))
    k = len(alone)
    cells: dict[str, Any] = {
        "source_id": pa.array([*ids[found.galaxy], *ids[alone]], pa.large_string())
    }
    own = {
        "/separation": np.append(found.separation, np.full(k, np.nan)),
        "/matches": np.append(found.within, np.zeros(k)).astype(float),
        "/row": np.append(found.row, np.full(k, np.nan)).astype(float),
    }
    for name, about in columns.items():
        if about[0] in own:
            cells[name] = own[about[0]]
        elif about[1] == "str":
            texts = [str(v) for v in found.frame[about[0]]]
            cells[name] = pa.array([*texts, *[None] * k], pa.large_string())
        else:
            values = found.frame[about[0]].to_numpy(float)
            cells[name] = np.append(values, np.full(k, np.nan))
    return pa.table(cells)


@shared(lambda workspace, name, key: (workspace, name, *data_set_version(key)), entries=16)
def _opened(workspace: str, name: str, key: str) -> JoinedTable | None:
    payload = session_workspace.saved().attachment(workspace, name)
    if payload is None:
        return None
    return JoinedTable(payload, cache.data_set(key).identifiers)


@shared(lambda workspace, match: (workspace, match.attached, *data_set_version(match.data_set)),
        entries=16)  # fmt: skip
def _columns_of(workspace: str, match: Crossmatch) -> TableColumns | None:
    table = _opened(workspace, match.attached, match.data_set)
    return None if table is None else TableColumns(table, match.described)


def opened(match: Crossmatch) -> JoinedTable:
    """The joined cells of a match.

    Raises WorkspaceError if they are not on this server any more.
    """
    found = _opened(session_workspace.workspace_state().identifier, match.attached, match.data_set)
    if found is None:
        raise WorkspaceError(
            f"the columns of {match.title} are missing on this server; match the catalogue again"
        )
    return found


def joined_columns(data_set: str) -> list[TableColumns]:
    """The joined columns of each match of a data set that is still there."""
    own = session_workspace.workspace_state().identifier
    found = [_columns_of(own, match) for match in crossmatches(data_set)]
    return [columns for columns in found if columns is not None]


def joined_column(data_set: str, name: str) -> pd.Series | None:
    """A joined column, a cell for each galaxy of the data set; None if there is none.

    Galaxies without a value have NaN, or empty text.
    """
    for match in crossmatches(data_set):
        if name in match.columns:
            return opened(match)[name].fillna(np.nan if match.columns[name][1] != "str" else "")
    return None


def joined_names(data_set: str) -> set[str]:
    """Names of all joined columns of a data set."""
    return {name for match in crossmatches(data_set) for name in match.columns}
