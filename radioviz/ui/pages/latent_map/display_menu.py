"""Latent map: how colours, points and lines are drawn. All of it is in the link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from radioviz.ui import url_state
from radioviz.ui.controls import linked_select
from radioviz.ui.map import colouring
from radioviz.ui.map.colouring import Choice
from radioviz.ui.map.hover_text import ALWAYS
from radioviz.ui.map.layers import MapDisplay, MapView
from radioviz.ui.map.map_points import MISSING, PointLook
from radioviz.ui.palette import PALETTE_TITLES

_AUTO = "auto"
_MOST_HOVERED = 8
Parameters = dict[str, str | None]


def display_menu(
    choices: Mapping[str, Choice], colour: str, shown: MapView
) -> tuple[MapDisplay, Parameters]:
    """Widgets of the menu: what they say, and their parameters of the link."""
    given: Parameters = {}
    numeric = choices[colour].numeric
    scale, palette = _AUTO, _AUTO
    limits: tuple[float | None, float | None] = (None, None)
    if numeric:
        scale = linked_select("Colour scale", colouring.SCALES, "map_scale", "scale")
        palettes = {_AUTO: "Automatic", **PALETTE_TITLES}
        palette = linked_select("Colours", palettes, "map_palette", "palette")
        limits = _limits(colour, given)
    given["scale"] = None if scale == _AUTO else scale
    given["palette"] = None if palette == _AUTO else palette
    missing = linked_select("Without a value", MISSING, "map_missing", "missing")
    given["missing"] = None if missing == "behind" else missing
    look = {
        "size": _slider("Point size", "size", (0.5, 3.0, 1.0), 0.25, given),
        "opacity": _slider("Opacity", "opacity", (0.1, 1.0, 1.0), 0.1, given),
    }
    below = False
    if len(shown.layers) > 1:
        look["overlay"] = _slider(
            "Weight of the overlay", "weight", (0.0, 1.0, 0.5), 0.05, given,
            help="Overlaid galaxies are drawn as rings",
        )  # fmt: skip
        places = {"above": "Above", "below": "Below"}
        where = linked_select("Overlay lies", places, "map_below", "overlay_lies")
        below = where == "below"
        given["overlay_lies"] = "below" if below else None
    url_state.linked_toggle("map_contours", "contours")
    contours = st.toggle(
        "Density contours", key="map_contours",
        help="Lines round the densest places with 10, 30, 50, 70 and 90 % of the galaxies shown",
    )  # fmt: skip
    given["contours"] = "1" if contours else None
    hover = _hovered(choices, given)
    marks = PointLook(**look, below=below, missing=missing)
    return (
        MapDisplay(scale, limits, "" if palette == _AUTO else palette, marks, contours, hover),
        given,
    )


def _slider(
    label: str, name: str, range_: tuple[float, float, float], step: float, given: Parameters,
    **appearance: Any,
) -> float:  # fmt: skip
    low, high, usual = range_
    key = f"map_{name}"
    url_state.linked_number(key, name, low, high, usual)
    value = float(st.slider(label, low, high, step=step, key=key, **appearance))
    given[name] = None if value == usual else url_state.parameter_text(value)
    return value


def _limits(colour: str, given: Parameters) -> tuple[float | None, float | None]:
    """Ends of the colour scale of this column; empty boxes take them from the values."""
    ends: list[float | None] = []
    for place, label, name in zip(
        st.columns(2), ("Lowest", "Highest"), ("low", "high"), strict=True
    ):
        key, linked = f"map_{name}_{colour}", url_state.from_link(name)
        if linked is not None:
            st.session_state[key] = _number(linked)
        end = place.number_input(
            label, value=None, key=key, format="%g", placeholder="by the values",
            persist_state="session",
        )  # fmt: skip
        given[name] = None if end is None else url_state.parameter_text(float(end))
        ends.append(None if end is None else float(end))
    if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
        st.caption("The lowest value must be below the highest; the highest is not used.")
        ends[1] = None
    return ends[0], ends[1]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None


def _hovered(choices: Mapping[str, Choice], given: Parameters) -> tuple[str, ...]:
    """Columns that hovering shows besides name, class, size, redshift and the coloured one."""
    possible = [k for k in choices if k not in (*ALWAYS, colouring.LATENT)]
    url_state.linked_choices("map_hover_columns", "hover", possible, [])
    chosen = st.multiselect(
        "Also show when hovering", possible, key="map_hover_columns", max_selections=_MOST_HOVERED,
        format_func=lambda key: choices[key].text, placeholder="Columns",
    )  # fmt: skip
    given["hover"] = ",".join(chosen) or None
    return tuple(chosen)
