"""The sky panel with a local HiPS, in Chromium: ``python -m tests.benchmarks.bench_sky``.

Fetches Aladin Lite by npm where it is not kept, opens Inspect, and prints seconds from the click on
the tab Sky until the viewer is ready and until a tile of the radio image is there: of a galaxy
whose tiles are made, and of one whose tiles are kept, each in a browser that knows nothing yet. No
address but that of the app is asked. Aim: 2 s.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.server import Server


def main() -> None:
    from playwright.sync_api import sync_playwright

    from radioviz.data.sky_viewer import fetch_viewer, viewer_script
    from radioviz.export.local_hips import FOLDER
    from radioviz.paths import cache_folder
    from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server

    if viewer_script() is None:
        fetch_viewer()
    shutil.rmtree(cache_folder() / FOLDER, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix="radioviz-bench-") as home,
        run_server(RADIOVIZ_HOME=home, wait=180) as server,
        sync_playwright() as playwright,
    ):
        running = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        for name in ("the server's first", "tiles made", "tiles made", "tiles kept"):
            source = "first-5" if name == "the server's first" else "first-3"
            if name == "tiles made":
                shutil.rmtree(cache_folder() / FOLDER, ignore_errors=True)
            page = running.new_context(viewport={"width": 1400, "height": 1000}).new_page()
            page.set_default_timeout(180_000)
            print(f"{name}: {_opened(page, server, source)}", flush=True)
            page.context.close()
        running.close()
    print(f"load {os.getloadavg()[0]:.1f}")


def _opened(page: Page, server: Server, source: str) -> str:
    from tests.browser import actions

    page.goto(f"{server.url}/inspect_galaxy?data=first&source={source}")
    tab = page.get_by_role("tab", name="Sky")
    tab.wait_for()
    page.wait_for_timeout(1_000)
    actions.settle(page)
    tiles: list[float] = []
    page.on("requestfinished", lambda asked: tiles.append(time.monotonic())
            if "/Norder" in asked.url and "/Norder0/" not in asked.url else None)  # fmt: skip
    began = time.monotonic()
    tab.click()
    page.locator(f".sky[data-ready='{source}']").wait_for()
    ready = time.monotonic() - began
    while not tiles:
        page.wait_for_timeout(20)
    return f"viewer ready {ready:.2f} s, first tile of the image {tiles[0] - began:.2f} s"


if __name__ == "__main__":
    main()
