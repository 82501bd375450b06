"""Every kind of survey through the upload widget of a real browser, hostile ones too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tests.browser import actions, importing_page
from tests.browser.server import Server
from tests.data.fits_files import cards, noise, primary, write

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = '<img src=x onerror="window.hurt=1"><b>Σ é</b>'


def report(home: Path, key: str) -> pd.DataFrame:
    return pd.read_parquet(home / "surveys" / key / "report.parquet").set_index("file")


def table_of(home: Path, key: str) -> pd.DataFrame:
    return pd.read_parquet(home / "surveys" / key / "table.parquet")


@pytest.mark.slow
def test_archives_are_read_without_what_wants_out(
    own_server: Server, page: Page, home: Path, tmp_path: Path
) -> None:
    importing_page.upload(page, own_server.url, importing_page.hostile_zip(tmp_path / "survey.zip"))
    assert "64 x 64 pixels" in importing_page.page_text(page)
    importing_page.start_import(page, "zipped")
    importing_page.wait_for_survey(page, home, "zipped")
    found = report(home, "zipped")
    assert (found["status"] == "read").sum() == 3
    assert set(found.loc[found["status"] == "refused", "reason"]) >= {"absolute path", "a link"}
    importing_page.says(page, "3 read, 5 refused")

    importing_page.upload(
        page, own_server.url, importing_page.hostile_tar(tmp_path / "survey.tar.gz")
    )
    importing_page.start_import(page, "tarred")
    importing_page.wait_for_survey(page, home, "tarred")
    assert (report(home, "tarred")["status"] == "read").sum() == 2

    importing_page.upload(page, own_server.url, importing_page.many_entries(tmp_path / "many.zip"))
    assert "ZIP" in page.get_by_test_id("stAlertContentError").inner_text()
    assert not list(home.parent.glob("up.fits"))


@pytest.mark.slow
def test_bad_images_are_refused_one_by_one(
    own_server: Server, page: Page, home: Path, tmp_path: Path
) -> None:
    """Every kind of bad FITS among good ones: the good ones come, the others are named."""
    good = importing_page.cutouts(tmp_path / "images", 4)
    turned = cards((64, 64), CRVAL1=151.0, CROTA2=30.0)
    good.append(write(tmp_path / "images/turned.fits", primary(noise((64, 64)), turned)))
    good.append(
        write(tmp_path / "images/four.fits", primary(noise((1, 1, 64, 64)), cards((64, 64))))
    )
    unitless = primary(noise((64, 64)), cards((64, 64), BUNIT=None))
    good.append(write(tmp_path / "images/unitless.fits", unitless))
    bad = importing_page.bad_images(tmp_path / "bad")
    importing_page.upload(page, own_server.url, *good, *bad)
    importing_page.start_import(page, "mixed")
    importing_page.wait_for_survey(page, home, "mixed")
    found = report(home, "mixed")
    assert set(found.index[found["status"] == "read"]) == {path.name for path in good}
    assert set(found.index[found["status"] == "refused"]) == {path.name for path in bad}
    assert found.loc["nan.fits", "reason"].count("NaN")
    assert "no unit" in found.loc["unitless.fits", "reason"]
    assert len(table_of(home, "mixed")) == len(good)
    importing_page.says(page, f"{len(good)} read, {len(bad)} refused")
    assert page.get_by_test_id("stException").count() == 0


def test_a_batch_that_acts_is_never_run(own_server: Server, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "data_batch_1"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "hurt").encode() + b"'\ntR.")
    importing_page.upload(page, own_server.url, path)
    assert page.get_by_test_id("stAlertContentError").inner_text()
    assert not page.locator(".st-key-import_start").count()
    assert not (tmp_path / "hurt").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "vot"])
def test_tables_with_images(
    own_server: Server, page: Page, home: Path, tmp_path: Path, kind: str
) -> None:
    """A table of each kind; a masked row, names in other alphabets and with HTML in them."""
    from astropy.table import MaskedColumn, Table

    files = importing_page.cutouts(tmp_path / "images", 4)
    ra = MaskedColumn([150.0, 150.1, 150.2, 150.3], mask=[False, False, True, False], unit="deg")
    table = Table(
        {
            "Name": [HOSTILE, "Ωμέγα", "masked", "=1+1"],
            "RAJ2000": ra,
            "DEJ2000": [35.0, 35.0, 35.0, 35.0],
            "file": [f.name for f in files[:3]] + ["absent.fits"],
            "LAS": [30.0, 40.0, 50.0, 60.0],
        },
        units={"DEJ2000": "deg", "LAS": "arcsec"},
    )
    path = tmp_path / f"list.{kind}"
    if kind == "csv":
        table.to_pandas().to_csv(path, index=False)
    else:
        table.write(path, format="votable")
    importing_page.upload(page, own_server.url, *files, path)
    assert "images that a table names" in importing_page.page_text(page), importing_page.page_text(
        page
    )
    if page.get_by_text("has no unit: which is it?").count():
        importing_page.choose(page, "has no unit: which is it?", "arcsec")
    key = f"listed-{kind}"
    importing_page.start_import(page, key)
    importing_page.wait_for_survey(page, home, key)
    found = report(home, key)
    assert (found["status"] == "read").sum() == 3, found
    assert found.loc["absent.fits", "status"] == "refused"
    rows = table_of(home, key)
    assert "onerror" in rows["name"].iat[0]
    # The image tells the position that the table masks.
    assert np.isclose(rows["ra"].iat[2], 150.2, atol=0.01)
    page.goto(f"{own_server.url}/inspect_galaxy?data={key}")
    page.locator("h1").first.wait_for()
    actions.settle(page)
    assert "<img" in page.locator("h1").first.inner_text()
    assert page.evaluate("window.hurt") is None, "a name was run"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hdf5", "zarr.zip"])
def test_cubes_with_a_table(
    own_server: Server, page: Page, home: Path, tmp_path: Path, kind: str
) -> None:
    stack = importing_page.stack()
    path = tmp_path / f"stack.{kind}"
    if kind == "hdf5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["images"] = stack
    else:
        zarr = pytest.importorskip("zarr")
        store = zarr.storage.ZipStore(path, mode="w")
        zarr.create_array(store, data=stack)
        store.close()
    table = tmp_path / "stack.csv"
    rows = "".join(f"g{i},{110 + i},{20 + i}\n" for i in range(len(stack)))
    table.write_text("name,ra,dec\n" + rows)
    importing_page.upload(page, own_server.url, path, table)
    assert "how many arcsec is a pixel" in importing_page.page_text(page), importing_page.page_text(
        page
    )
    importing_page.answer(page, "how many arcsec is a pixel", "1.8")
    key = kind.replace(".", "-")
    importing_page.start_import(page, key)
    importing_page.wait_for_survey(page, home, key)
    assert json.loads((home / "surveys" / key / "catalogue.json").read_text())["n"] == len(stack)


@pytest.mark.slow
def test_a_mosaic_with_a_source_outside(
    own_server: Server, page: Page, home: Path, tmp_path: Path
) -> None:
    header = cards((400, 400), BMAJ=5.4 / 3600, BMIN=5.4 / 3600, BPA=0.0)
    mosaic, sources = tmp_path / "mosaic.fits", tmp_path / "sources.csv"
    mosaic.write_bytes(primary(noise((400, 400)), header))
    sources.write_text("name,ra,dec\nin,150.0,35.0\nout,10.0,-35.0\n")
    importing_page.upload(page, own_server.url, mosaic, sources)
    assert "a mosaic with a source list" in importing_page.page_text(page)
    importing_page.start_import(page, "mosaic")
    importing_page.wait_for_survey(page, home, "mosaic")
    assert len(table_of(home, "mosaic")) == 1
    importing_page.says(page, "1 read, 1 refused")


@pytest.mark.slow
def test_a_folder_with_folders_in_it(
    own_server: Server, page: Page, home: Path, tmp_path: Path
) -> None:
    """Chosen as a folder in the browser: FITS in two folders of the same names, and a zarr."""
    importing_page.cutouts(tmp_path / "survey" / "a", 2)
    importing_page.cutouts(tmp_path / "survey" / "b", 2)
    choose_folder(page, own_server.url, tmp_path / "survey")
    importing_page.start_import(page, "folders")
    importing_page.wait_for_survey(page, home, "folders")
    assert len(table_of(home, "folders")) == 4

    zarr = pytest.importorskip("zarr")
    for version in (2, 3):
        array = tmp_path / f"stack{version}.zarr"
        zarr.create_array(array, data=importing_page.stack(), zarr_format=version)
        choose_folder(page, own_server.url, array)
        assert "a cube of images" in importing_page.page_text(page), importing_page.page_text(page)


def choose_folder(page: Page, url: str, folder: Path) -> None:
    page.goto(url + "/your_data")
    actions.settle(page)
    page.get_by_test_id("stButtonGroup").get_by_text("Folder").click()
    importing_page.main_of(page).get_by_text("A folder with all files in it").wait_for()
    actions.settle(page)
    importing_page.main_of(page).locator("input[type=file]").set_input_files(folder)
    importing_page.main_of(page).get_by_text("received").wait_for()
    importing_page.wait_for_inspection(page)
