"""Leaving with files: every format, the session file in another browser, SAMP to and fro."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from radioviz.data.registry import open_data_set
from tests.browser import actions
from tests.browser.server import Server, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def lassoed(page: Page, url: str, query: str = "") -> int:
    """Open the map, lasso some; how many."""
    page.goto(f"{url}/latent_map{query}")
    actions.wait_for_map(page)
    actions.lasso(page, 0.4, 0.4, 0.55, 0.55)
    return actions.selected_count(page)


def test_every_format_is_downloaded_and_read_back(app_server: Server, page: Page) -> None:
    count = lassoed(page, app_server.url)
    assert 3 <= count <= 500
    page.locator(".st-key-brush_export button").first.click()
    got = {
        kind: actions.download(page, f"brush_{kind}")
        for kind in ("fits", "zip", "cube", "votable", "table", "parquet", "csv", "png", "reg")
    }
    catalogue = open_data_set("first")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(io.BytesIO(got["fits"])) as hdus:
            table = hdus["SOURCES"].data
            ids = [str(s) for s in table["source_id"]]
            assert len(set(ids)) == count
            row = int(catalogue.rows_of([ids[0]])[0])
            image = next(h for h in hdus if h.is_image and h.header["NAXIS"] == 2)
            np.testing.assert_array_equal(image.data, catalogue.images[row])
        with fits.open(io.BytesIO(got["cube"])) as hdus:
            assert hdus[0].data.shape == (count, 300, 300)
        with zipfile.ZipFile(io.BytesIO(got["zip"])) as archive:
            assert sum(n.endswith(".fits") for n in archive.namelist()) >= count
            assert archive.testzip() is None
        with fits.open(io.BytesIO(got["table"])) as hdus:
            assert [str(s) for s in hdus[1].data["source_id"]] == ids
            assert "pos.eq.ra" in repr(hdus[1].header)
        from astropy.io.votable import parse_single_table

        votable = parse_single_table(io.BytesIO(got["votable"]))
        fields = {f.name: f for f in votable.fields}
        assert fields["ra"].ucd.startswith("pos.eq.ra")
        assert str(fields["ra"].unit) == "deg"
        assert len(votable.array) == count
    parquet = pd.read_parquet(io.BytesIO(got["parquet"]))
    assert list(parquet["source_id"]) == ids
    text = [line for line in got["csv"].decode().splitlines() if not line.startswith("#")]
    assert list(pd.read_csv(io.StringIO("\n".join(text)))["source_id"]) == ids
    assert got["png"].startswith(b"\x89PNG")
    regions = [n for n in got["reg"].decode().splitlines() if n.startswith(("circle", "point"))]
    assert len(regions) == count


def test_a_session_file_opens_in_another_browser(
    app_server: Server, browser: Browser, tmp_path: Path
) -> None:
    contexts = [
        browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
        for _ in range(2)
    ]
    first, second = (c.new_page() for c in contexts)
    count = lassoed(first, app_server.url, "?encoder=vae32&layout=pca")
    first.get_by_role("button", name="Add all to tray").click()
    first.get_by_text(f"Selection tray · {count:,}").wait_for()
    actions.settle(first)
    saved = tmp_path / "selection.radioviz"
    saved.write_bytes(actions.download(first, "tray_save"))

    second.goto(app_server.url)
    second.get_by_text("Selection tray · 0").wait_for()
    actions.settle(second)
    second.get_by_text("Load a saved selection").click()
    second.locator(".st-key-tray_load input[type=file]").set_input_files(saved)
    second.get_by_text(f"Selection tray · {count:,}").wait_for()
    actions.settle(second)
    second.get_by_role("button", name="Open its view").click()
    actions.wait_for_map(second)
    actions.settle(second)
    for part in ("encoder=vae32", "layout=pca"):
        assert part in second.url, second.url
    second.get_by_text(f"Selection tray · {count:,}").wait_for()

    # A file of somebody with other surveys: what is missing is said, the rest is taken.
    other = saved.read_text().replace('"data_set": "first"', '"data_set": "theirs"', 1)
    saved.with_name("theirs.radioviz").write_text(other)
    third = contexts[1].new_page()
    third.goto(app_server.url)
    third.get_by_text("Selection tray · 0").wait_for()
    actions.settle(third)
    third.get_by_text("Load a saved selection").click()
    third.locator(".st-key-tray_load input[type=file]").set_input_files(
        saved.with_name("theirs.radioviz")
    )
    third.get_by_text("data set 'theirs' is not installed").wait_for()
    third.get_by_text(f"Selection tray · {count - 1:,}").wait_for()
    for context in contexts:
        context.close()


# -- SAMP --------------------------------------------------------------------------------------


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A hub that only this test and its server know."""
    from pyvo import samp

    lock = f"std-lockurl:{(tmp_path / 'samp').as_uri()}"
    monkeypatch.setenv("SAMP_HUB", lock)
    with samp.conf.set_temp("use_internet", False):
        hub = samp.SAMPHubServer(web_profile=False, addr="127.0.0.1", pool_size=8)
        hub.start()
    yield lock
    hub.stop()


class Program:
    """A second program on the hub, as TOPCAT and DS9 are."""

    def __init__(self) -> None:
        from pyvo import samp

        self.got: list[tuple[str, dict[str, Any]]] = []
        with samp.conf.set_temp("use_internet", False):
            self.client = samp.SAMPIntegratedClient(name="Desk", addr="127.0.0.1")
            self.client.connect(pool_size=4)
        for mtype in ("table.load.votable", "image.load.fits"):
            self.client.bind_receive_call(mtype, self._called)

    def _called(self, key: str, sender: str, msg_id: str, mtype: str, params: Any, _: Any) -> None:
        self.got.append((mtype, params))
        self.client.reply(msg_id, {"samp.status": "samp.ok", "samp.result": {}})

    def tell(self, mtype: str, **params: Any) -> None:
        said = {k.replace("_", "-"): v for k, v in params.items()}
        self.client.notify_all({"samp.mtype": mtype, "samp.params": said})


def test_samp_to_another_program_and_back(
    desktop: str, page: Page, cache_folder_of_the_run: Path, tmp_path: Path
) -> None:
    program = Program()
    with run_server(SAMP_HUB=desktop) as server:
        count = lassoed(page, server.url)
        page.locator(".st-key-brush_export button").first.click()
        page.get_by_role("button", name="Table to TOPCAT, Aladin").click()
        page.get_by_text("Desk received the table").wait_for()
        mtype, table = program.got[0]
        assert mtype == "table.load.votable"
        page.get_by_role("button", name="to DS9, Aladin").click()
        page.get_by_text("images").get_by_text("Desk received").wait_for()
        actions.settle(page)
        images = [p for m, p in program.got if m == "image.load.fits"]
        assert len(images) == min(count, 20)
        with fits.open(images[0]["url"].removeprefix("file://")) as hdus:
            assert hdus[0].data.shape == (300, 300)

        page.keyboard.press("Escape")
        page.get_by_text("Listen to TOPCAT, Aladin, DS9").click()
        page.get_by_text("No message yet").wait_for()
        program.tell("table.highlight.row", table_id=table["table-id"], url="", row="2")
        page.get_by_text("highlighted").wait_for()
        page.locator(".st-key-detail_inspect button").wait_for()

        catalogue = open_data_set("first")
        row = int(np.flatnonzero(np.isfinite(catalogue.table["ra"]))[40])
        ra, dec = (float(catalogue.table[c].iat[row]) for c in ("ra", "dec"))
        program.tell("coord.pointAt.sky", ra=f"{ra:.6f}", dec=f"{dec:.6f}")
        page.get_by_text("Desk: points at").wait_for()

        path = tmp_path / "theirs.vot"
        write_votable(path, catalogue.table.iloc[[row, row + 1]])
        program.tell("table.load.votable", url=path.as_uri(), table_id="theirs", name="theirs")
        page.get_by_text("of 'theirs' selected").wait_for()
        actions.until(page, lambda: actions.selected_count(page) <= 2, "nothing arrived")
    program.client.disconnect()


def write_votable(path: Path, rows: pd.DataFrame) -> None:
    from astropy.table import Table

    columns = {"RA": rows["ra"].to_numpy(), "DEC": rows["dec"].to_numpy()}
    Table(columns, units={"RA": "deg", "DEC": "deg"}).write(path, format="votable")
