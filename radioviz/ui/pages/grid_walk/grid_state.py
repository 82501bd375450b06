"""Grid walk: what the controls say. Which decoder, which plane, which galaxies, which place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from radioviz.models.artefact import ModelInfo
from radioviz.ui import cache, controls, state, url_state
from radioviz.ui.cache import Located
from radioviz.ui.controls import View
from radioviz.ui.pages.grid_walk import latent_plane
from radioviz.ui.pages.grid_walk.latent_plane import Plane
from radioviz.ui.pages.grid_walk.plane_component import Picked

Pair = tuple[str, str]

AXES, PRINCIPAL = "axes", "pca"
KINDS = {AXES: "latent axes", PRINCIPAL: "principal axes"}
ZERO, MEAN, GALAXY = "zero", "mean", "galaxy"
ANY = "any"
OFFERED_AXES = 32  # of a latent space of many dimensions: those along which galaxies vary most


@dataclass(frozen=True, eq=False)
class Walk:
    """A decoder, a plane of its latent space, and the real galaxies shown on it.

    Attributes
    ----------
    info : ModelInfo
        The decoder.
    plane : Plane
    conditions : dict
        ``label`` and ``size`` for decoders that take them.
    layers : dict
        Data set to Atlas and catalogue.
    classes : list of str
        Classes that are shown; empty for all.
    """

    info: ModelInfo
    plane: Plane
    conditions: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, Located] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)

    def latent_of(self, pair: Pair) -> np.ndarray | None:
        """Where a galaxy encodes, float32 ``(d,)``; None for one that the Atlas lacks."""
        if pair[0] not in mapped(self.info.name):
            return None
        located = cache.located(pair[0], self.info.name)
        row = int(located.places_of([pair[1]])[0])
        return np.array(located.atlas.latents[row], np.float32) if row >= 0 else None

    def rows_of(self, data_set: str) -> np.ndarray:
        """Rows of an Atlas whose class is shown."""
        labels = self.layers[data_set].table["label"].to_numpy(str)
        if not self.classes:
            return np.arange(len(labels))
        return np.flatnonzero(np.isin(labels, self.classes))


@dataclass(frozen=True, eq=False)
class Point:
    """What the reader looks at: a latent vector, its place on the plane, its galaxy if any."""

    z: np.ndarray
    place: tuple[float, float]
    galaxy: Pair | None = None

    @property
    def title(self) -> str:
        return f"({_number(self.place[0])}, {_number(self.place[1])})"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−") if abs(value) > 5e-4 else "0"


def decoders() -> dict[str, ModelInfo]:
    """Models that decode, those of two dimensions first, then the fewest first."""
    found = cache.models().with_capability("decode")
    return dict(sorted(found.items(), key=lambda item: (item[1].latent_dim, item[0])))


def mapped(model: str) -> list[str]:
    """Data sets with an Atlas of a model, in the order of the sidebar."""
    return [key for key in cache.known_data_sets() if model in cache.atlas_names(key)]


def seen(info: ModelInfo, data_set: str) -> bool:
    """Whether a model was trained on galaxies of a data set."""
    return data_set in info.training.get("data", ())


def choose(view: View) -> Walk | None:
    """Draw the controls above the plane; None where no model decodes."""
    names = decoders()
    if not names:
        st.info(
            "There is no trained decoder here. Train one with `python -m train vae`, "
            "then reload the page.",
            icon=":material/grid_view:",
        )
        return None
    wide = any(info.latent_dim > 2 for info in names.values())
    with st.container(key="walk_controls"):
        columns = st.columns([2, 1.5, 0.9, 0.9, 1.2, 0.8, 0.8], vertical_alignment="bottom")
        with columns[0]:
            info = controls.choose_model("Decoder", names, "walk_decoder", "decoder")
        with columns[5]:
            url_state.linked_number("walk_reach", "reach", 1.0, 12.0, latent_plane.REACH)
            reach = st.number_input(
                "Range ±", 1.0, 12.0, step=0.5, format="%g", key="walk_reach",
                help="Latent coordinates of the outermost cells",
            )  # fmt: skip
        with columns[6]:
            url_state.linked_number("walk_step", "step", 0.05, 4.0, latent_plane.STEP)
            step = st.number_input("Step", 0.05, 4.0, step=0.1, format="%g", key="walk_step")
        available = mapped(info.name)
        if info.latent_dim == 2:
            rest = np.zeros(2)
            plane = latent_plane.axes_plane(rest, 0, 1, float(reach), float(step))
            if wide:
                columns[1].caption("Two dimensions: the plane is all of its latent space.")
        else:
            base = next((k for k in (view.data_set, *available) if k in available), None)
            located = cache.located(base, info.name) if base else None
            plane = _plane(info, located, columns[1:5], float(reach), float(step))
        conditions = _conditions(info)
        layers, classes = _galaxies(view, info, available)
    return Walk(info, plane, conditions, layers, classes)


def _plane(
    info: ModelInfo, located: Located | None, columns: Any, reach: float, step: float
) -> Plane:
    """The plane through a latent space of more than two dimensions."""
    d = info.latent_dim
    latents = None if located is None else np.asarray(located.atlas.latents, dtype=np.float32)
    with columns[0]:
        kinds = [AXES] if latents is None else [PRINCIPAL, AXES]
        url_state.linked_choice("walk_by", "by", kinds, kinds[0])
        by = st.selectbox(
            "Plane of",
            kinds,
            format_func=KINDS.__getitem__,
            key="walk_by",
            persist_state="session",
            help="Principal axes are those along which the latent vectors of the real galaxies "
            "vary most; coordinates are then in their standard deviation",
        )
    spread = np.ones(d) if latents is None else latents.std(axis=0)
    if by == PRINCIPAL:
        numbers = [str(i + 1) for i in range(min(d, 12))]
        names = {n: f"PC{n}" for n in numbers}
    else:
        order = np.argsort(-spread, kind="stable")[:OFFERED_AXES]
        numbers = [str(i + 1) for i in order]
        names = {n: f"z{n} (σ {spread[int(n) - 1]:.2f})" for n in numbers}
    chosen = []
    for place, key, text, start in ((1, "ax", "Axis →", 0), (2, "ay", "Axis ↑", 1)):
        with columns[place]:
            url_state.linked_choice(
                f"walk_{key}_{by}", key, numbers, numbers[min(start, len(numbers) - 1)]
            )
            chosen.append(
                st.selectbox(
                    text,
                    numbers,
                    format_func=names.__getitem__,
                    key=f"walk_{key}_{by}",
                    persist_state="session",
                )
            )
    first, second = (int(c) - 1 for c in chosen)
    galaxy = st.session_state.get("walk_rest_galaxy")
    rests = {ZERO: "zero"}
    if latents is not None:
        rests[MEAN] = "mean galaxy"
    if galaxy is not None and galaxy[0] in mapped(info.name):
        rests[GALAXY] = galaxy[1]
    with columns[3]:
        url_state.linked_choice("walk_rest", "rest", list(rests), MEAN if by == PRINCIPAL else ZERO)
        rest = st.selectbox(
            "Through",
            list(rests),
            format_func=rests.__getitem__,
            key="walk_rest",
            persist_state="session",
            help="What the other latent values are. To walk from a galaxy, click it, then "
            "“Put the plane through it”.",
        )
    values = np.zeros(d)
    if rest == MEAN and latents is not None:
        values = latents.mean(axis=0, dtype=np.float64)
    elif rest == GALAXY and galaxy is not None:
        there = cache.located(galaxy[0], info.name)
        row = int(there.places_of([galaxy[1]])[0])
        if row >= 0:
            values = np.asarray(there.atlas.latents[row], dtype=np.float64)
    if by == PRINCIPAL and latents is not None:
        return latent_plane.pca_plane(latents, first, second, values, reach, step)
    return latent_plane.axes_plane(values, first, second, reach, step)


def _conditions(info: ModelInfo) -> dict[str, Any]:
    """Class and size for decoders that take them; by default what the latent vector holds."""
    if not info.can("class") and not info.can("size"):
        return {}
    from radioviz.encode.generator import classes_of, size_range_of

    found: dict[str, Any] = {}
    left, middle, right = st.columns([1.2, 1, 2.4], vertical_alignment="bottom")
    if classes := classes_of(info):
        with left:
            url_state.linked_choice("walk_label", "class", [ANY, *classes], ANY)
            label = st.selectbox(
                "Decode as class",
                [ANY, *classes],
                format_func=lambda c: "any" if c == ANY else c,
                key="walk_label",
                persist_state="session",
            )
            if label != ANY:
                found["label"] = str(label)
    if reach := size_range_of(info):
        low, high = reach
        with middle:
            url_state.linked_toggle("walk_sized", "sized")
            sized = st.toggle(
                "Ask for a size", key="walk_sized", help="Else that of the latent vector"
            )
        with right:
            url_state.linked_number("walk_size", "size", low, high, (low * high) ** 0.5)
            size = st.slider(
                "Angular size [arcsec]", low, high, key="walk_size", step=1.0, disabled=not sized
            )
        if sized:
            found["size"] = float(size)
    return found


def _galaxies(
    view: View, info: ModelInfo, available: list[str]
) -> tuple[dict[str, Located], list[str]]:
    """Data sets and classes whose galaxies are drawn where they encode."""
    with st.container(key="walk_galaxies"):
        left, right = st.columns([1.6, 1], vertical_alignment="bottom")
        with left:
            start = [k for k in (view.data_set, *available) if k in available][:1]
            url_state.linked_choices("walk_data", "show", available, start)
            chosen = st.multiselect(
                "Real galaxies, where they encode",
                available,
                format_func=lambda k: (
                    controls.data_set_title(k)
                    + ("" if seen(info, k) else " · never seen in training")
                ),
                key="walk_data",
                placeholder="none" if available else f"{info.title} has mapped no data set",
            )
        layers: dict[str, Located] = {}
        for key in chosen:
            with controls.show_errors():
                controls.open_with_progress(key)
                layers[key] = cache.located(key, info.name)
        present: dict[str, None] = {}
        for located in layers.values():
            present |= dict.fromkeys(located.table["label"].unique().tolist())
        labels = sorted(present, key=lambda label: (label == "", label))
        with right:
            url_state.linked_choices("walk_classes", "classes", [x or "none" for x in labels], [])
            classes = st.multiselect(
                "Classes",
                [x or "none" for x in labels],
                format_func=lambda x: "no class" if x == "none" else x,
                key="walk_classes",
                placeholder="all",
            )
    return layers, ["" if c == "none" else c for c in classes]


def here(walk: Walk) -> Point:
    """What is looked at: the galaxy that was clicked, or the place of the sliders."""
    plane = walk.plane
    edge = plane.values[-1]
    pair = st.session_state.get("walk_galaxy")
    z = walk.latent_of(pair) if pair is not None else None
    if z is not None:
        place, _ = plane.place(z[None])
        a, b = (float(v) for v in place[0])
        for key, value in (("walk_a", a), ("walk_b", b)):
            st.session_state[key] = float(np.clip(value, -edge, edge))
        return Point(z, (a, b), pair)
    if pair is not None:
        st.warning(
            controls.escape(
                f"{walk.info.title} has not encoded '{pair[1]}' of "
                f"{controls.data_set_title(pair[0])}, so it has no place here."
            ),
            icon=":material/location_off:",
        )
    st.session_state["walk_galaxy"] = None
    url_state.linked_number("walk_a", "a", -edge, edge, 0.0)
    url_state.linked_number("walk_b", "b", -edge, edge, 0.0)
    a, b = st.session_state["walk_a"], st.session_state["walk_b"]
    return Point(plane.at(a, b)[0], (a, b))


def followed_link() -> None:
    """A link may name a galaxy to start from: ``?galaxy=first/first-7``."""
    value = st.query_params.get("galaxy")
    if value and value != st.session_state.get("walk_galaxy_written"):
        st.session_state["walk_galaxy_written"] = value
        data_set, _, source = value.partition("/")
        if source:
            st.session_state["walk_galaxy"] = (data_set, source)


def publish(view: View, walk: Walk, point: Point) -> None:
    """Put the walk into the address bar."""
    plane = walk.plane
    by = str(st.session_state.get("walk_by", AXES))
    many = walk.info.latent_dim > 2
    galaxy = "/".join(point.galaxy) if point.galaxy else None
    st.session_state["walk_galaxy_written"] = galaxy
    default = plane.reach == latent_plane.REACH and plane.step == latent_plane.STEP
    view.publish(
        decoder=walk.info.name,
        by=by if many else None,
        ax=str(st.session_state.get(f"walk_ax_{by}")) if many else None,
        ay=str(st.session_state.get(f"walk_ay_{by}")) if many else None,
        rest=str(st.session_state.get("walk_rest")) if many else None,
        reach=None if default else url_state.number_text(plane.reach),
        step=None if default else url_state.number_text(plane.step),
        **{"class": walk.conditions.get("label")},
        sized="1" if "size" in walk.conditions else None,
        size=url_state.number_text(walk.conditions["size"]) if "size" in walk.conditions else None,
        show=",".join(walk.layers) or None,
        classes=",".join(c or "none" for c in walk.classes) or None,
        galaxy=galaxy,
        a=None if galaxy else url_state.number_text(point.place[0]),
        b=None if galaxy else url_state.number_text(point.place[1]),
    )


def ends() -> list[Any]:
    """Start and end of the path: ``("cell", a, b)``, ``("galaxy", data set, id)`` or None."""
    held: list[Any] = st.session_state.setdefault("walk_ends", [None, None])
    return held


def set_end(number: int, point: Point) -> None:
    """Let the path start (0) or end (1) at a point."""
    ends()[number] = ("galaxy", *point.galaxy) if point.galaxy else ("cell", *point.place)


def end_points(walk: Walk) -> list[Point | None]:
    """The ends of the path on this plane; one whose galaxy this model has not mapped is None."""
    found: list[Point | None] = []
    for end in ends():
        if end is None:
            found.append(None)
        elif end[0] == "cell":
            found.append(Point(walk.plane.at(end[1], end[2])[0], (end[1], end[2])))
        else:
            z = walk.latent_of((end[1], end[2]))
            place = walk.plane.place(z[None])[0][0] if z is not None else None
            found.append(
                None
                if z is None or place is None
                else Point(z, (float(place[0]), float(place[1])), (end[1], end[2]))
            )
    return found


def picked(event: Picked, now: Point) -> None:
    """A click on the plane: look there; with Shift, a path leads there from where one was."""
    galaxy, place = event.galaxy, event.place
    st.session_state["walk_galaxy"] = galaxy
    if place is not None:
        st.session_state["walk_a"], st.session_state["walk_b"] = place
    if galaxy is not None:
        state.set_focus(*galaxy, origin="grid")
    if event.add:
        if ends()[0] is None:
            set_end(0, now)
        ends()[1] = ("galaxy", *galaxy) if galaxy else ("cell", *(place or (0.0, 0.0)))
