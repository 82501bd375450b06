"""A map of four islands on a page of its own: where its points are, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import numpy as np

from tests.browser.actions import until
from tests.browser.server import PATIENCE, Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

N = 4000
# What app and test agree on: rows of island k are those with row % 4 == k.
ISLANDS = ((0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0))


@dataclass
class Map:
    """A map on a page and where its points are."""

    page: Page
    painter: str

    def open(self, server: Server, **ask: object) -> Map:
        query = {"renderer": self.painter, "n": N, "case": "islands"} | ask
        self.page.goto(f"{server.url}/?{urlencode(query)}", timeout=PATIENCE)
        self.page.wait_for_selector(".rv-map[data-state=drawn]", timeout=PATIENCE)
        assert self.page.get_attribute(".rv-map", "data-renderer") == self.painter
        self.page.wait_for_selector("#answer")
        return self

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place on the page of a place on the map, before any zoom."""
        box = self.page.locator(".rv-points").bounding_box()
        assert box is not None
        # The app's islands reach one unit beyond their centres; 4 % of margin is left.
        x0, x1, y0, y1 = extent()
        fx = 0.04 + 0.92 * (x - x0) / (x1 - x0)
        fy = 0.04 + 0.92 * (y - y0) / (y1 - y0)
        return box["x"] + fx * box["width"], box["y"] + (1 - fy) * box["height"]

    def around(self, island: int, shift: bool = False) -> None:
        """Draw a lasso about an island."""
        x, y = ISLANDS[island]
        corners = [(-1.2, -1.2), (1.2, -1.2), (1.2, 1.2), (-1.2, 1.2), (-1.2, -1.1)]
        if shift:
            self.page.keyboard.down("Shift")
        for i, (dx, dy) in enumerate(corners):
            self.page.mouse.move(*self.at(x + dx, y + dy), steps=1 if i == 0 else 6)
            if i == 0:
                self.page.mouse.down()
        self.page.mouse.up()
        if shift:
            self.page.keyboard.up("Shift")

    def answer(self, expected: str) -> None:
        """Wait for what the server understood: kind, number and sum of rows."""
        from playwright.sync_api import expect

        expect(self.page.locator("#answer")).to_have_text(expected)

    def drawn(self) -> None:
        self.page.wait_for_selector(".rv-map[data-state=drawn]", timeout=PATIENCE)

    def becomes(self, x: float, y: float, least: int, most: int = 10**6) -> None:
        """Wait until so many pixels about a place have a colour."""
        said = f"not {least} to {most} coloured pixels at {x}, {y}"
        until(self.page, lambda: least <= self.coloured(x, y) <= most, said)

    def colours(self, x: float, y: float, half: int = 25) -> np.ndarray:
        """Pixels (k, 3) about a place on the map."""
        import io

        from PIL import Image

        px, py = self.at(x, y)
        clip = {"x": px - half, "y": py - half, "width": 2 * half, "height": 2 * half}
        shot = Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB")
        return np.asarray(shot).reshape(-1, 3).astype(int)

    def coloured(self, x: float, y: float) -> int:
        """How many pixels about a place have a colour (neither page nor grey)."""
        pixels = self.colours(x, y)
        return int(((pixels.max(axis=1) - pixels.min(axis=1)) > 40).sum())


def extent() -> tuple[float, float, float, float]:
    """Smallest and largest coordinates of the app's islands."""
    from tests.browser.apps import map_app

    columns = map_app.islands(N)
    x, y = columns["x"], columns["y"]
    return float(x.min()), float(x.max()), float(y.min()), float(y.max())


def rows(*islands: int) -> np.ndarray:
    return np.flatnonzero(np.isin(np.arange(N) % 4, islands))


def told(kind: str, found: np.ndarray) -> str:
    return f"{kind} {len(found)} {found.sum()}"
