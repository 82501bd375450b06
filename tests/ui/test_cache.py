"""What the server keeps: one build for all, progress for each, errors for whoever waits."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress
from radioviz.ui import cache
from radioviz.ui.cache import data_sets
from radioviz.ui.cache.shared import shared
from radioviz.ui.image.display import ImageStyle


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    return tmp_path


def test_two_who_ask_at_once_build_once(
    elsewhere: Path, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def slow(key: str, progress: Progress) -> Catalogue:
        built.append(key)
        for i in range(5):
            progress(i, 5, "reading")
            time.sleep(0.1)
        return first

    monkeypatch.setattr(data_sets, "open_data_set", slow)
    got: list[Catalogue] = []
    told: list[tuple[int, int, str]] = []
    threads = [
        threading.Thread(
            target=lambda: got.append(cache.data_set("first", lambda *state: told.append(state)))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == ["first"]
    assert len(got) == 2 and got[0] is got[1]
    assert (4, 5, "reading") in told
    assert cache.is_open("first")


def test_a_reader_who_leaves_does_not_end_the_build(
    elsewhere: Path, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(key: str, progress: Progress) -> Catalogue:
        progress(1, 2, "reading")
        go_on.wait(10)
        return first

    class Left(BaseException):
        """As Streamlit ends a run: from within a call that draws."""

    def leave(*state: object) -> None:
        raise Left

    monkeypatch.setattr(data_sets, "open_data_set", slow)
    with pytest.raises(Left):
        cache.data_set("first", leave)
    go_on.set()
    assert len(cache.data_set("first")) == len(first)


def test_errors_reach_whoever_waits_and_do_not_stay(
    elsewhere: Path, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [CatalogueError("not downloaded"), first]

    def opened(key: str, progress: Progress) -> Catalogue:
        answer = answers.pop(0)
        if isinstance(answer, CatalogueError):
            raise answer
        return answer

    monkeypatch.setattr(data_sets, "open_data_set", opened)
    with pytest.raises(CatalogueError, match="not downloaded"):
        cache.data_set("first")
    assert not cache.is_open("first")
    assert len(cache.data_set("first")) == len(first)  # fetched meanwhile
    cache.forget_data_set("first")
    assert not cache.is_open("first")


def test_unknown_data_sets_are_named(first: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="atlantis"):
        cache.data_set("atlantis")


def test_pictures_are_kept(first: Catalogue) -> None:
    rows = np.arange(60)
    once = cache.picture_sheet(first, rows, ImageStyle())
    assert cache.picture_sheet(first, rows, ImageStyle()) is once
    assert cache.picture_sheet(first, rows, ImageStyle("log")) is not once
    assert cache.picture_sheet(first, rows[::-1], ImageStyle()) is not once
    assert cache.picture_sheet(first, rows, ImageStyle(), 48) is not once


def test_results_are_shared_by_key_and_each_function_has_its_own() -> None:
    calls: list[object] = []

    @shared(lambda a, b=0: (a, b), entries=2)
    def pair(a: int, b: int = 0) -> list[int]:
        calls.append((a, b))
        return [a, b]

    @shared(lambda a, b=0: (a, b), entries=2, copies=True)
    def other(a: int, b: int = 0) -> list[int]:
        calls.append("other")
        return [b, a]

    assert pair(1) == [1, 0] and pair(1, b=0) is pair(1) and calls == [(1, 0)]
    assert other(1) == [0, 1] and calls == [(1, 0), "other"]
    other(1).append(9)
    assert other(1) == [0, 1] and calls.count("other") == 1
    assert pair(1, 5) == [1, 5]
    pair(2), pair(3), pair(1, 0)
    assert calls.count((1, 0)) == 2, "the least recently used are dropped"


def test_an_error_is_not_kept() -> None:
    answers: list[object] = [ValueError("not yet"), 3]

    @shared(lambda: "", entries=2)
    def answer() -> object:
        value = answers.pop(0)
        if isinstance(value, ValueError):
            raise value
        return value

    with pytest.raises(ValueError, match="not yet"):
        answer()
    assert answer() == answer() == 3
