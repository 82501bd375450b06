"""Inspect: the galaxy on the page, and what the reader opened for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.ui.controls import View
from radioviz.ui.galaxy_search import (
    Finder,
    any_galaxy,
    forget_search,
    galaxy_search,
    search_in,
)
from radioviz.ui.state import focus, page_state, set_brush, set_focus

Pair = tuple[str, str]
SEARCH_BOX = "inspect_find"
SEARCH_RADIUS = 120.0  # arcsec around a position that was typed


@dataclass
class InspectState:
    """What a session remembers of this page besides its widgets."""

    linked_source: str | None = None  # value of ``?source=`` that the page last read or wrote
    # Galaxies whose classification the reader asked to explain.
    explained: set[Pair] = field(default_factory=set)
    # Models that reconstruct each galaxy shown.
    reconstructed: set[str] = field(default_factory=set)


def inspect_state() -> InspectState:
    return page_state(InspectState)


def finder(view: View) -> Finder:
    """Looks up names and positions in the data set in view."""
    return search_in(view.data_set, SEARCH_RADIUS)


def show_best(pairs: list[Pair]) -> None:
    """Open the first of the matches of a search."""
    if pairs:
        set_focus(*pairs[0])


def open_match(pair: Pair) -> None:
    """Open one of the matches."""
    set_focus(*pair)


def show_all_matches() -> None:
    """Select the matches, so that the latent map shows them."""
    set_brush(galaxy_search(SEARCH_BOX).matches, "find")


def open_random(view: View) -> None:
    """Open a galaxy drawn at random."""
    forget_search(SEARCH_BOX)
    set_focus(*any_galaxy(view.data_set))


def current_galaxy(view: View, catalogue: Catalogue) -> Pair:
    """The galaxy of the link (``?source=first-7``), else the one in focus, else the first."""
    held = inspect_state()
    source = st.query_params.get("source")
    if source and source != held.linked_source:
        held.linked_source = source
        set_focus(view.data_set, source)
    pair = focus()
    if (matches := galaxy_search(SEARCH_BOX).matches) and pair not in matches:
        forget_search(SEARCH_BOX)  # another galaxy was opened: the search is over
    if pair is not None and pair[0] == view.data_set:
        return pair
    return view.data_set, str(catalogue.table["source_id"].iat[0])
