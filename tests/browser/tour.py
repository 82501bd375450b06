"""Photograph every page for the tour: ``python -m tests.browser.tour``.

Real pages of the real server in Chromium, in light colours and 1280 x 1000 pixels, written to
``.github/tour`` in all their colours: with fewer, classes look alike and images get edges. What a
network drew is labelled so by the pages themselves. ``figure-11`` needs MiraBest and FR-DEEP:
``python -m radioviz.data fetch``.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.browser import actions
from tests.browser.server import CHROMIUM_FLAGS, REPOSITORY, chromium, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = {
    "overview": "",
    "latent-map": "latent_map?data=first",
    "table": "table?data=first",
    "relations": "relations?data=first",
    "grid-walk": "grid_walk?data=first",
    "generate": "generate",
    "similar": "similar?data=first&source=first/first-7",
    "likelihood": "likelihood?data=first",
    "figure-11": "likelihood?data=mirabest&encoder=vae32&in=first,mirabest,frdeep-nvss",
    "two-classes": "two_classes?data=first",
    "inspect": "inspect_galaxy?data=first&source=first-7",
    "benchmarks": "benchmarks",
    "your-data": "your_data",
}
PRESSED = {"relations": "Predict"}
"""Buttons to press before the picture is taken."""


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
        for name in given.only or PAGES:
            page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
            page.set_default_timeout(180_000)
            page.goto(f"{server.url}/{PAGES[name]}")
            page.wait_for_selector('[data-testid="stApp"]')
            _settle(page)
            if name in PRESSED:
                page.get_by_role("button", name=PRESSED[name]).click()
                _settle(page)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.save(given.out / f"{name}.png", optimize=True)
            page.close()
            print(f"{name}: {(given.out / f'{name}.png').stat().st_size:,} bytes", flush=True)
        browser.close()
    return 0


def _settle(page: Page) -> None:
    """Wait for what follows at once: pictures, fragments, the map's own frames."""
    for _ in range(4):
        page.wait_for_timeout(1500)
        actions.settle(page)


if __name__ == "__main__":
    sys.exit(main())
