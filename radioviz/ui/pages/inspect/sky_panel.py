"""Inspect: the sky around a galaxy at other wavelengths, as cutouts and in a viewer."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.api.sky_cutouts import SURVEYS, SkySurvey, sky_cutout
from radioviz.data.catalogue import Catalogue
from radioviz.errors import FetchError
from radioviz.sky import separation_arcsec
from radioviz.ui import cache, controls, sky_layers
from radioviz.ui.pages.inspect.state import Pair
from radioviz.ui.sky_tiles import hips_address
from radioviz.ui.sky_view import CREDIT, SkyScene, draw_viewer, viewer_is_here
from radioviz.ui.state import page_state

_AROUND = 2.0
"""Degrees around the galaxy within which others are drawn."""
_MOST = 2_000


@dataclass
class SkyState:
    """What a session opened on this panel."""

    cutouts: bool = False  # whether cutouts are asked for
    # Why a survey has no cutout, by survey and galaxy.
    failed: dict[tuple[str, Pair], str] = field(default_factory=dict)


def sky_panel(catalogue: Catalogue, row: int, pair: Pair) -> None:
    """Cutouts of surveys, and the viewer."""
    ra, dec = (float(catalogue.table[c].to_numpy(float)[row]) for c in ("ra", "dec"))
    if not (np.isfinite(ra) and np.isfinite(dec)):
        st.info("This source has no sky position.", icon=":material/public:")
        return
    side = min(catalogue.images.shape[1:]) * catalogue.info_of(row).pixel_scale
    _draw_cutouts(ra, dec, side, pair)
    _draw_viewer(catalogue, row, (ra, dec), side, pair)


def _draw_cutouts(ra: float, dec: float, side: float, pair: Pair) -> None:
    held = page_state(SkyState)
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    titles = {s.title: s for s in SURVEYS}
    chosen = left.multiselect("Surveys", list(titles), default=list(titles)[:3], key="sky_surveys")
    field_of_view = float(right.number_input(
        "Field [″]", 10.0, 3600.0, float(np.clip(side, 30, 600)), step=30.0, key="sky_field"
    ))  # fmt: skip
    if not held.cutouts:
        st.caption("Sends the position to hips2fits of the CDS. Pictures are kept in your cache.")
        if not st.button("Show cutouts", icon=":material/image:", key="sky_show"):
            return
        held.cutouts = True
    places = st.columns(3)
    for number, title in enumerate(chosen):
        with places[number % 3]:
            _draw_cutout(titles[title], ra, dec, field_of_view, pair)
    failed = {s: why for (s, of), why in held.failed.items() if of == pair}
    if failed and st.button("Ask again", icon=":material/refresh:", key="sky_again"):
        held.failed.clear()
        st.rerun()


def _draw_cutout(survey: SkySurvey, ra: float, dec: float, side: float, pair: Pair) -> None:
    held = page_state(SkyState)
    if (why := held.failed.get((survey.key, pair))) is None:
        try:
            with st.spinner(f"{survey.title} …"):
                content, kind = sky_cutout(survey, ra, dec, side)
        except FetchError as error:
            why = held.failed[survey.key, pair] = str(error)
    if why is not None:
        st.info(controls.escape(f"{survey.title}: {why}"), icon=":material/cloud_off:")
        return
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    st.html(
        f'<figure style="margin:0"><img src="{source}" style="width:100%;display:block" '
        f'alt="{survey.title}, {side:.0f} arcsec wide, north up"><figcaption '
        f'style="font-size:.8rem;opacity:.8">{survey.title}, {side:.0f}″. {survey.credit}. '
        "hips2fits, CDS</figcaption></figure>"
    )


def _draw_viewer(
    catalogue: Catalogue, row: int, place: tuple[float, float], side: float, pair: Pair
) -> None:
    st.subheader("Sky viewer", divider="gray")
    if not viewer_is_here("sky"):
        return
    first, second, third = st.columns(3)
    with first:
        survey = sky_layers.choose_background("sky", own=True)
    with second:
        lines = sky_layers.choose_contours(catalogue, row, place)
    with third:
        coverages = sky_layers.choose_coverages("sky", [pair[0]])
    opacity = 0.0
    if survey:
        opacity = st.slider("Radio image over the survey", 0, 100, 0, format="%d %%",
                            key="sky_opacity", width=320) / 100  # fmt: skip
    hips = hips_address(catalogue, row) if not survey or opacity else ""
    ids, places = neighbours(pair, *place)
    draw_viewer(
        SkyScene(pair[0], ids, places, place, max(side / 3600, 0.02), pair[1], survey, hips,
                 opacity, lines, coverages),
        "sky_viewer",
    )  # fmt: skip
    drawn = controls.galaxies_text(len(ids))
    drawn = f"The nearest {drawn}" if len(ids) == _MOST else drawn
    st.caption(
        f"{drawn} of {controls.escape(controls.data_set_title(pair[0]))} within "
        f"{_AROUND:g}°, the selected ones in orange; contours of this image in white. "
        f"Click one to open it; select several to select them on every page. {CREDIT}"
    )


def neighbours(pair: Pair, ra: float, dec: float) -> tuple[list[str], np.ndarray]:
    """Galaxies of the data set around a position, the nearest first: identifiers, ``(n, 2)``."""
    catalogue = cache.data_set(pair[0])
    table = catalogue.table
    lon, lat = table["ra"].to_numpy(float), table["dec"].to_numpy(float)
    near = np.flatnonzero(np.abs(lat - dec) <= _AROUND)
    apart = separation_arcsec(ra, dec, lon[near], lat[near])
    order = np.argsort(apart, kind="stable")
    rows = near[order][apart[order] <= 3600 * _AROUND][:_MOST]
    return catalogue.ids_of(rows).tolist(), np.stack([lon, lat], axis=1)[rows]
