"""Inspect in a real browser: a host chosen by click, and the viewer of the sky offline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from astropy.table import Table

from radioviz.data.sky_viewer import fetch_viewer, viewer_script
from radioviz.errors import FetchError
from tests.browser import actions
from tests.browser.server import Server, run_server
from tests.data.tap_server import tap_service

if TYPE_CHECKING:
    from playwright.sync_api import Page

RA, DEC = 181.229, 48.549
"""Near first-3."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
           ) -> Iterator[Server]:  # fmt: skip
    """The app with a VizieR of one galaxy."""
    table = Table(
        {"RAJ2000": [RA], "DEJ2000": [DEC], "objID": [77], "imag": [18.0]},
        units={"RAJ2000": "deg", "DEJ2000": "deg"},
    )
    with tap_service({"II/349/ps1": table}, {}) as site:
        monkeypatch.setenv("RADIOVIZ_TAP", site.url)
        with run_server() as running:
            yield running


def test_a_host_is_chosen_by_click(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/inspect_galaxy?data=first&source=first-3&tab=Host")
    find = page.locator(".st-key-host_find").get_by_role("button")
    find.wait_for()
    actions.settle(page)
    find.click()
    ring = page.locator(".st-key-host_image .scatterlayer .trace").first.locator(".point").first
    ring.wait_for()
    actions.settle(page)
    ring.scroll_into_view_if_needed()
    box = ring.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".st-key-host_image .hoverlayer .hovertext").first.wait_for()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".st-key-host_remove").wait_for()
    assert page.get_by_text("Pan-STARRS1 DR1 (VizieR) II/349/ps1").first.is_visible()
    actions.settle(page)
    page.get_by_role("button", name="Undo").click()
    page.locator(".st-key-host_remove").wait_for(state="detached")


@pytest.fixture
def viewer() -> None:
    """The sky viewer in the cache, where npm gives it."""
    if shutil.which("npm") is None:
        pytest.skip("npm, by which tests fetch the sky viewer, is not installed")
    try:
        viewer_script() or fetch_viewer()
    except FetchError as error:
        pytest.skip(f"the registry of npm does not answer: {error}")


@pytest.mark.slow
def test_the_viewer_shows_the_radio_image_without_a_network(
    server: Server, page: Page, viewer: None
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/inspect_galaxy?data=first&source=first-3&tab=Sky")
    sky = page.locator(".sky[data-ready='first-3']")
    sky.wait_for()
    assert int(sky.get_attribute("data-lines") or 0) >= 1  # contours of this image
    actions.until(page, lambda: any("/Norder" in url for url in asked), "no tile was asked for")
    tiles = [url for url in asked if "/sky-hips/" in url]
    assert any(url.endswith("/properties") for url in tiles) and any("/Norder" in u for u in tiles)
    assert not [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]


@pytest.mark.slow
def test_sky_and_map_share_a_selection(server: Server, page: Page, viewer: None) -> None:
    page.goto(f"{server.url}/latent_map?data=first&beside=sky")
    actions.wait_for_map(page)
    sky = page.locator(".sky[data-ready='all']")
    sky.wait_for()
    assert sky.get_attribute("data-sources") == "2158"
    # From the map to the sky.
    actions.lasso(page, 0.1, 0.1, 0.5, 0.5)
    count = actions.selected_count(page)
    page.wait_for_selector(f".sky[data-chosen='{count}']")
    text = page.locator(".st-key-selection h3").inner_text()
    # From the sky to the map.
    page.locator("button[data-shape=rect]").click()
    page.wait_for_timeout(1_000)  # Aladin takes the pointer
    box = sky.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 30, y - 30)
    page.mouse.down()
    page.mouse.move(x + 30, y + 30, steps=8)
    page.mouse.up()
    page.locator(".st-key-selection h3").filter(has_not_text=text).wait_for()
    now = actions.selected_count(page)
    page.wait_for_selector(f".sky[data-chosen='{now}']")
    assert 0 < now < 2158
