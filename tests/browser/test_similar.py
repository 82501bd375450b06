"""From a galaxy to its like, from a result on, and from a file to results, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from radioviz.data.registry import open_data_set
from tests.browser import actions
from tests.browser.server import Server
from tests.similarity.test_query_image import fits_bytes, wcs_cards

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

RESULTS = ".st-key-similar_gallery .cell"


def results(page: Page, number: int = 24) -> Locator:
    """The results, once that many are on the page."""
    cells = page.locator(RESULTS)
    cells.nth(number - 1).wait_for()
    actions.settle(page)
    return cells


def test_search_from_a_galaxy_and_on_from_a_result(new_server: Server, page: Page) -> None:
    page.goto(f"{new_server.url}/similar?source=first/first-10&encoder=vae32")
    cells = results(page)
    assert page.locator(f'{RESULTS} .open[data-source="first-10"]').count() == 0
    best = cells.first.locator(".open").get_attribute("data-source")
    cells.first.locator(".open").click()
    page.locator(".st-key-similar_again button").first.wait_for()
    actions.settle(page)
    page.locator(".st-key-similar_again button").first.click()
    page.wait_for_url(f"**source=first*{best}*")
    results(page)
    assert page.locator(f'{RESULTS} .open[data-source="{best}"]').count() == 0
    page.locator(".st-key-similar_to_tray button").first.click()
    page.get_by_text("Selection tray · 24").wait_for()
    actions.settle(page)
    page.locator(".st-key-similar_to_map button").first.click()
    page.get_by_text("24 of 2,158 galaxies selected").wait_for()
    assert not new_server.maps("libtorch"), "searching the catalogue loaded torch"


def test_upload_to_results(app_server: Server, page: Page) -> None:
    image = open_data_set("first").images[40].astype(np.float32)
    page.goto(f"{app_server.url}/similar?encoder=vae32")
    actions.settle(page)
    page.locator(".st-key-similar_kind").get_by_text("File", exact=True).click()
    actions.settle(page)
    page.locator(".st-key-similar_file input[type=file]").set_input_files(
        {"name": "<i>up</i>.fits", "mimeType": "application/fits",
         "buffer": fits_bytes(image, wcs_cards(1.8, 300))}
    )  # fmt: skip
    cells = results(page)
    found = open_data_set("first").table["source_id"].iat[40]
    assert cells.first.locator(".open").get_attribute("data-source") == found
    assert page.get_by_text("<i>up</i>.fits, as the encoder sees it").count() == 1
    page.locator(".st-key-similar_file input[type=file]").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no image " * 20}
    )
    page.get_by_text("is not a FITS file").wait_for()


def test_page_opens_without_an_error(app_server: Server, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{app_server.url}/similar")
    page.get_by_text("upload an image").wait_for()
    actions.settle(page)
    page.locator(".st-key-similar_examples button").first.click()
    actions.settle(page)
    page.get_by_text("Fig. 8").click()
    results(page)
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlertContentError").count() == 0
