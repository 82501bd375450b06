"""Bars in HTML: what they show adds up, text is escaped, empty input is not an error."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st_

from radioviz.ui.charts.html_bars import class_bar, size_bars, size_counts
from radioviz.ui.charts.scales import log_ticks


def titles(html: str) -> list[str]:
    """Tooltips of the bars; the text must be well-formed for this to succeed."""
    elements = ET.fromstring(f"<div>{html}</div>").iter()
    return [e.attrib["title"] for e in elements if "title" in e.attrib]


def count(title: str) -> int:
    return int(title.rsplit("(", 1)[1].rstrip(")").replace(",", ""))


def test_bars_of_sizes_hold_every_source_once() -> None:
    sizes = np.append(np.random.default_rng(0).lognormal(3, 1, 500), [np.nan, 0, -1])
    html = size_bars({"All": sizes})
    assert sum(count(t) for t in titles(html)) == 500
    assert "All (500)" in html and "Selection" not in html and "[arcsec]" in html


def test_a_selection_is_drawn_over_the_whole() -> None:
    sizes = np.random.default_rng(0).lognormal(3, 1, 500)
    html = size_bars({"All": sizes, "Selection": sizes[:100]})
    assert sum(count(t) for t in titles(html)) == 600
    assert "Selection (100)" in html


@given(st_.lists(st_.floats(1e-3, 1e5), min_size=1, max_size=50))
def test_counts_hold_every_size(sizes: list[float]) -> None:
    edges, counts, upper = size_counts({"All": np.array(sizes)})
    assert counts["All"].sum() == len(sizes) and not upper
    assert (np.diff(edges) > 0).all()


def test_upper_limits_stand_apart() -> None:
    """Twelve limits of 2.7 and one of 22, none of them counted as a measured size."""
    sizes = np.array([2.7] * 12 + [22.0] + [20.0, 40.0, 80.0])
    limits = np.array([True] * 13 + [False] * 3)
    _, counts, upper = size_counts({"All": sizes}, {"All": limits})
    assert counts["All"].sum() == 3 and upper["All"].sum() == 13
    html = size_bars({"All": sizes}, {"All": limits})
    of_limits = [t for t in titles(html) if "upper limits" in t]
    assert sum(count(t) for t in of_limits) == 13
    assert sum(count(t) for t in titles(html)) == 16
    assert "All (16)" in html and "All, upper limits ← (13)" in html
    assert "upper limits" not in size_bars({"All": sizes}, {"All": np.zeros(16, bool)})


def test_no_sizes_at_all() -> None:
    assert "No angular sizes" in size_bars({"All": np.full(5, np.nan)})
    titles(size_bars({"All": np.full(5, 20.0), "Selection": np.array([])}))


def test_class_bars_compare_shares() -> None:
    everything = class_bar({"FRII": 2, "": 1, "FRI": 1}, "All")
    assert titles(everything) == [
        "All, FRI: 25.0% (1)",
        "All, FRII: 50.0% (2)",
        "All, no class: 25.0% (1)",
    ]
    assert titles(class_bar({"FRII": 1}, "Selection")) == ["Selection, FRII: 100.0% (1)"]
    assert "width:50.000%" in everything and "FRII 2" in everything


def test_class_names_are_text() -> None:
    html = class_bar({"<script>x</script>": 1})
    assert "<script>" not in html and "&lt;script&gt;" in html
    titles(html)
    titles(class_bar({}))


@pytest.mark.parametrize(("low", "high"), [(1.0, 1000.0), (5.0, 80.0), (20.0, 30.0), (3e-4, 2.0)])
def test_log_ticks_are_inside_and_enough(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 16
    assert (ticks >= low * 0.99).all() and (ticks <= high * 1.01).all()
    assert (np.diff(ticks) > 0).all()
