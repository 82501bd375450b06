"""Fixtures that every test may use: real data where it is, a cache of the test run's own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# The same examples at every run: a test that fails today fails tomorrow. Searching for new
# ones is a campaign of its own: HYPOTHESIS_PROFILE=search pytest ...
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# One thread a process: the results stay the same from machine to machine, and tests that
# run side by side do not fight for the cores. Set before any numerical library is imported.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def cache_folder_of_the_run() -> Iterator[Path]:
    """A cache and a home of the test run's own, so that no user's files are touched.

    Processes of one run (pytest-xdist, servers started by tests) share it through the
    environment; ``RADIOVIZ_TEST_CACHE`` keeps it from one run to the next.
    """
    kept = os.environ.get("RADIOVIZ_TEST_CACHE")
    with tempfile.TemporaryDirectory(prefix="radioviz-test-") as scratch:
        root = Path(kept or scratch)
        before = {k: os.environ.get(k) for k in ("RADIOVIZ_CACHE", "RADIOVIZ_HOME")}
        os.environ["RADIOVIZ_CACHE"] = str(root / "cache")
        os.environ["RADIOVIZ_HOME"] = str(root / "home")
        yield root / "cache"
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of survey files that are too large or too protected to be in the repository."""
    folder = Path(os.environ.get("RADIOVIZ_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "MiraBest_F_batches.tar.gz").exists():
        pytest.skip(
            f"the survey files are not in {folder}; "
            "point RADIOVIZ_SHARED_DATA at a folder that holds MiraBest_F_batches.tar.gz"
        )
    return folder
