"""Tiles of a galaxy's image: at the right place of the sky, with its values, and served by name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import astropy_healpix
import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from mocpy import MOC
from scipy.ndimage import map_coordinates

from radioviz.data.catalogue import Catalogue
from radioviz.export.local_hips import hips_folder, local_hips
from radioviz.ui import sky_tiles


@pytest.fixture
def tiles(first_catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    return local_hips(first_catalogue, 3)


def test_a_tile_has_the_image_at_its_place(first_catalogue: Catalogue, tiles: Path) -> None:
    properties = dict(
        line.split("=", 1)
        for line in (tiles / "properties").read_text().splitlines()
        if "=" in line
    )
    kept = {k.strip(): v.strip() for k, v in properties.items()}
    order = int(kept["hips_order"])
    assert kept["hips_frame"] == "equatorial" and not (tiles / "index.html").exists()
    image, wcs = first_catalogue.image(3), first_catalogue.wcs(3)
    y, x = np.unravel_index(int(np.nanargmax(image)), image.shape)
    peak = wcs.pixel_to_world(x, y).icrs
    npix = int(astropy_healpix.lonlat_to_healpix(peak.ra, peak.dec, 2**order, order="nested"))
    path = tiles / f"Norder{order}/Dir{npix // 10000 * 10000}/Npix{npix}.fits"
    with fits.open(path) as hdus:
        data, header = hdus[0].data, hdus[0].header
    tile = WCS(header)
    px, py = (float(v) for v in tile.world_to_pixel(peak))
    back = wcs.world_to_pixel(tile.pixel_to_world(round(px), round(py)))
    wanted = map_coordinates(image, [[back[1]], [back[0]]], order=1)[0]
    assert data[round(py), round(px)] == pytest.approx(wanted, rel=0.01) and wanted > 150
    here = np.unravel_index(int(np.nanargmax(data)), data.shape)
    found = tile.pixel_to_world(here[1], here[0]).icrs
    assert found.separation(peak).to_value(u.arcsec) < first_catalogue.info.pixel_scale
    assert local_hips(first_catalogue, 3) == tiles  # made once
    # A viewer asks for no tile beyond those that are there.
    moc = MOC.from_fits(tiles / "Moc.fits")
    assert moc.contains_skycoords(peak)[0]
    cells = len(list(tiles.glob(f"Norder{order}/Dir*/*.fits")))
    assert moc.sky_fraction == pytest.approx(cells / (12 * 4**order), rel=1e-9)


@pytest.mark.parametrize("column", ["ra", "pixel_scale", "pixels"])
def test_an_image_that_was_imported_anew_has_tiles_of_its_own(
    first_catalogue: Catalogue, column: str
) -> None:
    made = first_catalogue.subset(np.arange(4))
    before = hips_folder(made, 3)
    assert hips_folder(first_catalogue.subset(np.arange(4)), 3) == before
    if column == "pixels":
        made.images[3, 0, 0] += 1
    else:
        made.table.loc[3, column] *= 1.01
    assert hips_folder(made, 3) != before != hips_folder(made, 2)


def test_only_tiles_are_served(tiles: Path) -> None:
    def asked(key: str, file: str) -> int:
        request = SimpleNamespace(path_params={"key": key, "file": file})
        return int(asyncio.run(sky_tiles._tile(request)).status_code)  # type: ignore[arg-type]

    assert asked(tiles.name, "properties") == asked(tiles.name, "Moc.fits") == 200
    some = next(tiles.glob("Norder3/Dir*/*.fits")).relative_to(tiles)
    assert asked(tiles.name, some.as_posix()) == 200
    (tiles / "secret.txt").write_text("x")
    for key, file in (
        (tiles.name, "secret.txt"), (tiles.name, "../" + tiles.name + "/properties"),
        ("..", "properties"), (tiles.name, "Norder3/Dir0/Npix999999.fits"), ("", "properties"),
    ):  # fmt: skip
        assert asked(key, file) == 404


def test_a_request_waits_for_tiles_that_are_being_made(
    first_catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    address = sky_tiles.hips_address(first_catalogue, 4)
    folder = hips_folder(first_catalogue, 4)
    assert address == f"sky-hips/{folder.name}" and not (folder / "properties").exists()
    request = SimpleNamespace(path_params={"key": folder.name, "file": "properties"})
    answer = asyncio.run(sky_tiles._tile(request))  # type: ignore[arg-type]
    assert answer.status_code == 200 and (folder / "Moc.fits").is_file()
    assert local_hips(first_catalogue, 4) == folder and not sky_tiles._making
