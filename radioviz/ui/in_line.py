"""Heavy work of a page waits in the server's line: its place, its progress, a Cancel button.

Work runs in the thread of the page and calls ``progress`` between two slices. It ends there when
its reader cancelled it, changed the page, or left.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.errors import StreamlitDuplicateElementKey
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, in_cached_function

from radioviz.errors import CancelledError
from radioviz.jobs import work_log
from radioviz.jobs.progress import Progress
from radioviz.jobs.work_queue import WorkQueue
from radioviz.ui.state import page_state

QUEUE = WorkQueue()
"""The line of this server."""

QUIET = 0.6
"""Seconds before the line is shown, so that short work draws nothing."""


@dataclass
class CancelledWork:
    """The work that the reader of a session cancelled."""

    works: set[str] = field(default_factory=set)


_PLACE: ContextVar[tuple[str | None, Any] | None] = ContextVar("place", default=None)
"""A fragment (or the whole page) and the container in it where progress is shown."""


@contextmanager
def place() -> Iterator[None]:
    """Context whose work shows its progress here, where it began.

    The place is kept also where nothing is shown. What follows on the page then never moves: what
    moves is mounted again, and a lasso that has begun on it, or what was typed, is lost.
    """
    token = _PLACE.set((_fragment(), st.container()))
    try:
        yield
    finally:
        _PLACE.reset(token)


def _fragment() -> str | None:
    """The fragment that runs, if any."""
    return ThreadState.get().fragment_id if get_script_run_ctx(suppress_warning=True) else None


@contextmanager
def _drawing() -> Iterator[None]:
    """Context in which work draws at its place, also from inside of a cached function.

    Streamlit would refuse buttons there, and draw again what was drawn at each later use.
    """
    fragment, kept = _PLACE.get() or (None, None)
    token = in_cached_function.set(False)
    try:
        with kept if kept is not None and fragment == _fragment() else nullcontext():
            yield
    finally:
        in_cached_function.reset(token)


@contextmanager
def cancellable(
    title: str, key: str, work: str = "", *, asked: bool = False
) -> Iterator[Callable[[str, float], None]]:
    """Context of work with progress and a Cancel button, which appear after a moment.

    Parameters
    ----------
    title : str
        What is done, as shown.
    key : str
        For the keys of the buttons.
    work : str
        Distinguishes this work from other work with the same title.
    asked : bool
        Whether the reader asked for it just now: that it was cancelled before then does not count.

    Yields
    ------
    callable
        Called as ``say(text, share)``, some times a second; it ends the work where its reader
        cancelled it, changed the page, or left.

    Raises
    ------
    CancelledError
        If the reader cancelled this work; the page then shows a button to start it again.
    """
    context = get_script_run_ctx(suppress_warning=True)
    cancelled = page_state(CancelledWork).works if context else set()
    work = work or f"{key} {title}"
    if asked:
        cancelled.discard(work)
    if work in cancelled:
        with _drawing():
            _button(st, "Start again", ":material/replay:", f"{key}_again", cancelled.discard, work)
        raise CancelledError(f"{title}: cancelled")
    shown = _Line(key, lambda: cancelled.add(work))

    def say(text: str, share: float) -> None:
        _end_if_superseded(context)
        shown.draw(text, share)

    try:
        yield say
    finally:
        shown.clear()


@contextmanager
def in_line(
    title: str, slices: int, key: str, work: str = "", *, asked: bool = False
) -> Iterator[Progress]:
    """Context in which a page may compute; it begins when the work's turn has come.

    Parameters
    ----------
    title, key, work, asked
        As for :func:`cancellable`.
    slices : int
        Expected number of calls of the progress function.

    Yields
    ------
    callable
        Called as ``progress(done, total, what)`` between two slices.

    Raises
    ------
    CancelledError
        As :func:`cancellable`.
    BusyError
        If too many requests wait already.
    """
    done = 0
    context = get_script_run_ctx(suppress_warning=True)
    owner = context.session_id if context else str(threading.get_ident())
    with cancellable(title, key, work, asked=asked) as say:

        def watch(before: int) -> None:
            share = min(1.0, done / slices)
            now = place_text(before) if before else f"{math.floor(100 * share)} %"
            say(f"{title}: {now}", share)

        with (
            work_log.request(key, waits=True, slices=slices) as entry,
            QUEUE.turn(owner, slices, watch) as hand_over,
        ):
            entry.start()

            def progress(_done: int, _total: int, _what: str) -> None:
                nonlocal done
                done += 1
                hand_over()

            yield progress


class _Line:
    """What a reader sees of work that waits or runs."""

    def __init__(self, key: str, cancel: Callable[[], None]) -> None:
        self.key, self.cancel = key, cancel
        self._began = time.monotonic()
        self._places: list[Any] = []  # of the bar and of the button
        self._text = ""

    def draw(self, text: str, share: float) -> None:
        if time.monotonic() - self._began < QUIET:
            return
        with _drawing():
            if not self._places:
                with st.container(horizontal=True, vertical_alignment="center"):
                    self._places = [st.empty(), st.empty()]
                _button(
                    self._places[1], "Cancel", ":material/close:", f"{self.key}_cancel", self.cancel
                )
            if text != self._text:
                self._text = text
                self._places[0].progress(share, text=text)

    def clear(self) -> None:
        # Not after an interruption: a call of Streamlit would raise again.
        if not _pending(get_script_run_ctx(suppress_warning=True)):
            with _drawing():
                for place in self._places:
                    place.empty()


def _button(
    place: Any, label: str, icon: str, key: str, on_click: Callable[..., None], *args: Any
) -> None:
    """A button of work that a run of the page may do more than once: each has its own key."""
    for number in itertools.count(1):
        name = key if number == 1 else f"{key}_{number}"
        try:
            place.button(label, icon=icon, key=name, on_click=on_click, args=args)
        except StreamlitDuplicateElementKey:
            continue
        return


def place_text(before: int) -> str:
    """A place in the line, in words."""
    return f"{before:,} request{'s' * (before != 1)} before yours"


def _pending(context: Any) -> bool:
    """Whether this run of the page is to stop or to be replaced.

    Streamlit itself ends a run at its next call, but not for a click in the fragment that runs:
    that waits until the fragment is drawn.
    """
    requests = getattr(context, "script_requests", None)
    state = getattr(requests, "_state", None)
    if state != ScriptRequestType.RERUN:
        return bool(state == ScriptRequestType.STOP)
    queue = requests._rerun_data.fragment_id_queue if requests else []
    return not queue or ThreadState.get().fragment_id in queue


def _end_if_superseded(context: Any) -> None:
    """End this run of the page if its reader left or changed something on it."""
    if context is None:
        return
    if runtime.exists() and not runtime.get_instance().is_active_session(context.session_id):
        st.stop()
    if not _pending(context):
        return
    requests = context.script_requests
    if requests._state == ScriptRequestType.STOP:
        st.stop()
    alone = context.fragment_ids_this_run and requests._rerun_data.fragment_id_queue
    st.rerun(scope="fragment" if alone else "app")
