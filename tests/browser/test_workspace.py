"""A workspace is there again after a reload, another tab, and a killed server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.actions import lasso, open_map, settle, wait_for_map
from tests.browser.server import run_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.server import Server


def tray_count(page: Page) -> int:
    settle(page)
    text = page.locator(".st-key-tray").first.inner_text()
    found = re.search(r"Selection tray · ([\d,]+)", text)
    assert found, text
    return int(found[1].replace(",", ""))


def wait_for_tray(page: Page, number: int, timeout: float = 20_000) -> None:
    page.wait_for_function(
        "n => document.querySelector('.st-key-tray')?.innerText.includes(`Selection tray · ${n}`)",
        arg=f"{number:,}",
        timeout=timeout,
    )


def fill_tray(page: Page, url: str) -> int:
    open_map(page, url)
    lasso(page, 0.3, 0.3, 0.6, 0.6)
    page.locator(".st-key-brush_to_tray button").click()
    page.wait_for_function(
        "() => !/Selection tray · 0/.test(document.querySelector('.st-key-tray').innerText)"
    )
    return tray_count(page)


def test_a_reload_keeps_tray_and_selection(app_server: Server, page: Page) -> None:
    number = fill_tray(page, app_server.url)
    assert number > 10
    assert "workspace=" in page.url
    page.reload()
    wait_for_map(page)
    wait_for_tray(page, number)
    assert f"{number:,} of" in page.locator(".st-key-selection").inner_text()
    page.goto(app_server.url + "/overview?" + page.url.partition("?")[2])
    wait_for_tray(page, number)


def test_undo_and_redo_by_keyboard(app_server: Server, page: Page) -> None:
    number = fill_tray(page, app_server.url)
    page.locator(".st-key-tray_clear button").click()
    wait_for_tray(page, 0)
    page.keyboard.press("Control+z")
    wait_for_tray(page, number)
    page.keyboard.press("Control+z")
    wait_for_tray(page, 0)  # before the galaxies were added
    page.keyboard.press("Control+Shift+z")
    wait_for_tray(page, number)


def test_two_tabs_have_one_history(app_server: Server, page: Page) -> None:
    number = fill_tray(page, app_server.url)
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_map(other)
    wait_for_tray(other, number)
    other.locator(".st-key-tray_clear button").click()
    wait_for_tray(other, 0)
    wait_for_tray(page, 0, timeout=5_000)
    page.get_by_text("Changed in another tab").first.wait_for(timeout=5_000)
    page.locator(".st-key-workspace_undo button").first.click()
    wait_for_tray(page, number)
    wait_for_tray(other, number, timeout=5_000)


def test_the_next_visit_continues(app_server: Server, page: Page) -> None:
    number = fill_tray(page, app_server.url)
    page.goto(app_server.url)
    wait_for_tray(page, 0)
    page.locator(".st-key-workspace_continue button").first.click()
    wait_for_tray(page, number)
    assert "latent_map" in page.url


def test_an_unknown_workspace_says_so(app_server: Server, page: Page) -> None:
    page.goto(app_server.url + "/overview?workspace=AAAAAAAAAAAAAAAAAAAAAA")
    page.get_by_text("no longer exists").first.wait_for()
    settle(page)
    assert "AAAAAAAAAAAAAAAA" not in page.url


@pytest.mark.parametrize("address", ["latent_map", "likelihood", "similar"])
def test_killed_server(tmp_path, page: Page, cache_folder_of_the_run, address: str) -> None:  # type: ignore[no-untyped-def]
    """kill -9 of the server a second after a change: the change is there after a restart."""
    home = str(tmp_path)
    with run_server(RADIOVIZ_HOME=home) as server:
        number = fill_tray(page, server.url)
        link = page.url.partition("?")[2]
        page.wait_for_timeout(1000)
        server.process.kill()
    with run_server(RADIOVIZ_HOME=home) as server:
        page.goto(f"{server.url}/{address}?{link}")
        wait_for_tray(page, number, timeout=60_000)
