"""Charts: what they show adds up, axes have units, Plotly accepts them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from radioviz.ui import figures


def test_shares_of_sizes_add_up_to_one() -> None:
    rng = np.random.default_rng(0)
    whole = np.append(rng.lognormal(3, 1, 500), [np.nan, 0, -1])
    figure = go.Figure(figures.size_distribution(whole, whole[:100]))
    assert [t.name for t in figure.data] == ["All (500)", "Selection (100)"]
    for trace, n in zip(figure.data, (500, 100), strict=True):
        assert sum(trace.y) == 1.0 or abs(sum(trace.y) - 1) < 1e-9
        assert sum(trace.customdata) == n
    assert figure.layout.xaxis.type == "log" and "arcsec" in figure.layout.xaxis.title.text


def test_sizes_of_one_value_and_of_none() -> None:
    one = go.Figure(figures.size_distribution(np.full(5, 20.0)))
    assert sum(one.data[0].customdata) == 5
    assert len(go.Figure(figures.size_distribution(np.full(5, np.nan))).data) == 0


def test_class_counts_compare_shares() -> None:
    figure = go.Figure(figures.class_counts(["FRI", "FRII", "FRII", ""], ["FRII"]))
    whole, part = figure.data
    assert list(whole.x) == ["FRI", "FRII", "no class"]
    assert list(whole.y) == [0.25, 0.5, 0.25] and list(part.y) == [0, 1, 0]


def test_class_names_are_escaped() -> None:
    figure = figures.class_counts(["<b>x</b>"])
    assert figure["data"][0]["x"] == ["&lt;b&gt;x&lt;/b&gt;"]


def test_all_sky_does_not_grow_with_the_catalogue() -> None:
    rng = np.random.default_rng(0)
    n = 300_000
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    ra[:10] = np.nan
    figure = go.Figure(
        figures.all_sky({"Many": (ra, dec), "Few": (ra[:50], dec[:50])}, ["#111111", "#222222"])
    )
    many, few = figure.data[-2:]
    assert len(many.x) < 21_000 and len(few.x) == 40
    assert np.abs(many.x).max() < 2.9 and np.abs(many.y).max() < 1.45
