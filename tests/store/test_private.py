"""What the user imports is for their account alone; the cache can be shared."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from radioviz.jobs.process import JobFolder, JobRequest, JobState
from radioviz.paths import make_folder
from radioviz.store.atomic import atomic_file, atomic_folder
from radioviz.ui.cache import pictures
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.pages.your_data import uploads
from tests.data.test_catalogue import toy


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "deep" / "home"))
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "deep" / "home"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _upload(home: Path) -> None:
    uploads.stage_files([("a.fits", io.BytesIO(b"x"), 1)])


def _job(home: Path) -> None:
    with JobFolder(lambda: home / "jobs", "no.module", JobRequest, JobState, 1)._lock():
        pass


def _file(home: Path) -> None:
    with atomic_file(home / "atlas" / "a.json") as scratch:
        scratch.write_text("{}")


def _folder(home: Path) -> None:
    with atomic_folder(home / "surveys" / "mine"):
        pass


@pytest.mark.parametrize("write", [_upload, _job, _file, _folder])
def test_a_new_home_is_private(home: Path, write: Callable[[Path], None]) -> None:
    write(home)
    assert mode(home) == 0o700
    assert mode(home.parent) == 0o755


@pytest.mark.parametrize(("write", "name"), [(_upload, "uploads"), (_job, "jobs")])
def test_uploads_and_jobs_are_private_in_a_home_that_is_shared(
    home: Path, write: Callable[[Path], None], name: str
) -> None:
    home.mkdir(parents=True)
    home.chmod(0o750)
    (home / name).mkdir()  # of an earlier version
    write(home)
    assert mode(home) == 0o750
    assert (
        mode(home / write.__name__.replace("_upload", "uploads").replace("_job", "jobs")) == 0o700
    )


def test_the_cache_stays_shareable(home: Path, tmp_path: Path) -> None:
    make_folder(tmp_path / "cache" / "catalogues")
    with atomic_file(tmp_path / "cache" / "catalogues" / "a.json") as scratch:
        scratch.write_text("{}")
    assert mode(tmp_path / "cache" / "catalogues") == 0o755
    assert mode(tmp_path / "cache" / "catalogues" / "a.json") == 0o644


@pytest.mark.parametrize(("part", "wanted"), [("deep/home/surveys", 0o700), ("cache", 0o755)])
def test_pictures_of_own_surveys_are_private(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, wanted: int
) -> None:
    monkeypatch.setattr(pictures, "data_set_version", lambda key: (key, str(tmp_path), 0))
    catalogue = toy().save(tmp_path / part / "toy")
    pictures.picture_sheet(catalogue, np.array([0]), ImageStyle())
    (kept,) = (tmp_path / "cache" / "pictures").iterdir()
    assert mode(kept) == wanted
