"""The Table page without a mouse, and what axe says of it: filter, sort, page, select, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import radioviz
from tests.browser.actions import THEMES, axe_violations, settle, show_theme

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.server import Server

FILTER = 'label == "Bent" and las > 40'


def tab_to(page: Page, selector: str, *, back: bool = False) -> None:
    """Press Tab until an element, or one inside it, has the focus."""
    for _ in range(160):
        if page.evaluate("(s) => !!document.activeElement.closest(s)", selector):
            shown = page.evaluate(
                "() => { const e = document.activeElement; const s = getComputedStyle(e);"
                " return e.matches(':focus-visible') }"
            )
            assert shown, f"{selector} has the focus, but does not show it"
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"Tab never reaches {selector}")


def shows(page: Page, text: str) -> None:
    page.get_by_text(text).first.wait_for()
    settle(page)


@pytest.mark.parametrize("width", [800, 1280])
def test_axe_finds_nothing(app_server: Server, browser: Browser, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{app_server.url}/table?data=first")
    shows(page, "2,158 galaxies")
    page.locator(".st-key-filter_text textarea").fill(FILTER + " and nothing > 3")
    page.keyboard.press("Control+Enter")
    shows(page, "Not applied")
    for panel in ("Show as code", "Cite what I used"):
        page.get_by_text(panel).click()
        settle(page)
    for tab in page.locator(".st-key-table_tabs").get_by_role("tab").all():
        tab.click()
        settle(page)
        for theme in THEMES if width == 1280 else THEMES[:1]:  # colours are those of any width
            show_theme(page, theme)
            assert axe_violations(page) == [], (theme, tab.inner_text())
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    context.close()


def press(page: Page, selector: str, key: str, *, back: bool = False) -> None:
    """Go to a widget by Tab, and press a key there."""
    tab_to(page, selector, back=back)
    page.keyboard.press(key)
    settle(page)


def wait_for_first(page: Page, text: str) -> None:
    """Wait until the last cell of the first row says this, as a screen reader gets it."""
    page.wait_for_function(
        "(text) => { const t = [...document.querySelectorAll('[data-testid=stDataFrame] tbody tr')]"
        "[0]; return t && t.lastElementChild.textContent === text; }",
        arg=text,
    )


def test_a_whole_job_by_keyboard(app_server: Server, page: Page, tmp_path: Path) -> None:
    page.goto(f"{app_server.url}/table?data=first")
    shows(page, "2,158 galaxies")
    tab_to(page, ".st-key-filter_text textarea")
    page.keyboard.type(FILTER)
    page.keyboard.press("Control+Enter")
    shows(page, "of 2,158 galaxies pass")
    table = radioviz.select_galaxies("first", FILTER, model="simclr")
    number = len(table)
    shows(page, f"{number} of 2,158 galaxies pass")
    # Sorted by size, the largest first; without pictures.
    tab_to(page, ".st-key-table_sort input")
    page.keyboard.type("las [")
    page.keyboard.press("Enter")
    settle(page)
    press(page, ".st-key-table_descending input", "Space")
    table = table.sort_values("las", ascending=False, kind="stable")
    ids = table["source_id"].tolist()
    press(page, ".st-key-table_pictures input", "Space")
    wait_for_first(page, ids[0])
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stDataFrame]').textContent"
        ".includes('data:image')"
    )
    # The second page and back: ticks do not go along.
    grid = "[data-testid=data-grid-canvas]"
    press(page, grid, "Shift+Space")
    shows(page, "Select the 1 ticked")
    press(page, ".st-key-table_page [aria-label='Page 2']", "Enter", back=True)
    wait_for_first(page, ids[50])
    shows(page, f"Select all {number}")
    press(page, ".st-key-table_page [aria-label='Page 1']", "Enter", back=True)
    # The second and the fourth row.
    tab_to(page, grid)
    for key in ("ArrowDown", "Shift+Space", "ArrowDown", "ArrowDown", "Shift+Space"):
        page.keyboard.press(key)
        settle(page)
    shows(page, "Select the 2 ticked")
    press(page, ".st-key-table_collect button", "Enter")
    shows(page, "Selection tray")
    # What was ticked, as CSV.
    press(page, ".st-key-table_export button", "Enter")
    tab_to(page, ".st-key-table_export_csv button")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    path = tmp_path / "ticked.csv"
    download.value.save_as(path)
    assert pd.read_csv(path, comment="#")["source_id"].tolist() == [ids[1], ids[3]]
    page.keyboard.press("Escape")
    # Undo by the button and by its keys, then redo.
    press(page, ".st-key-workspace_undo button", "Enter", back=True)
    page.keyboard.press("Control+z")  # the order of the rows
    settle(page)
    page.keyboard.press("Control+Shift+Z")
    settle(page)
    wait_for_first(page, ids[0])
    press(page, ".st-key-filter_clear button", "Enter", back=True)
    shows(page, "2,158 galaxies")
