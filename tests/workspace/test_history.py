"""Workspaces are saved as they change, undone, redone, and survive a killed process."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.errors import WorkspaceError
from radioviz.workspace import history
from radioviz.workspace.history import SavedWorkspaces, new_identifier


@pytest.fixture
def saved(tmp_path: Path) -> SavedWorkspaces:
    return SavedWorkspaces(tmp_path / "home" / "workspaces.sqlite")


def fields(saved: SavedWorkspaces, identifier: str) -> dict[str, object]:
    found = saved.snapshot(identifier)
    assert found is not None
    return {name: value for name, value in found.fields.items() if value is not None}


def test_a_change_is_there_for_the_next_reader(saved: SavedWorkspaces) -> None:
    one = new_identifier()
    assert saved.snapshot(one) is None
    assert not saved.path.exists()
    assert saved.change(one, "tray", {"first": ["first-7", "Ω"]}, "add 2 galaxies") == 1
    assert saved.change(one, "filter", "las > 80", "filter") == 2
    again = SavedWorkspaces(saved.path)
    assert fields(again, one) == {"tray": {"first": ["first-7", "Ω"]}, "filter": "las > 80"}
    assert again.revision(one) == 2
    assert again.snapshot(new_identifier()) is None
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600


def test_undo_and_redo(saved: SavedWorkspaces) -> None:
    one = new_identifier()
    saved.change(one, "tray", [1], "add 1")
    saved.change(one, "filter", "x", "filter")
    saved.change(one, "tray", [1, 2], "add 2")
    assert saved.undo(one) == "add 2"
    assert fields(saved, one) == {"tray": [1], "filter": "x"}
    assert saved.undo(one) == "filter"
    assert fields(saved, one) == {"tray": [1]}
    assert saved.redo(one) == "filter"
    assert saved.redo(one) == "add 2"
    assert saved.redo(one) == ""
    assert fields(saved, one) == {"tray": [1, 2], "filter": "x"}
    for wanted in ("add 2", "filter", "add 1", "", ""):
        assert saved.undo(one) == wanted
    assert fields(saved, one) == {}
    saved.change(one, "tray", [9], "other")  # drops what was undone
    found = saved.snapshot(one)
    assert found is not None
    assert (found.undo, found.redo) == ("other", "")
    assert fields(saved, one) == {"tray": [9]}


def test_the_view_is_not_a_step_of_undo(saved: SavedWorkspaces) -> None:
    one = new_identifier()
    saved.change(one, "view", {"page": "a"}, "")
    saved.change(one, "tray", [1], "add 1")
    saved.change(one, "view", {"page": "b"}, "")
    assert saved.undo(one) == "add 1"
    assert fields(saved, one) == {"view": {"page": "b"}}
    before = saved.revision(one)
    saved.change(one, "view", {"page": "c"}, "")
    assert saved.revision(one) == before  # other tabs look where they like
    assert saved.redo(one) == "add 1"  # looking elsewhere keeps what can be repeated
    assert fields(saved, one) == {"view": {"page": "c"}, "tray": [1]}


@pytest.fixture(scope="module")
def in_memory() -> Iterator[Path]:
    """A folder that is not on a disk, where there is one: thousands of commits wait for none."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@given(st.lists(st.one_of(
    st.tuples(st.sampled_from(["tray", "filter", "notes"]), st.integers(0, 5)),
    st.sampled_from(["undo", "redo", "view"])), max_size=40), st.integers(1, 6))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_history_is_that_of_a_list_of_states(in_memory: Path, steps, most) -> None:  # type: ignore[no-untyped-def]
    saved = SavedWorkspaces(in_memory / f"{new_identifier()}.sqlite")
    one, before = new_identifier(), history.MOST_CHANGES
    history.MOST_CHANGES = most
    states: list[dict[str, object]] = [{}]
    at, views = 0, 0
    try:
        for step in steps:
            if step == "view":
                views += 1
                saved.change(one, "view", views, "")
            elif step == "undo":
                done = saved.undo(one)
                assert bool(done) == (at > 0)
                at = max(at - 1, 0)
            elif step == "redo":
                done = saved.redo(one)
                assert bool(done) == (at + 1 < len(states))
                at = min(at + 1, len(states) - 1)
            else:
                saved.change(one, step[0], step[1], "step")
                states[at + 1 :] = [{**states[at], step[0]: step[1]}]
                at += 1
                if at > most:  # the oldest steps are merged
                    del states[: at - most]
                    at = most
            if saved.path.exists():
                wanted = dict(states[at], **({"view": views} if views else {}))
                assert saved.snapshot(one) is None or fields(saved, one) == wanted
    finally:
        history.MOST_CHANGES = before


def test_old_changes_are_merged_by_size(saved: SavedWorkspaces, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(history, "MOST_BYTES", 40_000)
    one = new_identifier()
    for i in range(30):
        saved.change(one, "tray", os.urandom(4000).hex(), f"step {i}")
    with sqlite3.connect(saved.path) as db:
        total = db.execute("SELECT sum(length(value)) FROM change").fetchone()[0]
    assert total <= 50_000
    assert saved.undo(one) == "step 29"
    with pytest.raises(WorkspaceError, match=r"takes [\d,]+ bytes"):
        saved.change(one, "tray", os.urandom(20_000).hex(), "too much")


def test_two_writers_have_one_history(saved: SavedWorkspaces) -> None:
    one = new_identifier()
    other = SavedWorkspaces(saved.path)

    def add(store: SavedWorkspaces, name: str) -> None:
        for i in range(20):
            store.change(one, name, i, f"{name} {i}")

    threads = [threading.Thread(target=add, args=a) for a in ((saved, "tray"), (other, "notes"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert saved.revision(one) == 40
    assert fields(saved, one) == {"tray": 19, "notes": 19}
    undone = [saved.undo(one) for _ in range(40)]
    assert set(undone) == {f"{name} {i}" for name in ("tray", "notes") for i in range(20)}


CHANGE_FOR_EVER = """
import sys
from pathlib import Path
from radioviz.workspace.history import SavedWorkspaces
saved = SavedWorkspaces(Path(sys.argv[1]))
for i in range(100_000):
    saved.change(sys.argv[2], "tray", list(range(i)), f"add {i}")
    print(i, flush=True)
"""


def test_a_killed_process_loses_nothing_that_was_saved(saved: SavedWorkspaces) -> None:
    one = new_identifier()
    writer = subprocess.Popen([sys.executable, "-c", CHANGE_FOR_EVER, str(saved.path), one],
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert writer.stdout is not None
    last = -1
    for line in writer.stdout:
        last = int(line)
        if last >= 25:
            writer.send_signal(signal.SIGKILL)
            break
    last = max([last, *map(int, writer.stdout.read().split())])
    writer.wait()
    writer.stdout.close()
    assert fields(saved, one)["tray"] in ([*range(last)], [*range(last + 1)])


def test_idle_workspaces_are_deleted_on_request(tmp_path: Path) -> None:
    now = [1e9]
    saved = SavedWorkspaces(tmp_path / "w.sqlite", lambda: now[0])
    old, new = new_identifier(), new_identifier()
    saved.change(old, "tray", [1], "add")
    now[0] += 80 * 86400
    saved.change(new, "tray", [2], "add")
    now[0] += 20 * 86400

    def export(identifier: str) -> bytes:
        return f"{identifier} {fields(saved, identifier)}".encode()

    assert saved.delete_idle(0, export) == 0
    assert saved.last_export(old) is None
    assert saved.delete_idle(90, export) == 1
    assert saved.snapshot(old) is None
    assert saved.last_export(old) == f"{old} {{'tray': [1]}}".encode()
    assert saved.last_export(new) is None
    assert saved.last_export("%") is None
    assert fields(saved, new) == {"tray": [2]}
    now[0] += 80 * 86400
    saved.touch(new)
    now[0] += 20 * 86400
    assert saved.delete_idle(90, export) == 0  # and the export of the other is forgotten
    assert saved.last_export(old) is None
    assert saved.delete(new)
    assert not saved.delete(new)


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", "a" * 100, "a' OR 1=1 --aaaaaaaaaa"])
def test_identifiers_of_others_are_not_guessed(saved: SavedWorkspaces, name: str) -> None:
    saved.change(new_identifier(), "tray", [1], "add")
    assert saved.snapshot(name) is None
    with pytest.raises(WorkspaceError, match="not an identifier"):
        saved.change(name, "tray", [], "add")


def test_damage_and_other_versions_are_said(saved: SavedWorkspaces) -> None:
    one = new_identifier()
    saved.change(one, "tray", [1], "add")
    with sqlite3.connect(saved.path) as db:
        db.execute("UPDATE change SET value = x'00ff'")
    with pytest.raises(WorkspaceError, match="damaged"):
        saved.snapshot(one)
    with sqlite3.connect(saved.path) as db:
        db.execute("UPDATE workspace SET version = 99")
    with pytest.raises(WorkspaceError, match="version 99"):
        saved.snapshot(one)
    saved.path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(WorkspaceError, match="damaged"):
        SavedWorkspaces(saved.path).snapshot(one)


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WorkspaceError, match="cannot be saved"):
            SavedWorkspaces(tmp_path / "w.sqlite").change(new_identifier(), "tray", [], "x")
    finally:
        tmp_path.chmod(0o700)


def test_a_change_is_quick(saved: SavedWorkspaces) -> None:
    """A tray of 100,000 galaxies is saved and read again whole."""
    one = new_identifier()
    ids = [f"source-{i:06d}" for i in range(100_000)]
    saved.change(one, "tray", {"survey": ids}, "add 100,000 galaxies")
    start = time.perf_counter()
    assert fields(saved, one)["tray"] == {"survey": ids}
    assert time.perf_counter() - start < 30


def test_attached_contents_live_as_long_as_their_names(
    saved: SavedWorkspaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = new_identifier(), new_identifier()
    first = saved.attach(one, b"cells", "matches")
    saved.change(one, "matches", [{"attached": first}], "match")
    assert saved.attachment(one, first) == b"cells"
    assert saved.attachment(other, first) is None  # of another workspace
    saved.change(one, "matches", [], "remove")
    second = saved.attach(one, b"more", "matches")
    assert saved.attachment(one, first) == b"cells"  # undo can return to it
    saved.change(one, "matches", [{"attached": second}], "match")
    saved.undo(one)
    saved.undo(one)
    saved.change(one, "matches", [{"attached": first}, 1], "again")  # drops the second for good
    third = saved.attach(one, b"third", "matches")
    assert saved.attachment(one, second) is None
    assert saved.attachment(one, first) == b"cells"
    assert saved.attachment(one, third) == b"third"
    monkeypatch.setattr(history, "MOST_ATTACHED", 9)
    with pytest.raises(WorkspaceError, match="would have 10 bytes; at most 9"):
        saved.attach(one, b"fives", "matches")
    assert saved.delete(one)
    assert saved.attachment(one, first) is None
