"""Likelihood ratios against their formula, and hosts found in synthetic fields."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.errors import RelationError
from radioviz.relations.hosts import (
    CATALOGUE_ERROR,
    FieldDensity,
    HostPrior,
    RadioPosition,
    likelihood_ratios,
    offsets,
)
from train.evaluate.hosts import synthetic_search


def test_offsets_are_along_and_across_the_source() -> None:
    place = RadioPosition(359.9999, 60.0, 2.0, 1.0, 30.0, "midpoint")
    ra, dec = np.array([359.9999, 0.0009]), np.array([60.0 + 4 / 3600, 60.0])
    apart, along, across = offsets(place, ra, dec)
    east = 0.001 * 3600 * np.cos(np.radians(60))
    assert apart == pytest.approx([4.0, east], rel=1e-5)
    assert along == pytest.approx(
        [4 * np.cos(np.radians(30)), east * np.sin(np.radians(30))], rel=1e-4
    )
    assert across == pytest.approx(
        [-4 * np.sin(np.radians(30)), east * np.cos(np.radians(30))], rel=1e-4
    )


def test_a_likelihood_ratio_is_its_formula() -> None:
    place = RadioPosition(10.0, 0.0, 3.0, 1.0, 0.0, "midpoint")
    field = FieldDensity(np.repeat([18.0, 21.0], [100, 2000]), 40000.0)
    along, across, magnitude = np.array([2.0, 2.0]), np.array([-1.0, -1.0]), np.array([18.0, 21.0])
    prior = HostPrior(0.8, 16.0, 22.0)
    ratio, sure = likelihood_ratios(place, along, across, field, magnitude, prior)
    wide, narrow = np.hypot(3.0, CATALOGUE_ERROR), np.hypot(1.0, CATALOGUE_ERROR)
    f = np.exp(-((2 / wide) ** 2 + (1 / narrow) ** 2) / 2) / (2 * np.pi * wide * narrow)
    # Counts smoothed by 0.4 mag; at 18 and at 21 the other group lies 7.5 sigma away.
    n = np.array([100, 2000]) / 40000 / (0.4 * np.sqrt(2 * np.pi))
    assert ratio == pytest.approx(0.8 / 6 * f / n, rel=1e-6)
    assert sure == pytest.approx(ratio / (ratio.sum() + 0.2), rel=1e-12)
    alone, _ = likelihood_ratios(place, along, across, field, None, prior)
    assert alone == pytest.approx(np.repeat(0.8 * f / (2100 / 40000), 2))
    outside, _ = likelihood_ratios(place, along, across, field, np.array([15.0, np.nan]), prior)
    assert outside[0] == 0 and outside[1] == pytest.approx(alone[1])


def test_hosts_of_synthetic_fields_are_found() -> None:
    distance, reliability, core = synthetic_search(600, seed=11)
    near = distance <= 3.0
    assert near.mean() >= 0.9 and near[core].mean() > 0.98
    sure = reliability > 0.8
    assert sure.mean() > 0.6 and near[sure].mean() >= 0.9
    # The reliability is a probability: its mean is the share that is right.
    assert reliability.mean() == pytest.approx(near.mean(), abs=0.06)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: RadioPosition(np.nan, 0.0, 1.0, 1.0, 0.0, "core"), "the position is nan"),
        (lambda: RadioPosition(1.0, 0.0, 0.0, 1.0, 0.0, "core"), "errors of the position are 0"),
        (lambda: HostPrior(1.0), "share of hosts is 1"),
        (lambda: HostPrior(0.5, 20.0, 20.0), "expected the brighter first"),
    ],
)
def test_impossible_assumptions_are_refused(made: object, words: str) -> None:
    with pytest.raises(RelationError, match=words):
        made()  # type: ignore[operator]
