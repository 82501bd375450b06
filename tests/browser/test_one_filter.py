"""One filter, set once: every page and every exported file holds what pandas answers."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import parse_single_table
from PIL import Image

from radioviz.data.registry import open_data_set
from radioviz.export import Group
from radioviz.paths import user_data_folder
from radioviz.ui.session_workspace import FILE
from radioviz.workspace.history import SavedWorkspaces, new_identifier
from tests.browser import actions
from tests.export.written import contact_sheet_png

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.server import Server

FILTER = 'label == "Bent" and las > 80 and redshift < 0.2'


def expected() -> pd.DataFrame:
    t = open_data_set("first").table
    return t[(t.label == "Bent") & (t.las > 80) & (t.redshift < 0.2)]


def in_gallery(page: Page, key: str, number: int) -> list[str]:
    """Sources of a gallery, once it shows that many."""
    page.wait_for_function(
        "([key, n]) => document.querySelectorAll(`.st-key-${key} .cell`).length === n || "
        "[...document.querySelectorAll(`.st-key-${key} *`)].some((e) => e.shadowRoot && "
        "e.shadowRoot.querySelectorAll('.cell').length === n)",
        arg=[key, number],
    )
    actions.settle(page)
    found = page.locator(f".st-key-{key} .cell .open")
    return [str(found.nth(i).get_attribute("data-source")) for i in range(found.count())]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_filter_everywhere(app_server: Server, page: Page) -> None:
    wanted = expected()
    ids, one = wanted["source_id"].tolist(), new_identifier()
    assert 5 <= len(ids) <= 24
    saved = SavedWorkspaces(user_data_folder() / FILE)
    everything = open_data_set("first").table["source_id"].tolist()
    saved.change(one, "tray", [["first", everything[::-1]]], "add all")
    saved.change(one, "charts", [{"kind": "sky"}, {"kind": "histogram", "x": "las"}], "charts")
    link = f"data=first&encoder=vae32&workspace={one}"

    page.goto(f"{app_server.url}/table?{link}")
    page.get_by_text("2,158 galaxies").first.wait_for()
    actions.settle(page)
    box = page.locator(".st-key-filter_text textarea")
    box.fill(FILTER)
    box.press("Control+Enter")
    page.get_by_text(f"{len(ids)} of 2,158 galaxies pass").wait_for()
    actions.settle(page)

    # The table: all that it lists, selected, and the file of it.
    page.locator(".st-key-table_select button").first.click()
    actions.settle(page)
    page.locator(".st-key-table_export button").first.click()
    listed = pd.read_csv(io.BytesIO(actions.download(page, "table_export_csv")))
    assert listed["source_id"].tolist() == ids
    page.keyboard.press("Escape")

    # The charts.
    actions.settle(page)
    page.get_by_role("tab", name="Charts").click()
    sky = pd.read_csv(io.BytesIO(actions.download(page, "chart_csv_0")))
    assert sky["source_id"].tolist() == ids
    np.testing.assert_allclose(sky["ra"], wanted["ra"])
    counts = pd.read_csv(io.BytesIO(actions.download(page, "chart_csv_1")))
    np.testing.assert_array_equal(
        counts["galaxies"],
        np.histogram(wanted["las"], [*counts["from"], counts["to"].iloc[-1]])[0],
    )

    # The nine files of the tray, which holds every galaxy.
    page.locator(".st-key-tray_export button").first.click()
    actions.settle(page)
    files = {
        kind: actions.download(page, f"tray_{kind}")
        for kind in ("fits", "zip", "cube", "votable", "table", "parquet", "csv", "png", "reg")
    }
    backwards = ids[::-1]  # the order of the tray
    for kind in ("fits", "cube", "table"):
        with fits.open(io.BytesIO(files[kind])) as hdus:
            assert [str(s).strip() for s in hdus["SOURCES"].data["source_id"]] == backwards, kind
            images = [h for h in hdus if h.is_image and h.data is not None]
            planes = sum(1 if h.data.ndim == 2 else len(h.data) for h in images)
            assert planes == (0 if kind == "table" else len(ids)), kind
    with zipfile.ZipFile(io.BytesIO(files["zip"])) as archive:
        inside = pd.read_csv(archive.open("sources.csv"))
        assert inside["source_id"].tolist() == backwards
        assert sum(name.endswith(".fits") for name in archive.namelist()) == len(ids)
    votable = parse_single_table(io.BytesIO(files["votable"])).to_table()
    assert [str(s) for s in votable["source_id"]] == backwards
    parquet = pq.read_table(io.BytesIO(files["parquet"])).to_pandas()
    assert parquet["source_id"].tolist() == backwards
    assert pd.read_csv(io.BytesIO(files["csv"]))["source_id"].tolist() == backwards
    catalogue = open_data_set("first")
    group = Group(catalogue, catalogue.rows_of(backwards))
    sheets = (Image.open(io.BytesIO(png)) for png in (files["png"], contact_sheet_png([group])))
    np.testing.assert_array_equal(*map(np.asarray, sheets))
    places = re.findall(r"circle\(([-\d.]+),([-\d.]+),", files["reg"].decode())
    np.testing.assert_allclose(
        np.array(places, float), wanted[["ra", "dec"]].to_numpy()[::-1], atol=1e-6
    )

    # The map and its gallery: every point that can be lassoed.
    page.goto(f"{app_server.url}/latent_map?{link}")
    actions.wait_for_map(page)
    page.get_by_text(f"{2158 - len(ids):,} of 2,158 points do not pass the filter").wait_for()
    actions.settle(page)
    page.locator(".st-key-brush_clear button").first.click()
    page.locator(".st-key-selection").wait_for(state="detached")
    actions.lasso(page, 0.005, 0.005, 0.995, 0.995)
    assert actions.selected_count(page) == len(ids)
    assert set(in_gallery(page, "gallery", len(ids))) == set(ids)

    # Similar: of all galaxies, those that pass, but the query and its repeats on the sky.
    page.goto(f"{app_server.url}/similar?source=first/{ids[0]}&{link}")
    assert set(in_gallery(page, "similar_gallery", len(ids) - 1)) == set(ids[1:])

    page.goto(f"{app_server.url}/likelihood?{link}")
    assert set(in_gallery(page, "likelihood_gallery", len(ids))) == set(ids)
