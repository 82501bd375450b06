"""What the points of a map can be coloured by: columns, scores, latents, joined catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from radioviz.morphology import described
from radioviz.ui import clustering, crossmatches
from radioviz.ui.cache.shared import shared
from radioviz.ui.map import colouring
from radioviz.ui.map.colouring import Choice, Colour, number_with_unit
from radioviz.ui.map.workspace_colours import workspace_choices, workspace_colour, workspace_text
from radioviz.ui.palette import category_colours

if TYPE_CHECKING:
    from radioviz.ui.map.layers import Layer, MapView

_SCORE = "score:"
CLUSTER = Choice(clustering.NAME, "Cluster", numeric=False)


def map_colours(view: MapView) -> list[Choice]:
    """What a map can be coloured by, from its first layer."""
    first = view.layers[0].data_set
    own = [*_own_colours(view)[0], *_joined_choices(first), *workspace_choices()]
    return [*own, CLUSTER] if clustering.names_of(first) else own


def no_colours(view: MapView) -> dict[str, str]:
    """Columns of the first layer that make no colours, and why."""
    return _own_colours(view)[1]


@shared(lambda view: view.version[:1], entries=12)
def _own_colours(view: MapView) -> tuple[list[Choice], dict[str, str]]:
    first = view.layers[0].located
    apart = colouring.left_out(first.table)
    d = first.atlas.latents.shape[1]
    columns = described(first.catalogue)
    return colouring.colour_choices(
        first.table, first.scores, d, first.described, apart, columns
    ), apart


def _joined_choices(data_set: str) -> list[Choice]:
    """Columns of crossmatched catalogues."""
    found = []
    for match in crossmatches.crossmatches(data_set):
        for name, (_, dtype, unit, _, _, different) in match.columns.items():
            number, numeric = int(different), dtype != "str"
            if number and (numeric or number <= max(colouring.MAX_VALUES, match.matched // 2)):
                found.append(Choice(name, name, unit, numeric))
    return found


def colour_of(view: MapView, choice: Choice, component: int, scale: str) -> Colour:
    """Colours of all points of a map; see :func:`radioviz.ui.map.colouring.colour_by`."""
    parts = [(layer.data_set, layer.located.rows) for layer in view.layers]
    if (given := workspace_colour(choice, parts)) is not None:
        return given
    if choice == CLUSTER:
        return _cluster_colour(view)
    if choice in _own_colours(view)[0]:
        return _kept_colour(view, choice, component, scale)
    return _joined_colour(view, choice, component, scale)


@shared(
    lambda view, choice, component, scale: (
        *view.version, choice.key, choice.text, component, scale
    ),
    entries=24,
)  # fmt: skip
def _kept_colour(view: MapView, choice: Choice, component: int, scale: str) -> Colour:
    return _joined_colour(view, choice, component, scale)


@shared(
    lambda view: (*view.version, *(repr(clustering.version(d.data_set)) for d in view.layers)),
    entries=8,
)
def _cluster_colour(view: MapView) -> Colour:
    """Clusters of the first data set by their names; the galaxies of others are in none."""
    first, names = view.layers[0], clustering.names_of(view.layers[0].data_set)
    codes = np.full(len(view), len(names), np.int32)
    labels = clustering.labels_by_row(first.data_set)
    if labels is not None:
        own = labels[first.located.rows]
        codes[: len(own)] = np.where(own > 0, own - 1, len(names))
    shown = [*names, ""]
    colours = category_colours(shown)
    return colouring.join_colours([Colour("Cluster", codes=codes, names=shown, colours=colours)])


def _joined_colour(view: MapView, choice: Choice, component: int, scale: str) -> Colour:
    return colouring.join_colours(
        [
            colouring.colour_by(
                choice,
                _table_with(layer, choice.key),
                layer.located.scores,
                np.asarray(layer.located.atlas.latents),
                component,
                scale,
            )
            for layer in view.layers
        ]
    )


def _table_with(layer: Layer, name: str) -> pd.DataFrame:
    """The table of a layer, or the column of a crossmatched catalogue."""
    table = layer.located.table
    if name not in table:
        joined = crossmatches.joined_column(layer.data_set, name)
        if joined is not None:
            return pd.DataFrame({name: joined.to_numpy()[layer.located.rows]})
    return table


def value_text(layer: Layer, row: int, column: Choice) -> str:
    """Value of a column in a row of a layer, with its unit."""
    if column == CLUSTER:
        labels = clustering.labels_by_row(layer.data_set)
        number = 0 if labels is None else int(labels[layer.located.rows[row]])
        return clustering.names_of(layer.data_set)[number - 1] if number else "none"
    given = workspace_text(column, layer.data_set, int(layer.located.rows[row]))
    if given is not None:
        return given or "none"
    name = column.key.removeprefix(_SCORE)
    held = layer.located.scores if column.key.startswith(_SCORE) else _table_with(layer, name)
    if name not in held:
        return "no value"
    value: Any = held[name].iat[row]
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value or "no value"
    return number_with_unit(float(value), column.unit)
