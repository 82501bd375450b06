"""Catalogues that were matched with galaxies: their columns join those of the data set.

The workspace holds what was matched and how; the joined cells are a Parquet table attached to it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from radioviz.data.catalogue import Column
from radioviz.errors import SelectionError, WorkspaceError
from radioviz.importing.catalogue_match import MatchedCatalogue
from radioviz.ui import cache, session_workspace
from radioviz.ui.cache.data_sets import data_set_version
from radioviz.ui.cache.shared import shared
from radioviz.workspace.crossmatch import HOW
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
    """One match of a data set with a catalogue.

    Attributes
    ----------
    name : str
        Begins the names of the joined columns.
    data_set, version : str
        Data set, and the digest of its catalogue then.
    attached : str
        Name of the table attached to the workspace.
    title : str
        File, or service and table.
    radius : float
        Arcsec.
    how : str
        One of :data:`radioviz.workspace.crossmatch.HOW`.
    asked, matched, several, pairs : int
        Galaxies with a position; those with a match, those with several rows within the radius;
        pairs kept.
    rows, placed, shared : int
        Rows of the catalogue, those with a position, and those matched by several galaxies.
    chance, chance_error, offset_ra, offset_dec : float or None
        Galaxies expected to match by chance; median of catalogue minus galaxy, arcsec.
    positions : str
        The interpretation of the catalogue's positions.
    notes : list of str
    made, sha256 : str
        When; of the file, empty for a service.
    columns : dict
        By joined name: the catalogue's name, type, unit, UCD, description, and how many different
        values it has.
    """

    name: str
    data_set: str
    version: str
    attached: str
    title: str
    radius: float
    how: str
    asked: int
    matched: int
    several: int
    pairs: int
    rows: int
    placed: int
    shared: int
    chance: float | None
    chance_error: float | None
    offset_ra: float | None
    offset_dec: float | None
    positions: str
    notes: list[str]
    made: str
    sha256: str
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
    known = {f.name for f in dataclasses.fields(Crossmatch)}
    found = []
    for value in session_workspace.value(FIELD, []):
        if value.get("data_set") == data_set:
            found.append(Crossmatch(**{k: v for k, v in value.items() if k in known}))
    return found


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

    Parameters
    ----------
    asked : numpy.ndarray
        Rows of the data set whose positions were given to the match, int64.
    content : bytes
        Of the file, for its checksum.

    Raises
    ------
    SelectionError
        If the name is not accepted, or there are too many matches.
    WorkspaceError
        If it cannot be saved.
    """
    name = check_name(name)
    held = session_workspace.value(FIELD, [])
    rest = [m for m in held if (m["data_set"], m["name"]) != (data_set, name)]
    if len(rest) >= MOST:
        raise SelectionError(f"a workspace keeps at most {MOST} matches; remove one first")
    catalogue = cache.data_set(data_set)
    others = {c for m in rest if m["data_set"] == data_set for c in m["columns"]}
    columns = _joined_columns(name, title, radius, found, others | _taken(data_set))
    ids = catalogue.table["source_id"].to_numpy(object)
    table = _joined_table(columns, found, ids[asked])
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", row_group_size=1 << 20)
    own = session_workspace.workspace_state()
    attached = session_workspace.saved().attach(own.identifier, out.getvalue(), FIELD)
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


class JoinedTable:
    """The attached table of a match, a row for each galaxy of the data set.

    Only the columns that are asked for are unpacked. Galaxies that were not matched, because they
    came later or did not pass the filter then, have no value in any column.
    """

    def __init__(self, payload: bytes, known: pd.Index, n: int) -> None:
        self._file = pq.ParquetFile(pa.BufferReader(payload))
        self.columns = [c for c in self._file.schema_arrow.names if c != "source_id"]
        ids = self.unpacked("source_id").to_numpy(object)
        rows = known.get_indexer(pd.Index(ids))
        first = ~pd.Series(ids).duplicated().to_numpy() & (rows >= 0)
        self._from, self._to, self._n = np.flatnonzero(first), rows[first], n

    def __len__(self) -> int:
        return self._n

    def unpacked(self, name: str) -> pd.Series:
        """A column as it is stored, a cell for each pair and each galaxy without one."""
        column: pd.Series = self._file.read(columns=[name]).column(0).to_pandas()
        return column

    def of(self, row: int) -> dict[str, Any]:
        """Cells of one galaxy by column, those without a value left out."""
        at = np.flatnonzero(self._to == row)
        if not len(at):
            return {}
        cells: dict[str, Any] = self._file.read().slice(int(self._from[at[0]]), 1).to_pylist()[0]
        known = {n: v for n, v in cells.items() if v is not None and v == v and v != ""}
        return {n: known[n] for n in self.columns if n in known}

    def __getitem__(self, name: str, /) -> pd.Series:
        cells = self.unpacked(name)
        if cells.dtype.kind == "f":
            values = np.full(self._n, np.nan)
            values[self._to] = cells.to_numpy()[self._from]
            return pd.Series(values)
        texts = np.full(self._n, None, dtype=object)
        texts[self._to] = cells.to_numpy(object)[self._from]
        return pd.Series(texts, dtype=object)


@shared(lambda workspace, name, key: (workspace, name, *data_set_version(key)), entries=16)
def _opened(workspace: str, name: str, key: str) -> JoinedTable | None:
    payload = session_workspace.saved().attachment(workspace, name)
    if payload is None:
        return None
    ids = pd.Index(cache.data_set(key).table["source_id"])
    return JoinedTable(payload, ids, len(ids))


@shared(lambda workspace, match: (workspace, match.attached, *data_set_version(match.data_set)),
        entries=16)  # fmt: skip
def _columns_of(workspace: str, match: Crossmatch) -> TableColumns | None:
    table = _opened(workspace, match.attached, match.data_set)
    return None if table is None else TableColumns(table, match.described)


def opened(match: Crossmatch) -> JoinedTable:
    """The joined cells of a match.

    Raises
    ------
    WorkspaceError
        If they are not on this server any more.
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
