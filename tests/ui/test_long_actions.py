"""Everything that takes long says how far it is, and ends where its reader cancels it."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from radioviz import metrics
from radioviz.atlas import latent_plane
from radioviz.errors import CancelledError
from radioviz.mock_fields import field, population
from radioviz.mock_fields.settings import FieldSettings
from radioviz.ui import cache, class_probabilities, controls, in_line
from radioviz.ui.cache import data_sets, searching
from tests.ui.conftest import REPOSITORY


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


def twins(offset: float) -> object:
    generator = cache.generator("cvae")
    with in_line.in_line("Decoding twins", len(generator.classes), "test") as progress:
        return generator.twins(np.full((2, 35), offset, np.float32), progress=progress)


def copies(offset: float) -> object:
    images = np.full((2, 64, 64), offset, np.float32)
    others = np.random.default_rng(0).random((300, 64, 64), np.float32)
    with in_line.in_line("Comparing with every training image", 8, "test") as progress:
        return metrics.nearest(images, others, progress=progress)


def mock_field(offset: float) -> object:
    """Unresolved sources, so that no model is needed; cancelled between strips and sources."""
    settings = FieldSettings(
        width=512, height=512, number=80, shares={"Compact": 1}, seed=int(80 * offset)
    )
    with in_line.in_line("Drawing the field", 8, "test") as progress:
        painter = field.Painter.of(settings, population.draw_sources(settings), progress)
        return field.draw_field(painter, lambda start, strip: None, progress)


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
    "twins": (twins, 2),
    "copies": (copies, 5),
    "mock field": (mock_field, 4),
}
"""What is done for a number that no other call had, and how often it says how far it is."""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What work says; the text ``cancel`` in it ends the work at its next word."""
    texts: list[str] = []

    @contextmanager
    def heard(
        title: str, key: str, work: str = "", **options: bool
    ) -> Iterator[Callable[[str, float], None]]:
        def say(text: str, share: float) -> None:
            assert 0 <= share <= 1
            if "cancel" in texts:
                raise CancelledError(f"{title}: cancelled")
            texts.append(text)

        yield say

    monkeypatch.setattr(in_line, "cancellable", heard)
    return texts


@pytest.mark.parametrize("name", ACTIONS)
def test_progress_and_cancel(said: list[str], name: str) -> None:
    act, words = ACTIONS[name]
    act(0.125)
    assert len(said) >= words and said[0].endswith("0 %"), said
    assert len(set(said)) >= words
    if name not in ("classes", "twins", "copies", "mock field"):  # kept for every reader
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


def places_of(app: AppTest) -> dict[str, list[int]]:
    """Where the keyed containers, widgets and components of a page are."""
    found: dict[str, list[int]] = {}

    def visit(block: Any, at: list[int]) -> None:
        for number, child in getattr(block, "children", {}).items():
            if name := getattr(getattr(child, "proto", None), "id", ""):
                found[str(name)] = [*at, number]
            visit(child, [*at, number])

    visit(app.main, [])
    return found


PAGES = sorted(page.stem for page in (REPOSITORY / "pages").glob("*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_a_slow_first_visit(open_page: Any, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    """Each page where all work is slow: progress is shown, and takes no place from what follows."""
    drawn, opened = [], data_sets._Opening._run
    draw = in_line._Line.draw

    def open_slowly(job: Any, key: str) -> None:
        job.progress = (0, 3, "reading")
        time.sleep(0.15)
        opened(job, key)

    def noted(line: Any, text: str, share: float) -> None:
        drawn.append(line.key)
        draw(line, text, share)

    monkeypatch.setattr(in_line, "QUIET", 0.0)
    monkeypatch.setattr(in_line._Line, "draw", noted)
    monkeypatch.setattr(data_sets._Opening, "_run", open_slowly)
    monkeypatch.setattr(data_sets, "_store_of", functools.cache(lambda *of: data_sets._Store()))
    st.cache_resource.clear()
    app = open_page(page, n="1")  # of Generate
    before = places_of(app)
    assert bool(drawn) == (page not in ("benchmarks", "your_data"))
    again = places_of(app.run())
    assert not app.exception and not app.error
    assert {name: before[name] for name in before if name in again} == {
        name: again[name] for name in before if name in again
    }


def test_long_work_inside_of_a_cached_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit refuses buttons there, and would draw the progress again at each later use."""

    def page() -> None:
        import streamlit as st

        from radioviz.ui.cache.shared import shared
        from radioviz.ui.in_line import in_line

        @shared(lambda: "test_long_work_inside_of_a_cached_function", entries=1)
        def work() -> str:
            with in_line("Working", 1, "work") as progress:
                progress(0, 1, "working")
            return "done"

        st.text(work())

    monkeypatch.setattr(in_line, "QUIET", 0.0)
    test = AppTest.from_function(page).run()
    for _ in range(2):
        assert not test.exception and [e.value for e in test.text] == ["done"]
        assert not test.button and not test.get("progress")
        test.run()
    assert len(test.main.children) == 1, "the progress of the first run is drawn again"


def test_what_was_cancelled_begins_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A click that asks for work is enough, however often the work was cancelled before."""

    def page() -> None:
        import streamlit as st

        from radioviz.ui import controls, in_line
        from radioviz.ui.state import page_state

        with controls.show_errors():
            if st.button("Compute"):
                with in_line.in_line("Computing", 1, "compute", "it", asked=True) as progress:
                    progress(0, 1, "computing")
                st.text("computed")
        page_state(in_line.CancelledWork).works.add("it")

    test = AppTest.from_function(page).run()
    test.button[0].click().run()
    assert [e.value for e in test.text] == ["computed"] and len(test.button) == 1


def test_a_survey_that_a_click_opens_is_opened_by_the_next_click(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A button to start again would not repeat the click, so there is none."""

    def page() -> None:
        import streamlit as st

        from radioviz.ui import controls, in_line
        from radioviz.ui.pages.relations.power_panel import matched_fluxes
        from radioviz.ui.state import page_state

        with controls.show_errors():
            if st.button("Compute"):
                st.text(str(matched_fluxes("first", "first").flux[7]))
        page_state(in_line.CancelledWork).works.add("first")

    monkeypatch.setattr(cache, "is_open", lambda key: False)
    both = np.tile(np.arange(9)[:, None], 2)
    monkeypatch.setattr(cache, "overlap", lambda *keys: SimpleNamespace(rows=both))
    test = AppTest.from_function(page).run()
    test.button[0].click().run()
    flux = cache.data_set("first").table["flux"].to_numpy()[7]
    assert [e.value for e in test.text] == [str(flux)] and len(test.button) == 1


def test_a_page_may_do_long_work_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two surveys that one run of a page opens: each has buttons of its own."""

    def page() -> None:
        import streamlit as st

        from radioviz.errors import CancelledError
        from radioviz.ui import in_line
        from radioviz.ui.state import page_state

        for work in ("first", "second"):
            try:
                with in_line.cancellable(f"Opening {work}", "open", work) as say:
                    say(work, 0.5)
                    st.text(f"{work} opened")
            except CancelledError:
                st.text(f"{work} cancelled")
        page_state(in_line.CancelledWork).works.update(("first", "second"))

    monkeypatch.setattr(in_line, "QUIET", 0.0)
    test = AppTest.from_function(page).run()
    assert not test.exception
    assert [e.value for e in test.text] == ["first opened", "second opened"]
    test.run()
    assert not test.exception
    assert [b.key for b in test.button] == ["open_again", "open_again_2"]


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


def test_the_search_index_of_a_large_survey(
    said: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Whitening and the cells are counted; what was cancelled leaves no half-written file."""
    folder = Path(shutil.copytree(cache.atlas("first", "vae32").folder, tmp_path / "vae32"))
    atlas = dataclasses.replace(cache.atlas("first", "vae32"), folder=folder)
    monkeypatch.setattr(searching, "atlas", lambda data_set_key, model: atlas)
    # Of its own among what is kept for every reader.
    monkeypatch.setattr(searching, "atlas_version", lambda data_set_key, model: ("copy",))
    monkeypatch.setattr("radioviz.similarity.index.LARGE", 1000)
    monkeypatch.setattr("radioviz.similarity.approximate.CHUNK", 512)
    said.append("cancel")
    with pytest.raises(CancelledError, match="cancelled"):
        cache.latent_index("first", "vae32", "whitened")
    assert not list((folder / "search").rglob("*.npy")) and not list(folder.rglob("index.json"))
    said.clear()
    found = cache.latent_index("first", "vae32", "whitened")
    assert found.approximate is not None and (folder / "search/whitened/index").is_dir()
    assert said[0] == "Building the search index of 2,158 galaxies, only once: 0 %"
    assert len(said) > 4
