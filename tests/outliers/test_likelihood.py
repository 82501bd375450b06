"""Ranks, thresholds and averages of outlier scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radioviz.errors import LikelihoodError
from radioviz.models.registry import ModelList, list_models
from radioviz.outliers import thresholds as likelihood
from radioviz.outliers.thresholds import OutlierScore

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def test_a_score_of_which_low_is_strange_is_negated() -> None:
    assert OutlierScore("log_prob", "log p", low=True).oriented(np.array([-3.0]))[0] == 3
    assert OutlierScore("knn", "distance").oriented(np.array([-3.0]))[0] == -3


def test_the_best_calibrated_flow_comes_first() -> None:
    assert next(iter(likelihood.calibrated_flows(list_models()))) == "maf-vae32"
    assert likelihood.calibrated_flows(ModelList({}, {})) == {}


def test_percentile_rank_is_the_share_that_is_less_strange() -> None:
    found = likelihood.percentile_rank(
        np.array([0.0, 1, 2.5, 9, np.nan]), np.array([1.0, 2, 3, np.nan])
    )
    assert found[:4] == pytest.approx([0, 0.5 / 3, 2 / 3, 1])
    assert np.isnan(found[4])


@given(VALUES, VALUES)
def test_percentile_rank_agrees_with_counting(values: list[float], reference: list[float]) -> None:
    found = likelihood.percentile_rank(np.array(values), np.array(reference))
    for value, share in zip(values, found, strict=True):
        expected = np.mean([(r < value) + 0.5 * (r == value) for r in reference])
        assert share == pytest.approx(expected)


def test_nothing_to_rank_against_is_an_error() -> None:
    with pytest.raises(LikelihoodError, match="the reference has no known value"):
        likelihood.percentile_rank(np.array([1.0]), np.array([np.nan]))


def test_the_rank_average_leaves_out_what_is_unknown() -> None:
    reference = {"a": np.arange(100.0), "b": np.arange(100.0)}
    scores = {"a": np.array([90.0, 90, np.nan]), "b": np.array([10.0, np.nan, np.nan])}
    found = likelihood.rank_average(scores, reference)
    assert found[:2] == pytest.approx([0.505, 0.905])
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    ("scores", "reference"),
    [({}, {}), ({"a": [1.0]}, {"b": [1.0]}), ({"a": [1.0], "b": [1.0, 2]}, {"a": [1.0], "b": [1]})],
)
def test_scores_that_cannot_be_averaged(scores: dict, reference: dict) -> None:
    with pytest.raises(LikelihoodError, match="scores to average"):
        likelihood.rank_average(
            {k: np.array(v) for k, v in scores.items()},
            {k: np.array(v) for k, v in reference.items()},
        )


def test_agreement_is_spearmans() -> None:
    x = np.array([1.0, 5, 2, 9, 7, np.nan])
    table = likelihood.rank_correlations(
        {"a": x, "b": np.exp(x), "c": -(x**3), "d": np.full(6, np.nan)}
    )
    assert table.loc["a", "b"] == pytest.approx(1)
    assert table.loc["a", "c"] == pytest.approx(-1)
    assert np.isnan(table.loc["a", "d"])


def test_the_order_of_the_galaxies_that_both_scores_know_is_compared() -> None:
    x = np.arange(20.0)
    some = np.where(np.isin(x, [0, 13, 14, 19]), x, np.nan)
    assert likelihood.rank_correlations({"a": x, "b": some}).loc["a", "b"] == pytest.approx(1)


def test_given_size_removes_the_preference_for_small_sources() -> None:
    rng = np.random.default_rng(0)
    size = rng.uniform(5, 150, 5000)
    log_prob = -5 * np.log(size) + (1 + size / 20) * rng.standard_normal(5000)
    found = likelihood.log_prob_given_size(log_prob, size, log_prob, size)
    assert abs(np.corrcoef(np.log(size), found)[0, 1]) < 0.05
    for low, high in ((8, 20), (60, 80), (120, 150)):
        part = found[(size > low) & (size < high)]
        assert np.std(part) == pytest.approx(1, abs=0.2)
    value = -5 * np.log(10) - 20.0
    odd = likelihood.log_prob_given_size(np.array([value]), np.array([10.0]), log_prob, size)
    assert odd[0] < -8
    assert log_prob.min() < value  # which log p alone would call ordinary


def test_given_size_of_unknown_size_compares_with_all() -> None:
    rng = np.random.default_rng(0)
    size, log_prob = rng.uniform(5, 50, 300), rng.standard_normal(300)
    found = likelihood.log_prob_given_size(
        np.array([0.0, -5.0]), np.array([np.nan, 0.0]), log_prob, size
    )
    assert abs(found[0]) < 0.3
    assert found[1] < -4


def test_given_size_needs_galaxies_to_compare_with() -> None:
    with pytest.raises(LikelihoodError, match="2 reference galaxies have a size and a log p"):
        likelihood.log_prob_given_size(
            np.zeros(1), np.ones(1), np.zeros(3), np.array([1.0, 2.0, np.nan])
        )


@given(VALUES, st.floats(0, 1))
def test_a_threshold_never_flags_more_than_asked(values: list[float], rate: float) -> None:
    held_out = np.array(values)
    threshold = likelihood.threshold_at(held_out, rate)
    assert (held_out >= threshold).mean() <= rate + 1e-12
    assert likelihood.flagged_fraction(held_out, threshold).rate <= rate + 1e-12


def test_a_threshold_without_ties_flags_what_was_asked() -> None:
    held_out = np.random.default_rng(0).permutation(1000).astype(float)
    assert (
        likelihood.flagged_fraction(held_out, likelihood.threshold_at(held_out, 0.05)).flagged == 50
    )


@pytest.mark.parametrize("rate", [-0.1, 1.1, np.nan])
def test_a_rate_out_of_range(rate: float) -> None:
    with pytest.raises(LikelihoodError, match=r"a fraction of .* to flag"):
        likelihood.threshold_at(np.ones(3), rate)


def test_the_interval_of_false_alarms_is_wilsons() -> None:
    alarm = likelihood.flagged_fraction(np.array([1.0] * 5 + [0.0] * 95), 0.5)
    assert (alarm.rate, alarm.flagged, alarm.n) == (0.05, 5, 100)
    assert (alarm.low, alarm.high) == pytest.approx((0.0215, 0.1118), abs=2e-4)
    none = likelihood.flagged_fraction(np.zeros(100), 0.5)
    assert none.low == 0
    assert none.high == pytest.approx(0.037, abs=1e-3)


def test_samples_share_their_bins_and_lose_only_what_lies_outside() -> None:
    samples = {"a": np.append(np.arange(1000.0), np.nan), "b": np.array([-1e9, 500.0])}
    edges, counts = likelihood.bin_counts(samples, bins=10, tail=0.01)
    assert len(edges) == 11
    for name, values in samples.items():
        outside = (values < edges[0]) | (values > edges[-1])
        assert counts[name].sum() + outside.sum() == np.isfinite(values).sum()
    assert counts["b"].sum() == 1


def test_a_histogram_of_one_value_has_a_width() -> None:
    edges, counts = likelihood.bin_counts({"a": np.full(5, 3.0)}, bins=4)
    assert edges[0] < 3 < edges[-1]
    assert counts["a"].sum() == 5


@pytest.mark.parametrize(("samples", "bins"), [({"a": np.array([np.nan])}, 5), ({}, 5)])
def test_a_histogram_of_nothing(samples: dict, bins: int) -> None:
    with pytest.raises(LikelihoodError, match="no value is known"):
        likelihood.bin_counts(samples, bins)


def test_a_histogram_without_bins() -> None:
    with pytest.raises(LikelihoodError, match="a histogram of 0 bins"):
        likelihood.bin_counts({"a": np.ones(2)}, 0)
