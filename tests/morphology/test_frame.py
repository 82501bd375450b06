"""Frames that follow the source: centre, field, neighbours, noise, and what is stored."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import Preprocess
from radioviz.errors import ImageError, PreprocessError
from radioviz.models.artefact import ModelInfo
from radioviz.morphology.frame import SourceFrame, read_chain
from radioviz.morphology.noise import measure_noise

SCALE, BEAM = 1.8, 5.4
FIXED = SourceFrame(field_arcsec=115.2, fit="fixed")
FITTED = SourceFrame(field_arcsec=57.6, fit="source", fill=0.8)


def sky(*sources: tuple[float, float, float], side: int = 151, sigma: float = 2.0) -> np.ndarray:
    """Gaussians of (arcsec north, arcsec west, peak) above noise of 0.01."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    image = np.random.default_rng(0).normal(0, 0.01, (side, side))
    for north, west, peak in sources:
        away = (y - north / SCALE) ** 2 + (x - west / SCALE) ** 2
        image += peak * np.exp(-away / (2 * sigma**2))
    return image.astype(np.float32)


def framed(chain: SourceFrame, image: np.ndarray, beam: float = BEAM):  # type: ignore[no-untyped-def]
    out, frames = chain.framed(image[None], SCALE, beam=beam, raw=True)
    return out[0], frames[0]


def centroid(image: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[: len(image), : len(image)] - (len(image) - 1) / 2
    return float((image * y).sum() / image.sum()), float((image * x).sum() / image.sum())


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("smooth", [0.0, 1.3])
def test_noise_of_a_picture_that_was_clipped_at_the_sky(level: float, smooth: float) -> None:
    """Pictures cut at a level within the noise were taken for free of noise."""
    image = np.random.default_rng(1).normal(0, 1, (160, 160))
    if smooth:
        image = gaussian_filter(image, smooth)
        image /= image.std()
    image += 30 * np.exp(-((np.mgrid[:160, :160] - 80) ** 2).sum(axis=0) / (2 * 6.0**2))
    picture = np.clip(np.rint((image - level) * 8), 0, 255).astype(np.uint8)
    noise = measure_noise(picture, raw=False)
    assert not noise.clipped
    assert noise.sigma == pytest.approx(8, rel=0.15)
    assert noise.background == pytest.approx(max(-level * 8, 0), abs=2.5)


@pytest.mark.parametrize("cut", [0, 50])
def test_what_was_clipped_at_three_sigma_keeps_its_noise(cut: int) -> None:
    """Also where the picture is cut so tightly that most of it is positive."""
    image = sky((-20, -20, 0.2), (20, 20, 0.2), sigma=6.0)[cut : 151 - cut, cut : 151 - cut]
    picture = np.where(image > 0.03, np.clip(image * 1275, 1, 255), 0).astype(np.uint8)
    noise = measure_noise(picture, raw=False)
    assert noise.clipped
    assert noise.sigma == pytest.approx(picture[picture > 0].min() / 3)


def test_skirts_of_sources_are_not_noise() -> None:
    """Large and crowded sources of a picture that was clipped at 3 sigma."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:150, :150]
    large = 20 * np.exp(-((y - 75) ** 2 + (x - 75) ** 2) / (2 * 30.0**2))
    crowd = sum(
        rng.uniform(5, 60) * np.exp(-((y - v) ** 2 + (x - u) ** 2) / (2 * 4.0**2))
        for v, u in rng.uniform(0, 150, (60, 2))
    )
    for sources in (large, crowd):
        image = sources + gaussian_filter(rng.normal(0, 1, (150, 150)), 1.3) * 4.7
        noise = measure_noise(np.where(image > 3, image, 0).astype(np.float32), raw=False)
        assert noise.clipped
        assert noise.sigma == pytest.approx(1, abs=0.05)


def test_a_picture_that_is_half_blank_is_measured() -> None:
    picture = np.random.default_rng(4).normal(100, 10, (128, 128)).clip(1, 255).astype(np.uint8)
    picture[:64] = 0
    assert measure_noise(picture, raw=False).sigma > 0


def test_noise_and_what_is_not_finite_are_no_source() -> None:
    grain = gaussian_filter(np.random.default_rng(5).normal(0, 1, (128, 128)), 1.5)
    noise = np.clip(128 + 20 * grain / grain.std(), 0, 255).astype(np.uint8)
    bright = np.full((64, 64), 1.0, np.float32)
    bright[3, 3] = np.inf
    for image in (noise, bright, np.full((64, 64), np.inf), np.eye(64, dtype=bool)[::2, ::2]):
        out, frames = FIXED.framed(image[None], SCALE, beam=BEAM)
        assert np.isfinite(out).all()
        assert frames[0].extent < 10 or image is not noise


def test_a_picture_that_emission_fills_has_no_bright_border() -> None:
    """Nothing was found in it, and what lies outside was shown brighter than the sky."""
    y, x = np.mgrid[:128, :128] - 63.5
    emission = np.exp(-((x + 0.6 * y) ** 2 / (2 * 40.0**2) + y**2 / (2 * 45.0**2)))
    grain = gaussian_filter(np.random.default_rng(2).normal(0, 1, (128, 128)), 4)
    picture = np.clip(230 * emission + 250 * grain - 60, 0, 255).astype(np.uint8)
    chain = SourceFrame(field_arcsec=172.8, fill=0.9)
    out, frames = chain.framed(picture[None], 0.4, beam=BEAM)
    assert frames[0].extent > 20
    assert frames[0].beyond
    border = np.ones(out[0].shape, dtype=bool)
    border[16:-16, 16:-16] = False
    assert out[0][border].max() == 0
    assert out[0].max() == 1


@pytest.mark.parametrize(("north", "west"), [(0, 0), (17, 0), (-12, 12), (0, -19)])
def test_a_source_off_centre_comes_to_the_centre(north: float, west: float) -> None:
    out, frame = framed(FIXED, sky((north - 6, west, 1.0), (north + 6, west, 1.0)))
    assert (frame.y * SCALE, frame.x * SCALE) == pytest.approx((north, west), abs=0.3)
    assert centroid(out) == pytest.approx((0, 0), abs=0.2)
    still = dataclasses.replace(FIXED, recentre=False)
    plain, frame = framed(still, sky((north - 6, west, 1.0), (north + 6, west, 1.0)))
    assert (frame.y, frame.x) == (0, 0)
    assert centroid(plain) == pytest.approx((north / 1.8, west / 1.8), abs=0.3)


def test_the_field_fits_the_source_and_never_the_beam() -> None:
    near = framed(FITTED, sky((0, 0, 1.0)))[1]
    assert near.field == 57.6
    far = framed(FITTED, sky((-60, 0, 1.0), (0, 0, 1.0), (60, 0, 1.0)))[1]
    assert 120 < far.extent < 145  # lobes at 60 arcsec, out to 3 sigma, less a beam
    assert far.field == pytest.approx(far.extent / 0.8)
    for beam in (5.4, 18.0, 45.0):
        assert FIXED.field_in_pixels(SCALE, beam) * SCALE == pytest.approx(115.2)
        assert framed(FIXED, sky((0, 0, 1.0)), beam)[1].field == 115.2
    widest = dataclasses.replace(FITTED, widest=100.0)
    assert framed(widest, sky((-60, 0, 1.0), (0, 0, 1.0), (60, 0, 1.0)))[1].field == 100.0


def test_a_box_that_the_table_has_is_taken_for_the_extent(first_catalogue: Catalogue) -> None:
    rows = np.arange(3)
    few = dataclasses.replace(
        first_catalogue, table=first_catalogue.table.iloc[rows], folder=None,
        images=np.asarray(first_catalogue.images[rows]),
    )  # fmt: skip
    table = few.table.assign(source_box=[120.0, np.nan, -5.0])
    own = dataclasses.replace(few, table=table)
    fields = [frame.field for frame in FITTED.framed_rows(own, rows)[1]]
    measured = [frame.field for frame in FITTED.framed_rows(few, rows)[1]]
    assert fields == pytest.approx([120 / 0.8, measured[1], measured[2]])
    assert measured[0] != pytest.approx(150, abs=5)
    wide = FITTED.with_margin(128)
    assert isinstance(wide, SourceFrame)
    assert wide.framed_rows(own, rows)[1][0].field == pytest.approx(300)
    fixed = FIXED.framed_rows(own, rows)[1]
    assert fixed[0].field == 115.2
    words = dataclasses.replace(own, table=table.assign(source_box="wide"))
    assert FITTED.framed_rows(words, rows)[1][0].field == pytest.approx(measured[0])


def test_a_frame_beyond_the_image_says_so() -> None:
    small = sky((0, 0, 1.0), side=41)  # 74 arcsec
    assert framed(FIXED, small)[1].beyond
    assert not framed(SourceFrame(field_arcsec=70.0, fit="fixed"), small)[1].beyond


def test_neighbours_and_noise_are_masked_as_asked() -> None:
    image = sky((0, 0, 1.0), (10, 52, 0.6))
    still = dataclasses.replace(FIXED, recentre=False)
    out = {
        outside: framed(dataclasses.replace(still, outside=outside), image)[0]
        for outside in ("keep", "mask others", "mask all")
    }
    there = (slice(32 + 2, 32 + 9), slice(32 + 25, 32 + 31))
    assert out["keep"][there].max() == pytest.approx(0.6, abs=0.05)
    assert out["mask others"][there].max() < 0.1
    assert out["mask all"][there].max() == 0
    far = np.hypot(*(np.mgrid[:64, :64] - 31.5)) > 15
    assert out["mask all"][far].max() == 0
    assert all(image[28:36, 28:36].max() == 1 for image in out.values())


def test_noise_is_found_in_pictures_as_in_fits() -> None:
    """8 bits that are called free of noise and are not: blanked all the same."""
    image = sky((0, 0, 1.0))
    picture = np.clip(np.round((image + 0.05) * 240), 0, 255).astype(np.uint8)
    out, _ = FIXED.framed(picture[None], SCALE, beam=BEAM, raw=False)
    plain = Preprocess(field_arcsec=115.2)(picture[None], SCALE, raw=False)
    far = np.hypot(*(np.mgrid[:64, :64] - 31.5)) > 15
    assert plain[0][far].mean() > 0.01
    assert out[0][far].max() == 0


def test_the_bright_part_of_an_image_that_emission_fills_is_kept() -> None:
    y, x = np.mgrid[:64, :64]
    image = (128 + 60 * np.sin(x / 9) * np.cos(y / 11)).astype(np.uint8)
    out, frames = FIXED.framed(image[None], 0.4, beam=8.0)
    assert out[0].max() == 1
    assert (out[0] > 0).mean() > 0.015
    assert len(frames) == 1


def test_a_blank_image_is_blank() -> None:
    for image in (np.zeros((20, 20), np.float32), np.full((20, 20), np.nan, np.float32)):
        out, frame = framed(FITTED, image)
        assert not out.any()
        assert frame.extent == 0 and frame.field == 57.6
    assert not FITTED(np.zeros((1, 64, 64), np.uint8), SCALE).any()


def test_a_margin_shows_more_of_the_same_frame() -> None:
    image = sky((-60, 20, 1.0), (0, 0, 1.0), (60, 0, 1.0), (70, 70, 0.5))
    plain, frame = framed(FITTED, image)
    wide, wider = framed(FITTED.with_margin(96), image)
    assert (wider.y, wider.x) == (frame.y, frame.x)
    assert wider.field == pytest.approx(frame.field * 96 / 64)
    inner = wide[16:-16, 16:-16]
    np.testing.assert_allclose(inner / inner.max(), plain, atol=1e-5)


def test_chains_are_read_back_as_what_they_are() -> None:
    for chain in (Preprocess(), FIXED, FITTED):
        again = read_chain(chain.to_dict())
        assert type(again) is type(chain)
        assert again == chain and again.digest == chain.digest
    assert FIXED.digest != Preprocess(field_arcsec=115.2).digest
    info = ModelInfo(
        name="x", title="x", kind="resnet", capabilities=("encode",), latent_dim=4,
        preprocess=FITTED, architecture={}, weights_sha256="0" * 64,
    )  # fmt: skip
    assert ModelInfo.from_dict(info.to_dict()).preprocess == FITTED


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"fit": "beam"}, "fit is 'beam'"),
        ({"outside": "blur"}, "outside is 'blur'"),
        ({"fill": 2.0}, "fill is 2.0"),
        ({"widest": 5.0}, "widest is 5.0"),
        ({"window": 0.0}, "window is 0.0"),
        ({"finder": 0}, "finder is 0.*train it again"),
        ({"nan": "error"}, "nan = 'zero'"),
    ],
)
def test_wrong_values_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(PreprocessError, match=message):
        read_chain({**FIXED.to_dict(), **wrong})


def test_what_is_no_batch_of_images_is_refused() -> None:
    with pytest.raises(ImageError, match="shape"):
        FIXED(np.zeros((3, 3)), SCALE)


def test_the_same_image_keeps_its_frame() -> None:
    """Where this fails, models see other frames than in training: raise FINDER, train again."""
    images = [
        sky((0, 0, 1.0), (30, 10, 0.4), (-28, -14, 0.7)),
        sky((-40, 9, 0.5), (42, -8, 0.6), (60, 70, 0.3)),
        sky((5, 5, 0.06)),
        sky((0, 0, 1.0), (0, 20, 0.1), (0, -45, 0.08), sigma=4.0),
    ]
    found = [framed(FITTED, image)[1] for image in images]
    expected = [
        (-2.282, -1.626, 108.77, 87.01),
        (9.764, 6.008, 197.01, 157.61),
        (2.632, 2.721, 57.6, 6.09),
        (-0.032, -0.637, 152.5, 122.0),
    ]
    numbers = [(f.y, f.x, f.field, f.extent) for f in found]
    np.testing.assert_allclose(numbers, expected, atol=0.02)
