"""Files in a real browser: by keyboard, cancelled, and while the reader is on another page."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

from tests.browser import actions
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


def all_selected(page: Page, url: str) -> int:
    """Select every galaxy on the map and open the buttons of formats; how many."""
    page.goto(f"{url}/latent_map?data=first")
    actions.offer_all(page)
    return actions.selected_count(page)


def test_by_keyboard_and_cancelled(app_server: Server, page: Page) -> None:
    count = all_selected(page, app_server.url)
    downloads: list[object] = []
    page.on("download", lambda download: downloads.append(download))
    page.locator(".st-key-brush_zip button").focus()
    page.keyboard.press("Enter")
    name = f"radioviz-{count}.zip"
    page.get_by_role("progressbar", name=f"Writing {name}").wait_for()
    page.get_by_role("status").filter(has_text=re.compile("Writing|Waiting")).wait_for()
    page.get_by_role("button", name=f"Cancel {name}").focus()
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as asked:
        page.keyboard.press("Enter")
    page.get_by_role("group", name=name).wait_for(state="detached")
    state = page.request.get(asked.value.url + "/state").json()
    assert state == {"state": "gone"} or state["state"] == "writing"  # for a slice more
    actions.until(
        page,
        lambda: page.request.get(asked.value.url + "/state").json() == {"state": "gone"},
        "the cancelled file is still written",
    )
    page.wait_for_timeout(1000)  # a download would begin by now
    assert downloads == []


def test_a_file_arrives_on_another_page(app_server: Server, page: Page) -> None:
    count = all_selected(page, app_server.url)
    with page.expect_download() as started:
        page.locator(".st-key-brush_zip button").click()
        page.get_by_role("progressbar", name=re.compile("Writing")).wait_for()
        page.get_by_role("link", name="Benchmarks").click()
        page.get_by_role("heading", name="Benchmarks").first.wait_for()
    assert started.value.suggested_filename == f"radioviz-{count}.zip"
    with zipfile.ZipFile(started.value.path()) as archive:
        assert sum(n.endswith(".fits") for n in archive.namelist()) == count
    address = started.value.url
    page.get_by_text("Sent to the browser.").wait_for()
    actions.until(
        page, lambda: page.request.get(address).status == 404, "the file is still on the server"
    )
