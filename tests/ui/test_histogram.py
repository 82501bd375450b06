"""What the browser gets of a histogram."""

from __future__ import annotations

import json

import numpy as np
import pytest

from radioviz.ui.charts.histogram import Mark, Picture, Series, payload, round_numbers


def test_what_is_sent_depends_on_the_bins_alone() -> None:
    edges = np.linspace(-100, 20, 61)
    sizes = []
    for n in (10, 1_000_000):
        counts = np.full(60, n, np.int64)
        picture = Picture(edges, [Series("FIRST", counts, "#123456")], "log p", "label")
        sizes.append(len(json.dumps(payload(picture))))
    assert sizes[1] < 1.5 * sizes[0]


def test_ticks_marks_and_range() -> None:
    picture = Picture(
        np.array([0.0, 1.0, 2.0]),
        [Series("a", np.array([3, 40]), "#000000"), Series("b", np.array([0, 1]), line=True)],
        "x",
        "label",
        log=True,
        marks=[Mark(0.5, "threshold", dashed=True), Mark(1.5, "in focus")],
        range=(0.0, 1.0),
    )
    sent = payload(picture)
    assert [t for t, _ in sent["y_ticks"]] == [1.0, 10.0]
    assert [m["row"] for m in sent["marks"]] == [0, 1]
    assert sent["range"] == [0.0, 1.0]
    assert sent["series"][1]["line"] is True


@pytest.mark.parametrize(("low", "high"), [(-133.2, 17.9), (0.0, 1.0), (1e-6, 3e-6), (5.0, 1e6)])
def test_round_numbers_lie_inside_and_are_few(low: float, high: float) -> None:
    found = round_numbers(low, high, 9)
    assert 2 <= len(found) <= 10
    assert min(found) >= low - 1e-9
    assert max(found) <= high * (1 + 1e-9)
    assert round_numbers(3.0, 3.0, 5) == [3.0]
