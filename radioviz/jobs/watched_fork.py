"""Work in a fork of this process, so that its death, or a step without end, is a sentence.

The fork says what it reads (:func:`begin`); each such step has a limit of processor time, which
the system keeps even where a library in C never returns.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path

from radioviz import errors
from radioviz.errors import RadioVizError, ReaderError
from radioviz.jobs.sandbox import die_with_parent, limit_memory

SECONDS = 3600.0
"""Processor time of a step. The largest table that is read, 1 GB, takes minutes; waiting for a
slow disk or network does not count."""

MEMORY = 4_000_000_000
"""Bytes that a fork of :func:`stream` may have beyond those of its parent."""

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

    Raises ReaderError if the fork is killed, by its limits or by what it reads; names what it read.
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
        raise ForkDiedError(shared, code)
    if code:
        raise SystemExit(code)
    return text


class ForkDiedError(ReaderError):
    """A fork was killed; ``reading`` is what it read."""

    def __init__(self, shared: mmap.mmap, code: int = 0) -> None:
        self.reading = name_in(shared[:])
        super().__init__(_death(code, self.reading))


def write_to(path: Path) -> None:
    """Have :func:`begin` write to a file; :func:`name_in` reads what is in it."""
    global _shared
    with path.open("w+b") as file:
        file.truncate(mmap.PAGESIZE)
        _shared = mmap.mmap(file.fileno(), mmap.PAGESIZE)


def name_in(content: bytes) -> str:
    """What a process read last, by what it wrote; empty where it did not say."""
    text = content.partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text)


def is_watched() -> bool:
    """Whether this process is a fork that another waits for."""
    return _shared is not None


def stream(work: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """What ``work`` yields, in a fork of this process.

    Raises
    ------
    ForkDiedError
        If the fork is killed, or asks for more than :data:`MEMORY`.
    RadioVizError
        What ``work`` raises.
    """
    global _shared
    ours, theirs = Pipe(duplex=False)
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    child = os.fork()
    if child == 0:
        _shared = shared
        code = 1
        with suppress(BaseException):
            die_with_parent()
            ours.close()
            limit_memory(MEMORY)
            for kind, payload in _messages(work):
                theirs.send_bytes(kind + payload)
            code = 0
        os._exit(code)
    theirs.close()
    try:
        while (message := ours.recv_bytes())[:1] == b"+":
            yield message[1:]
        if message[:1] == b"m":
            raise ForkDiedError(shared)
        if message[:1] == b"-":
            name, _, text = message[1:].decode().partition(" ")
            raise getattr(errors, name)(text)
    except EOFError:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        child = 0
        raise ForkDiedError(shared, code) from None
    finally:
        ours.close()
        if child:
            os.kill(child, signal.SIGKILL)  # it is done, or its work is not wanted any more
            os.waitpid(child, 0)


def _messages(work: Callable[[], Iterable[bytes]]) -> Iterator[tuple[bytes, bytes]]:
    try:
        for item in work():
            yield b"+", item
        yield b".", b""
    except RadioVizError as error:
        yield b"-", f"{type(error).__name__} {error}".encode("utf-8", "replace")
    except MemoryError:
        yield b"m", b""
    except Exception:
        traceback.print_exc()
        raise


def _death(code: int, name: str) -> str:
    """What became of a fork; code 0 where it asked for more memory than it may have."""
    if code == 0:
        return f"'{name}' could not be read: it needs more than {MEMORY / 1e9:g} GB of memory"
    if code == -signal.SIGPROF:
        return (
            f"'{name}' could not be read: {SECONDS:,.0f} s of processor time did not get any "
            "further; it is damaged: write it again, or leave it out"
        )
    what = f" while it read '{name}'" if name else ""
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else "failed"
    return (
        f"the process that reads the files {how}{what}: one of them is damaged, or needs too much "
        "memory"
    )
