"""Every kind of export is read back: images, positions, labels, beams, all without loss."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from radioviz.api.file_export import FORMATS
from radioviz.data.catalogue import COLUMNS, Catalogue, SurveyInfo
from radioviz.errors import CatalogueError
from radioviz.export import simulated_fits_bytes, simulated_table
from radioviz.export.contact_sheet import write_contact_sheet
from radioviz.export.groups import Group
from radioviz.export.tables import write_csv_table
from radioviz.importing import Source, import_survey, inspect_source
from radioviz.importing.export_tables import read_regions
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_rows import read_sources
from tests.data.test_image_columns import mixed

ROWS = np.array([2, 0, 3, 1])


@pytest.fixture
def catalogue() -> Catalogue:
    """Beams, scales and texts that are hard to keep: formula-like, numbers, accents, empty."""
    made = mixed()
    columns = {
        "source_id": ["=a", "b 1", "007", "d-2"],
        "label": ["FRI", "", "FRII", "Bent"],
        "label_original": ["one", "", "2", "WAT"],
        "morphology": ["", "", "", "wide-angle tail"],
        "redshift": [0.1, np.nan, 0.2, 0.3],
        "las": [10.5, 20.25, np.nan, 5.0],
        "las_origin": ["catalogue", "measured", "", "catalogue"],
        "flux": [1.5, np.nan, 7.0, 20.0],
        "survey": ["NVSS", "+Mine", "007", "LoTSS"],
        "origin": ["x", "y", "@z", ""],
        "split": ["train", "", "test", "valid"],
        "rms": [1e-5, np.nan, 2e-5, np.nan],
        "primary_beam": ["corrected", "", "uncorrected", ""],
        "name": ["J1", "J2", "J3", "J4"],
        "remark": ["-1", "", "plain", "0012"],
    }
    return Catalogue(made.info, made.table.assign(**columns), made.images)


def written(catalogue: Catalogue, ending: str, folder: Path) -> Path:
    out = io.BytesIO()
    FORMATS[ending](out, [Group(catalogue, ROWS)])
    path = folder / "out" / f"export{ending}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(out.getvalue())
    return path


LATENTS = np.random.default_rng(5).normal(size=(4, 3)).astype(np.float32)


def with_latents(catalogue: Catalogue, ending: str, folder: Path) -> Path:
    out = io.BytesIO()
    group = Group(catalogue, ROWS, latents=LATENTS[ROWS], model="m", model_sha256="0" * 64)
    FORMATS[ending](out, [group])
    path = folder / f"export{ending}"
    path.write_bytes(out.getvalue())
    return path


def latents_of(table: pd.DataFrame) -> np.ndarray:
    return table[[f"latent_{i}" for i in range(3)]].to_numpy(np.float32)


def same(table: pd.DataFrame, catalogue: Catalogue, leave: tuple[str, ...] = ()) -> None:
    expected = catalogue.table.iloc[ROWS].reset_index(drop=True)
    for name in (*COLUMNS, "remark"):
        if name in leave:
            continue
        found = table[name].reset_index(drop=True)
        if expected[name].dtype.kind == "f":
            np.testing.assert_allclose(found, expected[name], rtol=1e-12, err_msg=name)
        else:
            assert found.tolist() == expected[name].tolist(), name


@pytest.mark.parametrize("ending", [".fits", ".cube.fits", ".zip"])
def test_images_and_table_come_back(tmp_path: Path, catalogue: Catalogue, ending: str) -> None:
    path = written(catalogue, ending, tmp_path)
    look = inspect_source(Source(path))
    assert not look.missing and look.count == 4
    again = import_survey(Source(path), {"key": "again", "raw": "yes"}).catalogue
    assert again is not None
    same(again.table, catalogue)
    np.testing.assert_array_equal(again.images, catalogue.images[ROWS])
    np.testing.assert_array_equal(again.pixel_scales, catalogue.pixel_scales[ROWS])
    for row, before in enumerate(ROWS):
        here, there = (c.wcs(r) for c, r in ((again, row), (catalogue, before)))
        assert here.pixel_to_world(3, 90).separation(there.pixel_to_world(3, 90)).arcsec < 1e-3
    assert again.info.bunit == "Jy/beam" and again.info.raw


@pytest.mark.parametrize("ending", [".zip", ".csv"])
def test_small_right_ascensions_are_degrees(
    tmp_path: Path, catalogue: Catalogue, ending: str
) -> None:
    """A text table has no units, and a few degrees could be hours: not in a file of our own."""
    near = Catalogue(
        catalogue.info, catalogue.table.assign(ra=[8.1, 8.2, 8.3, 8.4]), catalogue.images
    )
    path = written(near, ending, tmp_path)
    look = inspect_source(Source(path))
    assert "ra_unit" not in [q.key for q in look.needed]


def test_an_unpacked_archive_comes_back(tmp_path: Path, catalogue: Catalogue) -> None:
    import zipfile

    path = written(catalogue, ".zip", tmp_path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    result = import_survey(Source(tmp_path / "unpacked"), {"key": "again"})
    assert result.catalogue is not None
    same(result.catalogue.table, catalogue)
    assert result.refused == 0


@pytest.mark.parametrize("ending", [".table.fits", ".vot", ".xml", ".csv", ".parquet"])
def test_tables_come_back(tmp_path: Path, catalogue: Catalogue, ending: str) -> None:
    path = written(catalogue, ending, tmp_path)
    sources = read_sources(read_table(path))
    same(sources.frame, catalogue)
    assert not sources.refused
    # Files that it names are not here: its positions are used.
    path = written(
        Catalogue(catalogue.info, catalogue.table.assign(file=list("wxyz")), catalogue.images),
        ending, tmp_path,
    )  # fmt: skip
    assert inspect_source(Source(path)).kind == "positions"


def test_regions_come_back_as_positions(tmp_path: Path, catalogue: Catalogue) -> None:
    path = written(catalogue, ".reg", tmp_path)
    look = inspect_source(Source(path))
    assert (look.kind, look.count) == ("positions", 4)
    frame = read_sources(read_regions(path)).frame
    expected = catalogue.table.iloc[ROWS]
    np.testing.assert_allclose(frame[["ra", "dec"]], expected[["ra", "dec"]], atol=1e-7)
    assert frame["name"].tolist() == expected["name"].tolist()


def test_regions_of_others(tmp_path: Path) -> None:
    path = tmp_path / "x.reg"
    head = "# Region file format: DS9 version 4.1\nglobal color=green\n"
    path.write_text(
        head + 'icrs\nellipse(10:30:00,-5:30:00,3",2",10) # text={A b}\npoint(1:0:0,2:0:0)'
    )
    frame = read_sources(read_regions(path)).frame
    np.testing.assert_allclose(frame[["ra", "dec"]], [[157.5, -5.5], [15.0, 2.0]])
    assert frame["name"][1] == "A b"
    path.write_text(head + "fk5;circle(10.5d,-5.25d,3\") # text='B'\n")
    np.testing.assert_allclose(
        read_sources(read_regions(path)).frame[["ra", "dec"]], [[10.5, -5.25]]
    )
    path.write_text(head + "galactic\ncircle(10,5,3)\n")
    with pytest.raises(CatalogueError, match="regions in galactic"):
        read_regions(path)


def test_the_picture_of_a_contact_sheet_is_not_a_galaxy(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    out = io.BytesIO()
    write_contact_sheet(out, Group(catalogue, ROWS))
    (tmp_path / "sheet.png").write_bytes(out.getvalue())
    with pytest.raises(CatalogueError, match="a contact sheet"):
        inspect_source(Source(tmp_path / "sheet.png"))


def test_every_image_of_one_file(tmp_path: Path) -> None:
    """A file of others with a galaxy in each extension."""
    rng = np.random.default_rng(2)
    stack = rng.normal(size=(3, 30, 30)).astype(np.float32)
    hdus = [fits.PrimaryHDU()]
    for i, data in enumerate(stack):
        header = fits.Header({"BUNIT": "Jy/beam", "BMAJ": (i + 5) / 3600, "BMIN": (i + 5) / 3600})
        header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0 + i,
                       "CRVAL2": 5.0, "CRPIX1": 15.5, "CRPIX2": 15.5, "CDELT1": -1 / 3600,
                       "CDELT2": 1 / 3600})  # fmt: skip
        hdus.append(fits.ImageHDU(data, header, name=f"G{i}" if i else ""))
    fits.HDUList(hdus).writeto(tmp_path / "all.fits")
    look = inspect_source(Source(tmp_path / "all.fits"))
    assert [q.key for q in look.missing] == ["extension"]
    assert look.missing[0].choices == ("1", "G1", "G2", "all")
    result = import_survey(Source(tmp_path / "all.fits"), {"key": "all", "extension": "all"})
    assert result.catalogue is not None
    np.testing.assert_array_equal(result.catalogue.images, stack)
    assert result.catalogue.beams == pytest.approx([5.0, 6.0, 7.0])
    assert result.catalogue.table["ra"].to_numpy() == pytest.approx([10.0, 11.0, 12.0])
    assert result.catalogue.table["file"].tolist() == ["1.fits", "G1.fits", "G2.fits"]


def test_uncalibrated_images_come_back_as_grey_levels(tmp_path: Path) -> None:
    table = mixed().table.drop(columns=["beam_major", "beam_minor", "beam_pa", "frequency"])
    images = np.random.default_rng(3).integers(0, 255, (4, 40, 40)).astype(np.uint8)
    grey = Catalogue(SurveyInfo("grey", "Grey", 1.8), table.assign(remark="x"), images)
    for ending in (".cube.fits", ".fits"):
        path = written(grey, ending, tmp_path)
        answers = {"key": f"grey{len(ending)}"}
        again = import_survey(Source(path), answers).catalogue
        assert again is not None
        np.testing.assert_array_equal(again.images, images[ROWS])
        assert again.info.bunit == "" and np.isnan(again.beams).all()


@pytest.mark.parametrize("ending", [".fits", ".cube.fits", ".zip"])
def test_latents_come_back_with_images(tmp_path: Path, catalogue: Catalogue, ending: str) -> None:
    path = with_latents(catalogue, ending, tmp_path)
    again = import_survey(Source(path), {"key": f"z{len(ending)}", "raw": "yes"}).catalogue
    assert again is not None
    np.testing.assert_array_equal(latents_of(again.table), LATENTS[ROWS])


@pytest.mark.parametrize("ending", [".table.fits", ".vot", ".xml", ".csv", ".parquet"])
def test_latents_come_back_in_tables(tmp_path: Path, catalogue: Catalogue, ending: str) -> None:
    sources = read_sources(read_table(with_latents(catalogue, ending, tmp_path)))
    np.testing.assert_array_equal(latents_of(sources.frame), LATENTS[ROWS])
    assert not any("left out" in note for note in sources.notes)


def test_regions_say_what_they_do_not_hold(tmp_path: Path, catalogue: Catalogue) -> None:
    table = read_regions(with_latents(catalogue, ".reg", tmp_path))
    assert "no classes, sizes or latent vectors" in table.notes[0]


# -- generated galaxies ---------------------------------------------------------------------------

CONDITIONS = [{"class": "FRI", "size": 30.0}, {"class": "FRII", "size": 55.5}, {"class": "FRI"}]
MADE: dict[str, Any] = {"model": "cvae", "model_sha256": "ab" * 32, "seed": 7}
WORDS = ["cvae, seed 7, index 4", "cvae, seed 7, index 9", "cvae, seed 7, index 11"]


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((3, 24, 24)).astype(np.float32)


def generated(images: np.ndarray, path: Path, rows: list[int]) -> Path:
    payload = simulated_fits_bytes(
        images[rows], **MADE, latents=LATENTS[rows], pixel_scale=2.7,
        conditions=[CONDITIONS[i] for i in rows], indices=[[4, 9, 11][i] for i in rows],
    )  # fmt: skip
    path.write_bytes(payload)
    return path


def test_generated_galaxies_stay_synthetic(tmp_path: Path, images: np.ndarray) -> None:
    """Imported, exported as images and imported once more."""
    path = generated(images, tmp_path / "made.fits", [0, 1, 2])
    look = inspect_source(Source(path))
    assert not look.missing and look.count == 3
    first = import_survey(Source(path), {"key": "made"}).catalogue
    assert first is not None
    out = io.BytesIO()
    FORMATS[".fits"](out, [Group(first, np.arange(3))])
    (tmp_path / "again.fits").write_bytes(out.getvalue())
    with fits.open(tmp_path / "again.fits") as hdus:
        marked = [h.header["SIMULAT"] for h in hdus if isinstance(h, fits.ImageHDU)]
    assert marked == [True] * 3
    second = import_survey(Source(tmp_path / "again.fits"), {"key": "again"}).catalogue
    assert second is not None
    for catalogue in (first, second):
        table = catalogue.table
        assert table["simulated"].tolist() == WORDS
        assert table["label"].tolist() == ["FRI", "FRII", "FRI"]
        np.testing.assert_array_equal(latents_of(table), LATENTS[:3])
        np.testing.assert_array_equal(table["condition_size"], [30.0, 55.5, np.nan])
        np.testing.assert_array_equal(catalogue.images, images)
        assert catalogue.pixel_scales == pytest.approx(2.7)
        assert table["ra"].isna().all()


def test_one_file_for_each_generated_galaxy(tmp_path: Path, images: np.ndarray) -> None:
    """A folder of them with and without its table; single files say what they are, too."""
    folder = tmp_path / "made"
    folder.mkdir()
    names = [generated(images, folder / f"g{i}.fits", [i]).name for i in range(3)]
    look = inspect_source(Source(folder))
    assert not look.missing
    alone = import_survey(Source(folder), {"key": "alone"}).catalogue
    assert alone is not None and alone.table["simulated"].tolist() == WORDS
    assert alone.pixel_scales == pytest.approx(2.7)
    table = simulated_table(
        names, **MADE, indices=[4, 9, 11], conditions=CONDITIONS, latents=LATENTS[:3]
    )
    with (folder / "sources.csv").open("wb") as file:
        write_csv_table(file, table)
    both = import_survey(Source(folder), {"key": "both"}).catalogue
    assert both is not None and both.table["simulated"].tolist() == WORDS
    np.testing.assert_array_equal(latents_of(both.table), LATENTS[:3])
    assert both.table["source_id"].tolist()[1] == "cvae-seed-7-index-9"


def test_observed_images_are_not_called_synthetic(tmp_path: Path, catalogue: Catalogue) -> None:
    path = written(catalogue, ".fits", tmp_path)
    again = import_survey(Source(path), {"key": "real"}).catalogue
    assert again is not None and "simulated" not in again.table


def test_simulations_of_others(tmp_path: Path) -> None:
    """SIMULAT in the primary header alone, or as text; F is none."""
    data = np.random.default_rng(1).normal(size=(20, 20)).astype(np.float32)
    folder = tmp_path / "others"
    folder.mkdir()
    for name, outer, inner in (
        ("a", {"SIMULAT": True, "ORIGIN": "OSKAR"}, {}),
        ("b", {}, {"SIMULAT": "T", "MODEL": "ellipses"}),
        ("c", {}, {"SIMULAT": False}),
    ):
        hdus = [fits.PrimaryHDU(header=fits.Header(outer)), fits.ImageHDU(data, fits.Header(inner))]
        fits.HDUList(hdus).writeto(folder / f"{name}.fits")
    made = import_survey(Source(folder), {"key": "others", "pixel_scale": 2}).catalogue
    assert made is not None
    assert made.table["simulated"].tolist() == ["OSKAR", "ellipses", ""]
