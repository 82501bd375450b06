"""Grid walk: the decoder and its plane, the galaxies shown, and the place looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from radioviz.atlas import latent_plane
from radioviz.atlas.latent_plane import Plane
from radioviz.models.artefact import ModelInfo
from radioviz.ui import cache, controls, url_state
from radioviz.ui.cache import Located
from radioviz.ui.controls import View
from radioviz.ui.state import page_state, set_focus

Pair = tuple[str, str]
Place = tuple[float, float]


@dataclass
class GridWalkState:
    """What a session remembers of this page besides its widgets."""

    galaxy: Pair | None = None  # the galaxy looked at; None for the place of the sliders
    plane_galaxy: Pair | None = None  # the galaxy through which the plane may be put
    # Start and end of the path: a galaxy ``(data set, source_id)``, a place ``(a, b)`` or None.
    ends: list[Pair | Place | None] = field(default_factory=lambda: [None, None])
    # decoder, axes: those that the ends were set on
    decoder: str = ""
    axes: tuple[str, ...] = ()
    linked_galaxy: str | None = None  # value of ``?galaxy=`` that the page last read or wrote
    # Hash of the dots that the browser shows, and their galaxies.
    dots: tuple[str, list[Pair]] = ("", [])


def walk_state() -> GridWalkState:
    return page_state(GridWalkState)


@dataclass(frozen=True, eq=False)
class Walk:
    """A decoder, a plane of its latent space, and the real galaxies shown on it."""

    info: ModelInfo  # the decoder
    plane: Plane
    # ``label`` and ``size`` for decoders that accept them.
    conditions: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, Located] = field(default_factory=dict)  # data set to Atlas and catalogue
    classes: list[str] = field(default_factory=list)  # classes that are shown; empty for all

    def rows_of(self, data_set: str) -> np.ndarray:
        """Rows of an Atlas whose class is shown."""
        labels = self.layers[data_set].table["label"].to_numpy(str)
        if not self.classes:
            return np.arange(len(labels))
        return np.flatnonzero(np.isin(labels, self.classes))

    def latents_of(self, data_set: str) -> np.ndarray:
        """Latent vectors of :meth:`rows_of`, shape ``(n, d)``."""
        return np.asarray(self.layers[data_set].atlas.latents[self.rows_of(data_set)])


@dataclass(frozen=True, eq=False)
class Point:
    """What the reader looks at: a latent vector, its place on the plane, its galaxy if any."""

    z: np.ndarray
    place: Place
    galaxy: Pair | None = None

    @property
    def title(self) -> str:
        """The place, rounded: ``(−1.2, 0.8)``."""
        shown = (f"{v:.3g}".replace("-", "−") if abs(v) > 5e-4 else "0" for v in self.place)
        return f"({', '.join(shown)})"


def mapped(model: str) -> list[str]:
    """Data sets with an Atlas of a model, in the order of the sidebar."""
    return [key for key in cache.available_data_sets() if model in cache.atlas_names(key)]


def latent_of(model: str, pair: Pair) -> np.ndarray | None:
    """Latent vector of a galaxy, float32 ``(d,)``; None for one that the Atlas lacks."""
    if pair[0] not in mapped(model):
        return None
    located = cache.located(pair[0], model)
    row = int(located.places_of([pair[1]])[0])
    return np.array(located.atlas.latents[row], np.float32) if row >= 0 else None


def point_of(walk: Walk, end: Pair | Place | None) -> Point | None:
    """A galaxy or a place on the plane of a walk; None for a galaxy that the Atlas lacks."""
    if end is None:
        return None
    first, second = end
    if isinstance(first, str) or isinstance(second, str):
        pair = (str(first), str(second))
        z = latent_of(walk.info.name, pair)
        if z is None:
            return None
        a, b = walk.plane.place(z[None])[0][0]
        return Point(z, (float(a), float(b)), pair)
    return Point(walk.plane.at(first, second)[0], (first, second))


def drop_other_path(walk: Walk) -> None:
    """Forget a path set on another decoder, and places set on other axes of this one."""
    held, axes = walk_state(), tuple(walk.plane.titles)
    if held.decoder and held.decoder != walk.info.name:
        held.ends = [None, None]
    elif held.axes and held.axes != axes:
        held.ends = [e if e is not None and isinstance(e[0], str) else None for e in held.ends]
    held.decoder, held.axes = walk.info.name, axes


def end_points(walk: Walk) -> list[Point | None]:
    """Start and end of the path on this plane."""
    return [point_of(walk, end) for end in walk_state().ends]


def current_point(walk: Walk) -> Point:
    """The galaxy that was clicked, or the place of the sliders."""
    held, edge = walk_state(), walk.plane.values[-1]
    if held.galaxy is not None:
        point = point_of(walk, held.galaxy)
        if point is not None:
            set_sliders(walk, point.place)
            return point
        st.warning(
            controls.escape(
                f"{walk.info.title} has not encoded '{held.galaxy[1][:100]}' of "
                f"{controls.data_set_title(held.galaxy[0])}, so it is not on this plane."
            ),
            icon=":material/location_off:",
        )
    held.galaxy = None
    url_state.linked_number("walk_a", "a", -edge, edge, 0.0)
    url_state.linked_number("walk_b", "b", -edge, edge, 0.0)
    a, b = st.session_state["walk_a"], st.session_state["walk_b"]
    return Point(walk.plane.at(a, b)[0], (a, b))


def set_sliders(walk: Walk, place: Place | np.ndarray) -> None:
    """Move the sliders to a place, or to the nearest one on the plane."""
    edge = walk.plane.values[-1]
    for key, value in zip(("walk_a", "walk_b"), place, strict=True):
        st.session_state[key] = float(np.clip(value, -edge, edge))


def walk_to_galaxy(pair: Pair) -> None:
    """Walk to a galaxy."""
    walk_state().galaxy = pair
    set_focus(*pair, origin="grid")


def set_end(number: int, point: Point) -> None:
    """Start (0) or end (1) the path at a point."""
    walk_state().ends[number] = point.galaxy or point.place


def follow_link() -> None:
    """A link may name a galaxy to start from: ``?galaxy=first/first-7``."""
    value = st.query_params.get("galaxy")
    held = walk_state()
    if value and value != held.linked_galaxy:
        held.linked_galaxy = value
        data_set, _, source = value.partition("/")
        if source:
            held.galaxy = (data_set, source)


def publish(view: View, walk: Walk, point: Point) -> None:
    """Put the walk into the address bar."""
    plane = walk.plane
    by = str(st.session_state.get("walk_by"))
    many = walk.info.latent_dim > 2
    galaxy = "/".join(point.galaxy) if point.galaxy else None
    walk_state().linked_galaxy = galaxy
    default = plane.reach == latent_plane.REACH and plane.step == latent_plane.STEP
    size = walk.conditions.get("size")
    view.publish(
        decoder=walk.info.name,
        by=by if many else None,
        ax=str(st.session_state.get(f"walk_ax_{by}")) if many else None,
        ay=str(st.session_state.get(f"walk_ay_{by}")) if many else None,
        rest=str(st.session_state.get("walk_rest")) if many else None,
        reach=None if default else url_state.parameter_text(plane.reach),
        step=None if default else url_state.parameter_text(plane.step),
        **{"class": walk.conditions.get("label")},
        sized=None if size is None else "1",
        size=None if size is None else url_state.parameter_text(size),
        show=",".join(walk.layers) or None,
        classes=",".join(c or "none" for c in walk.classes) or None,
        galaxy=galaxy,
        a=None if galaxy else url_state.parameter_text(point.place[0]),
        b=None if galaxy else url_state.parameter_text(point.place[1]),
    )
