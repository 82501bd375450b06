"""Copies are found however they are turned; new galaxies are not taken for copies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import rotate

from radioviz.metrics.copies import copy_threshold, nearest, views
from tests.models.small import galaxies

TRAINING = galaxies(60, 64, seed=1)


def test_eight_views_differ_and_contain_the_image() -> None:
    image = np.arange(16.0).reshape(1, 4, 4)
    found = views(image)
    assert found.shape == (8, 1, 4, 4)
    assert len({view.tobytes() for view in found}) == 8
    np.testing.assert_array_equal(found[0], image)
    assert views(TRAINING[:3], angles=3).shape == (24, 3, 64, 64)


def test_every_dihedral_copy_has_distance_zero() -> None:
    for view in views(TRAINING[7:8]):
        distances, rows = nearest(view * 0.5, TRAINING)  # brightness does not matter
        assert distances[0] == pytest.approx(0, abs=1e-3)
        assert rows[0] == 7


def test_a_copy_at_another_angle_is_found_with_more_angles() -> None:
    turned = rotate(TRAINING[7:8], 30, axes=(2, 1), reshape=False, order=1)
    near, rows = nearest(turned, TRAINING, angles=6)
    assert rows[0] == 7
    assert near[0] < 0.15


def test_distance_of_images_without_a_common_pixel() -> None:
    one, two = np.zeros((1, 32, 32)), np.zeros((1, 32, 32))
    one[0, 15, 15] = one[0, 16, 16] = 1  # the centre, in all views
    two[0, 0, 0] = 1
    assert nearest(one, two)[0][0] == pytest.approx(np.sqrt(2))
    assert nearest(np.zeros((1, 32, 32)), two)[0][0] == pytest.approx(np.sqrt(2))


def test_threshold_is_of_other_images() -> None:
    distances, rows = nearest(TRAINING, TRAINING, same=True)
    assert (rows != np.arange(len(TRAINING))).all()
    threshold = copy_threshold(TRAINING, percentile=25)
    assert threshold == pytest.approx(np.percentile(distances, 25))
    assert threshold > 0
    assert copy_threshold(np.concatenate([TRAINING, TRAINING]), 50) == pytest.approx(0, abs=1e-3)
