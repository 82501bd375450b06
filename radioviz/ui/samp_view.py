"""Listening to TOPCAT, Aladin and DS9: what they highlight, point at or send shows up here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from radioviz.errors import RadioVizError, SampError, SelectionError
from radioviz.ui import cache, controls, galaxies, state
from radioviz.ui.controls import View

if TYPE_CHECKING:
    from radioviz.api.samp_messages import Message
    from radioviz.importing.readers.table_builder import UserTable

SWITCH, SAID = "samp_listen", "samp_heard"
CONE = 30.0  # arcsec: what another program points at, and the positions of its tables


def listen(view: View) -> None:
    """A switch; while it is on, messages of other programs move the focus and the selection."""
    if not controls.is_local():
        return
    on = st.toggle(
        "Listen to TOPCAT, Aladin, DS9",
        key=SWITCH,
        persist_state="session",
        help="By SAMP: a row highlighted there is looked at here, a position finds the nearest "
        "galaxy of the data set in view, rows or a table sent select its galaxies",
    )
    if on:
        _poll(view)


@st.fragment(run_every=2.0)
def _poll(view: View) -> None:
    try:
        messages = cache.samp_link().received()
    except RadioVizError as error:
        st.caption(controls.escape(str(error)))
        return
    for message in messages:
        try:
            st.session_state[SAID] = take(message, view.data_set)
        except RadioVizError as error:
            st.session_state[SAID] = f"{message.sender}: {error}"
    st.caption(controls.escape(st.session_state.get(SAID, "Nothing heard yet.")))
    if messages:
        st.rerun()  # the page shows what has changed


def take(message: Message, data_set: str) -> str:
    """Do what a message asks; what was done, in a sentence.

    Raises
    ------
    SelectionError, SampError
        If it speaks of nothing that is here.
    """
    from radioviz.api.samp_messages import POSITION, ROW, ROWS, TABLE, TABLE_FITS

    if message.mtype in (ROW, ROWS):
        sources = [s for s in message.sources if _is_here(s)]
        if not sources:
            raise SelectionError("rows of a table that RadioViz did not send")
        if message.mtype == ROW:
            state.set_focus(*sources[0], origin="samp")
            return f"{message.sender}: {sources[0][1]} highlighted"
        state.set_brush(sources, "samp")
        return f"{message.sender}: {controls.galaxies_text(len(sources))} selected"
    if message.mtype == POSITION and message.ra is not None and message.dec is not None:
        catalogue = cache.data_set(data_set)
        rows = galaxies.find_galaxies(catalogue, f"{message.ra:.6f} {message.dec:+.6f}", CONE)
        source_id = str(catalogue.table["source_id"].iat[rows[0]])
        state.set_focus(data_set, source_id, origin="samp")
        return f"{message.sender}: points at {source_id}"
    if message.mtype in (TABLE, TABLE_FITS):
        from radioviz.api.confined import fetch_table

        found = sources_of(fetch_table(message), data_set)
        if not found:
            raise SelectionError(
                f"no row of '{message.name}' is a galaxy of {controls.data_set_title(data_set)}, "
                f"by source_id or within {CONE:g} arcsec"
            )
        state.set_brush(found, "samp")
        return (
            f"{message.sender}: {controls.galaxies_text(len(found))} of '{message.name}' selected"
        )
    raise SampError("an image; bring it to Similar as a file to search for galaxies like it")


def _is_here(source: tuple[str, str]) -> bool:
    try:
        galaxies.row_of(source)
    except RadioVizError:
        return False
    return True


def sources_of(table: UserTable, data_set: str) -> list[tuple[str, str]]:
    """Galaxies that the rows of a received table stand for: by identifier, else by position.

    Parameters
    ----------
    table : UserTable
        With ``source_id`` (and ``data_set``) as RadioViz writes them, or RA and Dec as anybody.
    """
    from radioviz.importing.source_rows import read_sources

    frame = table.frame
    if "source_id" in frame:
        keys = frame["data_set"] if "data_set" in frame else [data_set] * len(frame)
        pairs = [(str(k), str(s)) for k, s in zip(keys, frame["source_id"], strict=True)]
        here = [p for p in pairs if _is_here(p)]
        if here:
            return here
    found = read_sources(table)
    if found.needed:  # no units: VOTables of other programs mean degrees
        found = read_sources(table, {"ra_unit": "deg", "dec_unit": "deg"})
    rows = found.frame
    catalogue = cache.data_set(data_set)
    placed = np.isfinite(catalogue.table["ra"].to_numpy())
    wanted = np.isfinite(rows["ra"].to_numpy())
    if not placed.any() or not wanted.any():
        return []
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    known = catalogue.positions[placed]
    asked = SkyCoord(rows["ra"].to_numpy()[wanted], rows["dec"].to_numpy()[wanted], unit=u.deg)
    nearest, apart, _ = asked.match_to_catalog_sky(known)
    hits = np.flatnonzero(placed)[nearest[apart.arcsec <= CONE]]
    ids = catalogue.table["source_id"].to_numpy()
    return list(dict.fromkeys((data_set, str(ids[row])) for row in hits))
