"""From a click to a decoded galaxy: the figures of the Grid walk and Generate pages.

Prints one line a figure with its bound. Nothing here is asserted: a benchmark tells, a test
judges. Run on an idle machine, with the FIRST catalogue built:

    python -m tests.benchmarks.bench_decoders [--repeat 5]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from playwright.sync_api import Page, sync_playwright

from radioviz.models.registry import list_models
from tests.benchmarks.bench_first_light import show, timed
from tests.browser import actions
from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server

WHOLE = ".st-key-walk_plane_panel .whole[data-points]"


def decoding(repeat: int) -> None:
    """Without a browser: a plane, a cell, a batch of 64, by each decoder."""
    from radioviz.atlas import latent_plane
    from radioviz.encode import Encoder, GenerationRequest, Generator
    from radioviz.ui import synthetic
    from radioviz.ui.image.display import ImageStyle

    start = time.perf_counter()
    import torch

    show("import of torch", [time.perf_counter() - start], "")
    print(f"{'threads of torch':54s} {torch.get_num_threads():8d}")
    for name, info in list_models().with_capability("decode").items():
        loads = [timed(lambda name=name: Encoder.load(name)) for _ in range(repeat)]
        encoder = Encoder.load(name)
        plane = latent_plane.axes_plane(np.zeros(info.latent_dim), 0, 1)
        encoder.decode(plane.grid()[:16])
        show(f"{name}: load", loads, "")
        show(
            f"{name}: plane of 21 x 21",
            [
                timed(lambda e=encoder, p=plane: e.decode(p.grid(), batch=64, draft=True))
                for _ in range(repeat)
            ],
            "<= 1 s",
        )
        images = encoder.decode(plane.grid())
        show(
            f"{name}: its picture",
            [
                timed(lambda i=images: synthetic.draw_plane(i, 21, ImageStyle()))
                for _ in range(repeat)
            ],
            "",
        )
        show(
            f"{name}: one cell",
            [timed(lambda e=encoder, p=plane: e.decode(p.at(1, 1))) for _ in range(repeat)],
            "",
        )
        generator = Generator(encoder)
        generator.sample(GenerationRequest(n=16))
        show(
            f"{name}: 64 galaxies",
            [
                timed(lambda g=generator, s=s: g.sample(GenerationRequest(n=64, seed=s)))
                for s in range(repeat)
            ],
            "<= 2 s",
        )


def pages(repeat: int) -> None:
    """In a browser: first opening, click to cell, new seed."""
    firsts, planes, clicks, seeds, memory = [], [], [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        for _ in range(repeat):
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            with run_server() as server:
                page.goto(server.url)
                page.locator("h1").first.wait_for()
                actions.settle(page)

                def walk(page: Page = page) -> None:
                    page.get_by_role("link", name="Grid walk").first.click()
                    page.wait_for_selector(WHOLE, timeout=120_000)

                firsts.append(timed(walk))
                actions.settle(page)
                box = page.locator(".st-key-walk_plane_panel .plane").bounding_box()
                if box is None:
                    raise RuntimeError("the plane is not on the page")
                for a in (3.2, 2.8, 3.6):
                    x = box["x"] + (a + 4.2) / 8.4 * box["width"]
                    y = box["y"] + 0.1 * box["height"]

                    def click(page: Page = page, x: float = x, y: float = y, a: float = a) -> None:
                        page.mouse.click(x, y)
                        page.get_by_text(f"Decoded at ({a:g}, 3.2)").wait_for()

                    clicks.append(timed(click))
                    actions.settle(page)
                rest = page.locator(".st-key-walk_reach input")
                rest.fill("3.6")

                def plane(page: Page = page) -> None:
                    old = page.locator(".st-key-walk_plane_panel .images").get_attribute("src")
                    page.keyboard.press("Enter")
                    page.wait_for_function(
                        "old => document.querySelector('.st-key-walk_plane_panel .images')"
                        " ? document.querySelector('.st-key-walk_plane_panel .images').src !== old"
                        " : [...document.querySelectorAll('*')].some(e => e.shadowRoot &&"
                        " e.shadowRoot.querySelector('.images') &&"
                        " e.shadowRoot.querySelector('.images').src !== old)",
                        arg=old,
                    )

                planes.append(timed(plane))
                actions.settle(page)
                page.goto(f"{server.url}/generate?n=64")
                gallery = page.locator(".st-key-generate_gallery .cell")
                gallery.nth(63).wait_for(timeout=120_000)
                actions.settle(page)
                before = page.locator(".st-key-generate_seed input").input_value()

                def dice(page: Page = page, before: str = before) -> None:
                    page.locator(".st-key-generate_dice button").click()
                    page.get_by_text(f"of seed {before}").wait_for(state="detached")
                    page.locator(".st-key-generate_gallery .cell").nth(63).wait_for()

                seeds.append(timed(dice))
                memory.append(server.resident_bytes() / 2**20)
            page.close()
        browser.close()
    show("first opening of a page that needs torch", firsts, "<= 6 s")
    show("another plane, from Enter to its picture", planes, "<= 1 s")
    show("click to cell", clicks, "<= 0.5 s")
    show("64 galaxies of a new seed, measured and judged", seeds, "<= 2 s")
    show("server memory with decoder and classifier", memory, "<= 1500 MB", "MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    decoding(given.repeat)
    if not given.no_browser:
        pages(given.repeat)


if __name__ == "__main__":
    main()
