"""Planes of cubes, extensions and arrays as the images of one source; exports of planes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from radioviz.api.file_export import FORMATS
from radioviz.errors import CatalogueError
from radioviz.export.groups import Group
from radioviz.importing import Source, import_survey, inspect_source
from tests.importing.bands import (
    BANDS,
    PLACES,
    N,
    check,
    cube,
    facts,
    folder_of_bands,
    imported,
    point,
    run,
)
from tests.importing.conftest import write_fits


def test_planes_of_cubes_are_kept(tmp_path: Path) -> None:
    for i in range(3):
        cube(tmp_path / "s" / f"c{i}.fits", i)
    look = inspect_source(Source(tmp_path / "s"), {"survey": "unknown"})
    (question,) = look.missing
    assert question.key == "plane" and question.choices[-1] == "all"
    made = imported(tmp_path / "s", plane="all")
    assert made.planes == ("1.4 GHz", "3 GHz", "4.6 GHz")
    for k, (band, ghz) in enumerate(zip(BANDS, (1.4, 3.0, 4.6), strict=True)):
        view = made.of_plane(k)
        assert view.table["frequency"].tolist() == pytest.approx([ghz] * 3)
        np.testing.assert_array_equal(view.images[2], point(band, 2))
    renamed = imported(tmp_path / "s", plane="all", bands="L, S, C")
    assert renamed.planes == ("L", "S", "C")
    chosen = imported(tmp_path / "s", plane="all", bands="high=4.6 GHz, low=1.4 GHz")
    assert chosen.planes == ("high", "low")
    np.testing.assert_array_equal(chosen.images[1], point("C", 1))
    one = imported(tmp_path / "s", plane="3 GHz")  # a plane alone, as ever
    assert one.planes == () and one.cube is None
    np.testing.assert_array_equal(one.images[1], point("S", 1))


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.fits"
    write_fits(path, point("L", 0, 16), 10.0, 0.0, 1.5, CTYPE3="FREQ", CRVAL3=1e9, CDELT3=1e6)
    header = fits.getheader(path)
    fits.PrimaryHDU(np.zeros((65, 16, 16), np.float32), header).writeto(path, overwrite=True)
    (question,) = inspect_source(Source(path)).missing
    assert "all" not in question.choices
    with pytest.raises(CatalogueError, match=r"c\.fits: .* 65 images of one source; up to 64"):
        run(path, plane="all")


def test_a_channel_of_each_stokes_parameter(tmp_path: Path) -> None:
    data = np.arange(2 * 3 * N * N, dtype=np.float32).reshape(2, 3, N, N)
    header = fits.Header()
    ra, dec = PLACES[0]
    header.update(
        {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec,
            "CRPIX1": 32.5, "CRPIX2": 32.5, "CDELT1": -1.5 / 3600, "CDELT2": 1.5 / 3600,
            "CTYPE3": "FREQ", "CRVAL3": 1e9, "CDELT3": 1e8, "CRPIX3": 1.0, "CUNIT3": "Hz",
            "CTYPE4": "STOKES", "CRVAL4": 1.0, "CDELT4": 1.0, "CRPIX4": 1.0, "BUNIT": "Jy/beam",
        }
    )  # fmt: skip
    path = tmp_path / "iq.fits"
    fits.PrimaryHDU(data, header).writeto(path)
    made = imported(path, plane="Q, all")
    assert made.planes == ("1 GHz", "1.1 GHz", "1.2 GHz")
    np.testing.assert_array_equal(made.cube[0], data[1])
    with pytest.raises(CatalogueError, match="a number from 0 to 2"):
        run(path, plane="all, 7")
    both = imported(path, plane="all, 1.1 GHz")
    assert both.planes == ("I", "Q")
    np.testing.assert_array_equal(both.cube[0], data[:, 1])


def test_beams_of_casa_belong_to_their_planes(tmp_path: Path) -> None:
    path = cube(tmp_path / "s" / "c.fits", 0, CASAMBM=True)
    beams = Table(
        {
            "BMAJ": np.array([6.0, 4.5, 3.0], "f4"), "BMIN": np.array([5.0, 4.0, 2.5], "f4"),
            "BPA": np.array([10.0, 20.0, 30.0], "f4"), "CHAN": np.arange(3, dtype="i4"),
            "POL": np.zeros(3, "i4"),
        },
        units={"BMAJ": "arcsec", "BMIN": "arcsec", "BPA": "deg"},
    )  # fmt: skip
    with fits.open(path, mode="append") as file:
        file.append(fits.BinTableHDU(beams, name="BEAMS"))
    made = imported(tmp_path / "s", plane="all")
    shapes = [made.of_plane(k).beam_shape(0) for k in range(3)]
    assert shapes == [pytest.approx(s) for s in ((6, 5, 10), (4.5, 4, 20), (3, 2.5, 30))]


def test_images_in_extensions(tmp_path: Path) -> None:
    for i, (ra, dec) in enumerate(PLACES):
        hdus = [fits.PrimaryHDU()]
        for band in BANDS:
            alone = write_fits(
                tmp_path / f"{i}{band}.fits", point(band, i), ra, dec, 1.5, **facts(band)
            )
            with fits.open(alone) as file:
                hdus.append(fits.ImageHDU(file[0].data, file[0].header, name=band))
        (tmp_path / "s").mkdir(exist_ok=True)
        fits.HDUList(hdus).writeto(tmp_path / "s" / f"src{i}.fits")
    check(imported(tmp_path / "s", group="extensions"))


def test_arrays_with_planes(tmp_path: Path) -> None:
    data = np.stack([[point(band, i) for band in BANDS] for i in range(3)])
    data[1, 2] = np.nan
    path = tmp_path / "c.npy"
    np.save(path, data)
    made = imported(path, pixel_scale="1.5", beam="6", bunit="Jy/beam", bands="L, S, C")
    assert made.planes == ("L", "S", "C")
    np.testing.assert_array_equal(made.cube, data)
    assert made.table["missing_planes"].tolist() == ["", "C", ""]
    with pytest.raises(CatalogueError, match=r"bands name 2 planes \(L, S\); the array has 3"):
        run(path, pixel_scale="1.5", bands="L, S")
    np.save(path, np.zeros((4, 20, 20, 3)))
    with pytest.raises(CatalogueError, match="planes in front of the rows"):
        run(path, pixel_scale="1.5", beam="6")


@pytest.mark.parametrize("ending", [".fits", ".cube.fits", ".zip"])
@pytest.mark.parametrize("aligned", [True, False])
def test_exports_come_back_to_the_same_pixels(tmp_path: Path, ending: str, aligned: bool) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits", ((1, "S"),))
    if not aligned:  # by half a pixel: kept, but not on one grid
        for i, (ra, dec) in enumerate(PLACES):
            file = path / "C" / f"src{i}.fits"
            file.unlink()
            write_fits(file, point("C", i), ra, dec + 0.75 / 3600, 1.5, **facts("C"))
    made = imported(path, group="name", bands="L, S, C")
    rows = np.array([2, 0, 1])
    out = io.BytesIO()
    FORMATS[ending](out, [Group(made, rows)])
    file = tmp_path / "out" / f"export{ending}"
    file.parent.mkdir()
    file.write_bytes(out.getvalue())
    look = inspect_source(Source(file))
    assert not look.missing and look.count == 3
    again = import_survey(Source(file), {"key": "again", "raw": "yes"}).catalogue
    assert again is not None and again.planes == made.planes
    np.testing.assert_array_equal(again.cube, made.cube[rows])
    for k in range(3):
        here, there = again.of_plane(k), made.of_plane(k)
        for name in ("beam_major", "beam_minor", "frequency", "pixel_scale", "rms"):
            np.testing.assert_allclose(
                here.table[name], there.table[name].iloc[rows], rtol=1e-9, err_msg=f"{name} {k}"
            )
        for row, before in enumerate(rows):
            if (before, k) != (1, 1):
                at = [c.wcs(r).pixel_to_world(3, 50) for c, r in ((here, row), (there, before))]
                assert at[0].separation(at[1]).arcsec < 1e-3
    assert again.table["missing_planes"].tolist() == ["", "", "S"]


def test_an_exported_cube_has_right_axes(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    made = imported(path, group="name", bands="L, S, C")
    out = io.BytesIO()
    FORMATS[".fits"](out, [Group(made, np.array([1]))])
    with fits.open(io.BytesIO(out.getvalue())) as file:
        header, data = file[1].header, file[1].data
    assert data.shape == (3, N, N)
    assert (header["CTYPE3"], header["WCSAXES"], header["NPLANES"]) == ("PLANE", 3, 3)
    assert [header[f"PLANE{k}"] for k in (1, 2, 3)] == ["L", "S", "C"]
    assert header["BMAJ"] == pytest.approx(6 / 3600) and header["BMAJ3"] == pytest.approx(
        4.5 / 3600
    )
    assert (header["OBSFREQ"], header["OBSFR2"]) == (1.4e9, 3e9)
    assert header["RMS3"] == pytest.approx(4e-5)
    two = imported(path, group="name", bands="L, C")  # any two frequencies are evenly spaced
    out = io.BytesIO()
    FORMATS[".zip"](out, [Group(two, np.array([1]))])
    with zipfile.ZipFile(io.BytesIO(out.getvalue())) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".fits"))
        header = fits.getheader(io.BytesIO(archive.read(name)))
    assert (header["CTYPE3"], header["CUNIT3"]) == ("FREQ", "Hz")
    assert (header["CRVAL3"], header["CDELT3"]) == (1.4e9, pytest.approx(3.6e9))
