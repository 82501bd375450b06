"""Re-ranking 100,000 galaxies after a mark; the start of a flow of 48 blocks.

Run with ``python -m tests.benchmarks.bench_likelihood [--flow] [--browser]``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

RERANK_LIMIT_S = 1.0
CLICK_LIMIT_S = 0.5


def rerank(n: int = 100_000, d: int = 256) -> dict[str, Any]:
    """Seconds from a mark to the new order of ``n`` galaxies, by how many are marked."""
    import sklearn.linear_model  # noqa: F401 - imported once a process, at the first ranking

    from radioviz.words.examples import ExampleSpace

    rng = np.random.default_rng(0)
    space = ExampleSpace.of(rng.standard_normal((n, d), dtype=np.float32), {})
    out: dict[str, Any] = {"galaxies": n, "dimensions": d, "limit_s": RERANK_LIMIT_S}
    for marks in (4, 10, 50, 100, 200):
        rows = rng.choice(n, marks, replace=False)
        wall, work = [], []
        for _ in range(5):
            started, spent = time.perf_counter(), time.process_time()
            space.teach(rows[::2], rows[1::2]).ranked(rows)
            wall.append(time.perf_counter() - started)
            work.append(time.process_time() - spent)
        out[f"{marks}_marks_s"] = round(min(wall), 3)
        out[f"{marks}_marks_cpu_s"] = round(min(work), 3)
    return out


def flow_start(seeds: int = 5, steps: int = 12, d: int = 32, hidden: int = 512) -> dict[str, Any]:
    """The paper's 48 blocks of 2 x 512 over five seeds, as they come and as they start here.

    Log p of standard normal points before training, whether any step gave a value that is not
    finite, and log p after a few steps of Adam at the paper's rate.
    """
    import torch

    from radioviz.models.maf import MAF

    normal = -0.5 * d * math.log(2 * math.pi * math.e)
    out: dict[str, Any] = {"blocks": 48, "hidden": hidden, "dimensions": d, "normal": normal}
    for name, last_scale, clip in (("as it comes", 1.0, math.inf), ("here", 0.01, 1.0)):
        starts, ends, finite = [], [], []
        for seed in range(seeds):
            torch.manual_seed(seed)
            flow = MAF(d, 48, hidden, 2, last_scale=last_scale)
            adam = torch.optim.Adam(flow.parameters(), 5e-4)
            good = True
            for step in range(steps):
                loss = -flow.log_prob(torch.randn(32, d)).mean()
                if step == 0:
                    starts.append(-float(loss.detach()))
                good &= bool(torch.isfinite(loss))
                adam.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(flow.parameters(), clip)
                adam.step()
            ends.append(-float(loss.detach()))
            finite.append(good)
        out[name] = {"start": starts, "end": ends, "finite": finite}
    return out


def _listed(page: Any) -> list[str]:
    """Galaxies whose pictures the gallery holds."""
    cells = page.locator(".st-key-likelihood_gallery .open")
    found: list[str] = cells.evaluate_all("all => all.map(one => one.dataset.source)")
    return found or [""]


def click(url: str, repeats: int = 7) -> dict[str, Any]:
    """Seconds from a click on a bar to the gallery of its galaxies, in Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.browser import actions

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        page.goto(f"{url}/likelihood?data=first&encoder=vae32")
        chart = page.locator(".st-key-likelihood_histogram .nsewdrag")
        chart.wait_for(timeout=60_000)
        actions.settle(page)
        times = []
        box = chart.bounding_box()
        assert box is not None
        for i in range(repeats):
            x = box["x"] + box["width"] * (0.35 + 0.04 * i)
            y = box["y"] + box["height"] * 0.6
            before = _listed(page)
            page.mouse.move(x, y)
            page.locator(".st-key-likelihood_histogram .hovertext").first.wait_for()
            started = time.perf_counter()
            page.mouse.click(x, y)
            while _listed(page) in (before, [""]):
                if time.perf_counter() - started > 20:
                    raise TimeoutError(f"a click at {x:.0f}, {y:.0f} changed no gallery")
            times.append(time.perf_counter() - started)
            actions.settle(page)
        browser.close()
    return {"click_to_gallery_s": [round(t, 3) for t in times], "limit_s": CLICK_LIMIT_S}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flow", action="store_true")
    parser.add_argument("--browser", metavar="URL", help="of a running server")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    found: dict[str, Any] = {"rerank": rerank()}
    if args.flow:
        found["flow_start"] = flow_start()
    if args.browser:
        found["click"] = click(args.browser)
    text = json.dumps(found, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
