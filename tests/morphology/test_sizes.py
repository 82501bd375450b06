"""Sizes with their errors, limits and doubts, of sources that are known, at any beam."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.morphology import complete, extent, measure
from radioviz.morphology.size_scale import (
    GROWTH,
    LOBE,
    catalogue_scale,
    end_error,
    is_extrapolated,
    typical_isophote,
    typical_size,
)


def sky(components, beam, scale, n=121, sigma=1.0, seed=0, lobe=0.0):
    """Components ``(east, north [arcsec], peak in sigma)`` seen with a beam [arcsec], and noise.

    ``lobe`` is the width (FWHM) of each before the beam.
    """
    rows, columns = np.indices((n, n))
    fwhm, image = np.hypot(beam, lobe), np.zeros((n, n))
    for east, north, peak in components:
        x, y = (n - 1) / 2 - east / scale, (n - 1) / 2 + north / scale
        distance = scale**2 * ((columns - x) ** 2 + (rows - y) ** 2)
        image += peak * np.exp(-4 * np.log(2) * distance / fwhm**2)
    return (image + np.random.default_rng(seed).normal(0, sigma, (n, n))).astype(np.float32)


def only(image, beam, scale, **options):
    return measure(image[None], scale, beam, raw=True, **options).iloc[0]


@pytest.mark.parametrize(("beam", "scale"), [(5.4, 1.8), (2.5, 0.6), (8.0, 2.5), (45.0, 15.0)])
@pytest.mark.parametrize("peak", [8, 30, 3000])
def test_a_point_is_an_upper_limit_of_half_the_beam_at_any_beam(beam, scale, peak):
    limits = [only(sky([(0, 0, peak)], beam, scale, seed=seed), beam, scale) for seed in range(6)]
    for row in limits:
        assert not row["resolved"]
        assert row["las_measured"] == pytest.approx(beam / 2, rel=1e-6)
        assert np.isnan(row["las_measured_error"])


@pytest.mark.parametrize(("beam", "scale"), [(5.4, 1.8), (2.5, 0.6), (45.0, 15.0)])
def test_noise_does_not_make_a_faint_point_a_measured_size(beam, scale):
    """Below 7 sigma the isophote of a point reaches three beams; the limit is no smaller."""
    images = np.stack([sky([(0, 0, 4.8)], beam, scale, n=61, seed=seed) for seed in range(60)])
    found = measure(images, scale, beam, raw=True)
    found = found[(found["n_components"] == 1) & (found["snr"] < 7)]
    assert len(found) > 30
    assert not found["resolved"].any()
    assert (found["las_measured"] >= found["las_isophotal"] - 1e-9).all()
    assert (found["las_isophotal"] > beam).mean() > 0.3
    assert found["las_flag"].str.contains("faint").all()


def test_two_faint_islands_that_are_no_noise_have_a_size():
    found = [
        only(sky([(0, 20, 6.3), (0, -20, 6.3)], 5.4, 1.8, n=61, seed=s), 5.4, 1.8)
        for s in range(20)
    ]
    pairs = [row for row in found if row["snr"] < 7 and row["n_components"] == 2]
    assert any(row["resolved"] for row in pairs)
    for row in pairs:
        assert row["las_flag"].startswith("faint")
        assert row["las_measured"] == pytest.approx(40, abs=6)


@pytest.mark.parametrize(
    ("beam", "scale", "beams_apart"),
    [
        *((b, s, n) for b, s in ((5.4, 1.8), (2.5, 0.6), (8.0, 2.5)) for n in (2.2, 4, 9)),
        *((45.0, 15.0, n) for n in (2.2, 4)),  # two sources 9 beams of NVSS apart are two sources
    ],
)
@pytest.mark.parametrize("peak", [25, 1500])
@pytest.mark.parametrize("core", [0, 0.4])
def test_two_points_measure_their_separation_within_the_error(beam, scale, beams_apart, peak, core):
    half, off = beams_apart * beam / 2, []
    for angle, seed in ((0, 1), (35, 2), (70, 3), (100, 4)):
        east, north = half * np.sin(np.radians(angle)), half * np.cos(np.radians(angle))
        ends = [(east, north, peak), (-east, -north, peak), (0, 0, core * peak)]
        if not core and beams_apart * beam > 100:
            ends = [*ends[:2], (0, 0, 0.1 * peak)]  # the host, without which they are unrelated
        row = only(sky(ends, beam, scale, seed=seed), beam, scale)
        assert row["resolved"]
        assert abs(row["las_measured"] - 2 * half) < 2.5 * row["las_measured_error"]
        assert 0.13 * row["las_measured"] < row["las_measured_error"] < 0.3 * row["las_measured"]
        off.append((row["las_measured"] - 2 * half) / beam)
    assert np.median(np.abs(off)) < 0.4 and abs(np.mean(off)) < 0.4


def test_lobes_measure_shorter_than_their_isophote_and_no_shorter_than_half_of_it():
    """Lobes of 9 arcsec whose centres are 60 apart: catalogues give about the centres."""
    for peak, seed in ((20, 1), (100, 2), (800, 3)):
        image = sky([(0, 30, peak), (0, -30, peak), (0, 0, peak / 3)], 5.4, 1.8, seed=seed, lobe=9)
        row = only(image, 5.4, 1.8)
        assert row["las_isophotal"] > 64
        assert row["las_measured"] == pytest.approx(60, rel=0.1)
        assert row["las_measured"] < row["las_isophotal"] - 3


def test_the_scale_is_the_formula():
    """By hand: a source of 50 arcsec with peaks 40 apart, one beam of reach an end."""
    found = catalogue_scale(*(np.array([v]) for v in (50.0, 40.0, 15.0, 10.8)), 5.4)[0]
    mean = 0.7 * 50 + 0.2 * 40 + 0.1 * 2 * 15
    lobe = LOBE * (1 - np.exp(-mean / GROWTH))
    assert found == pytest.approx(mean - 0.7 * 10.8 * (np.sqrt(1 + (lobe / 5.4) ** 2) - 1))
    # With a beam that hides the lobes nothing is left of it; where the ends are points neither.
    wide = catalogue_scale(*(np.array([v]) for v in (500.0, 400.0, 150.0, 90.0)), 45.0)[0]
    assert wide == pytest.approx(0.7 * 500 + 0.2 * 400 + 0.1 * 300, rel=0.01)
    assert catalogue_scale(*(np.array([v]) for v in (50.0, 50.0, 25.0, 10.8)), 5.4)[0] == 50
    assert catalogue_scale(*(np.array([v]) for v in (0.0, 0.0, 1.0, 5.0)), 5.4)[0] == 0


def test_the_scale_grows_with_the_isophote():
    sizes = np.geomspace(5, 300, 200)
    found = catalogue_scale(sizes, 0.85 * sizes, 0.3 * sizes, np.full(200, 12.0), 5.4)
    assert (np.diff(found) > 0).all()


def test_an_end_is_known_to_the_noise_over_the_slope():
    # A beam of 6 pixels and 100 sigma crosses 3 sigma at 6/2 sqrt(log2(100/3)) = 6.75 pixels.
    reach = 3 * np.sqrt(np.log2(100 / 3))
    slope = 3 * 8 * np.log(2) * reach / 36
    assert end_error(100, 1, 3, reach, 6) == pytest.approx(1 / slope)
    assert end_error(3, 1, 3, 0.0, 6) == 3  # half the beam at most


@pytest.mark.parametrize(("beam", "expected"), [
    (5.4, False), (5.0, False), (6.0, False), (2.5, True), (8.0, True), (45.0, True), (None, True),
])  # fmt: skip
def test_other_beams_than_that_of_first_are_an_extrapolation(beam, expected):
    assert is_extrapolated(beam) is expected


def test_doubts_are_named():
    beam, scale = 5.4, 1.8
    secure = only(sky([(0, 25, 60), (0, -25, 60), (0, 0, 20)], beam, scale), beam, scale)
    assert secure["las_flag"] == ""
    faint = only(sky([(0, 0, 5.5)], beam, scale, seed=5), beam, scale)
    assert faint["las_flag"].split() == ["faint"]
    speck = only(
        sky([(0, 0, 40), (0, 16, 25), (0, 34, 6.0), (0, -36, 6.0)], beam, scale, seed=5),
        beam,
        scale,
    )
    assert speck["las_measured"] > 55
    assert speck["las_flag"].split() == ["islands"]


@pytest.mark.parametrize("cut", ["edge", "blank"])
def test_a_source_that_is_cut_off_says_so(cut):
    beam, scale = 5.4, 1.8
    if cut == "edge":
        image = sky([(0, s, 40) for s in np.linspace(-60, 60, 40)], beam, scale, n=61)
    else:
        image = sky([(0, s, 40) for s in np.linspace(-60, 60, 40)], beam, scale)
        image[80:] = np.nan
    assert "edge" in only(image, beam, scale)["las_flag"].split()
    whole = sky([(0, s, 40) for s in np.linspace(-60, 60, 40)], beam, scale)
    assert "edge" not in only(whole, beam, scale)["las_flag"].split()


@pytest.mark.parametrize("background", [0.0, 700.0])
def test_the_peak_is_the_largest_pixel_of_the_source(background):
    """As stored, background and all; a brighter neighbour is not the source."""
    image = sky([(0, 0, 50), (0, 8, 20), (80, 60, 900)], 5.4, 1.8) + np.float32(background)
    row = only(image, 5.4, 1.8)
    near = image[40:80, 40:80].max()
    assert row["peak"] == pytest.approx(float(near), rel=1e-6)
    assert row["snr"] == pytest.approx(near - background, rel=0.1)


def test_the_peak_of_a_stretched_image_is_a_grey_level():
    raw = [sky([(0, 20, 80), (0, -20, 60)], 5.4, 1.8, seed=s) for s in range(12)]
    above = [np.maximum(image - 3, 0) for image in raw]
    eight = np.stack([(a / a.max() * 255).astype(np.uint8) for a in above])
    found = measure(eight, 1.8, 5.4, shifted=True)
    assert (found["peak"] == 255).all()
    assert found["flux_sum"].min() > eight.sum(axis=(1, 2)).min()  # with the clip level restored


def test_the_ends_that_are_drawn_are_as_far_apart_as_the_size():
    image = sky([(0, 30, 100), (0, -30, 100)], 5.4, 1.8, lobe=9)
    drawn, row = extent(image, 1.8, 5.4, raw=True), only(image, 5.4, 1.8)
    apart = 1.8 * np.hypot(drawn.y[1] - drawn.y[0], drawn.x[1] - drawn.x[0])
    assert (
        apart == pytest.approx(row["las_measured"], rel=1e-6) and drawn.las == row["las_measured"]
    )
    point = extent(sky([(0, 0, 100)], 5.4, 1.8), 1.8, 5.4, raw=True)
    assert point.y[0] == point.y[1] and point.las == pytest.approx(2.7)


def test_complete_says_which_sizes_are_limits_and_keeps_those_of_the_catalogue():
    beam, scale = 5.4, 1.8
    images = np.stack(
        [
            sky([(0, 0, 60)], beam, scale),
            sky([(0, 0, 60)], beam, scale, seed=1),
            sky([(0, 20, 60), (0, -20, 60)], beam, scale),
            sky([(0, 20, 60), (0, -20, 60)], beam, scale),
            sky([], beam, scale),
        ]
    )
    table = complete_columns(
        pd.DataFrame(
            {
                "source_id": list("abcde"),
                "las": [np.nan, 8.0, np.nan, 33.0, np.nan],
                "las_origin": ["", "catalogue", "", "catalogue", ""],
                "las_error": [np.nan, np.nan, np.nan, 1.5, np.nan],
                "las_limit": [False, True, False, False, False],
            }
        )
    )
    info = SurveyInfo("toy", "Toy", scale, beam=beam, bunit="Jy/beam", raw=True)
    whole = complete(Catalogue(info, table, images)).table
    assert whole["las_limit"].tolist() == [True, True, False, False, False]
    assert whole["las"][:4].tolist() == pytest.approx([2.7, 8.0, 40.0, 33.0], abs=1.5)
    assert np.isnan(whole["las_error"][[0, 1]]).all() and whole["las_error"][3] == 1.5
    assert whole["las_error"][2] == whole["las_measured_error"][2] > 4
    assert np.isnan(whole["las"][4]) and not whole["las_limit"][4]
    again = complete(Catalogue(info, whole, images)).table
    pd.testing.assert_frame_equal(whole, again)


def test_the_typical_isophote_and_its_inverse():
    """A size of 12 arcsec has an isophote of some 17 on 64 pixels, one of 110 of 122."""
    sizes = np.array([0.0, 3.0, 12.0, 48.0, 110.0, 160.0])
    isophotes = typical_isophote(sizes)
    assert isophotes[[2, 4]] == pytest.approx([17.3, 122], rel=0.03)
    assert typical_size(isophotes) == pytest.approx(sizes, rel=1e-3, abs=1e-3)
