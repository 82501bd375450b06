"""Filter, slider, histogram, table page and restored workspace in Chromium, at two sizes.

    python -m tests.benchmarks.bench_workspace_browser [--counts 2158 1000000] [--repeats 50]
        [--only filter slider histogram table sort restore] [--home FOLDER] [--json FILE]

Each figure is the time from the event in the browser (key, click, or release of the slider) to the
last pixel that changed after it, as the browser recorded its screen; for ``restore`` from the first
paint of the page. Pictures are taken of the whole page. 2,158 galaxies are FIRST; more are
synthetic (``workspace_survey``), made in ``--home`` if they are not there. ``server_mb`` is the
memory of the server without mapped files. Run it on a quiet machine; the load is printed.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.workspace_survey import MODEL, make_survey
from tests.browser.server import CHROMIUM_FLAGS, Server, chromium, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

# Seconds: at 2,158 rows and at more; None: no limit.
LIMITS: dict[str, tuple[float | None, float]] = {
    "filter": (0.3, 0.5),
    "slider": (None, 0.3),
    "histogram": (0.3, 0.3),
    "table": (0.3, 0.3),
    "sort": (0.3, 0.5),
    "restore": (None, 1.0),
}
MEMORY_MB = 400
QUIET_MS = 1200  # without a change: then the last one was the last
WAIT_MS = 60_000
# When the last event happened; and nothing that blinks or only tells that the app is at work.
WATCH = """() => {
  for (const kind of ['keydown', 'pointerdown', 'pointerup', 'change']) {
    addEventListener(kind, (e) => { window.__at = performance.timeOrigin + e.timeStamp; }, true);
  }
  addEventListener('DOMContentLoaded', () => {
    const style = document.createElement('style');
    style.textContent = '* { caret-color: transparent !important } [data-testid=stStatusWidget],' +
      '[data-testid=stToastContainer] { display: none !important }';
    document.head.append(style);
  });
}"""


class Screen:
    """Pictures of a page at each change, with the time at which they were shown."""

    def __init__(self, page: Page) -> None:
        self.page, self.shown = page, [(0.0, "")]
        self._session = page.context.new_cdp_session(page)
        self._session.on("Page.screencastFrame", self._frame)
        self._session.send("Page.startScreencast", {"format": "jpeg", "quality": 60})

    def _frame(self, event: dict[str, Any]) -> None:
        self._session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})
        picture = hashlib.md5(base64.b64decode(event["data"])).hexdigest()
        if picture != self.shown[-1][1]:
            self.shown.append((event["metadata"]["timestamp"], picture))

    def rest(self, quiet_ms: float = QUIET_MS) -> float:
        """Wait until nothing changes; epoch seconds of the last change."""
        number, calm = len(self.shown), 0.0
        while calm < quiet_ms:
            self.page.wait_for_timeout(100)
            calm = calm + 100 if len(self.shown) == number else 0.0
            number = len(self.shown)
        return self.shown[-1][0]

    def seconds(self, act: Callable[[], object], done: str) -> float:
        """From the last event of ``act`` to the last pixel, with ``done`` (a script) true."""
        self.rest()
        act()
        at = self.page.evaluate("() => window.__at") / 1000
        self.page.wait_for_function(done, timeout=WAIT_MS)
        return self.rest() - at


def box(page: Page, text: str) -> None:
    """Write a filter, without applying it."""
    page.locator(".st-key-filter_text textarea").fill(text)


# State and content of the map, which lies in a shadow tree.
DRAWN = (
    "[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]"
    ".map((e) => e.shadowRoot?.querySelector('.rv-map')).find(Boolean)?.dataset"
)


def map_of(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(f"() => ({{...({DRAWN} ?? {{}})}})")
    return found


def other_map(page: Page) -> str:
    """A script that is true once the map has been drawn with another content."""
    before = json.dumps(map_of(page).get("drawn", ""))
    return f"() => {{ const d = {DRAWN}; return d?.state === 'drawn' && d.drawn !== {before}; }}"


def filters(page: Page, screen: Screen, repeats: int) -> list[float]:
    """Expressions to map and counts."""
    found = []
    for i in range(repeats):
        box(page, f"las > {10.5 + 1.7 * (i % 20)} and not las > {90 + i}")
        done = other_map(page)
        found.append(
            screen.seconds(
                lambda: page.locator(".st-key-filter_text textarea").press("Control+Enter"), done
            )
        )
    box(page, "")
    page.locator(".st-key-filter_text textarea").press("Control+Enter")
    screen.rest()
    return found


def sliders(page: Page, screen: Screen, repeats: int) -> list[float]:
    """The slider of a column, from its release to map and counts."""
    button = page.locator(".st-key-filter_columns button").first
    button.evaluate("e => e.scrollIntoView({block: 'start'})")  # room for the menu below it
    button.click()
    thumb = page.get_by_role("slider").first
    thumb.wait_for(state="attached")
    found = []
    for i in range(repeats):
        screen.rest()
        x, y = thumb.evaluate(
            "e => { const r = e.parentElement.parentElement.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; }"
        )
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + (12 if i % 2 == 0 else -8), y, steps=3)
        done = other_map(page)
        found.append(screen.seconds(page.mouse.up, done))
    page.keyboard.press("Escape")
    return found


def listed(page: Page, box: str, name: str) -> Locator:
    """An option of a menu, which shows only a part of a long list until one types."""
    menu = page.get_by_role("combobox", name=box).last
    menu.click()
    menu.press_sequentially(name)
    option = page.get_by_role("option", name=re.compile(rf"^{name}( \[.*\])?$")).first
    option.wait_for()
    return option


def histograms(page: Page, screen: Screen, repeats: int) -> list[float]:
    """Another column in the menu of a histogram, to its bars."""
    page.get_by_role("tab", name="Charts").click()
    page.locator(".st-key-chart_0 .nsewdrag").first.wait_for(timeout=WAIT_MS)
    page.locator(".st-key-chart_menu_0 button").first.click()
    found = []
    for i in range(repeats):
        name = ("snr", "peak", "noise", "las", "flux")[i % 5]
        option = listed(page, "Column", name)
        title = f"() => document.querySelector('.st-key-chart_0').textContent.includes('{name}')"
        found.append(screen.seconds(option.click, title))
    page.keyboard.press("Escape")
    return found


def pages_of_table(page: Page, screen: Screen, repeats: int) -> list[float]:
    """Next page of the table."""
    page.get_by_role("tab", name="Rows").click()
    button = page.locator(".st-key-table_page button").last
    button.wait_for(timeout=WAIT_MS)
    return [screen.seconds(button.click, "() => true") for _ in range(repeats)]


def sorts(page: Page, screen: Screen, repeats: int) -> list[float]:
    """The table by another column."""
    page.get_by_role("tab", name="Rows").click()
    found = []
    for i in range(repeats):
        option = listed(page, "Sort by", ("flux", "las", "dec")[i % 3])
        found.append(screen.seconds(option.click, "() => true"))
    return found


def restored(browser: Browser, link: str, repeats: int) -> list[float]:
    """A workspace by its link in a new browser, from the first paint to the last pixel."""
    found = []
    for _ in range(repeats):
        with opened(browser) as (page, screen):
            page.goto(link, timeout=WAIT_MS)
            page.wait_for_function(f"() => {DRAWN}?.state === 'drawn'", timeout=WAIT_MS)
            last = screen.rest(2 * QUIET_MS)
            first = page.evaluate(
                "() => performance.timeOrigin + performance.getEntriesByType('paint')[0].startTime"
            )
            found.append(last - first / 1000)
    return found


@contextlib.contextmanager
def opened(browser: Browser) -> Iterator[tuple[Page, Screen]]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.add_init_script(f"({WATCH})()")
    try:
        yield page, Screen(page)
    finally:
        with contextlib.suppress(Exception):
            context.close()


def visit(
    browser: Browser, server: Server, key: str, repeats: int, only: list[str]
) -> dict[str, list[float]]:
    """All measurements of one data set."""
    found: dict[str, list[float]] = {}
    view = f"data={key}&encoder={MODEL}"
    with opened(browser) as (page, screen):
        page.goto(f"{server.url}/latent_map?{view}", timeout=WAIT_MS)
        page.wait_for_function(f"() => {DRAWN}?.state === 'drawn'", timeout=2 * WAIT_MS)
        screen.rest()
        few = max(5, repeats // 5)
        if "filter" in only:
            filters(page, screen, 2)  # what is made once a data set
            found["filter"] = filters(page, screen, few)
        if "slider" in only:
            found["slider"] = sliders(page, screen, repeats)
        if "restore" in only:
            box(page, "las > 30")
            page.locator(".st-key-filter_text textarea").press("Control+Enter")
            screen.rest()
            found["restore"] = restored(browser, page.url, few)
        page.get_by_role("link", name="Table").click()
        page.get_by_role("tab", name="Rows").wait_for(timeout=WAIT_MS)
        screen.rest()
        for name, measure in (
            ("table", pages_of_table), ("sort", sorts), ("histogram", histograms)
        ):  # fmt: skip
            if name in only:
                measure(page, screen, 3)
                found[name] = measure(page, screen, few)
    found["server_mb"] = [server.anonymous_bytes() / 1e6]
    return found


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[2158, 1_000_000])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--only", nargs="+", default=list(LIMITS), choices=list(LIMITS))
    parser.add_argument("--home", type=Path, help="where the synthetic surveys are kept")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        home = asked.home or Path(scratch)
        for count in asked.counts:
            key = "first" if count == 2158 else make_survey(home, count)
            with run_server(RADIOVIZ_HOME=str(home)) as server:
                browser = playwright.chromium.launch(
                    executable_path=chromium(), args=list(CHROMIUM_FLAGS)
                )
                results[key] = visit(browser, server, key, asked.repeats, asked.only)
                browser.close()
            told(key, count, results[key])
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")


def told(key: str, count: int, found: dict[str, list[float]]) -> None:
    """Print medians and 95th percentiles beside their limits."""
    print(f"{key}: {count:,} rows (load {os.getloadavg()[0]:.1f})")
    for name, values in found.items():
        if name == "server_mb":
            print(f"  server without mapped files  {values[0]:6.0f} MB   limit {MEMORY_MB} MB")
            continue
        limit = LIMITS[name][0 if count <= 10_000 else 1]
        print(
            f"  {name:10} n {len(values):3}  median {np.median(values):6.2f}  "
            f"95 % {np.percentile(values, 95):6.2f} s   limit {limit or '-'}"
        )


if __name__ == "__main__":
    main()
