"""The sky map: what it shows, and that it does not grow with the catalogue."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from radioviz.ui.pages.overview.sky_map import SkySample, all_sky


def test_all_sky_does_not_grow_with_the_catalogue() -> None:
    rng = np.random.default_rng(0)
    n = 300_000
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    ra[:10] = np.nan
    figure = go.Figure(
        all_sky(
            [
                SkySample("Many", ra, dec, "#111111"),
                SkySample("Few", ra[:50], dec[:50], "#222222"),
            ]
        )
    )
    many, few = figure.data[-2:]
    assert len(many.x) < 21_000 and len(few.x) == 40
    assert np.abs(many.x).max() < 2.9 and np.abs(many.y).max() < 1.45
