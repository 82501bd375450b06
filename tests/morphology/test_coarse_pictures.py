"""Pictures in which the noise is about as large as a grey level, with a black sky at 0."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from radioviz.morphology.measuring import measure
from radioviz.morphology.noise import is_shifted, measure_noise
from radioviz.sky import FWHM

SCALE, BEAM = 1.8, 5.4  # arcsec
SIGMA = BEAM / SCALE / FWHM


def pictures(noise: float, apart: float) -> np.ndarray:
    """Twelve of a double in noise of so many grey levels, the sky and all below at 0."""
    draw = np.random.default_rng(3)
    y, x = np.indices((128, 128)) - 63.5
    out = []
    for turn in np.linspace(0, np.pi, 12, endpoint=False):
        half = apart / SCALE / 2
        image = sum(
            np.exp(-((x - s * half * np.cos(turn)) ** 2 + (y - s * half * np.sin(turn)) ** 2)
                   / 2 / SIGMA**2)
            for s in (-1, 1)
        )  # fmt: skip
        image = 250 * image / np.max(image)
        sky = ndimage.gaussian_filter(draw.standard_normal(x.shape), SIGMA / 2**0.5, mode="wrap")
        out.append(np.clip(image + noise * sky / sky.std(), 0, 255))
    return np.array(out).astype(np.uint8)


@pytest.mark.parametrize("noise", [1.2, 1.5])
def test_a_sky_without_its_first_level(noise: float) -> None:
    """What JPEG makes of a black sky is set to 0, so that most pixels that are lit have 2."""
    images = pictures(noise, 60.0)
    images[images == 1] = 0
    found = [measure_noise(image, raw=False) for image in images]
    assert all(one.coarse for one in found)
    assert np.median([one.sigma for one in found]) == pytest.approx(noise, rel=0.35)
    measured = measure(images, SCALE, BEAM)
    assert measured["las_measured"].to_numpy() == pytest.approx(60, rel=0.05)


@pytest.mark.parametrize("noise", [0.6, 1.2, 2.0])
def test_noise_of_a_grey_level_is_not_emission(noise: float) -> None:
    """It had been: such pictures were taken for ones clipped at 3 sigma, as their faintest is 1."""
    images = pictures(noise, 60.0)
    assert not is_shifted(images)
    found = [measure_noise(image, raw=False).sigma for image in images]
    assert np.median(found) == pytest.approx(noise, rel=0.35)
    measured = measure(images, SCALE, BEAM, shifted=is_shifted(images))
    assert measured["las_measured"].to_numpy() == pytest.approx(60, rel=0.05)
    assert (measured["n_components"] == 2).all()
    points = measure(pictures(noise, 0.0), SCALE, BEAM)
    assert (points["las_measured"] < BEAM).all()
    assert not points["resolved"].any()
