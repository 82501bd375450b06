"""What no input may make a reader do, watched by an audit hook: it holds until the process ends.

Sockets, other programs, code that is no installed module, unpickling, and files written anywhere
but in the scratch folder. A breach raises, and is kept: a reader that catches everything cannot
hide it.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

GIGABYTE = 1 << 30

_NETWORK = ("socket.", "urllib.", "ftplib.", "http.", "smtplib.", "imaplib.", "poplib.")
_PROGRAMS = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "os.startfile",
    "subprocess.Popen",
    "pty.spawn",
)
_UNPICKLING = ("pickle.find_class", "shelve.open", "dbm.open")
# Argument(s) of the event that are a path which is changed.
_CHANGES = {
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.utime": (0,),
    "shutil.rmtree": (0,),
    "shutil.move": (0, 1),
    "shutil.copyfile": (1,),
}


class Breach(BaseException):
    """An input made a reader do what none may; no ``except Exception`` catches it."""


class Guard:
    """Install once in a process; :attr:`armed` while inputs are read."""

    def __init__(self, scratch: Path) -> None:
        self.armed = False
        self.breaches: list[str] = []
        sys.dont_write_bytecode = True  # modules imported on the way would be files written
        self._roots = [os.path.realpath(scratch) + os.sep, "/dev/"]
        tempfile.tempdir = str(scratch)
        os.environ["TMPDIR"] = str(scratch)
        paths = {sysconfig.get_paths()[k] for k in ("stdlib", "platstdlib", "purelib", "platlib")}
        repository = str(Path(__file__).resolve().parents[2])
        self._code = (*(os.path.realpath(p) + os.sep for p in paths), *paths, repository, "<frozen")
        sys.addaudithook(self._hook)

    def _breach(self, what: str) -> None:
        self.breaches.append(what)
        raise Breach(what)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (
                os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            )
            if writes and not isinstance(path, int) and self._outside(path):
                self._breach(f"writes {os.fsdecode(path)}")
        elif event in _CHANGES:
            for i in _CHANGES[event]:
                path = arguments[i]
                relative = len(arguments) > i + 1 and isinstance(arguments[-1], int)
                if isinstance(path, (str, bytes, os.PathLike)) and self._outside(path):
                    # A name beside an open folder, as shutil.rmtree removes its entries.
                    if relative and arguments[-1] >= 0 and not os.fsdecode(path).startswith("/"):
                        continue
                    self._breach(f"{event} {os.fsdecode(path)}")
        elif event == "exec":
            name = getattr(arguments[0], "co_filename", "")
            if not name.startswith(self._code) and not _importing():
                self._breach(f"runs code of {name} in {_caller()}")
        elif event in _UNPICKLING:
            if not _importing():
                self._breach(f"{event} {str(arguments)[:100]} in {_caller()}")
        elif event.startswith(_NETWORK) or event in _PROGRAMS:
            self._breach(f"{event} {str(arguments)[:100]} in {_caller()}")

    def _outside(self, path: Any) -> bool:
        plain = os.path.realpath(os.fsdecode(path))
        return not (plain + os.sep).startswith(tuple(self._roots))


def _importing() -> bool:
    """True while a module is imported, or what libraries make from a text of their own.

    Named tuples and data classes; the parser of units that astropy makes when the first is read.
    """
    frame = sys._getframe(2)
    ply = "/astropy/extern/ply/"
    makers = ("/collections/__init__.py", "/dataclasses.py", f"{ply}lex.py", f"{ply}yacc.py")
    if frame.f_code.co_filename.endswith(makers):
        return True
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _caller() -> str:
    """The frames that led here, the last ones."""
    frame, names = sys._getframe(2), []
    while frame is not None and len(names) < 6:
        names.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(names)
