"""Which points lie within a lasso, held against the rule of the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from radioviz.ui.map.polygon import inside


def in_polygon(x: float, y: float, corners: np.ndarray) -> bool:
    """One point, as the textbook has it: a ray to the right crosses an odd number of edges."""
    odd = False
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (ay <= y) != (by <= y) and x < ax + (y - ay) * ((bx - ax) / (by - ay)):
            odd = not odd
    return odd


COORDINATES = st.integers(-6, 6).map(float) | st.floats(-6, 6, width=32)


@given(
    arrays(np.float32, st.tuples(st.integers(0, 40), st.just(2)), elements=COORDINATES),
    arrays(np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=COORDINATES),
)
@settings(max_examples=200, deadline=None)
def test_inside_is_the_even_odd_rule(places: np.ndarray, corners: np.ndarray) -> None:
    """Also where points share the height of corners, edges lie flat or the outline crosses."""
    found = inside(places[:, 0], places[:, 1], corners)
    assert found.tolist() == [
        i for i, (x, y) in enumerate(places.astype(float)) if in_polygon(x, y, corners)
    ]


def test_inside_leaves_out_what_has_no_position() -> None:
    x = np.array([0.0, np.nan, 0.1, np.inf, 0.2, -np.inf], dtype=np.float32)
    y = np.array([0.0, 0.0, np.nan, 0.0, np.inf, -np.inf], dtype=np.float32)
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    assert inside(x, y, square).tolist() == [0]


@pytest.mark.parametrize(
    "corners", [np.zeros((0, 2)), np.zeros((2, 2)), np.array([[0, 0], [1, np.nan], [1, 1]])]
)
def test_inside_of_what_is_no_polygon_is_nothing(corners: np.ndarray) -> None:
    assert len(inside(np.zeros(3), np.zeros(3), corners)) == 0
