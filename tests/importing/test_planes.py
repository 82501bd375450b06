"""Several images of one source in one row: from cubes, extensions, and a file a band."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table

from radioviz import morphology
from radioviz.api.file_export import FORMATS
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.errors import CatalogueError
from radioviz.export.groups import Group
from radioviz.importing import ImportResult, Source, import_survey, inspect_source
from tests.importing.conftest import write_fits

# Flux [mJy], beam [arcsec], frequency [GHz], pixel scale [arcsec], noise [Jy/beam]
BANDS = {
    "L": (30.0, 6.0, 1.4, 1.5, 2e-5),
    "S": (18.0, 4.5, 3.0, 1.5, 3e-5),
    "C": (12.0, 4.5, 5.0, 1.5, 4e-5),
}
PLACES = [(40.0, 5.0), (150.0, -20.0), (300.0, 60.0)]
N = 64


def point(band: str, source: int, n: int = N, scale: float | None = None) -> np.ndarray:
    """A point source with the flux of a band, and noise of its own."""
    flux, beam, _, pixel, rms = BANDS[band]
    scale = scale or pixel
    y, x = (np.mgrid[:n, :n] - (n - 1) / 2) * scale
    noise = np.random.default_rng([source, ord(band)]).normal(0, rms, (n, n))
    shape = np.exp(-4 * np.log(2) * (x**2 + y**2) / beam**2)
    return (flux / 1000 * shape + noise).astype(np.float32)


def facts(band: str) -> dict[str, object]:
    _, beam, ghz, _, rms = BANDS[band]
    return {"BMAJ": beam / 3600, "BMIN": beam / 3600, "BPA": 0.0, "OBSFREQ": ghz * 1e9, "RMS": rms}


def folder_of_bands(root: Path, pattern: str, without: tuple[tuple[int, str], ...] = ()) -> Path:
    for i, (ra, dec) in enumerate(PLACES):
        for band in BANDS:
            if (i, band) not in without:
                path = root / pattern.format(source=f"src{i}", band=band)
                write_fits(path, point(band, i), ra, dec, BANDS[band][3], **facts(band))
    return root


def run(path: Path, table: Path | None = None, **answers: object) -> ImportResult:
    answers = {"key": "planes", "survey": "unknown", **answers}
    return import_survey(Source(path, table), answers, replace=True)


def imported(path: Path, table: Path | None = None, **answers: object) -> Catalogue:
    made = run(path, table, **answers).catalogue
    assert made is not None
    return open_data_set(made.info.key)


def check(catalogue: Catalogue, lacking: tuple[tuple[int, str], ...] = ()) -> None:
    """Pixels, beams, frequencies, noise and fluxes of every source and band."""
    assert catalogue.planes == tuple(BANDS)
    assert catalogue.cube is not None and catalogue.cube.shape == (3, 3, N, N)
    order = [PLACES.index(min(PLACES, key=lambda p: abs(p[0] - r))) for r in catalogue.table["ra"]]
    for k, (band, (flux, beam, ghz, scale, rms)) in enumerate(BANDS.items()):
        view = catalogue.of_plane(band)
        for row, i in enumerate(order):
            if (i, band) in lacking:
                assert np.isnan(view.images[row]).all()
                assert view.table["missing_planes"].iat[row] == band
                continue
            np.testing.assert_array_equal(view.images[row], point(band, i))
            assert view.beam_shape(row) == pytest.approx((beam, beam, 0.0))
            cells = view.table[["frequency", "rms", "pixel_scale"]].iloc[row].tolist()
            assert cells == pytest.approx([ghz, rms, scale])
            measured = morphology.complete_plane(catalogue, row, k).table
            assert measured["flux"].iat[0] == pytest.approx(flux, rel=0.03)
            assert measured["noise"].iat[0] == pytest.approx(rms, rel=1e-6)


@pytest.mark.parametrize(
    "pattern",
    [
        "{band}/{source}.fits",
        "{source}_{band}.fits",
        "{band}_{source}.fits",
        "{source}/x-{band}.fits",
    ],
)
def test_files_are_grouped_by_name(tmp_path: Path, pattern: str) -> None:
    path = folder_of_bands(tmp_path / "s", pattern)
    check(imported(path, group="name", bands="L, S, C"))
    if pattern.startswith("{band}/"):
        assert imported(path, group="name").planes == ("C", "L", "S")


def test_names_that_can_be_read_in_two_ways_are_asked_for(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{source}_{band}.fits")
    with pytest.raises(CatalogueError, match=r"planes C, L, S .* or src0, src1, src2 .*bands"):
        run(path, group="name")
    write_fits(path / "src3_L.fits", point("L", 0), 10.0, 0.0, 1.5)
    assert imported(path, group="name").planes == ("C", "L", "S")


def test_files_in_a_zip_and_a_tar(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    packed = tmp_path / "s.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(path.rglob("*.fits")):
            archive.write(file, file.relative_to(path).as_posix())
    check(imported(packed, group="name", bands="L, S, C"))
    import tarfile

    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(path, "s")
    with pytest.raises(CatalogueError, match=r"s\.tar: images of one source .* give a ZIP"):
        run(tmp_path / "s.tar", group="name", bands="L, S, C")


def test_files_are_grouped_by_position(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for i, (ra, dec) in enumerate(PLACES):
        for k, band in enumerate(BANDS):  # no two names of a source are alike
            write_fits(path / f"{100 * k + 7 * i:04d}_{band}.fits", point(band, i), ra, dec, 1.5,
                       **facts(band))  # fmt: skip
    check(imported(path, group="position", bands="L, S, C"))


def test_files_are_grouped_by_columns(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{source}{band}.fits")
    rows = [
        {
            "file": f"src{i}{band}.fits",
            "ra": ra,
            "dec": dec,
            "epoch": band,
            "who": f"n{i}",
            "z": 0.1 + i,
        }
        for band in BANDS
        for i, (ra, dec) in enumerate(PLACES)
    ]
    table = tmp_path / "t.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    by_position = imported(path, table, group="column", band_column="epoch", bands="L, S, C")
    check(by_position)
    by_name = imported(
        path, table, group="column", band_column="epoch", source_column="who", bands="L, S, C"
    )
    check(by_name)
    assert by_name.table["redshift"].tolist() == pytest.approx([0.1, 1.1, 2.1])
    with pytest.raises(CatalogueError, match="band_column is 'nothing'; expected the column"):
        run(path, table, group="column", band_column="nothing")


def test_a_row_may_name_a_file_of_each_band(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "x{band}{source}.fits", ((1, "S"),))
    rows = [
        {"id": f"n{i}", "ra": ra, "dec": dec, **{f"f_{b}": f"x{b}src{i}.fits" for b in BANDS}}
        for i, (ra, dec) in enumerate([*PLACES, (200.0, 0.0)])
    ]
    rows[1]["f_S"] = ""
    table = tmp_path / "t.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    columns = "L=f_L, S=f_S, C=f_C"
    result = run(path, table, group="column", band_column=columns)
    made = open_data_set("planes")
    check(made, ((1, "S"),))
    assert made.table["source_id"].tolist() == ["n0", "n1", "n2"]
    refused = result.report[result.report["status"] == "refused"]
    assert refused[["file", "reason"]].to_numpy().tolist() == [["n3", "none of its files is here"]]
    with pytest.raises(CatalogueError, match="band_column is 'f_X'; expected the column"):
        run(path, table, group="column", band_column="L=f_L, X=f_X")


def test_bands_may_have_several_names(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for name, source, band in (("a_1.1", 0, "L"), ("a_2.2", 0, "S"), ("b_1.2", 1, "L")):
        write_fits(path / f"{name}.fits", point(band, source), *PLACES[source], 1.5)
    made = imported(path, group="name", bands="first=1.1|1.2, second=2.1|2.2")
    assert made.planes == ("first", "second")
    assert made.table["missing_planes"].tolist() == ["", "second"]
    np.testing.assert_array_equal(made.images[1], point("L", 1))
    assert np.isnan(made.of_plane("second").images[1]).all()


def cube(path: Path, source: int, axis: str = "FREQ", n: int = 3, **more: object) -> Path:
    data = np.stack([point(band, source) for band in list(BANDS)[:n]])
    cards: dict[str, object] = {"CTYPE3": axis, "CRPIX3": 1.0, "CRVAL3": 1.4e9, "CDELT3": 1.6e9}
    if axis == "FREQ":
        cards["CUNIT3"] = "Hz"
    ra, dec = PLACES[source]
    write_fits(path, data[0], ra, dec, 1.5, **{**cards, **more})
    with fits.open(path) as file:
        header = file[0].header
    fits.PrimaryHDU(data, header).writeto(path, overwrite=True)
    return path


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


# -- what is missing, or does not fit --------------------------------------------------------------


def test_a_missing_band_is_recorded_or_refused(tmp_path: Path) -> None:
    lacking = ((1, "S"), (2, "L"))
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits", lacking)
    result = run(path, group="name", bands="L, S, C")
    check(open_data_set("planes"), lacking)
    assert any("2 of 3 source(s) lack one of the planes" in n for n in result.catalogue.notes)
    assert "no plane 'S': there is no such file" in " ".join(result.report["reason"])
    refused = run(path, group="name", bands="L, S, C", missing="refuse")
    assert refused.read == 1 and refused.refused == 2
    reasons = refused.report.set_index("file")["reason"]
    assert "no plane 'S'" in reasons["src1"] and "no plane 'L'" in reasons["src2"]


def test_an_all_blank_band_is_a_missing_one(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    blank = path / "C" / "src0.fits"
    blank.unlink()
    write_fits(blank, np.full((N, N), np.nan), *PLACES[0], 1.5, **facts("C"))
    check(imported(path, group="name", bands="L, S, C"), ((0, "C"),))


@pytest.mark.parametrize(("east", "said"), [(8.0, "8.00 arcsec"), (60.0, "60.00 arcsec")])
def test_bands_of_another_piece_of_sky(tmp_path: Path, east: float, said: str) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    moved = path / "S" / "src1.fits"
    moved.unlink()
    ra, dec = PLACES[1]
    shift = east / 3600 / np.cos(np.radians(dec))
    write_fits(moved, point("S", 1), ra + shift, dec, 1.5, **facts("S"))
    result = run(path, group="name", bands="L, S, C")
    assert result.read == 2
    reason = result.report.set_index("file").loc["src1", "reason"]
    assert reason.startswith("plane 'S' (S/src1.fits) is not aligned with 'L' (L/src1.fits)")
    assert said in reason and "align = resample" in reason
    made = imported(path, group="name", bands="L, S, C", align="resample")
    row = int(np.flatnonzero(made.table["ra"] == ra)[0])
    image = made.of_plane("S").images[row]
    if east < 20:  # the source is where the sky has it: east is left
        peak = np.unravel_index(np.nanargmax(image), image.shape)
        assert peak[1] == pytest.approx((N - 1) / 2 - east / 1.5, abs=1)
        assert np.nansum(image) == pytest.approx(point("S", 1).sum(), rel=0.02)


def test_bands_without_positions_need_one_size(tmp_path: Path) -> None:
    for band, n in (("L", N), ("S", N), ("C", N - 8)):
        for i in range(3):
            write_fits(tmp_path / "s" / band / f"s{i}.fits", point(band, i, n), None)
    result = run(tmp_path / "s", group="name", bands="L, S", pixel_scale="1.5")
    assert result.read == 3
    with pytest.raises(CatalogueError, match=r"plane 'C' \(C/s0\.fits\) has 56 x 56 pixels"):
        run(tmp_path / "s", group="name", bands="L, S, C", pixel_scale="1.5")


def test_bands_keep_their_own_pixels_and_units(tmp_path: Path) -> None:
    """Radio and infrared: other pixels, another unit; nothing is resampled or cropped."""
    data = {}
    for i, (ra, dec) in enumerate(PLACES):
        data[i] = point("L", i, 40, 3.0) * 1000
        write_fits(
            tmp_path / "s" / "radio" / f"s{i}.fits", point("L", i), ra, dec, 1.5, **facts("L")
        )
        write_fits(
            tmp_path / "s" / "wise" / f"s{i}.fits",
            data[i],
            ra,
            dec,
            3.0,
            BUNIT="DN",
            BMAJ=6.5 / 3600,
        )
    made = imported(tmp_path / "s", group="name")
    assert made.planes == ("radio", "wise") and made.units == ("Jy/beam", "DN")
    other = made.of_plane("wise")
    assert other.info.bunit == "DN" and made.info.bunit == "Jy/beam"
    assert other.pixel_scales.tolist() == pytest.approx([3.0] * 3)
    np.testing.assert_array_equal(other.images[1][12:52, 12:52], data[1])
    assert np.isnan(other.images[1][:12]).all()
    assert np.isnan(morphology.complete_plane(made, 1, 1).table["flux"].iat[0])  # no Jy/beam
    here, there = made.wcs(0), other.wcs(0)
    centre = (N - 1) / 2
    apart = here.pixel_to_world(centre, centre).separation(there.pixel_to_world(centre, centre))
    assert apart.arcsec < 1e-3


def test_what_the_user_asks_for_in_vain(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    with pytest.raises(CatalogueError, match="no file name has one of the planes X, Y"):
        run(path, group="name", bands="X, Y")
    with pytest.raises(CatalogueError, match="two planes are called 'L'"):
        run(path, group="name", bands="L, l")
    with pytest.raises(CatalogueError, match="align is 'yes'; expected one of check, resample"):
        run(path, group="name", align="yes")
    with pytest.raises(CatalogueError, match="by columns of a table"):
        run(path, group="column")
    with pytest.raises(CatalogueError, match=r"/src0.fits: 64 x 64 pixels are one image"):
        run(path, plane="all")
    cube(tmp_path / "c.fits", 0)
    with pytest.raises(CatalogueError, match="the files have no plane 'X'; theirs are 1"):
        run(tmp_path / "c.fits", plane="all", bands="1.4 GHz, X")


def test_the_page_suggests_to_keep_bands_together(tmp_path: Path) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    (asked,) = [q for q in inspect_source(Source(path)).needed if q.key == "group"]
    assert "3 sources with up to 3 images each (C, L, S; by folder)" in asked.text
    assert asked.default == "no" and imported(path).planes == ()
    for i in range(6):
        write_fits(tmp_path / "t" / f"cutout_{i}.fits", point("L", 0), 10.0 + i, 0.0)
    assert not [q for q in inspect_source(Source(tmp_path / "t")).needed if q.key == "group"]


def test_pictures_of_bands(tmp_path: Path) -> None:
    from PIL import Image

    levels = np.random.default_rng(1).integers(0, 255, (2, 2, 20, 20), dtype=np.uint8)
    for band in (0, 1):
        for i in (0, 1):
            path = tmp_path / "s" / "gr"[band] / f"s{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels[i, band][::-1]).save(path)
    answers = {"group": "name", "pixel_scale": "1", "raw": "no", "bunit": "unknown"}
    made = imported(tmp_path / "s", **answers)
    assert made.planes == ("g", "r") and made.cube.dtype == np.uint8
    np.testing.assert_array_equal(made.cube, levels)
    (tmp_path / "s" / "r" / "s1.png").unlink()  # grey levels have no NaN
    result = run(tmp_path / "s", **answers)
    assert (result.read, result.refused) == (1, 1)
    assert "no plane 'r': there is no such file; grey levels" in " ".join(result.report["reason"])


@pytest.mark.parametrize("start", [1, 2, 3])
def test_an_interrupted_import_goes_on_where_it_was(tmp_path: Path, start: int) -> None:
    path = folder_of_bands(tmp_path / "s", "{band}/{source}.fits")
    write_fits(path / "other.fits", point("L", 0), 1.0, 1.0, 1.5)
    answers = {"key": "k", "survey": "unknown", "group": "name", "bands": "L, S, C"}
    reader = inspect_source(Source(path), answers).reader()
    whole, rest = list(reader.read()), list(reader.read(start))
    assert [o.name for o, _ in whole] == ["src0", "src1", "src2", "other.fits"]
    assert whole[-1][0].refused == "its name has none of the planes"
    assert [o.name for o, _ in rest] == [o.name for o, _ in whole[start:]]
    for (_, one), (_, other) in zip(rest, whole[start:], strict=True):
        np.testing.assert_array_equal(one, other)


# -- exports come back -----------------------------------------------------------------------------


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
