"""A workspace is there again after a reload, another tab, and a killed server."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import Error as PlaywrightError

from radioviz.ui import session_workspace
from radioviz.ui.saved_view import PAGES
from radioviz.workspace.history import new_identifier
from tests.browser.actions import lasso, open_map, selected_count, settle, wait_for_map
from tests.browser.server import CHROMIUM_FLAGS, PATIENCE, chromium, patient, run_server
from tests.load.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from radioviz.workspace.history import SavedWorkspaces
    from tests.browser.server import Server


BOX = ".st-key-filter_text textarea"


def tray_count(page: Page) -> int:
    settle(page)
    text = page.locator(".st-key-tray").first.inner_text()
    found = re.search(r"Selection tray · ([\d,]+)", text)
    assert found, text
    return int(found[1].replace(",", ""))


def wait_for_tray(page: Page, number: int) -> None:
    page.wait_for_function(
        "n => document.querySelector('.st-key-tray')?.innerText.includes(`Selection tray · ${n}`)",
        arg=f"{number:,}",
    )


def fill_tray(page: Page, url: str) -> int:
    open_map(page, url)
    lasso(page, 0.3, 0.3, 0.6, 0.6)
    selected_count(page)
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
    page.locator(".st-key-selection").get_by_text(f"{number:,} of").first.wait_for()
    page.goto(app_server.url + "/overview?" + page.url.partition("?")[2])
    wait_for_tray(page, number)


def test_undo_and_redo_by_keyboard(app_server: Server, page: Page) -> None:
    number = fill_tray(page, app_server.url)
    page.locator(".st-key-tray_clear button").click()
    wait_for_tray(page, 0)
    settle(page)
    page.keyboard.press("Control+z")
    wait_for_tray(page, number)
    settle(page)
    page.keyboard.press("Control+z")
    wait_for_tray(page, 0)  # before the galaxies were added
    settle(page)
    page.keyboard.press("Control+Shift+z")
    wait_for_tray(page, number)


def test_two_tabs_have_one_history(app_server: Server, page: Page) -> None:
    number = fill_tray(page, app_server.url)
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_map(other)
    wait_for_tray(other, number)
    settle(page)
    settle(other)
    other.locator(".st-key-tray_clear button").click()
    page.get_by_text("Changed in another tab").first.wait_for()
    wait_for_tray(page, 0)
    wait_for_tray(other, 0)
    settle(page)
    page.locator(".st-key-workspace_undo button").first.click()
    wait_for_tray(page, number)
    wait_for_tray(other, number)


def test_the_next_visit_continues(app_server: Server, page: Page) -> None:
    number = fill_tray(page, app_server.url)
    page.goto(app_server.url)
    wait_for_tray(page, 0)
    settle(page)
    page.locator(".st-key-workspace_continue button").first.click()
    wait_for_tray(page, number)
    page.wait_for_url("**/latent_map*")


def test_an_unknown_workspace_says_so(app_server: Server, page: Page) -> None:
    page.goto(app_server.url + "/overview?workspace=AAAAAAAAAAAAAAAAAAAAAA")
    page.get_by_text("no longer exists").first.wait_for()
    page.wait_for_url(lambda url: "AAAAAAAAAAAAAAAA" not in url)


def set_filter(page: Page, text: str) -> None:
    page.locator(BOX).fill(text)
    page.locator(BOX).press("Control+Enter")


def kill_browser(profile: Path) -> None:
    """kill -9 of every process of the Chromium with this profile."""
    killed = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if f"--user-data-dir={profile}" in process.cmdline():
                process.kill()
                killed += 1
    assert killed


@pytest.mark.slow
@pytest.mark.timeout(900)
# The client of a session closes its connection itself.
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
def test_server_and_browser_killed_on_each_page(tmp_path: Path, browser: Browser) -> None:
    """kill -9 of both a second after a change on every page: all but that last change is back."""
    pages = {name: new_identifier() for name in PAGES}
    before = {name: f"las > {10 + i}" for i, name in enumerate(PAGES)}
    last = {name: f"las > {50 + i}" for i, name in enumerate(PAGES)}
    saved = session_workspace.SavedWorkspaces(tmp_path / session_workspace.FILE)
    for workspace in pages.values():
        saved.change(workspace, "filter", "las > 1", "filter las > 1")
    with run_server(RADIOVIZ_HOME=str(tmp_path)) as server:
        profile = tmp_path / "profile"
        context = opened(browser, profile)
        tabs = {name: open_workspace(context, server, name, pages[name]) for name in PAGES}
        for name, tab in tabs.items():
            wait_for_filter(tab, {"las > 1"})
            set_filter(tab, before[name])
        for name, tab in tabs.items():
            wait_for_saved(saved, pages[name], before[name])
            settle(tab)
        for name, tab in tabs.items():
            set_filter(tab, last[name])
        tabs[PAGES[-1]].wait_for_timeout(1000)
        server.process.kill()
        kill_browser(profile)
        with contextlib.suppress(PlaywrightError):
            context.close()
    with run_server(RADIOVIZ_HOME=str(tmp_path)) as server:
        for name in PAGES:  # what a page gets from the server, without the cost of a browser
            reader = Client(server.url)
            reader.open()
            page = "" if name == "overview" else name
            reader.open(page, f"data=first&n=1&workspace={pages[name]}")
            box = reader.widget("text_area", "filter_text")
            assert box is not None, name
            assert box.proto.value in (before[name], last[name]), name
            reader.close()


def opened(browser: Browser, profile: Path) -> BrowserContext:
    """Another Chromium, which keeps what it knows in a folder."""
    context: BrowserContext = patient(browser.browser_type.launch_persistent_context)(
        user_data_dir=profile, executable_path=chromium(), args=list(CHROMIUM_FLAGS),
        viewport={"width": 1400, "height": 1000},
    )  # fmt: skip
    context.set_default_timeout(2 * PATIENCE)  # twelve pages at once
    return context


def open_workspace(context: BrowserContext, server: Server, name: str, workspace: str) -> Page:
    page = context.new_page()
    address = "" if name == "overview" else name  # the first page has no address of its own
    # One image is enough where a page generates some.
    page.goto(f"{server.url}/{address}?data=first&n=1&workspace={workspace}")
    return page


def wait_for_filter(page: Page, texts: set[str]) -> None:
    """Until the box of the filter holds one of these, and is at work."""
    page.wait_for_function(
        "([box, texts]) => texts.includes(document.querySelector(box)?.value)",
        arg=[BOX, sorted(texts)],
    )
    page.get_by_text("Ctrl+Space").wait_for()
    settle(page)


def wait_for_saved(saved: SavedWorkspaces, workspace: str, text: str) -> None:
    """Until the server has saved a filter, read by another process as a restart would."""
    end = time.monotonic() + PATIENCE / 1000
    while True:
        found = saved.snapshot(workspace)
        if found is not None and found.fields.get("filter") == text:
            return
        assert time.monotonic() < end, f"'{text}' was not saved"
        time.sleep(0.05)
