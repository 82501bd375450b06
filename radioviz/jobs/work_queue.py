"""One line for heavy work in this process: short slices, and the smallest request first.

Work is a function that calls back between two slices. Each time, the request with the fewest
slices left gets the next turn; of equal ones, the first that came. So a short request waits for
one slice of a long one, and long requests finish one after the other.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from radioviz.errors import BusyError

POLL = 0.25
"""Seconds between two looks at whether a waiting request is still needed."""


@dataclass(eq=False)
class _Request:
    owner: str
    number: int
    remaining: int
    granted: threading.Event = field(default_factory=threading.Event)

    @property
    def rank(self) -> tuple[int, int]:
        return self.remaining, self.number


class WorkQueue:
    """Requests for heavy work, of which one runs at a time.

    ``per_owner``: requests of one owner that may wait or run. More than one, because the run that
    an owner has just replaced ends its slice first. ``total``: requests of all owners.
    """

    def __init__(self, per_owner: int = 3, total: int = 64) -> None:
        self.per_owner, self.total = per_owner, total
        self._lock = threading.Lock()
        self._line: list[_Request] = []  # also the one that runs
        self._running: _Request | None = None
        self._numbers = itertools.count()
        self._thread = threading.local()

    def __len__(self) -> int:
        """How many requests wait or run."""
        return len(self._line)

    @contextmanager
    def turn(
        self, owner: str, slices: int, watch: Callable[[int], None]
    ) -> Iterator[Callable[[], None]]:
        """Context in which this thread has the turn; inside another turn, it is that turn.

        Parameters
        ----------
        owner : str
            For whom: a session.
        slices : int
            Expected number of slices.
        watch : callable
            Called as ``watch(before)`` while the request waits, with the number of requests that
            come before it, and with 0 before each slice. Whatever it raises ends the request.

        Yields
        ------
        callable
            Call it between two slices: the request with the fewest slices left gets the turn, and
            the call returns when it is this one's again.

        Raises
        ------
        BusyError
            If too many requests wait already.
        """
        outer: Callable[[], None] | None = getattr(self._thread, "hand_over", None)
        if outer is not None:
            yield outer
            return
        request = self._join(owner, slices)

        def hand_over() -> None:
            with self._lock:
                request.remaining = max(1, request.remaining - 1)
                self._grant()
            self._wait(request, watch)

        try:
            self._wait(request, watch)
            self._thread.hand_over = hand_over
            yield hand_over
        finally:
            self._thread.hand_over = None
            with self._lock:
                self._line.remove(request)
                if self._running is request:
                    self._grant()

    def _join(self, owner: str, slices: int) -> _Request:
        with self._lock:
            own = sum(r.owner == owner for r in self._line)
            if own >= self.per_owner:
                raise BusyError(
                    f"{own} of your requests are being computed or wait; wait until one is done, "
                    "or cancel one"
                )
            if len(self._line) >= self.total:
                raise BusyError(
                    f"{len(self._line)} requests already wait on this server, the most it accepts; "
                    "try again in a few minutes"
                )
            request = _Request(owner, next(self._numbers), max(1, slices))
            self._line.append(request)
            if self._running is None:
                self._grant()
            return request

    def _grant(self) -> None:
        """Give the turn to the request that comes first. Call it with the lock held."""
        if self._running is not None:
            self._running.granted.clear()
        self._running = min(self._line, key=lambda r: r.rank, default=None)
        if self._running is not None:
            self._running.granted.set()

    def _wait(self, request: _Request, watch: Callable[[int], None]) -> None:
        while not request.granted.is_set():
            watch(self._before(request))
            request.granted.wait(POLL)
        watch(0)

    def _before(self, request: _Request) -> int:
        """How many requests come before one that waits, the running one included."""
        with self._lock:
            return sum(r is self._running or r.rank < request.rank for r in self._line)
