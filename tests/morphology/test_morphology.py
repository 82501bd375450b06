"""Morphology: against sources that are known, and against catalogued sizes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import ImageError
from radioviz.morphology import (
    MEASURED,
    axis_profile,
    complete,
    extent,
    extent_of,
    measure,
)
from radioviz.morphology.complexity import coarse_grain
from radioviz.morphology.noise import is_shifted
from tests.skies import BEAM, SCALE, SIGMA, clipped, double, sky, stretched

BEAM_AREA = np.pi / (4 * np.log(2)) * (BEAM / SCALE) ** 2  # pixels


def turned(a, b):
    """Difference of two position angles, 0..90."""
    return abs((a - b + 90) % 180 - 90)


doubles = st.fixed_dictionaries(
    {
        "separation": st.floats(12, 130),
        "angle": st.floats(0, 180),
        "peak": st.floats(40, 1500),
        "ratio": st.floats(0.4, 1),
    }
)


@settings(max_examples=60, deadline=None)
@given(what=doubles, raw=st.booleans(), seed=st.integers(0, 100))
def test_a_double_measures_its_separation_at_its_angle(what, raw, seed):
    image = sky(double(**what, core=20.0), seed=seed)
    image = image if raw else clipped(image)
    row = measure(image[None], SCALE, BEAM, raw=raw).iloc[0]
    assert row["las_measured"] == pytest.approx(what["separation"], abs=4.5)
    assert turned(row["position_angle"], what["angle"]) < 4
    assert row["resolved"]
    assert row["axis_ratio"] < 0.5


@settings(max_examples=30, deadline=None)
@given(size=st.floats(20, 90), angle=st.floats(0, 180), peak=st.floats(30, 300))
def test_a_smooth_source_measures_its_isophote(size, angle, peak):
    """A ridge of constant brightness, as long as ``size``, ends where it ends."""
    steps = np.linspace(-0.5, 0.5, max(int(size / 2), 8)) * size
    east, north = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    image = sky([(s * east, s * north, peak * 2 / BEAM) for s in steps])
    row = measure(image[None], SCALE, BEAM, raw=True).iloc[0]
    assert row["las_isophotal"] == pytest.approx(size, abs=7)
    assert turned(row["position_angle"], angle) < 5


@pytest.mark.parametrize("peak", [10, 100, 1000])
@pytest.mark.parametrize("raw", [True, False])
def test_a_point_is_not_resolved_however_bright(peak, raw):
    image = sky([(0, 0, peak)])
    row = measure((image if raw else clipped(image))[None], SCALE, BEAM, raw=raw).iloc[0]
    assert row["las_measured"] == pytest.approx(BEAM / 2, abs=1.5)
    assert row["n_components"] == 1
    # 8 bits hold no more than 255 times three sigma.
    assert row["snr"] == pytest.approx(peak if raw else min(peak, 765), rel=0.2)


@settings(max_examples=40, deadline=None)
@given(what=doubles, seed=st.integers(0, 100))
def test_flux_density_is_that_of_the_components(what, seed):
    image = sky(double(**what, core=20.0), seed=seed)
    row = measure(image[None], SCALE, BEAM, "Jy/beam", raw=True).iloc[0]
    expected = 1e3 * SIGMA * (what["peak"] * (1 + what["ratio"]) + 20)  # points: peak = flux
    assert row["flux_mjy"] == pytest.approx(expected, rel=0.03, abs=1e3 * SIGMA * 12)
    assert row["flux_mjy"] == pytest.approx(row["flux_sum"] * 1e3 / BEAM_AREA)


@pytest.mark.parametrize("peak", [30, 100, 300])
def test_noise_follows_from_a_clipped_and_stretched_image(peak):
    """The clip level is gone from the pixels; noise pixels above it tell where it was."""
    images = np.stack([sky(double(50, 20 * i, peak), n=300, seed=i) for i in range(12)])
    eight = np.stack([stretched(image) for image in images])
    assert is_shifted(eight)
    assert not is_shifted(np.stack([clipped(image) for image in images]))
    assert not is_shifted(images)
    found = measure(eight, SCALE, BEAM, shifted=True)
    assert np.median(found["snr"]) == pytest.approx(peak, rel=0.25)
    raw = measure(images, SCALE, BEAM, raw=True)
    assert found["las_measured"].to_numpy() == pytest.approx(raw["las_measured"], abs=2.5)
    drawn = extent(eight[3], SCALE, BEAM, shifted=True)
    assert drawn.las == found["las_measured"][3]


def test_extent_of_a_row_is_that_of_the_completed_table():
    images = np.stack([stretched(sky(double(60, 0), n=300, seed=i)) for i in range(12)])
    table = complete_columns(pd.DataFrame({"source_id": [f"s{i}" for i in range(12)]}))
    whole = complete(Catalogue(SurveyInfo("toy", "Toy", SCALE, beam=BEAM), table, images))
    for row in (0, 7):
        assert extent_of(whole, row).las == whole.table["las_measured"][row]


def test_flux_needs_a_unit_and_a_beam():
    image = sky([(0, 0, 100)])[None]
    assert np.isnan(measure(image, SCALE, BEAM, "", raw=True)["flux_mjy"]).all()
    assert np.isnan(measure(image, SCALE, None, "Jy/beam", raw=True)["flux_mjy"]).all()
    for unit in ("JY/BEAM", "Jy beam-1", "Jy / beam"):
        assert measure(image, SCALE, BEAM, unit, raw=True)["flux_mjy"].notna().all()


@pytest.fixture(scope="module")
def raw_cutouts(shared_data):
    """Raw MiraBest cutouts, their catalogue, and what was measured."""
    from train.evaluate.measured_sizes import read_raw

    images, table = read_raw(shared_data / "mirabest_fits")
    return images, table, measure(images, SCALE, BEAM, "Jy/beam", raw=True)


def test_flux_agrees_with_aperture_photometry_on_real_sources(raw_cutouts):
    """Circles of 21.6 arcsec about sources that are small and alone in them."""
    from photutils import aperture

    images, table, found = raw_cutouts
    small = (table["las"] < 15) & (found["las_measured"] < 25) & (found["snr"] > 100)
    rows = np.flatnonzero(small & np.isfinite(images).all(axis=(1, 2)))
    assert len(rows) > 50
    circle = aperture.CircularAperture((74.5, 74.5), 12).to_mask(method="exact")
    sums = [
        float(circle.multiply(images[i] - np.median(images[i])).sum()) * 1e3 / BEAM_AREA
        for i in rows
    ]
    ratio = found["flux_mjy"].to_numpy()[rows] / np.array(sums)
    assert np.median(ratio) == pytest.approx(1, abs=0.02)
    assert np.percentile(np.abs(ratio - 1), 80) < 0.06


@settings(max_examples=30, deadline=None)
@given(
    what=doubles, turns=st.integers(1, 3), mirror=st.booleans(), raw=st.booleans(),
    seed=st.integers(0, 50),
)  # fmt: skip
def test_turning_the_sky_turns_the_angle_alone(what, turns, mirror, raw, seed):
    image = sky(double(**what, core=15.0), seed=seed)
    image = image if raw else clipped(image)
    other = np.rot90(image, turns)  # from row 0 towards column 0: north to east
    other = other[:, ::-1] if mirror else other
    before = measure(image[None], SCALE, BEAM, raw=raw).iloc[0]
    after = measure(other[None], SCALE, BEAM, raw=raw).iloc[0]
    # np.rot90 turns axis 0 into axis 1; with rows north and columns west that is N to E or back.
    angle = before["position_angle"] + 90 * turns
    assert turned(after["position_angle"], -angle if mirror else angle) < 0.5
    assert after["las_measured"] == pytest.approx(before["las_measured"], rel=0.02, abs=0.5)
    assert after["flux_sum"] == pytest.approx(before["flux_sum"], rel=0.01)
    assert after["concentration"] == pytest.approx(before["concentration"], rel=1e-3)


def test_position_angle_runs_from_north_through_east():
    """North is up (rows grow northwards) and east is left (columns grow westwards)."""
    for angle, (row, column) in {0: (1, 0), 90: (0, -1), 45: (1, -1), 135: (-1, -1)}.items():
        image = np.zeros((101, 101), np.uint8)
        for step in range(-12, 13):
            image[50 + row * step, 50 + column * step] = 200
        assert turned(measure(image[None], SCALE)["position_angle"][0], angle) < 1e-6


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(1e-3, 1e6), seed=st.integers(0, 20))
def test_units_do_not_matter(factor, seed):
    image = sky(double(60, 30, core=30), seed=seed)
    one = measure(image[None], SCALE, BEAM, raw=True)
    two = measure((image.astype(np.float64) * factor)[None], SCALE, BEAM, raw=True)
    same = [c for c in MEASURED if c not in ("flux_mjy", "flux_sum", "peak", "noise")]
    pd.testing.assert_frame_equal(one[same], two[same], rtol=1e-3, atol=0.02)
    for name in ("flux_sum", "peak", "noise"):
        assert two[name][0] == pytest.approx(one[name][0] * factor, rel=1e-3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_batch_equals_its_images_one_by_one(seed):
    rng = np.random.default_rng(seed)
    images = np.stack(
        [sky(double(rng.uniform(10, 100), rng.uniform(0, 180)), 100, seed=i) for i in range(4)]
    )
    together = measure(images, SCALE, BEAM, raw=True)
    alone = [measure(image[None], SCALE, BEAM, raw=True) for image in images]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))
    assert list(together.columns) == list(MEASURED)
    for name, column in MEASURED.items():
        assert together[name].dtype == column.dtype


def test_a_faint_compact_neighbour_far_away_is_another_source():
    images = sky([*double(25, 40, peak=400), (105, 60, 12)])
    for image, raw in ((images, True), (clipped(images), False)):
        row = measure(image[None], SCALE, BEAM, raw=raw).iloc[0]
        assert row["las_measured"] == pytest.approx(25, abs=4)
        assert row["n_unrelated"] >= 1


def test_a_crowded_coarse_field_does_not_make_a_giant():
    """15 neighbours in 37 arcmin, as in NVSS: sources are no larger for a larger beam."""
    rng = np.random.default_rng(1)
    scale, beam = 15.0, 45.0
    images = []
    for seed in range(10):
        angle, distance = rng.uniform(0, 2 * np.pi, 15), rng.uniform(20, 70, 15) * SCALE
        others = zip(
            distance * np.sin(angle),
            distance * np.cos(angle),
            rng.uniform(10, 300, 15),
            strict=True,
        )
        images.append(clipped(sky([(0, 0, 150), *others], seed=seed)))
    found = measure(np.stack(images), scale, beam)
    assert (found["las_measured"] < 60).mean() >= 0.9
    assert (found["n_unrelated"] >= 10).mean() >= 0.9


def test_lobes_below_three_sigma_are_seen_in_the_smoothed_image():
    """Lobes of 2 sigma, 30 arcsec wide, 45 arcsec from a core."""
    image = sky([(0, 0, 30)]) + sky([(0, 45, 2.5), (0, -45, 2.5)], sigma=0, fwhm=32)
    row = measure(image[None], SCALE, BEAM, raw=True).iloc[0]
    assert row["las_measured"] > 80
    assert turned(row["position_angle"], 0) < 10


def test_images_without_a_source_have_nan_and_no_components():
    rng = np.random.default_rng(0)
    images = np.stack(
        [np.full((60, 60), np.nan), np.zeros((60, 60)), np.full((60, 60), -1.0)]
    ).astype(np.float32)
    for raw in (True, False):
        found = measure(images, SCALE, BEAM, "Jy/beam", raw)
        assert found["las_measured"].isna().all()
        assert (found["n_components"] == 0).all()
        assert not found["resolved"].any()
        assert (found["complexity"] == 0).all()
    noise = rng.normal(0, 1, (20, 60, 60))
    assert (measure(noise, SCALE, BEAM, raw=True)["snr"].fillna(0) < 6).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    bad=st.floats(0, 1),
    dtype=st.sampled_from([np.uint8, np.float32, np.float64, ">f4", np.int16]),
    raw=st.booleans(),
    beam=st.none() | st.floats(0.5, 60),
)
def test_no_image_makes_it_fail(seed, shape, bad, dtype, raw, beam):
    rng = np.random.default_rng(seed)
    image = rng.gamma(0.3, 20, shape) * rng.choice([0, 1], shape)
    if np.dtype(dtype).kind == "f":
        image = rng.normal(0, 1, shape) + image
        image[rng.random(shape) < bad] = rng.choice([np.nan, np.inf, -np.inf])
    image = np.clip(image, -1e4, 255).astype(dtype) if bad < 1 else np.zeros(shape, dtype)
    row = measure(image[None], SCALE, beam, "Jy/beam", raw).iloc[0]
    if row["n_components"]:
        assert np.isfinite(row[["las_measured", "peak", "flux_sum", "snr"]].to_numpy(float)).all()
    drawn = extent(image, SCALE, beam, raw)
    assert drawn.mask.shape == shape
    assert not (drawn.mask & drawn.others).any()
    offset, brightness = axis_profile(image, pixel_scale=SCALE, beam=beam, raw=raw)
    assert np.isfinite(brightness).all() and offset.shape == brightness.shape


@pytest.mark.parametrize(
    ("images", "scale", "beam"),
    [
        (np.zeros((5, 5)), SCALE, BEAM),
        (np.zeros((1, 0, 5)), SCALE, BEAM),
        (np.zeros((1, 5, 5), complex), SCALE, BEAM),
        (np.zeros((1, 5, 5)), 0.0, BEAM),
        (np.zeros((1, 5, 5)), SCALE, -1.0),
        (np.zeros((1, 5, 5)), float("nan"), None),
    ],
)
def test_what_cannot_be_measured_is_refused(images, scale, beam):
    with pytest.raises(ImageError):
        measure(images, scale, beam)


def test_extent_gives_the_ends_and_the_outline():
    image = sky([*double(60, 0), (110, -100, 15)])
    drawn = extent(image, SCALE, BEAM, raw=True)
    assert drawn.las == pytest.approx(60, abs=4)
    assert sorted(drawn.y) == pytest.approx([74.5 - 30 / SCALE, 74.5 + 30 / SCALE], abs=1.5)
    assert drawn.x == pytest.approx([74.5, 74.5], abs=1.5)
    assert drawn.mask[58, 74] and not drawn.mask[75, 20]
    assert drawn.others[19, 13]


def test_axis_profile_has_the_lobes_where_they_are():
    image = sky(double(72, 40, peak=200, ratio=0.5), sigma=0)
    for angle, width in ((None, None), (40, 5), (None, 1)):
        offset, brightness = axis_profile(
            image, angle, pixel_scale=SCALE, beam=BEAM, raw=True, width=width
        )
        peaks = np.flatnonzero(
            (brightness[1:-1] > brightness[:-2]) & (brightness[1:-1] > brightness[2:])
            & (brightness[1:-1] > 0.1 * brightness.max())
        ) + 1  # fmt: skip
        assert len(peaks) == 2
        # The brighter lobe is in the north-east, nearer to the flux-weighted centre.
        assert offset[peaks] == pytest.approx([-48, 24], abs=2.5)
        assert brightness[peaks[1]] > 1.7 * brightness[peaks[0]]
    across = axis_profile(image, 130, pixel_scale=SCALE, beam=BEAM, raw=True)[1]
    assert across.max() < 0.05 * image.max()
    with pytest.raises(ImageError, match="width"):
        axis_profile(image, width=0)


def test_concentration_orders_core_point_and_lobes():
    point, core, lobes = (
        measure(sky(c)[None], SCALE, BEAM, raw=True)["concentration"][0]
        for c in ([(0, 0, 300)], [(0, 0, 300), *double(40, 0, 30)], double(60, 0, 200))
    )
    assert lobes < point < core
    assert point == pytest.approx(2.14, abs=0.25)  # 5 log10 sqrt(ln 5 / ln 1.25)


def test_complexity_grows_with_structure_and_not_with_noise():
    rng = np.random.default_rng(3)
    point = sky([(0, 0, 200)])
    two = sky(double(60, 30, 200))
    many = sky([(*rng.uniform(-80, 80, 2), rng.uniform(20, 200)) for _ in range(25)])
    noise = np.random.default_rng(0).normal(0, SIGMA, (150, 150)).astype(np.float32)
    found = measure(np.stack([point, two, many, noise]), SCALE, BEAM, raw=True)["complexity"]
    assert found[3] < found[0] < found[1] < found[2]
    assert found[0] > 0


def test_coarse_graining_is_by_factors_of_two_in_cells_of_a_beam():
    image = np.zeros((150, 150), np.float32)
    image[75:78, 75:78] = 8.0  # one cell
    image[78:81, 75:78] = 4.0
    image[81:84, 75:78] = 3.9
    image[84:87, 75:78] = 0.2
    levels = coarse_grain(image, 0.1, 3.0)
    assert levels[25:29, 25].tolist() == [8, 7, 7, 0]
    assert np.count_nonzero(levels) == 3
    wider = np.pad(image, 75)
    np.testing.assert_array_equal(coarse_grain(wider, 0.1, 3.0), levels)


# Against catalogued sizes


def _spearman(measured, catalogued):
    from scipy.stats import spearmanr

    return float(spearmanr(np.nan_to_num(measured), catalogued)[0])


def test_sizes_of_raw_mirabest_cutouts_are_on_the_scale_of_the_catalogue(raw_cutouts):
    """Each source by what was fitted to the other folds; every bin, and the order."""
    from train.evaluate import measured_sizes as evaluation

    images, table, measured = raw_cutouts
    assert len(images) == 1083
    truth = table["las"].to_numpy()
    found = evaluation.find_all(images, raw=True)
    folds = evaluation.fold_of(table["ra"].to_numpy())
    sizes, within, doubtful, fits = evaluation.cross_validated(found, truth, folds)
    assert len(fits) == 5
    bins = evaluation.agreement(sizes, truth)
    assert [n for _, n in bins.values()] == [144, 154, 220, 190, 184, 121, 70]
    for name, ((value, low, high), _) in bins.items():
        assert low <= 1.05 and high >= 0.95, name
        assert value == pytest.approx(1, abs=0.1 if name == "above_150" else 0.03), name
    assert _spearman(sizes, truth) >= 0.8802  # of the isophotes of before
    assert within[~doubtful].mean() == pytest.approx(0.68, abs=0.03)
    far = np.abs(np.log(sizes / truth)) > np.log(1.5)
    assert far[doubtful].mean() > 2 * far[~doubtful].mean()
    # What ships was fitted to all of them.
    assert np.nanmedian(measured["las_measured"] / truth) == pytest.approx(1, abs=0.01)
    assert _spearman(measured["las_measured"], truth) >= 0.8802


def test_sizes_of_first_galaxies_agree_with_the_catalogue():
    """8 bits, which nothing was fitted to."""
    from tests.benchmarks.bench_morphology import read_catalogue

    images, table = read_catalogue("first")
    assert len(images) == 745
    found = measure(images, SCALE, BEAM, shifted=True)
    assert _spearman(found["las_measured"], table["las"]) >= 0.9
    ratio = found["las_measured"].to_numpy() / table["las"].to_numpy()
    for low, high in ((0, 15), (15, 25), (25, 40), (40, 60), (60, 100), (100, 150)):
        inside = table["las"].between(low, high, inclusive="left").to_numpy()
        assert np.nanmedian(ratio[inside]) == pytest.approx(1, abs=0.05)
    # The largest pixel as it is stored: 8 bits hold no more than 255.
    brightest = found["peak"].to_numpy()
    assert brightest.max() <= 255 and (brightest == 255).mean() > 0.8
