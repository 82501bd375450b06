"""Photograph every page for the tour: ``python -m tests.browser.tour``.

Real pages of the real server in Chromium, 1400 x 1000 pixels, written to ``.github/tour`` with 128
colours, which keeps text sharp and a picture below some hundred kilobytes. What a network drew is
labelled so by the pages themselves.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser import actions
from tests.browser.server import CHROMIUM_FLAGS, REPOSITORY, chromium, run_server

PAGES = {
    "overview": "",
    "latent-map": "latent_map?data=first",
    "grid-walk": "grid_walk?data=first",
    "generate": "generate",
    "similar": "similar?data=first&source=first/first-7",
    "likelihood": "likelihood?data=first",
    "inspect": "inspect_galaxy?data=first&source=first-7",
    "benchmarks": "benchmarks",
    "your-data": "your_data",
}


def main(arguments: list[str] | None = None) -> int:
    """Take the pictures."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m tests.browser.tour")
    parser.add_argument("--out", type=Path, default=REPOSITORY / ".github" / "tour")
    parser.add_argument("--only", choices=list(PAGES), action="append")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as home,
        run_server(RADIOVIZ_HOME=home) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(180_000)
        for name in given.only or PAGES:
            page.goto(f"{server.url}/{PAGES[name]}")
            page.wait_for_selector('[data-testid="stApp"]')
            # What follows at once: pictures, fragments, the map's own frames.
            for _ in range(4):
                page.wait_for_timeout(1500)
                actions.settle(page)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            small = picture.quantize(128, dither=Image.Dither.NONE)
            small.save(given.out / f"{name}.png", optimize=True)
            print(f"{name}: {(given.out / f'{name}.png').stat().st_size:,} bytes", flush=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
