"""The preprocessing chain: what comes out of chosen images, and what is said of bad values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.noise_level import noise_level
from radioviz.data.preprocess import Preprocess
from radioviz.errors import ImageError, PreprocessError

SCALE = 1.8
NATIVE = Preprocess(field_arcsec=None, field_pixels=8, size=8)
"""Eight pixels to eight: nothing is cropped or resampled."""


@pytest.mark.parametrize(
    ("stretch", "expected"),
    [
        ("linear", lambda x: x),
        ("sqrt", np.sqrt),
        ("asinh", lambda x: np.arcsinh(x / 0.1) / np.arcsinh(1 / 0.1)),
        ("log", lambda x: np.log(1000 * x + 1) / np.log(1001)),
    ],
)
def test_stretches_are_those_of_ds9_and_astropy(stretch, expected):
    ramp = np.linspace(-3, 5, 64, dtype=np.float32).reshape(1, 8, 8)
    out = dataclasses.replace(NATIVE, stretch=stretch)(ramp, SCALE)
    np.testing.assert_allclose(out.ravel(), expected(np.linspace(0, 1, 64)), atol=2e-6)
    assert out.dtype == np.float32


def test_the_clip_is_counted_from_the_background():
    rng = np.random.default_rng(0)
    image = rng.normal(100, 2, (1, 64, 64)).astype(np.float32)
    image[0, 30, 30], image[0, 40, 40], image[0, 20, 20] = 200.0, 110.0, 104.0
    chain = Preprocess(field_arcsec=None, field_pixels=64, clip_sigma=4.0)
    out = chain(image, SCALE, raw=True)[0]
    assert out[30, 30] == 1
    assert out[40, 40] == pytest.approx(110 / 200, abs=1e-3)  # 5 sigma above the background
    assert out[20, 20] == 0  # 2 sigma: noise
    assert (out > 0).sum() == 2


def test_only_images_with_noise_are_clipped():
    flat = np.zeros((2, 8, 8), np.float32)
    flat[:, 2, 2], flat[:, 3, 3] = 1.0, 0.1
    flat[1] += np.random.default_rng(1).normal(0, 0.2, (8, 8)).astype(np.float32)
    out = NATIVE(flat, SCALE, raw=True)
    assert out[0, 3, 3] == pytest.approx(0.1)
    assert out[1, 3, 3] == 0


def test_pixels_that_are_not_finite_count_as_zero():
    image = np.full((1, 8, 8), 2.0, np.float32)
    image[0, 0, 0], image[0, 0, 1], image[0, 0, 2] = np.nan, np.inf, -np.inf
    image[0, 4, 4] = 4.0
    out = NATIVE(image, SCALE)[0]
    assert out[0, :3].tolist() == [0, 0, 0]
    assert out[1, 1] == 0.5
    assert out[4, 4] == 1


def test_noise_level_takes_three_sigma_and_five_rounds():
    rng = np.random.default_rng(2)
    values = rng.lognormal(0, 2, 20_000)  # every round cuts some of its tail
    for more in ({}, {"clip": 3.0}, {"rounds": 5}):
        assert noise_level(values, **more) == noise_level(values, 3.0, 5)
    for clip, rounds in ((4.0, 5), (3.0, 6), (3.0, 4)):
        assert noise_level(values, clip, rounds) != noise_level(values, 3.0, 5)


def test_noise_level_of_few_values():
    assert noise_level(np.array([1.0])) == (1.0, 0.0)
    # The upper of two middle values; the median deviation of 0, 1, 2, 3, 4 from 2 is 1.
    assert noise_level(np.array([1.0, 2.0]))[0] == 2.0
    assert noise_level(np.arange(5.0)) == (2.0, pytest.approx(1.4826))
    # Half of the pixels are zero: as many as not, so they count.
    assert noise_level(np.array([0.0, 0.0, 3.0, -1.0]))[0] == 0.0
    # Three of five: blanked, and what is left is negative in part, so it is noise.
    assert noise_level(np.array([0.0, 0.0, 0.0, 3.0, -1.0]))[0] == 3.0
    assert noise_level(np.array([0.0, 0.0, 0.0, 3.0, 0.5])) == (0.0, 0.0)
    assert noise_level(np.array([0, 0, 0, 3, 2], np.uint8)) == (0.0, 0.0)


def test_noise_level_of_large_numbers_keeps_their_digits():
    values = 1e9 + np.arange(100.0)
    assert noise_level(values) == (1e9 + 50, pytest.approx(1.4826 * 25))
    assert noise_level(np.array([2**31 - 3, 2**31 - 2, 2**31 - 1], np.int64))[0] == 2**31 - 2


@pytest.mark.parametrize(
    "values",
    [
        {"size": 4096},
        {"size": 4},
        {"field_arcsec": None, "field_pixels": 1},
        {"blank_edge": 32},
        {"blank_edge": 0},
        {"clip_sigma": None},
    ],
)
def test_the_ends_of_the_ranges_are_taken(values):
    assert Preprocess.from_dict(values).to_dict().items() >= values.items()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"size": 4097}, "size is 4097; expected an integer from 4 to 4096"),
        ({"size": 3}, "size is 3; expected"),
        ({"field_arcsec": None, "field_pixels": 0}, "field_pixels is 0; expected a positive"),
        ({"clip_sigma": -2.5}, "clip_sigma is -2.5; expected a positive number up to"),
        ({"clip_sigma": "7" * 99}, f"clip_sigma is {'7' * 60}; expected"),
        ({"stretch": "cubic"}, "expected one of linear, sqrt, asinh, log"),
        ({"nan": "mean"}, "expected one of zero, error"),
        ({"blank_edge": 33}, "blank_edge is 33; expected an integer from 0 to 32"),
        ({"colour": 1}, "'colour'; known: clip_sigma, field_arcsec, size"),
    ],
)
def test_what_would_do_is_said(values, said):
    with pytest.raises(PreprocessError) as error:
        Preprocess.from_dict(values)
    assert said in str(error.value)


def test_what_is_no_batch_is_said():
    with pytest.raises(ImageError, match=r"shape \(8, 8\); expected \(n, ny, nx\)"):
        NATIVE(np.zeros((8, 8)), SCALE)
    with pytest.raises(ImageError, match="dtype complex128; expected real numbers"):
        NATIVE(np.zeros((1, 8, 8), complex), SCALE)
    with pytest.raises(PreprocessError, match="pixel_scale"):
        NATIVE(np.zeros((1, 8, 8)), -1.0)


def test_a_common_range_is_that_of_all_images():
    images = np.zeros((3, 8, 8), np.float32)
    images[0, 4, 4], images[1, 4, 4], images[2, 4, 4] = 1.0, 4.0, 2.0
    table = complete_columns(pd.DataFrame({"source_id": ["a", "b", "c"]}))
    catalogue = Catalogue(SurveyInfo("toy", "Toy", SCALE), table, images)
    out = NATIVE.in_common_range(catalogue, np.array([2, 1]))
    assert out[:, 4, 4].tolist() == [0.5, 1.0]  # row 0 is not among them
    own = NATIVE.for_rows(catalogue, np.array([2, 1]))
    assert own[:, 4, 4].tolist() == [1.0, 1.0]
