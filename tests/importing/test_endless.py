"""A file that ends its reader costs a sentence, which names it; among others only itself."""

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
import pandas as pd
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


def test_one_of_many_files(cutouts: Path, tmp_path: Path) -> None:
    """Libraries made to do their worst: three files are refused, and all others are read."""
    program = """
import sys
from radioviz.data.__main__ import main
from radioviz.importing import image_choice
from radioviz.jobs import watched_fork
from tests.jobs import misbehaving

watched_fork.SECONDS = 1.0
really = image_choice.read_image
worst = {
    "J0003": misbehaving.crash,
    "J0006": misbehaving.spin,
    "J0009": lambda: misbehaving.fill_memory(10**10),
}

def read_image(content, **options):
    if "inspect_source" not in {f.f_code.co_name for f in frames()}:
        worst.get(content.stem, int)()
    return really(content, **options)

def frames():
    frame = sys._getframe()
    while frame := frame.f_back:
        yield frame

image_choice.read_image = read_image
sys.exit(main())
"""
    report = tmp_path / "report.csv"
    said = subprocess.run(
        [sys.executable, "-c", program, "import", str(cutouts), "--key", "x", "--report", report],
        capture_output=True, text=True, check=False, timeout=200, cwd=REPOSITORY,
    )  # fmt: skip
    assert "x: 9 read, 5 refused" in said.stdout, said.stderr
    why = pd.read_csv(report).set_index("file")["reason"]
    assert "ended by SIGSEGV while it read 'a/J0003.fits'" in why["a/J0003.fits"]
    assert "1 s of processor time did not get any further" in why["b/J0006.fits"]
    assert (
        "'a/J0009.fits' could not be read: it needs more than 4 GB of memory" in why["a/J0009.fits"]
    )
