"""How a long function reports its progress and is asked to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called as ``progress(done, total, what)``; ``total`` is 0 where it is unknown."""

Cancelled = Callable[[], bool]
"""Polled between two steps; True asks the run to stop."""


def no_progress(done: int, total: int, what: str) -> None:
    """Report nothing."""


def never() -> bool:
    """Run to the end."""
    return False


def throttled(progress: Progress, seconds: float = 0.2) -> Progress:
    """At most one call per interval, plus the first and the last call of each step."""
    last, step = 0.0, ""

    def report(done: int, total: int, what: str) -> None:
        nonlocal last, step
        now = time.monotonic()
        if what != step or now - last > seconds or (total and done >= total):
            last, step = now, what
            progress(done, total, what)

    return report
