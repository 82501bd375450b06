"""What a library may be made to do by a hostile file; called in a confined process."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

from radioviz.errors import ImageError
from radioviz.jobs import watched_fork


@dataclasses.dataclass(frozen=True)
class Facts:
    name: str
    beam: float | None
    sizes: tuple[int, ...] = ()


def echo(value: Any) -> Any:
    return value


def text_of(path: Path) -> str:
    return Path(path).read_text()


def open_from_c(path: str) -> bool:
    """Whether the C library opens a file."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fopen.restype = ctypes.c_void_p
    return bool(libc.fopen(path.encode(), b"r"))


def names_of(folder: str) -> list[str]:
    return [p.name for p in Path(folder).iterdir()]


def refuse() -> None:
    raise ImageError("'a.fits': NAXIS1 is -3; expected a positive number")


def fail() -> None:
    raise KeyError("odd")


def crash() -> None:
    ctypes.string_at(0)


def wait_in_c() -> None:
    ctypes.CDLL(None).pause()


def spin() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)  # a process taken over lifts what it can
    while True:
        pass


def fill_memory(size: int) -> int:
    return len(bytearray(size))


def write_much(path: Path, size: int) -> None:
    with Path(path).open("wb") as file:
        file.truncate(size)


def open_many(path: Path, count: int) -> int:
    return len([Path(path).open() for _ in range(count)])


def connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=2)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def write_temporary(size: int) -> str:
    with tempfile.SpooledTemporaryFile(max_size=10) as file:
        file.write(b"x" * size)
    return tempfile.gettempdir()


def crash_at(name: str) -> None:
    with watched_fork.limited("a folder"):
        watched_fork.begin(name)
        crash()
