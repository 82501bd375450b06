"""Grid walk: the image decoded at a place, the galaxies near it, the meaning of the axes."""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.neighbours import nearest_to
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import (
    cache,
    class_probabilities,
    controls,
    detail,
    galaxies,
    gallery,
    gallery_tools,
    state,
    synthetic,
)
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.pages.grid_walk import correlations
from radioviz.ui.pages.grid_walk.grid_controls import GALAXY
from radioviz.ui.pages.grid_walk.state import Pair, Point, Walk, set_end, walk_state, walk_to_galaxy

NEAREST = 12


def _leave_galaxy() -> None:
    walk_state().galaxy = None


def decoded_panel(walk: Walk, view: View, point: Point) -> None:
    """Sliders, the image decoded at the place, its measurements, and actions."""
    plane = walk.plane
    edge = float(plane.values[-1])
    for key, title in (("walk_a", plane.titles[0]), ("walk_b", plane.titles[1])):
        st.slider(
            title, -edge, edge, step=plane.step / 4, format="%.2f", key=key, on_change=_leave_galaxy
        )
    image = cache.decoded(walk.info.name, point.z[None], walk.conditions)[0]
    width = synthetic.decoded_field(walk.info)
    if point.galaxy is None:
        st.markdown(f"**Decoded at {point.title}**")
        st.html(
            synthetic.picture_html(image, width, view.style, alt=f"Image decoded at {point.title}")
        )
    else:
        catalogue, row = galaxies.row_of(point.galaxy)
        st.html(detail.galaxy_heading(catalogue, row))
        st.caption(f"encoded at {point.title}")
        left, right = st.columns(2, gap="small")
        model_input = walk.info.preprocess.apply(catalogue, np.array([row]))[0]
        scale = walk.info.preprocess.output_scale_arcsec(catalogue.info_of(row))
        left.html(
            synthetic.picture_html(
                model_input,
                scale * len(model_input),
                view.style,
                alt=f"{galaxies.name_of(catalogue.table, row)} as the model sees it",
                mark="",
            )
        )
        left.caption("as the model sees it")
        right.html(synthetic.picture_html(image, width, view.style, alt="decoded"))
        right.caption("decoded")
    facts = synthetic.measurement_facts(synthetic.measure_decoded(image[None], walk.info).iloc[0])
    if point.galaxy is not None:
        st.caption("Measured in the decoded image")
    st.html(detail.facts_html(facts + class_probabilities.class_facts(image[None])))
    _actions(walk, point)


def _actions(walk: Walk, point: Point) -> None:
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Path from here", icon=":material/line_start:", key="walk_from",
            on_click=set_end, args=(0, point),
        )  # fmt: skip
        st.button(
            "Path to here", icon=":material/line_end:", key="walk_to",
            on_click=set_end, args=(1, point),
        )  # fmt: skip
        if point.galaxy is not None:
            detail.tray_button(point.galaxy, key="walk_tray", refresh=["tray", "grid_walk"])
            if st.button("Inspect", icon=":material/center_focus_strong:", key="walk_inspect"):
                controls.go_inspect(point.galaxy)
            if walk.info.latent_dim > 2:
                st.button(
                    "Put the plane through it",
                    icon=":material/filter_center_focus:",
                    key="walk_through",
                    on_click=_put_plane_through,
                    args=(point.galaxy,),
                )


def _put_plane_through(pair: Pair) -> None:
    walk_state().plane_galaxy = pair
    st.session_state["walk_rest"] = GALAXY


def nearest_panel(walk: Walk, view: View, point: Point) -> None:
    """The real galaxies nearest to the place in latent space, from the data sets shown."""
    if not walk.layers:
        st.caption("Choose a data set above to see which of its galaxies lie near this place.")
        return
    pairs: list[Pair] = []
    distances: list[np.ndarray] = []
    for key, located in walk.layers.items():
        rows = walk.rows_of(key)
        near, distance = nearest_to(point.z, walk.latents_of(key), NEAREST + 1)
        pairs += [(key, str(located.atlas.source_ids[rows[i]])) for i in near]
        distances.append(distance)
    gaps = np.concatenate(distances)
    order = [i for i in np.argsort(gaps, kind="stable") if pairs[i] != point.galaxy][:NEAREST]
    if not order:
        st.caption("No galaxy of these classes.")
        return
    gap_of = {pairs[i]: float(gaps[i]) for i in order}
    st.caption(
        "Nearest in the whole latent space, by Euclidean distance d. Click a galaxy to walk to it."
    )
    cells = galaxies.galaxy_cells([pairs[i] for i in order], view.style)
    gallery_tools.galaxy_gallery(
        [gallery.with_note(c, f"d = {gap_of[c.pair]:.3g} · {c.note}") for c in cells],
        view.style,
        key="walk_nearest",
        label="Real galaxies nearest to this place",
        in_tray=state.tray().__contains__,
        on_open=walk_to_galaxy,
        on_collect=_toggle_tray,
        refresh=["tray", "grid_walk"],
    )


def _toggle_tray(pair: Pair) -> None:
    detail.toggle_tray(pair)
    st.rerun(["tray", "grid_walk"])


def correlations_panel(walk: Walk) -> None:
    """Spearman's correlation of the axes with the properties of the real galaxies."""
    if not walk.layers:
        st.caption("Choose a data set above to correlate the axes with properties of its galaxies.")
        return
    parts: list[dict[str, np.ndarray]] = []
    places: list[np.ndarray] = []
    for key, located in walk.layers.items():
        parts.append(correlations.properties(located.table.iloc[walk.rows_of(key)]))
        places.append(walk.plane.place(walk.latents_of(key))[0])
    names = dict.fromkeys(name for part in parts for name in part)
    values = {
        name: np.concatenate(
            [part.get(name, np.full(len(p), np.nan)) for part, p in zip(parts, places, strict=True)]
        )
        for name in names
    }
    titles = [title.split(" ")[0] for title in walk.plane.titles]
    found = correlations.correlate(values, np.concatenate(places), titles)
    if not found.properties:
        st.caption("Too few galaxies with known properties.")
        return
    if summary := correlations.strongest(found):
        st.markdown(controls.escape(summary))
    st.html(correlations.html_table(found))
    st.caption(
        "Spearman's ρ ± half its 95 % interval, as by a bootstrap. Coloured where p < 0.01 after "
        "Bonferroni correction for the whole table; bold marks the stronger of the two axes."
    )
    export_button(
        "Table as CSV",
        f"radioviz-{walk.info.name}-correlations.csv",
        whole(lambda: safe_csv(found.frame())),
        key="walk_correlations_csv",
    )
