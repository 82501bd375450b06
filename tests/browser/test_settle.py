"""What the other tests rely on: that all they asked for is drawn when they look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.actions import settle
from tests.browser.server import REPOSITORY, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.parametrize("query", ["", "?clock=1"])
def test_all_that_was_asked_for_is_drawn(
    cache_folder_of_the_run: object, page: Page, query: str
) -> None:
    def said() -> str:
        settle(page)
        return page.locator("#said").inner_text()

    with run_server(app=REPOSITORY / "tests" / "browser" / "apps" / "slow_app.py") as server:
        page.goto(server.url + query)
        assert said() == "0 0"
        page.get_by_role("button", name="Count").click()
        assert said() == "1 0"
        page.get_by_role("button", name="Ten").click()  # two runs
        assert said() == "11 0"
        page.get_by_label("Name").fill("abc")
        page.keyboard.press("Enter")
        assert said() == "11 abc 0"
        page.get_by_role("slider").focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        assert said() == "11 abc 3"
        for _ in range(2):  # the second one ends the run of the first
            page.get_by_role("button", name="Count").click()
            page.wait_for_timeout(700)
        assert said() == "13 abc 3"
