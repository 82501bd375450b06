"""Scores of reconstructions on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.metrics.reconstruction import (
    flux_ratio,
    reconstruction_scores,
    relative_error,
    ssim_over_source,
)
from tests.models.small import galaxies

IMAGES = galaxies(5, 32)


def test_perfect_reconstructions() -> None:
    found = reconstruction_scores(IMAGES, IMAGES)
    assert found == pytest.approx({"flux_ratio": 1, "ssim": 1, "relative_error": 0, "mse": 0})


def test_half_the_flux() -> None:
    np.testing.assert_allclose(flux_ratio(IMAGES, IMAGES / 2), 0.5, rtol=1e-6)
    np.testing.assert_allclose(relative_error(IMAGES, IMAGES / 2), 0.25, rtol=1e-6)
    assert (ssim_over_source(IMAGES, IMAGES / 2) < 0.95).all()


def test_an_empty_map_and_false_flux() -> None:
    empty = np.zeros_like(IMAGES)
    np.testing.assert_allclose(relative_error(IMAGES, empty), 1)
    false = IMAGES + 0.1
    assert (flux_ratio(IMAGES, false) > 1).all()


def test_a_source_in_the_wrong_place_scores_low() -> None:
    moved = np.roll(IMAGES, 10, axis=1)
    assert (ssim_over_source(IMAGES, moved) < 0.3).all()
