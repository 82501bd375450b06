"""Artefacts, power spectra and distributions of maps whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.models.small import galaxies
from train.metrics.image_statistics import (
    artefacts,
    distribution_distance,
    radial_power,
    rank_correlation,
    sharpness,
)


def test_artefacts_of_a_map_made_by_hand() -> None:
    image = np.zeros((1, 10, 10))
    image[0, 0, :5] = 0.002  # five pixels in the gap
    image[0, 1, 0] = 1
    image[0, 2, :4] = 1e-5  # as good as empty
    found = artefacts(image)
    assert found.empty[0] == pytest.approx(0.94)
    assert found.gap[0] == pytest.approx(0.05)


def test_blank_maps_are_empty() -> None:
    assert [float(x[0]) for x in artefacts(np.zeros((1, 4, 4)))] == [1, 0]


def test_power_of_a_point_is_flat() -> None:
    image = np.zeros((1, 32, 32))
    image[0, 16, 16] = 3
    frequency, power = radial_power(image)
    assert frequency[0] == 0 and frequency[-1] == 0.5
    np.testing.assert_allclose(power, 1, rtol=1e-9)


def test_power_of_a_wave_is_in_its_ring() -> None:
    x = np.arange(32)
    wave = np.tile(1 + np.cos(2 * np.pi * 5 * x / 32), (32, 1))[None]
    _, power = radial_power(wave)
    assert power[0, 5] == power[0, 1:].max() > 0
    np.testing.assert_allclose(np.delete(power[0], [0, 5]), 0, atol=1e-12)


def test_power_of_a_gaussian() -> None:
    # |F|^2 of exp(-r^2 / 2 s^2) is exp(-4 pi^2 s^2 f^2).
    y, x = np.mgrid[:64, :64] - 32
    s = 3.0
    frequency, power = radial_power(np.exp(-(x**2 + y**2) / (2 * s**2))[None])
    low = frequency < 0.12
    # Frequencies of a ring are those between half-way marks: no more than a rough agreement.
    expected = np.exp(-4 * np.pi**2 * s**2 * frequency**2)
    np.testing.assert_allclose(np.log(power[0, low]), np.log(expected[low]), atol=0.12)


def test_sharpness_of_itself_and_of_a_blur() -> None:
    images = galaxies(20, 64)
    assert sharpness(images, images[::-1]) == pytest.approx(1)
    blurred = np.stack([gaussian_filter(image, 1) for image in images])
    # exp(-4 pi^2 f^2) over 0.15..0.35, about a hundredth.
    assert sharpness(images, blurred) == pytest.approx(0.08, abs=0.07)


def test_distribution_distance() -> None:
    one = np.arange(100.0)
    assert distribution_distance(one, one) == 0
    assert distribution_distance(one, np.append(one + 50, np.nan)) == pytest.approx(0.5)
    assert np.isnan(distribution_distance(one, np.array([np.nan])))


def test_rank_correlation() -> None:
    rising = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(np.stack([rising, np.exp(rising)], axis=1)) == pytest.approx(1)
    assert rank_correlation(np.stack([rising, -rising], axis=1)) == pytest.approx(-1)
