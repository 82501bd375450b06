"""Import, measure and encode a survey in a process of its own, watched through files.

The jobs are in ``<user data>/jobs/<id>/``; :mod:`radioviz.jobs.process` describes the files.
``python -m radioviz.api.survey_job FOLDER`` runs one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from radioviz.jobs.sandbox import Limits, confine
from radioviz.paths import (
    cache_folder,
    make_folder,
    trained_folder,
    user_data_folder,
    user_models_folder,
)  # fmt: skip
from radioviz.store.atomic import delete_folder
from radioviz.store.mapped import trim_memory

__all__ = ["CANCELLED", "CUT_OFF", "DONE", "FAILED", "RUNNING"]

_LIMITS = Limits(
    memory=16_000_000_000, seconds=30 * 86400.0, file_size=2_000_000_000_000, open_files=4096,
    mapped_files=True,
)  # fmt: skip
"""Of a whole import with its encoding, which reads image by image."""
_SYSTEM = (
    "/proc", "/sys/devices/system", "/etc/ssl", "/etc/hosts", "/etc/resolv.conf",
    "/etc/nsswitch.conf", "/etc/host.conf", "/run/systemd/resolve",
)  # fmt: skip
"""What is read to count processors and to find a host."""
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name certificates elsewhere."""
_MAX_JOBS = 2  # more would share the memory of the machine and not finish sooner


@dataclass(frozen=True)
class SurveyRequest(JobRequest):
    """What to import, measure and encode.

    Attributes
    ----------
    key, title : str
        Of the survey.
    path, table : str
        What to import; with an empty path, an existing survey is encoded.
    answers : dict
        As for :func:`radioviz.importing.import_survey`.
    models : tuple of str
        Encoders, in their order.
    replace : bool
        True to replace a survey of the same key.
    upload : str
        Folder of uploaded files, deleted after the import.
    """

    title: str = ""
    path: str = ""
    table: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    replace: bool = False
    upload: str = ""

    @property
    def work(self) -> str:
        """``import``, or ``encode`` for a survey that is there."""
        return "import" if self.path else "encode"


@dataclass(frozen=True)
class SurveyProgress(JobState):
    """Progress of a survey job.

    Attributes
    ----------
    imported : str
        The import in a sentence, once it is complete.
    encoded : tuple of str
        Models that are finished.
    """

    imported: str = ""
    encoded: tuple[str, ...] = ()


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

    request = worker.request
    confine_import(request.path, request.table, bool(request.answers.get("service")))
    if request.path and not worker.state.imported:
        _import(worker)
    morphology.complete(open_data_set(request.key), worker.progress_or_cancel)
    trim_memory()
    if request.models:
        _encode(worker)


def confine_import(path: str, table: str = "", network: bool = False) -> None:
    """Confine this process, for the rest of its life, to what an import with its encoding needs.

    Parameters
    ----------
    path, table : str
        What is imported; empty where nothing is.
    network : bool
        Whether it fetches cutouts.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "numba"))
    temporary = cache_folder() / "temporary"  # that of the system has files of others
    for folder in (user_data_folder(), temporary):
        with suppress(OSError):  # who writes there says so
            make_folder(folder)
    tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
    given = [Path(p) for p in (path, table) if p]
    beside = [path.parent for path in given if path.is_file()]  # images that a table names
    confine(
        read=[
            *given, *beside, trained_folder(), user_models_folder(),
            *(Path(p) for p in (*_SYSTEM, *map(os.environ.get, _CERTIFICATES)) if p),
        ],
        write=[user_data_folder(), cache_folder()],
        limits=_LIMITS,
        network=network,
    )  # fmt: skip


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
    from radioviz.encode.survey import encode_data_set

    key = worker.request.key
    for model in worker.request.models:
        result = encode_data_set(key, model, progress=worker.progress, cancelled=worker.cancelled)
        if result.atlas is None:
            raise JobCancelledError
        worker.update(encoded=tuple(dict.fromkeys((*worker.state.encoded, model))))
        if worker.cancelled():
            raise JobCancelledError
    add_fr_probability(key, worker.progress_or_cancel)


def run_job(arguments: Sequence[str]) -> int:
    """Run the job in a folder; returns the exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # leave the cores to the server
    _JOBS.run(Path(arguments[0]), _work)
    return 0


if __name__ == "__main__":
    sys.exit(run_job(sys.argv[1:]))
