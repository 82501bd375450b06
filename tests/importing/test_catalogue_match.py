"""Catalogues of every form against galaxies: pairs, cells, units, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from radioviz.api import crossmatching
from radioviz.errors import CatalogueError
from radioviz.importing.catalogue_match import inspect_catalogue, match_catalogue

RA = np.array([10.0, 150.5, 359.9999, 200.0, 33.0, 34.0])
DEC = np.array([-5.0, 40.25, 0.0, 89.9999, 12.0, 12.5])


def catalogue() -> Table:
    """Six rows: counterparts of galaxies 1, 2, 3 and 0 at 1 to 4 arcsec, and two elsewhere."""
    ra = np.array([150.5, 0.0001, 20.0, 77.0, 10.0, 80.0])
    dec = np.array([40.25 + 2 / 3600, 0.0, 89.9999, -20.0, -5.0 - 4 / 3600, 1.0])
    return Table(
        {
            "RAJ2000": ra, "DEJ2000": dec,
            "Name": ["b", "c", "d", "x", "a", "y"],
            "Flux_1.4": np.array([1.5, 2.5, 3.5, 4.5, -99.0, 5.5]),
            "ID": np.array([2**60 + 1, 2**60 + 3, 5, 6, 2**60 + 7, 8]),
            "n": np.array([1, 2, -99, 4, 5, 6]),
            "bent": np.array([True, False, True, True, False, False]),
        },
        units={"RAJ2000": "deg", "DEJ2000": "deg", "Flux_1.4": "mJy"},
    )  # fmt: skip


def written(folder: Path, ending: str) -> Path:
    path = folder / f"list.{ending}"
    table = catalogue()
    if ending == "parquet":
        table.to_pandas().to_parquet(path)
    else:
        form = {"csv": "ascii.csv", "ecsv": "ascii.ecsv", "vot": "votable", "fits": "fits"}[ending]
        table.write(path, format=form)
    return path


@pytest.mark.parametrize("ending", ["csv", "ecsv", "vot", "fits", "parquet"])
def test_every_form_gives_the_same_pairs(tmp_path: Path, ending: str) -> None:
    found = match_catalogue(written(tmp_path, ending), RA, DEC, 5.0)
    assert found.galaxy.tolist() == [0, 1, 2, 3]  # 2 across RA 0, 3 across the pole
    assert found.row.tolist() == [5, 1, 2, 3]
    assert found.frame["Name"].tolist() == ["a", "b", "c", "d"]
    np.testing.assert_allclose(found.separation, [4.0, 2.0, 0.72, 0.72], atol=0.001)
    np.testing.assert_allclose(found.frame["Flux_1.4"], [np.nan, 1.5, 2.5, 3.5])  # -99: no value
    np.testing.assert_allclose(found.frame["n"], [5, 1, 2, np.nan])  # of whole numbers, too
    ids = found.frame["ID"].tolist()
    assert ids == ["1152921504606846983", "1152921504606846977", "1152921504606846979", "5"]
    assert found.frame["bent"].tolist() == ["no", "yes", "no", "yes"]
    assert found.columns["Flux_1.4"].unit == ("" if ending in ("csv", "parquet") else "mJy")
    assert (found.facts.rows, found.facts.placed) == (6, 6)


def test_a_confined_process_finds_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, "vot")
    here, there = match_catalogue(path, RA, DEC, 5.0), crossmatching.match_file(path, RA, DEC, 5.0)
    assert there.galaxy.tolist() == here.galaxy.tolist()
    pd.testing.assert_frame_equal(there.frame, here.frame, check_dtype=False)
    assert there.columns == here.columns
    assert crossmatching.inspect_catalogue(path) == inspect_catalogue(path)


def test_hours_are_asked_for_and_then_used(tmp_path: Path) -> None:
    path = tmp_path / "hours.csv"
    pd.DataFrame({"ra": RA[[0, 1, 5]] / 15, "dec": DEC[[0, 1, 5]]}).to_csv(path, index=False)
    (question,) = inspect_catalogue(path).needed
    assert question.key == "ra_unit"
    with pytest.raises(CatalogueError, match="degrees or hours"):
        match_catalogue(path, RA, DEC, 5.0)
    found = match_catalogue(path, RA, DEC, 5.0, answers={"ra_unit": "hour"})
    assert found.galaxy.tolist() == [0, 1, 5]
    wrong = inspect_catalogue(path, {"ra_unit": "deg"})
    assert wrong.placed == 3


def test_another_frame_is_suggested_and_can_be_given(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(120, 240, 60), rng.uniform(0, 60, 60)
    old = SkyCoord(ra, dec, unit="deg").transform_to("fk4")
    path = tmp_path / "old.csv"
    pd.DataFrame({"ra": old.ra.deg, "dec": old.dec.deg}).to_csv(path, index=False)
    found = match_catalogue(path, ra, dec, 5.0)
    assert len(found.galaxy) == 0
    assert "60 would with frame FK4 B1950" in found.hint
    found = match_catalogue(path, ra, dec, 5.0, answers={"frame": "FK4 B1950"})
    assert len(found.galaxy) == 60
    assert found.hint == ""
    assert found.separation.max() < 0.05
    assert any("converted from FK4 B1950" in note for note in found.facts.notes)
    pd.DataFrame({"ra": dec, "dec": ra / 3}).to_csv(path, index=False)
    assert match_catalogue(path, dec, ra / 3, 1.0).hint == ""


def test_columns_of_one_name_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("ra,dec,flux,flux\n10,-5,1,2\n150.5,40.25,3,4\n", encoding="utf-8")
    found = match_catalogue(path, RA, DEC, 5.0)
    assert list(found.frame.columns) == ["ra", "dec", "flux", "flux_2"]
    assert found.frame["flux_2"].tolist() == [2.0, 4.0]


def test_refusals_say_what_would_do(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("name,size\na,3\nb,4\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="no column for ra and dec in the table; it has"):
        inspect_catalogue(path)
    path.write_text("ra,dec,unit\n110,-5,1\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="no column 'sise'; it has ra, dec, unit"):
        match_catalogue(path, RA, DEC, 5.0, columns=["sise"])
    with pytest.raises(CatalogueError, match="no galaxy of the data set has a sky position"):
        match_catalogue(path, np.array([np.nan]), np.array([np.nan]), 5.0)
    path.write_text("ra,dec\n110,95\n120,96\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="no row of the catalogue has a usable position"):
        match_catalogue(path, RA, DEC, 5.0)
    wide = pd.DataFrame(np.ones((2, 201)), columns=[f"c{i}" for i in range(201)])
    wide["ra"], wide["dec"] = [10.0, 150.5], [-5.0, 40.25]
    wide.to_csv(path, index=False)
    with pytest.raises(CatalogueError, match="203 columns; one match joins at most 200"):
        match_catalogue(path, RA, DEC, 5.0)
    assert match_catalogue(path, RA, DEC, 5.0, columns=["c7"]).frame.shape == (2, 1)
    path.write_bytes(b"\x80\x04\x95junk")
    with pytest.raises(CatalogueError, match="pickled Python object, which is never opened"):
        crossmatching.inspect_catalogue(path)


def test_rows_without_a_position_are_named(tmp_path: Path) -> None:
    path = tmp_path / "holes.csv"
    path.write_text("ra,dec\n10,-5\n,30\n12,95\n370,1\n150.5,40.25\n", encoding="utf-8")
    facts = inspect_catalogue(path)
    assert (facts.rows, facts.placed) == (5, 2)
    assert [p.split(":")[0] for p in facts.problems] == ["row 2", "row 3", "row 4"]


@pytest.mark.parametrize("name", ["horton2025_lotss_dr2_labels.csv", "radcat.csv"])
def test_real_lists_match_as_astropy_says(name: str, shared_data: Path) -> None:
    labels = shared_data / "label_catalogues" / name
    sizes = pd.read_parquet(shared_data / "rgz_dr1_sizes.parquet")
    sizes = sizes.astype({"ra": float, "dec": float})  # in float32 astropy is 0.05 arcsec off
    table = pd.read_csv(labels).rename(columns={"RA/deg": "ra", "DEC/deg": "dec"})
    rgz = SkyCoord(sizes.ra, sizes.dec, unit="deg")
    _, apart, _ = rgz.match_to_catalog_sky(SkyCoord(table.ra, table.dec, unit="deg"))
    found = match_catalogue(labels, sizes.ra.to_numpy(), sizes.dec.to_numpy(), 10.0)
    assert len(found.galaxy) == int((apart.arcsec <= 10).sum()) > 400
    assert found.chance < 0.02 * len(found.galaxy)
