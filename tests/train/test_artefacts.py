"""Artefacts do what their names say, and leave what they are given alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.models.small import galaxies
from train.evaluate.artefacts import ARTEFACTS, brightest
from train.scores.scene import scene_descriptors
from train.scores.texture import NAMES, PREFIX, texture_descriptors

BEAM = 3.0


def planted(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    images = 200 * np.pad(galaxies(6, 48), ((0, 0), (30, 30), (30, 30)))
    before = images.copy()
    found = ARTEFACTS[name](images, BEAM, np.random.default_rng(seed))
    np.testing.assert_array_equal(images, before)
    return images, found


@pytest.mark.parametrize("name", ARTEFACTS)
def test_every_artefact_is_an_image_and_repeatable(name: str) -> None:
    images, found = planted(name)
    assert found.shape == images.shape
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert not np.array_equal(found, images)
    np.testing.assert_array_equal(found, planted(name)[1])
    assert not np.array_equal(found, planted(name, seed=1)[1])


def test_side_lobes_are_a_tenth_to_a_quarter_of_the_peak() -> None:
    images, found = planted("side_lobes")
    added = (found - images).max((1, 2)) / images.max((1, 2))
    assert added.min() > 0.05
    assert added.max() <= 0.25 + 1e-5


def test_a_bright_neighbour_is_brighter_and_beside() -> None:
    images, found = planted("bright_neighbour")
    assert (found.max((1, 2)) > 1.5 * images.max((1, 2))).all()
    for image in found:
        row, column = np.unravel_index(image.argmax(), image.shape)
        assert 4 * BEAM < np.hypot(row - 53.5, column - 53.5) < 13 * BEAM


def test_a_cut_edge_leaves_nothing_beyond_it() -> None:
    images, found = planted("cut_edge")
    assert (found.sum((1, 2)) < images.sum((1, 2))).all()
    assert ((found == images) | (found == 0)).all()


def test_noise_only_has_nothing_of_the_source() -> None:
    images, found = planted("noise_only")
    for image, noise in zip(images, found, strict=True):
        assert abs(np.corrcoef(image.ravel(), noise.ravel())[0, 1]) < 0.2


def test_the_brightest_pixel_near_the_centre() -> None:
    image = np.zeros((300, 300))
    image[150, 155], image[2, 2] = 1, 9
    assert brightest(image, BEAM) == (150, 155)


def normalised(name: str) -> list[np.ndarray]:
    return [x / x.max((1, 2), keepdims=True) for x in planted(name)]


def test_descriptors_see_what_was_planted() -> None:
    plain, spoiled = (scene_descriptors(x) for x in normalised("cut_edge"))
    assert (spoiled["step"] > plain["step"]).all()
    plain, spoiled = (scene_descriptors(x) for x in normalised("bright_neighbour"))
    assert (spoiled["centroid"] > plain["centroid"] + 0.03).all()
    assert scene_descriptors(np.zeros((1, 8, 8)))["peak_offset"].isna().all()


def test_the_texture_shows_what_was_planted() -> None:
    def both(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        plain, spoiled = (texture_descriptors(x) for x in normalised(name))
        return plain, spoiled

    plain, cut = both("cut_edge")
    assert (cut[PREFIX + "step1"] > plain[PREFIX + "step1"]).all()
    assert (cut[PREFIX + "edge1"] > plain[PREFIX + "edge1"]).all()
    plain, beside = both("bright_neighbour")
    assert (beside[PREFIX + "centroid"] > plain[PREFIX + "centroid"] + 3).all()
    assert (beside[PREFIX + "centre_peak"] < plain[PREFIX + "centre_peak"]).all()
    plain, rayed = both("side_lobes")
    assert (rayed[PREFIX + "islands"] > plain[PREFIX + "islands"]).all()


def test_descriptors_do_not_see_how_an_image_lies() -> None:
    images, _ = planted("cut_edge")
    plain = texture_descriptors(images)
    for view in (np.rot90(images, axes=(1, 2)), images[:, :, ::-1]):
        np.testing.assert_allclose(texture_descriptors(view), plain, rtol=1e-4, atol=1e-4)
    assert list(plain) == list(NAMES)


def test_a_point_source_is_one_beam_of_light() -> None:
    y, x = np.indices((95, 95)) - 47
    point = np.exp(-4 * np.log(2) * (y**2 + x**2) / BEAM**2)[None].astype(np.float32)
    found = texture_descriptors(point).iloc[0]
    assert found[PREFIX + "about2"] == pytest.approx(1, abs=0.01)
    assert found[PREFIX + "point_share"] == pytest.approx(1, abs=0.01)
    assert found[PREFIX + "peak_offset"] == found[PREFIX + "islands"] - 1 == 0
    assert found[PREFIX + "major"] == pytest.approx(BEAM / np.sqrt(8 * np.log(2)), rel=0.01)


def test_a_blank_image_has_no_descriptors() -> None:
    assert texture_descriptors(np.zeros((1, 8, 8))).isna().all(axis=None)
