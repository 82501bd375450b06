"""Saving and loading the tray."""

from __future__ import annotations

import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError, SelectionError
from radioviz.export.session import Session, read_session, session_bytes
from radioviz.ui import state, tray
from radioviz.ui.cache import data_sets
from radioviz.ui.controls import View
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.state import Selection

PAIRS = (("first", "first-4"), ("first", "first-2"))


@pytest.fixture(autouse=True)
def empty_tray(first: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Selection:
    held = Selection()
    monkeypatch.setattr(state, "tray", lambda: held)
    return held


def test_what_is_saved_loads_again(empty_tray: Selection) -> None:
    payload = tray.selection_file(Selection(PAIRS), View("first", "some-model", ImageStyle()))()
    view = read_session(payload).view
    assert (view["page"], view["data"], view["encoder"]) == ("overview", "first", "some-model")
    assert "2 galaxies loaded" in tray.load_selection(payload)
    assert tuple(empty_tray) == PAIRS
    assert "were already in the tray" in tray.load_selection(payload)
    assert len(empty_tray) == 2


def test_galaxies_that_are_missing_are_named(empty_tray: Selection) -> None:
    payload = session_bytes(Session((*PAIRS, ("first", "first-99999"), ("elsewhere", "x"))))
    said = tray.load_selection(payload).replace("\\", "")
    assert "first-99999" in said and "elsewhere" in said
    assert tuple(empty_tray) == PAIRS


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no json",
        b"[]",
        b'{"format": "something else"}',
        session_bytes(Session()),
        session_bytes(Session((("elsewhere", "x"),))),
    ],
)
def test_files_of_no_use_say_so_and_change_nothing(payload: bytes, empty_tray: Selection) -> None:
    with pytest.raises(SelectionError):
        tray.load_selection(payload)
    assert len(empty_tray) == 0


def test_unknown_data_sets_cost_no_thread_each(
    empty_tray: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(data_sets, "_Opening", started.append)
    stamps = dict(data_sets._store().stamps)
    names = [f"unknown-{i}" for i in range(999)] + ["n" * 300]
    payload = session_bytes(Session(tuple((name, "x") for name in names)))
    with pytest.raises(SelectionError, match="995 more data sets"):
        tray.load_selection(payload)
    for name in names[-2:]:
        with pytest.raises(CatalogueError, match="no data set"):
            data_sets.data_set(name)
    assert started == []
    assert data_sets._store().stamps == stamps
