"""Latent map: one or two maps, the galaxy in focus beside them, the selection below."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls, detail, filtering, galaxies, state, tray
from radioviz.ui.controls import View
from radioviz.ui.map import layers
from radioviz.ui.map.component import new_event, scatter_map
from radioviz.ui.map.layers import MapView
from radioviz.ui.pages.latent_map import selection_view
from radioviz.ui.pages.latent_map.latent_map_controls import choose_maps
from radioviz.ui.pages.latent_map.state import (
    FRAGMENTS,
    map_state,
    selection_to_tray,
    toggle_in_tray,
)


@st.fragment(key="latent_map")
@controls.show_errors()
def latent_map(view: View) -> None:
    """Everything below the title; a lasso, a click or a control reruns only this."""
    choice = choose_maps(view)
    maps = [
        (key, model, shown)
        for key, (model, shown) in zip(("map", "map_2"), choice.maps.items(), strict=False)
    ]
    for key, _, shown in maps:
        if event := new_event(key):
            layers.apply_event(event, shown, key)
    if message := map_state().message:
        st.warning(controls.escape(message), icon=":material/search_off:")
    titles = controls.encoder_titles(view.data_set)
    first, two = choice.maps[str(view.model)], len(choice.maps) > 1
    places = st.columns(2) if two else st.columns([2.1, 1], gap="medium")
    if not two:
        with places[1]:
            _focus_panel(view, first)  # before the map, because a click waits for it
    for place, (key, model, shown) in zip(places, maps, strict=False):
        title = titles.get(model, model)
        with place, st.container(key=f"{key}_panel"):
            if two:
                st.markdown(f"**{controls.escape(title)}**")
            scatter_map(
                layers.map_points(shown, choice.colour, view.style, choice.component, title),
                key=key,
                height=640,
            )
    if first.note:
        st.caption(controls.escape(first.note))
    _selection_panel(view, first, two)


def _focus_panel(view: View, shown: MapView, two: bool = False) -> None:
    """The galaxy in focus; without one, a hint and statistics of the whole data set."""
    pair = state.focus()
    with st.container(key="detail"), controls.show_errors():
        if pair is None:
            st.info(
                "Click a galaxy to see it here. Drag to lasso; the toolbar has a box. "
                "Double-click clears.",
                icon=":material/ads_click:",
            )
            if not two:
                selection_view.whole_summary(shown.layers[0].located.catalogue)
            return
        catalogue, row = galaxies.row_of(pair)
        st.html(detail.galaxy_heading(catalogue, row))
        st.html(detail.galaxy_picture(catalogue, row, view.style))
        with st.container(horizontal=True, gap="small"):
            detail.tray_button(pair, key="detail_tray", refresh=FRAGMENTS)
            detail.page_buttons(pair, key="detail", inspect=True)
        detail.show_position(catalogue, row)
        st.html(detail.facts_html(detail.short_facts(catalogue, row)))


def _selection_panel(view: View, shown: MapView, two: bool) -> None:
    """The selection: count, gallery, distributions, export; beside two maps also the focus."""
    brush = filtering.kept(state.brush(), view.model)
    with st.container(key="selection"):
        if not len(brush):
            st.caption(
                f"{len(shown):,} galaxies on the map. Lasso or box some of them to see their "
                "pictures, sizes and classes here."
            )
            if two:
                _focus_panel(view, shown, two)
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            there = layers.count_on(shown, brush)
            st.subheader(f"{there:,} of {len(shown):,} galaxies selected", width="content")
            if len(brush) > there:
                st.caption(f"and {len(brush) - there:,} that are not on this map", width="content")
            st.button(
                "Add all to tray", icon=":material/add:", type="primary", key="brush_to_tray",
                on_click=selection_to_tray, args=(view,),
            )  # fmt: skip
            with st.popover("Export", icon=":material/download:", key="brush_export"):
                tray.export_buttons(brush, view.model, key="brush", note="lassoed on the map")
            st.button(
                "Clear selection", icon=":material/close:", key="brush_clear",
                on_click=state.clear_brush,
            )  # fmt: skip
        left, right = st.columns([2.1, 1], gap="medium")
        with right:
            if two:
                _focus_panel(view, shown, two)
            catalogues = [layer.located.catalogue for layer in shown.layers]
            selection_view.selection_summary(catalogues, brush)
        with left:
            selection_view.selection_gallery(
                brush,
                view.style,
                on_open=lambda pair: state.set_focus(pair[0], pair[1], "gallery"),
                on_collect=toggle_in_tray,
            )
