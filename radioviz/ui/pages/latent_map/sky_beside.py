"""Latent map: the sky beside the map, with the same selection and galaxy in focus."""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.sky import unit_vectors
from radioviz.ui import cache, controls, filtering, sky_layers, state
from radioviz.ui.controls import View
from radioviz.ui.sky_tiles import hips_address
from radioviz.ui.sky_view import CREDIT, SkyLines, SkyScene, draw_viewer, viewer_is_here

MOST = 5_000
"""Galaxies that are drawn; of more the selected ones and a sample."""
_ALL_SKY, _NEAR = 360.0, 0.5  # degrees


def sky_beside(view: View, height: str) -> None:
    """The galaxies of the data set in view that pass the filter, on the sky."""
    if not viewer_is_here("map_sky"):
        return
    passing = placed_rows(view)
    if not len(passing):
        title = controls.escape(controls.data_set_title(view.data_set))
        st.info(f"No galaxy of {title} in view has a sky position.", icon=":material/public:")
        return
    catalogue, focus = cache.data_set(view.data_set), state.focus()
    table = catalogue.table
    rows = drawn_rows(passing, view.data_set)
    whole = table[["ra", "dec"]].to_numpy(float)
    places = whole[rows]
    ids = catalogue.ids_of(rows).tolist()
    here = focus[1] if focus is not None and focus[0] == view.data_set and focus[1] in ids else ""
    left, right = st.columns(2)
    with left:
        survey = sky_layers.choose_background("map_sky", own=bool(here))
    with right:
        shown = [k for k in cache.available_data_sets() if k == view.data_set or cache.is_open(k)]
        coverages = sky_layers.choose_coverages("map_sky", shown)
    (target, field), hips = view_of(whole[passing]), ""
    lines: list[SkyLines] = []
    if here:
        row = int(catalogue.rows_of([here])[0])
        at = places[ids.index(here)]
        target, field = (float(at[0]), float(at[1])), _NEAR
        lines = sky_layers.image_contours(catalogue, row, sky_layers.THIS, "#FFFFFF")
        hips = "" if survey else hips_address(catalogue, row)
    draw_viewer(
        SkyScene(view.data_set, ids, places, target, field, here, survey, hips, 0.0, lines,
                 coverages),
        "map_sky_viewer", f"calc({height} - 110px)",
    )  # fmt: skip
    drawn = controls.galaxies_text(len(ids))
    if len(passing) > len(ids):
        drawn = f"{drawn} of {len(passing):,} (the selected and a sample; filter to draw all)"
    st.caption(
        f"{drawn}, the selected ones in orange. What you select here is selected on the map, and "
        f"the other way round; a click opens a galaxy. {CREDIT}"
    )


def view_of(places: np.ndarray) -> tuple[tuple[float, float], float]:
    """Middle of some positions, ``(n, 2)`` in degrees, and the width of a view that shows them."""
    vectors = unit_vectors(places[:, 0], places[:, 1])
    middle = vectors.mean(axis=0)
    length = float(np.linalg.norm(middle))
    if length < 0.1:  # all around the sky
        return (0.0, 0.0), _ALL_SKY
    middle = middle / length
    ra = float(np.degrees(np.arctan2(middle[1], middle[0]))) % 360
    dec = float(np.degrees(np.arcsin(middle[2])))
    reach = float(np.degrees(np.arccos(np.clip(vectors @ middle, -1, 1)).max()))
    return (ra, dec), float(np.clip(2.4 * reach, _NEAR, _ALL_SKY))


def placed_rows(view: View) -> np.ndarray:
    """Rows with a sky position that pass the filter."""
    table = cache.data_set(view.data_set).table
    placed = np.isfinite(table[["ra", "dec"]].to_numpy(float)).all(axis=1)
    if (mask := filtering.passing(view.data_set, view.model)) is not None:
        placed &= mask
    return np.flatnonzero(placed)


def drawn_rows(rows: np.ndarray, data_set: str) -> np.ndarray:
    """Rows that are drawn of those that could be: galaxy in focus, selection, and a sample."""
    if len(rows) <= MOST:
        return rows
    wanted = [*state.brush().groups().get(data_set, [])]
    if (focus := state.focus()) is not None and focus[0] == data_set:
        wanted.insert(0, focus[1])
    chosen = cache.data_set(data_set).known_rows_of(wanted)
    chosen = np.unique(chosen[np.isin(chosen, rows)][:MOST])
    rest = np.setdiff1d(rows, chosen, assume_unique=True)
    sample = np.random.default_rng(0).permutation(rest)[: MOST - len(chosen)]
    return np.concatenate([chosen, np.sort(sample)])
