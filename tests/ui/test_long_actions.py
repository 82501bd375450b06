"""Everything that takes long says how far it is, and ends where its reader cancels it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from radioviz.atlas import latent_plane
from radioviz.errors import CancelledError
from radioviz.ui import cache, class_probabilities, controls, in_line


def plane(offset: float) -> Any:
    """A plane that no other test decodes."""
    return latent_plane.axes_plane(np.zeros(2), 0, 1, 2.0 + offset, (2.0 + offset) / 4)


def classified(offset: float) -> object:
    images = np.full((70, 64, 64), 0.1 + offset, np.float32)
    name = class_probabilities.shown_classifier()
    assert name is not None
    images = np.resize(images, (70, *(2 * (cache.models()[name].preprocess.size,))))
    with in_line.in_line("Classifying", 3, "test") as progress:
        return class_probabilities.classify_images(name, images, progress)


ACTIONS: dict[str, tuple[Callable[[float], object], int]] = {
    "plane": (lambda x: cache.plane_images("vae2", plane(x), {}), 2),
    "properties": (lambda x: cache.plane_properties("vae2", plane(x + 0.5), {}), 3),
    "reconstruction": (lambda x: cache.reconstruction("first", 11 + int(8 * x), "vae2"), 1),
    "explanation": (
        lambda x: cache.explanation(
            "first", 11 + int(8 * x), str(class_probabilities.shown_classifier())
        ),
        1,
    ),
    "views": (lambda x: cache.rotated_views("vae2", "first", np.arange(9) + int(80 * x)), 3),
    "classes": (classified, 3),
}
"""What is done for a number that no other call had, and how often it says how far it is."""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What work says; the text ``cancel`` in it ends the work at its next word."""
    texts: list[str] = []

    @contextmanager
    def heard(title: str, key: str, work: str = "") -> Iterator[Callable[[str, float], None]]:
        def say(text: str, share: float) -> None:
            assert 0 <= share <= 1
            if "cancel" in texts:
                raise CancelledError(f"{title}: cancelled")
            texts.append(text)

        yield say

    monkeypatch.setattr(in_line, "cancellable", heard)
    monkeypatch.setattr(controls, "cancellable", heard)
    return texts


@pytest.mark.parametrize("name", ACTIONS)
def test_progress_and_cancel(said: list[str], name: str) -> None:
    act, words = ACTIONS[name]
    act(0.125)
    assert len(said) >= words and said[0].endswith("0 %"), said
    assert len(set(said)) >= words
    if name != "classes":  # kept for every reader
        said.clear()
        act(0.125)
        assert said == []
    said.append("cancel")
    with pytest.raises(CancelledError, match="cancelled"):
        act(0.25)
    said.clear()
    act(0.25)
    assert said, "cancelled work was kept as if it were done"


def test_a_data_set_is_not_waited_for(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What builds it goes on for others; the reader who cancelled waits no longer."""

    def slow(key: str, progress: Callable[[int, int, str], None]) -> None:
        for done in range(3):
            progress(done, 3, "measuring")

    monkeypatch.setattr(controls.cache, "is_open", lambda key: False)
    monkeypatch.setattr(controls.cache, "data_set", slow)
    controls.open_with_progress("first")
    assert said == ["measuring: 0 of 3", "measuring: 1 of 3", "measuring: 2 of 3"]
    said.append("cancel")
    with pytest.raises(CancelledError):
        controls.open_with_progress("first")


def test_an_inspection_ends_when_it_is_cancelled(tmp_path: Any) -> None:
    from radioviz.api import confined
    from radioviz.importing import Source
    from tests.importing.conftest import write_fits

    for number in range(40):
        write_fits(tmp_path / f"{number}.fits", np.random.default_rng(number).random((300, 300)))

    def cancel() -> bool:
        raise CancelledError("Inspecting the files: cancelled")

    with pytest.raises(CancelledError):
        confined.inspect_source(Source(tmp_path), {}, cancel)
    assert confined.inspect_source(Source(tmp_path), {}).count == 40
