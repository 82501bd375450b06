"""Real galaxies to FITS in one sitting: server, map, lasso, gallery, export, read back."""

from __future__ import annotations

import io
import warnings
import zipfile
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.data.registry import open_data_set
from tests.browser import actions
from tests.browser.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_lasso_to_fits(app_server: Server, page: Page) -> None:
    actions.open_map(page, app_server.url)
    actions.lasso(page, 0.25, 0.25, 0.6, 0.6)
    actions.pictures(page).first.wait_for()
    count = actions.selected_count(page)
    assert 20 < count < 2158

    page.locator(".st-key-brush_export button").first.click()
    written = actions.download(page, "brush_fits")
    catalogue = open_data_set("first")
    with warnings.catch_warnings(), fits.open(io.BytesIO(written)) as hdus:
        warnings.simplefilter("error")
        table = hdus["SOURCES"].data
        images = [hdu for hdu in hdus if hdu.is_image and hdu.header["NAXIS"] == 2]
        assert len(table) == len(images) == count
        ids = [str(s) for s in table["source_id"]]
        assert len(set(ids)) == count
        for hdu, source_id in ((images[0], ids[0]), (images[-1], ids[-1])):
            source = int(catalogue.rows_of([source_id])[0])
            np.testing.assert_array_equal(hdu.data, catalogue.images[source])
            wcs = WCS(hdu.header)
            assert [axis.split("-")[0] for axis in wcs.wcs.ctype] == ["RA", "DEC"]
            x, y = wcs.world_to_pixel(catalogue.positions[source])
            # The source lies within a few pixels of the middle of its own cutout.
            assert abs(x - 149.5) < 5
            assert abs(y - 149.5) < 5

    packed = actions.download(page, "brush_zip")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert sum(n.endswith(".fits") for n in archive.namelist()) == count
    assert actions.download(page, "brush_votable").lstrip().startswith(b"<?xml")
    assert len(actions.download(page, "brush_csv").splitlines()) >= count + 1
    assert not app_server.maps("libtorch"), "looking and exporting loaded torch"


def test_selection_travels_between_pages(app_server: Server, page: Page) -> None:
    actions.open_map(page, app_server.url)
    actions.lasso(page, 0.3, 0.3, 0.5, 0.5)
    count = actions.selected_count(page)
    page.locator(".st-key-brush_to_tray button").click()
    page.get_by_text(f"Selection tray · {count:,}").wait_for()
    actions.settle(page)
    page.get_by_role("link", name="Inspect").click()
    page.get_by_text(f"Selection tray · {count:,}").wait_for()


def test_click_shows_the_galaxy(app_server: Server, page: Page) -> None:
    actions.open_map(page, app_server.url)
    x, y = actions.place_of(page, 1000)
    page.mouse.move(x, y)
    page.wait_for_timeout(200)
    page.mouse.click(x, y)
    page.locator(".st-key-detail_inspect button").wait_for()
    actions.settle(page)
    name = page.locator(".st-key-detail").inner_text()
    assert "J" in name
    page.locator(".st-key-detail_inspect button").click()
    page.get_by_text("Class as published").wait_for()
    assert not app_server.maps("libtorch")


def test_one_press_of_back_undoes_a_change_of_the_address(app_server: Server, page: Page) -> None:
    page.goto(f"{app_server.url}/latent_map?colour=label")
    actions.wait_for_map(page)
    actions.settle(page)
    page.wait_for_url("**/latent_map?*data=first*")  # the page adds what the link left out
    legend = page.locator(f"{actions.MAP} .rv-legend button")
    legend.first.wait_for()
    actions.settle(page)
    page.locator(".st-key-colour").get_by_role("combobox").click()
    page.get_by_role("option", name="Redshift").click()
    page.wait_for_url("**colour=redshift*")
    legend.first.wait_for(state="hidden")
    actions.settle(page)
    page.go_back()
    page.wait_for_url("**colour=label*")
    legend.first.wait_for()


def test_one_press_of_back_leaves_a_page(app_server: Server, page: Page) -> None:
    """What a page adds to its address when it is opened is no step of the history."""
    page.goto(f"{app_server.url}/latent_map")
    actions.wait_for_map(page)
    page.wait_for_url("**/latent_map?*data=first*")
    for name in ("Grid walk", "Generate", "Similar", "Inspect", "Table"):
        actions.settle(page)
        page.locator("[data-testid=stSidebarNav] a").filter(has_text=name).first.click()
        page.wait_for_url(
            lambda url: ("latent_map" not in url and "data=" in url) or "model=" in url
        )
        actions.settle(page)
        page.go_back()
        page.wait_for_url("**/latent_map?*")
        actions.wait_for_map(page)
