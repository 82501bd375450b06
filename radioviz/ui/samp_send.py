"""Sending a selection to TOPCAT, Aladin and DS9 by SAMP: its table, and its images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from radioviz.errors import RadioVizError
from radioviz.ui import cache, controls

if TYPE_CHECKING:
    from radioviz.api.samp import Delivery
    from radioviz.export import Group

MOST_IMAGES = 20
"""Images a press: each opens a frame in DS9, a layer in Aladin."""


def samp_buttons(groups: Callable[[], list[Group]], count: int, key: str) -> None:
    """Send the table of a selection, and its first :data:`MOST_IMAGES` images.

    Only for readers at the server's own computer, whose programs can be reached.
    """
    if not controls.is_local():
        return
    shown = min(count, MOST_IMAGES)
    images = "Image" if shown == 1 else f"{shown} images" if shown == count else f"First {shown}"
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
            on_click=_attempt,
            args=(action, groups, key),
        )
    if said := st.session_state.pop(f"{key}_samp_said", ""):
        st.caption(controls.escape(said))


def _attempt(
    action: Callable[[list[Group]], str], groups: Callable[[], list[Group]], key: str
) -> None:
    """What became of it is said below the buttons."""
    try:
        said = action(groups())
    except RadioVizError as error:
        said = str(error)
    st.session_state[f"{key}_samp_said"] = said


def _send_table(groups: list[Group]) -> str:
    return _told(cache.samp_link().send_table(groups), "table")


def _send_images(groups: list[Group]) -> str:
    from radioviz.export.groups import sources

    link = cache.samp_link()
    answers: list[Delivery] = []
    for group, row in list(sources(groups))[:MOST_IMAGES]:
        sent = link.send_image(group, row)
        answers += sent
        if all(a.error for a in sent):  # the others would fare no better
            break
    return _told(answers, "image")


def _told(answers: list[Delivery], what: str) -> str:
    """Which program took how many, and the first that each refused."""
    taken = Counter(a.program for a in answers if not a.error)
    refused = {a.program: a.error for a in reversed(answers) if a.error}
    said = [f"{p} received {'the ' + what if n == 1 else f'{n} {what}s'}" for p, n in taken.items()]
    said += [f"{p}: {error}" for p, error in refused.items()]
    return "; ".join(said)
