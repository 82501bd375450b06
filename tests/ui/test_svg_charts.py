"""Small charts: what they show adds up, text is escaped, empty input is no error."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st_

from radioviz.ui.charts import svg_charts
from radioviz.ui.charts.scales import log_ticks


def titles(svg: str) -> list[str]:
    """Tooltips of the bars; the text must be well-formed for this to succeed."""
    return [element.text or "" for element in ET.fromstring(svg).iter("title")]


def count(title: str) -> int:
    return int(title.rsplit("(", 1)[1].rstrip(")").replace(",", ""))


def test_bars_of_sizes_hold_every_source_once() -> None:
    sizes = np.append(np.random.default_rng(0).lognormal(3, 1, 500), [np.nan, 0, -1])
    svg = svg_charts.size_distribution(sizes)
    assert sum(count(t) for t in titles(svg)) == 500
    assert "All (500)" in svg and "Selection" not in svg and "[arcsec]" in svg


def test_a_selection_is_drawn_over_the_whole() -> None:
    sizes = np.random.default_rng(0).lognormal(3, 1, 500)
    svg = svg_charts.size_distribution(sizes, sizes[:100])
    assert sum(count(t) for t in titles(svg)) == 600
    assert "Selection (100)" in svg


@given(st_.lists(st_.floats(1e-3, 1e5), min_size=1, max_size=50))
def test_histogram_counts_every_size(sizes: list[float]) -> None:
    edges, (counts,) = svg_charts.histogram(np.array(sizes))
    assert counts.sum() == len(sizes)
    assert (np.diff(edges) > 0).all()


def test_no_sizes_at_all() -> None:
    assert "No angular sizes" in svg_charts.size_distribution(np.full(5, np.nan))
    ET.fromstring(svg_charts.size_distribution(np.full(5, 20.0), np.array([])))


def test_class_counts_compare_shares() -> None:
    svg = svg_charts.class_counts(["FRI", "FRII", "FRII", ""], ["FRII"])
    assert titles(svg) == [
        "All, FRI: 25.0% (1)",
        "Selection, FRI: 0.0% (0)",
        "All, FRII: 50.0% (2)",
        "Selection, FRII: 100.0% (1)",
        "All, no class: 25.0% (1)",
        "Selection, no class: 0.0% (0)",
    ]


def test_class_names_are_text() -> None:
    svg = svg_charts.class_counts(["<script>x</script>"])
    assert "<script>" not in svg and "&lt;script&gt;" in svg
    ET.fromstring(svg)
    ET.fromstring(svg_charts.class_counts([]))


@pytest.mark.parametrize(("low", "high"), [(1.0, 1000.0), (5.0, 80.0), (20.0, 30.0), (3e-4, 2.0)])
def test_log_ticks_are_inside_and_enough(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 16
    assert (ticks >= low * 0.99).all() and (ticks <= high * 1.01).all()
    assert (np.diff(ticks) > 0).all()
