"""Numbers that others measure, too: photutils, statmorph, astropy, SciPy and scikit-image.

On FIRST galaxies, which are always there, and on sources with a closed form. Where a definition
of ours differs from theirs, the docstring of the test says in what; such comparisons have the
tolerance that the difference needs, all others that of the arithmetic. Great-circle separations
are compared with SkyCoord where they are tested: ``tests/ui/test_sky.py``,
``tests/data/test_links.py``, ``tests/similarity/test_similarity.py``.
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.registry import open_data_set
from radioviz.export import Group
from radioviz.morphology import axis_profile, extent, measure
from radioviz.morphology.shape import largest_extent
from tests.export.written import fits_bytes
from tests.skies import BEAM, SCALE, SIGMA, double, sky

CENTRE = 149.5  # of FIRST images, pixels
BEAM_PIXELS = BEAM / SCALE


@dataclass(frozen=True, eq=False)
class Galaxy:
    """One FIRST galaxy, and what was measured of it."""

    image: np.ndarray  # (300, 300) float64; what is below 3 sigma is 0
    mask: np.ndarray  # bool: pixels of the source
    ends: np.ndarray  # (2, 2) x and y of both ends of the largest extent
    found: pd.Series
    row: int

    @property
    def source(self) -> np.ndarray:
        """The image without other sources."""
        return np.where(self.mask, self.image, 0.0)

    @property
    def points(self) -> np.ndarray:
        """Pixels of the source, ``(p, 2)``, y and x."""
        return np.argwhere(self.mask).astype(float)


@pytest.fixture(scope="module")
def galaxies() -> list[Galaxy]:
    """Sixty galaxies, the clip level put back below what is above it."""
    whole = open_data_set("first")
    info, out = whole.info, []
    rows = np.arange(0, len(whole), 36)
    images = np.asarray(whole.images[rows])
    table = measure(images, info.pixel_scale, info.beam, info.bunit, info.raw, shifted=True)
    for image, (i, found) in zip(images, table.iterrows(), strict=True):
        if not found["n_components"]:
            continue
        drawn = extent(image, info.pixel_scale, info.beam, info.raw, shifted=True)
        above = np.where(image > 0, image + 3 * np.float32(found["noise"]), 0).astype(float)
        ends = np.stack([drawn.x, drawn.y], axis=1)
        out.append(Galaxy(above, drawn.mask, ends, found, int(rows[int(str(i))])))
    assert len(out) >= 55
    return out


def turned(a: float, b: float) -> float:
    """Difference of two position angles, 0..90."""
    return abs((a - b + 90) % 180 - 90)


# -- pixels of the source: photutils -----------------------------------------------------


def test_flux_peak_angle_and_axes_are_those_of_photutils(galaxies: list[Galaxy]) -> None:
    """The same moments of the same pixels: nothing but rounding may differ.

    photutils counts its orientation from the columns' direction, which is west, and does not
    remove the beam; both are put right here.
    """
    from photutils.segmentation import SegmentationImage, SourceCatalog

    angles = 0
    for galaxy in galaxies:
        seen = SourceCatalog(galaxy.image, SegmentationImage(galaxy.mask.astype(np.int32)))
        found, fwhm = galaxy.found, 2 * math.sqrt(2 * math.log(2))
        assert found["flux_sum"] == pytest.approx(float(seen.segment_flux[0]), rel=1e-5)
        assert found["snr"] * found["noise"] == pytest.approx(float(seen.max_value[0]), rel=1e-5)
        # As stored, before the clip level was added.
        assert found["peak"] == pytest.approx(found["snr"] * found["noise"] - 3 * found["noise"])
        if math.isfinite(found["position_angle"]):
            angles += 1
            theirs = float(seen.orientation[0].to_value("deg")) - 90
            assert turned(found["position_angle"], theirs) < 0.01
        beam = (BEAM_PIXELS / fwhm) ** 2
        major, minor = np.maximum(seen.covariance_eigvals[0].value - beam, 0)
        if major > 0.1:
            assert found["axis_ratio"] == pytest.approx(math.sqrt(minor / major), abs=1e-3)
    assert angles > 50


def test_what_photutils_detects_is_ours_and_more_is_diffuse(galaxies: list[Galaxy]) -> None:
    """Islands above 3 sigma that reach 4 sigma and are half a beam large, found by photutils.

    Ours are these, and lobes that are seen in the smoothed image alone. Each of theirs is, whole,
    either the source's or another's.
    """
    from photutils.segmentation import detect_sources

    half_a_beam = math.ceil(math.pi / (4 * math.log(2)) * BEAM_PIXELS**2 / 2)
    seen = 0
    for galaxy in galaxies:
        sigma = galaxy.found["noise"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is nothing in an image
            theirs = detect_sources(galaxy.image, 3 * sigma * (1 - 1e-5), half_a_beam)
        if theirs is None:
            continue
        for label in theirs.labels:
            island = theirs.data == label
            if galaxy.image[island].max() < 4 * sigma:
                continue
            seen += 1
            assert galaxy.mask[island].all() or not galaxy.mask[island].any()
    assert seen > 200


# -- extent: every pair of pixels --------------------------------------------------------


def test_the_largest_extent_is_that_of_all_pairs_of_pixels(galaxies: list[Galaxy]) -> None:
    """SciPy compares every pixel with every other; ours looks at the corners of the hull.

    First the bare distance, which must be the same. Then with each end drawn in by the radius at
    which the beam alone would leave the brightest pixel nearby: a pair of pixels inside the hull
    might come out longer, and does by less than a fifth of a pixel.
    """
    from scipy.spatial.distance import cdist

    for galaxy in galaxies:
        points, value = galaxy.points, galaxy.image[galaxy.mask]
        y, x = points.T
        if len(points) > 1500:
            continue
        apart = cdist(points, points)
        bare = largest_extent(y, x, value, float(value.max()), BEAM_PIXELS)
        assert bare.length == pytest.approx(apart.max(), abs=1e-9)
        level = 3 * float(galaxy.found["noise"])
        nearby = np.where(apart <= 1.5 * BEAM_PIXELS, value, 0).max(axis=1)
        radius = BEAM_PIXELS / 2 * np.sqrt(np.log2(np.maximum(nearby / level, 1)))
        drawn_in = max((apart - radius[:, None] - radius).max(), 0.0)
        ours = largest_extent(y, x, value, level, BEAM_PIXELS).length
        assert ours <= drawn_in + 1e-9
        assert ours == pytest.approx(drawn_in, abs=0.2)


@pytest.mark.parametrize("faded", [False, True])
@pytest.mark.parametrize(("major", "minor"), [(20.0, 8.0), (35.0, 12.0), (60.0, 20.0)])
@pytest.mark.parametrize("angle", [0.0, 35.0, 90.0, 160.0])
def test_an_elliptical_gaussian_measures_what_its_formulae_say(
    major: float, minor: float, angle: float, faded: bool
) -> None:
    """A source of astropy's, of 700 or 2,000 sigma, 20 to 60 by 8 to 20 arcsec as observed.

    Flux: 2 pi sx sy of the peak, to 1 % (2 % where what is below 3 sigma is gone). Axis ratio:
    root of (b^2 - beam^2) / (a^2 - beam^2), to 4 % (the moments end at 3 sigma, too). Extent: the
    isophote at 3 sigma, each end drawn in by the beam's radius at the brightest pixel within 1.5
    beams of it; to two pixels, as it runs from pixel to pixel. Where the noise is in the image,
    the wings go on in the smoothed one, whose noise is a tenth: the size of a source that fades so
    slowly lies between the isophotes of 3 and of 0.28 sigma (to a cell of two pixels at each end).
    """
    from astropy.modeling.models import Gaussian2D

    # The noise of what was clipped is known up to 765 sigma, the range of 8 bits.
    peak, n = (700 if faded else 2000) * SIGMA, 251
    rows, columns = np.indices((n, n))
    to_sigma = 1 / (2 * math.sqrt(2 * math.log(2))) / SCALE
    # The angle of astropy is that of the major axis from the columns' direction, anticlockwise.
    model = Gaussian2D(peak, 125, 125, major * to_sigma, minor * to_sigma, math.radians(angle + 90))
    image = model(columns, rows).astype(np.float32)
    if faded:
        image[image < 3 * SIGMA] = 0
    else:
        image += np.random.default_rng(1).normal(0, SIGMA, (n, n)).astype(np.float32)
    found = measure(image[None], SCALE, BEAM, "Jy/beam", raw=not faded).iloc[0]
    area = math.pi * BEAM**2 / (4 * math.log(2))
    flux = 1e3 * peak * 2 * math.pi * (major * minor * (to_sigma * SCALE) ** 2) / area
    assert found["flux_mjy"] == pytest.approx(flux, rel=0.02 if faded else 0.01)
    assert turned(found["position_angle"], angle) < 0.5
    ratio = math.sqrt((minor**2 - BEAM**2) / (major**2 - BEAM**2))
    assert found["axis_ratio"] == pytest.approx(ratio, rel=0.04)
    level = 3 * found["noise"]
    end = major / 2 * math.sqrt(math.log2(peak / level))
    inside = peak * 2 ** -((2 * (end - 1.5 * BEAM) / major) ** 2)
    expected = 2 * (end - BEAM / 2 * math.sqrt(math.log2(inside / level)))
    furthest = major * math.sqrt(math.log2(peak / (0.28 * found["noise"])))
    assert found["las_isophotal"] > expected - 2 * SCALE
    assert found["las_isophotal"] < (expected + 2 * SCALE if faded else furthest + 4 * SCALE)


# -- brightness --------------------------------------------------------------------------


def test_flux_density_is_converted_as_astropy_does() -> None:
    """Jy/beam summed over pixels to mJy, by astropy's equivalency of beams."""
    from astropy import units as u

    image = sky(double(40, 30, peak=200))
    found = measure(image[None], SCALE, BEAM, "Jy/beam", raw=True).iloc[0]
    beam = 2 * math.pi * (BEAM * u.arcsec / (2 * math.sqrt(2 * math.log(2)))) ** 2
    brightness = (found["flux_sum"] * u.Jy / u.beam).to(
        u.mJy / u.arcsec**2, equivalencies=u.beam_angular_area(beam)
    )
    theirs = (brightness * (SCALE * u.arcsec) ** 2).to_value(u.mJy)
    assert found["flux_mjy"] == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("components", [[], [(0, 0, 500)], double(60, 40, 1000, core=50)])
def test_noise_is_that_of_astropy_and_of_the_sky(components: list[Any]) -> None:
    """Against astropy's clipped statistics, to 3 %; both are samples of 22,500 pixels."""
    from astropy.stats import sigma_clipped_stats

    image = sky([*components, (90, 100, 30)], seed=5)
    found = measure(image[None], SCALE, BEAM, raw=True)["noise"][0]
    _, _, theirs = sigma_clipped_stats(image.astype(float), sigma=3, maxiters=10)
    assert found == pytest.approx(theirs, rel=0.03)
    assert found == pytest.approx(SIGMA, rel=0.03)


def test_profile_along_the_axis_is_that_of_scikit_image() -> None:
    """One pixel wide: both interpolate linearly, so that they agree to rounding."""
    from skimage.measure import profile_line

    image = sky(double(70, 40, peak=200, ratio=0.6), sigma=0).astype(float)
    offset, ours = axis_profile(image, 40, pixel_scale=SCALE, beam=BEAM, raw=True, width=1)
    middle = (offset * ours).sum() / ours.sum()
    assert abs(middle) < 1  # counted from the flux-weighted centre
    north, east = math.cos(math.radians(40)), math.sin(math.radians(40))
    light = image / image.sum()
    rows, columns = np.indices(image.shape)
    cy, cx = (light * rows).sum(), (light * columns).sum()
    reach = 40.0
    theirs = profile_line(
        image,
        (cy - reach * north, cx + reach * east),
        (cy + reach * north, cx - reach * east),
        order=1,
    )
    here = np.abs(offset) <= reach * SCALE + 1e-6
    assert here.sum() == len(theirs)
    np.testing.assert_allclose(ours[here], theirs, atol=0.02 * ours.max())


# -- concentration: photutils and statmorph ----------------------------------------------


def test_concentration_is_that_of_photutils_curve_of_growth(galaxies: list[Galaxy]) -> None:
    """Circles about the same centre over the same pixels, their overlap exact.

    Ours cuts pixels near the centre into five by five, and counts those further out as points:
    0.1 at most, a hundredth in the median. (Counted as points everywhere, compact sources came
    out up to 0.5 too low: this test found it.)
    """
    from photutils.profiles import CurveOfGrowth

    off = []
    for galaxy in galaxies:
        y, x = galaxy.points.T
        value = galaxy.image[galaxy.mask]
        cy, cx = (value * y).sum() / value.sum(), (value * x).sum() / value.sum()
        reach = float(np.hypot(y - cy, x - cx).max()) + 1
        if reach > 60:  # takes seconds each
            continue
        radii = np.concatenate([np.arange(0.1, 6, 0.1), np.arange(6, max(reach, 7), 0.5)])
        growth = CurveOfGrowth(galaxy.source, (cx, cy), radii).profile / value.sum()
        r20, r80 = np.interp([0.2, 0.8], growth, radii)
        off.append(5 * math.log10(r80 / r20) - galaxy.found["concentration"])
    assert len(off) > 40
    assert np.median(np.abs(off)) < 0.02
    assert np.abs(off).max() < 0.1


def test_statmorph_sees_the_same_galaxies(galaxies: list[Galaxy]) -> None:
    """Concentration and orientation by statmorph (Rodriguez-Gomez et al. 2019).

    Orientation is the same. Concentration is defined otherwise: about the centre of least
    asymmetry, not of the light, and of the light within 1.5 Petrosian radii, made for galaxies that
    fade outwards. Of a double that is what lies about one lobe. So those are compared of which
    statmorph takes all the light, and the centres of asymmetry and light are within a pixel: to
    0.25, a median of 0.06. On compact sources both give the 2.1 of a Gaussian beam.
    Asymmetry, Gini and M20 are not measured here.
    """
    import statmorph

    off, compact = [], []
    for galaxy in galaxies[::3]:
        if galaxy.found["n_components"] != 1 or not 20 < galaxy.mask.sum() < 600:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = statmorph.source_morphology(
                galaxy.source, galaxy.mask.astype(int), cutout_extent=2, min_cutout_size=60,
                weightmap=np.full(galaxy.image.shape, galaxy.found["noise"]), skybox_size=10,
            )[0]  # fmt: skip
        ours = galaxy.found
        if math.isfinite(ours["position_angle"]):
            angle = math.degrees(theirs.orientation_centroid) - 90
            assert turned(ours["position_angle"], angle) < 0.01
        moved = math.hypot(
            theirs.xc_asymmetry - theirs.xc_centroid, theirs.yc_asymmetry - theirs.yc_centroid
        )
        if theirs.flux_circ / ours["flux_sum"] > 0.99 and moved < 1:
            off.append(ours["concentration"] - theirs.concentration)
            if not ours["resolved"]:
                compact.append((ours["concentration"], theirs.concentration))
    assert len(off) >= 7
    assert np.abs(off).max() < 0.25
    assert np.median(np.abs(off)) < 0.06
    assert np.array(compact).ravel() == pytest.approx(2.14, abs=0.15)


# -- the sky: astropy --------------------------------------------------------------------


def test_pixels_of_an_exported_file_lie_where_spherical_geometry_puts_them() -> None:
    """The WCS of an exported file, read by astropy, against offsets on the sphere.

    In the gnomonic projection a pixel at a distance r from the reference pixel lies at atan(r) in
    its own direction; SkyCoord goes there by spherical trigonometry, without any WCS.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from astropy.io import fits
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_scales

    first = open_data_set("first")
    rows = np.arange(5, len(first), 216)
    x, y = (a.ravel().astype(float) for a in np.meshgrid([0, 40, 149.5, 299], [0, 149.5, 251]))
    east, north = -(x - CENTRE), y - CENTRE
    with fits.open(io.BytesIO(fits_bytes(Group(first, rows)))) as hdus:
        for hdu, row in zip(hdus[1:-1], rows, strict=True):
            wcs = WCS(hdu.header)
            here = wcs.pixel_to_world(x, y)
            table = first.table.iloc[row]
            centre = SkyCoord(table["image_ra"], table["image_dec"], unit="deg", frame="fk5")
            away = np.arctan(np.radians(np.hypot(east, north) * 1.8 / 3600))
            there = centre.directional_offset_by(np.arctan2(east, north) * u.rad, away * u.rad)
            assert here.separation(there).arcsec.max() < 1e-6
            back = np.stack(wcs.world_to_pixel(there))
            assert np.abs(back - [x, y]).max() < 1e-6
            assert proj_plane_pixel_scales(wcs) * 3600 == pytest.approx([1.8, 1.8], rel=1e-9)
            np.testing.assert_array_equal(hdu.data, first.images[row])


def test_size_and_angle_on_the_sky_are_those_of_the_image(galaxies: list[Galaxy]) -> None:
    """Ends of the largest extent, put on the sky by astropy: separation in arcsec.

    The gnomonic projection stretches by (r / 206265)^2 / 2 at r arcsec: 1e-6 here.
    """
    first = open_data_set("first")
    seen = 0
    for galaxy in galaxies:
        if not galaxy.found["resolved"]:
            continue
        (a, b) = first.wcs(galaxy.row).pixel_to_world(*galaxy.ends.T)
        assert a.separation(b).arcsec == pytest.approx(galaxy.found["las_measured"], rel=1e-5)
        seen += 1
    assert seen > 30


@pytest.mark.parametrize("angle", [0, 20, 75, 110, 165])
def test_position_angle_is_that_of_two_points_of_the_sky(angle: int) -> None:
    """Two stars put on the sky at a position angle by SkyCoord, found by the WCS, measured."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    info = SurveyInfo("toy", "Toy", SCALE, beam=BEAM, raw=True, bunit="Jy/beam")
    table = complete_columns(pd.DataFrame({"source_id": ["a"], "ra": [150.0], "dec": [62.0]}))
    blank = Catalogue(info, table, np.zeros((1, 150, 150), np.float32))
    wcs, centre = blank.wcs(0), SkyCoord(150.0, 62.0, unit="deg", frame="fk5")
    parts = []
    for turn in (0, 180):
        x, y = wcs.world_to_pixel(
            centre.directional_offset_by((angle + turn) * u.deg, 30 * u.arcsec)
        )
        parts.append((-(x - 74.5) * SCALE, (y - 74.5) * SCALE, 300.0))
    found = measure(sky(parts)[None], SCALE, BEAM, raw=True).iloc[0]
    assert turned(found["position_angle"], angle) < 0.3
    assert found["las_measured"] == pytest.approx(60, abs=2.5)
