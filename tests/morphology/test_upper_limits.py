"""Order, quantiles and words of sizes that are upper limits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radioviz.morphology.upper_limits import limits_of, quantile, size_order, size_words


def test_without_limits_a_quantile_is_that_of_numpy():
    values = np.random.default_rng(0).lognormal(3, 1, 101)
    for q in (0.16, 0.5, 0.84):
        assert quantile(values, np.zeros(101, bool), q) == (np.quantile(values, q), False)
    assert np.isnan(quantile(np.array([np.nan]), np.array([False]), 0.5)[0])


@pytest.mark.parametrize(
    ("values", "limits", "q", "expected"),
    [
        ([2.7, 2.7, 10, 20, 30], [1, 1, 0, 0, 0], 0.5, (10, False)),
        ([2.7, 2.7, 2.7, 20, 30], [1, 1, 1, 0, 0], 0.5, (2.7, True)),
        # A limit of 22 among smaller sizes: it shares its weight among 10 and 20.
        ([22, 22, 10, 20, 30], [1, 1, 0, 0, 0], 0.5, (20, False)),
        ([5, 5, 5], [1, 1, 1], 0.84, (5, True)),
        ([2.7, 10, 20, 30, np.nan], [1, 0, 0, 0, 0], 0.84, (30, False)),
        ([2.7, 10, 20, 30], [1, 0, 0, 0], 0.16, (6.2, True)),
    ],
)
def test_quantiles_respect_limits(values, limits, q, expected):
    found = quantile(np.array(values, float), np.array(limits, bool), q)
    assert found == (pytest.approx(expected[0], rel=0.05), expected[1])


@given(st.integers(0, 1000), st.floats(0.5, 15))
def test_the_median_with_limits_is_that_of_the_true_sizes(seed, beam):
    """Telescopes of many beams: what is smaller than its beam is a limit of one beam."""
    rng = np.random.default_rng(seed)
    true, beams = rng.lognormal(3, 0.8, 4000), beam * rng.lognormal(0, 0.7, 4000)
    limits = true < beams
    value, upper = quantile(np.maximum(true, beams), limits, 0.5)
    assert not upper
    assert value == pytest.approx(np.median(true), rel=0.08)


def test_limits_rank_below_every_size_and_unknown_ones_last():
    values = np.array([5, 22.0, np.nan, 30, 2.7])
    limits = np.array([False, True, False, False, True])
    assert size_order(values, limits, largest_first=True).tolist() == [3, 0, 1, 4, 2]
    assert size_order(values, limits, largest_first=False).tolist() == [4, 1, 0, 3, 2]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((63.23,), "63″"),
        ((8.43,), "8.4″"),
        ((99.96,), "100″"),
        ((2.7, True), "<2.7″"),
        ((2.72, True), "<2.8″"),
        ((22.5, True), "<23″"),
        ((22.5, True, 3.0), "<23″"),
        ((107.2, False, 14.2), "107 ± 14″"),
        ((8.43, False, 1.13), "8.4 ± 1.1″"),
        ((0.83, False, 0.114), "0.83 ± 0.11″"),
        ((float("nan"), False), ""),
    ],
)
def test_sizes_have_two_to_three_digits_and_limits_are_not_rounded_down(arguments, text):
    assert size_words(*arguments) == text


def test_a_table_without_the_column_has_no_limits():
    assert limits_of(pd.DataFrame({"las": [1.0, 2.0]})).tolist() == [False, False]
    mixed = pd.DataFrame({"las_limit": [True, np.nan, False, None]}, dtype=object)
    assert limits_of(mixed).tolist() == [True, False, False, False]
