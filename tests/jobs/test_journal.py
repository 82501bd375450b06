"""The journal of a run: what a resumed run keeps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from radioviz.jobs import journal as module
from radioviz.jobs.journal import Journal
from radioviz.jobs.progress import throttled
from radioviz.jobs.scratch import can_resume, clear, write_plan

PLAN = {"format": 1, "size": [3, 4]}


class Item(msgspec.Struct, frozen=True, array_like=True):
    """A record with a number and a text."""

    number: int
    text: str = ""


def opened(folder: Path, plan: dict[str, object] = PLAN) -> Journal[Item]:
    return Journal(folder, plan, Item, (3, 4), np.dtype(np.float32))


def image(number: int) -> np.ndarray:
    return np.full((3, 4), number, np.float32)


def fill(folder: Path, count: int) -> None:
    with opened(folder) as journal:
        for i in range(count):
            journal.add(Item(i, "odd" if i % 2 else ""), None if i % 2 else image(i))


def test_a_run_is_resumed_where_it_stopped(tmp_path: Path) -> None:
    fill(tmp_path / "run", 5)
    with opened(tmp_path / "run") as journal:
        assert (journal.done, journal.count) == (5, 3)
        journal.add(Item(np.int64(5), "numpy"), image(5))
        found = list(journal.items())
        arrays = journal.finish()
    assert [item.number for _, item in found] == [0, 1, 2, 3, 4, 5]
    assert [stored for stored, _ in found] == [True, False, True, False, True, True]
    np.testing.assert_array_equal(arrays[:, 0, 0], [0, 2, 4, 5])
    np.testing.assert_array_equal(np.load(tmp_path / "run" / module.ARRAYS), arrays)


def test_another_plan_starts_again(tmp_path: Path) -> None:
    fill(tmp_path / "run", 5)
    with opened(tmp_path / "run", {**PLAN, "size": [3, 5]}) as journal:
        assert (journal.done, journal.count) == (0, 0)


@pytest.mark.parametrize("line", [b"[1,", b"[1]\n", b'[1,"text"]\n', b"{}\n", b"\x00" * 20])
def test_lines_that_are_damaged_end_the_journal(line: bytes, tmp_path: Path) -> None:
    fill(tmp_path / "run", 3)
    path = tmp_path / "run" / module.JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole + line)
    with opened(tmp_path / "run") as journal:
        assert journal.done == 3
    assert path.read_bytes() == whole


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "run") as journal, pytest.raises(ValueError, match="expected"):
        journal.add(Item(0), np.zeros((4, 3)))


def test_plans_of_earlier_versions_are_the_same(tmp_path: Path) -> None:
    """Encodings stored the plan itself, without a digest."""
    clear(tmp_path / "run")
    assert not can_resume(tmp_path / "run", PLAN)
    (tmp_path / "run" / "plan.json").write_text(json.dumps(PLAN, indent=1))
    assert can_resume(tmp_path / "run", PLAN)
    assert not can_resume(tmp_path / "run", {**PLAN, "format": 2})
    write_plan(tmp_path / "run", PLAN, {"path": tmp_path})
    assert can_resume(tmp_path / "run", PLAN)
    clear(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_progress_is_throttled_within_a_step() -> None:
    seen: list[tuple[int, str]] = []
    report = throttled(lambda done, total, what: seen.append((done, what)), 1000.0)
    for step in ("one", "two"):
        for done in range(5):
            report(done, 4, step)
    assert seen == [(0, "one"), (4, "one"), (0, "two"), (4, "two")]
