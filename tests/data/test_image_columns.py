"""Each image has its own beam, frequency and pixel scale: measured, drawn and exported by them."""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from radioviz import morphology
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.preprocess import Preprocess
from radioviz.errors import CatalogueError
from radioviz.export.groups import Group, selection_table
from tests.export.written import contact_sheet_png, fits_bytes

N = 101
MJY = 20.0
# Major and minor axis, position angle, pixel scale [arcsec, deg], frequency [GHz].
SEEN = [
    (6.0, 6.0, 0.0, 1.5, 1.4),
    (12.0, 12.0, 0.0, 3.0, 0.9),
    (25.0, 10.0, 30.0, 2.5, 0.144),
    (2.9, 2.2, 120.0, 1.0, 3.0),
]


def point(major: float, minor: float, angle: float, scale: float) -> np.ndarray:
    """A point source of 20 mJy in Jy/beam with a little noise; north up, east left."""
    y, x = (np.mgrid[:N, :N] - N // 2) * scale
    turn = math.radians(angle)
    along, across = y * math.cos(turn) - x * math.sin(turn), y * math.sin(turn) + x * math.cos(turn)
    exponent = (along / major) ** 2 + (across / minor) ** 2
    noise = np.random.default_rng(int(10 * major)).normal(0, MJY / 1e6, (N, N))
    return (MJY / 1000 * np.exp(-4 * math.log(2) * exponent) + noise).astype(np.float32)


def mixed(**info: object) -> Catalogue:
    names = ("beam_major", "beam_minor", "beam_pa", "pixel_scale", "frequency")
    columns = dict(zip(names, map(list, zip(*SEEN, strict=True)), strict=True))
    table = pd.DataFrame(
        {"source_id": list("abcd"), "ra": [10.0, 20.0, 0.0, 359.9], "dec": [5.0, -5, 89, 0]}
        | columns
    )
    survey = SurveyInfo("mixed", "Mixed", 1.5, bunit="Jy/beam", raw=True, **info)  # type: ignore[arg-type]
    images = np.stack([point(*row[:4]) for row in SEEN])
    return Catalogue(survey, complete_columns(table), images)


@pytest.mark.parametrize("beam", [None, 9.0])
def test_flux_and_size_follow_the_beam_of_each_image(beam: float | None) -> None:
    table = morphology.complete(mixed(beam=beam)).table
    assert table["flux"].to_numpy() == pytest.approx(np.full(4, MJY), rel=0.03)
    assert not table["resolved"].any()


def test_an_unknown_beam_stays_unknown() -> None:
    whole = mixed()
    whole.table.loc[1, "beam_major"] = np.nan
    table = morphology.complete(whole).table
    assert np.isnan(table["flux"].iloc[1])
    assert table["flux"].to_numpy()[[0, 2, 3]] == pytest.approx([MJY] * 3, rel=0.03)
    assert whole.info_of(1).beam is None and whole.beam_shape(1) is None
    assert whole.info_of(2).beam == pytest.approx(math.sqrt(250))


@pytest.mark.parametrize("beam", [None, 9.0])
def test_an_angle_that_nobody_says_is_not_north(beam: float | None) -> None:
    """Of a beam that is not round: its point is no shorter across than along."""
    whole = mixed(beam=beam)
    table = whole.table.drop(columns="beam_pa")
    whole = dataclasses.replace(whole, table=complete_columns(table))
    assert whole.table["beam_pa"].isna().tolist() == [False, False, True, True]
    sizes = [
        morphology.complete(dataclasses.replace(whole, images=images)).table["las_measured"][2]
        for images in (whole.images, np.rot90(whole.images, axes=(1, 2)))
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_headers_and_tables_of_exports_say_the_same() -> None:
    catalogue = mixed(frequency=1.3)
    group = Group(catalogue, np.array([3, 0, 2]))
    with fits.open(io.BytesIO(fits_bytes(group))) as hdus:
        for hdu, row in zip(hdus[1:4], (3, 0, 2), strict=True):
            major, minor, angle, scale, frequency = SEEN[row]
            header = hdu.header
            assert header["BMAJ"] * 3600 == pytest.approx(major)
            assert header["BMIN"] * 3600 == pytest.approx(minor)
            assert header["BPA"] == angle
            assert header["OBSFREQ"] == pytest.approx(frequency * 1e9)
            assert header["PIXSCALE"] == scale
            assert abs(header["CDELT1"]) * 3600 == pytest.approx(scale)
    table = selection_table(group).frame
    assert table["beam"].to_numpy() == pytest.approx([math.sqrt(2.9 * 2.2), 6, math.sqrt(250)])
    assert table["frequency"].tolist() == [3.0, 1.4, 0.144]
    assert table["pixel_scale"].tolist() == [1.0, 1.5, 2.5]


def test_preprocessing_uses_the_beam_and_the_scale_of_each_image() -> None:
    catalogue, chain = mixed(), Preprocess(clip_sigma=None)
    made = chain.apply(catalogue, np.array([1, 3, 2]))
    for one, row in zip(made, (1, 3, 2), strict=True):
        major, minor, _, scale, _ = SEEN[row]
        alone = chain(catalogue.images[row][None], scale, beam=math.sqrt(major * minor))[0]
        np.testing.assert_array_equal(one, alone)
    # A point source seen by round beams looks the same in units of the beam.
    round_ones = chain.apply(catalogue, np.array([0, 1]))
    assert np.abs(round_ones[0] - round_ones[1]).max() < 0.01
    assert contact_sheet_png(Group(catalogue, np.arange(4)), tile=64).startswith(b"\x89PNG")


def test_the_scale_of_the_wcs_is_that_of_the_image() -> None:
    catalogue = mixed()
    for row, (_, _, _, scale, _) in enumerate(SEEN):
        area = catalogue.wcs(row).proj_plane_pixel_area().to_value("arcsec2")
        assert math.sqrt(area) == pytest.approx(scale)


@pytest.mark.parametrize(
    ("column", "value"), [("beam_major", -1.0), ("frequency", 0.0), ("pixel_scale", math.inf)]
)
def test_impossible_values_are_refused_by_name(column: str, value: float) -> None:
    table = mixed().table
    table.loc[2, column] = value
    with pytest.raises(CatalogueError, match=f"{column} of source 'c'"):
        Catalogue(SurveyInfo("bad", "Bad", 1.0), table, np.zeros((4, 8, 8), np.uint8))


def test_folders_without_these_columns_open(tmp_path: Path) -> None:
    catalogue = mixed(beam=9.0, frequency=1.4)
    older = [c for c in catalogue.table if c not in SEEN_COLUMNS]
    stored = catalogue.save(tmp_path / "mixed").folder
    assert stored is not None
    table = catalogue.table[older].assign(file=["w", "x", "y", "z"], beam=[6.0, 12.0, np.nan, 3.0])
    table.to_parquet(stored / "table.parquet", index=False)
    opened = Catalogue.open(stored)
    np.testing.assert_array_equal(opened.beams, [6.0, 12.0, np.nan, 3.0])
    assert opened.table["frequency"].tolist() == [1.4] * 4
    table.drop(columns=["beam", "file"]).to_parquet(stored / "table.parquet", index=False)
    assert Catalogue.open(stored).beams.tolist() == [9.0] * 4


SEEN_COLUMNS = (
    "beam_major", "beam_minor", "beam_pa", "frequency", "pixel_scale", "rms", "primary_beam",
)  # fmt: skip


def test_a_query_is_compared_beam_by_beam_where_images_have_beams_of_their_own() -> None:
    several = mixed()
    assert several.info_for(30.0).beam == 30.0
    assert several.info_for(None).beam == pytest.approx(np.median(several.beams))
    one = mixed(beam=9.0)
    assert one.info_for(30.0).beam == 9.0
    table = one.table.assign(beam_major=np.nan)
    unknown = Catalogue(mixed().info, table, one.images)
    assert unknown.info_for(30.0).beam is None
