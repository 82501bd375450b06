"""Positions alone: cutouts fetched from the page, from a server that is slow, fails and lies."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tests.browser import actions, importing_page
from tests.browser.server import PATIENCE, Server, free_port, run_server
from tests.importing.cutouts import server as sky
from tests.importing.cutouts.server import Asked, send, sky_image

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def service() -> Iterator[sky.Server]:
    with sky.serving() as running:
        yield running


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="radioviz-home-") as folder:
        yield Path(folder)


@pytest.fixture
def own_server(cache_folder_of_the_run: Path, home: Path, service: sky.Server) -> Iterator[Server]:
    with run_server(
        RADIOVIZ_HOME=str(home), RADIOVIZ_CUTOUTS_HIPS2FITS=service.hips2fits
    ) as server:
        yield server


def ask(page: Page, url: str, positions: str) -> None:
    """Paste positions and choose NVSS by hips2fits."""
    page.goto(url + "/your_data")
    actions.settle(page)
    page.get_by_test_id("stButtonGroup").get_by_text("Positions").click()
    actions.settle(page)
    box = page.get_by_label("One position per line", exact=True)
    box.fill(positions)
    box.press("Control+Enter")
    actions.settle(page)
    page.get_by_role("button", name="Check positions").click()
    importing_page.wait_for_inspection(page)
    importing_page.choose(page, "which service should cut them", "nvss")
    page.get_by_text("NVSS (hips2fits) at").wait_for()
    actions.settle(page)


@pytest.mark.slow
def test_slow_failing_and_lying_answers(
    own_server: Server, service: sky.Server, page: Page, home: Path
) -> None:
    def behaviour(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        number = round(asked.ra - 150)
        if number == 1:  # slow
            time.sleep(1.5)
        if number == 2 and asked.count == 1:  # fails once
            send(handler, b"try again", 503, "text/plain", Retry_After="0")
            return True
        if number == 3:  # another place of the sky
            send(handler, sky_image(10.0, -30.0, asked.pixels, asked.scale))
            return True
        if number == 4:  # a page with status 200
            page = b"<html><title>Oops</title><script>window.hurt=1</script>No &lt;b&gt;</html>"
            send(handler, page, kind="text/html")
            return True
        if number == 5:  # half a file
            whole = sky_image(asked.ra, asked.dec, asked.pixels, asked.scale)
            send(handler, whole[: len(whole) // 2], length=len(whole))
            handler.close_connection = True
            return True
        return False

    service.behaviour = behaviour
    lines = [f"source-{i} {150 + i} {2 + 0.5 * i}" for i in range(6)]
    ask(page, own_server.url, "\n".join([*lines, "south 10.0 -80.0"]))
    importing_page.start_import(page, "fetched")
    importing_page.wait_for_survey(page, home, "fetched")
    importing_page.says(page, "3 read, 4 refused")
    report = pd.read_parquet(home / "surveys/fetched/report.parquet").set_index("file")
    refused = report[report["status"] == "refused"]["reason"].str.cat(sep="\n")
    assert "away from the position" in refused and "outside" in refused and "Oops" in refused
    page.get_by_role("button", name="Files").first.click()
    page.get_by_text("3 read").last.wait_for()
    assert page.evaluate("window.hurt") is None
    assert service.most_under_way <= 4


@pytest.mark.slow
def test_a_fetch_is_cancelled_killed_and_resumed(
    own_server: Server, service: sky.Server, page: Page, home: Path
) -> None:
    go_on = threading.Event()

    def silent(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        if len(service.requests) > 8:  # the fetch does not end while this test acts
            go_on.wait(PATIENCE / 1000)
        return False

    service.behaviour = silent
    rng = np.random.default_rng(3)
    rows = zip(rng.uniform(100, 200, 40), rng.uniform(0, 60, 40), strict=True)
    ask(page, own_server.url, "\n".join(f"{ra:.5f} {dec:+.5f}" for ra, dec in rows))
    importing_page.start_import(page, "slowly")
    page.get_by_text("fetching cutouts").first.wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled after").wait_for()
    assert not (home / "surveys" / "slowly").exists(), "half of it is shown"
    assert page.locator(".st-key-survey_slowly").count() == 0
    before = len(service.requests)
    assert before < 40

    page.get_by_role("button", name="Resume").click()
    page.get_by_text("fetching cutouts").first.wait_for()
    os.kill(process_of(home), signal.SIGKILL)
    go_on.set()
    page.get_by_text("Interrupted after").wait_for()
    assert page.locator(".st-key-survey_slowly").count() == 0
    page.get_by_role("button", name="Resume").click()
    importing_page.wait_for_survey(page, home, "slowly")
    importing_page.says(page, "40 read, 0 refused")
    # Cached cutouts are not requested again, except those in transfer when it stopped.
    assert len(service.requests) <= 40 + 2 * 4 * 4


def process_of(home: Path) -> int:
    """The process of the one job."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"radioviz.api.survey_job" in command and str(home).encode() in command:
            return int(process.name)
    raise AssertionError("no job runs")


def test_no_network_is_said_in_a_sentence(
    cache_folder_of_the_run: Path, page: Page, home: Path
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/hips2fits"
    with run_server(RADIOVIZ_HOME=str(home), RADIOVIZ_CUTOUTS_HIPS2FITS=nobody) as server:
        ask(page, server.url, "one 150.0 2.0\ntwo 151.0 2.5")
        importing_page.start_import(page, "nowhere")
        page.get_by_text("cannot be reached").first.wait_for()
        text = page.get_by_test_id("stAlertContentError").first.inner_text()
        assert "the rest of RadioViz works without the network" in text
        actions.open_map(page, server.url)
