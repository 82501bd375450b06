"""An import with its measuring and encoding as a process of its own, watched through files.

``<user data>/jobs/<id>/`` holds ``request.json`` (what is asked for), ``state.json`` (how far it
is), ``log.txt``, and ``cancel`` where somebody asked for an end. The process belongs to no
browser session and to no server: a closed tab, a rerun or a server that stops loses nothing.
A job whose process died is told by its lock, which the system frees, and can be taken up.

``python -m radioviz.api.survey_job FOLDER`` is what runs in the process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radioviz.errors import CatalogueError, RadioVizError
from radioviz.paths import user_data_folder
from radioviz.store.atomic import delete_folder
from radioviz.store.mapped import trim
from radioviz.store.records import check_types, read_json_object

RUNNING, DONE, FAILED, CANCELLED, CUT_OFF = "running", "done", "failed", "cancelled", "cut off"
MAX_JOBS = 2
"""Jobs at a time on one machine; more would share its memory and take no less time."""

_REQUEST, _STATE, _LOG, _CANCEL, _LOCK = "request.json", "state.json", "log.txt", "cancel", "lock"
_WRITE_EVERY = 0.3  # seconds
_STARTING = 30.0  # seconds within which a new process must have taken its lock
_CHILDREN: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class SurveyRequest:
    """What a job is asked for.

    Attributes
    ----------
    key, title : str
        Of the survey.
    path, table : str
        What is imported; an empty path encodes a survey that is there already.
    answers : dict
        As :func:`radioviz.importing.import_survey` takes them.
    models : tuple of str
        Encoders, in their order.
    replace : bool
        True to replace a survey of the same key.
    upload : str
        Folder of uploaded files, deleted when they are imported.
    """

    key: str
    title: str = ""
    path: str = ""
    table: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    replace: bool = False
    upload: str = ""


_REQUEST_TYPES: dict[str, type | tuple[type, ...]] = {
    "key": str, "title": str, "path": str, "table": str, "answers": dict, "models": list,
    "replace": bool, "upload": str,
}  # fmt: skip
_STATE_TYPES: dict[str, type | tuple[type, ...]] = {
    "state": str, "step": str, "done": int, "total": int, "imported": str, "encoded": list,
    "error": str, "began": (int, float), "seconds": (int, float, type(None)),
}  # fmt: skip


@dataclass(frozen=True)
class SurveyJob:
    """A job as it stands.

    Attributes
    ----------
    id : str
    request : SurveyRequest
    state : str
        ``running``, ``done``, ``failed``, ``cancelled`` or ``cut off``.
    step : str
        What is being done.
    done, total : int
        Of the step; a total of 0 is not known.
    imported : str
        The import in a sentence, once it is whole.
    encoded : tuple of str
        Models that are through.
    error : str
    seconds : float
        Since the start, or all that it took.
    """

    id: str
    request: SurveyRequest
    state: str
    step: str = ""
    done: int = 0
    total: int = 0
    imported: str = ""
    encoded: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def active(self) -> bool:
        """True while its process works."""
        return self.state == RUNNING


def jobs_folder() -> Path:
    """Folder of all jobs (not created here)."""
    return user_data_folder() / "jobs"


def start_job(request: SurveyRequest) -> SurveyJob:
    """Begin a job.

    Raises
    ------
    CatalogueError
        If there are too many already, one of the same survey, or the folder cannot be written.
    """
    active = [j for j in list_jobs() if j.active]
    if any(j.request.key == request.key for j in active):
        raise CatalogueError(f"survey '{request.key}' is being worked on; wait, or cancel that")
    if len(active) >= MAX_JOBS:
        raise CatalogueError(f"{len(active)} imports are under way; wait for one, or cancel it")
    folder = jobs_folder() / f"{int(time.time())}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True)
        _write(folder / _REQUEST, dataclasses.asdict(request))
    except OSError as error:
        raise _unwritable(error) from error
    return _spawn(folder)


def resume_job(job_id: str) -> SurveyJob:
    """Begin a job anew that was cancelled, cut off or failed; it goes on where it stopped.

    Raises
    ------
    CatalogueError
        If there is no such job, or it is running.
    """
    job = read_job(job_id)
    if job.active:
        raise CatalogueError(f"survey '{job.request.key}' is being worked on already")
    folder = jobs_folder() / job_id
    (folder / _CANCEL).unlink(missing_ok=True)
    return _spawn(folder)


def _spawn(folder: Path) -> SurveyJob:
    before = _read(folder / _STATE)
    kept = {k: before[k] for k in ("imported", "encoded") if before.get(k)}
    try:
        _write(
            folder / _STATE, {"state": RUNNING, "step": "starting", "began": time.time(), **kept}
        )
        with (folder / _LOG).open("ab") as log:
            # A session of its own: the end of the server, by Ctrl-C too, is not the job's.
            _CHILDREN.append(
                subprocess.Popen(
                    [sys.executable, "-m", "radioviz.api.survey_job", str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd=Path(__file__).resolve().parents[2],
                )
            )
    except OSError as error:
        raise _unwritable(error) from error
    return read_job(folder.name)


def _unwritable(error: OSError) -> CatalogueError:
    return CatalogueError(
        f"{jobs_folder()} cannot be written: {error.strerror or error}. Free some space or point "
        "RADIOVIZ_HOME at a folder that can be written."
    )


def list_jobs() -> list[SurveyJob]:
    """All jobs, newest first."""
    folder = jobs_folder()
    found = sorted(folder.glob(f"*/{_REQUEST}"), reverse=True) if folder.is_dir() else []
    out = []
    for path in found:
        try:
            out.append(read_job(path.parent.name))
        except CatalogueError:
            continue  # half-deleted
    return out


def read_job(job_id: str) -> SurveyJob:
    """One job as it stands.

    Raises
    ------
    CatalogueError
        If there is no such job, or its files are damaged.
    """
    _CHILDREN[:] = [c for c in _CHILDREN if c.poll() is None]
    folder = jobs_folder() / job_id
    try:
        asked = _read(folder / _REQUEST)
        check_types(asked, _REQUEST_TYPES)
        asked["models"] = tuple(map(str, asked["models"]))
        request = SurveyRequest(**asked)
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogueError(f"no job '{job_id}' ({error})") from None
    state = _read(folder / _STATE)
    try:
        check_types(state, _STATE_TYPES)
    except ValueError:
        state = {}  # damaged: it counts as cut off, and can be taken up
    began = float(state.get("began", 0.0))
    status = str(state.get("state", CUT_OFF))
    if status == RUNNING and not _is_alive(folder, began):
        status = str(_read(folder / _STATE).get("state", CUT_OFF))  # it may just have ended
        status = CUT_OFF if status == RUNNING else status
    return SurveyJob(
        job_id,
        request,
        status,
        str(state.get("step", "")),
        int(state.get("done", 0)),
        int(state.get("total", 0)),
        str(state.get("imported", "")),
        tuple(map(str, state.get("encoded", ()))),
        str(state.get("error", "")),
        float(state.get("seconds") or max(0.0, time.time() - began)),
    )


def _is_alive(folder: Path, began: float) -> bool:
    from filelock import FileLock, Timeout

    if _read(folder / _STATE).get("step") == "starting" and time.time() - began < _STARTING:
        return True
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def cancel_job(job_id: str) -> None:
    """Ask a job to end; what it has read and encoded is kept for :func:`resume_job`."""
    folder = jobs_folder() / job_id
    if folder.is_dir():
        (folder / _CANCEL).touch()


def delete_job(job_id: str) -> None:
    """Delete the notes of a job that is not running; surveys and Atlases stay."""
    if not read_job(job_id).active:
        delete_folder(jobs_folder() / job_id)


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except (OSError, ValueError):
        return {}


def _write(path: Path, values: dict[str, Any]) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(values, indent=1, default=str), "utf-8")
    scratch.replace(path)


# -- in the process of the job -----------------------------------------------------------------


class _Cancelled(Exception):
    pass


class _Worker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        asked = _read(folder / _REQUEST)
        asked["models"] = tuple(asked["models"])
        self.request = SurveyRequest(**asked)
        before = _read(folder / _STATE)
        self.state: dict[str, Any] = {
            "state": RUNNING,
            "began": before.get("began", time.time()),
            "imported": before.get("imported", ""),
            "encoded": list(before.get("encoded", ())),
        }
        self._written = self._asked = 0.0
        self._end = False

    def told(self, done: int, total: int, what: str) -> None:
        """Progress, as every long function here reports it."""
        new = what != self.state.get("step")
        self.state.update(step=what, done=int(done), total=int(total or 0))
        now = time.monotonic()
        if new or now - self._written > _WRITE_EVERY or (total and done >= total):
            self._written = now
            _write(self.folder / _STATE, self.state)

    def cancelled(self) -> bool:
        now = time.monotonic()
        if now - self._asked > _WRITE_EVERY:
            self._asked = now
            self._end = (self.folder / _CANCEL).exists()
        return self._end

    def told_or_end(self, done: int, total: int, what: str) -> None:
        """Progress of what asks nobody whether it shall go on."""
        self.told(done, total, what)
        if self.cancelled():
            raise _Cancelled

    def end(self, state: str, error: str = "") -> None:
        seconds = time.time() - float(self.state["began"])
        self.state.update(state=state, error=error, seconds=round(seconds, 1), step="")
        _write(self.folder / _STATE, self.state)

    def run(self) -> None:
        try:
            self._import()
            self._measure()
            trim()
            self._encode()
        except _Cancelled:
            self.end(CANCELLED)
        except RadioVizError as error:
            self.end(FAILED, str(error))
        except MemoryError:
            self.end(FAILED, "the memory of this computer did not suffice; import fewer at a time")
        except Exception as error:
            traceback.print_exc()
            self.end(FAILED, f"unexpected: {type(error).__name__}: {error}")
        else:
            self.end(DONE)

    def _import(self) -> None:
        from radioviz import importing

        if not self.request.path or self.state["imported"]:
            return
        self.told(0, 0, "looking at the files")
        source = importing.Source(
            Path(self.request.path), Path(self.request.table) if self.request.table else None
        )
        answers = {**self.request.answers, "key": self.request.key, "title": self.request.title}
        result = importing.import_survey(
            source, answers, self.told, self.cancelled, replace=self.request.replace
        )
        if result.catalogue is None:
            raise _Cancelled
        self.state["imported"] = result.sentence()
        _write(self.folder / _STATE, self.state)
        if self.request.upload:
            delete_folder(Path(self.request.upload))

    def _measure(self) -> None:
        from radioviz import morphology
        from radioviz.data.registry import open_data_set

        morphology.complete(open_data_set(self.request.key), self.told_or_end)

    def _encode(self) -> None:
        from radioviz.encode.galaxy_scores import add_fr_probability
        from radioviz.encode.survey import encode_data_set

        for model in self.request.models:
            result = encode_data_set(
                self.request.key, model, progress=self.told, cancelled=self.cancelled
            )
            if result.atlas is None:
                raise _Cancelled
            if model not in self.state["encoded"]:
                self.state["encoded"].append(model)
            if self.cancelled():
                raise _Cancelled
        if self.request.models:
            add_fr_probability(self.request.key, self.told_or_end)


def main(arguments: Sequence[str]) -> int:
    """Run the job of a folder; returns the exit code."""
    from filelock import FileLock

    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # the server answers beside it
    folder = Path(arguments[0])
    with FileLock(folder / _LOCK, timeout=10):
        _Worker(folder).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
