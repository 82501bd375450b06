"""Fixtures of the browser tests; they skip where there is no Chromium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.server import Server, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.nodeid.split("::")[0]:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def app_server(cache_folder_of_the_run: object) -> Iterator[Server]:
    """The app, served from this checkout on the loopback address."""
    with run_server() as server:
        yield server


@pytest.fixture
def new_server(cache_folder_of_the_run: object) -> Iterator[Server]:
    """The app for one test alone: what others loaded into theirs is not in it."""
    with run_server() as server:
        yield server


@pytest.fixture(scope="module")
def decoding_server(cache_folder_of_the_run: object) -> Iterator[Server]:
    """A server of its own for pages that load torch: the other one is watched for that."""
    with run_server() as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a browser context of its own; what it reported as an error fails the test."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    if errors:
        pytest.fail(f"the page raised: {errors}")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="radioviz-home-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def own_server(cache_folder_of_the_run: Path, home: Path) -> Iterator[Server]:
    """The app with a user's folder of the file's own."""
    with run_server(RADIOVIZ_HOME=str(home)) as server:
        yield server
