"""Jobs: runs in processes of their own, watched through files.

Each job has a folder with ``request.json`` (its input), ``state.json`` (its progress and its
process), ``log.txt``, and ``cancel`` once it is asked to stop. The process belongs to neither a
browser session nor the server: a closed tab, a rerun or a server that stops does not end it. A job
whose process died counts as cut off and can be resumed.
"""

from __future__ import annotations

import dataclasses
import secrets
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import psutil
from filelock import FileLock

from radioviz.errors import CatalogueError, RadioVizError
from radioviz.jobs import work_log
from radioviz.jobs.progress import throttled
from radioviz.paths import REPOSITORY, make_folder
from radioviz.store.atomic import delete_folder, report_unwritable, write_json
from radioviz.store.records import read_record

RUNNING, DONE, FAILED, CANCELLED, CUT_OFF = "running", "done", "failed", "cancelled", "cut off"

_REQUEST, _STATE, _LOG, _CANCEL = "request.json", "state.json", "log.txt", "cancel"
_INTERVAL = 0.3  # seconds between two writes of the state


@dataclass(frozen=True)
class JobRequest:
    """Input of a job; ``key`` names the survey that only one job at a time may change."""

    key: str

    @property
    def work(self) -> str:
        """Kind of work, for the log."""
        return "job"


@dataclass(frozen=True)
class JobState:
    """Progress of a job; each kind of job adds its results as fields."""

    state: str = CUT_OFF  # ``running``, ``done``, ``failed``, ``cancelled`` or ``cut off``
    step: str = ""  # what is being done
    # done, total: of the step; ``total`` is 0 if unknown
    done: int = 0
    total: int = 0
    error: str = ""  # why it failed
    began: float = 0.0  # Unix time
    seconds: float | None = None  # duration of a job that has ended
    # pid, started: the process, and when it started, in seconds after boot
    pid: int = 0
    started: float = 0.0


Request = TypeVar("Request", bound=JobRequest)
State = TypeVar("State", bound=JobState)


@dataclass(frozen=True)
class Job(Generic[Request, State]):
    """A job as it stands: identifier, input and progress."""

    id: str
    request: Request
    progress: State

    @property
    def active(self) -> bool:
        """True while its process runs."""
        return self.progress.state == RUNNING

    @property
    def seconds(self) -> float:
        """Time since the start, or the duration of a job that has ended."""
        return self.progress.seconds or max(0.0, time.time() - self.progress.began)


class JobCancelledError(Exception):
    """A cancelled job stops here."""


@dataclass(frozen=True)
class JobFolder(Generic[Request, State]):
    """All jobs of one kind.

    Parameters
    ----------
    folder : callable
        Returns the folder of all jobs (created when the first job starts).
    module : str
        Run as ``python -m <module> <folder of the job>``; it calls :meth:`run`.
    request, state : type
        Dataclasses of the input and the progress.
    limit : int
        Jobs that may work at a time; the others wait, in the order in which they came.
    waiting : int
        Jobs that may wait.
    """

    folder: Callable[[], Path]
    module: str
    request: type[Request]
    state: type[State]
    limit: int
    waiting: int = 8

    def start(self, request: Request) -> Job[Request, State]:
        """Start a job.

        Raises CatalogueError if there are too many jobs, one with the same key, or the folder
        cannot be written.
        """
        return self._spawn(f"{self._number()}-{secrets.token_hex(4)}", request, self.state())

    def _number(self) -> int:
        """Unix time, or more than that of the newest job if the clock was set back since."""
        folders = self.folder().glob("*-*")
        numbers = [int(n) for n in (f.name.partition("-")[0] for f in folders) if n.isdecimal()]
        return max([int(time.time()), *(n + 1 for n in numbers)])

    def resume(self, job_id: str) -> Job[Request, State]:
        """Start a job again that was cancelled, cut off or failed; it resumes where it stopped.

        Raises CatalogueError as :meth:`start`, and if there is no such job, or it is running.
        """
        job = self.read(job_id)
        return self._spawn(job_id, job.request, job.progress)

    def _lock(self) -> FileLock:
        make_folder(self.folder())
        return FileLock(self.folder() / ".lock", timeout=30)

    def _spawn(self, job_id: str, request: Request, before: State) -> Job[Request, State]:
        folder = self.folder() / job_id
        with report_unwritable(self.folder()), self._lock():
            active = [job for job in self.list() if job.active]
            if any(job.request.key == request.key for job in active):
                raise CatalogueError(
                    f"a job for survey '{request.key}' is running already; wait or cancel it"
                )
            if len(active) >= self.limit + self.waiting:
                raise CatalogueError(
                    f"{len(active)} jobs run or wait, the most on this server; wait until one is "
                    "done, or cancel one"
                )
            write_json(folder / _REQUEST, dataclasses.asdict(request))
            (folder / _CANCEL).unlink(missing_ok=True)
            with (folder / _LOG).open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", self.module, str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C on the server does not reach it
                    cwd=REPOSITORY,
                )
            # The process waits for the lock before it reads and writes the state.
            state = dataclasses.replace(
                before, state=RUNNING, step="starting", done=0, total=0, error="",
                began=time.time(), seconds=None, pid=child.pid, started=_started(child.pid),
            )  # fmt: skip
            write_json(folder / _STATE, dataclasses.asdict(state))
        session = work_log.this_session()
        watch = (child, job_id, request.work, session)
        threading.Thread(target=self._await, args=watch, name=job_id, daemon=True).start()
        return self.read(job_id)

    def _await(self, child: subprocess.Popen[bytes], job_id: str, work: str, session: str) -> None:
        """Log how a job ends, and leave no zombie of it."""
        with work_log.request(work, session=session, job=job_id) as entry:
            child.wait()
            try:
                entry.outcome = self.read(job_id).progress.state
            except CatalogueError:
                entry.outcome = "deleted"

    def list(self) -> list[Job[Request, State]]:
        """All jobs, newest first."""
        out = []
        for path in sorted(self.folder().glob(f"*/{_STATE}"), reverse=True):
            try:
                out.append(self.read(path.parent.name))
            except CatalogueError:
                continue  # half deleted
        return out

    def read(self, job_id: str) -> Job[Request, State]:
        """One job as it stands.

        Raises CatalogueError if there is no such job, or its files are damaged.
        """
        folder = self.folder() / job_id
        try:
            request = read_record(folder / _REQUEST, self.request)
        except (OSError, ValueError) as error:
            raise CatalogueError(f"no job '{job_id}' ({error})") from None
        state = self._state(folder)
        if state.state == RUNNING and not _is_alive(state):
            state = self._state(folder)  # it may just have ended
            if state.state == RUNNING:
                state = dataclasses.replace(state, state=CUT_OFF)
        return Job(job_id, request, state)

    def _state(self, folder: Path) -> State:
        try:
            return read_record(folder / _STATE, self.state)
        except (OSError, ValueError):
            return self.state()  # damaged: it counts as cut off, and can be resumed

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; :meth:`resume` continues it."""
        folder = self.folder() / job_id
        if folder.is_dir():
            (folder / _CANCEL).touch()

    def delete(self, job_id: str) -> None:
        """Delete the files of a job that is not running; its results stay."""
        if not self.read(job_id).active:
            delete_folder(self.folder() / job_id)

    def run(self, folder: Path, work: Callable[[JobWorker[Request, State]], None]) -> None:
        """Do the work of a job in this process, and record how it ends."""
        with self._lock():
            pass  # until the process that started this one has written its files
        worker = self._worker(folder)
        state, why, began = DONE, "", time.monotonic()
        try:
            self._wait_in_line(worker)
            work(worker)
        except JobCancelledError:
            state = CANCELLED
        except RadioVizError as error:
            state, why = FAILED, str(error)
        except MemoryError:
            state, why = FAILED, "too little memory; import fewer images at a time"
        except Exception as error:
            traceback.print_exc()
            state, why = FAILED, f"unexpected: {type(error).__name__}: {error}"
        seconds = round(time.monotonic() - began, 1)  # the clock may have been set meanwhile
        worker.update(state=state, error=why, seconds=seconds, step="")

    def _worker(self, folder: Path) -> JobWorker[Request, State]:
        request = read_record(folder / _REQUEST, self.request)
        return JobWorker(folder, request, self._state(folder))

    def fail(self, folder: Path, why: str) -> None:
        """Record that the process which did the work of a job ended without a word."""
        worker = self._worker(folder)
        seconds = round(max(0.0, time.time() - worker.state.began), 1)
        worker.update(state=FAILED, error=why, seconds=seconds, step="")

    def _wait_in_line(self, worker: JobWorker[Request, State]) -> None:
        """Wait until fewer earlier jobs than the limit are active; their number is the step."""
        own = worker.state.began, worker.folder.name
        while True:
            active = [job for job in self.list() if job.active]
            before = sum((job.progress.began, job.id) < own for job in active)
            if before < self.limit:
                return
            step = f"waiting: {before} job{'s' * (before != 1)} before this one"
            if step != worker.state.step:
                worker.update(step=step)
            if worker.cancelled():
                raise JobCancelledError
            time.sleep(_INTERVAL)


class JobWorker(Generic[Request, State]):
    """A job as its own process sees it.

    ``progress(done, total, what)`` is written to ``state.json`` from time to time.
    """

    def __init__(self, folder: Path, request: Request, state: State) -> None:
        self.folder, self.request, self.state = folder, request, state
        self.progress = throttled(
            lambda done, total, what: self.update(step=what, done=int(done), total=int(total or 0)),
            _INTERVAL,
        )

    def update(self, **changes: Any) -> None:
        """Change fields of the state, and write it."""
        self.state = dataclasses.replace(self.state, **changes)
        write_json(self.folder / _STATE, dataclasses.asdict(self.state))

    def cancelled(self) -> bool:
        """True if somebody asked the job to stop."""
        # Looked up each time: a fork that reads stops on its own look, and after an answer of a
        # moment ago what it has read so far would pass for all there is.
        return (self.folder / _CANCEL).exists()

    def progress_or_cancel(self, done: int, total: int, what: str) -> None:
        """Progress for functions that cannot be cancelled otherwise."""
        self.progress(done, total, what)
        if self.cancelled():
            raise JobCancelledError


def _started(pid: int) -> float:
    """Seconds from boot to the start of a process, which no change of the clock affects."""
    boot = psutil.boot_time()  # first: older versions of psutil keep it for create_time
    return psutil.Process(pid).create_time() - boot


def _is_alive(state: JobState) -> bool:
    """True if the process of a job runs; another of the same number does not count."""
    try:
        if psutil.Process(state.pid).status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(_started(state.pid) - state.started) < 5
    except (ValueError, OverflowError, psutil.Error):
        return False
