"""Inspect: which image of a source is shown, or several as one in colour."""

from __future__ import annotations

import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import lacking_planes
from radioviz.morphology import complete_plane
from radioviz.ui import controls, detail, galaxies
from radioviz.ui.controls import View
from radioviz.ui.image.composite import CompositeStyle, composite, usual_colours
from radioviz.ui.image.display import (
    RGB,
    field_arcsec,
    has_colours,
    rgb_png,
    scale_bar,
    scaled_picture_html,
)


def choose_plane(catalogue: Catalogue, row: int, view: View) -> tuple[Catalogue, int]:
    """A selector of the images of a source; the chosen one with its facts, and its row."""
    if not catalogue.planes:
        return catalogue, row
    options = [*catalogue.planes, *([RGB] if has_colours(catalogue.planes) else [])]
    shown = view.style.plane or catalogue.planes[0]
    st.session_state["inspect_plane"] = RGB if view.style.composite else shown
    st.segmented_control(
        "Image", options, key="inspect_plane", on_change=_chosen, required=True,
        help="Bands or epochs of the source; the gallery shows the same one",
    )  # fmt: skip
    if lacking := lacking_planes(catalogue, row):
        st.caption(controls.escape(f"This source has no {', '.join(lacking)}."))
    number = catalogue.plane_number(shown)
    return (complete_plane(catalogue, row, number), 0) if number else (catalogue, row)


def _chosen() -> None:
    """Show the chosen image here and in galleries."""
    st.session_state["plane"] = st.session_state["inspect_plane"]


def composite_panel(catalogue: Catalogue, row: int, view: View) -> None:
    """Images of a source in red, green and blue."""
    names = list(catalogue.planes)
    usual = usual_colours(catalogue, row)
    chosen = []
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for colour, plane in zip(("Red", "Green", "Blue"), usual, strict=True):
            key = f"composite_{colour.lower()}_{catalogue.info.key}"
            held = st.session_state.get(key)
            st.session_state[key] = held if held in names else plane
            chosen.append(str(st.selectbox(colour, names, key=key, width=140)))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        stretch = st.number_input(
            "Stretch", 0.1, 1000.0, 5.0, step=1.0, key="composite_stretch",
            persist_state="session", width=110,
            help="Brightness, in units of the noise, up to which the scale is linear",
        )  # fmt: skip
        softening = st.number_input(
            "Q", 0.1, 50.0, 8.0, step=1.0, key="composite_softening", persist_state="session",
            width=100, help="Larger values show bright and faint emission together",
        )  # fmt: skip
    colours = CompositeStyle((chosen[0], chosen[1], chosen[2]), float(stretch), float(softening))
    field = field_arcsec(catalogue.of_plane(0).info_of(row), view.style)
    alt = f"{galaxies.name_of(catalogue.table, row)}: {', '.join(chosen)} as red, green, blue"
    picture = rgb_png(composite(catalogue, row, view.style, colours))
    st.html(scaled_picture_html(picture, scale_bar(field), view.style, alt=alt))
    st.caption(
        controls.escape(
            f"Red {chosen[0]}, green {chosen[1]}, blue {chosen[2]}, each in units of its own "
            f"noise (Lupton et al. 2004); {field:.0f} arcsec wide"
        )
    )
    st.html(detail.facts_html(_facts(catalogue, row)))


def _facts(catalogue: Catalogue, row: int) -> list[tuple[str, str]]:
    """Beam, frequency and unit of each image."""
    out = []
    for k, name in enumerate(catalogue.planes):
        info = catalogue.of_plane(k).info_of(row)
        said = [
            f"{value:.4g} {unit}"
            for value, unit in (
                (info.beam, "arcsec beam"),
                (info.frequency, "GHz"),
                (info.pixel_scale, "arcsec a pixel"),
            )
            if value
        ]
        out.append((name, ", ".join([*said, info.bunit or "grey levels"])))
    return out
