"""Pictures as queries: what is read, what is refused and why, and what the encoder then sees."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import Preprocess
from radioviz.errors import ImageError, PreprocessError
from radioviz.similarity import query_image
from radioviz.similarity.query_image import Box

CHAIN = Preprocess()


@pytest.fixture(scope="session")
def first(first_catalogue: Catalogue) -> Catalogue:
    return first_catalogue


def wcs_cards(scale: float, n: int, unit: str = "deg", factor: float = 1.0) -> dict[str, Any]:
    """TAN WCS about (150, 30) degrees; ``factor`` degrees are one ``unit``."""
    return {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0 / factor,
        "CRVAL2": 30.0 / factor, "CRPIX1": (n + 1) / 2, "CRPIX2": (n + 1) / 2,
        "CDELT1": -scale / 3600 / factor, "CDELT2": scale / 3600 / factor,
        "CUNIT1": unit, "CUNIT2": unit,
    }  # fmt: skip


def fits_bytes(data: np.ndarray, cards: dict[str, Any] | None = None, *more: np.ndarray) -> bytes:
    header = fits.Header(cards or {})
    hdus: list[Any] = [fits.PrimaryHDU(data, header)]
    hdus += [fits.ImageHDU(extra, name=f"PLANE{i}") for i, extra in enumerate(more)]
    out = io.BytesIO()
    fits.HDUList(hdus).writeto(out)
    return out.getvalue()


def png_bytes(data: np.ndarray, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(data).save(out, kind)
    return out.getvalue()


def blob(n: int = 64, sigma: float = 3.0, x: float | None = None, y: float | None = None) -> Any:
    yy, xx = np.mgrid[:n, :n]
    cx, cy = (n - 1) / 2 if x is None else x, (n - 1) / 2 if y is None else y
    return np.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / 2 / sigma**2).astype(np.float32)


def seen_of(payload: bytes, first: Catalogue, name: str = "x.fits", **options: Any) -> Any:
    image = query_image.read_picture(payload, name)
    box = options.pop("box", Box.whole(image.data))
    scale = options.pop("pixel_scale", image.pixel_scale)
    beam = options.pop("beam", image.beam.fwhm if image.beam else None)
    noisy = options.pop("noisy", query_image.holds_noise(image))
    return query_image.prepare_picture(
        image, box, pixel_scale=scale, beam=beam, noisy=noisy, survey=first.info, chain=CHAIN
    )


def test_a_survey_image_comes_back_as_the_survey_shows_it(first: Catalogue) -> None:
    """Written to FITS and uploaded, a galaxy of FIRST is seen as in its own data set."""
    row = 100
    payload = fits_bytes(first.images[row].astype(np.float32), wcs_cards(1.8, 300))
    seen, note = seen_of(payload, first)
    assert note == ""
    np.testing.assert_allclose(seen, CHAIN.apply(first, np.array([row])), atol=2e-5)


def test_any_pixel_scale_gives_the_same_view(first: Catalogue) -> None:
    coarse, _ = seen_of(fits_bytes(blob(96, 6.0), wcs_cards(1.8, 96)), first)
    fine, _ = seen_of(fits_bytes(blob(192, 12.0), wcs_cards(0.9, 192)), first)
    np.testing.assert_allclose(coarse, fine, atol=0.02)


@pytest.mark.parametrize(("unit", "factor"), [("arcsec", 1 / 3600), ("rad", 180 / np.pi)])
def test_a_wcs_in_other_units_has_the_same_scale(
    unit: str, factor: float, first: Catalogue
) -> None:
    plain = query_image.read_picture(fits_bytes(blob(), wcs_cards(1.8, 64)), "x.fits")
    other = query_image.read_picture(fits_bytes(blob(), wcs_cards(1.8, 64, unit, factor)), "x.fits")
    assert other.pixel_scale == pytest.approx(plain.pixel_scale, rel=1e-6)
    place = query_image.position_of(other, Box.whole(other.data))
    assert place == pytest.approx((150.0, 30.0), abs=1e-5)


def test_a_wcs_of_something_else_means_that_the_scale_is_asked_for() -> None:
    cards = {"CTYPE1": "LINEAR", "CTYPE2": "LINEAR", "CUNIT1": "mm", "CUNIT2": "mm"}
    image = query_image.read_picture(fits_bytes(blob(), cards), "plate.fits")
    assert image.pixel_scale is None
    assert query_image.position_of(image, Box.whole(image.data)) is None


def test_a_sharper_picture_is_smoothed_to_the_beam_of_the_survey(first: Catalogue) -> None:
    """A Gaussian of the picture's beam becomes one of the survey's: FWHMs add in quadrature."""
    scale, beam = 0.6, 2.5
    sigma = beam / 2.3548 / scale
    smooth = query_image.match_beam(blob(129, sigma), scale, beam, 5.4)
    expected = blob(129, 5.4 / 2.3548 / scale)
    np.testing.assert_allclose(smooth / smooth.max(), expected, atol=5e-3)
    payload = fits_bytes(blob(300, sigma), wcs_cards(scale, 300))
    _, note = seen_of(payload, first, beam=beam)
    assert note == "smoothed from 2.5 to the 5.4 arcsec beam of " + first.info.title


def test_a_coarser_picture_is_compared_in_units_of_the_beam(first: Catalogue) -> None:
    payload = fits_bytes(blob(100, 2.0), wcs_cards(15.0, 100))
    seen, note = seen_of(payload, first, beam=45.0)
    assert "in units of the beam" in note
    # As the chain shows a survey with this beam: 172.8 arcsec at 5.4, 1440 at 45.
    expected = CHAIN(blob(100, 2.0)[None], 15.0, beam=45.0)
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_crop_box_centres_and_leaves_out(first: Catalogue) -> None:
    image = blob(200, 4.0, x=60, y=140) + blob(200, 4.0, x=160, y=30)
    payload = fits_bytes(image, wcs_cards(1.8, 200))
    box = Box(36, 86, 116, 166)
    seen, _ = seen_of(payload, first, box=box)
    peak = np.unravel_index(seen[0].argmax(), seen[0].shape)
    assert abs(peak[0] - 31.5) < 2
    assert abs(peak[1] - 31.5) < 2
    assert seen[0, :12].max() < 0.05  # the neighbour in the south-west is gone
    place = query_image.position_of(query_image.read_picture(payload, "x.fits"), box)
    assert place is not None
    assert place[0] > 150.0  # left of the centre is east of it
    assert place[1] > 30.0


def test_boxes_without_content_are_refused(first: Catalogue) -> None:
    data = blob(60)
    data[:, 40:] = np.nan
    payload = fits_bytes(data, wcs_cards(1.8, 60))
    with pytest.raises(ImageError, match="holds no finite pixel"):
        seen_of(payload, first, box=Box(45, 60, 0, 60))
    with pytest.raises(ImageError, match="crop box of 0 x 10 pixels"):
        seen_of(payload, first, box=Box(5, 5, 0, 10))
    empty = np.zeros((400, 400), np.float32)
    empty[:4, :4] = 1.0
    with pytest.raises(ImageError, match="nothing stands out in the 173 arcsec"):
        seen_of(fits_bytes(empty, wcs_cards(1.8, 400)), first)


def test_noise_is_clipped_where_asked(first: Catalogue) -> None:
    rng = np.random.default_rng(0)
    data = blob(128, 5.0) + rng.normal(0, 0.02, (128, 128)).astype(np.float32)
    payload = fits_bytes(data, wcs_cards(1.8, 128))
    image = query_image.read_picture(payload, "x.fits")
    assert query_image.holds_noise(image)
    clipped, _ = seen_of(payload, first)
    kept, _ = seen_of(payload, first, noisy=False)
    assert (clipped == 0).mean() > 0.7 > (kept == 0).mean()


def test_png_jpeg_and_colour_pictures_are_read() -> None:
    grey = (blob() * 255).astype(np.uint8)
    for payload, name in ((png_bytes(grey), "a.png"), (png_bytes(grey, "JPEG"), "a.jpg")):
        assert query_image.images_in(payload, name) == []
        image = query_image.read_picture(payload, name)
        assert image.pixel_scale is None
        assert not query_image.holds_noise(image)
    colour = np.stack([grey, grey // 2, 255 - grey], axis=-1)
    assert any("luminance" in n for n in query_image.read_picture(png_bytes(colour), "c.png").notes)


def test_pixel_scales_and_beams_without_meaning_are_refused(first: Catalogue) -> None:
    payload = fits_bytes(blob())
    with pytest.raises(PreprocessError, match="pixel_scale is 0"):
        seen_of(payload, first, pixel_scale=0.0)
    with pytest.raises(PreprocessError, match="beam is -1"):
        seen_of(payload, first, pixel_scale=1.8, beam=-1.0)


def test_several_extensions_are_listed_and_have_to_be_chosen() -> None:
    payload = fits_bytes(blob(), None, blob(32), blob(16))
    found = query_image.images_in(payload, "three.fits")
    assert [number for number, _ in found] == [0, 1, 2]
    assert "'PLANE0' (32 x 32)" in found[1][1]
    with pytest.raises(ImageError, match=r"three\.fits: holds 3 images"):
        query_image.read_picture(payload, "three.fits")
    assert query_image.read_picture(payload, "three.fits", 2).data.shape == (16, 16)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "empty"),
        (b"GIF89a" + b"\0" * 100, "not a FITS file: it is a GIF image"),
        (b"just some words " * 20, "not a FITS file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "neither a PNG nor a JPEG"),
        (fits_bytes(np.full((20, 20), np.nan, np.float32)), "all 400 pixels are NaN"),
        (fits_bytes(np.full((20, 20), 2.5, np.float32)), "every pixel has the value 2.5"),
        (png_bytes(np.zeros((9, 9), np.uint8)), "every pixel has the value 0"),
    ],
)
def test_what_is_no_image_is_refused_by_name(payload: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        query_image.images_in(payload, "<b>x</b>.fits")
        query_image.read_picture(payload, "<b>x</b>.fits")
    assert str(caught.value).startswith("<b>x</b>.fits: ")


def test_huge_images_are_refused_before_they_are_read() -> None:
    """A header that declares 40,000 x 40,000 pixels, and a picture that would inflate to them."""
    header = fits.Header(
        [("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", 40_000), ("NAXIS2", 40_000)]
    )
    payload = header.tostring().encode("ascii") + b"\0" * 2880
    with pytest.raises(ImageError, match=r"40,?000 x 40,?000|cut short"):
        query_image.read_picture(payload, "huge.fits")
    with pytest.raises(ImageError, match="6000 x 6000 pixels; at most 25,000,000"):
        query_image.read_picture(png_bytes(np.zeros((6000, 6000), np.uint8)), "huge.png")
    with pytest.raises(ImageError, match="at most 128 MB"):
        query_image.read_picture(b"\0" * 129_000_000, "huge.fits")


def test_a_strip_makes_no_square_of_gigabytes() -> None:
    strip = np.zeros((20, 40_000), np.float32)
    with pytest.raises(ImageError, match=r"40,000 x 40,000.*smaller box"):
        query_image.crop_square(strip, Box.whole(strip))
