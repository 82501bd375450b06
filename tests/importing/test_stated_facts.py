"""Noise and primary beam of headers and tables: taken in their unit, exported, read back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from radioviz import morphology
from radioviz.api.file_export import FORMATS
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.export.groups import Group
from radioviz.importing import Source, import_survey, inspect_source
from tests.importing.conftest import write_fits
from tests.importing.test_image_facts import MJY, point

NAMES = ("a", "b", "c")


def folder(tmp_path: Path, bunit: str = "Jy/beam", factor: float = 1.0, **cards: object) -> Path:
    about = {"BMAJ": 6 / 3600, "BMIN": 6 / 3600, "BPA": 0.0, "BUNIT": bunit, **cards}
    for i, name in enumerate(NAMES):
        data = point(6.0, 1.5, factor=factor)
        write_fits(tmp_path / "s" / f"{name}.fits", data, 30.0 + 20 * i, 5.0, 1.5, **about)
    return tmp_path / "s"


def imported(path: Path, table: Path | None = None, **answers: object) -> Catalogue:
    answers = {"key": "x", "survey": "unknown", "raw": "yes", **answers}
    assert import_survey(Source(path, table), answers, replace=True).catalogue is not None
    return open_data_set("x")


def table_of(tmp_path: Path, **columns: object) -> Path:
    path = tmp_path / "t.csv"
    files = [f"{name}.fits" for name in NAMES]
    pd.DataFrame({"file": files, "ra": [30.0, 50.0, 70.0], "dec": 5.0, **columns}).to_csv(path)
    return path


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("rms [mJy/beam]", 0.05, 5e-5),
        ("rms_mJy", 0.05, 5e-5),  # per beam, as the images
        ("local_rms (uJy/beam)", 50.0, 5e-5),
        ("Isl_rms [Jy/beam]", 5e-5, 5e-5),
    ],
)
def test_noise_of_a_table_in_its_unit(
    tmp_path: Path, name: str, given: float, expected: float
) -> None:
    path = folder(tmp_path)
    made = imported(path, table_of(tmp_path, **{name: [given, "", 2 * given]}))
    np.testing.assert_allclose(made.table["rms"], [expected, np.nan, 2 * expected], rtol=1e-9)
    measured = morphology.complete(made).table
    assert measured["noise_origin"].tolist() == ["stated", "measured", "stated"]
    assert measured["noise"].iloc[[0, 2]].tolist() == pytest.approx([expected, 2 * expected])
    assert measured["noise"].iat[1] == pytest.approx(2e-5, rel=0.05)


def test_noise_without_a_unit_is_not_guessed(tmp_path: Path) -> None:
    path, table = folder(tmp_path), table_of(tmp_path, rms=[0.05, 0.06, 0.07])
    look = inspect_source(Source(path, table), {"survey": "unknown"})
    assert any("column 'rms' has no unit: not taken as rms" in note for note in look.notes)
    made = imported(path, table)
    assert made.table["rms"].isna().all() and "noise_origin" not in morphology.complete(made).table
    given = imported(path, table, columns={"rms": "rms"})
    assert given.table["rms"].tolist() == [0.05, 0.06, 0.07]  # by hand: Jy/beam


def test_the_header_knows_its_image_better_than_the_table(tmp_path: Path) -> None:
    path = folder(tmp_path, "mJy/beam", 1000.0, RMS=0.04)
    made = imported(path, table_of(tmp_path, **{"rms [mJy/beam]": 9.0}))
    assert made.table["rms"].tolist() == pytest.approx([4e-5] * 3)  # converted with the pixels


def test_noise_of_a_table_in_another_unit_than_the_images(tmp_path: Path) -> None:
    path = folder(tmp_path, "K")
    made = imported(path, table_of(tmp_path, **{"rms [mJy/beam]": 0.05}))
    assert made.table["rms"].isna().all()
    assert any("noise, in Jy/beam, is not used: the images are in K" in n for n in made.notes)


def fluxes(made: Catalogue) -> list[float]:
    return morphology.complete(made).table["flux"].tolist()


def test_the_response_of_a_table_corrects_uncorrected_images(tmp_path: Path) -> None:
    columns = {"pb_response": [0.5, 0.25, 7.0], "pbcor": ["no", "yes", "no"]}
    made = imported(folder(tmp_path), table_of(tmp_path, **columns))
    assert made.table["primary_beam"].tolist() == ["uncorrected", "corrected", "uncorrected"]
    np.testing.assert_array_equal(made.table["primary_beam_response"], [0.5, 0.25, np.nan])
    assert any("1 value(s), such as 7, are no response" in note for note in made.notes)
    assert fluxes(made) == pytest.approx([2 * MJY, MJY, MJY], rel=0.03)


def test_the_header_decides_and_the_user_before_it(tmp_path: Path) -> None:
    table = table_of(tmp_path, primary_beam_response=0.5)
    path = folder(tmp_path, PBCOR=True)
    assert fluxes(imported(path, table)) == pytest.approx([MJY] * 3, rel=0.03)
    changed = imported(path, table, primary_beam="uncorrected")
    assert fluxes(changed) == pytest.approx([2 * MJY] * 3, rel=0.03)
    unknown = imported(path, table, primary_beam="unknown")
    assert fluxes(unknown) == pytest.approx([MJY] * 3, rel=0.03)
    assert set(unknown.table["primary_beam"]) == {""}


@pytest.mark.parametrize("ending", [".fits", ".zip"])
def test_exports_say_it_and_come_back(tmp_path: Path, ending: str) -> None:
    columns = {"pb_response": [0.5, 0.25, ""], "pbcor": ["no", "yes", "no"], "rms_mJy": 0.05}
    made = morphology.complete(imported(folder(tmp_path), table_of(tmp_path, **columns)))
    out = io.BytesIO()
    FORMATS[ending](out, [Group(made, np.arange(3))])
    if ending == ".fits":
        with fits.open(io.BytesIO(out.getvalue())) as file:
            headers = [file[i].header for i in (1, 2, 3)]
            assert np.array_equal(file[1].data, made.images[0])  # pixels are as they were
        assert [h["PBCOR"] for h in headers] == [False, True, False]
        assert [h.get("PBRESP") for h in headers] == [0.5, 0.25, None]
        said = ["divided by PBRESP" in str(h.get("COMMENT", "")) for h in headers]
        assert said == [True, False, False]
        assert headers[0]["RMS"] == pytest.approx(5e-5)
    path = tmp_path / f"out{ending}"
    path.write_bytes(out.getvalue())
    again = morphology.complete(
        import_survey(Source(path), {"key": "again", "raw": "yes"}).catalogue
    ).table
    for name in ("primary_beam_response", "rms", "flux", "flux_mjy", "noise"):
        np.testing.assert_allclose(again[name], made.table[name], rtol=1e-9, err_msg=name)
    for name in ("primary_beam", "noise_origin", "flux_correction", "flux_origin"):
        assert again[name].tolist() == made.table[name].tolist(), name


def test_an_exported_image_alone_keeps_the_response(tmp_path: Path) -> None:
    columns = {"pb_response": 0.5, "pbcor": "no"}
    made = imported(folder(tmp_path), table_of(tmp_path, **columns))
    from radioviz.export.cards import ImageHeaders
    from radioviz.export.fits import single_fits

    path = tmp_path / "one.fits"
    path.write_bytes(single_fits(ImageHeaders(Group(made, np.arange(3))), 0))
    again = imported(path)
    assert again.table["primary_beam_response"].tolist() == [0.5]
    assert fluxes(again) == pytest.approx([2 * MJY], rel=0.03)
