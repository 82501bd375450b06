"""A survey of many galaxies with a map, and its gallery in a browser; for tests and benchmarks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.browser import actions
from tests.browser.server import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.server import Server

MODEL = "vae32"


def with_map(key: str) -> None:
    """Measure an imported survey and give it an Atlas of random latents, drawn as a disc."""
    from radioviz.atlas.atlas import Layout, write_atlas
    from radioviz.data.registry import open_data_set
    from radioviz.models.registry import list_models
    from radioviz.morphology import complete
    from radioviz.paths import user_data_folder

    catalogue = complete(open_data_set(key))
    info = list_models()[MODEL]
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((len(catalogue), info.latent_dim)).astype(np.float16)
    radius, angle = np.sqrt(rng.random(len(catalogue))), 2 * np.pi * rng.random(len(catalogue))
    disc = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    write_atlas(
        catalogue, info, latents, {"umap": (disc, Layout("UMAP"))},
        folder=user_data_folder() / "atlas",
    )  # fmt: skip


# Buttons of the gallery's pictures, which lie in a shadow tree.
_OPEN = """const open = () => [...document.querySelectorAll('.st-key-gallery *')]
  .filter(e => e.shadowRoot).flatMap(e => [...e.shadowRoot.querySelectorAll('.open')]);"""


def shown(page: Page) -> list[str]:
    """Galaxies of the gallery's page, in order."""
    found: list[str] = page.evaluate(
        f"() => {{ {_OPEN} return open().map(b => b.dataset.source) }}"
    )
    return found


def turned(page: Page, turn: str, before: list[str]) -> float:
    """Seconds from a click on a button of the pagination to all of that page's pictures."""
    start = time.perf_counter()
    page.locator(turn).click()
    arrived(page, before)
    return time.perf_counter() - start


def arrived(page: Page, before: list[str]) -> None:
    """Wait for another page of pictures than ``before``, every one of them decoded."""
    page.wait_for_function(
        f"""before => {{ {_OPEN}
        const ids = open().map(b => b.dataset.source);
        return ids.length && JSON.stringify(ids) !== JSON.stringify(before)
          && open().every(b => {{ const i = b.querySelector('img');
                                 return i.complete && i.naturalWidth > 0; }}); }}""",
        arg=before,
        timeout=PATIENCE,
    )


def visit(page: Page, server: Server, key: str) -> dict[str, float]:
    """Select all galaxies of a survey, turn pages, sort, scroll: seconds, pictures, memory."""
    import re

    from playwright.sync_api import expect

    page.goto(f"{server.url}/latent_map?data={key}&encoder={MODEL}")
    actions.wait_for_map(page)
    actions.settle(page)
    idle = server.anonymous_bytes()
    actions.draw_lasso(page, 0.005, 0.005, 0.995, 0.995)
    start = time.perf_counter()
    page.mouse.up()
    actions.selection_heading(page).wait_for(timeout=PATIENCE)
    arrived(page, [])
    found = {"lasso_to_gallery_s": time.perf_counter() - start}
    found["selected"] = actions.selected_count(page)
    first = shown(page)
    found["pictures"] = len(first)
    actions.settle(page)
    found["next_page_s"] = turned(page, "[data-testid=stPaginationNext]", first)
    second = shown(page)
    actions.settle(page)
    pages = page.get_by_test_id("stPaginationPage").last
    number = int(pages.inner_text())
    start = time.perf_counter()
    pages.click()
    arrived(page, second)
    found |= {"last_page_s": time.perf_counter() - start, "pages": number}
    last = shown(page)
    found["pictures_on_the_last"] = len(last)
    actions.settle(page)
    assert not {*first} & {*second} | {*first} & {*last}, "a galaxy stands on two pages"
    page.locator(".st-key-gallery_order").get_by_role("combobox").click()
    option = page.get_by_role("option", name="Largest first")
    option.wait_for()
    start = time.perf_counter()
    option.click()
    arrived(page, last)
    found["sort_s"] = time.perf_counter() - start
    start = time.perf_counter()
    page.locator(".st-key-gallery .open").last.scroll_into_view_if_needed()
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")
    found["scroll_s"] = time.perf_counter() - start
    found["server_mb"] = (server.anonymous_bytes() - idle) / 1e6
    client = page.context.new_cdp_session(page)
    found["page_mb"] = client.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    expect(page.get_by_test_id("stMain")).not_to_contain_text(re.compile("Traceback"))
    return found


def cube(folder: Path, count: int, side: int) -> Path:
    """Noise with a bright line each, of four lengths, as a cube for an import."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 40, (count, side, side), dtype=np.uint8)
    for i in range(4):
        images[i::4, side // 2, side // 2 - i : side // 2 + i + 1] = 255
    path = folder / "many.npy"
    np.save(path, images)
    return path
