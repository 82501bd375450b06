"""A survey of one's own in a real browser: upload to map and away; two readers at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from radioviz.paths import trained_folder
from tests.browser import actions
from tests.browser.server import Server, run_server
from tests.data.fits_files import cards, noise, primary

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ENCODERS = ("survey-simclr", "vae2")
SLOW = 240_000  # ms: an import and the first start of torch on a machine with other work


@pytest.fixture(scope="module")
def own_server(cache_folder_of_the_run: Path) -> Iterator[Server]:
    """The app with a user's folder of this file's own, and two encoders."""
    with tempfile.TemporaryDirectory(prefix="radioviz-home-") as folder:
        trained = Path(folder) / "trained"
        for name in ENCODERS:
            for part in (name, f"atlas/first/{name}"):
                shutil.copytree(trained_folder() / part, trained / part)
        with run_server(RADIOVIZ_HOME=f"{folder}/home", RADIOVIZ_TRAINED=str(trained)) as server:
            yield server


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Seven raw cutouts of MiraBest where the shared files are, else as many made here.

    Too few for a UMAP of their own, which takes long to compile.
    """
    shared = Path(os.environ.get("RADIOVIZ_SHARED_DATA", "nowhere")) / "mirabest_fits"
    if shared.is_dir():
        return sorted(shared.glob("*.fits"))[:7]
    folder = tmp_path_factory.mktemp("cutouts")
    out = []
    for i in range(7):
        path = folder / f"J{i:03d}.fits"
        path.write_bytes(primary(noise((100, 100), i), cards(CRVAL1=150 + i / 10)))
        out.append(path)
    return out


@pytest.mark.slow
def test_upload_to_map_and_away(
    own_server: Server, page: Page, files: list[Path], tmp_path: Path
) -> None:
    torn = tmp_path / "torn <i>.fits"
    torn.write_bytes(files[0].read_bytes()[:2000])
    page.goto(own_server.url + "/your_data")
    page.get_by_test_id("stMain").locator("input[type=file]").set_input_files([*files, torn])
    page.get_by_text("8 files").wait_for()
    page.get_by_label("Name", exact=True).fill("Seven of mine")
    page.get_by_label("Key", exact=True).fill("seven")
    page.get_by_label("Key", exact=True).press("Enter")
    actions.settle(page)
    start = page.locator(".st-key-import_start button")
    start.click()
    page.get_by_text("Seven of mine").first.wait_for()
    page.reload()  # a job does not depend on the page
    # The button of a job that has ended; that of a running one may go before it is pressed.
    opened = page.locator("[class*=st-key-open_] button")
    opened.wait_for(timeout=SLOW)
    page.get_by_text("7 read, 1 refused").wait_for()
    opened.click()
    actions.wait_for_map(page)
    assert "data=seven" in page.url
    page.get_by_text("7 galaxies on the map").wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0
    assert not own_server.maps("libtorch"), "encoding loaded torch into the server"

    page.goto(own_server.url + "/your_data")
    # A first map was offered; the survey can go once all encoders are through.
    page.get_by_role("button", name="Remove").click(timeout=SLOW)
    page.get_by_role("button", name="Remove for good").click()
    page.get_by_text("MB freed").wait_for()
    page.get_by_text("None yet").wait_for()


def test_two_readers_have_a_selection_each(own_server: Server, browser: Browser) -> None:
    contexts = [browser.new_context(viewport={"width": 1400, "height": 1000}) for _ in range(2)]
    first, second = (c.new_page() for c in contexts)
    for reader in (first, second):
        actions.open_map(reader, own_server.url)
    actions.lasso(first, 0.2, 0.2, 0.6, 0.6)
    count = actions.selected_count(first)
    assert second.locator(".st-key-selection h3").count() == 0
    actions.lasso(second, 0.5, 0.5, 0.9, 0.9)
    actions.selection_heading(second).wait_for()
    first.get_by_role("button", name="Add all to tray").click()
    first.get_by_text(f"Selection tray · {count:,}").wait_for()
    second.reload()
    second.get_by_text("Selection tray · 0").wait_for()
    for context in contexts:
        context.close()
