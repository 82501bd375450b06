"""Fixtures that every test may use: real data where it is, a cache of the test run's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers

from radioviz.data.catalogue import Catalogue
from radioviz.data.datasets import frdeep, mirabest
from radioviz.data.registry import open_data_set

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The same examples at every run: a test that fails today fails tomorrow. Searching for new
# ones is a campaign of its own: HYPOTHESIS_PROFILE=search pytest ...
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "steady")
hypothesis.settings.load_profile(PROFILE)
if PROFILE == "steady" and hasattr(providers, "_get_local_constants"):
    # Hypothesis also tries constants of the modules that happen to be loaded, which differ with
    # the tests that ran before in the same process.
    providers._get_local_constants = providers.Constants

# One thread a process: the results stay the same from machine to machine, and tests that
# run side by side do not fight for the cores. Set before any numerical library is imported.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: one that comes last leaves the other worker without work."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def cache_folder_of_the_run() -> Iterator[Path]:
    """A cache and a home of this worker's own, so that no user's files are touched.

    Processes that its tests start share it through the environment; ``RADIOVIZ_TEST_CACHE``
    keeps it from one run to the next.
    """
    kept = os.environ.get("RADIOVIZ_TEST_CACHE")
    with tempfile.TemporaryDirectory(prefix="radioviz-test-") as scratch:
        root = Path(kept or scratch) / os.environ.get("PYTEST_XDIST_WORKER", "alone")
        before = {k: os.environ.get(k) for k in ("RADIOVIZ_CACHE", "RADIOVIZ_HOME")}
        os.environ["RADIOVIZ_CACHE"] = str(root / "cache")
        os.environ["RADIOVIZ_HOME"] = str(root / "home")
        yield root / "cache"
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_for_others(cache_folder_of_the_run: Path) -> Iterator[None]:
    """What a file's tests fetch, import or set is gone when the next file of this worker begins.

    The galaxies that ship stay built, and what is drawn from them.
    """
    cache, home = cache_folder_of_the_run, cache_folder_of_the_run.parent / "home"
    ours = {k: v for k, v in os.environ.items() if k.startswith("RADIOVIZ_")}
    here = Path.cwd()
    yield
    os.chdir(here)
    for key in [k for k in os.environ if k.startswith("RADIOVIZ_")]:
        del os.environ[key]
    os.environ.update(ours)
    fetched = ("downloads", "cutouts", "sky-cutouts", "sky-footprints", "host-searches", "clusters")
    built = [p for p in cache.glob("catalogues/*") if not p.name.startswith("first-v")]
    own = [home / name for name in ("surveys", "atlas", "models", "jobs", "uploads")]
    for folder in (*built, *(cache / name for name in fetched), *own):
        shutil.rmtree(folder, ignore_errors=True)
    if pages := sys.modules.get("radioviz.ui.cache.data_sets"):
        for key in [key for key in pages._store().catalogues if key != "first"]:
            pages.forget_data_set(key)


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


@pytest.fixture(scope="session")
def first_catalogue() -> Catalogue:
    return open_data_set("first")


@pytest.fixture(scope="session")
def batch_folders(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with F_batches, FIRST_PNG_dataset and NVSS_PNG_dataset in it."""
    folder = tmp_path_factory.mktemp("batches")
    for name in ("MiraBest_F_batches", "FIRST_PNG_dataset", "NVSS_PNG_dataset"):
        with tarfile.open(shared_data / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def mirabest_catalogue(batch_folders: Path) -> Catalogue:
    return mirabest.read_mirabest(folder=batch_folders / "F_batches")


@pytest.fixture(scope="session")
def frdeep_first(batch_folders: Path) -> Catalogue:
    return frdeep.read_frdeep(frdeep.FIRST, folder=batch_folders / "FIRST_PNG_dataset")


@pytest.fixture(scope="session")
def frdeep_nvss(batch_folders: Path) -> Catalogue:
    return frdeep.read_frdeep(frdeep.NVSS, folder=batch_folders / "NVSS_PNG_dataset")


@pytest.fixture
def full_disk() -> Iterator[Path]:
    """A file system of 1 MB, where this account may mount one.

    It lies outside of pytest's folders: pytest deletes those of earlier runs, and fails on a
    file system that a killed run left mounted there.
    """
    folder = Path(tempfile.mkdtemp(prefix="radioviz-full-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir()
        pytest.skip("a file system cannot be mounted by this account")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, driven by Playwright."""
    from tests.browser.server import CHROMIUM_FLAGS, PATIENCE, chromium, patient

    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine (Debian and Ubuntu: apt install chromium)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        running.new_context = patient(running.new_context)  # type: ignore[method-assign]
        running.new_page = patient(running.new_page)  # type: ignore[method-assign]
        yield running
        running.close()
