"""Latent map: one or two maps, or map and sky; beside or below them selection and focus."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from radioviz.data.matching import REPEAT_ARCSEC
from radioviz.ui import cache, controls, detail, filtering, galaxies, gallery_tools, state, tray
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.exports.export_job import Write
from radioviz.ui.exports.export_panel import export_button
from radioviz.ui.galaxy_search import draw_search_outcome
from radioviz.ui.label_editor import draw_labels
from radioviz.ui.map import layers
from radioviz.ui.map.component import new_event, scatter_map, seen_map
from radioviz.ui.map.figure_of_map import figure_of
from radioviz.ui.map.layers import MapView
from radioviz.ui.map.map_points import MapPoints, SeenMap
from radioviz.ui.pages.latent_map import selection_view
from radioviz.ui.pages.latent_map.latent_map_controls import choose_maps
from radioviz.ui.pages.latent_map.map_lines import map_script
from radioviz.ui.pages.latent_map.sky_beside import sky_beside
from radioviz.ui.pages.latent_map.state import (
    FRAGMENTS,
    SEARCH_BOX,
    area_of,
    keep_area,
    map_finder,
    selection_to_tray,
    show_matches,
)
from radioviz.ui.state import Selection
from radioviz.ui.workspace_columns import columns_in_view
from radioviz.workspace.table_columns import Text

HEIGHT = "clamp(400px, calc(100vh - 232px), 1600px)"
"""Of a map: what the window has below title and controls."""


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
    draw_search_outcome(
        SEARCH_BOX, map_finder(view), show_matches, state.focus(), lambda p: state.set_focus(*p)
    )
    titles = controls.encoder_titles(view.data_set)
    first, two = choice.maps[str(view.model)], len(choice.maps) > 1
    halves = two or choice.sky
    places = st.columns(2 if halves else [2, 1], gap="medium")
    if not halves:
        with places[1]:
            _side_panel(view, first)  # before the map, because a click waits for it
    for place, (key, model, shown) in zip(places, maps, strict=False):
        title = titles.get(model, model)
        with place, st.container(key=f"{key}_panel"):
            if two:
                st.markdown(f"**{controls.escape(title)}**")
            points = layers.map_points(
                shown, choice.colour, view.style, choice.component, title, choice.display
            )
            place_of = f"{view.data_set}/{model}/{shown.title}"
            points = replace(points, area=area_of(place_of))
            scatter_map(points, key=key, height=HEIGHT, on_look=partial(keep_area, place_of))
            if shown is first:
                _save_menu(points, key)
                _notes(first)
    if choice.sky:
        with places[1], controls.show_errors():
            sky_beside(view, HEIGHT)
    if halves:
        _side_panel(view, first)
    draw_code(
        view,
        lambda: map_script(view, choice),
        data_sets=[layer.data_set for layer in first.layers],
        models=list(choice.maps),
        methods=[first.layout.split("_")[0], choice.colour.key, *["sky_viewer"] * choice.sky],
    )


@st.fragment
def _save_menu(points: MapPoints, key: str) -> None:
    """The map as a figure: what is in view, as it is drawn."""

    def write(kind: str, seen: SeenMap) -> Write:
        from radioviz.export.map_figure import write_map_figure

        return lambda file, progress: write_map_figure(file, figure_of(points, seen), kind)

    menu = st.popover("Save map", icon=":material/image:", key="map_save", on_change="rerun")
    if not menu.open:  # what is in view is asked for when it opens
        return
    with menu:
        st.caption("What is in view, with axes, legend, names and lines.")
        for kind, about in (("png", "PNG, 300 dpi"), ("svg", "SVG"), ("pdf", "PDF")):
            export_button(about, f"radioviz-map.{kind}", write(kind, seen_map(key)),
                          key=f"map_save_{kind}", slices=4, width="stretch")  # fmt: skip


def _notes(shown: MapView) -> None:
    """What to know about the galaxies of the map."""
    if shown.note:
        st.caption(controls.escape(shown.note))
    if len(shown.layers) > 1:
        with controls.show_errors():
            _overlap(shown)


def _overlap(shown: MapView) -> None:
    """How many different galaxies there are, and classes on which two data sets disagree."""
    first, second = shown.layers[:2]
    found = cache.overlap(first.data_set, second.data_set)
    if not found.shared:
        return
    st.caption(
        controls.escape(
            f"{found.distinct:,} distinct galaxies: {found.shared:,} of {second.title} are also in "
            f"{first.title} (within {REPEAT_ARCSEC:g}″) and are drawn twice."
        )
    )
    if not len(found.disagreements):
        return
    title = f"{len(found.disagreements):,} galaxies have different classes in the two"
    with st.expander(title, icon=":material/compare_arrows:", key="map_disagreements"):
        st.dataframe(
            found.disagreements, hide_index=True, key="map_disagreements_table",
            column_config={
                "name": "Name",
                "first": f"Class in {first.title}",
                "second": f"Class in {second.title}",
                "separation": st.column_config.NumberColumn("Separation [″]", format="%.1f"),
                "first_id": "Identifier",
                "second_id": f"Identifier in {second.title}",
            },
        )  # fmt: skip


def _side_panel(view: View, shown: MapView) -> None:
    """The selection, then the galaxy in focus, then statistics; what there is of them."""
    brush = filtering.kept(state.brush(), view.model)
    if len(brush):
        _selection_panel(view, shown, brush)
    _focus_panel(view)
    with controls.show_errors():
        catalogues = [layer.located.catalogue for layer in shown.layers]
        if len(brush):
            selection_view.selection_summary(catalogues, brush)
        elif state.focus() is None:
            _whole(view, shown)


def _whole(view: View, shown: MapView) -> None:
    """How many galaxies the map shows, and sizes and classes of those of the first survey."""
    masks = [filtering.passing(layer.data_set, view.model) for layer in shown.layers]
    number = sum(
        len(layer.positions) if mask is None else int(np.count_nonzero(mask[layer.located.rows]))
        for layer, mask in zip(shown.layers, masks, strict=True)
    )
    st.caption(f"{controls.galaxies_text(number)} on the map")
    labels = columns_in_view(view.data_set, view.model).values("label")
    if isinstance(labels, Text):
        selection_view.whole_summary(shown.layers[0].located.catalogue, labels, masks[0])


def _focus_panel(view: View) -> None:
    """The galaxy in focus; without one, how to select."""
    pair = state.focus()
    with st.container(key="detail"), controls.show_errors():
        if pair is None:
            if not len(state.brush()):
                st.info(
                    "Click a galaxy to see it here. Drag to lasso galaxies and see their pictures, "
                    "sizes and classes; the toolbar has a box. Double-click clears.",
                    icon=":material/ads_click:",
                )
            return
        catalogue, row = galaxies.row_of(pair)
        st.html(detail.galaxy_heading(catalogue, row))
        st.html(detail.galaxy_picture(catalogue, row, view.style))
        with st.container(horizontal=True, gap="small"):
            detail.tray_button(pair, key="detail_tray", refresh=FRAGMENTS)
            detail.page_buttons(pair, key="detail", inspect=True)
        detail.show_position(catalogue, row)
        st.html(detail.facts_html(detail.short_facts(catalogue, row)))
        draw_labels(pair, key="detail")


def _selection_panel(view: View, shown: MapView, brush: Selection) -> None:
    """The selection: count, actions, pictures."""
    with st.container(key="selection"):
        there = layers.count_on(shown, brush)
        st.subheader(f"{there:,} of {len(shown):,} galaxies selected")
        if len(brush) > there:
            st.caption(f"and {len(brush) - there:,} that are not on this map")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Add all to tray", icon=":material/add:", type="primary", key="brush_to_tray",
                on_click=selection_to_tray, args=(view,),
            )  # fmt: skip
            with st.popover("Export", icon=":material/download:", key="brush_export"):
                listed = Selection(gallery_tools.ordered(list(brush), view.model, "gallery"))
                tray.export_buttons(listed, view.model, key="brush", note="lassoed on the map")
            st.button(
                "Clear selection", icon=":material/close:", key="brush_clear",
                on_click=state.clear_brush,
            )  # fmt: skip
        selection_view.selection_gallery(view, brush)
