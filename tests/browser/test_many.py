"""Ten thousand galaxies selected: the gallery turns its pages in a real browser."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import many
from tests.browser.server import Server, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

COUNT = 10_000


@pytest.fixture(scope="module")
def own_server(cache_folder_of_the_run: Path) -> Iterator[Server]:
    """The app with a survey of :data:`COUNT` small images."""
    from radioviz import importing

    before = os.environ["RADIOVIZ_HOME"]
    with tempfile.TemporaryDirectory(prefix="radioviz-home-") as home:
        os.environ["RADIOVIZ_HOME"] = home
        try:
            answers = {"key": "many", "pixel_scale": 5.0, "survey": "synthetic"}
            importing.import_survey(importing.Source(many.cube(Path(home), COUNT, 12)), answers)
            many.with_map("many")
            with run_server(RADIOVIZ_HOME=home) as server:
                yield server
        finally:
            os.environ["RADIOVIZ_HOME"] = before


@pytest.mark.slow
def test_ten_thousand_are_paged(own_server: Server, page: Page) -> None:
    found = many.visit(page, own_server, "many")
    print({name: round(value, 2) for name, value in found.items()})
    assert found["selected"] == COUNT
    assert found["pages"] == -(-COUNT // 60)
    assert found["pictures"] == 60
    assert found["pictures_on_the_last"] == COUNT % 60
