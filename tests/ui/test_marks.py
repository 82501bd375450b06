"""Marks of the reader: one a galaxy, with undo."""

from __future__ import annotations

import pytest

from radioviz.errors import SelectionError
from radioviz.export.session import Mark
from radioviz.ui.marks import Marks, mark_text

PAIR = ("first", "first-7")


def test_a_galaxy_has_one_mark_the_last() -> None:
    marks = Marks()
    marks.put(Mark(*PAIR, 5, "interesting"))
    marks.put(Mark("first", "first-9", 0, "boring"))
    marks.put(Mark(*PAIR, 2, "interesting"))
    assert [(m.source_id, m.mark) for m in marks] == [("first-9", 0), ("first-7", 2)]
    assert PAIR in marks
    assert marks.of("first")["first-7"].mark == 2
    assert marks.counts() == {"boring": 1, "interesting": 1}


def test_undo_goes_back_step_by_step() -> None:
    marks = Marks()
    marks.put(Mark(*PAIR, 5, "interesting"))
    marks.put(Mark(*PAIR, 0, "artefact"))
    marks.remove(PAIR)
    assert len(marks) == 0
    assert marks.undo() == PAIR
    assert marks.get(PAIR) == Mark(*PAIR, 0, "artefact")
    marks.undo()
    assert marks.get(PAIR) == Mark(*PAIR, 5, "interesting")
    marks.undo()
    assert marks.get(PAIR) is None
    assert not marks.can_undo()
    assert marks.undo() is None


def test_clear_can_be_undone() -> None:
    marks = Marks([Mark("first", f"first-{i}", i) for i in range(4)])
    marks.clear()
    assert not len(marks)
    while marks.can_undo():
        marks.undo()
    assert {m.source_id: m.mark for m in marks} == {f"first-{i}": i for i in range(4)}


def test_words() -> None:
    assert mark_text(Mark(*PAIR, 4, "interesting")) == "interesting 4"
    assert mark_text(Mark(*PAIR, 3)) == "marked 3"


@pytest.mark.parametrize(("number", "kind"), [(6, ""), (-1, ""), (3, "dull")])
def test_marks_that_make_no_sense(number: int, kind: str) -> None:
    with pytest.raises(SelectionError):
        Mark(*PAIR, number, kind)
