"""The Table page in Chromium: the filter reaches the map, a brushed histogram becomes a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.actions import settle, wait_for_map

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.server import Server


def type_filter(page: Page, text: str) -> None:
    box = page.locator(".st-key-filter_text textarea")
    box.fill(text)
    box.press("Control+Enter")


def test_a_filter_goes_with_the_reader(app_server: Server, page: Page) -> None:
    page.goto(app_server.url + "/table?data=first")
    page.get_by_text("2,158 galaxies").first.wait_for()
    settle(page)
    type_filter(page, 'label == "Bent" and las > 60')
    page.get_by_text("of 2,158 galaxies pass").wait_for()
    passing = page.get_by_text("of 2,158 galaxies pass").inner_text().split()[0]
    page.get_by_text(f"{passing} galaxies").first.wait_for()
    settle(page)
    page.get_by_role("link", name="Latent map").click()
    wait_for_map(page)
    left_out = 2158 - int(passing.replace(",", ""))
    page.get_by_text(f"{left_out:,} of 2,158 points do not pass the filter").wait_for()
    settle(page)
    page.reload()
    wait_for_map(page)
    settle(page)
    assert page.locator(".st-key-filter_text textarea").input_value().startswith("label")
    page.locator(".st-key-filter_clear button").first.click()
    page.wait_for_function("() => !document.body.innerText.includes('do not pass the filter')")


def test_a_brush_on_a_histogram_filters(app_server: Server, page: Page) -> None:
    page.goto(app_server.url + "/table?data=first")
    settle(page)
    page.get_by_role("tab", name="Charts").click()
    plot = page.locator(".st-key-chart_0 .nsewdrag").first
    plot.wait_for()
    settle(page)
    box = plot.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.5 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], y + 5, steps=8)
    page.mouse.up()
    page.get_by_text("of 2,158 galaxies pass").wait_for()
    settle(page)
    text = page.locator(".st-key-filter_text textarea").input_value()
    assert text.startswith("las between "), text


def test_a_brush_on_one_chart_is_seen_in_the_other(app_server: Server, page: Page) -> None:
    page.goto(f"{app_server.url}/table?data=first")
    settle(page)
    page.get_by_role("tab", name="Charts").click()
    settle(page)
    first, second = (page.locator(f".st-key-chart_{i}") for i in range(2))
    for number, kind in ((1, "Histogram"), (0, "Sky")):
        menu = page.locator(f".st-key-chart_menu_{number} button").first
        menu.click()
        settle(page)
        page.get_by_role("combobox", name="Kind").last.click()
        page.get_by_role("option", name=kind).first.click()
        menu.filter(has_text=kind).wait_for()
        settle(page)
        page.keyboard.press("Escape")
    first.get_by_text("dec [deg]").wait_for()
    settle(page)
    assert second.get_by_text("Selection").count() == 0
    box = first.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + box["height"] - 10, steps=8)
    page.mouse.up()
    second.get_by_text("Selection").wait_for()
    settle(page)
    page.locator(".st-key-chart_remove_0 button").first.click()
    first.get_by_text("Selection").wait_for()  # the second is the first now
    second.wait_for(state="detached")


def test_a_wrong_filter_shows_where(app_server: Server, page: Page) -> None:
    page.goto(app_server.url + "/table?data=first")
    page.get_by_text("2,158 galaxies").first.wait_for()
    settle(page)
    type_filter(page, "las > 80 and lable == 3")
    page.get_by_text("did you mean label").wait_for()
    settle(page)
    type_filter(page, "las > 80; drop table x")
    page.get_by_text("does not belong in a filter").wait_for()
