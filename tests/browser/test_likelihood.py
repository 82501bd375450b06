"""The Likelihood page in a real browser: a bar, its galaxies, marks by keys, the rest ranked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.browser import actions
from tests.browser.server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page


def opened(page: Page, server: Server) -> Locator:
    page.goto(f"{server.url}/likelihood?data=first&encoder=vae32")
    chart = page.locator(".st-key-likelihood_histogram .nsewdrag")
    chart.wait_for()
    actions.settle(page)
    return chart


def click_bar(page: Page, x: float, y: float) -> None:
    """Click on a chart once it has noticed where the pointer is."""
    page.mouse.move(x, y)
    page.locator(".st-key-likelihood_histogram .hoverlayer .hovertext").first.wait_for()
    page.mouse.click(x, y)


def sources(page: Page) -> list[str]:
    cells = page.locator(".st-key-likelihood_gallery .open")
    cells.first.wait_for()
    return [str(c.get_attribute("data-source")) for c in cells.all()]


def wait_for_words(page: Page, words: str) -> None:
    page.get_by_text(words).first.wait_for()
    actions.settle(page)


def test_a_bar_shows_its_galaxies(new_server: Server, page: Page) -> None:
    chart = opened(page, new_server)
    before = sources(page)
    box = chart.bounding_box()
    assert box is not None
    x, y = box["x"] + 0.55 * box["width"], box["y"] + 0.6 * box["height"]
    click_bar(page, x, y)
    wait_for_words(page, "galaxies with")
    actions.until(page, lambda: sources(page) != before, "the gallery shows the old galaxies")
    said = page.get_by_text("galaxies with").first.inner_text()
    chart.hover()
    page.locator(".st-key-likelihood_histogram [data-title='Box Select']").click()
    page.mouse.move(x - 100, y)
    page.mouse.down()
    page.mouse.move(x + 100, y, steps=4)
    page.mouse.up()
    page.wait_for_function("said => !document.body.innerText.includes(said)", arg=said)
    wait_for_words(page, "galaxies with")
    # What was brushed is listed, and dragging keeps on brushing.
    said = page.get_by_text("galaxies with").first.inner_text()
    page.mouse.move(x - 50, y)
    page.mouse.down()
    page.mouse.move(x + 50, y, steps=4)
    page.mouse.up()
    page.wait_for_function("said => !document.body.innerText.includes(said)", arg=said)
    wait_for_words(page, "galaxies with")
    assert not new_server.maps("libtorch"), "the Likelihood page loaded torch"


def test_a_range_by_keyboard(app_server: Server, page: Page) -> None:
    opened(page, app_server)
    page.locator(".st-key-likelihood_between").get_by_role("slider").first.focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    actions.settle(page)
    wait_for_words(page, "galaxies with")


def test_marks_by_keys_rank_the_rest(app_server: Server, page: Page, tmp_path: Path) -> None:
    opened(page, app_server)
    order = sources(page)
    page.keyboard.press("n")
    page.locator(".st-key-mark_interesting button").wait_for()
    for key in ("i", "b", "4", "a", "2"):
        actions.settle(page)
        page.keyboard.press(key)
    wait_for_words(page, "1 interesting, 1 boring, 2 scored, 1 artefact")
    page.keyboard.press("u")
    wait_for_words(page, "1 interesting, 1 boring, 1 scored, 1 artefact")
    page.locator(".st-key-likelihood_list").get_by_text("Ranked by your marks").click()
    wait_for_words(page, "not marked yet, the most likely to be interesting first")
    ranked = sources(page)
    assert not set(order[:4]) & set(ranked)
    with page.expect_download() as started:
        page.locator(".st-key-marks_save button").first.click()
    target = tmp_path / "marks.radioviz"
    started.value.save_as(target)
    marks = json.loads(target.read_text())["marks"]
    given = [(order[0], 5), (order[1], 0), (order[2], 4), (order[3], 0)]
    assert [(m["source_id"], m["mark"]) for m in marks] == given


def test_search_from_an_outlier(app_server: Server, page: Page) -> None:
    opened(page, app_server)
    first = sources(page)[0]
    page.locator(".st-key-likelihood_gallery .open").first.click()
    page.locator(".st-key-likelihood_similar button").wait_for()
    actions.settle(page)
    page.locator(".st-key-likelihood_similar button").click()
    page.wait_for_url("**/similar*")
    page.locator(".st-key-similar_gallery .open").first.wait_for()
    assert first in page.url
