"""What was opened for each input, recorded at the level of system calls by strace.

A path is recorded whether or not the kernel then opened it: what no reader may try is a finding
even where the confinement refused it.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
import threading
from collections.abc import Sequence
from pathlib import Path

from radioviz.paths import REPOSITORY
from tests.fuzz.worker import MARK

CALLS = "open,openat,openat2,creat,connect,execve,execveat"
# Names beside an open folder, which has a number here, are in what was opened before.
_CALL = re.compile(r'^\d+ +(\w+)\((?:AT_FDCWD, |\d+(?=, "/), )?"((?:[^"\\]|\\.)*)"')
_ALWAYS = ("/proc/self/", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems",
           "/sys/devices/system/", "/sys/fs/cgroup", "/dev/null", "/dev/urandom", "/etc/localtime",
           "/usr/share/zoneinfo", "/usr/lib", "/lib", "/etc/ld.so.cache")  # fmt: skip
"""What the C library, NumPy and pyarrow look at on their own."""
_OWN = re.compile(r"/proc/\d+/stat")  # astropy asks for the time that its process took


def available() -> bool:
    """True where system calls can be recorded."""
    return shutil.which("strace") is not None


class Recorder:
    """Reads what strace writes; :meth:`of` says what was opened for an input.

    Attributes
    ----------
    command : list of str
        What to put before the command that is recorded.
    handle : int
        To pass on to it.
    """

    def __init__(self) -> None:
        ours, self.handle = os.pipe()
        self.command = [
            "strace", "-f", "-qq", "--seccomp-bpf", "-s", "500", "-e", f"trace={CALLS}",
            "-e", "signal=none", "-o", f"/dev/fd/{self.handle}",
        ]  # fmt: skip
        self._lines = os.fdopen(ours, "r", errors="replace")
        self._known = threading.Condition()
        self._found: dict[str, list[str]] = {}
        self._ended = False

    def start(self) -> None:
        """Begin to read, once the process has its end of the pipe."""
        os.close(self.handle)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        number, opened = "", []
        for line in self._lines:
            match = _CALL.match(line)
            if match is None:
                if number and "connect(" in line:
                    opened.append(line.strip()[:200])
                continue
            path = match[2]
            if not path.startswith(MARK):
                if number:
                    opened.append(path if match[1].startswith("open") else f"{match[1]} {path}")
                continue
            with self._known:
                if number:
                    self._found[number] = opened
                    self._known.notify_all()
            number, opened = path.removeprefix(MARK), []
            if number.endswith("/end"):
                number = ""
        with self._known:
            if number:
                self._found[number] = opened
            self._ended = True
            self._known.notify_all()

    def of(self, key: str) -> list[str]:
        """Paths, and other calls, in their order; once for each input.

        ``key`` is the scratch folder's name and the input's number: what a fork that was ended
        left behind must not pass for that of another reader.
        """
        with self._known:
            self._known.wait_for(lambda: key in self._found or self._ended, timeout=10)
            return self._found.pop(key, [])


def elsewhere(opened: Sequence[str], scratch: Path) -> list[str]:
    """Those of the paths that are neither the input's folder nor an installed file."""
    libraries = {sysconfig.get_paths()[k] for k in ("stdlib", "platstdlib", "purelib", "platlib")}
    allowed = (
        str(scratch), str(scratch.resolve()), str(REPOSITORY), sys.prefix, sys.base_prefix,
        *libraries, *_ALWAYS,
    )  # fmt: skip
    inside = Path(scratch) / "input"
    return [
        path for path in opened
        if not _OWN.fullmatch(path)
        and not os.path.normpath(path if path[:1] != "." else inside / path).startswith(allowed)
    ]  # fmt: skip
