"""Work in a fork of this process, so that its death, or a step without end, is a sentence.

The fork says what it reads (:func:`begin`); each such step has a limit of processor time, which
the system keeps even where a library in C never returns.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from radioviz.errors import ReaderError
from radioviz.jobs.sandbox import die_with_parent

SECONDS = 3600.0
"""Processor time of a step. The largest table that is read, 1 GB, takes minutes; waiting for a
slow disk or network does not count."""

_shared: mmap.mmap | None = None  # in a fork: memory shared with the process that waits for it
_limited = False


@contextmanager
def limited(name: str) -> Iterator[None]:
    """Limit the processor time of a block that reads ``name``, and of each step in it."""
    global _limited
    _limited = _shared is not None
    begin(name)
    try:
        yield
    finally:
        if _limited:
            signal.setitimer(signal.ITIMER_PROF, 0)
        _limited = False


def begin(name: str) -> None:
    """A step begins, which reads ``name``; its time counts from zero. Only a fork has a limit."""
    if _limited and _shared is not None:
        text = name.encode("utf-8", "replace")[: len(_shared) - 1]
        _shared[: len(text) + 1] = text + b"\0"
        signal.setitimer(signal.ITIMER_PROF, SECONDS)


def in_watched_fork(work: Callable[[], str]) -> str:
    """Do ``work`` in a fork; returns its text.

    What it prints, and its exit code where it fails, are those of this process.

    Raises
    ------
    ReaderError
        If the fork is killed, by its limits or by what it reads; names what it read.
    """
    global _shared
    if not hasattr(os, "fork"):
        return work()
    sys.stdout.flush()
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        die_with_parent()
        os.close(ours)
        _shared = shared
        text = work()
        with os.fdopen(theirs, "w", encoding="utf-8") as answer:
            answer.write(text)
        raise SystemExit(0)
    os.close(theirs)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the fork too
    with os.fdopen(ours, encoding="utf-8") as answer:
        text = answer.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.signal(signal.SIGINT, before)
    if code < 0:
        raise ReaderError(_death(code, shared))
    if code:
        raise SystemExit(code)
    return text


def _death(code: int, shared: mmap.mmap) -> str:
    name = shared[:].partition(b"\0")[0].decode("utf-8", "replace")
    if code == -signal.SIGPROF:
        return (
            f"'{name}' could not be read: {SECONDS:,.0f} s of processor time did not get any "
            "further; it is damaged: write it again, or leave it out"
        )
    what = f" while it read '{name}'" if name else ""
    return (
        f"the process that reads the files was ended by {signal.Signals(-code).name}{what}: one of "
        "them is damaged, or needs too much memory"
    )
