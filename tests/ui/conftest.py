"""Pages run headless on the real FIRST galaxies and the shipped model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.ui import cache
from radioviz.ui.state import SessionState

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGES = ("overview", "latent_map", "grid_walk", "generate", "inspect_galaxy", "benchmarks")
DECODE = ("grid_walk", "generate")
"""Pages that draw what a network makes, and so need torch."""


@pytest.fixture(scope="session", autouse=True)
def packages_are_searched_once() -> Iterator[None]:
    """A server looks once for components in installed packages, an ``AppTest`` each time.

    That is four fifths of the time in which it opens a page.
    """
    with pytest.MonkeyPatch.context() as patch:
        search = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield


@pytest.fixture(scope="session")
def first(cache_folder_of_the_run: Path) -> Catalogue:
    """The FIRST galaxies, built and measured in the cache of this run."""
    return cache.data_set("first")


def session_of(app: AppTest) -> SessionState:
    """What the pages of an app's session share: tray, brush, focus."""
    held: SessionState = app.session_state["radioviz.ui.state.SessionState"]
    return held


@pytest.fixture
def open_page(first: Catalogue) -> Callable[..., AppTest]:
    """Open a page of the whole app, with query parameters and session state.

    Names of :class:`SessionState` (``tray``, ``brush``, ``focus``) are set there.
    """

    def opened(page: str, state: dict[str, Any] | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=200)
        for key, value in query.items():
            app.query_params[key] = value
        given = dict(state or {})
        names = {f.name for f in fields(SessionState)} & set(given)
        session = SessionState(**{name: given.pop(name) for name in names})
        app.session_state["radioviz.ui.state.SessionState"] = session
        for key, value in given.items():
            app.session_state[key] = value
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        return app

    return opened


@pytest.fixture
def empty_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of trained models with nothing in it."""
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
    return tmp_path
