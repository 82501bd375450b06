"""Galleries in Chromium: choosing by mouse and keys, adding, order, size, comparing, blinking."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from radioviz.ui import cache
from tests.browser.actions import lasso, open_map, settle, until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.server import Server

GALLERY = ".st-key-likelihood_gallery"


def opened(page: Page, server: Server) -> Locator:
    """The pictures of the Likelihood page, once they can be clicked."""
    page.goto(server.url + "/likelihood?data=first")
    cells = page.locator(f"{GALLERY} .open")
    page.locator(".st-key-likelihood_histogram .nsewdrag").wait_for()
    settle(page)
    cells.nth(59).wait_for()
    return cells


def sources(cells: Locator) -> list[str]:
    return [str(c.get_attribute("data-source")) for c in cells.all()]


def chosen(page: Page, gallery: str = GALLERY) -> list[str]:
    return sources(page.locator(f"{gallery} .cell.chosen .open"))


def in_tray(page: Page, number: int) -> list[str]:
    """Galaxies whose pictures the tray shows, once it has so many."""
    page.get_by_text(re.compile(rf"Selection tray · {number}$")).wait_for()
    settle(page)
    return sources(page.locator(".st-key-tray_gallery .open"))


def act(page: Page, name: str) -> None:
    page.locator(f"{GALLERY} .actions").get_by_role("button", name=name).click()


def test_mouse_and_keys_choose(app_server: Server, page: Page) -> None:
    cells = opened(page, app_server)
    ids = sources(cells)
    cells.nth(1).click(modifiers=["Control"])
    cells.nth(5).click(modifiers=["Shift"])
    cells.nth(3).click(modifiers=["Control"])
    assert chosen(page) == [ids[1], ids[2], ids[4], ids[5]]
    assert "4 chosen" in page.locator(f"{GALLERY} .actions").inner_text()
    act(page, "Add to tray")
    assert in_tray(page, 4) == [ids[1], ids[2], ids[4], ids[5]]
    assert chosen(page) == [ids[1], ids[2], ids[4], ids[5]]  # they stay
    act(page, "Clear")
    expect(page.locator(f"{GALLERY} .actions")).to_be_hidden()
    assert chosen(page) == []
    # The focus is on the first picture: keys alone from here.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert chosen(page) == ids[1:4]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    assert chosen(page) == [ids[1], ids[3]]
    page.keyboard.press("Escape")
    assert chosen(page) == []
    page.keyboard.press("Control+a")
    assert chosen(page) == ids
    compare = page.locator(f"{GALLERY} .actions").get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    page.keyboard.press("Enter")  # opens, as a click does
    page.locator(f"{GALLERY} .cell.focus").wait_for()
    assert sources(page.locator(f"{GALLERY} .cell.focus .open")) == [ids[-1]]


def test_one_stop_of_the_tab_key(app_server: Server, page: Page) -> None:
    cells = opened(page, app_server)
    stops = page.evaluate(
        """() => [...document.querySelectorAll('.st-key-likelihood_gallery *')]
        .flatMap(e => e.shadowRoot ? [...e.shadowRoot.querySelectorAll('button')] : [])
        .concat([...document.querySelectorAll('.st-key-likelihood_gallery .cell button')])
        .filter(b => b.closest('.cell') && b.tabIndex === 0).length"""
    )
    assert stops == 3  # open, choose, add: of one picture
    cells.nth(7).focus()
    page.keyboard.press("ArrowDown")
    there = page.evaluate(
        """() => { let e = document.activeElement;
        while (e.shadowRoot) e = e.shadowRoot.activeElement; return e.dataset.source; }"""
    )
    box, first = cells.nth(7).bounding_box(), cells.nth(0).bounding_box()
    assert box is not None
    assert first is not None
    at = sources(cells).index(there)
    below = cells.nth(at).bounding_box()
    assert below is not None
    assert below["x"] == pytest.approx(box["x"], abs=2)
    assert below["y"] > box["y"] + 50


def test_order_by_any_column_and_the_first_ones(app_server: Server, page: Page) -> None:
    cells = opened(page, app_server)
    page.locator(f"{GALLERY}_order").get_by_role("combobox").fill("redshift")
    page.get_by_role("option", name="redshift").first.click()
    page.locator(f"{GALLERY}_descending").wait_for()
    settle(page)
    table = cache.data_set("first").table.set_index("source_id")
    shown = table.loc[sources(cells), "redshift"].to_numpy(float)
    known = shown[np.isfinite(shown)]
    assert len(known) > 20
    assert (np.diff(known) >= 0).all()
    assert not np.isfinite(shown[len(known) :]).any()  # unknown ones last
    ids = sources(cells)
    page.locator(f"{GALLERY}_add").get_by_role("button").click()
    settle(page)
    box = page.locator(f"{GALLERY}_add_number input")
    box.fill("7")
    box.press("Enter")
    settle(page)
    page.get_by_role("button", name="The first 7", exact=True).click()
    assert in_tray(page, 7) == ids[:7]


def test_sizes_and_common_range(app_server: Server, page: Page) -> None:
    cells = opened(page, app_server)
    width = cells.first.bounding_box()["width"]  # type: ignore[index]
    sheet = page.locator(f"{GALLERY} img").first
    own = sheet.get_attribute("src")
    page.locator(f"{GALLERY}_look").get_by_role("button").first.click()
    settle(page)
    page.get_by_role("radio", name="Large").click()
    expect(sheet).not_to_have_attribute("src", str(own))
    settle(page)
    large = sheet.get_attribute("src")
    assert cells.first.bounding_box()["width"] > 1.5 * width  # type: ignore[index]
    page.get_by_text("Same brightness range for all").click()
    expect(sheet).not_to_have_attribute("src", str(large))
    settle(page)
    page.reload()
    cells.nth(5).wait_for()
    settle(page)
    assert cells.first.bounding_box()["width"] > 1.5 * width  # type: ignore[index]


def test_comparing_and_blinking(app_server: Server, page: Page) -> None:
    cells = opened(page, app_server)
    ids = sources(cells)[1:4]
    cells.nth(1).click(modifiers=["Control"])
    cells.nth(3).click(modifiers=["Shift"])
    act(page, "Compare")
    table = cache.data_set("first").table.set_index("source_id")
    names = table.loc[ids, "name"].tolist()
    figures = page.locator(".st-key-comparison figure")
    figures.nth(2).wait_for()
    settle(page)
    assert page.locator(".st-key-comparison figcaption .name").all_inner_texts() == names
    facts = page.get_by_role("dialog").get_by_test_id("stDataFrame")
    expect(facts).to_have_count(1)
    page.locator(".st-key-comparison .mode").click()
    expect(page.locator(".st-key-comparison figure:visible")).to_have_count(1)
    page.locator(".st-key-comparison .next").click()  # stops, and steps
    name = page.locator(".st-key-comparison figure:visible .name")
    now = name.inner_text()
    page.locator(".st-key-comparison .pictures").focus()
    page.keyboard.press("ArrowRight")
    assert name.inner_text() == names[(names.index(now) + 1) % 3]
    page.keyboard.press("ArrowLeft")
    assert name.inner_text() == now
    page.keyboard.press("b")  # blinks on its own
    seen = set()

    def all_seen() -> bool:
        seen.add(name.inner_text())
        return seen == set(names)

    until(page, all_seen, "it does not blink through all three")
    page.keyboard.press("Escape")  # all again; the dialog stays
    expect(page.locator(".st-key-comparison figure:visible")).to_have_count(3)
    first = figures.first.locator("img").get_attribute("src")
    page.get_by_text("Same brightness range for all").last.click()
    expect(figures.first.locator("img")).not_to_have_attribute("src", str(first))
    settle(page)
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_map_s_gallery_selects_and_compares(app_server: Server, page: Page) -> None:
    open_map(page, app_server.url)
    lasso(page, 0.3, 0.3, 0.7, 0.7)
    cells = page.locator(".st-key-gallery .open")
    cells.nth(6).wait_for()
    settle(page)
    ids = sources(cells)
    cells.nth(2).click(modifiers=["Control"])
    cells.nth(4).click(modifiers=["Shift"])
    bar = page.locator(".st-key-gallery .actions")
    bar.get_by_role("button", name="Select").click()
    page.get_by_role("heading", name=re.compile(r"^3 of .* galaxies selected")).wait_for()
    settle(page)
    assert sources(cells) == ids[2:5]
