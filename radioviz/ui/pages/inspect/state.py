"""Inspect: the galaxy on the page, and what the reader opened for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.ui import cache, galaxies
from radioviz.ui.controls import View
from radioviz.ui.state import focus, page_state, set_brush, set_focus

Pair = tuple[str, str]
SEARCH_RADIUS = 120.0  # arcsec around a position that was typed


@dataclass
class InspectState:
    """What a session remembers of this page besides its widgets.

    Attributes
    ----------
    message : str
        Why the last search found nothing.
    matches : list of (str, str)
        Galaxies that the last search found, where there are several.
    linked_source : str or None
        Value of ``?source=`` that the page last read or wrote.
    explained : set of (str, str)
        Galaxies whose classification the reader asked to explain.
    reconstructed : set of str
        Models that reconstruct each galaxy shown.
    composite : bool
        Whether three images of a source are shown in colour.
    """

    message: str = ""
    matches: list[Pair] = field(default_factory=list)
    linked_source: str | None = None
    explained: set[Pair] = field(default_factory=set)
    reconstructed: set[str] = field(default_factory=set)
    composite: bool = False


def inspect_state() -> InspectState:
    return page_state(InspectState)


def find_galaxy(view: View) -> None:
    """Look up the typed text and open the best match."""
    text = str(st.session_state["inspect_find"]).strip()
    held = inspect_state()
    held.message, held.matches = "", []
    if not text:
        return
    ids, held.message = galaxies.find_ids(view.data_set, text, SEARCH_RADIUS)
    if ids:
        set_focus(view.data_set, ids[0])
    if len(ids) > 1:
        held.matches = [(view.data_set, s) for s in ids]


def step_match(step: int) -> None:
    """Open the next (1) or previous (-1) match of the last search."""
    matches, pair = inspect_state().matches, focus()
    at = matches.index(pair) if pair in matches else 0
    set_focus(*matches[(at + step) % len(matches)])


def show_all_matches() -> None:
    """Select the matches, so that the latent map shows them."""
    set_brush(inspect_state().matches, "find")


def open_random(view: View) -> None:
    """Open a galaxy drawn at random."""
    inspect_state().message, inspect_state().matches = "", []
    ids = cache.data_set(view.data_set).table["source_id"].to_numpy()
    set_focus(view.data_set, str(np.random.default_rng().choice(ids)))


def current_galaxy(view: View, catalogue: Catalogue) -> Pair:
    """The galaxy of the link (``?source=first-7``), else the one in focus, else the first."""
    held = inspect_state()
    source = st.query_params.get("source")
    if source and source != held.linked_source:
        held.linked_source = source
        set_focus(view.data_set, source)
    pair = focus()
    if pair not in held.matches:
        held.matches = []  # another galaxy was opened: the search is over
    if pair is not None and pair[0] == view.data_set:
        return pair
    return view.data_set, str(catalogue.table["source_id"].iat[0])
