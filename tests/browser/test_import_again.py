"""Reload and Back at every step of an import, and one survey uploaded in two sessions at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.browser import actions, importing_page
from tests.browser.server import run_server
from tests.data.fits_files import cards, noise, primary

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.slow
UNIT = "What is the unit of the pixels"


def field(page: Page, label: str) -> str:
    return _input(page, label).input_value()


def fill(page: Page, label: str, text: str) -> None:
    _input(page, label).fill(text)
    _input(page, label).press("Enter")
    actions.settle(page)


def _input(page: Page, label: str) -> Locator:
    return importing_page.main_of(page).get_by_label(label, exact=label in ("Name", "Key"))


def again(page: Page, how: str) -> None:
    """Leave the page and come back to it."""
    if how == "reload":
        page.reload()
    else:  # another address, and Back: the browser loads the page anew
        page.goto("about:blank")
        page.go_back()
    importing_page.main_of(page).get_by_text("received").wait_for()
    importing_page.wait_for_inspection(page)


def test_nothing_is_lost(cache_folder_of_the_run: object, page: Page, tmp_path: Path) -> None:
    home = tmp_path / "home"
    files = []
    (tmp_path / "in").mkdir()
    for i in range(2):
        files.append(tmp_path / "in" / f"J{i}.fits")
        header = cards((64, 64), CRVAL1=150 + i / 10, BUNIT=None)
        files[-1].write_bytes(primary(noise((64, 64), i), header))
    with run_server(RADIOVIZ_HOME=str(home)) as server:
        importing_page.upload(page, server.url, *files)
        again(page, "reload")
        assert "2 files" in importing_page.page_text(page)
        fill(page, UNIT, "Jy/beam")
        again(page, "back")
        assert field(page, UNIT) == "Jy/beam"
        fill(page, "Name", "Mine <b>")
        fill(page, "Key", "mine-2")
        box = importing_page.main_of(page).get_by_test_id("stMultiSelect")
        box.get_by_label("Clear all").click()
        actions.settle(page)
        for how in ("reload", "back"):
            again(page, how)
            assert (field(page, "Name"), field(page, "Key")) == ("Mine <b>", "mine-2")
            assert field(page, UNIT) == "Jy/beam"
        page.locator(".st-key-import_start button").click()
        importing_page.wait_for_job(page, home)
        page.reload()  # while it begins
        importing_page.wait_for_survey(page, home, "mine-2")
        page.reload()
        page.locator(".st-key-survey_mine-2").wait_for()
        assert "received" not in importing_page.page_text(page)
        actions.until(
            page, lambda: not list((home / "uploads").iterdir()), "what was uploaded is kept"
        )


def test_one_survey_from_two_sessions_at_once(
    cache_folder_of_the_run: object, browser: Browser, tmp_path: Path
) -> None:
    """Equal names, other galaxies, one key: one is imported, the other is refused in a sentence."""
    home = tmp_path / "home"
    with run_server(RADIOVIZ_HOME=str(home)) as server:
        pages = []
        for number in range(2):
            page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
            folder = tmp_path / str(number)
            folder.mkdir()
            for i in range(3):
                header = cards((64, 64), CRVAL1=150 + number * 50 + i / 10)
                (folder / f"J{i}.fits").write_bytes(primary(noise((64, 64), i), header))
            importing_page.upload(page, server.url, *sorted(folder.iterdir()))
            fill(page, "Key", "both")
            box = importing_page.main_of(page).get_by_test_id("stMultiSelect")
            box.get_by_label("Clear all").click()
            actions.settle(page)
            pages.append(page)
        for page in pages:
            page.locator(".st-key-import_start button").click(no_wait_after=True)
        importing_page.wait_for_survey(pages[0], home, "both")
        refused = re.compile("running already|exists already|Replace")
        importing_page.main_of(pages[1]).get_by_text(refused).first.wait_for()
        table = pd.read_parquet(home / "surveys" / "both" / "table.parquet")
        assert len(table) == 3
        assert table["ra"].max() - table["ra"].min() < 1, "galaxies of both sessions in one survey"
        for page in pages:
            assert page.get_by_test_id("stException").count() == 0
            page.context.close()
