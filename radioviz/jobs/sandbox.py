"""Limits that a process puts on itself before it reads what a stranger sent.

Memory, time, file size and open files are limited by the system (``setrlimit(2)``); files other
than those given can no longer be opened, nor connections made, by any code of the process, C
libraries included (Landlock, ``landlock(7)``, Linux 5.13 or newer). Both are for good.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """What a reader may use."""

    memory: int = 2_000_000_000  # bytes beyond what the process has when the limits begin
    seconds: float = 60.0  # of the clock; also of the processor
    file_size: int = 4_000_000_000  # bytes of the largest file that it may write
    open_files: int = 256
    mapped_files: bool = False  # whether files may be mapped into memory without counting


def confine(
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    limits: Limits | None = None,
    network: bool = False,
) -> bool:
    """Limit this process for the rest of its life.

    Parameters
    ----------
    read, write : iterable of Path
        Files, or folders with all that is in them, that may be read, or read and changed. The
        Python installation and this package may always be read.
    limits : Limits, optional
    network : bool
        Whether connections may be made.

    Returns
    -------
    bool
        Whether other files are out of reach; False where the system has no Landlock.
    """
    limits = limits or Limits()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.file_size)
    _limit(resource.RLIMIT_NOFILE, limits.open_files)
    _limit(resource.RLIMIT_CPU, int(limits.seconds) + 1)
    # The default action ends the process even where a C library never returns to Python.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)
    limit_memory(limits.memory, limits.mapped_files)
    return _restrict([*_installation(), *read], list(write), network)


def limit_memory(memory: int, mapped_files: bool = True) -> None:
    """Limit what this process may have beyond what it has; see :class:`Limits`."""
    total, data = _memory()
    if total:
        _limit(resource.RLIMIT_DATA, data + memory)
        if not mapped_files:
            _limit(resource.RLIMIT_AS, total + memory)


def die_with_parent() -> None:
    """Have the system end this process when the one that started it ends (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _memory() -> tuple[int, int]:
    """Virtual memory of this process and its data segment; 0 where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0, 0
    return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()


def _installation() -> list[Path]:
    """Where Python, its packages and this one are, and what the C library looks at."""
    folders = [sys.prefix, sys.base_prefix, str(Path(__file__).resolve().parents[1])]
    folders += [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
    system = ("/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/etc/localtime")
    devices = ("/dev/null", "/dev/urandom", "/dev/zero")
    return [Path(p) for p in (*folders, *system, *devices)]


# -- Landlock: include/uapi/linux/landlock.h ---------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
_FILE_RIGHTS = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)
_RIGHTS_OF_VERSION = (0, 13, 14, 15, 15, 16)
"""Number of file rights by version of the interface; from 5 on 16."""


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def landlock_version() -> int:
    """Version of the kernel's interface; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE_RULESET, None, 0, 1)))


def _restrict(readable: Sequence[Path], writable: Sequence[Path], network: bool) -> bool:
    version = landlock_version()
    if not version:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    every = (1 << _RIGHTS_OF_VERSION[min(version, 5)]) - 1
    # From version 4: no connections; from 6: no signals to other processes.
    ports = 0b11 if version >= 4 and not network else 0
    ruleset = _Ruleset(every, ports, 0b11 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    handle = libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    if handle < 0:
        raise OSError(ctypes.get_errno(), "the reader could not be confined (landlock)")
    try:
        for path, rights in [
            *((p, _READ_FILE | _READ_DIR | _EXECUTE) for p in readable),
            *((p, every) for p in writable),
        ]:
            _allow(libc, handle, path, rights)
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        if libc.syscall(_RESTRICT_SELF, handle, 0):
            raise OSError(ctypes.get_errno(), "the reader could not be confined (landlock)")
    finally:
        os.close(handle)
    return True


def _allow(libc: ctypes.CDLL, handle: int, path: Path, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this system
    try:
        rights = rights if path.is_dir() else rights & _FILE_RIGHTS
        rule = _PathBeneath(rights, parent)
        if libc.syscall(_ADD_RULE, handle, _RULE_PATH_BENEATH, ctypes.byref(rule), 0):
            raise OSError(ctypes.get_errno(), f"{path} could not be allowed (landlock)")
    finally:
        os.close(parent)
