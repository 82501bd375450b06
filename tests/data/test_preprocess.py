"""The preprocessing chain: what must hold for any image."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.noise_level import noise_level
from radioviz.data.preprocess import PRESETS, STRETCHES, Preprocess
from radioviz.errors import ImageError, PreprocessError

SCALE = 1.8

FLOATS = st.floats(-1e6, 1e6, width=32, allow_subnormal=True) | st.sampled_from(
    [float("nan"), float("inf"), float("-inf"), 0.0]
)
BATCHES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=24).flatmap(
    lambda shape: (
        hnp.arrays(np.float32, shape, elements=FLOATS)
        | hnp.arrays(np.uint8, shape, elements=st.integers(0, 255))
    )
)
CHAINS = st.builds(
    Preprocess,
    clip_sigma=st.none() | st.floats(0.5, 10),
    field_arcsec=st.floats(2, 200),
    size=st.integers(4, 40),
    stretch=st.sampled_from(STRETCHES),
    blank_edge=st.integers(0, 2),
)


def gaussian(shape: tuple[int, int], x: float, y: float, fwhm: float, peak: float = 1.0):
    """Circular Gaussian of ``fwhm`` pixels centred on ``(x, y)``."""
    rows, columns = np.indices(shape)
    return peak * np.exp(-4 * np.log(2) * ((columns - x) ** 2 + (rows - y) ** 2) / fwhm**2)


def centroid(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return float((image * columns).sum() / image.sum()), float((image * rows).sum() / image.sum())


@settings(max_examples=200, deadline=None)
@given(images=BATCHES, chain=CHAINS, raw=st.booleans(), scale=st.floats(0.5, 20))
def test_result_is_finite_in_range_and_of_the_right_shape(images, chain, raw, scale):
    out = chain(images, scale, raw=raw)
    assert out.shape == (len(images), chain.size, chain.size)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert out.min() >= 0 and out.max() <= 1
    peaks = out.max(axis=(1, 2))
    assert np.all((peaks == 0) | (np.abs(peaks - 1) < 1e-6))


@settings(max_examples=100, deadline=None)
@given(images=BATCHES, chain=CHAINS, raw=st.booleans())
def test_a_batch_equals_its_images_one_by_one(images, chain, raw):
    together = chain(images, SCALE, raw=raw)
    alone = np.concatenate([chain(images[i : i + 1], SCALE, raw=raw) for i in range(len(images))])
    np.testing.assert_array_equal(together, alone)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(5, 40),
    chain=CHAINS,
    turns=st.integers(0, 3),
    mirror=st.booleans(),
    raw=st.booleans(),
)
def test_commutes_with_the_symmetries_of_the_square(seed, n, chain, turns, mirror, raw):
    images = np.random.default_rng(seed).normal(size=(2, n, n)).astype(np.float32)

    def turn(batch: np.ndarray) -> np.ndarray:
        batch = np.rot90(batch, turns, axes=(1, 2))
        return batch[:, :, ::-1] if mirror else batch

    before = chain(turn(images), SCALE, raw=raw)
    after = turn(chain(images, SCALE, raw=raw))
    # A stretch is steepest at 0, where rounding of the sums shows most.
    np.testing.assert_allclose(before, after, atol=2e-5 if chain.stretch == "linear" else 1e-2)


@settings(max_examples=50, deadline=None)
@given(images=hnp.arrays(np.uint8, (3, 20, 20)), chain=CHAINS)
def test_integer_and_float_images_are_equal(images, chain):
    as_bytes = chain(images, SCALE)
    for dtype in (np.float32, np.float64, ">f4", np.int16):
        np.testing.assert_array_equal(as_bytes, chain(images.astype(dtype), SCALE))


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(60, 160),
    field=st.floats(60, 300),
    size=st.integers(24, 100),
    dx=st.floats(-3, 3),
    dy=st.floats(-3, 3),
)
def test_a_point_source_keeps_place_and_roundness(n, field, size, dx, dy):
    """The centre stays in the centre; offsets scale with the pixel; the beam stays round."""
    middle = (n - 1) / 2
    image = gaussian((n, n), middle + dx, middle + dy, fwhm=3.0)[None]
    chain = Preprocess(field_arcsec=field, size=size)
    out = chain(image, SCALE)[0].astype(float)
    step = field / SCALE / size
    # Below two samples a beam its measured width depends on where it falls between pixels.
    assume(step <= 1.5)
    x, y = centroid(out)
    assert x == pytest.approx((size - 1) / 2 + dx / step, abs=0.06)
    assert y == pytest.approx((size - 1) / 2 + dy / step, abs=0.06)
    rows, columns = np.indices(out.shape)
    widths = [(out * (axis - c) ** 2).sum() / out.sum() for axis, c in ((columns, x), (rows, y))]
    # The triangle adds at most (step^2 + 1)/6 to the variance of the beam, (3/2.355)^2.
    expected = (3 / 2.3548) ** 2 / step**2
    for width in widths:
        assert expected * 0.95 < width < expected + (step**2 + 1) / 4 / step**2 + 0.1
    assert widths[0] == pytest.approx(widths[1], rel=0.12)


def test_native_scale_is_a_plain_crop():
    images = np.random.default_rng(1).integers(0, 256, (4, 150, 150), dtype=np.uint8)
    images[:, 75, 75] = 255
    images[:, 75, 76] = 0
    out = PRESETS["andrianomena2023"](images, SCALE)
    np.testing.assert_allclose(out, images[:, 43:107, 43:107] / 255, atol=1e-6)
    out = PRESETS["bastien2021"](images, SCALE)
    np.testing.assert_allclose(out, images[:, 25:125, 25:125] / 255, atol=1e-6)


def test_the_edge_blanked_preset_is_the_crop_within_zeros():
    images = np.random.default_rng(2).integers(0, 256, (2, 150, 150), dtype=np.uint8)
    images[:, 75, 75:77] = [255, 0]
    blanked = PRESETS["bastien2021-edge-blanked"](images, SCALE)
    np.testing.assert_allclose(
        blanked[:, 25:125, 25:125], PRESETS["bastien2021"](images, SCALE), atol=1e-6
    )
    blanked[:, 25:125, 25:125] = 0
    assert not blanked.any()


def test_a_field_wider_than_the_image_is_padded_with_zeros():
    images = np.full((1, 50, 50), 7.0, np.float32)
    out = Preprocess(field_arcsec=100 * SCALE, size=100)(images, SCALE)[0]
    np.testing.assert_allclose(out[25:75, 25:75], 1)
    assert out.sum() == pytest.approx(2500)


def test_the_field_grows_with_the_beam():
    chain = Preprocess()
    assert chain.field_in_pixels(1.8) == pytest.approx(96)
    assert chain.field_in_pixels(1.8, 5.4) == pytest.approx(96)
    assert chain.field_in_pixels(15.0, 45.0) == pytest.approx(96)
    nvss = SurveyInfo("nvss", "NVSS", 15.0, beam=45.0)
    assert chain.output_scale_arcsec(nvss) == pytest.approx(22.5)
    assert PRESETS["andrianomena2023"].output_scale_arcsec(nvss) == pytest.approx(15)


def test_only_raw_images_are_clipped():
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1e-4, (1, 150, 150))
    image = (noise + gaussian((150, 150), 74.5, 74.5, 3, peak=0.01)[None]).astype(np.float32)
    image[0, :10] = np.nan
    clipped = Preprocess()(image, SCALE, raw=True)
    assert np.count_nonzero(clipped) < 0.03 * clipped.size
    assert clipped[0, 31:33, 31:33].min() > 0.9
    assert np.count_nonzero(Preprocess()(image, SCALE)) > 0.9 * clipped.size
    assert np.count_nonzero(Preprocess(clip_sigma=None)(image, SCALE, raw=True)) > 3000


@pytest.mark.parametrize("sigma", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_noise_level_is_robust_against_sources_blanks_and_nan(sigma, offset):
    rng = np.random.default_rng(4)
    image = rng.normal(offset * sigma, sigma, (150, 150)).astype(np.float32)
    image += (1000 * sigma * gaussian((150, 150), 70, 80, 12)).astype(np.float32)
    image[:30] = np.nan
    background, measured = noise_level(image)
    assert measured == pytest.approx(sigma, rel=0.05)
    assert background == pytest.approx(offset * sigma, abs=0.1 * sigma)
    if offset == 0:
        image[60:] = 0.0  # a mosaic's blanked part, more than half of what is left
        assert noise_level(image)[1] == pytest.approx(sigma, rel=0.1)


def test_noise_level_of_images_without_noise():
    assert noise_level(np.full((5, 5), np.nan)) == (0.0, 0.0)
    assert noise_level(np.zeros((5, 5))) == (0.0, 0.0)
    clipped = np.zeros((50, 50), np.float32)
    clipped[20:25, 20:25] = np.random.default_rng(5).uniform(1, 2, (5, 5))
    assert noise_level(clipped) == (0.0, 0.0)


def test_an_image_already_clipped_stays_as_it_is_when_marked_raw():
    clipped = np.zeros((1, 96, 96), np.float32)
    clipped[0, 40:50, 44:52] = np.random.default_rng(6).uniform(1, 2, (10, 8))
    chain = Preprocess()
    np.testing.assert_array_equal(chain(clipped, SCALE, raw=True), chain(clipped, SCALE))


def test_images_without_contrast_become_zero():
    images = np.stack([np.zeros((30, 30)), np.full((30, 30), np.nan), np.full((30, 30), 3.0)])
    chain = Preprocess(field_arcsec=20 * SCALE, size=10)
    for raw in (False, True):
        assert not chain(images, SCALE, raw=raw).any()


def test_nan_policy_error_names_the_image():
    images = np.ones((200, 8, 8), np.float32)
    images[150, 4, 4] = np.nan
    with pytest.raises(ImageError, match="image 150"):
        Preprocess(nan="error", size=8)(images, SCALE)


@pytest.mark.parametrize("stretch", STRETCHES)
def test_stretches_keep_the_order_and_the_ends(stretch):
    ramp = np.arange(64, dtype=np.float32).reshape(1, 8, 8)
    chain = Preprocess(field_arcsec=None, field_pixels=8, size=8, stretch=stretch)
    out = chain(ramp, SCALE).ravel()
    assert out[0] == 0 and out[-1] == pytest.approx(1)
    assert (np.diff(out) > 0).all()


@pytest.mark.parametrize(
    "values",
    [
        {"size": 0},
        {"size": 64.0},
        {"size": True},
        {"size": "64"},
        {"clip_sigma": 0},
        {"clip_sigma": float("nan")},
        {"clip_sigma": "3"},
        {"field_arcsec": -1.0},
        {"field_arcsec": float("inf")},
        {"field_arcsec": None},
        {"field_pixels": 64},
        {"field_arcsec": None, "field_pixels": 6.4},
        {"stretch": "cubic"},
        {"nan": "mean"},
        {"blank_edge": -1},
        {"blank_edge": 33},
        {"colour": 1},
    ],
)
def test_bad_values_are_refused_by_name(values):
    with pytest.raises(PreprocessError, match=next(iter(values)).split("_")[0]):
        Preprocess.from_dict(values)


@pytest.mark.parametrize("scale", [0, -1.8, float("nan"), float("inf"), None, "1.8"])
def test_bad_pixel_scales_and_beams_are_refused(scale):
    image = np.zeros((1, 10, 10))
    with pytest.raises(PreprocessError, match="pixel_scale"):
        Preprocess()(image, scale)
    if scale is not None:
        with pytest.raises(PreprocessError, match="beam"):
            Preprocess()(image, SCALE, beam=scale)


@pytest.mark.parametrize(
    "images", [np.zeros((10, 10)), np.zeros((1, 0, 5)), np.zeros((1, 5, 5), complex)]
)
def test_arrays_that_are_no_batch_are_refused(images):
    with pytest.raises(ImageError):
        Preprocess()(images, SCALE)


def test_an_empty_batch_is_fine():
    assert Preprocess()(np.zeros((0, 10, 10)), SCALE).shape == (0, 64, 64)


@given(chain=CHAINS)
def test_json_round_trip_keeps_chain_and_digest(chain):
    again = Preprocess.from_dict(json.loads(json.dumps(chain.to_dict())))
    assert again == chain
    assert again.digest == chain.digest
    assert dataclasses.replace(chain, size=chain.size + 1).digest != chain.digest


def test_presets_have_digests_of_their_own():
    assert len({chain.digest for chain in PRESETS.values()}) == len(PRESETS)
    assert Preprocess(clip_sigma=3).digest == Preprocess(clip_sigma=3.0).digest


def test_apply_reads_the_survey_and_the_rows():
    rng = np.random.default_rng(7)
    images = rng.integers(0, 256, (7, 40, 40), dtype=np.uint8)
    table = complete_columns(_ids(7))
    info = SurveyInfo("nvss", "NVSS", 15.0, beam=45.0)
    catalogue = Catalogue(info, table, images)
    chain = Preprocess(size=16)
    every = chain.apply(catalogue, batch=3)
    np.testing.assert_array_equal(every, chain(images, 15.0, beam=45.0))
    rows = np.array([5, 0])
    np.testing.assert_array_equal(chain.apply(catalogue, rows), every[rows])
    mask = np.arange(7) % 2 == 0
    np.testing.assert_array_equal(chain.apply(catalogue, mask, batch=2), every[mask])


def _ids(n: int):
    import pandas as pd

    return pd.DataFrame({"source_id": [f"s{i}" for i in range(n)]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("field_arcsec", 2**31),
        ("field_arcsec", 1e308),
        ("field_arcsec", 10**400),
        ("clip_sigma", 10**400),
        ("clip_sigma", math.nan),
        ("field_pixels", 10**30),
    ],
)
def test_values_that_no_image_has(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    if name == "field_pixels":
        given["field_arcsec"] = None
    with pytest.raises(PreprocessError, match=rf"{name} is .*expected a positive"):
        Preprocess(**given)


def test_a_field_that_would_take_gigabytes_of_weights() -> None:
    with pytest.raises(PreprocessError, match=r"a field of 2,592,000 native pixels on 64 pixels"):
        Preprocess(field_arcsec=1_296_000.0)(np.zeros((1, 40, 40), np.float32), 0.5)
    wide = Preprocess(field_arcsec=40_000.0, size=64)(np.ones((1, 40, 40), np.float32), 1.0)
    assert wide.shape == (1, 64, 64)


@pytest.mark.parametrize("raw", [False, True])
def test_a_survey_says_its_scale_its_beam_and_whether_noise_is_left(raw: bool) -> None:
    rng = np.random.default_rng(3)
    images = rng.normal(0, 0.1, (2, 100, 100)).astype(np.float32)
    images[:, 48:52, 48:52] += 5
    info = SurveyInfo("x", "X", pixel_scale=2.5, beam=6.0, raw=raw)
    chain = PRESETS["compact64"]
    table = complete_columns(pd.DataFrame({"source_id": ["a", "b"]}))
    found = chain.for_rows(Catalogue(info, table, images), np.arange(2))
    np.testing.assert_array_equal(found, chain(images, 2.5, beam=6.0, raw=raw))
    assert (found != chain(images, 2.5, beam=6.0, raw=not raw)).any()
    assert (found != chain(images, 1.8, beam=6.0, raw=raw)).any()


def test_magnitudes_are_softened_by_the_noise_of_each_image():
    rng = np.random.default_rng(0)
    images = 5 + rng.normal(0, [[[0.1]], [[3.0]]], (2, 64, 64))
    images[:, 32, 32] += [100.0, 3000.0]  # the same in units of the noise
    chain = Preprocess(
        clip_sigma=None, field_arcsec=None, field_pixels=64, size=64, stretch="magnitude"
    )
    seen = chain(images.astype(np.float32), SCALE)
    assert seen.max(axis=(1, 2)).tolist() == [1, 1] and seen.min() == 0
    for image, out, sigma in zip(images, seen, (0.1, 3.0), strict=True):
        scaled = np.arcsinh((image - 5) / (2 * 1.042 * sigma))  # Lupton et al. 1999
        expected = (scaled - scaled.min()) / np.ptp(scaled)
        np.testing.assert_allclose(out, expected, atol=0.02)
    assert 0.15 < np.median(seen) < 0.4  # the noise is seen; linearly it would be at 0.002
    # They cannot be made later: the chain with a margin has them already.
    assert chain.with_margin(80).stretch == "magnitude"
    grey = chain(np.arange(4096, dtype=np.uint8).reshape(1, 64, 64) % 2 * 200, SCALE)
    assert set(np.unique(grey)) == {0.0, 1.0}
