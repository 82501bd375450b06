"""Pages at several widths and in both themes: nothing cut off, AA contrast, pictures in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.actions import (
    THEMES,
    axe_violations,
    draw_lasso,
    lasso,
    open_map,
    pictures,
    plot_area,
    settle,
    show_theme,
    until,
    wait_for_map,
)
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = (
    *("", "latent_map", "similar?source=first/first-10", "likelihood", "relations", "two_classes"),
    *("inspect_galaxy?source=first-7", "benchmarks", "your_data", "generate?model=cvae&n=4"),
)


@pytest.mark.parametrize("widths", [(800,), (1280, 1440, 1920)])
def test_nothing_is_cut_off_and_the_map_has_room(
    decoding_server: Server, browser: Browser, widths: tuple[int, ...]
) -> None:
    page = browser.new_page(viewport={"width": widths[0], "height": 900})
    open_map(page, decoding_server.url)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        until(page, lambda: has_room(page), f"no room at {width}")
    page.close()


def has_room(page: Page) -> bool:
    wait_for_map(page)
    area = plot_area(page)
    narrow = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid=stMain] [data-testid=stColumn]')]"
        ".filter((c) => c.clientWidth && c.clientWidth < 70).length"
    )
    return (
        page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        and area["width"] > 300
        and 300 < area["height"] < 900
        and narrow == 0
    )


def test_the_map_is_as_high_as_the_window(decoding_server: Server, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 700})
    open_map(page, decoding_server.url)
    low = plot_area(page)["height"]
    page.set_viewport_size({"width": 1440, "height": 1100})
    said = f"the map is not 400 pixels higher than {low}"
    until(page, lambda: abs(plot_area(page)["height"] - low - 400) < 3, said)
    page.close()


def test_pictures_are_in_sight_after_a_lasso(decoding_server: Server, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    open_map(page, decoding_server.url)
    lasso(page, 0.3, 0.3, 0.7, 0.7)
    pictures(page).nth(5).wait_for()
    settle(page)
    frames = [cell.bounding_box() for cell in page.locator(".st-key-selection .cell").all()[:6]]
    assert all(box and box["y"] + box["height"] < 900 for box in frames)
    page.close()


def test_the_outline_of_an_empty_lasso_goes(decoding_server: Server, page: Page) -> None:
    open_map(page, decoding_server.url)
    draw_lasso(page, 0.001, 0.001, 0.012, 0.012)
    outline = ".st-key-map_panel .rv-outline"
    page.locator(f"{outline}[d^=M]").wait_for(state="attached")
    page.mouse.up()
    page.locator(f"{outline}[d='']").wait_for(state="attached")


@pytest.mark.parametrize("path", PAGES)
def test_contrast_and_targets(decoding_server: Server, browser: Browser, path: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{decoding_server.url}/{path}")
    for theme in THEMES:
        show_theme(page, theme)
        page.wait_for_selector("[data-testid=stMain] h1")
        settle(page)
        assert axe_violations(page) == [], theme
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlertContentError").count() == 0
    context.close()


@pytest.mark.parametrize("path", ["latent_map", "inspect_galaxy?source=first-7"])
def test_a_link_to_a_page_asks_for_nothing_that_is_absent(
    decoding_server: Server, page: Page, path: str
) -> None:
    missing: list[str] = []
    page.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
    page.goto(f"{decoding_server.url}/{path}")
    page.wait_for_selector("[data-testid=stMain] h1")
    settle(page)
    assert missing == []


@pytest.mark.parametrize("width", [800, 1280])
def test_controls_are_neither_cut_nor_over_each_other(
    decoding_server: Server, browser: Browser, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{decoding_server.url}/inspect_galaxy?source=first-7")
    heading = page.locator("[data-testid=stMain] h1").first
    heading.wait_for()
    settle(page)
    name = heading.evaluate(
        "(h) => { const r = document.createRange(); r.selectNodeContents(h);"
        " const b = r.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom]; }"
    )
    label = page.get_by_text("Find a galaxy").first.bounding_box()
    assert label is not None
    beside = (
        label["x"] >= name[1] or label["y"] >= name[3] or label["y"] + label["height"] <= name[2]
    )
    assert beside
    page.goto(f"{decoding_server.url}/similar?source=first/first-10")
    page.locator(".st-key-similar_more").first.wait_for()
    settle(page)
    cut = page.evaluate(
        "() => [...document.querySelectorAll('.st-key-similar_more button p,"
        " .st-key-similar_kind button p')].filter((p) => p.scrollWidth > p.clientWidth + 1"
        " || p.getBoundingClientRect().right > innerWidth).map((p) => p.innerText)"
    )
    assert cut == []
    page.close()
