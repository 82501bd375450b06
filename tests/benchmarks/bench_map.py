"""The map at scale in Chromium with software WebGL.

Run with ``python -m tests.benchmarks.bench_map [--sizes 100000 1000000] [--repeat 3]
[--painters auto gpu] [--compositing software] [--json FILE]``; points are synthetic. Medians
over the repeats.

WebGL is SwiftShader's in any case. What puts the page together is told by ``--compositing``:
``swiftshader`` does it by the same emulated GL (what the tests run with), ``software`` as Chromium
does of itself on a machine without a graphics card.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radioviz.ui.map.polygon import inside
from tests.browser.server import CHROMIUM_FLAGS, REPOSITORY, Server, chromium, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

APP = REPOSITORY / "tests" / "browser" / "apps" / "map_app.py"
# Issue "A million radio galaxies": limits at 100,000 and at 1,000,000 points.
LIMITS: dict[str, tuple[str, float, float]] = {
    "open_s": ("open page to first drawn map [s]", 2.0, 6.0),
    "frame_ms": ("pan and zoom, median frame [ms]", 33.0, 100.0),
    "lasso_s": ("lasso of a tenth to rows on the page [s]", 0.8, 1.5),
    "recolour_s": ("recolour by another column [s]", 0.3, 1.0),
    "megabytes": ("bytes to the browser [MB]", 1.2, 12.0),
    "server_mb": ("server memory of its own above an idle app [MB]", 300.0, 600.0),
}
FRAMES = """() => { window.__t = [];
  const map = document.querySelector('[data-testid=stBidiComponentIsolated]')
    ?.shadowRoot?.querySelector('.rv-map');
  const tick = (t) => { window.__t.push([t, Number(map?.dataset.frames ?? -1)]);
  window.__raf = requestAnimationFrame(tick); }; window.__raf = requestAnimationFrame(tick); }"""
STOP = "() => { cancelAnimationFrame(window.__raf); return window.__t; }"


class Meter:
    """Bytes that reach a page: columns and bundle of the map, and the app's messages."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        self._wanted: set[str] = set()
        client = page.context.new_cdp_session(page)
        client.send("Network.enable")
        client.on("Network.requestWillBeSent", self._sent)
        client.on("Network.loadingFinished", self._received)
        client.on("Network.webSocketFrameReceived", self._frame)

    def _sent(self, event: dict[str, Any]) -> None:
        # Fonts are media files of the app's theme.
        if "/media/" in event["request"]["url"] and "woff" not in event["request"]["url"]:
            self._wanted.add(event["requestId"])

    def _received(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self._wanted:
            self.bytes += int(event["encodedDataLength"])

    def _frame(self, event: dict[str, Any]) -> None:
        payload = event["response"]["payloadData"]
        binary = event["response"]["opcode"] == 2
        self.bytes += len(payload) * 3 // 4 if binary else len(payload)


def drawn(page: Page) -> None:
    page.wait_for_selector(".rv-map[data-state=drawn]", timeout=120_000)


def tenth(page: Page, n: int) -> tuple[float, float, float]:
    """Centre and radius on the page of a circle with about a tenth of the points."""
    import numpy as np

    from tests.browser.apps import map_app

    columns = map_app.table.__wrapped__(n, "synthetic")  # type: ignore[attr-defined]
    x, y = columns["x"], columns["y"]
    box = page.locator(".rv-points").bounding_box()
    assert box is not None
    span = [float(x.min()), float(x.max()), float(y.min()), float(y.max())]
    wide, high = (span[1] - span[0]) / 0.92, (span[3] - span[2]) / 0.92
    left, bottom = span[0] - 0.04 * wide, span[2] - 0.04 * high
    px = (x - left) / wide * box["width"]
    py = (1 - (y - bottom) / high) * box["height"]
    cx, cy = float(np.median(px)), float(np.median(py))
    radius = float(np.quantile(np.hypot(px - cx, py - cy), 0.1))
    return box["x"] + cx, box["y"] + cy, radius


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def changed(page: Page, before: str) -> Callable[[], object]:
    return lambda: page.wait_for_function(
        "b => document.querySelector('#answer').innerText !== b", arg=before, timeout=60_000
    )


def frames(page: Page) -> float:
    """Median milliseconds a painted frame while panning for a second and zooming for another."""
    box = page.locator(".rv-points").bounding_box()
    assert box is not None
    cx, cy = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.click("[data-tool=pan]")
    page.mouse.move(cx, cy)
    page.mouse.down()
    page.mouse.move(cx + 5, cy)
    page.evaluate(FRAMES)
    for i in range(60):
        page.mouse.move(cx + 80 * math.sin(i / 8), cy + 40 * math.sin(i / 11))
    page.mouse.up()
    for i in range(20):
        page.mouse.wheel(0, -120 if i < 10 else 120)
        page.wait_for_timeout(20)
    times = page.evaluate(STOP)
    # Our map counts what it painted: frames in which nothing was to be painted say nothing.
    gaps = sorted(b[0] - a[0] for a, b in itertools.pairwise(times) if b[1] != a[1] or b[1] < 0)
    return gaps[len(gaps) // 2] if gaps else float("nan")


def session(browser: Browser, server: Server, n: int, painter: str) -> dict[str, float]:
    """One visit: open, move, lasso, recolour."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    meter = Meter(page)
    found: dict[str, float] = {}
    try:
        url = f"{server.url}/?n={n}&renderer={painter}"
        found["open_s"] = seconds(lambda: (page.goto(url), drawn(page)))
        page.wait_for_timeout(500)
        found["megabytes"] = meter.bytes / 1e6
        cx, cy, radius = tenth(page, n)
        page.mouse.move(cx + radius, cy)
        page.mouse.down()
        for i in range(1, 41):
            angle = 2 * math.pi * i / 40
            page.mouse.move(cx + radius * math.cos(angle), cy + radius * math.sin(angle))
        before = page.inner_text("#answer")
        found["lasso_s"] = seconds(lambda: (page.mouse.up(), changed(page, before)()))
        page.wait_for_timeout(1000)
        page.keyboard.press("Escape")
        page.wait_for_timeout(1000)
        found["frame_ms"] = frames(page)
        page.wait_for_timeout(1000)
        page.get_by_role("combobox").click()
        option = page.get_by_role("option", name="flux")
        option.wait_for()
        old = page.get_attribute(".rv-map", "data-drawn")
        wait: Callable[[], object] = lambda: page.wait_for_function(  # noqa: E731
            "o => { const m = document.querySelector('[data-testid=stBidiComponentIsolated]')"
            ".shadowRoot.querySelector('.rv-map');"
            "return m.dataset.drawn !== o && m.dataset.state === 'drawn'; }", arg=old,
        )  # fmt: skip
        found["recolour_s"] = seconds(lambda: (option.click(), wait()))
        found["server_mb"] = server.anonymous_bytes() / 1e6
    finally:
        with contextlib.suppress(Exception):
            context.close()
    return found


@contextlib.contextmanager
def new_browser(compositing: str = "swiftshader") -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    flags = list(CHROMIUM_FLAGS)
    if compositing == "software":
        flags.append("--use-angle=swiftshader-webgl")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=flags)
        yield running
        running.close()


def measure(
    sizes: list[int], repeat: int, painters: list[str], compositing: str = "swiftshader"
) -> dict[str, dict[str, float]]:
    """Medians by ``<painter> <n>``."""
    results: dict[str, dict[str, float]] = {}
    for n, painter in itertools.product(sizes, painters):
        runs = []
        for _ in range(repeat):
            with run_server(app=APP) as server, new_browser(compositing) as browser:
                session(browser, server, 10, painter)  # imports, fonts
                idle = server.anonymous_bytes() / 1e6
                run = session(browser, server, n, painter)
                run["server_mb"] -= idle
                runs.append(run)
        results[f"{painter} {n}"] = {
            key: statistics.median(run[key] for run in runs) for key in LIMITS
        }
        print(f"{painter} {n}: {json.dumps(results[f'{painter} {n}'])} "
              f"(load {os.getloadavg()[0]:.1f})")  # fmt: skip
    return results


def polygon_seconds(n: int = 1_000_000) -> float:
    """Rows of a hand-drawn outline of 200 corners about a tenth of the points."""
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, n)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 0.46 + 0.03 * np.sin(7 * angle)
    outline = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return min(seconds(lambda: inside(x, y, outline)) for _ in range(5))


def kept(results: dict[str, dict[str, float]], compositing: str) -> None:
    """Record the figures of the map as ``scale.map.<figure>.<points>``."""
    from train.evaluate.benchmarks import record

    for name, figures in results.items():
        painter, n = name.split()
        if painter != "auto":
            continue
        for key, value in figures.items():
            record(
                f"scale.map.{key}.{n}", value, n=int(n), split="synthetic",
                command=f"python -m tests.benchmarks.bench_map --sizes {n} "
                f"--compositing {compositing} --record",
            )  # fmt: skip


def table(results: dict[str, dict[str, float]], sizes: list[int]) -> str:
    """Markdown: one row a figure, one column a map, the limits beside."""
    lines = []
    for n in sizes:
        names = [name for name in results if name.endswith(f" {n}")]
        lines += [f"\n| {n:,} points | limit | " + " | ".join(m.split()[0] for m in names) + " |"]
        lines += ["|---|---|" + "---|" * len(names)]
        for key, (title, small, large) in LIMITS.items():
            limit = small if n <= 100_000 else large
            cells = []
            for name in names:
                value = results[name].get(key)
                mark = "" if value is None or value <= limit else " (!)"
                cells.append("" if value is None else f"{value:.3g}{mark}")
            lines.append(f"| {title} | {limit:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--painters", nargs="+", default=["auto"], choices=["auto", "cpu", "gpu"])
    parser.add_argument("--compositing", default="swiftshader", choices=["swiftshader", "software"])
    parser.add_argument("--record", action="store_true", help="keep the figures of our map")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    print(f"rows in an outline, 1,000,000 points: {1000 * polygon_seconds():.0f} ms")
    results = measure(asked.sizes, asked.repeat, asked.painters, asked.compositing)
    print(table(results, asked.sizes))
    if asked.record:
        kept(results, asked.compositing)
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
