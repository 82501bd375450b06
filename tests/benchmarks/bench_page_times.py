"""What a reader waits for, from the browser's event to the last pixel that changes, in Chromium.

    python -m tests.benchmarks.bench_page_times [--repeat 5] [--only tray,query,...]

Run on an idle machine. The clock starts with the event in the page (``event.timeStamp`` of the
pointer or of the file box) and ends with the last frame of a screen recording (CDP screencast, time
of the frame in the browser) in which a pixel below the toolbar differs from the frame before: the
toolbar holds Streamlit's own sign of a running script, which fades after all is drawn. Recording
and comparing cost time, so that figures are rather too large.

Warm means that models and data sets are open; what is measured itself was never computed before:
another galaxy, another file, another plane each time.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from radioviz.data.registry import open_data_set
from radioviz.models.registry import list_models
from tests.benchmarks.bench_first_light import show
from tests.browser import actions
from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server
from tests.similarity.test_query_image import fits_bytes, wcs_cards

TOOLBAR = 60  # CSS pixels
STILL = 1.5  # seconds without a change after which nothing more is expected
_NO_CARET = "* { caret-color: transparent !important; }"
_CLOCK = """() => {
  window.__started = 0;
  for (const kind of ['pointerdown', 'change', 'keydown'])
    window.addEventListener(kind, (event) => {
      window.__started ||= (performance.timeOrigin + event.timeStamp) / 1000;
    }, {capture: true, once: true});
}"""


class Recording:
    """Frames of a page while something happens, and when its picture last changed."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[tuple[float, str]] = []
        self.changes: list[float] = []
        self.last: np.ndarray | None = None
        self.session = page.context.new_cdp_session(page)
        self.session.on("Page.screencastFrame", self._keep)

    def _keep(self, frame: dict[str, Any]) -> None:
        self.frames.append((float(frame["metadata"]["timestamp"]), frame["data"]))
        self.session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    def time_of(self, act: Callable[[], object], done: Callable[[], object]) -> float:
        """Seconds from the first event of ``act`` to the last change; ``done`` waits for it."""
        self.frames.clear()
        self.changes, self.last = [], None
        self.page.add_style_tag(content=_NO_CARET)
        self.page.evaluate(_CLOCK)
        self.session.send("Page.startScreencast", {"format": "jpeg", "quality": 70})
        self.page.wait_for_timeout(200)  # the first frame is of before
        act()
        done()
        actions.settle(self.page)
        # Frames come without a change, too: a box in focus blinks its cursor for ever.
        last, count = time.monotonic(), len(self._changes())
        while time.monotonic() - last < STILL:
            self.page.wait_for_timeout(100)
            if len(self._changes()) != count:
                last, count = time.monotonic(), len(self.changes)
        self.session.send("Page.stopScreencast")
        started = float(self.page.evaluate("() => window.__started"))
        if not started:
            raise RuntimeError("the page had no event")
        return max([when for when in self.changes if when > started], default=started) - started

    def _changes(self) -> list[float]:
        """Times of the frames in which a pixel below the toolbar differs from the frame before."""
        for when, data in self.frames:
            picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("L")
            now = np.asarray(picture, dtype=np.int16)[TOOLBAR:]
            before = now if self.last is None else self.last
            if before.shape != now.shape or np.abs(now - before).max(initial=0) > 24:
                self.changes.append(when)
            self.last = now
        self.frames.clear()
        return self.changes


def tray(page: Page, url: str, repeat: int) -> list[float]:
    """ "+" on a picture of the gallery to the picture in the tray."""
    page.goto(f"{url}/similar?source=first/first-10&encoder=simclr")
    plus = page.locator(".st-key-similar_gallery .cell .tray")
    plus.nth(23).wait_for(timeout=120_000)
    actions.settle(page)
    page.wait_for_timeout(1500)
    recording = Recording(page)
    times = []
    for number in range(repeat + 1):
        count = page.get_by_text(f"Selection tray · {number + 1}", exact=True)
        place = plus.nth(number)
        place.hover()
        page.wait_for_timeout(500)
        times.append(recording.time_of(place.click, count.wait_for))
    return times[1:]


def query(page: Page, url: str, repeat: int) -> list[float]:
    """A FITS file of 300 x 300 pixels on Similar to the pictures of its results."""
    first = open_data_set("first")
    rows = np.flatnonzero(first.table["label"] == "FRII")[: repeat + 1]
    page.goto(f"{url}/similar?encoder=simclr")
    page.locator(".st-key-similar_kind").get_by_text("File", exact=True).click()
    box = page.locator(".st-key-similar_file input[type=file]")
    box.wait_for(state="attached")
    actions.settle(page)
    recording = Recording(page)
    times = []
    for number, row in enumerate(rows):
        payload = fits_bytes(first.images[row].astype(np.float32), wcs_cards(1.8, 300))
        file: Any = {"name": f"g{number}.fits", "mimeType": "image/fits", "buffer": payload}
        wanted = str(first.table["source_id"].iat[row])
        best = page.locator(f'.st-key-similar_gallery .open[data-source="{wanted}"]')
        times.append(recording.time_of(lambda f=file: box.set_input_files(f), best.first.wait_for))
    return times[1:]


def reconstructions(page: Page, url: str, repeat: int) -> list[float]:
    """Another galaxy on Inspect, with its reconstructions by all decoders."""
    page.goto(f"{url}/inspect_galaxy?source=first-7&tab=Reconstruction")
    page.locator(".st-key-reconstruct_all button").click()
    number = len(list_models().with_capability("encode", "decode"))
    residuals = page.get_by_alt_text("Residual")
    residuals.nth(number - 1).wait_for(timeout=180_000)
    actions.settle(page)
    recording = Recording(page)
    times = []
    button = page.locator(".st-key-inspect_random button")
    heading = page.locator("[data-testid=stMain] h1").first
    for _ in range(repeat + 1):
        name = heading.inner_text()
        other = page.locator("[data-testid=stMain] h1").filter(has_not_text=name).first

        def done(other: Locator = other) -> None:
            other.wait_for()
            residuals.nth(number - 1).wait_for()

        times.append(recording.time_of(button.click, done))
    return times[1:]


def decoders(page: Page, url: str, repeat: int) -> list[float]:
    """Another decoder on Grid walk to its plane and the picture beside it."""
    known = list_models().with_capability("decode")
    names = sorted(known, key=lambda name: (known[name].latent_dim, name))
    titles = [known[name].title for name in names]
    plane = page.locator(".st-key-walk_plane_panel .whole[data-points]")
    for name in names:  # each model once, at the usual range
        page.goto(f"{url}/grid_walk?decoder={name}")
        plane.wait_for(timeout=180_000)
        actions.settle(page)
    recording = Recording(page)
    times = []
    for turn in range(max(1, repeat // 3)):
        page.goto(f"{url}/grid_walk?decoder={names[-1]}&reach={3 - turn / 2:g}")
        plane.wait_for(timeout=180_000)
        actions.settle(page)
        for title in titles:
            page.locator(".st-key-walk_decoder input").click()
            option = page.get_by_role("option", name=title, exact=True)
            option.wait_for()
            page.wait_for_timeout(300)
            took = recording.time_of(option.click, lambda: page.wait_for_timeout(500))
            print(f"  decoder {title}: {took:.2f} s")
            times.append(took)
    return times


PARTS = {
    "tray": (tray, '"+" to the picture in the tray', "<= 0.5 s"),
    "query": (query, "FITS query to results on Similar, warm", "<= 2 s"),
    "reconstructions": (reconstructions, "reconstructions by all decoders, warm", "<= 3 s"),
    "decoders": (decoders, "decoder change on Grid walk, warm", "<= 3 s"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    args = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with run_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        for name in args.only.split(","):
            measure, title, bound = PARTS[name]
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(120_000)
            show(title, measure(page, server.url, args.repeat), bound)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
