"""From a file to its results in Chromium: a 300 x 300 FITS image, the encoder open already.

    python -m tests.benchmarks.bench_similar_page [--repeat 7] [--encoder vae32]

The clock runs from handing the file to the browser until the pictures of the results are drawn.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from playwright.sync_api import Page, sync_playwright

from radioviz.data.registry import open_data_set
from tests.benchmarks.bench_first_light import show
from tests.browser import actions
from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server
from tests.similarity.test_query_image import fits_bytes, wcs_cards

LIMIT_S = 1.5
DRAWN = """(cells, wanted) => {
  if (cells.length < 24 || cells[0].querySelector('.open').dataset.source !== wanted) return false;
  const drawn = (image) => image.complete && image.naturalWidth > 0;
  return cells.every((cell) => drawn(cell.querySelector('img')));
}"""


def upload(page: Page, payload: bytes, wanted: str, number: int) -> float:
    """Seconds from a file in the browser to the drawn results, ``wanted`` best of them."""
    box = page.locator(".st-key-similar_file input[type=file]")
    start = time.perf_counter()
    box.set_input_files(
        {"name": f"galaxy-{number}.fits", "mimeType": "application/fits", "buffer": payload}
    )
    cells = page.locator(".st-key-similar_gallery .cell")  # in the shadow of their component
    while not cells.evaluate_all(DRAWN, wanted):
        if time.perf_counter() - start > 60:
            raise TimeoutError(f"no results after a minute, the best of them '{wanted}'")
        time.sleep(0.02)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--encoder", default="vae32")
    args = parser.parse_args()
    first = open_data_set("first")
    rows = np.flatnonzero(first.table["label"] == "FRII")[: args.repeat + 1]
    times = []
    with run_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{server.url}/similar?encoder={args.encoder}")
        page.locator(".st-key-similar_kind").get_by_text("File", exact=True).click()
        for number, row in enumerate(rows):
            payload = fits_bytes(first.images[row].astype(np.float32), wcs_cards(1.8, 300))
            took = upload(page, payload, str(first.table["source_id"].iat[row]), number)
            actions.settle(page)
            if number:  # the first opens the encoder
                times.append(took)
            else:
                print(f"first upload, which opens the encoder: {took:.2f} s")
        browser.close()
    show("upload of a 300 x 300 FITS to results, warm", times, f"<= {LIMIT_S:g} s")


if __name__ == "__main__":
    main()
