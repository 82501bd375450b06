"""What large exports leave in the server's memory: ``python -m tests.load.exports``.

A real browser selects every galaxy of a survey made for this, downloads it in each format, and
leaves the server alone for a minute. The browser's own memory does not count.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from radioviz import importing
from tests.browser import actions, many
from tests.browser.server import CHROMIUM_FLAGS, Server, chromium, run_server

KINDS = ("fits", "zip", "cube", "votable", "table", "parquet", "csv", "png")
"""All but regions: the galaxies made here have no positions."""


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 if the server keeps more than ``--allowed``."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.exports")
    parser.add_argument("--galaxies", type=int, default=11_000)
    parser.add_argument("--side", type=int, default=150, help="pixels of an image")
    parser.add_argument("--exports", type=int, default=10)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--seconds", type=float, default=60.0, help="until memory is looked at")
    parser.add_argument("--allowed", type=float, default=300.0, help="MB more than before")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="radioviz-exports-") as folder:
        os.environ["RADIOVIZ_HOME"] = folder
        answers = {"key": "many", "pixel_scale": 5.0, "survey": "synthetic"}
        cube = many.cube(Path(folder), given.galaxies, given.side)
        importing.import_survey(importing.Source(cube), answers)
        cube.unlink()
        many.with_map("many")
        with run_server(RADIOVIZ_HOME=folder) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium(), args=list(CHROMIUM_FLAGS)
            )
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(120_000)
            kinds = list(itertools.islice(itertools.cycle(given.kinds), given.exports))
            kept = measure(page, server, kinds, given.seconds)
            browser.close()
    return 1 if kept > given.allowed else 0


def measure(page: Page, server: Server, kinds: list[str], seconds: float) -> float:
    """Download all galaxies in these formats; MB that the server has more than before."""
    page.goto(f"{server.url}/latent_map?data=many&encoder={many.MODEL}")
    actions.offer_all(page)
    page.locator(".st-key-brush_fits button").wait_for()
    before = memory(server)
    print(f"{actions.selected_count(page):,} galaxies selected: {text(before)}", flush=True)
    peak = before[0]
    for kind in kinds:
        start = time.perf_counter()
        with page.expect_download(timeout=600_000) as started:
            page.locator(f".st-key-brush_{kind} button").click()
        size = Path(started.value.path()).stat().st_size
        started.value.delete()
        now = memory(server)
        peak = max(peak, now[0])
        took = time.perf_counter() - start
        print(f"  {kind:<8} {size / 1e6:7.1f} MB in {took:5.1f} s, then {text(now)}", flush=True)
    time.sleep(seconds)
    after = memory(server)
    print(
        f"after {seconds:g} s: {text(after)}, {after[0] - before[0]:+.0f} MB; peak {peak:.0f} MB; "
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    return after[0] - before[0]


def memory(server: Server) -> tuple[float, float]:
    """Resident memory of the server in MB: all, and without mapped files."""
    return server.resident_bytes() / 1e6, server.anonymous_bytes() / 1e6


def text(found: tuple[float, float]) -> str:
    return f"{found[0]:.0f} MB resident, {found[1]:.0f} MB without mapped files"


if __name__ == "__main__":
    sys.exit(main())
