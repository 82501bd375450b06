"""SAMP on the page: send a selection to TOPCAT, Aladin and DS9, and act on their messages.

Only for readers at the server's own computer, whose programs can be reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from radioviz.errors import RadioVizError, SampError, SelectionError
from radioviz.ui import cache, controls, galaxies, state
from radioviz.ui.controls import View

if TYPE_CHECKING:
    from radioviz.api.samp import Delivery
    from radioviz.api.samp_messages import Message
    from radioviz.export import Group
    from radioviz.importing.readers.table_builder import UserTable

MAX_IMAGES = 20
"""Images sent at once: each opens a frame in DS9, a layer in Aladin."""

CONE = 30.0
"""Arcsec around positions from other programs."""

_REPORT = "samp_report"


def samp_buttons(groups: Callable[[], list[Group]], count: int, key: str) -> None:
    """Buttons that send the table of a selection, and its first :data:`MAX_IMAGES` images."""
    if not controls.is_local():
        return
    shown = min(count, MAX_IMAGES)
    images = "Image" if shown == 1 else f"{shown} images" if shown == count else f"First {shown}"

    def send(action: Callable[[list[Group]], str]) -> None:
        try:
            st.session_state[f"{key}_{_REPORT}"] = action(groups())
        except RadioVizError as error:
            st.session_state[f"{key}_{_REPORT}"] = str(error)

    for what, label, action in (
        ("samp", "Table to TOPCAT, Aladin", _send_table),
        ("samp_images", f"{images} to DS9, Aladin", _send_images),
    ):
        st.button(
            label,
            key=f"{key}_{what}",
            icon=":material/send:",
            width="stretch",
            help="By SAMP, to the programs that run on this computer",
            on_click=send,
            args=(action,),
        )
    if report := st.session_state.pop(f"{key}_{_REPORT}", ""):
        st.caption(controls.escape(report))


def _send_table(groups: list[Group]) -> str:
    return delivery_text(cache.samp_link().send_table(groups), "table")


def _send_images(groups: list[Group]) -> str:
    from radioviz.export.groups import sources

    link = cache.samp_link()
    answers: list[Delivery] = []
    for group, row in list(sources(groups))[:MAX_IMAGES]:
        sent = link.send_image(group, row)
        answers += sent
        if all(a.error for a in sent):  # the next images would fail in the same way
            break
    return delivery_text(answers, "image")


def delivery_text(answers: list[Delivery], what: str) -> str:
    """Which program received how many, and the first error of each."""
    received = Counter(a.program for a in answers if not a.error)
    refused = {a.program: a.error for a in reversed(answers) if a.error}
    parts = [
        f"{program} received {f'the {what}' if n == 1 else f'{n} {what}s'}"
        for program, n in received.items()
    ]
    return "; ".join([*parts, *(f"{program}: {error}" for program, error in refused.items())])


def listen(view: View) -> None:
    """A switch; while it is on, messages of other programs move the focus and the selection."""
    if not controls.is_local():
        return
    on = st.toggle(
        "Listen to TOPCAT, Aladin, DS9",
        key="samp_listen",
        persist_state="session",
        help="By SAMP: a row highlighted there opens here, a position finds the nearest "
        "galaxy of the data set in view, and rows or a table select its galaxies",
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
        st.session_state[_REPORT] = report_on(message, view.data_set)
    st.caption(controls.escape(st.session_state.get(_REPORT, "No message yet.")))
    if messages:
        st.rerun()  # the page shows what has changed


def report_on(message: Message, data_set: str) -> str:
    """Act on a message; its sender and what was done, or why not, for the page."""
    try:
        return f"{message.sender}: {act_on(message, data_set)}"
    except RadioVizError as error:
        return f"{message.sender}: {error}"


def act_on(message: Message, data_set: str) -> str:
    """Act on a message; returns what was done.

    Raises SelectionError or SampError if it is about sources that RadioViz does not have.
    """
    from radioviz.api.samp_messages import POSITION, ROW, ROWS, TABLE, TABLE_FITS

    if message.mtype in (ROW, ROWS):
        sources = [s for s in message.sources if _is_known(s)]
        if not sources:
            raise SelectionError("these rows are of a table that RadioViz did not send")
        if message.mtype == ROW:
            state.set_focus(*sources[0], origin="samp")
            return f"{sources[0][1]} highlighted"
        state.set_brush(sources, "samp")
        return f"{controls.galaxies_text(len(sources))} selected"
    if message.mtype == POSITION and message.ra is not None and message.dec is not None:
        catalogue = cache.data_set(data_set)
        rows = galaxies.find_galaxies(catalogue, f"{message.ra:.6f} {message.dec:+.6f}", CONE)
        source_id = str(catalogue.table["source_id"].iat[rows[0]])
        state.set_focus(data_set, source_id, origin="samp")
        return f"points at {source_id}"
    if message.mtype in (TABLE, TABLE_FITS):
        from radioviz.api.confined import fetch_table

        found = sources_of(fetch_table(message), data_set)
        if not found:
            raise SelectionError(
                f"no row of '{message.name}' is a galaxy of {controls.data_set_title(data_set)}, "
                f"by source_id or within {CONE:g} arcsec"
            )
        state.set_brush(found, "samp")
        return f"{controls.galaxies_text(len(found))} of '{message.name}' selected"
    raise SampError("images are not accepted; upload the file on the page Similar to search for it")


def _is_known(source: tuple[str, str]) -> bool:
    try:
        galaxies.row_of(source)
    except RadioVizError:
        return False
    return True


def sources_of(table: UserTable, data_set: str) -> list[tuple[str, str]]:
    """Galaxies of the rows of a received table: by identifier, else by position.

    ``table``: with ``source_id`` (and ``data_set``) as RadioViz writes them, or with RA and Dec.
    """
    from radioviz.importing.source_rows import read_sources

    frame = table.frame
    if "source_id" in frame:
        keys = frame["data_set"] if "data_set" in frame else [data_set] * len(frame)
        pairs = [(str(k), str(s)) for k, s in zip(keys, frame["source_id"], strict=True)]
        known = [p for p in pairs if _is_known(p)]
        if known:
            return known
    found = read_sources(table)
    if found.needed:  # no units: VOTables of other programs mean degrees
        found = read_sources(table, {"ra_unit": "deg", "dec_unit": "deg"})
    rows = found.frame[np.isfinite(found.frame["ra"])]
    catalogue = cache.data_set(data_set)
    placed = np.flatnonzero(np.isfinite(catalogue.table["ra"].to_numpy()))
    if not len(placed) or rows.empty:
        return []
    from astropy.coordinates import SkyCoord

    positions = SkyCoord(rows["ra"].to_numpy(), rows["dec"].to_numpy(), unit="deg")
    nearest, apart, _ = positions.match_to_catalog_sky(catalogue.positions[placed])
    ids = catalogue.ids_of(placed[nearest[apart.arcsec <= CONE]])
    return [(data_set, str(source_id)) for source_id in dict.fromkeys(ids)]
