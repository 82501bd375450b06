"""How unusual a score is: against galaxies that have nothing to do with the query."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.errors import SimilarityError
from radioviz.similarity import NullDistribution, query_of, search
from tests.similarity.indexes import index_of


def test_null_distribution_is_that_of_unrelated_galaxies() -> None:
    rng = np.random.default_rng(0)
    index = index_of(rng.normal(size=(400, 6)).astype(np.float32))
    null = NullDistribution.of(index, trials=100_000)
    unit = np.asarray(index.latents, float)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    exact = (unit @ unit.T)[np.triu_indices(400, 1)]
    for score in (-0.5, 0.0, 0.4, 0.7, 0.9):
        expected = (exact >= score).mean()
        error = 5 * np.sqrt(expected / null.trials)
        assert null.chance(score) == pytest.approx(expected, abs=error + 3e-3 * expected)
    assert null.chance(1.0) == pytest.approx(1 / null.trials)
    assert null.chance(-1.0) == 1.0
    assert (np.diff(null.chance(np.linspace(-1, 1, 500))) <= 0).all()
    again = NullDistribution.of(index, trials=100_000)
    np.testing.assert_array_equal(null.quantiles, again.quantiles)  # the seed is fixed


def test_null_of_several_examples_is_narrower() -> None:
    index = index_of(np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32))
    one = NullDistribution.of(index, trials=20_000)
    five = NullDistribution.of(index, positives=5, trials=20_000)
    both = NullDistribution.of(index, positives=5, negatives=2, trials=20_000)
    spread = [np.subtract(*np.interp([0.84, 0.16], n.levels, n.quantiles)) for n in (one, five)]
    assert spread[1] == pytest.approx(spread[0] / np.sqrt(5), rel=0.1)
    assert both.quantiles.min() < five.quantiles.min()


def test_results_say_how_unusual_their_score_is() -> None:
    latents = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
    latents[7] = latents[3] + 0.1 * latents[7]
    index = index_of(latents)
    nulls = {"a": NullDistribution.of(index, trials=50_000)}
    result = search([index], query_of([index], [("a", "a3")]), 500, nulls=nulls)
    assert result["source_id"][0] == "a7"
    assert result["chance"][0] < 1e-4
    assert result["chance"].iloc[-1] > 0.99
    assert result["chance"].is_monotonic_increasing
    assert result["chance"][249] == pytest.approx(0.5, abs=0.1)


def test_repeats_do_not_count_as_unrelated() -> None:
    latents = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)
    same_as = np.array(["", "a0", "", "a2", "", "a4", "", "a6"], dtype=object)
    null = NullDistribution.of(index_of(latents, same_as=same_as), trials=1000)
    assert null.quantiles.max() == 0.0


def test_bad_null_distributions() -> None:
    index = index_of(np.ones((2, 3)))
    with pytest.raises(SimilarityError, match=r"2 usable latents.*needs 4"):
        NullDistribution.of(index, positives=2, negatives=1)
    with pytest.raises(SimilarityError, match="0 positives"):
        NullDistribution.of(index, positives=0)
    same = index_of(np.ones((2, 3)), same_as=np.array(["", "a0"], dtype=object))
    with pytest.raises(SimilarityError, match="shows one source only"):
        NullDistribution.of(same, trials=10)
