"""Imported images keep their own beam, frequency, scale, noise; what the user gives overrules."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io import fits
from astropy.table import QTable

from radioviz import morphology
from radioviz.atlas.scores import read_scores
from radioviz.data.registry import open_data_set
from radioviz.errors import CatalogueError
from radioviz.export import Group, selection_table
from radioviz.importing import Source, import_survey, inspect_source
from radioviz.morphology.measuring import elongated_beams
from radioviz.ui.galaxies import galaxy_facts
from radioviz.ui.image.sky_image import ImageStyle, beam_text, sky_image
from radioviz.ui.map.colouring import colour_choices
from radioviz.workspace.data_set_columns import data_set_columns
from tests.importing.conftest import write_fits

MJY = 20.0
# Beam [arcsec], frequency [GHz], pixel scale [arcsec]
SURVEYS = {"a": (6.0, 1.4, 1.5), "b": (12.0, 0.888, 3.0), "c": (45.0, 1.4, 15.0), "d": (2.5, 3, 1)}


def point(beam: float, scale: float, n: int = 80, factor: float = 1.0) -> np.ndarray:
    y, x = (np.mgrid[:n, :n] - (n - 1) / 2) * scale
    noise = np.random.default_rng(int(beam)).normal(0, 2e-5, (n, n))
    return factor * (MJY / 1000 * np.exp(-4 * np.log(2) * (x**2 + y**2) / beam**2) + noise)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, (name, (beam, ghz, scale)) in enumerate(SURVEYS.items()):
        about = {"BMAJ": beam / 3600, "BMIN": beam / 3600, "BPA": 0.0, "OBSFREQ": ghz * 1e9}
        data = point(beam, scale)
        path = tmp_path / "s" / f"{name}.fits"
        write_fits(path, data, 10.0 + 20 * i, 5.0, scale, **about)  # type: ignore[arg-type]
    return tmp_path / "s"


def imported(path: Path, table: Path | None = None, **answers: object):
    answers = {"key": "x", "survey": "unknown", **answers}
    result = import_survey(Source(path, table), answers, replace=True)
    assert result.catalogue is not None
    return result


def test_each_file_has_its_own_beam_frequency_and_scale(folder: Path) -> None:
    look = inspect_source(Source(folder), {"survey": "unknown"})
    assert look.found["beam"] == "2.5 to 45 arcsec (files, each image its own)"
    assert look.found["frequency"] == "0.888 to 3 GHz (files, each image its own)"
    catalogue = imported(folder).catalogue
    expected = np.array(list(SURVEYS.values()))
    table = morphology.complete(catalogue).table
    assert catalogue.beams == pytest.approx(expected[:, 0])
    assert table["frequency"].tolist() == expected[:, 1].tolist()
    assert catalogue.pixel_scales == pytest.approx(expected[:, 2])
    assert table["flux"].to_numpy() == pytest.approx(np.full(4, MJY), rel=0.03)
    assert not table["resolved"].any()
    assert (catalogue.info.beam, catalogue.info.frequency) == (None, None)
    for row in range(4):
        np.testing.assert_allclose(
            catalogue.image(row), point(*expected[row, [0, 2]]).astype(np.float32), rtol=1e-6
        )
        offset = catalogue.wcs(row).world_to_pixel_values(10.0 + 20 * row, 5.0)
        assert np.ravel(offset) == pytest.approx([39.5, 39.5], abs=0.01)


def test_one_file_without_a_beam_stays_without(folder: Path) -> None:
    write_fits(folder / "e.fits", point(6, 1.5), 200.0, 5.0, 1.5)
    catalogue = imported(folder).catalogue
    assert np.isnan(catalogue.beams).tolist() == [False] * 4 + [True]
    flux = morphology.complete(catalogue).table["flux"].to_numpy()
    assert np.isnan(flux[4]) and flux[:4] == pytest.approx(np.full(4, MJY), rel=0.03)


@pytest.mark.parametrize(("beam", "expected"), [("9", 9.0), ("unknown", np.nan)])
def test_the_answer_overrules_every_file_and_says_so(
    folder: Path, beam: str, expected: float
) -> None:
    look = inspect_source(Source(folder), {"survey": "unknown", "beam": beam, "frequency": "1.4"})
    assert "the files say 2.5 to 45 arcsec" in look.found["beam"]
    assert "the files say 0.888 to 3 GHz" in look.found["frequency"]
    catalogue = imported(folder, beam=beam, frequency="1.4").catalogue
    np.testing.assert_array_equal(catalogue.beams, np.full(4, expected))
    assert set(catalogue.table["frequency"]) == {1.4}


def test_given_unit_of_the_pixels_overrules_the_header(tmp_path: Path) -> None:
    path = tmp_path / "s" / "a.fits"
    write_fits(path, point(6, 1.5, factor=1000), 10.0, 5.0, 1.5, BUNIT="JY/BEAM", BMAJ=6 / 3600)
    look = inspect_source(Source(path), {"survey": "unknown", "bunit": "mJy/beam"})
    assert look.found["bunit"] == "mJy/beam (given; the files say Jy/beam)"
    catalogue = imported(path, bunit="mJy/beam").catalogue
    assert catalogue.info.bunit == "Jy/beam"
    assert morphology.complete(catalogue).table["flux"][0] == pytest.approx(MJY, rel=0.03)
    unknown = morphology.complete(imported(path, bunit="unknown").catalogue)
    assert unknown.info.bunit == "" and np.isnan(unknown.table["flux"][0])


def test_noise_primary_beam_and_ellipse_of_each_file(tmp_path: Path) -> None:
    about = {"BMAJ": 12 / 3600, "BMIN": 8 / 3600, "BPA": 35.0}
    write_fits(tmp_path / "s" / "a.fits", point(9, 2), **about, RMS=3e-5, PBCOR=True)
    write_fits(tmp_path / "s" / "b.fits", point(9, 2), **about)
    table = imported(tmp_path / "s").catalogue.table
    assert table[["beam_major", "beam_minor", "beam_pa"]].to_numpy() == pytest.approx(
        np.array([[12.0, 8.0, 35.0]] * 2)
    )
    assert table["rms"][0] == pytest.approx(3e-5) and np.isnan(table["rms"][1])
    assert table["primary_beam"].tolist() == ["corrected", ""]


def test_the_angle_of_a_long_beam_without_one_is_unknown(tmp_path: Path) -> None:
    for name, minor in (("long", 6), ("round", 12)):
        about = {"BMAJ": 12 / 3600, "BMIN": minor / 3600}
        write_fits(tmp_path / "s" / f"{name}.fits", point(9, 2), **about)
    catalogue = imported(tmp_path / "s").catalogue
    assert catalogue.table["beam_pa"].to_numpy() == pytest.approx([np.nan, 0.0], nan_ok=True)
    assert np.isnan(elongated_beams(catalogue)[:, 2]).all()
    assert beam_text(catalogue.beam_shape(0)) == "12 × 6 arcsec, angle unknown"
    drawn = sky_image(catalogue.images[0], catalogue.info, ImageStyle(), height=300,
                      beam_shape=catalogue.beam_shape(0))  # fmt: skip
    points = np.array(drawn["layout"]["shapes"][1]["path"][2:-2].replace("L", "").split(), float)
    assert np.ptp(points[::2]) == pytest.approx(72**0.5, 1e-3)
    assert np.ptp(points[1::2]) == pytest.approx(72**0.5, 1e-3)


def test_a_survey_of_mixed_origin_takes_what_each_name_implies(tmp_path: Path) -> None:
    for i, (name, beam) in enumerate((("NVSS", 45), ("LoTSS", 6), ("SUMSS", 45), ("Mine", 9))):
        scale = beam / 3
        write_fits(
            tmp_path / "s" / f"{i}.fits", point(beam, scale), 10.0, -30.0, scale, SURVEY=name
        )
    catalogue = imported(tmp_path / "s", survey="").catalogue
    assert catalogue.table["survey"].tolist() == ["NVSS", "LoTSS", "SUMSS", "Mine"]
    assert catalogue.table["beam_major"].to_numpy() == pytest.approx(
        [45, 6, 90, np.nan], nan_ok=True
    )
    assert catalogue.table["frequency"].tolist()[:3] == [1.4, 0.144, 0.843]


@pytest.mark.parametrize("kind", ["folder", "mosaic"])
@pytest.mark.parametrize(
    ("survey", "beam", "ghz"), [("FIRST", "5.4", "1.4"), ("SUMSS", "63.64", "0.843")]
)
def test_what_a_name_implies_is_not_said_to_be_in_the_files(
    tmp_path: Path, kind: str, survey: str, beam: str, ghz: str
) -> None:
    """The beam of SUMSS depends on the declination, and is the image's own nevertheless."""
    path = tmp_path / "s" / "a.fits"
    (tmp_path / "t.csv").write_text("name,ra,dec\nA,10,-30\n")
    source = Source(path.parent) if kind == "folder" else Source(path, tmp_path / "t.csv")
    write_fits(path, point(45.0, 11.0), 10.0, -30.0, 11.0, SURVEY=survey)
    found = inspect_source(source, {"key": "x"}).found
    assert found["beam"] == f"{beam} arcsec (that of {survey}; no header has it)"
    assert found["frequency"] == f"{ghz} GHz (that of {survey}; no header has it)"
    path.unlink()
    about = {"BMAJ": 50 / 3600, "BMIN": 50 / 3600, "BPA": 0.0, "OBSFREQ": 1.5e9}
    write_fits(path, point(45.0, 11.0), 10.0, -30.0, 11.0, SURVEY=survey, **about)
    found = inspect_source(source, {"key": "x"}).found
    assert (found["beam"], found["frequency"]) == ("50 arcsec (files)", "1.5 GHz (files)")


# -- pictures ------------------------------------------------------------------------------------


def pictures(folder: Path, noisy: bool, kind: str = "png") -> None:
    from PIL import Image

    rng = np.random.default_rng(8)
    folder.mkdir()
    for i in range(4):
        data = rng.normal(40, 8, (60, 60)) if noisy else np.zeros((60, 60))
        data[28:32, 28:32] = 220
        Image.fromarray(np.clip(data, 0, 255).astype(np.uint8)).save(folder / f"{i}.{kind}")


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("noisy", [True, False])
def test_noise_of_pictures_is_measured_and_asked(tmp_path: Path, noisy: bool, kind: str) -> None:
    pictures(tmp_path / "p", noisy, kind)
    look = inspect_source(Source(tmp_path / "p"), {"pixel_scale": "1.8"})
    question = next(q for q in look.needed if q.key == "raw")
    assert (question.choices, question.default) == (("yes", "no"), "yes" if noisy else "no")
    assert imported(tmp_path / "p", pixel_scale="1.8").catalogue.info.raw is noisy
    given = imported(tmp_path / "p", pixel_scale="1.8", raw="no" if noisy else "yes")
    assert given.catalogue.info.raw is not noisy


def test_pictures_with_scales_of_their_own_and_any_column_as_file_names(tmp_path: Path) -> None:
    pictures(tmp_path / "p", False)
    scales = [1.11, 0.98, 2.5, 1.3]
    table = pd.DataFrame(
        {
            "rank": [3, 2, 1, 0],
            "objid": ["img1", "img2", "img3", "img4"],
            "ra": [10.0, 20, 30, 40],
            "dec": [1.0, 2, 3, 4],
            "arcsec_per_px": scales,
            "bmaj [arcsec]": [8.0, 7.5, 7.0, 9.0],
        }
    )
    table.to_csv(tmp_path / "p" / "list.csv", index=False)
    source = tmp_path / "p", tmp_path / "p" / "list.csv"
    look = inspect_source(Source(*source), {"survey": "unknown"})
    assert not look.missing and look.found["image"].startswith("'rank' (4 of 4 rows)")
    assert look.found["files"] == "4"  # without the table in the same folder
    catalogue = imported(*source).catalogue
    stored = catalogue.table.set_index("source_id")
    assert stored["file"].to_dict() == {
        "img1": "3.png", "img2": "2.png", "img3": "1.png", "img4": "0.png",
    }  # fmt: skip
    assert stored["pixel_scale"].tolist() == scales
    assert stored["beam_major"].tolist() == [8.0, 7.5, 7.0, 9.0]


def test_numbers_that_happen_to_be_names_of_files_are_not_taken(tmp_path: Path) -> None:
    pictures(tmp_path / "p", False)
    n = 40  # rows of a table of which four have their pictures here
    table = pd.DataFrame(
        {
            "objid": [f"img{i}" for i in range(n)],
            "bar": np.arange(n) % 3,
            "rank": np.arange(n)[::-1],
            "ra": np.linspace(1, 40, n),
            "dec": np.linspace(1, 40, n),
        }
    )
    table.to_csv(tmp_path / "list.csv", index=False)
    source = Source(tmp_path / "p", tmp_path / "list.csv")
    answers = {"survey": "unknown", "pixel_scale": "1.8"}
    assert inspect_source(source, answers).found["image"] == "'rank' (4 of 40 rows)"
    table.assign(order=range(n)).to_csv(tmp_path / "list.csv", index=False)
    with pytest.raises(CatalogueError, match="'rank' and 'order' of the table could both name"):
        inspect_source(source, answers)
    chosen = imported(*(source.path, source.table), pixel_scale="1.8", columns={"image": "order"})
    assert chosen.catalogue.table.set_index("file")["source_id"]["2.png"] == "img2"


def test_a_table_that_names_no_file_fails_at_the_look(tmp_path: Path) -> None:
    pictures(tmp_path / "p", False)
    table = tmp_path / "list.csv"
    pd.DataFrame({"objid": ["x", "y"], "ra": [1.0, 2], "dec": [1.0, 2]}).to_csv(table, index=False)
    with pytest.raises(CatalogueError, match="no column names one of the files"):
        inspect_source(Source(tmp_path / "p", table), {"pixel_scale": "1.8"})


# -- what is lost --------------------------------------------------------------------------------


def test_images_smaller_than_the_frame_of_the_encoders_are_said(tmp_path: Path) -> None:
    write_fits(tmp_path / "s" / "a.fits", point(6, 1.5, 85), 10.0, 5.0, 1.5, BMAJ=6 / 3600)
    look = inspect_source(Source(tmp_path / "s"), {"survey": "unknown"})
    note = (
        "most encoders see 192 arcsec about a source, all images are smaller (such as 127 arcsec)"
    )
    assert any(n.startswith(note) for n in look.notes)
    assert any(n.startswith(note) for n in imported(tmp_path / "s").catalogue.notes)
    write_fits(tmp_path / "t" / "a.fits", point(6, 1.5, 140), 10.0, 5.0, 1.5, BMAJ=6 / 3600)
    whole = imported(tmp_path / "t").catalogue
    assert not any("encoders" in n for n in whole.notes)


def test_a_cube_smaller_than_the_frame_says_so(tmp_path: Path) -> None:
    cube = np.stack([point(6, 1.5, 80)] * 5).astype(np.float32)
    np.save(tmp_path / "c.npy", cube)
    answers = {"survey": "unknown", "pixel_scale": "1.5", "beam": "6"}
    notes = inspect_source(Source(tmp_path / "c.npy"), answers).notes
    assert any(n.startswith("most encoders see 192 arcsec") and "such as 120" in n for n in notes)
    wide = inspect_source(Source(tmp_path / "c.npy"), {**answers, "pixel_scale": "2.5"}).notes
    assert not any("encoders" in n for n in wide)
    # Some of the images, each with a scale of its own.
    scales = pd.DataFrame({"name": list("abcde"), "pixel_scale": [1.5, 2.5, 2.5, 2.5, 2.6]})
    scales.to_csv(tmp_path / "t.csv", index=False)
    source = Source(tmp_path / "c.npy", tmp_path / "t.csv")
    notes = inspect_source(source, {"survey": "unknown", "beam": "6"}).notes
    assert any("1 of 5 images are smaller" in n for n in notes)


def test_what_lies_beside_the_images_is_no_image(tmp_path: Path) -> None:
    pictures(tmp_path / "p", False)
    for name in ("cat.csv", "cat.vot", "list.parquet", "README"):
        (tmp_path / "p" / name).write_text("ra,dec\n1,2\n")
    look = inspect_source(Source(tmp_path / "p"), {"pixel_scale": "1.8"})
    assert look.found["files"] == "4"
    assert any(
        n.startswith("4 file(s) are not images by their names (README, cat") for n in look.notes
    )
    bare = tmp_path / "q"
    pictures(bare, False)
    assert not any(
        "not images" in n for n in inspect_source(Source(bare), {"pixel_scale": "2"}).notes
    )


def test_no_image_is_cropped_or_padded_without_a_word(tmp_path: Path) -> None:
    for i, n in enumerate((40, 40, 40, 60, 30)):
        write_fits(tmp_path / "s" / f"{i}.fits", point(6, 1.5, n), 10.0 + i, 5.0, 1.5)
    look = inspect_source(Source(tmp_path / "s"), {"survey": "unknown"})
    assert "images of 60 x 60 pixels will be cropped or padded to 40 x 40" in " ".join(look.notes)
    result = imported(tmp_path / "s")
    reasons = result.report["reason"].tolist()
    assert ["cropped to 40 x 40" in r for r in reasons] == [False] * 3 + [True, False]
    assert ["padded to 40 x 40" in r for r in reasons] == [False] * 4 + [True]
    note = next(n for n in result.catalogue.notes if "were cropped or padded" in n)
    assert note.startswith("2 image(s) were cropped or padded: 1 of 60 x 60 pixels cropped to")
    half = imported(tmp_path / "s", pixels=20)
    assert half.report["reason"].str.contains("cropped to 20 x 20").all()


def test_measured_facts_survive_an_export_and_an_import(folder: Path, tmp_path: Path) -> None:
    from radioviz.export.groups import Group
    from tests.export.written import zip_bytes

    first = imported(folder).catalogue
    (tmp_path / "out.zip").write_bytes(zip_bytes(Group(first, np.arange(4))))
    again = imported(tmp_path / "out.zip", key="again").catalogue
    np.testing.assert_allclose(again.beams, first.beams)
    np.testing.assert_allclose(again.pixel_scales, first.pixel_scales)
    np.testing.assert_allclose(again.table["frequency"], first.table["frequency"])
    with fits.open(folder / "c.fits") as hdus:
        np.testing.assert_allclose(again.image(2), hdus[0].data, rtol=1e-6)


def test_units_of_a_table_reach_the_facts_the_columns_and_the_exports(folder: Path) -> None:
    table = QTable(
        {
            "image": [f"{name}.fits" for name in SURVEYS], "ra": 10.0 + 20 * np.arange(4),
            "dec": np.full(4, 5.0), "s_core": np.array([1.5, 2, 3, 4]) * units.uJy,
            "box": np.arange(1, 5) * units.arcmin, "peak": np.ones(4) * units.mJy,
        }
    )  # fmt: skip
    table.write(folder.parent / "table.vot", format="votable")
    imported(folder, folder.parent / "table.vot")
    catalogue = morphology.complete(open_data_set("x"))
    facts = dict(galaxy_facts(catalogue, 1))
    assert facts["s core"] == "2 uJy"
    assert facts["Side of a box that holds the source"] == "120 arcsec"
    # A column of the same name that is measured in the image has the unit of the image.
    assert facts["Peak brightness"].endswith(" Jy/beam")
    columns = data_set_columns(catalogue, read_scores("x"))
    assert [columns.column(n).unit for n in ("s_core", "peak")] == ["uJy", "Jy/beam"]
    chosen = {
        c.key: c.text
        for c in colour_choices(
            catalogue.table, pd.DataFrame(), 0, columns=morphology.described(catalogue)
        )
    }
    assert chosen["s_core"] == "s core [uJy]"
    written = selection_table(Group(catalogue, np.arange(4))).columns
    assert (written["s_core"].unit, written["peak"].unit) == ("uJy", "")
    other = dataclasses.replace(catalogue, table=catalogue.table.copy())
    other.table.attrs["units"] = {"s_core": "mJy"}
    joined = selection_table([Group(catalogue, np.arange(2)), Group(other, np.arange(2))]).columns
    assert joined["s_core"].unit == "" and "another unit" in joined["s_core"].description
