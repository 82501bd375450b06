"""Jobs that are killed, started twice, run while the clock is set, and meet a removal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest

from radioviz.api import survey_job
from radioviz.api.survey_job import SurveyJob, SurveyRequest
from radioviz.data.user_surveys import list_surveys, open_survey, remove_survey, unfinished_imports
from radioviz.errors import CatalogueError
from radioviz.jobs.process import JobWorker
from radioviz.paths import REPOSITORY
from tests.data.fits_files import noise
from tests.faults.jobs import Latents, cutouts

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
MANY = 600


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def wait(job_id: str, seconds: float = 200) -> SurveyJob:
    """The job once it has ended."""
    end = time.monotonic() + seconds
    while (job := survey_job.read_job(job_id)).active:
        assert time.monotonic() < end, job
        time.sleep(0.05)
    return job


def wait_until_it_reads(job_id: str) -> int:
    """Wait until some images are read; the process."""
    end = time.monotonic() + 100
    while True:
        job = survey_job.read_job(job_id)
        assert job.active and time.monotonic() < end, job
        if job.progress.step == "reading images" and job.progress.done > 5:
            return job.progress.pid
        time.sleep(0.02)


@pytest.mark.slow
def test_an_import_whose_process_is_killed_resumes(home: Path, tmp_path: Path) -> None:
    source = cutouts(tmp_path / "in", MANY)
    job = survey_job.start_job(SurveyRequest("mine", path=str(source)))
    for sent in (signal.SIGTERM, signal.SIGKILL):
        os.kill(wait_until_it_reads(job.id), sent)
        assert wait(job.id).progress.state == survey_job.CUT_OFF
        assert list_surveys() == {}
        (left,) = unfinished_imports()
        assert left.key == "mine"
        survey_job.resume_job(job.id)
    done = wait(job.id)
    assert done.progress.state == survey_job.DONE, done
    survey = open_survey("mine")
    assert len(survey) == MANY
    for name in ("0000.fits", f"{MANY - 1:04d}.fits"):
        row = list(survey.table["file"]).index(name)
        np.testing.assert_array_equal(survey.image(row), noise((40, 40), seed=int(name[:4])))


@pytest.mark.slow
def test_servers_that_share_a_home_start_so_many_jobs(home: Path, tmp_path: Path) -> None:
    """Four processes at one moment: a survey is imported once, two imports work at a time."""
    source = cutouts(tmp_path / "in", 300)
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from radioviz.api import survey_job\nfrom radioviz.errors import CatalogueError\n"
        "for key in sys.argv[3:]:\n"
        "    print('ready', flush=True)\n"
        "    while not Path(sys.argv[2], key.split('-')[0]).exists(): time.sleep(0.001)\n"
        "    try:\n"
        "        job = survey_job.start_job(survey_job.SurveyRequest(key, path=sys.argv[1]))\n"
        "        print('started', job.id, flush=True)\n"
        "    except CatalogueError as error:\n        print(error, flush=True)\n"
    )
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(source), str(tmp_path), "mine", f"own-{i}"],
            cwd=REPOSITORY, env=os.environ, stdout=subprocess.PIPE, text=True,
        )
        for i in range(4)
    ]  # fmt: skip

    def all_say() -> list[str]:
        return [server.stdout.readline().strip() if server.stdout else "" for server in servers]

    assert all_say() == ["ready"] * 4
    (tmp_path / "mine").touch()
    said = all_say()
    assert sum(text.startswith("started") for text in said) == 1, said
    assert sum("a job for survey 'mine' is running already" in text for text in said) == 3
    assert all_say() == ["ready"] * 4
    (tmp_path / "own").touch()
    others = all_say()
    started = [text for text in said + others if text.startswith("started")]
    assert len(started) == 5, others
    at_work, waited = 0, False
    while any(job.active for job in survey_job.list_jobs()):
        steps = [job.progress.step for job in survey_job.list_jobs() if job.active]
        waited |= any(step.startswith("waiting: ") for step in steps)
        at_work = max(at_work, sum(step == "reading images" for step in steps))
        time.sleep(0.02)
    for server in servers:
        server.communicate(timeout=100)
    assert at_work <= 2
    assert waited
    for text in started:
        job = survey_job.read_job(text.split()[1])
        assert job.progress.state == survey_job.DONE
        assert len(open_survey(job.request.key)) == 300


@pytest.mark.slow
def test_a_clock_set_back_by_a_day_while_a_job_runs(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path(FAKETIME).exists():
        pytest.skip("libfaketime is not installed")
    home.mkdir()
    clock = home / "clock"  # where a job may read it
    clock.write_text("+0")
    first = survey_job.start_job(SurveyRequest("first-one", path=str(cutouts(tmp_path / "a", 5))))
    assert wait(first.id).progress.state == survey_job.DONE
    environment = {
        "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    source = cutouts(tmp_path / "in", MANY)
    with monkeypatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        job = survey_job.start_job(SurveyRequest("second-one", path=str(source)))
    wait_until_it_reads(job.id)
    clock.write_text("-1d")
    done = wait(job.id)
    assert done.progress.state == survey_job.DONE, done
    assert len(open_survey("second-one")) == MANY
    assert 0 < done.seconds < 200
    # A server that starts on the next "yesterday": its job is the newest all the same.
    program = (
        "import sys\nfrom radioviz.api import survey_job\n"
        "print(survey_job.start_job(survey_job.SurveyRequest('third', path=sys.argv[1])).id)"
    )
    third = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a")],
        cwd=REPOSITORY, env=os.environ | environment, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert wait(third).progress.state == survey_job.DONE
    assert [j.id for j in survey_job.list_jobs()] == [third, job.id, first.id]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["", "encoding"])
def test_remove_against_encode(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Removed at any moment: the survey is gone and nothing of it comes back, or it is refused."""
    for name in ("RADIOVIZ_HOME", "RADIOVIZ_TRAINED"):
        monkeypatch.setenv(name, "")  # restored afterwards; the work sets them
    with ExitStack() as stack:
        work = Latents(tmp_path, stack)
        work.prepare()
        request = SurveyRequest("mine", models=("tiny",))
        job = survey_job.start_job(request)
        refused, removed = 0, False
        while step not in survey_job.read_job(job.id).progress.step:
            time.sleep(0.01)
        while survey_job.read_job(job.id).active:
            try:
                remove_survey("mine")
                removed = True  # before it took the lock, or after its last step
                break
            except CatalogueError as error:
                assert "is being imported, encoded or removed" in str(error)
                refused += 1
            time.sleep(0.01)
        ended = wait(job.id)
        if not step and ended.progress.state == survey_job.FAILED:  # before it took the lock
            assert "no data set 'mine'" in ended.progress.error, ended
        else:
            assert ended.progress.state == survey_job.DONE, ended
            assert refused
            if not removed:
                assert work.check()
                remove_survey("mine")
        assert list_surveys() == {}
        left = [p for p in (tmp_path / "home").rglob("*") if "mine" in p.name]
        assert [p.parent.name for p in left if p.name != "mine" or p.is_dir()] == []


@pytest.mark.slow
def test_nothing_is_removed_between_the_steps_of_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first image that is read to the end of its job, a survey stays."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    job = survey_job.start_job(SurveyRequest("mine", path=str(cutouts(tmp_path / "in", 400))))
    wait_until_it_reads(job.id)
    while survey_job.read_job(job.id).active:
        with suppress(CatalogueError):
            remove_survey("mine")
            break  # after its last step
    ended = wait(job.id)
    assert ended.progress.state == survey_job.DONE, ended
    assert ended.progress.imported


def test_a_cancel_is_seen_at_once(tmp_path: Path) -> None:
    """Else what a fork had read when it stopped was stored as the whole survey."""
    worker = JobWorker(tmp_path, SurveyRequest("mine"), survey_job.SurveyProgress())
    assert not worker.cancelled()
    (tmp_path / "cancel").touch()
    assert worker.cancelled()
