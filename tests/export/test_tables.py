"""VOTable, Parquet, CSV and regions."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import votable
from astropy.io.votable.ucd import check_ucd
from astropy.units import Unit
from hypothesis import given
from hypothesis import strategies as st

from radioviz.data.catalogue import COLUMNS, Catalogue, Column, SurveyInfo, complete_columns
from radioviz.errors import ExportError
from radioviz.export import Group, ds9_regions, selection_table, votable_bytes
from radioviz.export.groups import MADE_COLUMNS, ascii_text, column_names, plain_column, unique_name
from radioviz.export.tables import xml_text
from radioviz.store.spreadsheets import safe_cell
from tests.export.written import csv_bytes, fits_bytes, parquet_bytes, zip_bytes

CREATED = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)


@pytest.mark.parametrize("binary", [False, True])
def test_votlint_accepts_the_votable(
    groups: list[Group],
    first: Catalogue,
    tmp_path: Path,
    votlint: Callable[[Path], None],
    binary: bool,
) -> None:
    for i, selection in enumerate((groups, groups[1:], [Group(first, np.arange(40))])):
        path = tmp_path / f"{i}.vot"
        path.write_bytes(votable_bytes(selection, note="“<note>” & more", binary=binary))
        votlint(path)


def test_stilts_reads_the_same_numbers(groups: list[Group], tmp_path: Path) -> None:
    stilts = shutil.which("stilts")
    if stilts is None:
        pytest.skip("stilts is not installed (Debian package stilts)")
    path = tmp_path / "selection.vot"
    path.write_bytes(votable_bytes(groups[0]))
    out = subprocess.run(
        [stilts, "tpipe", f"in={path}", "ifmt=votable", "ofmt=csv", "cmd=keepcols 'ra dec las'"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    read = pd.read_csv(io.StringIO(out))
    mine = groups[0].catalogue.table.iloc[groups[0].rows].reset_index(drop=True)
    pd.testing.assert_frame_equal(read, mine[["ra", "dec", "las"]], rtol=1e-12)


@pytest.mark.parametrize("name", [*COLUMNS, *MADE_COLUMNS])
def test_units_and_ucds_are_of_the_controlled_vocabularies(name: str) -> None:
    column = (COLUMNS | MADE_COLUMNS)[name]
    Unit(column.unit, format="vounit", parse_strict="raise")
    assert check_ucd(column.ucd, check_controlled_vocabulary=True)
    assert column.description


@pytest.mark.parametrize("binary", [False, True])
def test_astropy_reads_the_votable(groups: list[Group], binary: bool) -> None:
    payload = votable_bytes(groups, note="lassoed", created=CREATED, binary=binary)
    read = votable.parse(io.BytesIO(payload), verify="exception")
    assert read.version == "1.4"
    xml = read.get_first_table()
    assert [(c.system, c.equinox) for c in read.resources[0].coordinate_systems] == [
        ("eq_FK5", "J2000")
    ]
    facts = {p.name: str(p.value) for p in xml.params}
    assert facts["date"] == "2024-05-06T07:08:09"
    assert any("lassoed" in v for v in facts.values())
    assert any("Müller" in v for v in facts.values())
    table = xml.to_table()
    frame = selection_table(groups).frame
    # XML readers may drop the blanks about a text.
    expected = [xml_text(i).strip() for i in frame["source_id"]]
    assert [str(i).strip() for i in table["source_id"]] == expected
    np.testing.assert_array_equal(
        np.ma.filled(table["ra"].astype(float), np.nan), frame["ra"].to_numpy()
    )
    field = {f.name: f for f in xml.fields}
    assert str(field["las"].unit) == "arcsec"
    assert field["ra"].ucd == "pos.eq.ra;meta.main"
    assert field["latent_vae8"].arraysize == "8"
    assert table["latent_vae8"].shape == (len(frame), 8)


def test_large_votables_are_binary(first: Catalogue) -> None:
    small = votable_bytes(Group(first, np.arange(3)))
    latents = np.zeros((1000, 256), np.float32)
    large = votable_bytes(Group(first, np.arange(1000), None, latents, "m"))
    assert b"<TABLEDATA>" in small
    assert b"<BINARY2>" in large


def test_parquet_keeps_values_units_and_names(groups: list[Group], tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "selection.parquet"
    path.write_bytes(parquet_bytes(groups))
    schema = pq.read_schema(path)
    assert schema.field("las").metadata[b"unit"] == b"arcsec"
    assert schema.field("ra").metadata[b"ucd"] == b"pos.eq.ra;meta.main"
    assert any("hostile" in s for s in json.loads(schema.metadata[b"radioviz_provenance"]))
    read = pd.read_parquet(path)
    frame = selection_table(groups).frame
    pd.testing.assert_frame_equal(read[list(frame.columns)], frame)  # hostile names included
    np.testing.assert_allclose(
        np.stack(read["latent_vae8"][: len(groups[0])]), groups[0].latents, rtol=1e-6
    )


def test_a_score_is_never_in_a_column_of_another_data_set(greys: Catalogue) -> None:
    """A class that a user gave and one that a network gave are two columns."""
    theirs = dataclasses.replace(greys, table=greys.table.assign(fr_class="FRI"))
    score = pd.DataFrame({"fr_class": ["FRII", "unknown"]})
    two = np.arange(2)
    frame = selection_table([Group(theirs, two, score), Group(greys, two, score)]).frame
    assert frame["fr_class"].tolist() == ["FRI", "FRI", "", ""]
    assert frame["fr_class_2"].tolist() == ["FRII", "unknown"] * 2


def test_csv_cells_are_no_formulas(groups: list[Group]) -> None:
    text = csv_bytes(groups).decode("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 1 + sum(len(g) for g in groups)
    header = rows[0]
    frame = selection_table(groups).frame
    for i, row in enumerate(rows[1:]):
        for name, cell in zip(header, row, strict=True):
            if name in frame and frame[name].dtype.kind in "fi":
                value = float(cell) if cell else np.nan
                np.testing.assert_equal(value, float(frame[name].iat[i]))
            elif name.startswith("latent_"):
                assert cell == "" or np.isfinite(float(cell))
            else:
                assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert '\'=HYPERLINK("http://example.org";"x")' in [r[1] for r in rows]
    assert "latent_vae8_7" in header


@given(st.text())
def test_safe_cell_is_reversible(text: str) -> None:
    safe = safe_cell(text)
    assert not safe.lstrip(" ").startswith(("=", "+", "-", "@"))
    assert safe in (text, f"'{text}")


def test_regions_are_circles_in_degrees(groups: list[Group]) -> None:
    text = ds9_regions(groups)
    lines = text.splitlines()
    assert lines[0] == "# Region file format: DS9 version 4.1"
    assert lines[3] == "fk5"
    circles = [
        re.fullmatch(
            r'circle\(([\d.]+),(-?[\d.]+),([\d.]+)"\) # color=\w+ text=\{([ -z|~]*)\}', line
        )
        for line in lines[4:]
    ]
    assert all(circles)
    # The last of the hostile sources and all of the grey ones have no position.
    assert len(circles) == len(groups[0]) - 1
    assert f"{len(circles)} of {len(groups[0]) + len(groups[1])}" in lines[1]
    first_circle = circles[0]
    assert first_circle is not None
    source = groups[0].catalogue.table.iloc[groups[0].rows[1]]
    assert float(first_circle[1]) == pytest.approx(source["ra"])
    assert float(first_circle[3]) == pytest.approx(source["las"] / 2)


def test_no_positions_no_regions(groups: list[Group]) -> None:
    with pytest.raises(ExportError, match="none of the 2 selected sources has a sky position"):
        ds9_regions(groups[1])


def test_score_columns_may_be_described(first: Catalogue) -> None:
    described = {"size_ratio": Column("float64", "", "arith.ratio", "Size over beam")}
    group = Group(first, np.arange(2), pd.DataFrame({"size_ratio": [1.0, 2.0]}), columns=described)
    assert selection_table(group).columns["size_ratio"] == described["size_ratio"]


def test_data_sets_with_different_columns_are_joined(groups: list[Group]) -> None:
    frame = selection_table(groups).frame
    assert list(frame["data_set"].unique()) == ["hostile", "greys"]
    assert frame.loc[frame["data_set"] == "greys", "note"].tolist() == ["", ""]
    assert frame.loc[frame["data_set"] == "greys", "bunit"].tolist() == ["", ""]
    assert np.isnan(frame.loc[frame["data_set"] == "greys", "beam"]).all()


@pytest.mark.parametrize(
    ("cells", "dtype", "expected"),
    [
        ([1, 2], "int64", [1, 2]),
        ([True, False], "bool", [True, False]),
        ([1, None], "float64", [1.0, np.nan]),
        ([True, None], "str", ["true", ""]),
        ([b"x", "y", None], "str", ["b'x'", "y", ""]),
        ([pd.Timestamp("2024-01-02"), pd.NaT], "str", ["2024-01-02 00:00:00", ""]),
        ([1 + 2j, None], "str", ["(1+2j)", ""]),
        ([[1, 2], None], "str", ["[1, 2]", ""]),
    ],
)
def test_columns_of_any_kind_become_plain(cells: list, dtype: str, expected: list) -> None:
    plain = plain_column(pd.Series(cells))
    assert str(plain.dtype) == dtype
    np.testing.assert_array_equal(
        plain.to_numpy(), np.array(expected, dtype=plain.to_numpy().dtype)
    )


@pytest.mark.parametrize("origin", ["/home/someone/secret/cutouts", "C:\\Users\\me\\cutouts"])
def test_folders_of_this_computer_are_not_told(greys: Catalogue, origin: str) -> None:
    info = dataclasses.replace(greys.info, origin=origin)
    group = Group(dataclasses.replace(greys, info=info), np.array([0]))
    table = selection_table(group)
    assert "Origin: cutouts." in table.provenance
    with zipfile.ZipFile(io.BytesIO(zip_bytes(group))) as archive:
        unpacked = b"".join(archive.read(name) for name in archive.namelist())
    for payload in (fits_bytes(group), unpacked, votable_bytes(group)):
        assert b"someone" not in payload
        assert b"Users" not in payload


@given(st.lists(st.text(), unique=True))
def test_column_names_are_valid_and_unique(names: list[str]) -> None:
    safe = column_names(names)
    assert list(safe) == names
    assert len({s.upper() for s in safe.values()}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", s) for s in safe.values())


@given(st.lists(st.text()), st.integers(10, 60))
def test_unique_names_are_safe_file_names(names: list[str], limit: int) -> None:
    taken: set[str] = set()
    made = [unique_name(n, taken, limit) for n in names]
    assert len({m.upper() for m in made}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9+-][A-Za-z0-9_+.-]*", m) for m in made)
    assert all(len(m) <= limit for m in made)


@given(st.text())
def test_ascii_text_is_printable(text: str) -> None:
    plain = ascii_text(text)
    assert plain.isascii()
    assert plain.isprintable() or plain == ""


def test_files_have_only_units_that_astropy_knows(first: Catalogue, tmp_path: Path) -> None:
    """Units of scores, such as nat and sigma, are in the descriptions."""
    import warnings

    from astropy.table import Table

    scores = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 6.0]})
    units = {"a": "nat", "b": "sigma", "c": "mJy"}
    columns = {name: Column("float64", unit, "", "Score") for name, unit in units.items()}
    group = Group(first, np.arange(2), scores, columns=columns)
    (tmp_path / "t.vot").write_bytes(votable_bytes(group))
    (tmp_path / "t.fits").write_bytes(fits_bytes(group, images=False))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = [Table.read(tmp_path / "t.vot"), Table.read(tmp_path / "t.fits", hdu=1)]
    for table in read:
        assert table["a"].unit is None and str(table["c"].unit) == "mJy"
    assert read[0]["a"].description == "Score [nat]" and read[0]["b"].description == "Score [sigma]"


def test_identifiers_keep_their_digits_beside_a_data_set_without_them() -> None:
    ids = [1237648720693755918, 1237648720693755919]  # of SDSS
    info = SurveyInfo(key="mine", title="Mine", pixel_scale=1.8)
    own = complete_columns(pd.DataFrame({"source_id": ["a", "b"], "objid": ids, "n": [1, 2]}))
    other = complete_columns(pd.DataFrame({"source_id": ["c"]}))
    pair = [
        Group(Catalogue(info, t, np.zeros((len(t), 4, 4), np.uint8)), np.arange(len(t)))
        for t in (own, other)
    ]
    frame = selection_table(pair).frame
    assert frame["objid"].tolist() == [*map(str, ids), ""]
    np.testing.assert_array_equal(frame["n"], [1.0, 2.0, np.nan])
    assert frame["n"].dtype == np.float64
    alone = selection_table(pair[0]).frame
    assert alone["objid"].tolist() == ids
    assert alone["objid"].dtype == np.int64
