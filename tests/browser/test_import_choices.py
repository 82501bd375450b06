"""Which image, plane or table of files with several: asked for on the page, and the answer used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tests.browser import actions, importing_page
from tests.browser.server import Server
from tests.importing.test_chosen_images import IMAGE, IQUV, N, cube, extensions, source_of
from tests.importing.test_which_table import _images, _lists

if TYPE_CHECKING:
    from playwright.sync_api import Page


def give(page: Page, url: str, kind: str, folder: Path, *more: Path) -> None:
    """Upload a file, the files of a folder, or an archive."""
    if kind != "folder":
        importing_page.upload(page, url, folder, *more)
        return
    page.goto(url + "/your_data")
    actions.settle(page)
    page.get_by_text("Folder", exact=True).click()
    box = importing_page.main_of(page).locator("input[type=file][webkitdirectory]")
    box.wait_for(state="attached")
    actions.settle(page)
    box.set_input_files(folder)
    importing_page.main_of(page).get_by_text("received").wait_for()
    importing_page.wait_for_inspection(page)


def finish(page: Page, home: Path, kind: str, key: str) -> float:
    """Answer what is open, import, and give the brightness over that of the first plane."""
    importing_page.main_of(page).get_by_text("Override header values").click()
    actions.settle(page)
    if kind == "mosaic":
        importing_page.answer(page, "Side of the stored images", str(N))
    importing_page.start_import(page, key)
    importing_page.wait_for_survey(page, home, key)
    image = np.load(home / "surveys" / key / "images.npy")[0]
    ny, nx = image.shape
    y, x = (ny - N) // 2, (nx - N) // 2
    inside = image[max(y, 0) : ny - max(y, 0), max(x, 0) : nx - max(x, 0)]
    whole = IMAGE[max(-y, 0) : N - max(-y, 0), max(-x, 0) : N - max(-x, 0)]
    return float(np.nanmedian(inside / whole))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "mosaic"])
def test_extension(own_server: Server, page: Page, home: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / "e").mkdir()
    source, _ = source_of(kind, extensions(), tmp_path / "e")
    more = [source.table] if source.table else []
    give(page, own_server.url, kind, source.path, *more)
    importing_page.choose(page, "holds 3 images", "ERR")
    importing_page.main_of(page).get_by_text("ERR (given)").wait_for()
    assert finish(page, home, kind, f"ext-{kind}") == pytest.approx(0.1, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "mosaic"])
def test_plane(own_server: Server, page: Page, home: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / "p").mkdir()
    source, _ = source_of(kind, cube((1, 0.25, 0.05, -2), IQUV), tmp_path / "p")
    more = [source.table] if source.table else []
    give(page, own_server.url, kind, source.path, *more)
    importing_page.main_of(page).get_by_text("I (by its axis)").wait_for()
    importing_page.choose(page, "is a cube", "Q")
    importing_page.main_of(page).get_by_text("Q (given)").wait_for()
    assert finish(page, home, kind, f"plane-{kind}") == pytest.approx(0.25, rel=1e-3)


@pytest.mark.slow
def test_table(own_server: Server, page: Page, home: Path, tmp_path: Path) -> None:
    images = _images(tmp_path / "images")
    table = _lists(tmp_path / "lists.fits", ra=[150.0, 151.0], dec=[2.0, 3.0])
    importing_page.upload(page, own_server.url, *sorted(images.iterdir()), table)
    importing_page.choose(page, "holds 2 tables", "B")
    importing_page.main_of(page).get_by_text("'B' of 2").wait_for()
    importing_page.start_import(page, "tables")
    importing_page.wait_for_survey(page, home, "tables")
    stored = pd.read_parquet(home / "surveys/tables/table.parquet")
    assert stored["name"].tolist() == ["B1", "B2"]
