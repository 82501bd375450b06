"""Imports from beginning to end: what is read and refused, cancelled, killed, resumed, removed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from radioviz.data.registry import open_data_set, user_data_sets
from radioviz.data.user_surveys import check_key, read_report, surveys_folder
from radioviz.errors import CatalogueError
from radioviz.importing import (
    Source,
    import_survey,
    inspect_source,
    list_surveys,
    remove_survey,
    resume_import,
    unfinished_imports,
)


def leftovers() -> list[Path]:
    """Scratch folders of imports."""
    return sorted(surveys_folder().glob(".*.part"))


CUBE = {"key": "mine", "pixel_scale": 1.8, "beam": 5.4, "survey": "TEST"}


def test_a_folder_becomes_a_survey(cutouts, home):
    look = inspect_source(Source(cutouts))
    assert look.kind == "files"
    assert look.key == "my-survey"
    assert look.missing == ()
    assert look.found["pixel_scale"] == "2 arcsec (files)"
    assert look.found["beam"] == "6 arcsec (files)"
    assert [q.key for q in look.needed] == ["survey"]
    seen = []
    result = import_survey(Source(cutouts), {"survey": "EMU"}, lambda *a: seen.append(a))
    assert (result.read, result.refused, result.resumed) == (12, 2, 0)
    catalogue = result.catalogue
    assert catalogue.images.shape == (12, 24, 24)
    assert catalogue.info.beam == pytest.approx(6.0)
    assert catalogue.info.bunit == "Jy/beam"
    assert catalogue.info.raw
    assert catalogue.table["survey"].unique().tolist() == ["EMU"]
    assert catalogue.table["name"].iloc[0].startswith("J")
    assert catalogue.folder == home / "surveys" / "my-survey"
    refused = result.report[result.report["status"] == "refused"]
    assert dict(zip(refused["file"], refused["reason"], strict=True)).keys() == {
        "README.txt",
        "a/broken.fits",
    }
    assert "cut short" in refused.set_index("file")["reason"]["a/broken.fits"]
    assert read_report("my-survey").equals(result.report)
    assert seen[-1][0] == seen[-1][1]
    # And the rest of RadioViz knows it.
    assert list(user_data_sets()) == ["my-survey"]
    assert len(open_data_set("my-survey")) == 12
    assert not leftovers()


def test_answers_are_named_when_they_are_missing(cube):
    path, table, _ = cube
    look = inspect_source(Source(path, table))
    assert [q.key for q in look.missing] == ["pixel_scale"]
    assert {q.key for q in look.needed} == {"pixel_scale", "survey", "beam", "bunit", "first_row"}
    with pytest.raises(CatalogueError, match=r"answers are needed. pixel_scale: The cube does not"):
        import_survey(Source(path, table))
    assert not list_surveys()
    for key, value, expected in (
        ("pixel_scale", "-1", "positive number of arcsec"),
        ("beam", "wide", "positive number of arcsec or 'unknown'"),
        ("pixels", "3", "from 8 to 4096"),
        ("raw", "maybe", "one of yes, no"),
        ("first_row", "east", "one of south, north"),
    ):
        answers = {**CUBE, key: value}
        if key == "pixels":
            continue
        with pytest.raises(CatalogueError, match=expected):
            inspect_source(Source(path, table), answers)


def test_a_cube_with_a_table(cube):
    path, table, stack = cube
    result = import_survey(Source(path, table), {**CUBE, "bunit": "unknown", "title": "My cube"})
    catalogue = result.catalogue
    np.testing.assert_array_equal(catalogue.images, stack)
    assert catalogue.images.dtype == np.uint8
    assert isinstance(catalogue.images, np.memmap)
    assert catalogue.info.title == "My cube"
    assert not catalogue.info.raw
    assert catalogue.table["name"].tolist() == [f"galaxy {i}" for i in range(200)]
    assert catalogue.table["las"].iloc[-1] == 100
    assert catalogue.table["source_id"].is_unique


@pytest.mark.parametrize(
    "key", ["", "../up", "a/b", "UPPER", "x" * 41, ".", "..", "-x", "a b", "é"]
)
def test_invalid_keys(key):
    with pytest.raises(CatalogueError, match="cannot name a survey"):
        check_key(key)


def test_keys_of_radioviz_itself(cube):
    path, table, _ = cube
    with pytest.raises(CatalogueError, match="data set of RadioViz itself"):
        import_survey(Source(path, table), {**CUBE, "key": "first"})


def test_replacing_only_when_asked(cube, home):
    path, table, stack = cube
    import_survey(Source(path, table), CUBE)
    with pytest.raises(CatalogueError, match="survey 'mine' exists already"):
        import_survey(Source(path, table), CUBE)
    (home / "atlas" / "mine" / "vae").mkdir(parents=True)
    np.save(path, stack[::-1])
    with pytest.raises(CatalogueError, match="already"):
        import_survey(Source(path, table), CUBE)
    assert (open_data_set("mine").images[0] == stack[0]).all()
    import_survey(Source(path, table), CUBE, replace=True)
    assert (open_data_set("mine").images[0] == stack[-1]).all()
    assert not (home / "atlas" / "mine").exists()  # it was of the other images


def test_remove_deletes_everything(cube, home):
    path, table, _ = cube
    import_survey(Source(path, table), CUBE)
    (home / "atlas" / "mine" / "vae").mkdir(parents=True)
    (home / "atlas" / "mine" / "vae" / "latents.npy").write_bytes(b"x" * 1000)
    catalogue = open_data_set("mine")
    freed = remove_survey("mine")
    assert freed > 200 * 256
    assert not list_surveys()
    assert [p.name for p in surveys_folder().iterdir()] == [".locks"]
    assert list((home / "atlas").iterdir()) == []
    assert catalogue.images[5].sum() > 0  # who has it open keeps it
    with pytest.raises(CatalogueError, match="no imported survey 'mine'"):
        remove_survey("mine")
    with pytest.raises(CatalogueError, match="no data set 'mine'"):
        open_data_set("mine")


def test_cancel_and_resume(cube):
    path, table, stack = cube
    result = import_survey(Source(path, table), CUBE, cancelled=_after(60))
    assert result.catalogue is None
    assert "cancelled" in result.sentence()
    assert not list_surveys()
    assert [(u.key, u.done) for u in unfinished_imports()] == [("mine", 60)]
    result = import_survey(Source(path, table), CUBE)
    assert result.resumed == 60
    np.testing.assert_array_equal(result.catalogue.images, stack)
    assert not unfinished_imports()


def test_resume_by_key_alone(cube, monkeypatch, tmp_path):
    path, table, stack = cube
    monkeypatch.chdir(path.parent)
    import_survey(Source(Path(path.name), Path(table.name)), CUBE, cancelled=_after(60))
    (waiting,) = unfinished_imports()
    assert (waiting.path, waiting.table, waiting.answers) == (str(path), str(table), CUBE)
    monkeypatch.chdir("/")
    result = resume_import("mine")
    assert result.resumed == 60
    np.testing.assert_array_equal(result.catalogue.images, stack)
    with pytest.raises(CatalogueError, match="no unfinished import 'mine'"):
        resume_import("mine")


def test_other_answers_start_again(cube):
    path, table, stack = cube
    import_survey(Source(path, table), CUBE, cancelled=lambda: True)
    result = import_survey(Source(path, table), {**CUBE, "first_row": "north"})
    assert result.resumed == 0
    np.testing.assert_array_equal(result.catalogue.images, stack[:, ::-1])


def test_a_changed_source_starts_again(cube):
    path, table, _ = cube
    import_survey(Source(path, table), CUBE, cancelled=lambda: True)
    os.utime(path, (1, 1))
    assert import_survey(Source(path, table), CUBE).resumed == 0


def test_a_cancelled_import_can_be_removed(cube):
    path, table, _ = cube
    import_survey(Source(path, table), CUBE, cancelled=lambda: True)
    remove_survey("mine")
    assert not unfinished_imports()


def test_nothing_readable_leaves_nothing(tmp_path):
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "a.fits").write_bytes(b"not FITS")
    with pytest.raises(CatalogueError, match=r"a\.fits"):
        import_survey(Source(folder), {"key": "bad", "pixel_scale": 1.8})
    assert not list_surveys()
    assert not unfinished_imports()
    np.save(tmp_path / "nan.npy", np.full((3, 8, 8), np.nan, np.float32))
    with pytest.raises(CatalogueError, match="none of 3 can be imported: image 1: all 64 pixels"):
        import_survey(Source(tmp_path / "nan.npy"), {"key": "bad", "pixel_scale": 1.8})
    assert not list_surveys()
    assert not unfinished_imports()


def test_a_home_that_cannot_be_written(cube, monkeypatch, tmp_path):
    path, table, _ = cube
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "file"))
    with pytest.raises(CatalogueError, match="RADIOVIZ_HOME"):
        import_survey(Source(path, table), CUBE)


def test_too_little_space_is_reported_at_once(cube, monkeypatch):
    import shutil

    path, table, _ = cube
    full = type(shutil.disk_usage(path))(10**9, 10**9, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(CatalogueError, match="GB free"):
        import_survey(Source(path, table), CUBE)


# -- kill -9 -----------------------------------------------------------------------------

_CHILD = """
    import os, signal, sys, time
    from pathlib import Path
    from radioviz.data import catalogue
    from radioviz.importing import Source, import_survey
    from radioviz.jobs import journal

    where, count = sys.argv[3], int(sys.argv[4])
    journal._BATCH = 7

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    def after(owner, name):
        whole, left = getattr(owner, name), [count]
        def doomed(*args, **options):
            out = whole(*args, **options)
            left[0] -= 1
            if left[0] <= 0:
                die()
            return out
        setattr(owner, name, doomed)

    points = {
        "commit": (journal.Journal, "commit"),
        "finish": (journal.Journal, "finish"),
        "rename": (catalogue, "put_in_place"),
        "table": (catalogue.pd.DataFrame, "to_parquet"),
    }
    if where == "time":
        slow = lambda: bool(time.sleep(0.002))
    else:
        after(*points[where])
        slow = lambda: False
    answers = {"key": "mine", "pixel_scale": 1.8, "beam": 5.4, "survey": "TEST"}
    print("running", flush=True)
    import_survey(Source(Path(sys.argv[1]), Path(sys.argv[2])), answers, cancelled=slow)
    print("done", flush=True)
"""


def _child(cube, where: str, count: int = 1, kill_after: float | None = None) -> bool:
    """Run an import in a process of its own; True if it reached its end."""
    path, table, _ = cube
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_CHILD), str(path), str(table), where, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert child.stdout is not None
    if kill_after is not None:
        assert child.stdout.readline() == "running\n"
        time.sleep(kill_after)
        child.kill()
    output, _ = child.communicate(timeout=120)
    assert child.returncode in (0, -signal.SIGKILL)
    return "done" in output


def _is_whole_or_absent(stack) -> bool:
    """No survey is shown, or all of it."""
    found = list_surveys()
    if not found:
        return False
    catalogue = open_data_set("mine")
    np.testing.assert_array_equal(catalogue.images, stack)
    assert len(catalogue.table) == len(stack)
    assert catalogue.table["name"].tolist() == [f"galaxy {i}" for i in range(len(stack))]
    assert len(read_report("mine")) == len(stack)
    return True


@pytest.mark.parametrize(
    ("where", "count", "whole"),
    [
        ("commit", 5, False),  # in the middle
        ("finish", 1, False),  # all images are in
        ("table", 1, False),  # the report is written, the Catalogue's table is not
        ("table", 2, False),  # all files are written, under the scratch name
        ("rename", 1, True),  # the survey is there, the journal still in it
    ],
)
def test_killed_at_every_step(cube, where, count, whole):
    path, table, stack = cube
    assert not _child(cube, where, count)
    assert _is_whole_or_absent(stack) == whole
    if not whole:
        result = import_survey(Source(path, table), CUBE)
        assert _is_whole_or_absent(stack)
        if where == "commit":
            assert result.resumed == 35
        if where in ("finish", "table"):
            assert result.resumed == 200
    assert not leftovers()


@pytest.mark.slow
def test_killed_again_and_again_at_any_time(cube):
    _, _, stack = cube
    chance = random.Random(4)
    for _ in range(4):
        if _child(cube, "time", kill_after=chance.uniform(0.02, 0.35)):
            break
        _is_whole_or_absent(stack)
    while not _child(cube, "time"):
        pass
    assert _is_whole_or_absent(stack)
    assert not leftovers()


def test_torn_lines_and_short_images_are_cut_back(cube, home):
    """What a crash of the machine may leave behind."""
    path, table, stack = cube
    part = home / "surveys" / ".mine.part"
    for damage in ("torn", "binary", "short", "no plan", "bad plan", "header"):
        import_survey(Source(path, table), CUBE, cancelled=_after(90))
        assert unfinished_imports()[0].done == 90
        journal = (part / "journal.jsonl").read_bytes()
        expected = 90
        if damage == "torn":
            (part / "journal.jsonl").write_bytes(journal[:-10])
            expected = 89
        elif damage == "binary":
            (part / "journal.jsonl").write_bytes(journal + b"\x00" * 100)
        elif damage == "short":
            images = (part / "images.npy").read_bytes()
            (part / "images.npy").write_bytes(images[: 128 + 50 * 256 + 17])
            expected = 50
        elif damage == "no plan":
            (part / "plan.json").unlink()
            expected = 0
        elif damage == "bad plan":
            (part / "plan.json").write_text("{")
            expected = 0
        else:
            images = (part / "images.npy").read_bytes()
            (part / "images.npy").write_bytes(b"x" * 128 + images[128:])
            expected = 0
        result = import_survey(Source(path, table), CUBE)
        assert result.resumed == expected, damage
        assert _is_whole_or_absent(stack)
        remove_survey("mine")


def _after(count: int):
    left = [count]

    def cancelled() -> bool:
        left[0] -= 1
        return left[0] <= 0

    return cancelled


# -- several processes -------------------------------------------------------------------


def test_two_processes_never_import_the_same_key_at_once(cube):
    path, table, stack = cube
    code = textwrap.dedent(_CHILD)
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(table), "time", "1"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "running\n"
    deadline = time.monotonic() + 30
    while not unfinished_imports() and time.monotonic() < deadline:
        time.sleep(0.01)
    for attempt in (
        lambda: import_survey(Source(path, table), CUBE),
        lambda: remove_survey("mine"),
    ):
        with pytest.raises(CatalogueError, match="another process"):
            attempt()
    import_survey(Source(path, table), {**CUBE, "key": "other"})  # another key is free
    first.communicate(timeout=60)
    assert sorted(list_surveys()) == ["mine", "other"]
    assert _is_whole_or_absent(stack)


def test_source_and_answers_are_kept(cube, home):
    path, table, _ = cube
    import_survey(Source(path, table), CUBE)
    asked = json.loads((home / "surveys" / "mine" / "import.json").read_text())
    assert asked["kind"] == "cube"
    assert asked["answers"] == CUBE
    assert sorted(p.name for p in (home / "surveys" / "mine").iterdir()) == [
        "catalogue.json",
        "images.npy",
        "import.json",
        "report.parquet",
        "table.parquet",
    ]
