"""The .radioviz file: loads again, elsewhere, and says what it misses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radioviz.errors import SelectionError
from radioviz.export import Mark, Session, here, read_session, session_bytes
from radioviz.workspace.labels import is_tag

NAMES = st.text(min_size=1, max_size=40)
SOURCES = st.tuples(NAMES, NAMES)
VIEWS = st.dictionaries(
    st.text(max_size=20),
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.floats(-9, 9)),
)


@given(
    st.lists(SOURCES, unique=True),
    st.lists(SOURCES, unique=True),
    VIEWS,
    st.text(max_size=50),
    st.dictionaries(NAMES, st.lists(SOURCES, unique=True).map(tuple), max_size=3),
    st.dictionaries(NAMES.filter(is_tag), st.lists(SOURCES, unique=True).map(tuple), max_size=3),
    st.dictionaries(SOURCES, st.text(max_size=30), max_size=3),
)
def test_round_trip(
    sources: list[tuple[str, str]],
    marked: list[tuple[str, str]],
    view: dict[str, Any],
    text: str,
    subsets: dict[str, tuple[tuple[str, str], ...]],
    tags: dict[str, tuple[tuple[str, str], ...]],
    notes: dict[tuple[str, str], str],
) -> None:
    marks = tuple(Mark(d, s, i % 6, ("", "artefact")[i % 2]) for i, (d, s) in enumerate(marked))
    session = Session(tuple(sources), marks, view, text, subsets, tags, notes)
    assert read_session(session_bytes(session)) == session


def test_a_bare_selection_is_a_session() -> None:
    document = {
        "format": "radioviz-selection",
        "version": 1,
        "sources": [{"data_set": "first", "source_id": "first-7"}] * 2,
        "some_later_key": {},
    }
    assert read_session(json.dumps(document)) == Session((("first", "first-7"),))


def test_last_mark_of_a_source_counts() -> None:
    marks = (Mark("first", "a", 1), Mark("first", "b", 2), Mark("first", "a", 5))
    read = read_session(session_bytes(Session((), marks)))
    assert read.marks == (Mark("first", "b", 2), Mark("first", "a", 5))


def test_it_says_what_it_misses() -> None:
    session = Session(
        (("first", "first-1"), ("first", "gone-1"), ("mine", "x"), ("first", "first-2")),
        (Mark("first", "gone-2", 3), Mark("first", "first-1", 4), Mark("mine", "x", 0)),
        {"model": "vae32"},
        tags={"bent": (("first", "gone-3"), ("first", "first-2"))},
        notes={("first", "first-1"): "here", ("first", "gone-3"): "there"},
        subsets={"far": (("first", "first-2"), ("first", "gone-4"))},
    )
    kept, missing = here(session, {"first": {"first-1", "first-2"}, "frdeep": set()})
    assert kept.sources == (("first", "first-1"), ("first", "first-2"))
    assert kept.marks == (Mark("first", "first-1", 4),)
    assert kept.tags == {"bent": (("first", "first-2"),)}
    assert kept.notes == {("first", "first-1"): "here"}
    assert kept.view == {"model": "vae32"}
    assert missing.data_sets == ("mine",)
    assert missing.sources == (
        ("first", "gone-1"),
        ("mine", "x"),
        ("first", "gone-2"),
        ("first", "gone-3"),
        ("first", "gone-4"),
    )
    said = missing.sentences()
    assert said[0].startswith("data set 'mine' is not installed")
    assert said[1:] == ["data set 'first' has no source 'gone-1', 'gone-2', 'gone-3', 'gone-4'"]
    assert missing


def test_long_lists_of_missing_sources_are_cut() -> None:
    session = Session(tuple(("first", f"s{i}") for i in range(2000)))
    _, missing = here(session, {"first": set()})
    assert missing.sentences()[0].endswith("'s4' and 1,995 more")


def test_long_lists_of_missing_data_sets_are_cut() -> None:
    _, missing = here(Session(tuple((f"d{i}", "s") for i in range(1000))), {})
    assert len(missing.sentences()) == 6
    assert missing.sentences()[5] == "995 more data sets are not installed"


def test_nothing_missing_is_false() -> None:
    kept, missing = here(Session((("a", "b"),)), {"a": ["b"]})
    assert not missing
    assert missing.sentences() == []
    assert kept.sources == (("a", "b"),)


GOOD = {"format": "radioviz-selection", "version": 1, "sources": []}
SOURCE = {"data_set": "d", "source_id": "s"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\x00garbage", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1, 2]", 'lacks "format"'),
        ({"format": "other"}, 'lacks "format"'),
        (GOOD | {"version": 2}, "version 2; this program reads 1"),
        (GOOD | {"sources": {}}, '"sources" is'),
        ({"format": "radioviz-selection", "version": 1}, '"sources" is'),
        (GOOD | {"sources": [SOURCE, "first-7"]}, "source 1 is 'first-7'"),
        (GOOD | {"sources": [{"data_set": 3, "source_id": "s"}]}, "source 0"),
        (GOOD | {"sources": [SOURCE | {"source_id": "x" * 301}]}, "source 0"),
        (GOOD | {"marks": [SOURCE]}, "mark of 's' is None; expected a whole number 0 to 5"),
        (GOOD | {"marks": [SOURCE | {"mark": 6}]}, "mark of 's' is 6"),
        (GOOD | {"marks": [SOURCE | {"mark": True}]}, "mark of 's' is True"),
        (GOOD | {"marks": [SOURCE | {"mark": 1, "kind": "odd"}]}, "of kind 'odd'"),
        (GOOD | {"marks": [SOURCE | {"mark": 1, "kind": ["odd"]}]}, "of kind"),
        (GOOD | {"view": []}, '"view" is'),
        (GOOD | {"filter": 3}, '"filter" is'),
        (GOOD | {"filter": "x" * 4001}, "at most 4,000 characters"),
        (GOOD | {"subsets": ["mine"]}, "subset 0"),
        (GOOD | {"subsets": [{"name": "", "sources": []}]}, "subset 0"),
        (GOOD | {"subsets": [{"name": "mine", "sources": [3]}]}, "subset 'mine', source 0"),
        (GOOD | {"tags": [{"name": "a;b", "sources": []}]}, "'a;b' cannot be a tag"),
        (GOOD | {"tags": [{"name": "bent", "sources": [3]}]}, "tag 'bent', source 0"),
        (GOOD | {"filter": "label == '\ud800'"}, '"filter" is'),
        (GOOD | {"notes": [SOURCE | {"note": "\udfff"}]}, "the note of 's' is"),
        (GOOD | {"notes": [SOURCE]}, "the note of 's' is 'None'"),
        (GOOD | {"notes": [SOURCE | {"note": "x" * 2001}]}, "at most 2,000 characters"),
        (GOOD | {"view": {"a": {"b": 1}}}, "view 'a'"),
        (b'{"format": "radioviz-selection", "version": 1, "sources": [], "view": {"a": NaN}}', "a"),
        (b" " * 20_000_001, "20,000,001 bytes"),
        (GOOD | {"sources": [SOURCE] * 250_001}, '"sources" has 250,001 entries; .* 250,000'),
        (GOOD | {"marks": [SOURCE | {"mark": 1}] * 250_001}, '"marks" has 250,001 entries'),
        (
            GOOD | {"sources": [SOURCE | {"data_set": f"d{i}"} for i in range(1001)]},
            "names 1,001 data sets; a session has at most 1,000",
        ),
    ],
)
def test_what_is_no_session_is_refused(document: Any, message: str) -> None:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(SelectionError, match=message):
        read_session(payload)


def test_a_view_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(SelectionError, match="view 'zoom' is 'inf'"):
        session_bytes(Session(view={"zoom": float("inf")}))
