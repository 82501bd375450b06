"""From a warm disk to the first galaxy: the figures that a newcomer feels.

Prints one line a figure with its bound. Nothing here is asserted: a benchmark tells, a test
judges. Run on an idle machine, with the FIRST catalogue built:

    python -m tests.benchmarks.bench_first_light [--repeat 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from radioviz.data.registry import open_data_set
from tests.browser import actions
from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server


def show(name: str, values: list[float], bound: str, unit: str = "s") -> None:
    """One line: median, extremes, how many, and what is wanted."""
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name:54s} {middle:8.2f} {unit:3s} ({low:.2f} to {high:.2f}, n={len(values)})  {bound}")


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def catalogue_times(repeat: int) -> None:
    """First build in an empty cache, and later opens in fresh processes' manner."""
    import os

    with tempfile.TemporaryDirectory() as scratch:
        kept = os.environ.get("RADIOVIZ_CACHE")
        os.environ["RADIOVIZ_CACHE"] = scratch
        try:
            from radioviz.morphology import complete

            first = [timed(lambda: complete(open_data_set("first")))]
            later = [timed(lambda: complete(open_data_set("first"))) for _ in range(repeat)]
        finally:
            os.environ.pop("RADIOVIZ_CACHE")
            if kept:
                os.environ["RADIOVIZ_CACHE"] = kept
    show("first build of the FIRST catalogue, with measuring", first, "<= 30 s")
    show("later opens", later, "<= 0.5 s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    open_data_set("first")  # the disk is warm from here on
    catalogue_times(repeat)
    starts, rss, anonymous, lassos, clicks, counts = [], [], [], [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        for _ in range(repeat):
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            page = context.new_page()
            with run_server() as server:
                page.goto(server.url + "/latent_map")
                actions.wait_for_map(page)
                starts.append(time.monotonic() - server.started)
                actions.settle(page)
                rss.append(server.resident_bytes() / 2**20)
                anonymous.append(server.anonymous_bytes() / 2**20)

                actions.draw_lasso(page, 0.2, 0.2, 0.75, 0.8)

                def lasso(page: Page = page) -> None:
                    page.mouse.up()
                    actions.selection_heading(page).wait_for()
                    actions.pictures(page).first.wait_for()

                lassos.append(timed(lasso))
                counts.append(float(actions.selected_count(page)))
                page.locator(".st-key-brush_clear button").click()
                actions.selection_heading(page).wait_for(state="detached")
                actions.settle(page)
                x, y = actions.place_of(page, 700)
                page.mouse.move(x, y)
                page.wait_for_timeout(300)

                def click(page: Page = page, x: float = x, y: float = y) -> None:
                    page.mouse.click(x, y)
                    page.locator(".st-key-detail_inspect button").wait_for()

                clicks.append(timed(click))
                if server.maps("libtorch"):
                    print("torch WAS loaded by looking at the map")
            context.close()
        browser.close()
    show("command to first interactive map in Chromium", starts, "<= 5 s")
    show("server memory before torch, resident", rss, "<= 450 MB", "MB")
    show("  of which its own (without mapped files)", anonymous, "", "MB")
    show("galaxies lassoed", counts, "about 1,000", "")
    show("end of the lasso to linked gallery", lassos, "<= 0.7 s")
    show("click to detail", clicks, "<= 0.5 s")
    export_time(repeat)


def export_time(repeat: int) -> None:
    """500 galaxies with their latents to one FITS file."""
    import numpy as np

    from radioviz import export
    from tests.export.written import fits_bytes

    catalogue = open_data_set("first")
    rows = np.arange(0, 2000, 4)
    times = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / "selection.fits"
            times.append(
                timed(
                    lambda target=target: target.write_bytes(
                        fits_bytes([export.Group(catalogue, rows)])
                    )
                )
            )
    show("export of 500 galaxies to one FITS", times, "<= 2 s")


if __name__ == "__main__":
    main()
