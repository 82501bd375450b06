"""A folder of FITS cutouts: what is read, what is refused and why."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radioviz.data.catalogue import COLUMNS, Catalogue
from radioviz.errors import CatalogueError
from radioviz.importing import ImportResult, Source, import_survey, inspect_source
from tests.data.fits_files import (
    CENTRE,
    cards,
    compressed,
    gzipped,
    noise,
    primary,
    sky_image,
    source_position,
    write,
)


def import_folder(folder: Path, key: str, **answers: Any) -> ImportResult:
    return import_survey(Source(folder), {"key": key, **answers}, replace=True)


def read(folder: Path, key: str, **answers: Any) -> Catalogue:
    """The survey that a folder becomes."""
    catalogue = import_folder(folder, key, **answers).catalogue
    assert catalogue is not None
    return catalogue


def fill(folder: Path, count: int, shape: tuple[int, int] = (30, 30)) -> None:
    """``count`` good cutouts, each at a position of its own."""
    for i in range(count):
        header = cards(shape, CRVAL1=10.0 + 0.05 * i)
        write(folder / f"galaxy_{i:04d}.fits", primary(noise(shape, i), header))


# -- real folders ------------------------------------------------------------------------


@pytest.mark.slow
def test_mirabest_fits(shared_data: Path) -> None:
    catalogue = read(shared_data / "mirabest_fits", "mirabest-fits")
    assert len(catalogue) == 1083
    assert catalogue.images.shape == (1083, 150, 150)
    assert catalogue.images.dtype == np.float32
    assert isinstance(catalogue.images, np.memmap)
    info = catalogue.info
    assert (info.pixel_scale, info.beam, info.bunit, info.raw) == (1.8, 5.4, "Jy/beam", True)
    assert info.frequency == 1.4
    assert "University of California" in info.licence
    table = catalogue.table
    assert list(table.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert table["label"].value_counts().to_dict() == {"FRII": 556, "FRI": 500, "Hybrid": 27}
    assert table["las"].notna().all()
    assert set(table["las_origin"]) == {"catalogue"}
    assert "wcs_header" not in table  # every WCS is the plain one
    # One cutout at the edge of the survey has no data in a corner; it stays NaN.
    assert np.isnan(catalogue.images).any(axis=(1, 2)).sum() == 1
    row = int(np.flatnonzero(table["file"] == "100_010.451-009.284_0.0529_0080.60.fits")[0])
    source = table.iloc[row]
    assert (source["redshift"], source["las"], source["label_original"]) == (0.0529, 80.6, "100")
    assert (source["ra"], source["dec"]) == pytest.approx((10.4509, -9.28422), abs=1e-7)
    assert source["name"] == "J004148.2-091703"
    assert not any(note.startswith("Refused") for note in catalogue.notes)


def test_mirabest_fits_original(shared_data: Path) -> None:
    result = import_folder(shared_data / "mirabest_fits_original", "original")
    assert result.catalogue is not None
    assert result.catalogue.images.shape == (24, 300, 300)
    assert result.catalogue.info.pixel_scale == pytest.approx(1.8)
    assert result.report["reason"].str.contains("unprintable").sum() == 24


def test_real_shapes_mixed(shared_data: Path, tmp_path: Path) -> None:
    """300-pixel cutouts among 150-pixel ones are cropped about their centres."""
    small = sorted((shared_data / "mirabest_fits").glob("*.fits"))[:5]
    large = sorted((shared_data / "mirabest_fits_original").glob("*.fits"))[:2]
    for path in (*small, *large):
        shutil.copy(path, tmp_path)
    catalogue = read(tmp_path, "mixed")
    assert catalogue.images.shape == (7, 150, 150)
    whole = read(shared_data / "mirabest_fits_original", "original")
    row = int(np.flatnonzero(catalogue.table["file"] == large[0].name)[0])
    assert np.array_equal(catalogue.images[row], whole.images[0][75:225, 75:225])
    a, b = catalogue.wcs(row), whole.wcs(0)
    assert a.pixel_to_world(10, 20).separation(b.pixel_to_world(85, 95)).arcsec < 1e-3


# -- refusals ----------------------------------------------------------------------------


def test_hundreds_of_files_of_which_three_are_bad(tmp_path: Path) -> None:
    fill(tmp_path, 300, (20, 20))
    (tmp_path / "galaxy_0100.fits").write_bytes(b"")
    whole = (tmp_path / "galaxy_0150.fits").read_bytes()
    (tmp_path / "galaxy_0150.fits").write_bytes(whole[:3000])
    (tmp_path / "galaxy_0250.fits").write_bytes(b"<html>Service unavailable</html>")
    catalogue = read(tmp_path, "survey")
    assert len(catalogue) == 297
    refused = [note for note in catalogue.notes if note.startswith("Refused")]
    assert len(refused) == 3
    assert refused[0].startswith("Refused galaxy_0100.fits: the file is empty (0 bytes)")
    assert refused[1].startswith("Refused galaxy_0150.fits: the file is cut short")
    assert refused[2].startswith("Refused galaxy_0250.fits: is not a FITS file: it is an HTML")
    # Rows and images stay together past the gaps.
    row = int(np.flatnonzero(catalogue.table["file"] == "galaxy_0280.fits")[0])
    assert np.array_equal(catalogue.images[row], noise((20, 20), 280))
    assert catalogue.table["ra"][row] == pytest.approx(10.0 + 0.05 * 280, abs=1e-6)


def test_every_kind_of_bad_file_is_named_with_its_reason(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    bad = {
        "all_nan.fits": (primary(np.full((30, 30), np.nan, "f4"), cards((30, 30))), "are NaN"),
        "cube.fits": (primary(noise((4, 30, 30)), cards((30, 30))), "a cube of 30 x 30 x 4"),
        "gzip_bomb.fits.gz": (gzipped(b"\0" * 10_000_000), "not a FITS file"),
        "kelvin.fits": (primary(noise((30, 30)), cards((30, 30), BUNIT="K")), "its unit is 'K'"),
        "line.fits": (primary(noise((1, 30)), cards((1, 30))), "at least 2 x 2|two axes"),
        "nothing.fits": (primary(None), "holds no image"),
        "picture.fits": (b"\x89PNG\r\n\x1a\n000000", "is neither a PNG nor a JPEG"),
    }
    for name, (content, _) in bad.items():
        write(tmp_path / name, content)
    write(tmp_path / "no_unit.fits", primary(noise((30, 30)), cards((30, 30), BUNIT=None)))
    (tmp_path / "folder.fits").mkdir()
    os.mkfifo(tmp_path / "pipe.fits")
    result = import_folder(tmp_path, "survey")
    catalogue = result.catalogue
    assert catalogue is not None
    assert len(catalogue) == 6
    assert "no unit in its header" in result.report.set_index("file").loc["no_unit.fits", "reason"]
    refused = sorted(note for note in catalogue.notes if note.startswith("Refused"))
    expected = {**{n: why for n, (_, why) in bad.items()}, "pipe.fits": "not a regular file"}
    assert len(refused) == len(expected)
    for note, name in zip(refused, sorted(expected), strict=True):
        assert note.startswith(f"Refused {name}: "), note
        assert any(reason in note for reason in expected[name].split("|")), note


def test_folder_without_one_good_file(tmp_path: Path) -> None:
    for i in range(5):
        write(tmp_path / f"{i}.fits", b"not FITS at all")
    with pytest.raises(CatalogueError, match=r"no image that can be read: 0\.fits: .*; 1\.fits"):
        read(tmp_path, "survey")


@pytest.mark.parametrize("kind", ["missing", "empty", "file", "other files"])
def test_folders_that_hold_no_fits(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    if kind == "file":
        folder.write_text("")
    elif kind != "missing":
        folder.mkdir()
    if kind == "other files":
        write(folder / "notes.txt", b"x")
        write(folder / ".hidden.fits", b"x")
    with pytest.raises(CatalogueError, match=r"no such file|is an image by|is empty"):
        read(folder, "survey")


# -- names and positions -----------------------------------------------------------------


def test_subfolders_suffixes_and_identifiers(tmp_path: Path) -> None:
    content = primary(noise((30, 30)), cards((30, 30)))
    names = ["a.fits", "a.fits.gz", "a.FIT", "sub/a.fits", "sub/b.fts", "c.fits.fz", "ü.fits"]
    for name in names:
        body = compressed(noise((30, 30)), cards((30, 30))) if name.endswith("fz") else content
        write(tmp_path / name, gzipped(body) if name.endswith("gz") else body)
    write(tmp_path / "readme.txt", b"x")
    write(tmp_path / ".trash" / "d.fits", content)
    catalogue = read(tmp_path, "my")
    assert sorted(catalogue.table["file"]) == sorted(names)
    ids = set(catalogue.table["source_id"])
    assert ids == {"my-a", "my-a-2", "my-a-3", "my-sub/a", "my-sub/b", "my-c", "my-ü"}
    assert (catalogue.table["same_as"] != "").sum() == 6  # all at one position


def test_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"bad\xff\n.fits")
    try:
        write(tmp_path / name, primary(noise((30, 30)), cards((30, 30))))
    except OSError:
        pytest.skip("this file system takes no such names")
    assert read(tmp_path, "my").table["source_id"][0] == "my-bad?_"


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    fill(tmp_path / "data", 2)
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    assert len(read(tmp_path / "data", "my")) == 2


def test_position_of_the_name_stands_where_the_image_is_centred_elsewhere(tmp_path: Path) -> None:
    """The source is where the catalogue says; the WCS is where the image is."""
    header = cards((30, 30), CRVAL1=150.0, CRVAL2=35.0 + 10 / 3600)
    write(tmp_path / "201_150.000+035.000_-1.0_0050.00.fits", primary(noise((30, 30)), header))
    catalogue = read(tmp_path, "my")
    source = catalogue.table.iloc[0]
    assert (source["ra"], source["dec"]) == pytest.approx((150.0, 35.0), abs=1e-9)
    assert source["image_dec"] == pytest.approx(35.0 + 10 / 3600, abs=1e-7)
    assert (source["label"], source["morphology"]) == ("FRII", "double-double")
    assert np.isnan(source["redshift"])  # -1 is how the names write an unknown one
    x, y = catalogue.wcs(0).world_to_pixel(CENTRE)
    assert (x, y) == pytest.approx((14.5, 14.5 - 10 / 1.8), abs=0.01)


def test_files_without_wcs(tmp_path: Path) -> None:
    bare = {"BUNIT": "JY/BEAM", "SURVEY": "FIRST"}
    write(tmp_path / "a.fits", primary(noise((30, 30)), bare))
    write(tmp_path / "100_150.000+035.000_0.1_0050.00.fits", primary(noise((30, 30)), bare))
    with pytest.raises(CatalogueError, match="do not give the pixel scale"):
        read(tmp_path, "my")
    result = import_folder(tmp_path, "my", pixel_scale=1.8)
    catalogue = result.catalogue
    assert catalogue is not None
    assert catalogue.info.pixel_scale == 1.8
    named = catalogue.table.set_index("source_id")
    assert np.isnan(named.loc["my-a", "ra"])
    assert named.loc["my-a", "name"] == ""
    assert named.loc["my-100_150.000+035.000_0.1_0050.00", "ra"] == 150.0
    reasons = result.report["reason"]
    assert reasons.str.contains("north up with 1.8 arcsec per pixel").all()


def test_unit_that_the_headers_lack_can_be_given(tmp_path: Path) -> None:
    write(tmp_path / "a.fits", primary(noise((30, 30)), cards((30, 30), BUNIT=None)))
    assert read(tmp_path, "my").info.bunit == ""
    assert read(tmp_path, "my", bunit="Jy/beam").info.bunit == "Jy/beam"


# -- one array for all -------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(30, 30), (31, 30), (20, 41), (60, 60), (29, 29), (61, 10)])
def test_any_shape_lands_with_a_true_wcs(shape: tuple[int, int], tmp_path: Path) -> None:
    fill(tmp_path, 3)
    header = cards(shape, CRVAL1=150.0)
    write(tmp_path / "other.fits", primary(sky_image(header, shape), header))
    catalogue = read(tmp_path, "my", pixels=30)
    row = int(np.flatnonzero(catalogue.table["file"] == "other.fits")[0])
    image, wcs = catalogue.image(row), catalogue.wcs(row)
    assert image.shape == (30, 30)
    padded = min(shape[0], 30) * min(shape[1], 30)
    assert np.isfinite(image).sum() == padded
    y, x = np.indices(image.shape)
    apart = wcs.pixel_to_world(x, y).separation(source_position()).arcsec
    expected = np.exp(-4 * np.log(2) * (apart / 9.0) ** 2)
    inside = np.isfinite(image)
    assert np.abs(image - expected)[inside].max() < 1e-3


def test_other_pixel_scales_are_resampled(tmp_path: Path) -> None:
    fill(tmp_path, 3, (60, 60))
    for name, scale, n in (("fine", 0.9, 160), ("coarse", 3.0, 50)):
        header = cards((n, n), CRVAL1=150.0, CDELT1=-scale / 3600, CDELT2=scale / 3600)
        write(tmp_path / f"{name}.fits", primary(sky_image(header, (n, n), 15.0), header))
    own = read(tmp_path, "own", pixels=160)
    assert dict(zip(own.table["file"], own.pixel_scales.round(6), strict=True)) == {
        "coarse.fits": 3.0, "fine.fits": 0.9, **{f"galaxy_{i:04d}.fits": 1.8 for i in range(3)},
    }  # fmt: skip
    for row in (0, 1):
        apart = own.wcs(row).pixel_to_world(*np.indices((160, 160))[::-1])
        expected = np.exp(-4 * np.log(2) * (apart.separation(source_position()).arcsec / 15) ** 2)
        assert np.nanmax(np.abs(own.image(row) - expected)) < 1e-3
    write(
        tmp_path / "wide.fits", primary(noise((30, 30)), cards((30, 30), CDELT1=-0.01, CDELT2=0.01))
    )
    result = import_folder(tmp_path, "my", pixels=80, pixel_scale=1.8)
    catalogue = result.catalogue
    assert catalogue is not None
    assert catalogue.info.pixel_scale == pytest.approx(1.8)
    assert set(catalogue.pixel_scales) == {1.8}
    table = catalogue.table.set_index("file")
    rows = {name: int(table.index.get_loc(f"{name}.fits")) for name in ("fine", "coarse")}
    y, x = np.indices((80, 80))
    for row in rows.values():
        image = catalogue.image(row)
        apart = catalogue.wcs(row).pixel_to_world(x, y).separation(source_position()).arcsec
        expected = np.exp(-4 * np.log(2) * (apart / 15.0) ** 2)
        assert np.nanmax(np.abs(image - expected)) < 0.08  # anti-aliasing broadens a little
        assert np.isfinite(image).mean() > 0.8
    reasons = result.report.set_index("file")["reason"]
    assert "resampled from 0.9 to 1.8 arcsec per pixel" in reasons["fine.fits"]
    assert "resampled from 3 to 1.8 arcsec per pixel" in reasons["coarse.fits"]
    assert "cannot be resampled to the 1.8 that were given" in reasons["wide.fits"]


def test_rotated_files_come_out_upright(tmp_path: Path) -> None:
    fill(tmp_path, 3, (80, 80))
    header = cards((80, 80), CROTA2=40.0)
    write(tmp_path / "rotated.fits", primary(sky_image(header, (80, 80)), header))
    catalogue = read(tmp_path, "my")
    row = int(np.flatnonzero(catalogue.table["file"] == "rotated.fits")[0])
    image = np.nan_to_num(catalogue.image(row))
    y, x = np.unravel_index(image.argmax(), image.shape)
    # 36 arcsec east (to the left) and 54 north (up) of the centre.
    assert (39.5 - x, y - 39.5) == pytest.approx((36 / 1.8, 54 / 1.8), abs=1.0)
    found = catalogue.wcs(row).pixel_to_world(x, y)
    assert found.separation(source_position()).arcsec < 2.0


def test_a_wcs_that_is_not_the_plain_one_is_kept(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    header = cards((30, 30), CROTA2=0.7)  # rotated by less than is worth resampling
    write(tmp_path / "rotated.fits", primary(noise((30, 30)), header))
    catalogue = read(tmp_path, "my")
    kept = catalogue.table.set_index("file")["wcs_header"]
    assert (kept != "").tolist() == [False, False, False, True]
    assert "CRVAL1" in kept["rotated.fits"]
    corner = catalogue.wcs(3).pixel_to_world(0, 0)
    from astropy.io import fits
    from astropy.wcs import WCS

    assert corner.separation(WCS(fits.Header(header)).pixel_to_world(0, 0)).arcsec < 1e-3


def test_beams_and_surveys_of_the_headers(tmp_path: Path) -> None:
    for i, beam in enumerate((6.0, 6.0, 8.0)):
        header = cards((30, 30), SURVEY="MINE", BMAJ=beam / 3600, BMIN=beam / 3600)
        write(tmp_path / f"{i}.fits", primary(noise((30, 30)), header))
    catalogue = read(tmp_path, "my", title="My survey")
    assert catalogue.info.beam is None
    np.testing.assert_allclose(catalogue.beams, [6.0, 6.0, 8.0])
    assert catalogue.info.title == "My survey"
    assert set(catalogue.table["survey"]) == {"MINE"}
    assert catalogue.info.licence == ""
    given = read(tmp_path, "my", beam=7.5)
    assert given.info.beam == 7.5 and set(given.beams) == {7.5}
    unknown = read(tmp_path, "my", beam="unknown")
    assert unknown.info.beam is None and np.isnan(unknown.beams).all()


# -- storage -----------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    content = primary(noise((300, 300)), cards((300, 300)))
    for i in range(50):
        write(tmp_path / f"{i:03d}.fits", content)
    reader = inspect_source(Source(tmp_path), {"key": "my"}).reader()
    next(iter(reader.read()))  # warm-up
    tracemalloc.start()
    images = sum(image is not None for _, image in reader.read())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert images == 50
    assert peak < 8_000_000
