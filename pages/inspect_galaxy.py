"""Inspect one galaxy: image, contours, measurements, neighbours, reconstruction, header."""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.errors import RadioVizError
from radioviz.ui import cache, controls, detail, galaxies, gallery, state, tray
from radioviz.ui.controls import View
from radioviz.ui.image.sky_image import contour_levels, sky_image
from radioviz.ui.map import layers as explore
from radioviz.ui.map.component import new_event, scatter_map
from radioviz.ui.pages.inspect import explanation
from radioviz.ui.pages.inspect import reconstructions as reconstruction
from radioviz.ui.pages.likelihood import likelihood_place
from radioviz.ui.state import Selection


def find(view: View) -> None:
    """Look up what was typed and open the best match."""
    text = str(st.session_state["inspect_find"]).strip()
    st.session_state["inspect_message"] = ""
    if not text:
        return
    try:
        catalogue = cache.data_set(view.data_set)
        rows = galaxies.find_galaxies(catalogue, text, 120.0)
    except RadioVizError as error:
        st.session_state["inspect_message"] = str(error)
        return
    ids = catalogue.table["source_id"].to_numpy()
    state.set_focus(view.data_set, str(ids[rows[0]]))
    if len(rows) > 1:
        st.session_state["inspect_message"] = (
            f"{len(rows):,} matches; this is the first. The latent map shows them all."
        )


def at_random(view: View) -> None:
    ids = cache.data_set(view.data_set).table["source_id"].to_numpy()
    state.set_focus(view.data_set, str(np.random.default_rng().choice(ids)))


def followed_link(view: View) -> None:
    """A link may name the galaxy: ``?data=first&source=first-7``."""
    source = st.query_params.get("source")
    if source and source != st.session_state.get("inspect_written"):
        st.session_state["inspect_written"] = source
        state.set_focus(view.data_set, source)


def chosen(view: View, catalogue: Catalogue) -> tuple[str, str]:
    """The galaxy to show: the focus if it is of the data set in view, else the first one."""
    pair = state.focus()
    if pair is not None and pair[0] == view.data_set:
        return pair
    return view.data_set, str(catalogue.table["source_id"].iat[0])


def image_panel(catalogue: Catalogue, row: int, view: View) -> None:
    image = catalogue.image(row)
    if not np.isfinite(image).any() or np.nanmax(image) == np.nanmin(image):
        st.warning("This image holds nothing: every pixel is blank or of one value.")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        contours = st.toggle("Contours", key="contours", persist_state="session")
        base, number = contour_levels(image, catalogue.info.raw)
        if contours and number:
            unit = catalogue.info.bunit or "grey levels"
            st.caption(controls.escape(f"from {base:.3g} {unit}, each twice the one before"))
    st.plotly_chart(
        sky_image(image, catalogue.info, view.style, contours=contours),
        key="inspect_image",
        alt=f"Image of {galaxies.name_of(catalogue.table, row)}, offsets in arcsec",
        config={"displaylogo": False, "modeBarButtonsToRemove": ["autoScale2d"]},
    )


def facts_panel(catalogue: Catalogue, row: int, pair: tuple[str, str], view: View) -> None:
    with st.container(horizontal=True, gap="small"):
        detail.tray_button(pair, key="inspect_tray")
        if st.button("Show on the map", icon=":material/scatter_plot:", key="inspect_map"):
            state.set_focus(*pair)
            st.switch_page(controls.LATENT_MAP)
        if st.button("Similar", icon=":material/image_search:", key="inspect_similar"):
            controls.go_similar(pair)
        if st.button("Walk", icon=":material/grid_view:", key="inspect_walk", help="Grid walk"):
            controls.go_walk(pair)
        with st.popover("Export", icon=":material/download:", key="inspect_export"):
            tray.export_buttons(Selection([pair]), view.model, key="inspect", note="one galaxy")
    detail.show_position(catalogue, row)
    st.html(detail.facts_html(galaxies.galaxy_facts(catalogue, row, measured=False)))
    if measured := galaxies.galaxy_facts(catalogue, row, measured=True):
        st.caption("Measured in the image")
        st.html(detail.facts_html(measured))


def image_facts(catalogue: Catalogue, source_id: str) -> None:
    info = catalogue.info
    ny, nx = catalogue.images.shape[1:]
    st.html(
        detail.facts_html(
            [
                ("Data set", info.title),
                ("Identifier", source_id),
                ("Image", f"{nx} × {ny} pixels of {info.pixel_scale:g} arcsec"),
                ("Beam", f"{info.beam:g} arcsec" if info.beam else "unknown"),
                ("Pixel values", info.bunit or "uncalibrated grey levels"),
                ("Terms", info.licence),
            ]
        )
    )


def look_at(pair: tuple[str, str]) -> None:
    state.set_focus(*pair)


def neighbours_panel(pair: tuple[str, str], view: View) -> None:
    if view.model is None or not controls.has_map(view):
        return
    located = cache.located(pair[0], view.model)
    ids, distances = explore.nearest_in_latents(located, pair[1], 12)
    st.caption("Nearest in the latent space of the encoder in view (Euclidean distance)")
    cells = galaxies.galaxy_cells([(pair[0], s) for s in ids], view.style)
    gallery.gallery(
        [gallery.with_note(c, f"d = {d:.3g}") for c, d in zip(cells, distances, strict=True)],
        key="neighbours",
        label="Nearest galaxies in latent space",
        in_tray=state.tray().__contains__,
        on_open=look_at,
        on_collect=detail.toggle_tray,
    )


def place_panel(pair: tuple[str, str], view: View) -> None:
    if view.model is None or not controls.has_map(view):
        return
    layouts = explore.layouts_of(cache.located(pair[0], view.model))
    layout = st.session_state.get("layout")
    layout = layout if layout in layouts else next(iter(layouts))
    shown = explore.map_view([pair[0]], view.model, layout)
    if event := new_event("place_map"):
        explore.apply_event(event, shown, "place_map")
        if event.kind == "click":
            st.rerun()
    choice = explore.map_colours(shown)[0]
    scatter_map(
        explore.map_points(shown, choice, view.style, model_title=view.model),
        key="place_map",
        height=420,
    )


def header_panel(catalogue: Catalogue, row: int) -> None:
    header = galaxies.header_of(catalogue, row)
    if not header:
        st.caption(
            f"{controls.escape(catalogue.info.title)} comes without FITS headers. An exported file "
            "carries a WCS made from the position and the pixel size."
        )
        return
    st.code(header, language=None, height=360)


def main() -> None:
    view = controls.draw_sidebar()
    with controls.show_errors():
        catalogue = controls.open_with_progress(view.data_set)
        followed_link(view)
        pair = chosen(view, catalogue)
        title, find_it, random = st.columns([2, 2, 0.9], vertical_alignment="bottom")
        find_it.text_input(
            "Find a galaxy",
            key="inspect_find",
            on_change=find,
            args=(view,),
            placeholder="Name, J2000, or position in degrees or sexagesimal",
        )
        random.button(
            "One at random",
            icon=":material/casino:",
            key="inspect_random",
            on_click=at_random,
            args=(view,),
            width="stretch",
        )
        if message := st.session_state.get("inspect_message"):
            st.warning(controls.escape(message), icon=":material/search:")
        _, row = galaxies.row_of(pair)
        st.session_state["inspect_written"] = pair[1]
        view.publish(source=pair[1])
        title.html(detail.galaxy_heading(catalogue, row, large=True))
        left, right = st.columns([1.5, 1], gap="medium")
        with left, controls.show_errors():
            image_panel(catalogue, row, view)
            image_facts(catalogue, pair[1])
        with right, controls.show_errors():
            facts_panel(catalogue, row, pair, view)
        tabs = st.tabs(
            [
                "Neighbours",
                "Place on the map",
                "FR class",
                "Likelihood",
                "Reconstruction",
                "FITS header",
            ],
            key="inspect_tabs",
        )
        with tabs[0], controls.show_errors():
            neighbours_panel(pair, view)
        with tabs[1], controls.show_errors():
            place_panel(pair, view)
        with tabs[2], controls.show_errors():
            explanation.panel(catalogue, row, view)
        with tabs[3], controls.show_errors():
            likelihood_place.panel(pair, view)
        with tabs[4], controls.show_errors():
            reconstruction.panel(catalogue, row, view)
        with tabs[5], controls.show_errors():
            header_panel(catalogue, row)


main()
