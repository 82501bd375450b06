"""Grid walk: the controls above the plane. Which decoder, which plane, which galaxies."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from radioviz.atlas import latent_plane
from radioviz.atlas.latent_plane import Plane
from radioviz.models import registry
from radioviz.models.artefact import ModelInfo
from radioviz.ui import cache, controls, url_state
from radioviz.ui.cache import Located
from radioviz.ui.controls import View, linked_select
from radioviz.ui.pages.grid_walk.state import Walk, latent_of, mapped, walk_state

AXES, PRINCIPAL = "axes", "pca"
ZERO, MEAN, GALAXY = "zero", "mean", "galaxy"
ANY = "any"
NO_CLASS = "none"  # the empty class in links
OFFERED_AXES = 32  # of a latent space of many dimensions: those along which galaxies vary most


def choose_walk(view: View) -> Walk | None:
    """Draw the controls above the plane; None where no model decodes."""
    decoders = registry.decoders(cache.models())
    if not decoders:
        st.info(
            "There is no trained decoder here. Train one with `python -m train vae`, "
            "then reload the page.",
            icon=":material/grid_view:",
        )
        return None
    # Two dimensions first: there the plane shows the whole latent space.
    decoders = dict(sorted(decoders.items(), key=lambda item: (item[1].latent_dim, item[0])))
    with st.container(key="walk_controls"):
        columns = st.columns([2, 1.5, 0.9, 0.9, 1.2, 0.8, 0.8], vertical_alignment="bottom")
        with columns[0]:
            info = controls.choose_model("Decoder", decoders, "walk_decoder", "decoder")
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
            plane = latent_plane.axes_plane(np.zeros(2), 0, 1, float(reach), float(step))
            if any(other.latent_dim > 2 for other in decoders.values()):
                columns[1].caption("Two dimensions: the plane is the whole latent space.")
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
    latents = None if located is None else np.asarray(located.atlas.latents, dtype=np.float32)
    kinds = {AXES: "latent axes"}
    if latents is not None:
        kinds = {PRINCIPAL: "principal axes", **kinds}
    with columns[0]:
        by = linked_select(
            "Plane of", kinds, "walk_by", "by",
            help="Principal axes are the directions in which the latent vectors of the real "
            "galaxies vary most; their coordinates are in standard deviations",
        )  # fmt: skip
    if by == PRINCIPAL:
        axes = {str(i + 1): f"PC{i + 1}" for i in range(min(info.latent_dim, 12))}
    else:
        spread = np.ones(info.latent_dim) if latents is None else latents.std(axis=0)
        order = np.argsort(-spread, kind="stable")[:OFFERED_AXES]
        axes = {str(i + 1): f"z{i + 1} (σ {spread[i]:.2f})" for i in order}
    numbers = list(axes)
    with columns[1]:
        first = linked_select("Axis →", axes, f"walk_ax_{by}", "ax", numbers[0])
    with columns[2]:
        second = linked_select("Axis ↑", axes, f"walk_ay_{by}", "ay", numbers[:2][-1])
    galaxy = walk_state().plane_galaxy
    rests = {ZERO: "zero"}
    if latents is not None:
        rests[MEAN] = "mean galaxy"
    if galaxy is not None and galaxy[0] in mapped(info.name):
        rests[GALAXY] = galaxy[1]
    with columns[3]:
        rest = linked_select(
            "Through", rests, "walk_rest", "rest", MEAN if by == PRINCIPAL else ZERO,
            help="Values of the other latent coordinates. To walk from a galaxy, click it, then "
            "“Put the plane through it”.",
        )  # fmt: skip
    values = np.zeros(info.latent_dim)
    if rest == MEAN and latents is not None:
        values = latents.mean(axis=0, dtype=np.float64)
    elif rest == GALAXY and galaxy is not None:
        z = latent_of(info.name, galaxy)
        values = values if z is None else z.astype(np.float64)
    at = int(first) - 1, int(second) - 1
    if by == PRINCIPAL and latents is not None:
        return latent_plane.pca_plane(latents, *at, values, reach, step)
    return latent_plane.axes_plane(values, *at, reach, step)


def _conditions(info: ModelInfo) -> dict[str, Any]:
    """Class and size for decoders that accept them; by default what the latent vector holds."""
    if not info.can("class") and not info.can("size"):
        return {}
    from radioviz.encode.generation import classes_of, size_range_of

    found: dict[str, Any] = {}
    left, middle, right = st.columns([1.2, 1, 2.4], vertical_alignment="bottom")
    if classes := classes_of(info):
        with left:
            label = linked_select(
                "Decode as class", {c: c for c in (ANY, *classes)}, "walk_label", "class"
            )
        if label != ANY:
            found["label"] = label
    if reach := size_range_of(info):
        low, high = reach
        with middle:
            url_state.linked_toggle("walk_sized", "sized")
            sized = st.toggle(
                "Set the size", key="walk_sized", help="Otherwise the latent vector decides it"
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
    """Data sets and classes whose galaxies are shown at their latent vectors."""
    learned = info.training.get("data", ())
    with st.container(key="walk_galaxies"):
        left, right = st.columns([1.6, 1], vertical_alignment="bottom")
        with left:
            start = [k for k in (view.data_set, *available) if k in available][:1]
            url_state.linked_choices("walk_data", "show", available, start)
            chosen = st.multiselect(
                "Real galaxies at their latent vectors",
                available,
                format_func=lambda k: (
                    controls.data_set_title(k) + ("" if k in learned else " · not seen in training")
                ),
                key="walk_data",
                placeholder="none" if available else f"{info.title} has encoded no data set yet",
            )
        layers: dict[str, Located] = {}
        for key in chosen:
            with controls.show_errors():
                controls.open_with_progress(key)
                layers[key] = cache.located(key, info.name)
        present = {
            label for located in layers.values() for label in located.table["label"].unique()
        }
        labels = [*sorted(present - {""}), *([NO_CLASS] if "" in present else [])]
        with right:
            url_state.linked_choices("walk_classes", "classes", labels, [])
            classes = st.multiselect(
                "Classes",
                labels,
                format_func=lambda c: "no class" if c == NO_CLASS else c,
                key="walk_classes",
                placeholder="all",
            )
    return layers, ["" if c == NO_CLASS else c for c in classes]
