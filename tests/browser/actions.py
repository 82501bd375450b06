"""What a reader does on the pages, as functions that tests and benchmarks share."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest

from radioviz.atlas.atlas import open_atlas
from tests.browser.server import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MAP = ".st-key-map_panel .rv-map"
POINTS = f"{MAP} .rv-points"
# Disabled widgets need no contrast (WCAG 2.2, 1.4.3), but their labels are not marked as such.
_DISABLED = "label:has(~ * [disabled]), [data-testid=stWidgetLabel][disabled], [aria-disabled=true]"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def open_map(page: Page, url: str) -> None:
    """Open the latent map and wait until it can be lassoed."""
    page.goto(url + "/latent_map")
    wait_for_map(page)
    settle(page)


def wait_for_map(page: Page) -> None:
    page.wait_for_selector(f"{MAP}[data-state=drawn]", timeout=PATIENCE)


_CALM = 300
"""Milliseconds within which a page asks the server for what an action changed (a slider: 200)."""

_settled = itertools.count()


def settle(page: Page) -> None:
    """Wait until all that was asked of the server has been drawn, what was done just now too."""
    page.wait_for_function(
        """([call, calm]) => {
        const state = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
        const runs = window.runs;  // of runs.js; not in benchmarks
        if (!runs) return state !== 'running';
        if (runs.call !== call) Object.assign(runs, {call, at: performance.now(), looks: 0});
        runs.looks += 1;
        return runs.last === 'done' && runs.drawn && (state === 'notRunning' || runs.itself)
            && runs.looks > 3 && performance.now() - runs.at > calm; }""",
        arg=[next(_settled), _CALM],
    )


def until(page: Page, true: Callable[[], bool], else_said: str) -> None:
    """Wait for something that no event tells."""
    end = time.monotonic() + PATIENCE / 1000
    while not true():
        assert time.monotonic() < end, else_said
        page.wait_for_timeout(100)


def show_theme(page: Page, theme: Literal["light", "dark"]) -> None:
    """Change the browser's colour scheme and wait until the page follows."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(
        """dark => { const app = document.querySelector('[data-testid=stApp]');
        if (!app) return false;
        const [r, g, b] = getComputedStyle(app).backgroundColor.match(/\\d+/g).map(Number);
        return (r + g + b < 384) === dark; }""",
        arg=theme == "dark",
    )


def axe_violations(page: Page) -> list[list[object]]:
    """Rules of WCAG A and AA that axe finds broken, with the HTML; needs a page without CSP."""
    package = pytest.importorskip("axe_playwright_python")
    settle(page)
    page.wait_for_timeout(1000)  # what is drawn again fades in
    settle(page)
    page.evaluate((Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found: list[list[object]] = page.evaluate(
        "(skipped) => axe.run({exclude: [[skipped]]}, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', "
        "'wcag22aa'], resultTypes: ['violations']}).then((r) => "
        "r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 200))]))",
        _DISABLED,
    )
    return found


def plot_area(page: Page) -> dict[str, float]:
    """The drag layer of the map: ``x``, ``y``, ``width``, ``height`` in CSS pixels."""
    box = page.locator(POINTS).first.bounding_box()
    if box is None:
        raise RuntimeError("the map has no plot area")
    return dict(box)


def lasso(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Lasso a rectangle, in fractions of the plot area."""
    draw_lasso(page, left, top, right, bottom)
    page.mouse.up()


def draw_lasso(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """All of a lasso but its end: the mouse button is still down."""
    settle(page)  # what is drawn above the map moves it
    area = plot_area(page)
    x = [area["x"] + f * area["width"] for f in (left, right)]
    y = [area["y"] + f * area["height"] for f in (top, bottom)]
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for corner in ((x[1], y[0]), (x[1], y[1]), (x[0], y[1]), (x[0], y[0])):
        page.mouse.move(*corner, steps=6)


def place_of(page: Page, row: int) -> tuple[float, float]:
    """Where a galaxy of the map in the address bar is on the page, before any zoom."""
    view = {k: v[0] for k, v in parse_qs(urlparse(page.url).query).items()}
    atlas = open_atlas(view["data"], view["encoder"])
    positions = np.asarray(atlas.layouts[view["layout"]], dtype=float)
    low, high = positions.min(axis=0), positions.max(axis=0)
    # The map leaves 4 % of its width free on every side.
    fx, fy = 0.04 + 0.92 * (positions[row] - low) / (high - low)
    area = plot_area(page)
    return area["x"] + fx * area["width"], area["y"] + (1 - fy) * area["height"]


def selection_heading(page: Page) -> Locator:
    """``1,234 of 2,158 galaxies selected``."""
    return page.locator(".st-key-selection h3").first


def selected_count(page: Page) -> int:
    """How many galaxies the heading below the map says are selected, once all else is drawn."""
    selection_heading(page).wait_for()
    settle(page)
    return int(selection_heading(page).inner_text().split(" of ")[0].replace(",", ""))


def pictures(page: Page) -> Locator:
    """Pictures of the gallery that goes with the selection."""
    return page.locator(".st-key-selection .cell img")


def offer_all(page: Page) -> None:
    """Lasso every galaxy of an open map, and open the buttons of the formats."""
    wait_for_map(page)
    lasso(page, 0.005, 0.005, 0.995, 0.995)
    selection_heading(page).wait_for()
    settle(page)
    page.locator(".st-key-brush_export button").first.click()


def download(page: Page, key: str) -> bytes:
    """Click on the first button of a key, and what the browser gets for it."""
    settle(page)
    with page.expect_download() as started:
        page.locator(f".st-key-{key} button").first.click()
    return Path(started.value.path()).read_bytes()
