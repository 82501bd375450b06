"""Latent map: where the encoders put the galaxies; lasso, style, compare, export."""

from __future__ import annotations

import streamlit as st

from radioviz.errors import RadioVizError
from radioviz.ui import cache, controls, detail, galaxies, state, tray, url_state
from radioviz.ui.controls import View
from radioviz.ui.map import colouring
from radioviz.ui.map import layers as explore
from radioviz.ui.map.component import new_event, scatter_map
from radioviz.ui.map.layers import MapView
from radioviz.ui.pages.latent_map import selection_view

FRAGMENTS = ["tray", "latent_map"]
NOTHING = "nothing"


def find(view: View) -> None:
    """Look up what was typed: matches become the selection, the best of them the focus."""
    text = str(st.session_state["find"]).strip()
    st.session_state["find_message"] = ""
    if not text:
        return
    try:
        catalogue = cache.data_set(view.data_set)
        rows = galaxies.find_galaxies(catalogue, text, float(st.session_state["find_radius"]))
    except RadioVizError as error:
        st.session_state["find_message"] = str(error)
        return
    ids = catalogue.table["source_id"].to_numpy()[rows]
    state.set_brush([(view.data_set, str(s)) for s in ids] if len(ids) > 1 else (), "find")
    state.set_focus(view.data_set, str(ids[0]))


def collect(pair: tuple[str, str]) -> None:
    detail.toggle_tray(pair)
    st.rerun(FRAGMENTS)


def collect_all() -> None:
    state.tray().update(state.brush())
    st.rerun(FRAGMENTS)


def look_at(pair: tuple[str, str]) -> None:
    state.set_focus(*pair, origin="gallery")


def choose(view: View) -> tuple[MapView, MapView | None, colouring.Choice, int]:
    """The controls: what is on the map, on a second map beside it, and its colours."""
    located = cache.located(view.data_set, str(view.model))
    layouts = explore.layouts_of(located)
    columns = st.columns([1, 1.5, 1.3, 1.4, 1.8, 0.8], vertical_alignment="bottom")
    with columns[0]:
        url_state.linked_choice("layout", "layout", list(layouts), next(iter(layouts)))
        layout = st.selectbox(
            "Layout",
            list(layouts),
            format_func=layouts.__getitem__,
            key="layout",
            persist_state="session",
        )
    with columns[2]:
        others = [NOTHING, *controls.overlays(view)]
        url_state.linked_choice("overlay", "overlay", others, NOTHING)
        overlay = st.selectbox(
            "Overlay",
            others,
            format_func=controls.data_set_title,
            key="overlay",
            persist_state="session",
            help="A second data set on the same map, as open diamonds",
        )
    with columns[3]:
        models = [NOTHING, *(m for m in cache.atlas_names(view.data_set) if m != view.model)]
        titles = controls.encoder_titles(view.data_set)
        url_state.linked_choice("beside", "beside", models, NOTHING)
        beside = st.selectbox(
            "Beside it",
            models,
            format_func=lambda m: titles.get(m, m),
            key="beside",
            persist_state="session",
            help="A second encoder; the selection is shared",
        )
    with columns[4]:
        st.text_input(
            "Find",
            placeholder="Name, J2000, or position",
            key="find",
            on_change=find,
            args=(view,),
            help="First J0747, first-12, 116.785 +17.291, 07:47:08.4 +17:17:27",
        )
    with columns[5]:
        st.number_input(
            "Cone [″]",
            1.0,
            36000.0,
            60.0,
            step=10.0,
            format="%g",
            key="find_radius",
            on_change=find,
            args=(view,),
        )
    data_sets = [view.data_set, *([] if overlay == NOTHING else [str(overlay)])]
    first = explore.map_view(data_sets, str(view.model), str(layout))
    second = None
    if beside != NOTHING:
        there = explore.layouts_of(cache.located(view.data_set, str(beside)))
        second = explore.map_view(
            [view.data_set], str(beside), layout if layout in there else next(iter(there))
        )
    choices = {c.key: c for c in explore.map_colours(first)}
    component = 0
    with columns[1]:
        url_state.linked_choice("colour", "colour", list(choices), next(iter(choices)))
        colour = st.selectbox(
            "Colour by",
            list(choices),
            format_func=lambda k: choices[k].text,
            key="colour",
            persist_state="session",
        )
        if colour == colouring.LATENT:
            components = [str(i + 1) for i in range(located.atlas.latents.shape[1])]
            url_state.linked_choice("component", "component", components, "1")
            component = (
                int(st.selectbox("Component", components, key="component", persist_state="session"))
                - 1
            )
    view.publish(
        layout=str(layout),
        colour=str(colour),
        component=str(component + 1) if colour == colouring.LATENT else None,
        overlay=None if overlay == NOTHING else str(overlay),
        beside=None if beside == NOTHING else str(beside),
    )
    return first, second, choices[str(colour)], component


@st.fragment(key="latent_map")
def latent_map(view: View) -> None:
    """All below the title; a lasso, a click or a control runs this alone."""
    with controls.show_errors():
        first, second, choice, component = choose(view)
        maps = {"map": first} | ({"map_2": second} if second else {})
        for key, shown in maps.items():
            if event := new_event(key):
                explore.apply_event(event, shown, key)
        if message := st.session_state.get("find_message"):
            st.warning(controls.escape(message), icon=":material/search_off:")
        titles = controls.encoder_titles(view.data_set)
        models = [str(view.model), str(st.session_state.get("beside"))]
        places = st.columns(2) if second else st.columns([2.1, 1], gap="medium")
        if not second:
            with places[1]:
                side_panel(view, first)  # before the map: it is what a click waits for
        for place, model, (key, shown) in zip(places, models, maps.items(), strict=False):
            with place, st.container(key=f"{key}_panel"):
                if second:
                    st.markdown(f"**{controls.escape(titles.get(model, model))}**")
                scatter_map(
                    explore.map_points(
                        shown, choice, view.style, component, titles.get(model, model)
                    ),
                    key=key,
                    height=640,
                )
        if first.note:
            st.caption(controls.escape(first.note))
        below(view, first, beside=second is not None)


def side_panel(view: View, shown: MapView, beside: bool = False) -> None:
    """The galaxy in focus; without one, what to do and all galaxies in figures."""
    pair = state.focus()
    with st.container(key="detail"), controls.show_errors():
        if pair is None:
            st.info(
                "Click a galaxy to see it here. Drag to lasso; the toolbar has a box. "
                "Double-click clears.",
                icon=":material/ads_click:",
            )
            if not beside:
                selection_view.whole(shown.layers[0].located.catalogue)
            return
        catalogue, row = galaxies.row_of(pair)
        st.html(detail.galaxy_heading(catalogue, row))
        st.html(detail.galaxy_picture(catalogue, row, view.style))
        with st.container(horizontal=True, gap="small"):
            detail.tray_button(pair, key="detail_tray", refresh=FRAGMENTS)
            if st.button("Inspect", icon=":material/center_focus_strong:", key="detail_inspect"):
                controls.go_inspect(pair)
            if st.button("Similar", icon=":material/image_search:", key="detail_similar"):
                controls.go_similar(pair)
            if st.button("Walk", icon=":material/grid_view:", key="detail_walk", help="Grid walk"):
                controls.go_walk(pair)
        detail.show_position(catalogue, row)
        st.html(detail.facts_html(detail.short_facts(catalogue, row)))


def below(view: View, shown: MapView, beside: bool) -> None:
    """What was selected: count, gallery, distributions, export.

    Parameters
    ----------
    beside : bool
        True when two maps fill the width, so that the side panel comes here.
    """
    brush = state.brush()
    with st.container(key="selection"):
        if not len(brush):
            st.caption(
                f"{len(shown):,} galaxies on the map. Lasso or box some of them to see their "
                "pictures, sizes and classes here."
            )
            if beside:
                side_panel(view, shown, beside)
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            there = explore.count_on(shown, brush)
            st.subheader(f"{there:,} of {len(shown):,} galaxies selected", width="content")
            if len(brush) > there:
                st.caption(f"and {len(brush) - there:,} that are not on this map", width="content")
            st.button(
                "Add all to tray",
                icon=":material/add:",
                type="primary",
                key="brush_to_tray",
                on_click=collect_all,
            )
            with st.popover("Export", icon=":material/download:", key="brush_export"):
                tray.export_buttons(brush, view.model, key="brush", note="lassoed on the map")
            st.button(
                "Clear selection",
                icon=":material/close:",
                key="brush_clear",
                on_click=state.clear_brush,
            )
        left, right = st.columns([2.1, 1], gap="medium")
        with right:
            if beside:
                side_panel(view, shown, beside)
            selection_view.summary([layer.located.catalogue for layer in shown.layers], brush)
        with left:
            selection_view.linked_gallery(brush, view.style, look_at, collect)


def main() -> None:
    view = controls.draw_sidebar()
    st.title("Latent map")
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        if controls.has_map(view):
            latent_map(view)


main()
