"""North up, east left: every kind of WCS, checked by where a source comes out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.errors import ImageError
from radioviz.images.orientation import deviation, geometry, resample
from radioviz.images.reading import SkyImage, read_fits, read_image, upright
from radioviz.sky import tan_wcs
from tests.data.fits_files import (
    CENTRE,
    EAST,
    NORTH,
    SCALE,
    cards,
    primary,
    sky_image,
    source_position,
)

STEP = SCALE / 3600


def rotation(angle: float, sx: float = STEP, sy: float = STEP) -> dict[str, float]:
    """CD matrix with north turned counter-clockwise by ``angle`` degrees."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return {"CD1_1": -sx * c, "CD1_2": -sy * s, "CD2_1": -sx * s, "CD2_2": sy * c}


NO_CDELT: dict[str, Any] = {"CDELT1": None, "CDELT2": None}


def galactic(shape: tuple[int, int], **more: Any) -> dict[str, Any]:
    here = CENTRE.galactic
    changes = more | {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "RADESYS": None, "EQUINOX": None}
    return cards(shape, CRVAL1=here.l.deg, CRVAL2=here.b.deg, **changes)


def b1950(shape: tuple[int, int]) -> dict[str, Any]:
    here = CENTRE.fk4
    return cards(shape, CRVAL1=here.ra.deg, CRVAL2=here.dec.deg, RADESYS="FK4", EQUINOX=1950.0)


SHAPE = (120, 100)
WCS_KINDS: dict[str, dict[str, Any]] = {
    "plain": cards(SHAPE),
    "sine projection": cards(SHAPE, CTYPE1="RA---SIN", CTYPE2="DEC--SIN"),
    "CD matrix": cards(SHAPE, **NO_CDELT, **rotation(0)),
    "PC matrix": cards(SHAPE, PC1_1=1.0, PC1_2=0.0, PC2_1=0.0, PC2_2=1.0),
    "no equinox": cards(SHAPE, RADESYS=None, EQUINOX=None),
    "ICRS": cards(SHAPE, RADESYS="ICRS", EQUINOX=None),
    "east right": cards(SHAPE, CDELT1=STEP),
    "south up": cards(SHAPE, CDELT2=-STEP),
    "upside down": cards(SHAPE, CDELT1=STEP, CDELT2=-STEP),
    "turned by 90": cards(SHAPE, **NO_CDELT, **rotation(90)),
    "turned by -90": cards(SHAPE, **NO_CDELT, **rotation(-90)),
    "declination first": cards(
        SHAPE,
        CTYPE1="DEC--TAN",
        CTYPE2="RA---TAN",
        CRVAL1=35.0,
        CRVAL2=150.0,
        CDELT1=STEP,
        CDELT2=-STEP,
    ),
    "turned by 33": cards(SHAPE, **NO_CDELT, **rotation(33)),
    "CROTA": cards(SHAPE, CROTA2=33.0),
    "turned by 140 and mirrored": cards(
        SHAPE, **NO_CDELT, **{k: -v if k[-1] == "1" else v for k, v in rotation(140).items()}
    ),
    "oblong pixels": cards(SHAPE, CDELT1=-STEP, CDELT2=1.5 * STEP),
    "oblong and turned": cards(SHAPE, **NO_CDELT, **rotation(25, STEP, 1.4 * STEP)),
    # At this position galactic north happens to point to the east, within a degree.
    "galactic": galactic(SHAPE),
    "galactic and turned": galactic(SHAPE, **NO_CDELT, **rotation(50)),
    "B1950": b1950(SHAPE),
    "reference pixel far away": cards(
        SHAPE, CRPIX1=50.5 + 400, CRPIX2=60.5 - 700, CRVAL1=150.0 - 0.2441, CRVAL2=34.65
    ),
}
EXACT = {"east right", "south up", "upside down", "turned by 90", "turned by -90"}
EXACT |= {"declination first", "galactic"}
AS_IT_IS = {"plain", "sine projection", "CD matrix", "PC matrix", "no equinox", "ICRS"}
AS_IT_IS |= {"B1950", "reference pixel far away"}


def brightest(image: SkyImage) -> tuple[float, float]:
    """Centroid (x, y) of the pixels above half of the maximum."""
    data = np.nan_to_num(image.data)
    y, x = np.nonzero(data > 0.5 * data.max())
    weight = data[y, x]
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


@pytest.mark.parametrize("kind", WCS_KINDS)
def test_source_comes_out_east_and_north(kind: str) -> None:
    header = WCS_KINDS[kind]
    data = sky_image(header, SHAPE)
    image = read_image(primary(data, header))
    assert image.wcs is not None
    x, y = brightest(image)
    ny, nx = image.data.shape
    # Row 0 is south and column 0 is east: the source is to the left of and above the centre.
    if image.position is not None and kind != "reference pixel far away":
        assert SkyCoord(*image.position, unit=u.deg).separation(CENTRE).arcsec < 0.1
        scale = image.pixel_scale or math.nan
        assert x - (nx - 1) / 2 == pytest.approx(-EAST / scale, abs=1.0)
        assert y - (ny - 1) / 2 == pytest.approx(NORTH / scale, abs=1.0)
    found = image.wcs.pixel_to_world(x, y)
    assert found.separation(source_position().transform_to(found.frame)).arcsec < 0.4
    # The same source drawn through the WCS that came out.
    drawn = sky_image(image.wcs.to_header(), (ny, nx))
    assert np.nanmax(np.abs(image.data - drawn)) < 0.02
    notes = " ".join(image.notes)
    assert ("flipped" in notes) == (kind in EXACT)
    assert ("resampled" in notes) == (kind not in EXACT | AS_IT_IS)


@pytest.mark.parametrize("kind", sorted(EXACT))
def test_flips_change_no_value(kind: str) -> None:
    data = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    data[3, 4] = np.nan
    image = read_image(primary(data, WCS_KINDS[kind]))
    assert image.data.flags.c_contiguous
    assert np.array_equal(np.sort(image.data, axis=None), np.sort(data, axis=None), equal_nan=True)


def test_native_order_is_left_alone_until_asked() -> None:
    header = WCS_KINDS["turned by 33"]
    data = sky_image(header, SHAPE)
    image = read_fits(primary(data, header))
    assert np.array_equal(image.data, data)
    assert upright(upright(image)).data.shape == upright(image).data.shape


def test_corners_of_a_turned_image_hold_no_data() -> None:
    header = cards((100, 100), **NO_CDELT, **rotation(45))
    image = read_image(primary(np.ones((100, 100), np.float32), header))
    assert np.isnan(image.data[[0, 0, -1, -1], [0, -1, 0, -1]]).all()
    assert np.allclose(image.data[40:60, 40:60], 1, atol=1e-3)


def test_holes_stay_holes_and_do_not_spread() -> None:
    header = cards((100, 100), **NO_CDELT, **rotation(20))
    data = np.ones((100, 100), np.float32)
    data[48:53, 48:53] = np.nan
    image = read_image(primary(data, header))
    middle = image.data[25:75, 25:75]
    assert np.isnan(middle[25, 25])
    assert 10 < np.isnan(middle).sum() < 50


def test_coarser_pixels_average_and_keep_the_brightness() -> None:
    rng = np.random.default_rng(2)
    data = (1 + rng.normal(0, 0.3, (200, 200))).astype(np.float32)
    fine = tan_wcs(150.0, 35.0, 0.5, (200, 200))
    coarse = tan_wcs(150.0, 35.0, 2.0, (50, 50))
    out = resample(data, fine, coarse, (50, 50))[5:-5, 5:-5]
    assert out.mean() == pytest.approx(1, abs=0.01)
    assert out.std() < 0.15  # 16 pixels in one


def test_extremely_oblong_pixels_are_refused() -> None:
    header = cards((100, 100), CDELT1=-STEP, CDELT2=1e6 * STEP)
    with pytest.raises(ImageError, match=r"a.fits: pixels of .* would need"):
        read_image(primary(np.ones((100, 100), np.float32), header), name="a.fits")


@settings(max_examples=40, deadline=None)
@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-89.5, 89.5),
    angle=st.floats(-180, 180),
    mirrored=st.booleans(),
    scale=st.floats(0.05, 60),
    reference=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_geometry_of_any_tan_wcs(
    ra: float,
    dec: float,
    angle: float,
    mirrored: bool,
    scale: float,
    reference: tuple[float, float],
) -> None:
    """The centre, scale and turn that went in come out, wherever the reference pixel is."""
    wcs = tan_wcs(ra, dec, scale, (64, 48))
    turn = rotation(angle, scale / 3600, scale / 3600)
    sign = -1 if mirrored else 1
    cd = [[sign * turn["CD1_1"], turn["CD1_2"]], [sign * turn["CD2_1"], turn["CD2_2"]]]
    wcs.wcs.cdelt = [1, 1]
    wcs.wcs.pc = cd
    local = geometry(wcs, (64, 48))
    there = SkyCoord(local.ra, local.dec, unit=u.deg)
    assert there.separation(SkyCoord(ra, dec, unit=u.deg)).arcsec < 0.01
    assert local.pixel_scale == pytest.approx(scale, rel=1e-3)
    assert math.cos(math.radians(local.rotation - sign * angle)) == pytest.approx(1, abs=1e-4)
    # Moved along by whole pixels, the WCS says the same of the sky.
    dx, dy = round(reference[0]), round(reference[1])
    moved = wcs.deepcopy()
    moved.wcs.crpix = wcs.wcs.crpix + np.array([dx, dy])
    x, y = np.array([3.0, 40.0]), np.array([7.0, 60.0])
    assert np.allclose(moved.wcs_pix2world(x + dx, y + dy, 0), wcs.wcs_pix2world(x, y, 0))


def test_deviation_is_in_pixels() -> None:
    a = tan_wcs(150.0, 35.0, 1.8, (100, 100))
    b = tan_wcs(150.0, 35.0 + 3.6 / 3600, 1.8, (100, 100))
    assert deviation(a, a, (100, 100)) < 1e-6
    assert deviation(a, b, (100, 100)) == pytest.approx(2, abs=0.01)
