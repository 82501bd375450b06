"""Bootstrap intervals against those of the normal distribution."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.metrics import bootstrap, bootstrap_of

RNG = np.random.default_rng(0)


def test_mean_of_normal_values() -> None:
    values = RNG.normal(5, 2, 400)
    value, low, high = bootstrap(values, np.mean)
    half = 1.96 * values.std() / 20
    assert value == pytest.approx(values.mean())
    assert low == pytest.approx(value - half, abs=0.04)
    assert high == pytest.approx(value + half, abs=0.04)


def test_ratio_of_two_groups() -> None:
    one, two = RNG.normal(10, 1, 300), RNG.normal(5, 1, 100)
    value, low, high = bootstrap_of([one, two], lambda a, b: a.mean() / b.mean())
    error = 2 * np.hypot(0.1 / np.sqrt(300), 0.2 / np.sqrt(100))
    assert value == pytest.approx(2, abs=4 * error)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.2)


def test_a_statistic_that_never_changes() -> None:
    assert bootstrap(np.ones(5), np.mean) == (1, 1, 1)
