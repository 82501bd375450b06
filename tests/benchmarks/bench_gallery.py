"""The gallery behind a selection of many galaxies, in Chromium.

``python -m tests.benchmarks.bench_gallery [--count 10000]`` imports a synthetic survey, opens its
map, lassoes all of it, turns pages, sorts and scrolls; it prints seconds, the growth of the
server's memory, and the memory of the page. The survey is deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path


def main() -> None:
    from playwright.sync_api import sync_playwright

    from tests.benchmarks.bench_scale import surveyed
    from tests.browser import many
    from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="keep the survey here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="radioviz-bench-") as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        key = surveyed(folder, asked.count)  # from here on RADIOVIZ_HOME is in the folder
        if not (folder / "home/atlas" / key).exists():
            many.with_map(key)
        with (
            run_server(RADIOVIZ_HOME=os.environ["RADIOVIZ_HOME"]) as server,
            sync_playwright() as playwright,
        ):
            running = playwright.chromium.launch(
                executable_path=chromium(), args=list(CHROMIUM_FLAGS)
            )
            page = running.new_page(viewport={"width": 1400, "height": 1000})
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            found = many.visit(page, server, key)
            running.close()
    print(f"load {os.getloadavg()[0]:.1f}")
    print(json.dumps({k: round(v, 3) for k, v in found.items()} | {"errors": errors}, indent=1))


if __name__ == "__main__":
    main()
