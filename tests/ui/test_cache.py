"""What the server keeps: one build for all, progress for each, errors for whoever waits."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError
from radioviz.ui import cache
from radioviz.ui.image.display import ImageStyle


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    return tmp_path


def test_two_who_ask_at_once_build_once(
    elsewhere: Path, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def slow(key: str, progress: cache.Progress) -> Catalogue:
        built.append(key)
        for i in range(5):
            progress(i, 5, "reading")
            time.sleep(0.1)
        return first

    monkeypatch.setattr(cache, "open_data_set", slow)
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

    def slow(key: str, progress: cache.Progress) -> Catalogue:
        progress(1, 2, "reading")
        go_on.wait(10)
        return first

    class Left(BaseException):
        """As Streamlit ends a run: from within a call that draws."""

    def leave(*state: object) -> None:
        raise Left

    monkeypatch.setattr(cache, "open_data_set", slow)
    with pytest.raises(Left):
        cache.data_set("first", leave)
    go_on.set()
    assert len(cache.data_set("first")) == len(first)


def test_errors_reach_whoever_waits_and_do_not_stay(
    elsewhere: Path, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [CatalogueError("not downloaded"), first]

    def opened(key: str, progress: cache.Progress) -> Catalogue:
        answer = answers.pop(0)
        if isinstance(answer, CatalogueError):
            raise answer
        return answer

    monkeypatch.setattr(cache, "open_data_set", opened)
    with pytest.raises(CatalogueError, match="not downloaded"):
        cache.data_set("first")
    assert not cache.is_open("first")
    assert len(cache.data_set("first")) == len(first)  # fetched meanwhile
    cache.forget_data_set("first")
    assert not cache.is_open("first")


def test_unknown_data_sets_are_named(first: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="atlantis"):
        cache.data_set("atlantis")


def test_thumbnails_are_kept(first: Catalogue) -> None:
    import numpy as np

    rows = np.arange(60)
    once = cache.thumbnails(first, rows, ImageStyle())
    assert cache.thumbnails(first, rows, ImageStyle()) == once
    assert len({len(p) for p in once}) > 10
    assert cache.thumbnails(first, rows[:0], ImageStyle()) == []
