"""Two-sample tests and clouds of fragments, on samples whose answers are known."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tests.models.small import galaxies
from train.evaluate.two_samples import are_clouds, two_sample_auc, without_sky


def scattered(number: int, bright: float = 1.0) -> np.ndarray:
    """Islands of 3x3 pixels on a ring of radius 15 pixels; the first is ``bright``."""
    image = np.zeros((64, 64), np.float32)
    for k in range(number):
        y, x = np.rint(31.5 + 15 * np.array([np.sin(k), np.cos(k)])).astype(int)
        image[y - 1 : y + 2, x - 1 : x + 2] = bright if k == 0 else 1.0
    return image / image.max()


def test_clouds_are_many_islands_of_which_none_is_the_source() -> None:
    images = np.stack([scattered(6), scattered(5), scattered(6, 20.0), scattered(6)])
    small = 2.7 * 20  # arcsec, within which there is none of them
    sizes = np.array([100.0, 100.0, 100.0, small])
    assert are_clouds(images, sizes, 2.7).tolist() == [True, False, False, False]


def test_a_network_parts_blurred_from_sharp_and_not_equal_ones() -> None:
    sharp = galaxies(60, 32, 1)
    blurred = np.stack([ndimage.gaussian_filter(x, 1.5) for x in galaxies(60, 32, 2)])
    assert two_sample_auc(sharp, blurred, 0, epochs=12) > 0.9
    assert two_sample_auc(sharp, galaxies(60, 32, 3), 0, epochs=12) < 0.75


def test_noise_islands_are_left_out() -> None:
    image = galaxies(1, 64)
    noisy = image.copy()
    noisy[0, 2, 2:5] = 0.3
    np.testing.assert_array_equal(without_sky(noisy), image)
