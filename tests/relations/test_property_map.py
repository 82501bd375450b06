"""Smoothed properties against a plane whose mean, error and gradient are known."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.errors import RelationError
from radioviz.relations.property_map import class_density, property_map

RNG = np.random.default_rng(2)
PLACES = RNG.uniform(-3, 3, (20_000, 2))


SMOOTH = 0.3 / (0.98 * 6)
"""A kernel of 0.3 on this plane, whose middle 98 % are 5.88 wide."""


def middle(values: np.ndarray) -> np.ndarray:
    ny, nx = values.shape[-2:]
    return values[..., ny // 4 : -ny // 4, nx // 4 : -nx // 4]


def test_a_slope_is_found_with_its_gradient() -> None:
    noise = RNG.normal(0, 0.5, len(PLACES))
    found = property_map(PLACES, 100 + 2 * PLACES[:, 0] - PLACES[:, 1] + noise, SMOOTH)
    true = 100 + 2 * found.x[None, :] - found.y[:, None]
    assert np.abs(middle(found.mean - true)).max() < 0.25
    assert middle(found.gradient[0]).mean() == pytest.approx(2.0, abs=0.05)
    assert middle(found.gradient[1]).mean() == pytest.approx(-1.0, abs=0.05)


def test_the_error_is_that_of_the_mean() -> None:
    found = property_map(PLACES, RNG.normal(5, 2, len(PLACES)), 0.015)
    off = middle(found.mean - 5) / middle(found.error)
    assert 0.85 < off.std() < 1.15
    assert np.median(middle(found.error)) == pytest.approx(
        2 / np.sqrt(np.median(middle(found.count))), rel=0.1
    )


def test_counts_are_the_galaxies_within_the_kernel() -> None:
    found = property_map(PLACES, np.ones(len(PLACES)), SMOOTH)
    density = len(PLACES) / 36
    assert np.median(middle(found.count)) == pytest.approx(4 * np.pi * 0.09 * density, rel=0.05)
    few = property_map(PLACES[:40], np.ones(40), SMOOTH)
    assert np.isnan(few.mean).mean() > 0.5  # nothing is said where hardly a galaxy is


def test_axes_of_other_units_are_smoothed_alike() -> None:
    values = PLACES[:, 0] * PLACES[:, 1]
    plain = property_map(PLACES, values)
    flat = property_map(PLACES * (1000.0, 0.01), values)
    np.testing.assert_allclose(flat.mean, plain.mean, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(flat.gradient[0] * 1000, plain.gradient[0], rtol=1e-5, atol=1e-5)


def test_the_contour_of_a_class_holds_its_share() -> None:
    points = RNG.normal(0, 1, (5000, 2))
    grid = property_map(PLACES, np.ones(len(PLACES)), 0.1 / 5.88)
    density, level = class_density(points, np.ones(5000, bool), grid)
    step = grid.x[1] - grid.x[0]
    area = (density >= level).sum() * step * (grid.y[1] - grid.y[0])
    assert area == pytest.approx(2 * np.pi * np.log(1 / 0.32), rel=0.1)


def test_too_few_values_are_refused() -> None:
    values = np.full(len(PLACES), np.nan)
    values[:19] = 1.0
    with pytest.raises(RelationError, match="known for 19 galaxies"):
        property_map(PLACES, values)
    with pytest.raises(RelationError, match="smoothing is 0;"):
        property_map(PLACES, np.ones(len(PLACES)), 0.0)
    with pytest.raises(RelationError, match="lie on a line"):
        property_map(PLACES * (1.0, 0.0), np.ones(len(PLACES)))
    with pytest.raises(RelationError, match=r"values \(5,\); expected \(n, 2\), \(n,\)"):
        property_map(PLACES, np.ones(5))
