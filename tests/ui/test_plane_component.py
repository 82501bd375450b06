"""What the browser says of the plane, and what it is told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from radioviz.ui.pages.grid_walk.plane_component import (
    Contour,
    Dots,
    Picked,
    _contours,
    _dots_file,
    read_event,
)

PAIRS = [("first", "first-0"), ("first", "first-1")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "cell", "a": 0.4, "b": -1.2, "add": False}, Picked((0.4, -1.2), None, False)),
        ({"kind": "cell", "a": 0, "b": 1, "add": True}, Picked((0.0, 1.0), None, True)),
        ({"kind": "galaxy", "index": 1, "seen": "d"}, Picked(None, PAIRS[1], False)),
        ({"kind": "galaxy", "index": 1, "seen": "old"}, None),
        ({"kind": "galaxy", "index": 9, "seen": "d"}, None),
        ({"kind": "galaxy", "index": "1", "seen": "d"}, None),
        ({"kind": "cell", "a": "x", "b": 0}, None),
        ({"kind": "cell", "a": float("nan"), "b": 0}, None),
        ({"kind": "cell", "a": 1}, None),
        ({}, None),
        (None, None),
        ("cell", None),
    ],
)
def test_events(value: object, expected: Picked | None) -> None:
    assert read_event(value, "d", PAIRS) == expected


def test_dots_are_described_once_and_name_the_focus() -> None:
    dots = Dots(PAIRS, np.array([[0.12345678, 1], [2, 3]]), np.array([1, 0]), ["#000", "#fff"], [])
    content = json.loads(_dots_file(dots, PAIRS[1]))
    assert content["x"] == [0.1235, 2.0]
    assert content["focus"] == 1
    assert json.loads(_dots_file(dots, ("first", "other")))["focus"] == -1


def test_contour_labels_keep_apart() -> None:
    line = np.array([[[x, 0.0], [x + 0.4, 0.0]] for x in np.arange(-4, 4, 0.4)])
    near = line + np.array([0.0, 0.1])
    drawn = _contours([Contour(line, "10", "#fff"), Contour(near, "20", "#fff")], 4.2)
    assert drawn[0]["path"].startswith("M")
    gap = np.hypot(*np.subtract(drawn[0]["at"], drawn[1]["at"]))
    assert gap > 100  # of a thousand
    assert _contours([Contour(np.zeros((0, 2, 2)), "1", "#fff")], 4.2)[0]["at"] is None
