"""Imports in processes of their own: progress, cancel, kill and resume."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from radioviz import importing
from radioviz.api import survey_job as job
from radioviz.api.survey_job import SurveyJob, SurveyRequest
from radioviz.errors import CatalogueError
from radioviz.jobs.process import _started
from radioviz.store.atomic import write_json
from tests.models.small import galaxies


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder for this test; its jobs end with it."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "none"))
    yield tmp_path / "home"
    for one in job.list_jobs():
        job.cancel_job(one.id)
        wait(one.id, lambda j: not j.active)


def wait(job_id: str, until: Callable[[SurveyJob], bool], seconds: float = 180) -> SurveyJob:
    deadline = time.monotonic() + seconds
    while not until(found := job.read_job(job_id)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


@pytest.fixture
def request_(tmp_path: Path) -> SurveyRequest:
    """An import of three hundred images."""
    np.save(tmp_path / "cube.npy", (255 * galaxies(300, 48)).astype(np.uint8))
    return SurveyRequest("mine", "Mine", str(tmp_path / "cube.npy"), answers={"pixel_scale": "2.0"})


@pytest.mark.slow
def test_a_job_runs_to_its_end_and_reports(request_: SurveyRequest) -> None:
    started = job.start_job(request_)
    assert started.active and started.request == request_
    with pytest.raises(CatalogueError, match="running already"):
        job.start_job(request_)
    with pytest.raises(CatalogueError, match="running already"):
        job.resume_job(started.id)
    done = wait(started.id, lambda j: not j.active)
    assert (done.progress.state, done.progress.error) == (job.DONE, "")
    assert "300 read" in done.progress.imported
    assert importing.list_surveys()["mine"].n == 300
    assert (importing.list_surveys()["mine"].folder / "measured.parquet").exists()
    job.delete_job(done.id)
    assert not job.list_jobs() and "mine" in importing.list_surveys()


@pytest.mark.slow
def test_a_killed_job_is_cut_off_and_can_be_resumed(request_: SurveyRequest, home: Path) -> None:
    started = job.start_job(request_)
    running = wait(started.id, lambda j: j.progress.step not in ("", "starting"))
    assert running.active
    os.kill(_process(started.id), signal.SIGKILL)
    dead = wait(started.id, lambda j: not j.active)
    assert dead.progress.state == job.CUT_OFF
    job.resume_job(started.id)
    done = wait(started.id, lambda j: not j.active)
    assert (done.progress.state, importing.list_surveys()["mine"].n) == (job.DONE, 300)


def _process(job_id: str) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if job_id.encode() in (process / "cmdline").read_bytes():
                return int(process.name)
        except OSError:
            continue
    raise AssertionError(f"no process of job {job_id}")


@pytest.mark.slow
def test_a_failure_is_explained_and_a_cancelled_job_resumes(request_: SurveyRequest) -> None:
    wrong = job.start_job(SurveyRequest("bad", path=str(Path(request_.path).with_name("gone.npy"))))
    failed = wait(wrong.id, lambda j: not j.active)
    assert failed.progress.state == job.FAILED and "gone.npy" in failed.progress.error
    job.delete_job(failed.id)

    started = job.start_job(request_)
    job.cancel_job(started.id)
    ended = wait(started.id, lambda j: not j.active)
    assert ended.progress.state == job.CANCELLED
    job.resume_job(started.id)
    assert wait(started.id, lambda j: not j.active).progress.state == job.DONE


def test_no_more_than_a_few_at_a_time(request_: SurveyRequest) -> None:
    full = dataclasses.replace(job._JOBS, limit=0, waiting=0)
    with pytest.raises(CatalogueError, match="0 jobs run or wait, the most on this server"):
        full.start(request_)
    assert job.list_jobs() == []


@pytest.mark.slow
def test_a_job_waits_for_earlier_ones_and_shows_its_place(
    request_: SurveyRequest, home: Path
) -> None:
    """Two that run are two processes which are there, and do nothing."""
    running = {
        "state": job.RUNNING, "step": "x", "pid": os.getpid(), "started": _started(os.getpid()),
        "began": time.time() - 60,
    }  # fmt: skip
    for number in (1, 2):
        other = dataclasses.replace(request_, key=f"other-{number}")
        write_json(home / "jobs" / f"{number}-a" / "request.json", dataclasses.asdict(other))
        write_json(home / "jobs" / f"{number}-a" / "state.json", running)
    third = job.start_job(request_)
    last = job.start_job(dataclasses.replace(request_, key="last"))
    assert wait(third.id, lambda j: "waiting" in j.progress.step).progress.step == (
        "waiting: 2 jobs before this one"
    )
    assert wait(last.id, lambda j: "waiting: 3 jobs" in j.progress.step).active
    job.cancel_job(last.id)
    assert wait(last.id, lambda j: not j.active).progress.state == job.CANCELLED
    write_json(home / "jobs" / "1-a" / "state.json", running | {"state": job.DONE})
    assert wait(third.id, lambda j: not j.active).progress.state == job.DONE
    write_json(home / "jobs" / "2-a" / "state.json", running | {"state": job.DONE})


def test_a_process_of_the_same_number_is_another(request_: SurveyRequest, home: Path) -> None:
    """Only the process that a job started counts, whatever number it had."""
    write_json(home / "jobs" / "1-a" / "request.json", dataclasses.asdict(request_))
    stand = {
        "state": job.RUNNING,
        "step": "x",
        "pid": os.getpid(),
        "started": _started(os.getpid()),
    }
    write_json(home / "jobs" / "1-a" / "state.json", stand)
    assert job.read_job("1-a").active
    future = {"began": 4e9, "started": 4e9}  # such a job would have run for ever
    for change in (
        {"started": stand["started"] - 60},
        {"pid": 2**22 + 1},
        {"pid": -1},
        {"pid": 0},
        future,
    ):
        write_json(home / "jobs" / "1-a" / "state.json", stand | change)
        assert job.read_job("1-a").progress.state == job.CUT_OFF


def test_jobs_of_earlier_versions_can_be_resumed(home: Path) -> None:
    """Their state names no process."""
    folder = home / "jobs" / "1-a"
    write_json(folder / "request.json", {"key": "mine", "models": ["vae2"], "answers": {}})
    old = {
        "state": "running",
        "step": "reading",
        "began": 5.0,
        "imported": "x",
        "encoded": ["vae2"],
    }
    write_json(folder / "state.json", old)
    (found,) = job.list_jobs()
    assert (found.progress.state, found.progress.encoded) == (job.CUT_OFF, ("vae2",))
    assert found.request == SurveyRequest("mine", models=("vae2",))


def test_folders_that_are_not_jobs(home: Path) -> None:
    assert job.list_jobs() == []
    with pytest.raises(CatalogueError, match="no job 'x'"):
        job.read_job("x")
    (home / "jobs" / "torn").mkdir(parents=True)
    (home / "jobs" / "torn" / "request.json").write_text("{")
    assert job.list_jobs() == []


def test_a_folder_that_cannot_be_written(request_: SurveyRequest, home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file")
    with pytest.raises(CatalogueError, match="RADIOVIZ_HOME"):
        job.start_job(request_)
    home.unlink()
