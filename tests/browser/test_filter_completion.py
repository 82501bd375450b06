"""The filter's box completes names, by keyboard and pointer, and says what a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.actions import settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.server import Server

BOX = ".st-key-filter_text textarea"
LIST = "#radioviz-completion"


def opened(page: Page, server: Server) -> None:
    page.goto(server.url + "/table?data=first")
    page.get_by_text("2,158 galaxies").first.wait_for()
    page.locator(".st-key-filter_completion").get_by_text("Ctrl+Space").wait_for()
    settle(page)
    with page.expect_response(lambda r: "/media/" in r.url and "json" in r.headers.get(
        "content-type", "")):  # fmt: skip
        page.reload()
    page.locator(".st-key-filter_completion").get_by_text("Ctrl+Space").wait_for()
    settle(page)


def test_a_filter_written_by_keyboard_alone(app_server: Server, page: Page) -> None:
    opened(page, app_server)
    box, shown = page.locator(BOX), page.locator(f"{LIST} [role=option]")
    box.focus()
    page.keyboard.type("lab")
    shown.first.wait_for()
    names = [t.split()[0] for t in shown.all_inner_texts()]
    assert names[:2] == ["label", "label_original"]  # before those that speak of labels
    assert box.get_attribute("aria-activedescendant") == "radioviz-completion-0"
    page.keyboard.press("ArrowDown")
    assert shown.nth(1).get_attribute("aria-selected") == "true"
    # Streamlit's messages at the edge of the window have no name.
    found = Axe().run(page, context={"exclude": [["[data-testid=stToast]"]]}).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert not [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in serious]
    place, list_place = box.bounding_box(), page.locator(LIST).bounding_box()
    assert place is not None and list_place is not None
    assert abs(list_place["x"] - place["x"]) < 2
    assert 0 <= list_place["y"] - place["y"] - place["height"] < 8
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.type(' == "B')
    shown.first.wait_for()
    page.keyboard.press("Enter")
    page.keyboard.type(" and arcs")  # a part of a description finds its column
    shown.first.wait_for()
    assert all("arcs" in text.lower() for text in shown.all_inner_texts())
    page.keyboard.press("Escape")
    page.locator(LIST).wait_for(state="hidden")
    for _ in "arcs":
        page.keyboard.press("Backspace")
    page.keyboard.type("las > 80")
    page.keyboard.press("Control+Enter")
    page.get_by_text("of 2,158 galaxies pass").wait_for()
    assert box.input_value() == 'label == "Bent" and las > 80'


def test_names_under_pointer_and_cursor_are_explained(app_server: Server, page: Page) -> None:
    opened(page, app_server)
    box, hint = page.locator(BOX), page.locator(".st-key-filter_completion .hint")
    box.fill("las > 80 and redshift < 1")
    place = box.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 20, place["y"] + 20)
    page.wait_for_function("box => document.querySelector(box).title.startsWith('las: ')", arg=BOX)
    hint.get_by_text("[arcsec]").wait_for()
    page.mouse.move(place["x"] + 300, place["y"] + 300)
    box.focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+ArrowLeft")
    page.keyboard.press("Control+ArrowLeft")
    page.keyboard.press("Control+ArrowLeft")
    hint.get_by_text("redshift:").wait_for()


def test_the_list_by_pointer(app_server: Server, page: Page) -> None:
    opened(page, app_server)
    box = page.locator(BOX)
    box.focus()
    page.keyboard.press("Control+ ")
    page.locator(f"{LIST} [role=option]").get_by_text("redshift", exact=True).first.click()
    expect(box).to_have_value("redshift")
