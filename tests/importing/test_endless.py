"""A file that a library reads without end costs its import: one sentence, which names it."""

from __future__ import annotations

import dataclasses
import io
import struct
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from radioviz.api import survey_job
from radioviz.api.survey_job import SurveyRequest
from radioviz.paths import REPOSITORY

SAYS = "'endless.h5' could not be read: 1 s of processor time did not get any further"


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """HDF5 follows the texts of a heap by their lengths; this one leads to itself."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["img"] = np.random.default_rng(0).normal(size=(5, 24, 24)).astype("f4")
        file["img"].attrs["unit"] = "Jy"
    damaged = bytearray(content.getvalue())
    struct.pack_into("<Q", damaged, damaged.index(b"GCOL") + 24, 2**64 - 16)
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "endless.h5"
    path.write_bytes(damaged)
    return path


def test_a_command(endless: Path) -> None:
    typed = ["tests.jobs.impatient", "import", str(endless), "--pixel-scale", "2"]
    said = subprocess.run(
        [sys.executable, "-m", *typed],
        capture_output=True, text=True, check=False, timeout=120, cwd=REPOSITORY,
    )  # fmt: skip
    assert said.returncode == 1
    assert f"error: {SAYS}" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_job(endless: Path) -> None:
    jobs = dataclasses.replace(survey_job._JOBS, module="tests.jobs.impatient")
    job = jobs.start(SurveyRequest("mine", path=str(endless)))
    end = time.monotonic() + 120
    while (job := jobs.read(job.id)).active and time.monotonic() < end:
        time.sleep(0.1)
    assert job.progress.state == survey_job.FAILED
    assert SAYS in job.progress.error
