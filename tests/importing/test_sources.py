"""Columns of user tables: found, mapped, converted, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import COLUMNS, IMAGE_COLUMNS
from radioviz.errors import CatalogueError
from radioviz.importing.columns import map_columns
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_labels import label_of
from radioviz.importing.source_rows import read_sources, unique_ids


def _table(columns: dict, **described) -> UserTable:
    frame = pd.DataFrame(columns)
    frame.index = range(1, len(frame) + 1)
    return UserTable(frame, **described)


def _at(**columns) -> UserTable:
    n = len(next(iter(columns.values())))
    return _table({"ra": np.linspace(100, 200, n), "dec": np.linspace(-5, 5, n), **columns})


@pytest.mark.parametrize(
    ("ra", "dec"),
    [("RA", "DEC"), ("RAJ2000", "DEJ2000"), ("_RAJ2000", "_DEJ2000"),
     ("ALPHA_J2000", "DELTA_J2000"), ("RA (deg)", "Dec [deg]"), ("ra_deg", "dec_deg"),
     ("Right Ascension", "Declination"),
     ("RA_ICRS", "DE_ICRS"), ("α", "δ"), ("meanRA", "meanDec")],
)  # fmt: skip
def test_names_of_positions(ra, dec):
    sources = read_sources(_table({"e_RAJ2000": [0.1], ra: [150.0], dec: [2.0]}))
    assert sources.frame[["ra", "dec"]].to_numpy().tolist() == [[150.0, 2.0]]


def test_ucds_decide_where_names_do_not():
    table = _table(
        {"a": [1.0], "b": [2.0], "x": [150.0], "y": [-2.0]},
        ucds={
            "a": "stat.error;pos.eq.ra",
            "b": "pos.eq.ra",
            "x": "pos.eq.ra;meta.main",
            "y": "POS_EQ_DEC_MAIN",
        },
        units={"x": "deg"},
    )
    mapping = map_columns(table)
    assert mapping.columns["ra"] == "x"
    assert mapping.columns["dec"] == "y"


def test_mapping_by_hand_wins_and_is_checked():
    table = _table({"ra": [1.0], "dec": [2.0], "RA_opt": [150.0], "DE_opt": [3.0]})
    sources = read_sources(table, {"columns": {"ra": "RA_opt", "dec": "DE_opt"}})
    assert sources.frame["ra"].iloc[0] == 150.0
    assert sources.frame["ra_table"].iloc[0] == 1.0  # the other column rides along
    with pytest.raises(CatalogueError, match="no column 'nosuch' for ra"):
        read_sources(table, {"columns": {"ra": "nosuch"}})
    with pytest.raises(CatalogueError, match="unknown role 'rra'"):
        read_sources(table, {"columns": {"rra": "ra"}})


def test_missing_columns_are_named():
    with pytest.raises(CatalogueError, match="no column for dec"):
        read_sources(_table({"ra": [1.0], "b": [2.0]}))
    with pytest.raises(CatalogueError, match="no column for ra and dec"):
        read_sources(_table({"GLON": [1.0], "b": [2.0]}))


def test_repeated_columns(tmp_path: Path):
    (tmp_path / "t.csv").write_text("ra,dec,ra\n150,2,151\n")
    with pytest.raises(CatalogueError, match="'ra' and 'ra_2' could both be ra and differ"):
        read_sources(read_table(tmp_path / "t.csv"))
    sources = read_sources(read_table(tmp_path / "t.csv"), {"columns": {"ra": "ra_2"}})
    assert sources.frame["ra"].tolist() == [151.0]
    (tmp_path / "t.csv").write_text("ra,dec,ra\n150,2,150\n")
    assert read_sources(read_table(tmp_path / "t.csv")).frame["ra"].tolist() == [150.0]


def test_rows_without_positions_are_refused_and_numbered():
    table = _table({"ra": [150.0, np.nan, 152.0], "dec": [1.0, 2.0, 99.0]})
    sources = read_sources(table)
    assert sources.frame.index.tolist() == [1]
    assert [n for n, _ in sources.refused] == [2, 3]
    kept = read_sources(table, positions=False)
    assert len(kept.frame) == 3
    assert any("2 row(s) have no usable position" in n for n in kept.notes)


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [("LAS", "arcmin", 60), ("las_arcmin", "", 60), ("LAS (arcmin)", "", 60),
     ("size_las", "deg", 3600),
     ("las_arcsec", "", 1), ("las", "", 1), ("angular_size", '"', 1)],
)  # fmt: skip
def test_angular_size_in_any_unit(name, unit, factor):
    table = _at(**{name: [0.5, -1.0, 0.0, np.nan]})
    table.units.update({name: unit} if unit else {})
    if unit == '"':
        table = _at(angular_size=[0.5, -1.0, 0.0, np.nan])
        table.units["angular_size"] = "arcsec"
    sources = read_sources(table)
    np.testing.assert_allclose(sources.frame["las"], [0.5 * factor, np.nan, np.nan, np.nan])
    assert sources.frame["las_origin"].tolist() == ["catalogue", "", "", ""]


def test_angular_size_without_a_unit_is_asked_for():
    sources = read_sources(_at(LAS=[30.0, 40.0]))
    assert [q.key for q in sources.needed if q.required] == ["las_unit"]
    answered = read_sources(_at(LAS=[0.5, 1.0]), {"las_unit": "arcmin"})
    assert answered.frame["las"].tolist() == [30.0, 60.0]
    with pytest.raises(CatalogueError, match="las_unit is 'furlong'; expected one of arcsec"):
        read_sources(_at(LAS=[0.5, 1.0]), {"las_unit": "furlong"})


def test_a_box_of_the_source_is_in_arcsec_and_never_without_a_unit():
    sources = read_sources(_at(**{"Box (arcmin)": [0.5, 2.0]}))
    assert sources.frame["source_box"].tolist() == [30.0, 120.0]
    assert read_sources(_at(source_box=[30.0, 40.0])).frame["source_box"].tolist() == [30.0, 40.0]
    unclear = read_sources(_at(box=[0.5, 2.0]))
    assert "source_box" not in unclear.frame
    assert any("column 'box' has no unit: not taken as source_box" in n for n in unclear.notes)


def test_flux_units():
    table = _at(total_flux=[1.5, np.inf])
    table.units["total_flux"] = "Jy"
    sources = read_sources(table)
    np.testing.assert_allclose(sources.frame["flux"], [1500.0, np.nan])
    unknown = read_sources(_at(total_flux=[1.5, 2.0]))
    assert unknown.frame["flux"].isna().all()  # a flux of unknown unit is no flux
    assert [q.key for q in unknown.needed] == ["flux_unit"]
    wrong = _at(total_flux=[1.0, 2.0])
    wrong.units["total_flux"] = "arcsec"
    passed = read_sources(wrong)  # an odd unit costs the column, not the table
    assert passed.frame["flux"].isna().all()
    assert any("'total_flux' is not used as flux: its unit 'arcsec'" in n for n in passed.notes)
    with pytest.raises(CatalogueError, match="cannot be converted to mJy"):
        read_sources(wrong, {"columns": {"flux": "total_flux"}})
    given = read_sources(wrong, {"flux_unit": "Jy"})
    assert given.frame["flux"].tolist() == [1000.0, 2000.0]


def test_redshifts_that_stand_for_none():
    sources = read_sources(_at(z=[0.5, -999.0, 0.0, 99.9, 3.0]))
    np.testing.assert_allclose(sources.frame["redshift"], [0.5, np.nan, np.nan, np.nan, 3.0])
    assert any("3 redshift(s)" in n for n in sources.notes)


@pytest.mark.parametrize(
    ("text", "label"),
    [("FRI", "FRI"), ("FR I", "FRI"), ("fr-1", "FRI"), ("I", "FRI"), ("FR II", "FRII"),
     ("FR2", "FRII"),
     ("Fanaroff-Riley II", "FRII"), ("compact", "Compact"), ("Point Source", "Compact"),
     ("WAT", "Bent"), ("bent-tail", "Bent"), ("HyMoRS", "Hybrid"), ("100", "FRI"), ("201", "FRII"),
     ("310", "Hybrid"), ("quasar", ""), ("", ""), ("<b>FRI</b>", ""), ("1", ""), ("C", "")],
)  # fmt: skip
def test_labels(text, label):
    assert label_of(text) == label


def test_labels_by_hand():
    table = _at(fr_class=[0, 1, 2])
    sources = read_sources(table)
    assert sources.frame["label"].tolist() == ["", "", ""]
    assert any("without a class" in n for n in sources.notes)
    given = read_sources(table, {"labels": {"0": "fri", "1": "FRII"}})
    assert given.frame["label"].tolist() == ["FRI", "FRII", ""]
    assert given.frame["label_original"].tolist() == ["0", "1", "2"]
    with pytest.raises(CatalogueError, match="'1' is mapped to 'FRX'"):
        read_sources(table, {"labels": {"1": "FRX"}})


def test_text_is_kept_as_text():
    names = ["<img src=x onerror=alert(1)>", "Großer Bär α", '=HYPERLINK("x")']
    sources = read_sources(_at(name=names, id=["a", "a", ""]))
    assert sources.frame["name"].tolist() == names
    assert sources.frame["source_id"].is_unique
    assert sources.frame["source_id"].tolist() == ["a", "a-2", "row-3"]


def test_identifiers_never_collide():
    assert unique_ids(["a", "a", "a-2", ""], ["1", "2", "3", "a"]) == ["a", "a-3", "a-2", "a-4"]


def test_other_columns_ride_along_with_units():
    table = _at(id=[1, 2], alpha_index=[-0.7, -0.8])
    table.units["alpha_index"] = "1"
    table.ucds["alpha_index"] = "spect.index"
    sources = read_sources(table)
    fixed = [c for c in COLUMNS if c not in IMAGE_COLUMNS]
    assert list(sources.frame.columns) == [*fixed, "alpha_index"]
    assert sources.units == {"alpha_index": "1"}
    assert sources.ucds == {"alpha_index": "spect.index"}


def test_real_catalogue(shared_data: Path):
    sources = read_sources(read_table(shared_data / "rgz_dr1_sizes.parquet"))
    assert len(sources.frame) == 50_790
    assert sources.frame["source_id"].is_unique
    assert sources.frame["name"].iloc[0].startswith("RGZJ")
    assert (sources.frame["las"] > 25).all()
    assert not sources.refused
