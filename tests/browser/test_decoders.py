"""Grid walk and Generate in a real browser: click to cell, path, batch, files."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits

from radioviz.encode import Encoder, Generator
from tests.browser import actions
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLANE = ".st-key-walk_plane_panel .plane"


def open_plane(page: Page, url: str, query: str = "") -> dict[str, float]:
    """Open the Grid walk and wait for the plane; where it is on the page."""
    page.goto(f"{url}/grid_walk{query}")
    page.wait_for_selector(".st-key-walk_plane_panel .whole[data-points]")
    actions.settle(page)
    box = page.locator(PLANE).bounding_box()
    assert box is not None
    return dict(box)


def centre_of(box: dict[str, float], a: float, b: float) -> tuple[float, float]:
    """Where a place of the default plane is on the page."""
    return (
        box["x"] + (a + 4.2) / 8.4 * box["width"],
        box["y"] + (4.2 - b) / 8.4 * box["height"],
    )


def test_click_a_cell_walk_on_and_export_it(decoding_server: Server, page: Page) -> None:
    box = open_plane(page, decoding_server.url)
    page.mouse.click(*centre_of(box, 3.2, 3.2))  # far from any galaxy
    page.get_by_text("Decoded at (3.2, 3.2)").wait_for()
    actions.settle(page)
    page.wait_for_timeout(1000)  # the plane takes keys once it is drawn again
    page.keyboard.press("ArrowDown")
    page.get_by_text("Decoded at (3.2, 2.8)").wait_for()
    actions.settle(page)
    page.get_by_role("tab", name="Export").click()
    written = actions.download(page, "walk_place_fits")
    with warnings.catch_warnings(), fits.open(io.BytesIO(written)) as hdus:
        warnings.simplefilter("error")
        assert hdus[0].header["SIMULAT"] is True
        z = np.asarray(hdus["SIMULATED"].data["latent"], np.float32)
        np.testing.assert_allclose(z, [[3.2, 2.8]], atol=1e-6)
        image = hdus[0].data.astype(np.float32)
    # The server may use more threads than this process; the last bits may differ for it.
    np.testing.assert_allclose(image, Encoder.load("vae2").decode(z, batch=1)[0], atol=1e-6)


def test_keys_pressed_faster_than_the_page_follows_are_all_taken(
    decoding_server: Server, page: Page
) -> None:
    box = open_plane(page, decoding_server.url)
    page.mouse.click(*centre_of(box, 3.2, 3.2))
    page.get_by_text("Decoded at (3.2, 3.2)").wait_for()
    for wait in (0, 0, 300, 0, 150, 0):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(wait)
    page.get_by_text("Decoded at (3.2, 0.8)").wait_for()
    actions.settle(page)
    page.keyboard.press("ArrowUp")
    page.get_by_text("Decoded at (3.2, 1.2)").wait_for()


def test_shift_and_click_lead_a_path(decoding_server: Server, page: Page) -> None:
    box = open_plane(page, decoding_server.url, "?a=2.8&b=-2.8")
    page.keyboard.down("Shift")
    page.mouse.click(*centre_of(box, 3.6, 3.6))
    page.keyboard.up("Shift")
    page.get_by_text("Decoded at (3.6, 3.6)").wait_for()
    actions.settle(page)
    page.get_by_role("tab", name="Path").click()
    page.get_by_alt_text("The path as an animation").wait_for()
    actions.settle(page)
    assert page.locator(".st-key-walk_strip .cell").count() == 16
    assert page.locator(".st-key-walk_strip .mark").first.inner_text() == "SYNTHETIC"
    assert actions.download(page, "walk_gif").startswith(b"GIF8")
    assert actions.download(page, "walk_apng").startswith(b"\x89PNG")
    with fits.open(io.BytesIO(actions.download(page, "walk_path_fits"))) as hdus:
        assert len([h for h in hdus if h.is_image]) == 16


def test_a_galaxy_on_the_plane_is_opened(decoding_server: Server, page: Page) -> None:
    open_plane(page, decoding_server.url, "?galaxy=first/first-100")
    page.get_by_text("encoded at").wait_for()
    actions.settle(page)
    page.locator(".st-key-walk_nearest .cell .open").first.click()
    page.wait_for_function("() => !location.search.includes('first-100&')")
    page.get_by_text("encoded at").wait_for()
    actions.settle(page)
    page.locator(".st-key-walk_inspect button").click()
    page.get_by_text("Class as published").wait_for()


def test_generate_pick_and_export(decoding_server: Server, page: Page) -> None:
    page.goto(f"{decoding_server.url}/generate?model=vae32&n=12&seed=4")
    cells = page.locator(".st-key-generate_gallery .cell")
    cells.first.wait_for()
    actions.settle(page)
    assert cells.count() == 12
    assert {m.inner_text() for m in page.locator(".st-key-generate_gallery .mark").all()} == {
        "SYNTHETIC"
    }
    cells.nth(7).locator(".open").click()
    page.get_by_text("Number 7 of seed 4").wait_for()
    actions.settle(page)
    cells.nth(7).hover()
    cells.nth(7).locator(".tray").click()
    actions.settle(page)
    page.get_by_role("tab", name="Export").click()
    page.get_by_text("the 1 picked").wait_for()
    with fits.open(io.BytesIO(actions.download(page, "generate_fits"))) as hdus:
        header = hdus[0].header
        assert (header["SEED"], header["INDEX"], header["MODEL"]) == (4, 7, "vae32")
        again = Generator.load("vae32").again(header)
        np.testing.assert_allclose(again.images[0], hdus[0].data, atol=1e-6)
    page.get_by_role("tab", name="Memorisation check").click()
    page.get_by_text(re.compile("Not a copy")).wait_for()
    actions.settle(page)
    page.locator(".st-key-generate_similar button").click()
    page.get_by_text(re.compile("Generated by VAE, 32")).first.wait_for()


@pytest.mark.parametrize(
    ("path", "theme"),
    [
        ("grid_walk?decoder=vae32&overlay=las", "light"),
        ("grid_walk?overlay=flux&overlay_as=colours&show=", "dark"),
        ("grid_walk?reach=9&step=0.1", "light"),
        ("generate?model=vae2&n=3", "dark"),
        ("generate?model=vae32&mode=around", "light"),
    ],
)
def test_pages_draw_without_a_traceback(
    decoding_server: Server, page: Page, path: str, theme: str
) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.goto(f"{decoding_server.url}/{path}")
    page.locator("h1").first.wait_for()
    actions.settle(page)
    assert page.get_by_test_id("stException").count() == 0
    errors = page.get_by_test_id("stAlertContentError")
    assert errors.count() == (1 if "step=0.1" in path else 0)
