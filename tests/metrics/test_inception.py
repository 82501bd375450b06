"""RAMIS against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radioviz.metrics import classified_as, ramis, ramis_interval

SURE = np.repeat(np.eye(2), 50, axis=0)


def test_sure_and_balanced_gives_the_number_of_classes() -> None:
    assert ramis(SURE) == pytest.approx(2)
    assert ramis(np.repeat(np.eye(5), 3, axis=0)) == pytest.approx(5)


def test_the_same_for_every_image_gives_one() -> None:
    assert ramis(np.full((10, 2), 0.5)) == pytest.approx(1)
    assert ramis(np.tile([0.9, 0.1], (10, 1))) == pytest.approx(1)
    assert ramis(np.tile([1.0, 0.0], (10, 1))) == pytest.approx(1)


@given(st.floats(0.01, 0.99))
def test_sure_with_unequal_classes_is_the_entropy_of_their_shares(share: float) -> None:
    n = 1000
    first = round(share * n)
    p = np.zeros((n, 2))
    p[:first, 0] = p[first:, 1] = 1
    q = first / n
    entropy = -sum(x * math.log(x) for x in (q, 1 - q) if x)
    assert ramis(p) == pytest.approx(math.exp(entropy), rel=1e-9)


@given(st.floats(0.5, 0.999))
def test_equal_doubt_in_balanced_classes(p: float) -> None:
    # log 2 minus the entropy of (p, 1 - p).
    rows = np.array([[p, 1 - p], [1 - p, p]] * 20)
    expected = 2 * p**p * (1 - p) ** (1 - p)
    assert ramis(rows) == pytest.approx(expected, rel=1e-9)


def test_interval_holds_the_value_and_narrows_with_more_images() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 0.5, 4000)
    rows = np.stack([p, 1 - p], axis=1)
    few, many = ramis_interval(rows[:100], draws=300), ramis_interval(rows, draws=300)
    for value, low, high in (few, many):
        assert low <= value <= high
    assert many[2] - many[1] < 0.3 * (few[2] - few[1])
    assert few[1] < many[0] < few[2]


def test_classified_as() -> None:
    np.testing.assert_array_equal(
        classified_as(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), 0), [True, False, True]
    )
