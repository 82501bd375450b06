"""Tags, marks and notes: what a galaxy may have, and every change in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radioviz.errors import LabelError
from radioviz.workspace.labels import MARKS, Label, Labels, checked_tag, is_tag, tags_in

A, B, C = (("first", f"first-{i}") for i in range(3))


def heard(labels: Labels) -> list[str]:
    """Changes in words, from now on."""
    said: list[str] = []
    labels.on_change = said.append
    return said


def test_a_galaxy_carries_several_tags_and_a_note() -> None:
    labels = Labels()
    said = heard(labels)
    assert labels.tag([A, B, A], "  bent   source ") == 2
    assert labels.tag([A], "bent source") == 0
    labels.tag([A], "X-shaped")
    labels.set_note(A, " a tail to the north ")
    assert labels.get(A) == Label(("bent source", "X-shaped"), None, "a tail to the north")
    assert labels.members("bent source") == [B, A]  # in the order they last changed
    assert labels.counts() == {"bent source": 2, "X-shaped": 1}
    assert labels.untag([A, B, C], "bent source") == 2
    labels.set_note(A, "  ")
    labels.set_tags(A, [])
    assert len(labels) == 0
    assert said == [
        "tag 2 galaxies bent source",
        "tag first-0 X-shaped",
        "write the note of first-0",
        "remove the tag bent source from 2 galaxies",
        "remove the note of first-0",
        "change the tags of first-0",
    ]


def test_a_galaxy_has_one_mark_the_last() -> None:
    labels = Labels()
    labels.tag([A], "bent")
    labels.set_mark(A, 5, "interesting")
    labels.set_mark(B, 3)
    labels.set_mark(A, 1, "boring")
    assert labels.get(A) == Label(("bent", "boring"), 1)
    assert labels.get(B) == Label((), 3)
    labels.set_tags(A, ["bent", "artefact"])
    assert labels.get(A) == Label(("bent", "artefact"), 0)
    labels.tag([B], "interesting")
    assert labels.get(B) == Label(("interesting",), 5)
    labels.untag([B], "interesting")
    labels.clear_marks()
    assert list(labels) == [(A, Label(("bent",)))]
    labels.set_mark(A, None)
    assert labels.get(A) == Label(("bent",))


def test_renaming_joins_two_tags() -> None:
    labels = Labels()
    labels.tag([A, B], "bend")
    labels.tag([B], "bent")
    labels.rename("bend", "bent")
    assert labels.counts() == {"bent": 2}
    labels.rename("bent", "boring")
    assert labels.get(A) == Label(("boring",), 0)


@pytest.mark.parametrize("tag", ["", "  ", "a;b", 'say "x"', "`x`", "x" * 61, "a\x00b"])
def test_what_cannot_be_a_tag(tag: str) -> None:
    labels = Labels()
    with pytest.raises(LabelError, match="cannot be a tag"):
        labels.tag([A], tag)
    assert not is_tag(tag)
    assert len(labels) == 0


@pytest.mark.parametrize(("mark", "kind"), [(6, ""), (-1, ""), (3, "dull")])
def test_marks_that_make_no_sense(mark: int, kind: str) -> None:
    with pytest.raises(LabelError):
        Labels().set_mark(A, mark, kind)


def test_limits() -> None:
    labels = Labels()
    with pytest.raises(LabelError, match="2,001 characters"):
        labels.set_note(A, "x" * 2001)
    with pytest.raises(LabelError, match="more than 40 tags"):
        labels.set_tags(A, [f"tag {i}" for i in range(41)])
    with pytest.raises(LabelError, match="250,001 galaxies"):
        labels.tag((("first", f"{i}") for i in range(250_001)), "bent")
    assert len(labels) == 0


def test_tags_of_a_cell() -> None:
    assert tags_in(" bent; X-shaped;;bent ") == ("bent", "X-shaped")
    assert tags_in("") == ()
    with pytest.raises(LabelError):
        tags_in('bent; "wide"')


TAGS = st.text(min_size=1, max_size=20).filter(is_tag)
LABELS = st.dictionaries(
    st.tuples(st.text(max_size=9), st.text(max_size=9)),
    st.tuples(st.lists(TAGS, max_size=4), st.none() | st.integers(0, 5), st.text(max_size=30)),
    max_size=6,
)


@given(LABELS)
def test_what_is_saved_is_what_was_there(given_labels: dict) -> None:  # type: ignore[type-arg]
    labels = Labels()
    for pair, (tags, mark, note) in given_labels.items():
        labels.set_tags(pair, tags)
        labels.set_note(pair, note)
        if mark is not None:
            labels.set_mark(pair, mark, sorted(MARKS)[mark % 3] if mark % 2 else "")
    again = Labels()
    again.replace(labels.plain())
    assert list(again) == list(labels)
    assert all(checked_tag(t) == t for _, label in again for t in label.tags)


def test_damaged_labels_are_left_out() -> None:
    labels = Labels()
    good = ["first", "first-1", ["bent"], 4, "x"]
    labels.replace([3, None, ["a"], good, ["first", "first-2", ["a;b"], None, ""], good[:4]])
    assert list(labels) == [(("first", "first-1"), Label(("bent",), 4, "x"))]
    labels.replace(None)
    assert len(labels) == 0


def test_joining_labels_keeps_what_is_here() -> None:
    labels = Labels()
    labels.set_tags(A, ["bent"])
    labels.set_note(A, "old")
    more = [(A, Label(("wide", "bent"), 4, "")), (B, Label(("boring",), 0, "new")), (A, Label())]
    assert labels.update(more, "import") == 2
    assert labels.get(A) == Label(("bent", "wide"), 4, "old")
    assert labels.get(B) == Label(("boring",), 0, "new")
    assert labels.update(more, "import") == 0
