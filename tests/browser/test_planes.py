"""Bands of one source, from the upload to the export and back, in a real browser."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.importing import Source, import_survey
from tests.browser import actions, importing_page
from tests.browser.server import Server
from tests.data.fits_files import cards, noise, primary

if TYPE_CHECKING:
    from playwright.sync_api import Page

BANDS = {"L": 1.4e9, "S": 3e9, "C": 5e9}


def bands_zip(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for k, (band, hertz) in enumerate(BANDS.items()):
            for i in range(4):
                about = {"CRVAL1": 150 + i / 10, "OBSFREQ": hertz, "BMAJ": (5.4 + k) / 3600}
                content = primary(noise((64, 64), 10 * k + i), cards((64, 64), **about))
                archive.writestr(f"{band}/J{i:03d}.fits", content)
    return path


@pytest.mark.slow
def test_bands_of_a_source_are_one_row(
    own_server: Server, page: Page, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing_page.upload(page, own_server.url, bands_zip(tmp_path / "bands.zip"))
    importing_page.choose(page, "The names look like 4 sources with up to 3 images", "name")
    page.get_by_text("C, L, S of 4 source(s) (by folder)").wait_for()
    importing_page.start_import(page, "bands")
    importing_page.wait_for_survey(page, home, "bands")
    stored = Catalogue.open(home / "surveys" / "bands")
    assert stored.planes == ("C", "L", "S")
    assert stored.of_plane("S").info_of(0).frequency == 3.0

    page.goto(f"{own_server.url}/inspect_galaxy?data=bands&plane=L")
    choice = page.locator(".st-key-inspect_plane")
    choice.wait_for()
    actions.settle(page)
    assert "1.4 GHz" in importing_page.page_text(page)
    choice.get_by_text("S", exact=True).click()
    importing_page.main_of(page).get_by_text("3 GHz").first.wait_for()
    page.wait_for_url("**plane=S**")
    actions.settle(page)
    choice.get_by_text("RGB", exact=True).click()
    importing_page.main_of(page).get_by_text("Red L, green S, blue C").wait_for()

    actions.settle(page)
    page.get_by_role("button", name="Export").first.click()
    actions.settle(page)
    with page.expect_download(timeout=importing_page.SLOW) as download:
        page.get_by_role("button", name="FITS, one file").first.click()
    path = tmp_path / "export.fits"
    download.value.save_as(path)
    monkeypatch.setitem(os.environ, "RADIOVIZ_HOME", str(tmp_path / "home"))
    again = import_survey(Source(path), {"key": "again", "raw": "yes"}).catalogue
    assert again is not None and again.planes == stored.planes
    row = stored.rows_of(again.table["source_id"].tolist())
    np.testing.assert_array_equal(again.cube, stored.cube[row])
