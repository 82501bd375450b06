"""What every search box for galaxies does: match, say why not, ask Sesame, go to the next match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.errors import FetchError, RadioVizError, UnknownNameError
from radioviz.ui import cache, controls, coordinates, galaxies, name_resolver
from radioviz.ui.state import page_state

Pair = tuple[str, str]
Finder = Callable[[str], Sequence[Pair]]
"""Galaxies that a text refers to, the best first; raises a RadioVizError."""


@dataclass
class GalaxySearch:
    """The last search of one box."""

    matches: list[Pair] = field(default_factory=list)  # all galaxies that were found
    message: str = ""  # why none was, or how the text was read
    unknown: str = ""  # a name that no data set has, which Sesame may know
    resolved: str = ""  # what Sesame was asked for


@dataclass
class _Searches:
    by_box: dict[str, GalaxySearch] = field(default_factory=dict)


def galaxy_search(box: str) -> GalaxySearch:
    """The last search of the box with this widget key."""
    return page_state(_Searches).by_box.setdefault(box, GalaxySearch())


def forget_search(box: str) -> None:
    """Forget matches and message of a box."""
    page_state(_Searches).by_box[box] = GalaxySearch()


def search_in(data_set: str, radius: float) -> Finder:
    """Look up names and positions in one data set; ``radius`` about a position in arcsec."""

    def find(text: str) -> list[Pair]:
        catalogue = cache.data_set(data_set)
        rows = galaxies.find_galaxies(catalogue, text, radius)
        return [(data_set, str(s)) for s in catalogue.ids_of(rows)]

    return find


def search(box: str, find: Finder, show: Callable[[list[Pair]], None]) -> None:
    """Look up what a box holds; a callback. ``show`` gets the matches, none if nothing matches."""
    forget_search(box)
    text = str(st.session_state.get(box) or "").strip()
    if text:
        _look_up(box, find, show, text)


def _look_up(box: str, find: Finder, show: Callable[[list[Pair]], None], text: str) -> None:
    held = galaxy_search(box)
    try:
        held.matches = list(find(text))
    except RadioVizError as error:
        held.message = str(error)
        held.unknown = text if isinstance(error, UnknownNameError) else ""
    else:
        if coordinates.is_b1950_name(text):
            held.message = f"'{text[:80]}' was read as a position of 1950."
    show(held.matches)


def _ask_sesame(box: str, find: Finder, show: Callable[[list[Pair]], None]) -> None:
    name = galaxy_search(box).unknown
    forget_search(box)
    held = galaxy_search(box)
    try:
        ra, dec = name_resolver.resolve(name)
    except FetchError as error:
        held.message = str(error)
        show([])
        return
    held.resolved = name
    _look_up(box, find, show, f"{ra:.6f} {dec:+.6f}")
    held.resolved = f"{name[:80]}: {coordinates.sexagesimal(ra, dec)} (Sesame, CDS)"


def draw_search_outcome(
    box: str,
    find: Finder,
    show: Callable[[list[Pair]], None],
    at: Pair | None,
    go: Callable[[Pair], None],
) -> None:
    """Why nothing was found and the button that asks Sesame; or the number of matches, and steps.

    ``at``: the match that the page shows now; ``go``: shows another match.
    """
    held = galaxy_search(box)
    if held.resolved:
        st.caption(controls.escape(held.resolved))
    if held.message and held.matches:
        st.caption(controls.escape(held.message))
    elif held.message:
        st.warning(controls.escape(held.message), icon=":material/search_off:")
    if held.unknown:
        st.button(
            "Ask Sesame (CDS) for its position", icon=":material/travel_explore:",
            key=f"{box}_sesame", on_click=_ask_sesame, args=(box, find, show),
            help="Sends the name over the network to the Centre de Données de Strasbourg",
        )  # fmt: skip
    if len(held.matches) > 1:
        _draw_steps(box, held.matches, at, go)


def _draw_steps(box: str, matches: list[Pair], at: Pair | None, go: Callable[[Pair], None]) -> None:
    place = matches.index(at) if at in matches else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        where = f"Match {place + 1:,} of" if place is not None else "Found"
        st.markdown(f"{where} {len(matches):,}", width="content")
        for label, step in (("Previous", -1), ("Next", 1)):
            target = matches[((place if place is not None else -step) + step) % len(matches)]
            st.button(
                label, key=f"{box}_{label.lower()}", on_click=go, args=(target,),
                icon=":material/chevron_left:" if step < 0 else ":material/chevron_right:",
            )  # fmt: skip


def any_galaxy(data_set: str) -> tuple[str, str]:
    """A galaxy of a data set, drawn at random."""
    catalogue = cache.data_set(data_set)
    row = np.random.default_rng().integers(len(catalogue))
    return data_set, str(catalogue.ids_of(slice(row, row + 1))[0])
