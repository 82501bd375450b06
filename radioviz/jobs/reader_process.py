"""Read what a stranger sent in a process of its own, which is confined and may die.

A *spare* process has imported the libraries that read files and waits. Each reading forks it
(10 ms instead of a second of imports); the fork limits itself (:mod:`~radioviz.jobs.sandbox`),
calls one function of this package, sends back the result (:mod:`~radioviz.jobs.wire`) and ends.
Whatever a file makes a library do, then happens there.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import dataclasses
import importlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from radioviz import errors
from radioviz.errors import RadioVizError, ReaderError
from radioviz.jobs import wire
from radioviz.jobs.sandbox import Limits, confine, die_with_parent
from radioviz.jobs.watched_fork import name_in, write_to

PRELOADED = (
    "numpy", "pandas", "pandas.io.parquet", "pyarrow.parquet", "h5py", "PIL.Image",
    "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "astropy.io.fits", "astropy.io.votable",
    "astropy.io.ascii.ecsv", "astropy.wcs", "astropy.table", "astropy.coordinates",
    "zipfile", "tarfile", "gzip", "json",
)  # fmt: skip
_HEAD = struct.Struct("!Q")
_MAX_ANSWER = 2_000_000_000
_READING = "reading"
"""File in which a reader says what it reads, in case that it dies."""


def read_confined(
    function: str,
    *args: Any,
    name: str = "",
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    classes: Iterable[type] = (),
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    **options: Any,
) -> Any:
    """Call a function of this package in a confined process.

    Parameters
    ----------
    function : str
        ``module:name``; its arguments and what it returns go through :mod:`~radioviz.jobs.wire`.
    name : str
        What is read, for messages.
    read, write : iterable of Path
        Files and folders that it may read, or change; all others are out of reach.
    classes : iterable of type
        Dataclasses that may be in the arguments and in the result.
    limits : Limits, optional
    cancelled : callable, optional
        Asked every 0.1 s; True ends the process.

    Raises
    ------
    RadioVizError
        What the function raised, if it is an error of this package.
    ReaderError
        If the process died, was cancelled, took too long or failed in another way.
    """
    limits = limits or Limits()
    classes = tuple(classes)
    known = [f"{cls.__module__}:{cls.__qualname__}" for cls in classes]
    what = f"'{name}'" if name else "the file"
    with (
        tempfile.TemporaryDirectory(prefix="radioviz-reader-") as scratch,
        (Path(scratch) / _READING).open("xb+") as reading,
    ):
        call = wire.pack(
            {
                "function": function, "args": list(args), "options": options, "scratch": scratch,
                "read": [Path(p).resolve() for p in read],
                "write": [*(Path(p).resolve() for p in write), Path(scratch).resolve()],
                "limits": list(dataclasses.astuple(limits)),
            }
        )  # fmt: skip
        try:
            answer = _answer_of_fork(wire.pack([known, call]), limits, cancelled)
        except _Ended as end:
            # Not by its path, which the reader may have replaced.
            last = name_in(os.pread(reading.fileno(), 4096, 0))
            at = f", at '{last}'" if last not in ("", name) else ""
            raise ReaderError(f"{what} could not be read: {end}{at}") from None
        except (OSError, EOFError) as error:
            raise ReaderError(f"{what} could not be read: the reader ended ({error})") from None
    try:
        kind, value, text = wire.unpack(answer, classes)
    except ValueError as error:
        raise ReaderError(f"{what} could not be read: {error}") from None
    if kind == "value":
        return value
    raised = getattr(errors, value, None) if kind == "error" else None
    if isinstance(raised, type) and issubclass(raised, RadioVizError):
        raise raised(text)
    raise ReaderError(f"{what} could not be read: {text}")


def _answer_of_fork(request: bytes, limits: Limits, cancelled: Callable[[], bool]) -> bytes:
    """Have a fork of the spare process serve a request."""
    ours, theirs = socket.socketpair()
    handle = None
    with ours:
        with theirs:
            _spare.fork(theirs)
        try:
            pid = _HEAD.unpack(_exactly(ours, _HEAD.size, time.monotonic() + 30))[0]
            with contextlib.suppress(OSError, AttributeError):
                handle = os.pidfd_open(pid)
            ours.sendall(_HEAD.pack(len(request)) + request)
            return _answer(ours, limits, pid, cancelled)
        finally:
            _kill(handle)


class _Ended(Exception):
    """The process gave no answer, and why."""


def _answer(ours: socket.socket, limits: Limits, pid: int, cancelled: Callable[[], bool]) -> bytes:
    end = time.monotonic() + limits.seconds + 5
    try:
        size = _HEAD.unpack(_exactly(ours, _HEAD.size, end, cancelled, pid, limits))[0]
        if size > _MAX_ANSWER:
            raise _Ended("the reader sent too much")
        return _exactly(ours, size, end, cancelled, pid, limits)
    except EOFError:
        if time.monotonic() > end - 6:
            raise _Ended(f"it took longer than {limits.seconds:g} s") from None
        raise _Ended(
            f"the reader crashed, or needed more than {limits.memory / 1e9:g} GB of memory"
        ) from None


def _exactly(
    ours: socket.socket,
    n: int,
    end: float,
    cancelled: Callable[[], bool] = lambda: False,
    pid: int = 0,
    limits: Limits | None = None,
) -> bytes:
    """The next ``n`` bytes; EOFError if there are fewer."""
    out = bytearray()
    while len(out) < n:
        if not select.select([ours], [], [], 0.1)[0]:
            if cancelled():
                raise _Ended("it was cancelled")
            if time.monotonic() > end:
                raise _Ended("it took too long")
            if limits and not Path("/proc").exists() and _resident(pid) > limits.memory:
                raise _Ended(f"it needed more than {limits.memory / 1e9:g} GB of memory")
            continue
        part = ours.recv(min(n - len(out), 1 << 20))
        if not part:
            raise EOFError
        out += part
    return bytes(out)


def _resident(pid: int) -> int:
    """Resident memory of a process, where limits of address space are not kept (macOS)."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _kill(handle: int | None) -> None:
    """End a process that may still run; its number may be another's by now, its handle not."""
    if handle is not None:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)


class _Spare:
    """The process that is forked; started at first use, and again if it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._also: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self, also: Iterable[str] = ()) -> None:
        """Start it, if it does not run; it imports these modules, too."""
        with self._lock:
            self._also = tuple(also)
            self._started()

    def fork(self, job: socket.socket) -> None:
        """Let a fork of it serve ``job``."""
        with self._lock:
            for _ in range(2):
                control = self._started()
                try:
                    socket.send_fds(control, [b"j"], [job.fileno()])
                    return
                except OSError:
                    self._stop()
        raise ReaderError("the process that reads files could not be started")

    def _started(self) -> socket.socket:
        if self._process is None or self._process.poll() is not None or self._control is None:
            self._stop()
            self._control, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", "radioviz.jobs.reader_process"]
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno()), *self._also],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    cwd=Path(__file__).resolve().parents[2],
                    env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                )
        return self._control

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._control = None


_spare = _Spare()
start = _spare.start
atexit.register(_spare._stop)


# -- in the spare process and its forks -----------------------------------------------------------


def _serve(control: socket.socket, also: Iterable[str]) -> None:
    for module in (*PRELOADED, *also):
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks that end leave nothing behind
    while True:
        message, handles, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            os._exit(0)  # the server ended; at once, so that the forks that still read end, too
        for handle in array.array("i", handles):
            job = socket.socket(fileno=handle)
            with job:
                if os.fork() == 0:
                    control.close()
                    _work(job)


def _work(job: socket.socket) -> None:
    """Serve one request and end the process."""
    try:
        die_with_parent()
        job.sendall(_HEAD.pack(os.getpid()))
        size = _HEAD.unpack(_exactly(job, _HEAD.size, time.monotonic() + 30))[0]
        answer = _called(_exactly(job, size, time.monotonic() + 30))
        job.sendall(_HEAD.pack(len(answer)) + answer)
    finally:
        os._exit(0)


def _called(payload: bytes) -> bytes:
    request: dict[str, Any] = {}
    try:
        known, call = wire.unpack(payload)
        request = wire.unpack(call, [_named(name) for name in known])
        work = _named(request["function"])
        tempfile.tempdir = request["scratch"]
        write_to(Path(request["scratch"]) / _READING)
        confine(request["read"], request["write"], Limits(*request["limits"]))
        return wire.pack(("value", work(*request["args"], **request["options"]), ""))
    except RadioVizError as error:
        return wire.pack(("error", type(error).__name__, str(error)))
    except MemoryError:
        gb = request["limits"][0] / 1e9
        return wire.pack(("failed", "", f"it needs more than {gb:g} GB of memory"))
    except BaseException as error:  # whatever a library raises is a sentence for the reader
        return wire.pack(("failed", "", f"{type(error).__name__}: {error}"[:500]))


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
