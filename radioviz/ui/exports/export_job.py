"""One file that a reader exports, from the click until the browser has it.

An export is a thread. It waits in the server's line, writes to a file without a name, keeps it
open until the browser has fetched it, and closes it, which deletes it. So a file never fills the
memory, nobody else can open it, and none is left behind, however the process ends.
"""

from __future__ import annotations

import io
import logging
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from streamlit import runtime

from radioviz.errors import CancelledError, ExportError, RadioVizError
from radioviz.jobs import work_log
from radioviz.jobs.progress import Progress
from radioviz.paths import cache_folder, make_folder
from radioviz.store.mapped import trim_memory
from radioviz.ui.in_line import QUEUE

Write = Callable[[IO[bytes], Progress], object]
"""Writes the content of a file; may call back with its progress."""

WAITING, WRITING, READY, SENT, FAILED = "waiting", "writing", "ready", "sent", "failed"

KEPT = 900.0
"""Seconds that a file waits for the browser, and a message for its reader."""

GRACE = 20.0
"""Seconds for which a session may lose its connection."""

SLICE = 0.5
"""Seconds after which other work gets the turn; its slices are about as long."""

MOST = 20
"""Files and messages of one session that wait for their reader."""

_CHECKED = 1 << 23  # bytes between two looks at the limits
_SPARE = 1 << 28  # bytes to leave free on the disk
_LARGE = 1 << 25  # bytes of a file after which freed memory is returned to the system
_LOG = logging.getLogger(__name__)
_jobs: dict[str, ExportJob] = {}
_lock = threading.Lock()


def find_job(token: str) -> ExportJob | None:
    """The export that a token stands for, if it is still there."""
    return _jobs.get(token)


class ExportJob:
    """A file that is written, waits to be fetched, and is deleted.

    It is dropped when its session has ended. ``slices``: expected turns in the line, of
    :data:`SLICE` seconds each; ``said``: what a message says to this reader, on a shared server no
    folders.
    """

    def __init__(
        self,
        session: str,
        name: str,
        write: Write,
        slices: int = 1,
        said: Callable[[str], str] = str,
    ) -> None:
        self.session, self.name = session, name
        self.token = secrets.token_urlsafe(32)  # in the addresses of the file
        self.state = WAITING
        self.share = 0.0  # part that is written, 0 to 1
        self.before = 0  # requests that come first while it waits
        self.size = 0  # bytes written
        self.error = ""  # why it failed
        self._write: Write | None = write
        self._slices, self._said = slices, said
        self._logged = work_log.logged_session(session)
        self._file: IO[bytes] | None = None
        self._folder = Path()
        self._sending = False
        self._over = threading.Event()
        self._seen = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)

    def start(self) -> ExportJob:
        """Begin; returns itself. Of too many files of the session, the oldest is dropped."""
        with _lock:
            own = [job for job in _jobs.values() if job.session == self.session]
            _jobs[self.token] = self
        if len(own) >= MOST:
            own[0].cancel()
        self._thread.start()
        return self

    def cancel(self) -> None:
        """Stop writing, or drop the file or the message."""
        self._over.set()

    def wait_until_written(self, seconds: float) -> None:
        """Wait while the file is written, but not longer than this."""
        end = time.monotonic() + seconds
        while self.state in (WAITING, WRITING) and time.monotonic() < end:
            self._over.wait(0.02)

    def join(self, seconds: float) -> bool:
        """Wait until the file is deleted; whether it is."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def session_ended(self) -> bool:
        """Whether the session has ended, and not only lost its connection for a moment."""
        now = time.monotonic()
        if not runtime.exists() or runtime.get_instance().is_active_session(self.session):
            self._seen = now
        return now - self._seen > GRACE

    # Reading it, by one request at a time

    def claim(self) -> bool:
        """Begin to send the file; False if it is not ready, or being sent already."""
        with _lock:
            if self.state != READY or self._sending or self._over.is_set():
                return False
            self._sending = True
            return True

    def read(self, start: int, size: int) -> bytes:
        """A part of the file; between :meth:`claim` and :meth:`release`."""
        if self._file is None:
            return b""
        self._file.seek(start)
        return self._file.read(size)

    def release(self, complete: bool) -> None:
        """End sending. A complete file is deleted, another can be fetched again."""
        with _lock:
            self._sending = False
            if complete:
                self.state = SENT
                self._over.set()

    # The thread

    def _run(self) -> None:
        try:
            self._write_and_keep()
        except CancelledError:
            pass
        except RadioVizError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(
                f"{self.name} cannot be written: {error.strerror or error}. Free some space, or "
                "point RADIOVIZ_CACHE at a folder that can be written."
            )
        except Exception:
            _LOG.exception("the export of %s failed", self.name)
            self._fail(f"{self.name} cannot be written, by an error that the log describes.")
        finally:
            with _lock:
                _jobs.pop(self.token, None)

    def _write_and_keep(self) -> None:
        self._folder, file = _unnamed_file()
        with file:
            with (
                work_log.request("export", waits=True, session=self._logged) as entry,
                QUEUE.turn(f"{self.session} export", self._slices, self._watch) as hand_over,
            ):
                entry.start()
                began = time.monotonic()

                def progress(done: int, total: int, what: str) -> None:
                    nonlocal began
                    self.share = done / total if total else 0.0
                    if time.monotonic() - began < SLICE:
                        self._watch(0)
                    else:
                        hand_over()
                        began = time.monotonic()

                output = _Output(file, self._grown)
                self.state, write, self._write = WRITING, self._write, None
                if write is not None:
                    write(output, progress)
                file.flush()
            del write  # and what it holds: galaxies, images
            self.size = file.seek(0, os.SEEK_END)
            self._check_limits()
            if self.size > _LARGE:
                trim_memory()
            self._file = file
            self.state = READY
            self._keep()
            while self._sending:  # to its end, even if the session has just ended
                time.sleep(0.05)
            self._file = None

    def _watch(self, before: int) -> None:
        self.before = before
        if self._over.is_set() or self.session_ended():
            raise CancelledError(f"{self.name}: cancelled")

    def _grown(self, size: int) -> None:
        self.size = size
        self._check_limits()

    def _check_limits(self) -> None:
        largest = most_bytes()
        with _lock:
            jobs = list(_jobs.values())
        for whose, held, limit in (
            ("this session", sum(j.size for j in jobs if j.session == self.session), largest / 4),
            ("all sessions", sum(j.size for j in jobs), largest),
        ):
            if held > limit:
                raise ExportError(
                    f"{self.name} has {self.size / 1e6:,.0f} MB so far, and the exports of {whose} "
                    f"may have {limit / 1e6:,.0f} MB until they are downloaded. Export fewer "
                    "galaxies, or use the command 'radioviz export'; RADIOVIZ_MAX_EXPORTS sets "
                    "another limit in MB."
                )
        free = shutil.disk_usage(self._folder).free
        if free < _SPARE:
            raise ExportError(
                f"{self.name} has {self.size / 1e6:,.0f} MB so far, and the disk only "
                f"{free / 1e6:,.0f} MB left. Free some space, export fewer galaxies, or point "
                "RADIOVIZ_CACHE at another disk."
            )

    def _fail(self, message: str) -> None:
        self.size, self.error = 0, self._said(message)
        self.state = FAILED
        self._keep()

    def _keep(self) -> None:
        """Wait until the file is fetched, the message is closed, or neither matters any more."""
        end = time.monotonic() + KEPT
        while not self._over.wait(1.0):
            if not self._sending and (time.monotonic() > end or self.session_ended()):
                return


class _Output(io.BufferedIOBase, IO[bytes]):
    """The open file as writers see it: what they write is counted."""

    def __init__(self, file: IO[bytes], grown: Callable[[int], None]) -> None:
        self._file, self._grown = file, grown
        self._size = self._unchecked = 0

    def write(self, data: Any) -> int:
        written: int = self._file.write(data)
        self._size += written
        self._unchecked += written
        if self._unchecked >= _CHECKED:
            self._unchecked = 0
            self._grown(self._size)
        return written

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()


def _unnamed_file() -> tuple[Path, IO[bytes]]:
    """A file that only this process can open, and its folder.

    It lies on the disk of the cache, since the folder of temporary files is memory on some
    systems; there, if the cache cannot be written.
    """
    folder: Path = cache_folder()
    try:
        make_folder(folder)
        file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it
    except OSError:
        folder = Path(tempfile.gettempdir())
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    return folder, file


def most_bytes() -> float:
    """Bytes that all exports may have together until they are downloaded."""
    text = os.environ.get("RADIOVIZ_MAX_EXPORTS", "").strip()
    try:
        return float(text or 20_000) * 1e6
    except ValueError:
        raise ExportError(f"RADIOVIZ_MAX_EXPORTS is '{text}'; expected a number of MB") from None
