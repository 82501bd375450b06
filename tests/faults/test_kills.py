"""Kills of each kind of work; fifty are for ``python -m tests.faults --times 50``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.jobs import WORK


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WORK if name != "atlas"])
def test_a_few_kills(name: str) -> None:
    times = "1" if name in ("latents", "training") else "3"  # starts of torch take seconds
    said = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--times", times, "--seed", "7", name],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=os.environ,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"killed {times}" in said.stdout
