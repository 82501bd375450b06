"""Large files do not stay in the memory of the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from radioviz.paths import REPOSITORY
from tests.browser.server import chromium

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.mark.skipif(chromium() is None, reason="chromium is not installed")
def test_exports_are_dropped(cache_folder_of_the_run: Path) -> None:
    given = "--galaxies 3000 --exports 4 --kinds fits cube --seconds 5 --allowed 100"
    command = [sys.executable, "-m", "tests.load.exports", *given.split()]  # 290 MB written
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
