"""Parts of an image without data: they say nothing of the noise, and hold no sources."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.data.noise_level import blank_pixels, noise_level
from radioviz.morphology.measuring import measure
from radioviz.sky import FWHM

SCALE, BEAM = 1.8, 5.4  # arcsec
SIGMA = BEAM / SCALE / FWHM


@pytest.fixture(scope="module")
def sky() -> np.ndarray:
    """A point of 20 in noise of 1, correlated by the beam."""
    from scipy import ndimage

    noise = np.random.default_rng(0).standard_normal((300, 300))
    noise = ndimage.gaussian_filter(noise, SIGMA, mode="wrap")
    y, x = np.indices(noise.shape) - 150
    return (noise / noise.std() + 20 * np.exp(-(x**2 + y**2) / 2 / SIGMA**2)).astype(np.float32)


@pytest.mark.parametrize("fill", [np.nan, 0.0])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
@pytest.mark.parametrize("level", [0.0, 50.0])
def test_a_source_beside_the_edge_of_a_mosaic(
    sky: np.ndarray, fill: float, share: float, level: float
) -> None:
    """Noise in the rest had made hundreds of islands of it, and their sum the flux."""
    whole = measure(sky[None] + level, SCALE, BEAM, "Jy/beam", raw=True).loc[0]
    cut = sky + np.float32(level)
    cut[:, 300 - int(300 * share) :] = fill
    found = measure(cut[None], SCALE, BEAM, "Jy/beam", raw=True).loc[0]
    assert found["noise"] == pytest.approx(1, abs=0.02)
    assert found["flux_mjy"] == pytest.approx(whole["flux_mjy"], rel=0.01)
    assert found["n_components"] == 1
    assert found["las_measured"] == whole["las_measured"] < BEAM


def test_zeros_that_are_numbers(sky: np.ndarray) -> None:
    """Rounded noise has zeros, too, in patches or here and there; a picture has a sky of them."""
    for step in (0.05, 1.0):
        rounded = (np.round(sky / step) * step).astype(np.float32)
        assert not blank_pixels(rounded).any()
        assert noise_level(rounded)[1] == pytest.approx(1, abs=max(step, 0.1))
    small = np.where(np.abs(sky) < 0.05, np.float32(0), sky)  # as quantised files of FIRST have it
    assert (small == 0).mean() > 0.03
    assert not blank_pixels(small).any()
    assert not blank_pixels(np.maximum(sky, 0)).any()
    assert not blank_pixels((20 * np.maximum(sky, 0)).astype(np.uint8)).any()


def test_padding_beside_rounded_numbers(sky: np.ndarray) -> None:
    padded = (np.round(sky / 0.01) * 0.01).astype(np.float32)
    padded[:60] = 0
    padded[200:210, 200:210] = np.nan
    blank = blank_pixels(padded)
    assert blank[:60].all()
    assert blank[200:210, 200:210].all()
    assert blank[60:].sum() < 120  # zeros of the noise that touch the padding
    assert noise_level(padded)[1] == pytest.approx(1, abs=0.02)


def test_padding_is_not_a_clipped_sky(sky: np.ndarray) -> None:
    """Most of each image is padding, as of a round field of view."""
    from radioviz.importing.inspection import looks_clipped

    y, x = np.indices(sky.shape) - 149.5
    padded = np.where(np.hypot(x, y) < 110, sky, np.float32(0))
    assert (padded == 0).mean() > 0.5
    assert not looks_clipped([padded])
    assert looks_clipped([np.where(sky > 3, sky, np.float32(0))])


@pytest.mark.parametrize("kept", ["beyond 3 sigma", "beside the source"])
def test_a_sky_that_was_removed_is_not_padding(sky: np.ndarray, kept: str) -> None:
    """What is left is source, and no noise to measure."""
    from scipy import ndimage

    from radioviz.importing.inspection import looks_clipped

    shown = np.abs(sky) > 3
    if kept == "beside the source":
        labels, _ = ndimage.label(shown)
        shown = ndimage.binary_dilation(labels == labels[150, 150], iterations=3)
    cut = np.where(shown, sky, np.float32(0))
    assert (cut < 0).any()
    assert not blank_pixels(cut).any()
    assert looks_clipped([cut])
    whole = measure(sky[None], SCALE, BEAM, raw=True).loc[0]
    found = measure(cut[None], SCALE, BEAM).loc[0]
    assert found["flux_sum"] == pytest.approx(whole["flux_sum"], rel=0.15)
    assert "edge" not in found["las_flag"]


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "i4", "i8", "f2"])
def test_padding_of_other_types(sky: np.ndarray, dtype: str) -> None:
    """Of whole numbers that have negative ones, too; their least has no absolute value."""
    padded = np.round(50 * sky).astype(dtype)
    padded[:60] = 0
    assert blank_pixels(padded)[:60].all()
    found = measure(padded[None], SCALE, BEAM, raw=True).loc[0]
    assert found["noise"] == pytest.approx(50, rel=0.03)
    assert found["n_components"] == 1
    if padded.dtype.kind == "i":
        padded[100, 100] = np.iinfo(dtype).min
        assert blank_pixels(padded)[60:].sum() < 300


def test_an_infinity_is_no_negative_number(sky: np.ndarray) -> None:
    clipped = np.where(sky > 3, sky, np.float32(0))
    clipped[10, 10] = -np.inf
    assert blank_pixels(clipped).sum() == 1


def test_a_strip_of_padding_beside_whole_numbers(sky: np.ndarray) -> None:
    """Each level of them has many pixels, zero too."""
    padded = np.round(20 * sky).astype(np.float32)
    assert not blank_pixels(padded).any()
    assert not blank_pixels(np.trunc(20 * sky)).any()
    padded[:45] = 0
    assert blank_pixels(padded)[:45].all()
    assert noise_level(padded)[1] == pytest.approx(20, rel=0.04)
