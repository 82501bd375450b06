"""Download many cutouts from one service: concurrent, rate-limited, with retries.

Every response is checked and cached, so an interrupted run requests only what is missing.
Failures are listed by position; only an unreachable service ends the run.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from radioviz.data.fetch import reason_of
from radioviz.errors import FetchError, ImageError
from radioviz.importing.cutouts.cutout_cache import CutoutCache, check_cutout
from radioviz.importing.cutouts.services import CutoutRequest, CutoutService

if TYPE_CHECKING:
    import requests
    from tenacity import RetryCallState

MAX_ANSWER = 1 << 27
_CHUNK = 1 << 16
# Positions in a row without a connection after which the network counts as down.
_UNREACHABLE = 8
_UNREACHABLE_AT_THE_END = 3
_LISTEN = 0.2  # seconds between checks for cancellation


@dataclass(frozen=True)
class Cutout:
    """One position and its file."""

    index: int  # index in the list of positions
    path: Path | None  # FITS file in the cache; None where there is none
    refused: str = ""  # why not
    cached: bool = False  # True where no request was sent


class _Transient(Exception):
    """A failure that may pass: retry, at the earliest in ``after`` seconds."""

    def __init__(self, text: str, after: float = 0.0) -> None:
        super().__init__(text)
        self.after = after


class _Unreachable(_Transient):
    """There was no connection; ``index`` is the position."""

    index = -1


class _Refused(Exception):
    """A failure that a retry will not change."""


class _Pace:
    """Limits the rate of requests, and pauses when the server asks for it."""

    def __init__(self, rate: float, stopped: threading.Event) -> None:
        self._step, self._stopped = 1.0 / rate, stopped
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            slot = max(now, self._next)
            self._next = slot + self._step
        self._stopped.wait(slot - now)

    def pause(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def fetch_cutouts(
    service: CutoutService,
    positions: Sequence[CutoutRequest],
    *,
    base: str | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    workers: int = 4,
    rate: float | None = None,
    timeout: float = 60.0,
    attempts: int = 4,
    pause: float = 1.0,
    longest_pause: float = 120.0,
    cache: CutoutCache | None = None,
) -> Iterator[Cutout]:
    """Yield cutouts in the order of the positions while later ones download.

    Parameters
    ----------
    service : CutoutService
    positions : sequence of CutoutRequest
    base : str, optional
        Address that replaces the service's public one.
    cancelled : callable
        Called between responses; True ends the iteration.
    workers : int
        Concurrent requests.
    rate : float, optional
        Requests per second; default that of the service.
    timeout : float
        Seconds for one response, from the first to the last byte.
    attempts : int
        Attempts per position.
    pause : float
        Seconds before the second attempt, doubled with each. The server's Retry-After takes
        precedence, up to ``longest_pause``.

    Raises
    ------
    FetchError
        If the service cannot be reached, or the cache cannot be written.
    """
    address = service.address(base)
    stopped = threading.Event()
    fetcher = _Fetcher(
        service, address, cache or CutoutCache(), _Pace(rate or service.rate, stopped), stopped,
        timeout, attempts, pause, longest_pause,
    )  # fmt: skip
    under_way: deque[Future[Cutout]] = deque()
    # Positions without a connection wait here: if a later one answers, they failed; if none
    # does, the network is down and they are not to blame.
    held: list[Cutout] = []
    lost, failure = 0, None
    reached = False
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cutout")
    try:
        remaining = iter(enumerate(positions))
        while True:
            # The first position goes alone: without a network, one failure is enough.
            most = 4 * workers if reached else 1
            while len(under_way) < most and (job := next(remaining, None)) is not None:
                under_way.append(pool.submit(fetcher.fetch, *job))
            if cancelled():
                return
            if not under_way:
                if failure is not None and lost >= _UNREACHABLE_AT_THE_END:
                    raise FetchError(_no_network(service, address, failure, reached))
                yield from held
                return
            try:
                while not under_way[0].done():
                    wait([under_way[0]], timeout=_LISTEN)
                    if cancelled():
                        return
                cutout = under_way.popleft().result()
            except _Unreachable as error:
                held.append(Cutout(error.index, None, str(error)))
                failure, lost = error, lost + 1
                if not reached or lost >= _UNREACHABLE:
                    raise FetchError(_no_network(service, address, error, reached)) from error
                continue
            held.append(cutout)
            # A cached cutout does not show that the network works.
            reached = reached or not cutout.cached
            if not lost or not cutout.cached:
                yield from held
                held.clear()
                lost = 0
    finally:
        stopped.set()
        # Do not wait for a response that hangs; its thread ends by its timeout.
        pool.shutdown(wait=False, cancel_futures=True)


def _no_network(service: CutoutService, address: str, error: Exception, reached: bool) -> str:
    host = address.split("/")[2]
    what = "is no longer reachable" if reached else "cannot be reached"
    return (
        f"{service.title} at {host} {what}: {error}. Check the network and try again; the cutouts "
        "fetched so far are kept, and the rest of RadioViz works without the network."
    )


@dataclass
class _Fetcher:
    """Fetches one position; shared by all threads."""

    service: CutoutService
    address: str
    cache: CutoutCache
    pace: _Pace
    stopped: threading.Event
    timeout: float
    attempts: int
    pause: float
    longest_pause: float
    _local: threading.local = field(default_factory=threading.local)

    def fetch(self, index: int, request: CutoutRequest) -> Cutout:
        """One position, from the cache or the service."""
        import tenacity

        if not self.service.south <= request.dec <= self.service.north:
            return Cutout(
                index,
                None,
                f"Dec {request.dec:+.3f} is outside {self.service.survey} "
                f"({self.service.south:+g} to {self.service.north:+g} deg)",
                cached=True,
            )
        kept = self.cache.get(self.service, request, self.address)
        if kept is not None:
            return Cutout(index, kept, cached=True)
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Transient),
            stop=tenacity.stop_after_attempt(self.attempts)
            | tenacity.stop_when_event_set(self.stopped),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            content = tries(self._attempt, request)
        except _Unreachable as error:
            error.index = index
            raise
        except _Transient as error:
            return Cutout(index, None, f"{error}, {self.attempts} times")
        except _Refused as error:
            return Cutout(index, None, str(error))
        return Cutout(index, self.cache.put(self.service, request, self.address, content))

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        after = error.after if isinstance(error, _Transient) else 0.0
        return max(after, self.pause * 2.0 ** (state.attempt_number - 1))

    def _sleep(self, seconds: float) -> None:
        self.stopped.wait(seconds)

    def _session(self) -> requests.Session:
        import requests

        from radioviz import __version__

        if not hasattr(self._local, "session"):
            session = requests.Session()
            session.headers["Accept-Encoding"] = "identity"
            session.headers["User-Agent"] = f"RadioViz/{__version__} (python-requests)"
            self._local.session = session
        return self._local.session

    def _attempt(self, request: CutoutRequest) -> bytes:
        """Content of one attempt that passed the checks."""
        content = self._transfer(request)
        try:
            check_cutout(content, self.service, request)
        except ImageError as error:
            text = str(error).removeprefix("the answer: ")
            if "cut short" in text:
                raise _Transient(text) from error
            raise _Refused(text) from error
        return content

    def _transfer(self, request: CutoutRequest) -> bytes:
        import requests
        import urllib3

        self.pace.wait()
        if self.stopped.is_set():
            raise _Refused("cancelled")
        started = time.monotonic()
        try:
            with self._session().get(
                self.address,
                params=self.service.parameters(request),
                stream=True,
                timeout=(min(self.timeout, 10.0), self.timeout),
            ) as response:
                self._check_status(response)
                return self._body(response, started)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise FetchError(f"{self.address}: not a valid address") from error
        except requests.exceptions.ReadTimeout as error:
            raise _Transient(f"no answer within {self.timeout:g} s") from error
        except (requests.exceptions.ConnectionError, requests.exceptions.ConnectTimeout) as error:
            text = reason_of(error)
            if "timed out" in text.lower() and "read" in text.lower():
                raise _Transient(f"no answer within {self.timeout:g} s") from error
            raise _Unreachable(text) from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise _Transient(f"no complete answer within {self.timeout:g} s") from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _Transient(f"the answer breaks off ({reason_of(error)})") from error

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        what = f"the service answers {status} {response.reason or ''}".strip()
        if status in (408, 425, 429) or status >= 500:
            after = _retry_after(response.headers.get("Retry-After"))
            if after > self.longest_pause:
                raise _Refused(f"{what} and requests a pause of {after:,.0f} s")
            if after:
                self.pace.pause(after)
            raise _Transient(what, after)
        body = response.raw.read(2000, decode_content=True) or b""
        words = " ".join(body.decode("utf-8", "replace").split())[:120]
        raise _Refused(f"{what}{f': {words}' if words else ''}")

    def _body(self, response: requests.Response, started: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        # read1 returns the available bytes, so that a slow response cannot outlast the timeout.
        while block := response.raw.read1(_CHUNK, decode_content=False):
            parts.append(block)
            size += len(block)
            if size > MAX_ANSWER:
                raise _Refused(f"the answer exceeds {MAX_ANSWER:,} bytes")
            if time.monotonic() - started > self.timeout:
                raise _Transient(f"no complete answer within {self.timeout:g} s")
            if self.stopped.is_set():
                raise _Refused("cancelled")
        if not size:
            raise _Transient("the answer is empty")
        return b"".join(parts)


def _retry_after(text: str | None) -> float:
    """Seconds in a Retry-After header, which is a number or a date."""
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        pass
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, parsedate_to_datetime(str(text)).timestamp() - time.time())
    return 0.0
