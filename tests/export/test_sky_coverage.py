"""Coverage of cutouts against their geometry, and as a file that other programs read."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from mocpy import MOC

from radioviz.data.catalogue import Catalogue
from radioviz.errors import ExportError
from radioviz.export.groups import Group
from radioviz.export.sky_coverage import moc_bytes, sky_coverage


def test_area_and_density_of_cutouts(first_catalogue: Catalogue) -> None:
    table = first_catalogue.table.iloc[:400]
    side = first_catalogue.images.shape[1] * float(table["pixel_scale"].iat[0]) / 3600
    # Of fields that do not overlap the areas add up.
    places = table[["image_ra", "image_dec"]].to_numpy()
    apart = [i for i in range(400) if (np.hypot(*(places[:i] - places[i]).T) > 1).all()]
    found = sky_coverage([Group(first_catalogue, np.array(apart))])
    assert len(apart) > 200
    assert found.area == pytest.approx(len(apart) * side**2, rel=0.04)
    assert found.density == pytest.approx(1 / side**2, rel=0.04)
    twice = sky_coverage([Group(first_catalogue, np.array([*apart, *apart]))])
    assert twice.area == pytest.approx(found.area) and twice.placed == 2 * found.placed


def test_the_file_is_a_moc_with_the_galaxies_inside(
    first_catalogue: Catalogue, tmp_path: Path
) -> None:
    rows = np.arange(50)
    content = moc_bytes(sky_coverage([Group(first_catalogue, rows)]))
    with fits.open(io.BytesIO(content), checksum=True) as hdus:
        assert hdus[1].header["MOCVERS"] == "2.0" and hdus[1].header["NSOURCES"] == 50
        area = hdus[1].header["AREA"]
    path = tmp_path / "selection-moc.fits"
    path.write_bytes(content)
    moc = MOC.from_fits(path)
    assert moc.sky_fraction * 41252.96 == pytest.approx(area, rel=1e-6)
    here = first_catalogue.positions[rows]
    assert moc.contains_skycoords(here).all()
    aside = here.directional_offset_by(0 * u.deg, 0.2 * u.deg)
    assert moc.contains_skycoords(aside).mean() < 0.2


def test_a_coarse_copy_for_drawing_states_the_area_of_the_fine_one(
    first_catalogue: Catalogue, tmp_path: Path
) -> None:
    found = sky_coverage([Group(first_catalogue, np.arange(50))])
    content = moc_bytes(found, most_ranges=500)
    path = tmp_path / "coarse.fits"
    path.write_bytes(content)
    moc = MOC.from_fits(path)
    assert len(moc.to_depth29_ranges) <= 500 < len(found.moc.to_depth29_ranges)
    assert moc.sky_fraction > 1.05 * found.moc.sky_fraction
    with fits.open(io.BytesIO(content)) as hdus:
        assert hdus[1].header["AREA"] == pytest.approx(found.area, abs=1e-7)


def test_galaxies_without_a_position_are_counted(first_catalogue: Catalogue) -> None:
    table = first_catalogue.table.assign(ra=np.nan, dec=np.nan, image_ra=np.nan, image_dec=np.nan)
    with pytest.raises(ExportError, match="no galaxy of the selection has a sky position"):
        sky_coverage([Group(dataclasses.replace(first_catalogue, table=table), np.arange(3))])
