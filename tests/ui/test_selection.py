"""The selection: ordered, unique, across data sets, and its file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st_

from radioviz.ui.state import Selection

Pair = tuple[str, str]
PAIRS = st_.lists(st_.tuples(st_.sampled_from(["first", "mirabest"]), st_.text("abc", max_size=3)))


def test_adds_in_order_and_once() -> None:
    selection = Selection([("first", "b"), ("first", "a"), ("first", "b")])
    assert selection.add("first", ["a", "c"]) == 1
    assert selection.add("mirabest", ["a"]) == 1
    assert list(selection) == [("first", "b"), ("first", "a"), ("first", "c"), ("mirabest", "a")]
    assert selection.groups() == {"first": ["b", "a", "c"], "mirabest": ["a"]}


def test_removes_and_clears() -> None:
    selection = Selection([("first", "a"), ("first", "b"), ("mirabest", "a")])
    selection.remove("first", ["a", "not there"])
    assert list(selection) == [("first", "b"), ("mirabest", "a")]
    assert ("first", "b") in selection and ("first", "a") not in selection
    selection.clear()
    assert len(selection) == 0 and selection.groups() == {}


@given(PAIRS, PAIRS)
def test_update_counts_what_is_new(first: list[Pair], more: list[Pair]) -> None:
    selection = Selection(first)
    assert len(selection) == len(set(first))
    assert selection.update(more) == len(set(more) - set(first))
    assert set(selection) == set(first) | set(more)
    assert list(selection)[: len(set(first))] == list(dict.fromkeys(first))


def test_equality_is_of_content_and_order() -> None:
    assert Selection([("a", "1"), ("a", "2")]) == Selection([("a", "1"), ("a", "2")])
    assert Selection([("a", "1"), ("a", "2")]) != Selection([("a", "2"), ("a", "1")])
    with pytest.raises(TypeError):
        hash(Selection())


def test_titles_of_a_select_box_are_distinct() -> None:
    from radioviz.ui.controls import distinct_titles

    titles = {"a": "Mine", "b": "Mine", "c": "Other"}
    assert distinct_titles(titles) == {"a": "Mine (a)", "b": "Mine (b)", "c": "Other"}
