"""Latent map: the controls above the map. Layout, colours, overlay, second encoder, search."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from radioviz.ui import cache, controls, url_state
from radioviz.ui.controls import View, linked_select
from radioviz.ui.map import colouring, layers
from radioviz.ui.map.colouring import Choice
from radioviz.ui.map.layer_colours import map_colours, no_colours
from radioviz.ui.map.layers import MapDisplay, MapView
from radioviz.ui.pages.latent_map.cluster_menu import cluster_menu, cluster_places
from radioviz.ui.pages.latent_map.display_menu import display_menu
from radioviz.ui.pages.latent_map.state import find_on_map

NOTHING = "nothing"
SKY = "sky"
"""Beside the map the sky, instead of a second encoder."""


@dataclass(frozen=True, eq=False)
class MapChoice:
    """What the controls ask for: one or two maps by encoder, and their colours."""

    maps: dict[str, MapView]
    colour: Choice
    component: int  # latent component, counted from 0
    display: MapDisplay
    sky: bool = False  # the sky viewer beside the map


def choose_maps(view: View) -> MapChoice:
    """Draw the controls."""
    model = str(view.model)
    located = cache.located(view.data_set, model)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    columns = [row.container(width=width) for width in (95, 190, 135, 165, 165, 120, 105)]
    with columns[0]:
        layout = linked_select("Layout", layers.layouts_of(located), "layout", "layout")
    with columns[2]:
        others = controls.overlays(view)
        url_state.linked_choices("overlay", "overlay", others, [])
        number = len(st.session_state["overlay"])
        with st.popover(f"Overlay: {number or 'none'}", key="map_overlay", width="stretch"):
            overlays = st.multiselect(
                "Other data sets on the same map", others, key="overlay",
                format_func=controls.data_set_title, placeholder="None", persist_state="session",
            )  # fmt: skip
    with columns[3]:
        titles = controls.encoder_titles(view.data_set)
        models = {m: titles.get(m, m) for m in cache.atlas_names(view.data_set) if m != model}
        beside = linked_select(
            "Beside the map", {NOTHING: "None", SKY: "The sky", **models}, "beside", "beside",
            help="The sky in Aladin Lite, or a second encoder; both share the selection",
        )  # fmt: skip
    columns[4].text_input(
        "Find",
        placeholder="Name, J2000, or position",
        key="find",
        on_change=find_on_map,
        args=(view,),
        help="FIRST J0747, first-12, 116.785 +17.291, 07:47:08.4 +17:17:27",
    )
    columns[5].number_input(
        "Search radius [″]", 1.0, 36000.0, 60.0, step=10.0, format="%g", key="find_radius",
        on_change=find_on_map, args=(view,),
    )  # fmt: skip
    for key in overlays:
        controls.open_with_progress(key)
    maps = {model: layers.map_view([view.data_set, *overlays], model, layout)}
    if beside not in (NOTHING, SKY):
        there = layers.layouts_of(cache.located(view.data_set, beside))
        layout_there = layout if layout in there else next(iter(there))
        maps[beside] = layers.map_view([view.data_set], beside, layout_there)
    choices = {c.key: c for c in map_colours(maps[model])}
    component = "1"
    with columns[1]:
        colour = linked_select(
            "Colour by", {k: c.text for k, c in choices.items()}, "colour", "colour",
            help=_not_listed(no_colours(maps[model])),
        )  # fmt: skip
        latent = colour == colouring.LATENT
        if latent:
            numbers = {str(i + 1): str(i + 1) for i in range(located.atlas.latents.shape[1])}
            component = linked_select("Component", numbers, "component", "component")
    with columns[6], st.popover("Display", key="map_display", width="stretch"):
        display, parameters = display_menu(choices, colour, maps[model])
        with controls.show_errors():
            if cluster_menu(view, parameters):
                display = replace(display, names=tuple(cluster_places(maps[model])))
    view.publish(
        layout=layout,
        **parameters,
        colour=colour,
        component=component if latent else None,
        overlay=",".join(overlays),
        beside=None if beside == NOTHING else beside,
    )
    return MapChoice(maps, choices[colour], int(component) - 1, display, beside == SKY)


def _not_listed(apart: dict[str, str]) -> str | None:
    """Why columns of the table are no colours."""
    if not apart:
        return None
    named = [f"{name[:40]} ({why})" for name, why in list(apart.items())[:12]]
    more = f" and {len(apart) - 12:,} more" if len(apart) > 12 else ""
    return controls.escape(f"Not listed: {', '.join(named)}{more}")
