"""Latent map: the search for galaxies, and what the reader does with the ones shown."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import detail, filtering, gallery_tools, session_workspace
from radioviz.ui.controls import View
from radioviz.ui.galaxy_search import Finder, search, search_in
from radioviz.ui.map.map_points import SeenMap
from radioviz.ui.state import brush, set_brush, set_focus, tray

Pair = tuple[str, str]
SEARCH_BOX = "find"
FRAGMENTS = ["tray", "latent_map"]  # redrawn when the tray changes


def map_finder(view: View) -> Finder:
    """Looks up names and positions in the data set in view."""
    return search_in(view.data_set, float(st.session_state.get("find_radius", 60.0)))


def show_matches(pairs: list[Pair]) -> None:
    """Matches of a search become the selection, the best one the focus."""
    if pairs:
        set_brush(pairs if len(pairs) > 1 else (), "find")
        set_focus(*pairs[0])


def find_on_map(view: View) -> None:
    """Look up the typed text."""
    search(SEARCH_BOX, map_finder(view), show_matches)


def toggle_in_tray(pair: Pair) -> None:
    """Put a galaxy into the tray or remove it."""
    detail.toggle_tray(pair)
    st.rerun(FRAGMENTS)


def selection_to_tray(view: View) -> None:
    """Add the selection to the tray, as far as it passes the filter."""
    listed = list(filtering.kept(brush(), view.model))
    tray().update(gallery_tools.ordered(listed, view.model, "gallery"))
    st.rerun(FRAGMENTS)


def area_of(place: str) -> tuple[float, float, float, float] | None:
    """Part of a map that this workspace showed last; ``place`` names data set, encoder, layout."""
    held = session_workspace.value("map_areas", {}).get(place)
    if not isinstance(held, list) or len(held) != 4:
        return None
    return float(held[0]), float(held[1]), float(held[2]), float(held[3])


def keep_area(place: str, seen: SeenMap) -> None:
    """Remember what is in view; moving a map is no step of undo."""
    areas = session_workspace.value("map_areas", {})
    if seen.area is not None and areas.get(place) != list(seen.area):
        session_workspace.put_aside("map_areas", {**areas, place: list(seen.area)})
