"""Import, measure and encode a survey in a process of its own, watched through files.

The jobs are in ``<user data>/jobs/<id>/``; :mod:`radioviz.jobs.process` describes the files.
``python -m radioviz.api.survey_job FOLDER`` runs one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radioviz.errors import ReaderError
from radioviz.jobs.process import (
    CANCELLED,
    CUT_OFF,
    DONE,
    FAILED,
    RUNNING,
    Job,
    JobCancelledError,
    JobFolder,
    JobRequest,
    JobState,
    JobWorker,
)
from radioviz.jobs.watched_fork import in_watched_fork
from radioviz.paths import user_data_folder
from radioviz.store.atomic import delete_folder
from radioviz.store.mapped import trim_memory

__all__ = ["CANCELLED", "CUT_OFF", "DONE", "FAILED", "RUNNING"]

_MAX_JOBS = 2  # more would share the memory of the machine and not finish sooner


@dataclass(frozen=True)
class SurveyRequest(JobRequest):
    """What to import, measure and encode."""

    title: str = ""
    # path, table: what to import; with an empty path, an existing survey is encoded
    path: str = ""
    table: str = ""
    # As for :func:`radioviz.importing.import_survey`.
    answers: dict[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()  # encoders, in their order
    replace: bool = False  # whether to replace a survey of the same key
    upload: str = ""  # folder of uploaded files, deleted after the import
    plane: str = ""  # which image of sources with several encoders see; the first by default

    @property
    def work(self) -> str:
        """``import``, or ``encode`` for a survey that is there."""
        return "import" if self.path else "encode"


@dataclass(frozen=True)
class SurveyProgress(JobState):
    """Progress of a survey job."""

    imported: str = ""  # the import in a sentence, once it is complete
    encoded: tuple[str, ...] = ()  # models that are finished


SurveyJob = Job[SurveyRequest, SurveyProgress]


def jobs_folder() -> Path:
    """Folder of all jobs (not created here)."""
    return user_data_folder() / "jobs"


_JOBS = JobFolder(jobs_folder, "radioviz.api.survey_job", SurveyRequest, SurveyProgress, _MAX_JOBS)
start_job = _JOBS.start
resume_job = _JOBS.resume
list_jobs = _JOBS.list
read_job = _JOBS.read
cancel_job = _JOBS.cancel
delete_job = _JOBS.delete


# -- in the process of the job -----------------------------------------------------------------


def _work(worker: JobWorker[SurveyRequest, SurveyProgress]) -> None:
    from radioviz import morphology
    from radioviz.data.registry import open_data_set
    from radioviz.data.user_surveys import survey_lock
    from radioviz.importing.confinement import confine_import

    request = worker.request
    confine_import(request.path, request.table, bool(request.answers.get("service")))
    with survey_lock(request.key):  # from beginning to end: nobody removes it in between
        if request.path and not worker.state.imported:
            _import(worker)
        morphology.complete(open_data_set(request.key), worker.progress_or_cancel)
        trim_memory()
        if request.models:
            _encode(worker)


def _import(worker: JobWorker[SurveyRequest, SurveyProgress]) -> None:
    from radioviz import importing

    request = worker.request
    worker.progress(0, 0, "inspecting the files")
    source = importing.Source(Path(request.path), Path(request.table) if request.table else None)
    answers = {**request.answers, "key": request.key, "title": request.title}
    result = importing.import_survey(
        source, answers, worker.progress, worker.cancelled, replace=request.replace
    )
    if result.catalogue is None:
        raise JobCancelledError
    worker.update(imported=result.sentence())
    if request.upload:
        delete_folder(Path(request.upload))


def _encode(worker: JobWorker[SurveyRequest, SurveyProgress]) -> None:
    from radioviz.encode.classifier import add_fr_probability
    from radioviz.encode.side_scores import add_sides
    from radioviz.encode.survey import encode_data_set

    key = worker.request.key
    for model in worker.request.models:
        result = encode_data_set(
            key, model, progress=worker.progress, cancelled=worker.cancelled,
            plane=worker.request.plane,
        )  # fmt: skip
        if result.atlas is None:
            raise JobCancelledError
        worker.update(encoded=tuple(dict.fromkeys((*worker.state.encoded, model))))
        if worker.cancelled():
            raise JobCancelledError
    add_fr_probability(key, worker.progress_or_cancel, plane=worker.request.plane)
    add_sides(key, worker.progress_or_cancel, plane=worker.request.plane)


def run_job(arguments: Sequence[str]) -> int:
    """Run the job in a folder; returns the exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # leave the cores to the server
    folder = Path(arguments[0])

    def work() -> str:
        _JOBS.run(folder, _work)
        return ""

    try:
        in_watched_fork(work)
    except ReaderError as error:
        _JOBS.fail(folder, str(error))
    return 0


if __name__ == "__main__":
    sys.exit(run_job(sys.argv[1:]))
