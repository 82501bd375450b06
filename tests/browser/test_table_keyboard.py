"""The Table page without a mouse, and what axe says of it: filter, sort, page, select, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.actions import settle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.server import Server

FILTER = 'label == "Bent" and las > 40'
# Disabled widgets need no contrast (WCAG 2.2, 1.4.3), but their labels are not marked as such.
_DISABLED = "label:has(~ * [disabled]), [data-testid=stWidgetLabel][disabled], [aria-disabled=true]"


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
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(app_server: Server, browser: Browser, theme: str, width: int) -> None:
    package = pytest.importorskip("axe_playwright_python")
    script = (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True
    )
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(f"{app_server.url}/table?data=first")
    shows(page, "2,158 galaxies")
    page.locator(".st-key-filter_text textarea").fill(FILTER + " and nothing > 3")
    page.keyboard.press("Control+Enter")
    shows(page, "Not applied")
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(1000)  # what is drawn again fades in
        settle(page)
        page.evaluate(script)
        found = page.evaluate(
            "(skipped) => axe.run({exclude: [[skipped]]}, {runOnly: ['wcag2a', 'wcag2aa', "
            "'wcag21aa', 'wcag22aa'], resultTypes: ['violations']}).then((r) => "
            "r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 200))]))",
            _DISABLED,
        )
        assert found == [], tab.inner_text()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_a_whole_job_by_keyboard(app_server: Server, page: Page, tmp_path: Path) -> None:
    page.goto(f"{app_server.url}/table?data=first")
    shows(page, "2,158 galaxies")
    tab_to(page, ".st-key-filter_text textarea")
    page.keyboard.type(FILTER)
    page.keyboard.press("Control+Enter")
    shows(page, "of 2,158 galaxies pass")
    number = int(page.get_by_text("of 2,158 galaxies pass").inner_text().split()[0])
    assert 50 < number < 400
    # Sort by size, the largest first.
    tab_to(page, ".st-key-table_sort")
    page.keyboard.type("las [")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    settle(page)
    tab_to(page, ".st-key-table_descending")
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    settle(page)
    # The second page and back.
    tab_to(
        page, ".st-key-table_page button[aria-label*='2'], .st-key-table_page button:has-text('2')"
    )
    page.keyboard.press("Enter")
    page.wait_for_timeout(800)
    settle(page)
    tab_to(page, ".st-key-table_page button:has-text('1')", back=True)
    page.keyboard.press("Enter")
    page.wait_for_timeout(800)
    settle(page)
    # The first and third row.
    tab_to(page, "[data-testid=stDataFrame] canvas, [data-testid=stDataFrame] [role=grid], "
                 "[data-testid=stDataFrameResizable]")  # fmt: skip
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Space")
    shows(page, "Select the 1 ticked")
