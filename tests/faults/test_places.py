"""Full disks, folders that cannot be written, and damaged bytes in shipped files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from radioviz.atlas.atlas import list_atlases, open_atlas
from radioviz.atlas.scores import read_scores
from radioviz.errors import CatalogueError, ModelError, RadioVizError
from radioviz.importing import Source, import_survey, list_surveys, open_survey, unfinished_imports
from radioviz.jobs.progress import Progress
from radioviz.models.registry import list_models
from tests.faults.jobs import cutouts, tree_digest
from tests.models.small import small_info, synthetic_catalogue

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path, leave: int) -> Path:
    """Fill a disk up to ``leave`` free bytes."""
    free = shutil.disk_usage(folder).free
    filler = folder / "filler"
    filler.write_bytes(bytes(max(0, free - leave)))
    return filler


@pytest.mark.parametrize("leave", [0, 40_000, 300_000, 1_500_000])
def test_an_import_on_a_full_disk_resumes_when_there_is_space(
    leave: int, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz.importing import run_import

    # It would refuse such a disk at once.
    monkeypatch.setattr(run_import, "require_space", lambda *_: None)
    monkeypatch.setenv("RADIOVIZ_HOME", str(small_disk / "home"))
    import_survey(Source(cutouts(tmp_path / "kept", 3)), {"key": "kept"})
    kept = tree_digest(small_disk / "home" / "surveys" / "kept")
    filler = fill(small_disk, leave)
    source = Source(cutouts(tmp_path / "in", 400))  # 2.6 MB of pixels
    with pytest.raises(CatalogueError, match=r"[Nn]o space|Free some space"):
        import_survey(source, {"key": "mine"})
    assert set(list_surveys()) == {"kept"}
    assert tree_digest(small_disk / "home" / "surveys" / "kept") == kept
    filler.unlink()
    assert len(import_survey(source, {"key": "mine"}).catalogue or ()) == 400
    assert len(open_survey("mine")) == 400
    assert unfinished_imports() == []


def test_a_model_and_an_atlas_on_a_full_disk(small_disk: Path) -> None:
    from radioviz.atlas.atlas import Layout, write_atlas
    from radioviz.models.registry import build
    from radioviz.models.weights import load, save

    info = small_info("vae")
    save(small_disk / "tiny", build(info.kind, info.architecture), info, "# Card\n")
    catalogue = synthetic_catalogue(2000)
    z = np.random.default_rng(0).normal(size=(2000, info.latent_dim)).astype(np.float16)
    maps = {"pca": (z[:, :2], Layout("PCA"))}
    write_atlas(catalogue, info, z, maps, folder=small_disk / "atlas")
    before = tree_digest(small_disk)
    for leave in (0, 4096, 20_000):
        filler = fill(small_disk, leave)
        with pytest.raises(ModelError, match="cannot be written"):
            save(small_disk / "tiny", build(info.kind, info.architecture), info, "# Card\n")
        with pytest.raises(RadioVizError, match="cannot be written"):
            write_atlas(catalogue, info, z, maps, folder=small_disk / "atlas")
        filler.unlink()
        assert tree_digest(small_disk) == before
        assert not list(small_disk.glob("**/.*.*")), "scratch is left behind"
    load(small_disk / "tiny")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of two shipped models with their Atlases of FIRST."""
    copy = tmp_path / "trained"
    for name in ("vae2", "frcnn"):
        shutil.copytree(REPOSITORY / "trained" / name, copy / name)
    first = REPOSITORY / "trained" / "atlas" / "first"
    shutil.copytree(first / "vae2", copy / "atlas" / "first" / "vae2")
    for name in ("scores.json", "scores.parquet"):
        shutil.copy(first / name, copy / "atlas" / "first" / name)
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(copy))
    return copy


def _read_all() -> dict[str, Any]:
    """Read every shipped file; our own errors are valid results."""
    from radioviz.models.weights import load
    from radioviz.paths import trained_folder

    found: dict[str, Any] = {}
    models = list_models()
    for name in models:
        try:
            load(trained_folder() / name)
            found[name] = "whole"
        except RadioVizError as error:
            found[name] = str(error)
    found |= models.broken
    for pair in list_atlases():
        try:
            atlas = open_atlas(*pair, info=models.get(pair[1]))
            _ = atlas.scores
            found["/".join(pair)] = "whole"
        except RadioVizError as error:
            found["/".join(pair)] = str(error)
    try:
        read_scores("first", models=models)
        found["scores"] = "whole"
    except RadioVizError as error:
        found["scores"] = str(error)
    return found


@pytest.mark.slow
def test_wrong_bytes_in_every_shipped_file(shipped: Path) -> None:
    """Refused with a message, or read as written: never a crash, never other weights."""
    whole = _read_all()
    assert set(whole.values()) == {"whole"}
    rng = np.random.default_rng(0)
    for path in sorted(p for p in shipped.rglob("*") if p.is_file()):
        content = path.read_bytes()
        for damage in range(6):
            damaged = bytearray(content)
            at = int(rng.integers(len(content)))
            if damage < 3:
                damaged[at] ^= 1 << int(rng.integers(8))
            elif damage == 3:
                damaged = damaged[:at]
            elif damage == 4:
                damaged[at : at + 64] = bytes(64)
            else:
                damaged = bytearray()
            path.write_bytes(damaged)
            found = _read_all()
            if path.name == "weights.safetensors":
                assert "SHA-256" in found[path.parent.name], path
        path.write_bytes(content)
    assert _read_all() == whole


def test_what_is_removed_while_the_app_runs(shipped: Path) -> None:
    atlas = open_atlas("first", "vae2")
    before = np.array(atlas.latents)
    shutil.rmtree(shipped / "atlas" / "first" / "vae2")
    np.testing.assert_array_equal(atlas.latents, before)  # mapped: it stays until the end
    with pytest.raises(RadioVizError, match="scores"):
        _ = atlas.scores
    with pytest.raises(RadioVizError, match="train atlas"):
        open_atlas("first", "vae2")
    models = list_models()
    shutil.rmtree(shipped / "vae2")
    from radioviz.encode import Encoder

    with pytest.raises(RadioVizError, match="vae2"):
        Encoder.load("vae2")
    assert "vae2" in models
    assert "vae2" not in list_models()


@pytest.mark.parametrize("began", [0.0, 4e9, -1e9, 1e300])
def test_clocks_that_are_wrong(
    began: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that began in the future, or before 1970, is listed and can be deleted."""
    from radioviz.api import survey_job as job

    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path))
    folder = tmp_path / "jobs" / "1-abcd"
    folder.mkdir(parents=True)
    request = {"key": "mine", "models": ["vae2"]}
    (folder / "request.json").write_text(json.dumps(request))
    (folder / "state.json").write_text(json.dumps({"state": "running", "began": began}))
    (one,) = job.list_jobs()
    assert one.progress.state == job.CUT_OFF
    assert one.seconds >= 0
    os.utime(folder, (4e9, 4e9))
    job.delete_job(one.id)
    assert job.list_jobs() == []


def test_files_from_the_future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    folder = cutouts(tmp_path / "in", 3)
    for path in folder.iterdir():
        os.utime(path, (time.time() + 1e8, time.time() + 1e8))
    assert len(import_survey(Source(folder), {"key": "mine"}).catalogue or ()) == 3


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in place of the folder, because root may write to any folder."""
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    assert list_surveys() == {}
    assert unfinished_imports() == []
    with pytest.raises(CatalogueError, match="cannot be written"):
        import_survey(Source(cutouts(tmp_path / "in", 2)), {"key": "mine"})


def test_a_disk_that_an_export_fills_while_another_session_exports(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real disk: the large one fails and frees its space, the small one is whole."""
    from radioviz.ui.exports import export_job
    from radioviz.ui.exports.export_job import FAILED, READY, ExportJob

    monkeypatch.setenv("RADIOVIZ_CACHE", str(small_disk))
    monkeypatch.setattr(export_job, "_SPARE", 0)  # else it stops 256 MB earlier
    monkeypatch.setattr(export_job, "GRACE", 1e9)  # there is no session here
    begun = threading.Event()

    def large(file: IO[bytes], progress: Progress) -> None:
        for number in range(40):
            file.write(bytes(1_000_000))
            if number == 9:
                begun.set()
            progress(number, 40, "")

    def small(file: IO[bytes], progress: Progress) -> None:
        assert begun.wait(20)
        for part in range(10):
            file.write(bytes([part]) * 10_000)
            progress(part, 10, "")

    jobs = [ExportJob("a", "large.fits", large), ExportJob("b", "small.csv", small)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.wait_until_written(60)
    assert jobs[0].state == FAILED
    assert "large.fits" in jobs[0].error and "No space left" in jobs[0].error
    if jobs[1].state == FAILED:  # it came while the disk was full
        jobs[1] = ExportJob("b", "small.csv", small).start()
        jobs[1].wait_until_written(60)
    assert jobs[1].state == READY, jobs[1].error
    assert jobs[1].claim()
    content = b"".join(bytes([part]) * 10_000 for part in range(10))
    assert jobs[1].read(0, 1 << 20) == content
    jobs[1].release(True)
    for job in jobs:
        job.cancel()
        assert job.join(20)
    assert shutil.disk_usage(small_disk).used < 100_000
    assert list(small_disk.iterdir()) == []
