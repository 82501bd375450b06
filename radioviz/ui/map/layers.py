"""From Atlases to a map: layers, colours, marks; and from an event back to galaxies."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from radioviz.atlas.placement import positions_on
from radioviz.errors import AtlasError
from radioviz.neighbours import nearest_to
from radioviz.ui import cache, filtering, galaxies, state
from radioviz.ui.cache import Located
from radioviz.ui.cache.data_sets import atlas_version, scores_version
from radioviz.ui.cache.shared import shared
from radioviz.ui.image.display import ImageStyle, data_uri
from radioviz.ui.map.binary_columns import content_hash
from radioviz.ui.map.colouring import Choice
from radioviz.ui.map.hover_text import ALWAYS, hover_text
from radioviz.ui.map.layer_colours import colour_of, map_colours, value_text
from radioviz.ui.map.map_points import MapEvent, MapPoints, PointLook
from radioviz.ui.state import Selection


@dataclass(frozen=True)
class MapDisplay:
    """How a map is drawn."""

    scale: str = "auto"  # one of :data:`radioviz.ui.map.colouring.SCALES`
    # Ends of the colour scale; None: by the values.
    limits: tuple[float | None, float | None] = (None, None)
    palette: str = ""  # one of :data:`radioviz.ui.palette.PALETTES`; empty: as suits the values
    marks: PointLook = field(default_factory=PointLook)
    contours: bool = False  # draw lines of equal density
    # Columns, by the key of their colour, that hovering shows besides the coloured one.
    hover: tuple[str, ...] = ()
    names: tuple[tuple[str, float, float], ...] = ()  # text on the map and where


@dataclass(frozen=True, eq=False)
class Layer:
    """One data set on a map: its Atlas, its positions ``(n, 2)``."""

    data_set: str
    title: str
    located: Located
    positions: np.ndarray


@dataclass(frozen=True, eq=False)
class MapView:
    """Layers on one map, one after the other; their points are its points."""

    title: str
    layers: list[Layer]
    notes: list[str] = field(default_factory=list)
    version: tuple[object, ...] = field(default_factory=lambda: (secrets.token_hex(8),))
    layout: str = ""

    @cached_property
    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of all points, each float32 of shape ``(n,)``."""
        joined = np.concatenate([layer.positions for layer in self.layers])
        return np.ascontiguousarray(joined[:, 0]), np.ascontiguousarray(joined[:, 1])

    @cached_property
    def group(self) -> np.ndarray:
        """Number of the layer of each point, uint8 of shape ``(n,)``."""
        sizes = [len(layer.positions) for layer in self.layers]
        return np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)

    @cached_property
    def places(self) -> str:
        """Hash of the positions and layers."""
        return content_hash(*self.positions, self.group, str(len(self.layers)))

    @property
    def note(self) -> str:
        """What to know about the positions of overlaid data sets."""
        return " ".join(self.notes)

    @cached_property
    def starts(self) -> np.ndarray:
        """Point at which each layer begins, and the number of all, shape ``(layers + 1,)``."""
        return np.cumsum([0, *(len(layer.positions) for layer in self.layers)])

    def layer_of(self, row: int) -> tuple[int, int]:
        """Number of the layer that a point belongs to, and its row there."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        return number, row - int(self.starts[number])

    def pairs(self, rows: np.ndarray) -> list[tuple[str, str]]:
        """Galaxies of the given points."""
        rows = np.asarray(rows, dtype=np.int64)
        which = np.searchsorted(self.starts, rows, side="right") - 1
        out: list[tuple[str, str]] = [("", "")] * len(rows)
        for number, layer in enumerate(self.layers):
            at = np.flatnonzero(which == number)
            ids = layer.located.atlas.source_ids[rows[at] - self.starts[number]].tolist()
            for i, source_id in zip(at.tolist(), ids, strict=True):
                out[i] = (layer.data_set, source_id)
        return out

    def __len__(self) -> int:
        return int(self.starts[-1])


def layouts_of(located: Located) -> dict[str, str]:
    """Titles of the layouts of an Atlas; the first is the one to show."""
    return {name: located.atlas.layout_title(name) for name in located.atlas.layouts}


def _version(data_sets: tuple[str, ...], model: str, layout: str) -> tuple[object, ...]:
    opened = [(*atlas_version(key, model), *scores_version(key)) for key in data_sets]
    return *opened, layout


def map_view(data_sets: list[str], model: str, layout: str) -> MapView:
    """Open the Atlases of one or more data sets on a layout of the first.

    Raises AtlasError if an Atlas is missing or stale, or the first lacks the layout.
    """
    return _map_view(tuple(data_sets), model, layout)


@shared(_version, entries=12)
def _map_view(data_sets: tuple[str, ...], model: str, layout: str) -> MapView:
    base = cache.located(data_sets[0], model)
    if layout not in base.atlas.layouts:
        raise AtlasError(
            f"the Atlas of {base.catalogue.info.title} by '{model}' has no layout "
            f"'{layout}'; it has {', '.join(base.atlas.layouts)}"
        )
    version = _version(data_sets, model, layout)
    view = MapView(base.atlas.layout_title(layout), [], version=version, layout=layout)
    placed = []
    for key in data_sets:
        located = cache.located(key, model)
        title = located.catalogue.info.title
        positions = base.atlas.layouts[layout]
        if located is not base:
            positions, fitted = positions_on(base.atlas, layout, located.atlas)
            if not fitted:
                placed.append(title)
        view.layers.append(Layer(key, title, located, np.asarray(positions, dtype=np.float32)))
    if placed:
        named = ", ".join(placed[:-1]) + " and " * (len(placed) > 1) + placed[-1]
        view.notes.append(
            f"{named} {'was' if len(placed) == 1 else 'were'} not in this {view.title} fit; each "
            "galaxy is placed near its neighbours in latent space."
        )
    return view


def map_points(
    view: MapView,
    choice: Choice,
    style: ImageStyle,
    component: int = 0,
    model_title: str = "",
    display: MapDisplay | None = None,
) -> MapPoints:
    """Positions, colours, text and pictures for hovering; the brush and the focus are marked."""
    display = display or MapDisplay()
    colour = colour_of(view, choice, component, display.scale)
    if display.limits != (None, None) or display.palette:
        colour = replace(colour, limits=display.limits, palette=display.palette)
    described = {c.key: c for c in map_colours(view)} if display.hover else {}

    def text(row: int) -> str:
        number, at = view.layer_of(row)
        layer = view.layers[number]
        lines = [hover_text(layer.located.table.iloc[at : at + 1])[0]]
        if choice.key not in ALWAYS:
            lines.append(colour.text_of(row))
        lines += [
            f"{described[key].title}: {value_text(layer, at, described[key])}"
            for key in display.hover
            if key in described and key not in (choice.key, *ALWAYS)
        ]
        return "\n".join([*lines, layer.title] if len(view.layers) > 1 else lines)

    def picture(row: int) -> str | None:
        cells = galaxies.galaxy_cells(view.pairs(np.array([row])), style)
        return data_uri(cells[0].picture) if cells else None

    selected, focus = _marks(view)
    return MapPoints(
        *view.positions,
        colour,
        text,
        picture,
        group=view.group,
        group_names=tuple(layer.title for layer in view.layers),
        selected=selected,
        shown=_shown(view),
        focus=focus,
        x_title=f"{view.title} 1",
        y_title=f"{view.title} 2",
        description=f"{view.title} of {len(view):,} galaxies by {model_title}, "
        f"coloured by {colour.title}",
        marks=display.marks,
        contours=display.contours,
        names=list(display.names),
        places=view.places,
    )


def _shown(view: MapView) -> np.ndarray | None:
    """Mask of the points whose galaxies pass the filter; None if nothing is filtered."""
    masks = [filtering.passing(layer.data_set, layer.located.atlas.model) for layer in view.layers]
    if all(mask is None for mask in masks):
        return None
    return np.concatenate(
        [
            np.ones(len(layer.positions), dtype=bool) if mask is None else mask[layer.located.rows]
            for mask, layer in zip(masks, view.layers, strict=True)
        ]
    )


def _marks(view: MapView) -> tuple[np.ndarray | None, int | None]:
    """The brush as a mask (None when it is empty) and the focus as a row, on this map."""
    brush, target = state.brush().groups(), state.focus()
    selected = np.zeros(len(view), dtype=bool) if brush else None
    focus = None
    for start, layer in zip(view.starts, view.layers, strict=False):
        if selected is not None:
            at = layer.located.places_of(brush.get(layer.data_set, []))
            selected[start + at[at >= 0]] = True
        if target is not None and target[0] == layer.data_set:
            at = layer.located.places_of([target[1]])
            focus = int(start + at[0]) if at[0] >= 0 else focus
    return selected, focus


def count_on(view: MapView, selection: Selection) -> int:
    """How many galaxies of a selection are on a map."""
    groups = selection.groups()
    return sum(
        int((layer.located.places_of(groups.get(layer.data_set, [])) >= 0).sum())
        for layer in view.layers
    )


def apply_event(event: MapEvent, view: MapView, key: str) -> None:
    """Put what happened on a map into the session: a click focuses, a lasso selects."""
    if event.kind == "cleared":
        state.set_brush((), key)
        return
    pairs = view.pairs(event.rows[event.rows < len(view)])
    if event.kind == "click" and pairs:
        state.set_focus(*pairs[-1], origin=key)
    if pairs and (event.kind != "click" or len(pairs) > 1):
        state.set_brush(pairs, key)


def nearest_in_latents(
    located: Located, source_id: str, number: int = 8
) -> tuple[list[str], np.ndarray]:
    """Nearest galaxies in latent space (Euclidean), nearest first, without the galaxy itself.

    Returns ``source_ids``; ``distances``: in units of the latent space, shape ``(number,)``. Raises
    AtlasError if the Atlas does not hold the galaxy.
    """
    at = int(located.places_of([source_id])[0])
    if at < 0:
        raise AtlasError(
            f"the Atlas of {located.catalogue.info.title} by '{located.atlas.model}' does not "
            f"hold '{source_id}'; build it again with: python -m train atlas"
        )
    latents = located.atlas.latents
    rows, distance = nearest_to(latents[at], latents, number, skip=at)
    return [str(located.atlas.source_ids[i]) for i in rows], distance
