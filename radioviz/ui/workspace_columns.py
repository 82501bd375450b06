"""What the reader gave to galaxies, as columns: tags, notes, marks and named subsets.

Filters, tables, charts, the map's colours and exports all read these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from radioviz.data.catalogue import Column
from radioviz.ui import cache, chosen_hosts, clustering, physics, session_workspace
from radioviz.ui.crossmatches import joined_columns, joined_names
from radioviz.ui.session_labels import labels
from radioviz.ui.state import Selection, page_state
from radioviz.ui.subsets import Subset, subsets
from radioviz.workspace.labels import SEPARATOR, Label
from radioviz.workspace.table_columns import Numbers, TableColumns, Text, Truth, Values, sorted_text

SUBSET = "subset"
_ABOUT = {
    "tags": Column("str", "", "meta.note", "Tags by the reader, separated by semicolons"),
    "note": Column("str", "", "meta.note", "Note by the reader"),
    "mark": Column("float64", "", "meta.code.qual", "Mark by the reader, 0 to 5"),
    SUBSET: Column("str", "", "meta.code.class", "Last of the named subsets that it is in"),
}


@dataclass(frozen=True, eq=False)
class WorkspaceColumns:
    """Columns of the workspace, row by row of a catalogue."""

    values: dict[str, Values]  # by name; a name that the data set itself has is followed by ``_2``
    described: dict[str, Column]  # what they are, by name
    # tags, subsets: mask of the galaxies of each tag and of each named subset, shape ``(n,)``
    tags: dict[str, np.ndarray]
    subsets: dict[str, np.ndarray]


@dataclass
class _Held:
    """The columns that were made last, by data set, and what they were made from."""

    made: dict[str, tuple[tuple[object, ...], WorkspaceColumns]] = field(default_factory=dict)


def workspace_columns(data_set: str) -> WorkspaceColumns:
    """Columns of the workspace for a data set; kept until the workspace changes."""
    stored = session_workspace.value("subsets")
    joined = sorted(joined_names(data_set))
    found = clustering.version(data_set)
    hosts = chosen_hosts.hosts(data_set)
    given = physics.physics_state(data_set)
    state = (cache.data_set(data_set), labels().version, stored, joined, found, hosts, given)
    held = page_state(_Held).made
    before = held.get(data_set)
    if before is None or any(a is not b and a != b for a, b in zip(before[0], state, strict=True)):
        held[data_set] = (state, _made(data_set))
    return held[data_set][1]


def columns_in_view(data_set: str, model: str | None) -> TableColumns:
    """Columns of a data set, of its crossmatches, and of this workspace."""
    own, columns = workspace_columns(data_set), cache.filter_columns(data_set, model)
    for joined in joined_columns(data_set):
        columns = columns.with_columns(joined)
    return columns.extended(own.values, own.described, own.tags)


def own_columns(data_set: str) -> set[str]:
    """Names of the columns that are of this workspace alone."""
    return joined_names(data_set) | workspace_columns(data_set).values.keys()


def columns_version(data_set: str, model: str | None) -> tuple[object, ...]:
    """Objects that stay the same as long as :func:`columns_in_view` does."""
    shared = cache.filter_columns(data_set, model)
    return (shared, workspace_columns(data_set), *joined_columns(data_set))


def subset_codes(data_set: str, held: list[Subset]) -> np.ndarray:
    """Number of the last subset that holds each galaxy, -1 where none does; shape ``(n,)``."""
    codes = np.full(len(cache.data_set(data_set)), -1, np.int32)
    for number, subset in enumerate(held):
        codes[rows_in(data_set, subset.members)] = number
    return codes


def rows_in(data_set: str, members: Selection) -> np.ndarray:
    """Rows of the galaxies of a selection that a data set has."""
    return cache.data_set(data_set).known_rows_of(members.groups().get(data_set, []))


def given_words(data_set: str, rows: np.ndarray) -> list[list[str]]:
    """Subsets and tags of some galaxies, for the captions of their pictures."""
    own = workspace_columns(data_set)
    out: list[list[str]] = [[] for _ in rows]
    for name, mask in (*own.subsets.items(), *own.tags.items()):
        for place in np.flatnonzero(mask[rows]):
            out[place].append(name)
    return out


def exported_columns(data_sets: Sequence[str]) -> list[str]:
    """Columns of the workspace that hold something for any of some data sets."""
    found: dict[str, None] = {}
    for data_set in data_sets:
        for name, column in workspace_columns(data_set).values.items():
            filled = column.values if isinstance(column, Truth) else ~column.missing
            if name != SUBSET and filled.any():
                found[name] = None
    return list(found)


def workspace_frame(own: WorkspaceColumns, rows: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Columns of the workspace in some rows; those that a data set lacks are left out."""
    columns = {name: own.values[name] for name in names if name in own.values}
    return pd.DataFrame(
        {
            name: column.texts(rows) if isinstance(column, Text) else column.values[rows]
            for name, column in columns.items()
        },
        index=range(len(rows)),
    )


def _made(data_set: str) -> WorkspaceColumns:
    n = len(cache.data_set(data_set))
    taken = {*cache.filter_columns(data_set, None).names, *joined_names(data_set)}
    values: dict[str, Values] = {}
    described: dict[str, Column] = {}

    def add(name: str, column: Values, about: Column) -> None:
        free, number = name, 2
        while free in taken or free in values:
            free, number = f"{name}_{number}", number + 1
        values[free], described[free] = column, about

    rows, given = _labelled(data_set)
    tags = [label.tags for label in given]
    add("tags", _text(n, rows, [SEPARATOR.join(sorted(t)) for t in tags]), _ABOUT["tags"])
    add("note", _text(n, rows, [label.note for label in given]), _ABOUT["note"])
    marks = [np.nan if label.mark is None else float(label.mark) for label in given]
    numbers = np.broadcast_to(np.float64(np.nan), (n,))
    if len(rows):
        numbers = np.full(n, np.nan)
        numbers[rows] = marks
    add("mark", Numbers(numbers), _ABOUT["mark"])
    if hosts := chosen_hosts.hosts(data_set):
        catalogue = cache.data_set(data_set)
        at = catalogue.known_rows_of(list(hosts))
        ids = catalogue.ids_of(at).tolist()
        for name, column in chosen_hosts.host_columns(hosts, at, ids, n).items():
            add(name, column, chosen_hosts.COLUMNS[name])
    if (clusters := clustering.cluster_column(data_set)) is not None:
        add(clustering.NAME, *clusters)
    held = subsets()
    last = _text(n, rows, [])
    if held:
        names = pa.array([s.name for s in held], pa.large_string())
        last = sorted_text(subset_codes(data_set, held), names)
    add(SUBSET, last, _ABOUT[SUBSET])
    masks_of_subsets: dict[str, np.ndarray] = {}
    for subset in held:
        mask = np.zeros(n, dtype=bool)
        mask[rows_in(data_set, subset.members)] = True
        about = Column("bool", "", "meta.code.class", f"In the subset {subset.name}")
        add(subset.name, Truth(mask), about)
        masks_of_subsets[subset.name] = mask
    # These replace the data set's own of the same names.
    physical, meaning = physics.own_physical_columns(data_set)
    values |= physical
    described |= meaning
    masks = {tag: np.zeros(n, dtype=bool) for tag in labels().counts()}
    for row, own in zip(rows.tolist(), tags, strict=True):
        for tag in own:
            masks[tag][row] = True
    return WorkspaceColumns(values, described, masks, masks_of_subsets)


def _labelled(data_set: str) -> tuple[np.ndarray, list[Label]]:
    """Rows of galaxies with a label, and the labels."""
    found = {pair[1]: label for pair, label in labels() if pair[0] == data_set}
    catalogue = cache.data_set(data_set)
    rows = catalogue.known_rows_of(list(found))
    ids = catalogue.ids_of(rows)
    return rows, [found[str(s)] for s in ids]


def _text(n: int, rows: np.ndarray, texts: list[str]) -> Text:
    """A column of text in some rows alone."""
    words = {word: i for i, word in enumerate(dict.fromkeys(texts))}
    if not words:
        return Text(np.broadcast_to(np.int32(-1), (n,)), pa.array([], pa.large_string()))
    codes = np.full(n, -1, np.int32)
    codes[rows] = [words[text] for text in texts]
    return sorted_text(codes, pa.array(list(words), pa.large_string()))
