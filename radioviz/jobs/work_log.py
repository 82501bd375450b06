"""The log of work: a line for each request, and what is busy at this moment.

A line says what kind of work it was, for which session, how long it waited and took, and how it
ended. It never says what a reader uploaded or chose: no names, positions, paths, addresses or
messages. ``RADIOVIZ_LOG`` is ``plain`` (default), ``json`` (an object a line) or ``off``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from radioviz.errors import BusyError, CancelledError, RadioVizError

FORMATS = ("plain", "json", "off")
_LOGGER = logging.getLogger("radioviz.work")
_SALT = secrets.token_bytes(16)
_lock = threading.Lock()
_open: set[Entry] = set()
_who: Callable[[], str] = str


def begin(who: Callable[[], str]) -> None:
    """Write the log of this process to the standard error.

    ``who``: returns the identifier of the session whose work this thread does, or empty text. It is
    written as a number that says nothing outside this log. Raises RadioVizError if ``RADIOVIZ_LOG``
    is not one of :data:`FORMATS`.
    """
    global _who
    chosen = os.environ.get("RADIOVIZ_LOG") or "plain"
    if chosen not in FORMATS:
        raise RadioVizError(f"RADIOVIZ_LOG is '{chosen}'; set it to {', '.join(FORMATS)}")
    _who = who
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if chosen == "json" else _Plain())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(logging.CRITICAL if chosen == "off" else logging.INFO)


@dataclass(eq=False)
class Entry:
    """A request of work while it waits and runs."""

    work: str
    session: str
    facts: dict[str, Any] = field(default_factory=dict)
    asked: float = field(default_factory=time.monotonic)
    began: float | None = None
    outcome: str = ""

    def start(self) -> None:
        """Note that it no longer waits."""
        self.began = time.monotonic()


@contextmanager
def request(
    work: str, *, waits: bool = False, session: str | None = None, **facts: Any
) -> Iterator[Entry]:
    """Log a request of work when the block ends.

    Parameters
    ----------
    work : str
        Kind of work, such as ``generate``.
    waits : bool
        Whether it waits until :meth:`Entry.start` is called.
    session : str, optional
        From :func:`this_session`; default: that of this thread.
    **facts : str or number
        Further fields of the line, never of a reader's data.
    """
    entry = Entry(work, this_session() if session is None else session, facts)
    if not waits:
        entry.start()
    with _lock:
        _open.add(entry)
    try:
        yield entry
    except BaseException as error:
        entry.outcome = entry.outcome or _outcome(error)
        raise
    finally:
        with _lock:
            ended = entry not in _open
            _open.discard(entry)
        if not ended:
            _write(entry)


def end() -> None:
    """Write the lines of requests that end with this process."""
    with _lock:
        rest = list(_open)
        _open.clear()
    for entry in rest:
        entry.outcome = "server ended"
        _write(entry)


def _write(entry: Entry) -> None:
    now = time.monotonic()
    began = now if entry.began is None else entry.began
    line = {
        "work": entry.work,
        "session": entry.session,
        "waited": round(began - entry.asked, 3),
        "seconds": round(now - began, 3),
        "outcome": entry.outcome or "done",
        **entry.facts,
    }
    _LOGGER.info("%s", line["work"], extra={"line": line})


def busy() -> dict[str, dict[str, int]]:
    """How many requests of each kind wait and run: ``{"generate": {"waiting": 3, "running": 1}}``.

    Running ones include those that have handed their turn over for a moment.
    """
    with _lock:
        found = Counter((e.work, "waiting" if e.began is None else "running") for e in _open)
    out: dict[str, dict[str, int]] = {}
    for (work, state), number in found.items():
        out.setdefault(work, {"waiting": 0, "running": 0})[state] = number
    return out


def this_session() -> str:
    """The session of this thread as it is logged; empty if there is none."""
    identifier = _who()
    return logged_session(identifier) if identifier else ""


def logged_session(identifier: str) -> str:
    """A session as it is logged: its identifier itself would let its reader act for it."""
    return hashlib.blake2s(identifier.encode(), key=_SALT, digest_size=4).hexdigest()


def _outcome(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "cancelled"
    if isinstance(error, BusyError):
        return "refused"
    if isinstance(error, Exception):
        return f"failed: {type(error).__name__}"
    return "left"  # Streamlit ends the run of a page so: its reader cancelled, changed or left it


class _Json(logging.Formatter):
    """A JSON object a line, with the time as ISO 8601 in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"time": _time(record), **record.__dict__["line"]})


class _Plain(logging.Formatter):
    """``2026-01-31T12:00:00.123Z generate done, session=1f2e3d4c waited=0.1 seconds=2.5``."""

    def format(self, record: logging.LogRecord) -> str:
        line = dict(record.__dict__["line"])
        head = f"{_time(record)} {line.pop('work')} {line.pop('outcome')}"
        rest = " ".join(f"{name}={value}" for name, value in line.items() if value != "")
        return f"{head}, {rest}"


def _time(record: logging.LogRecord) -> str:
    moment = time.gmtime(record.created)
    return time.strftime("%Y-%m-%dT%H:%M:%S", moment) + f".{int(record.msecs):03d}Z"
