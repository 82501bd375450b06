"""Text stays text, no value is no value, and every dialect of text tables is read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from radioviz.errors import CatalogueError
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_rows import read_sources

IDENTIFIERS = ["0012", "007", "1e5", "12E3", "1.10", "1.1", "NaN", "5853498713190525697",
               "123456789012345678901", "+5", "-0", "2024-01-01", "1_000", "Infinity",
               "0x1F"]  # fmt: skip


def _read(tmp_path, text, name="t.csv", **answers):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_sources(read_table(tmp_path / name), answers)


def _places(n):
    return np.arange(n) + 150.0, np.linspace(-5, 5, n)


def _written(path, kind, columns):
    """A table of text columns and positions in any format."""
    ra, dec = _places(len(next(iter(columns.values()))))
    table = Table({**columns, "ra": ra, "dec": dec})
    if kind == "fits":
        table.write(path, format="fits")
    elif kind == "parquet":
        pq.write_table(pa.table({k: list(table[k]) for k in table.colnames}), path)
    elif kind in ("csv", "tsv", "semicolon", "blank"):
        delimiter = {"csv": ",", "tsv": "\t", "semicolon": ";", "blank": " "}[kind]
        lines = [delimiter.join(table.colnames)]
        for row in table:
            cells = [f'"{c}"' if kind == "blank" else str(c) for c in row]
            lines.append(delimiter.join(cells))
        path.write_text("\n".join(lines) + "\n")
    else:
        table.write(path, format={"vot": "votable", "ipac": "ascii.ipac"}.get(kind, "ascii.ecsv"))
    return path


FORMATS = ["csv", "tsv", "semicolon", "blank", "vot", "fits", "parquet", "ecsv", "ipac"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "cells",
    [IDENTIFIERS, ["1.1", "1.10", "2.1"], ["12E3", "45E1", "2E10"], ["101", "102", "103"],
     ["0012", "0013", "0014"], ["123456789012345678901", "123456789012345678902", "7"]],
)  # fmt: skip
def test_identifiers_names_labels_and_files_stay_as_written(tmp_path, kind, cells):
    columns = {k: np.array(cells) for k in ("source_id", "name", "fr_class", "image", "obs_id")}
    path = _written(tmp_path / "t", kind, columns)
    sources = read_sources(read_table(path))
    assert sources.frame["source_id"].tolist() == cells
    assert sources.frame["name"].tolist() == cells
    assert sources.frame["label_original"].tolist() == cells
    assert sources.images.tolist() == cells
    assert [str(c) for c in sources.frame["obs_id"]] == cells  # rides along
    assert [str(c) for c in sources.frame["image"]] == cells


@pytest.mark.parametrize("cell", ["", "--", "...", "null"])
def test_blanks_do_not_change_other_identifiers(tmp_path, cell):
    lines = [
        "source_id,gaia_id,image,ra,dec",
        "5853498713190525697,4472832130942575873,101,150,1",
        "5853498713190525698,4472832130942575874,1.10,151,1",
        f"{cell},{cell},{cell},152,1",
    ]
    sources = _read(tmp_path, "\n".join(lines) + "\n")
    ids = ["5853498713190525697", "5853498713190525698", "row-3"]
    assert sources.frame["source_id"].tolist() == ids
    gaia = [str(c) for c in sources.frame["gaia_id"]]
    assert gaia == ["4472832130942575873", "4472832130942575874", ""]
    assert sources.images.tolist() == ["101", "1.10", ""]


@pytest.mark.parametrize("kind", ["vot", "fits", "parquet", "ecsv", "ipac", "csv"])
def test_masked_whole_numbers_are_identifiers_digit_by_digit(tmp_path, kind):
    ids = [5853498713190525697, 5853498713190525698, 3]
    column = MaskedColumn(ids, mask=[False, False, True])
    small = MaskedColumn([101, 102, 0], mask=[False, False, True])
    table = Table(
        {"source_id": column, "image": small, "ra": [150.0, 151, 152], "dec": [1.0, 2, 3]}
    )
    path = tmp_path / "t"
    table.write(path, format={"vot": "votable", "csv": "ascii.csv", "ecsv": "ascii.ecsv",
                              "ipac": "ascii.ipac"}.get(kind, kind))  # fmt: skip
    sources = read_sources(read_table(path))
    assert sources.frame["source_id"].tolist() == [str(ids[0]), str(ids[1]), "row-3"]
    assert sources.images.tolist() == ["101", "102", ""]


def test_whole_decimals_of_parquet_keep_their_digits(tmp_path):
    from decimal import Decimal

    digits = ["12345678901234567890", "12345678901234567891"]
    column = pa.array([Decimal(d) for d in digits], pa.decimal128(20, 0))
    pq.write_table(pa.table({"id": column, "ra": [150.0, 151], "dec": [1.0, 2]}), tmp_path / "t")
    assert read_sources(read_table(tmp_path / "t")).frame["source_id"].tolist() == digits


def test_numbers_that_ride_along_stay_numbers(tmp_path):
    frame = _read(tmp_path, "name,ra,dec,alpha,n\nA,150,1,-0.7,3\nB,151,2,1e5,\n").frame
    assert frame["alpha"].tolist() == [-0.7, 1e5]
    assert frame["n"].iloc[0] == 3
    assert np.isnan(frame["n"].iloc[1])


# -- no value --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    ["", "nan", "NaN", "NULL", "None", "N/A", "--", "---", "...", "-", "*", "?", "<NA>", r"\N",
     "undef", "INDEF", "-99", "-99.0", "-999", "-9999", "1e20", "-1e30", "9.96921e36", "9999",
     "99999.0", "3.4028235e38", "inf"],
)  # fmt: skip
def test_undefined_fluxes_and_sizes(tmp_path, cell):
    text = f"name,ra,dec,flux,las,x\nA,150,1,{cell},{cell},1\nB,151,2,3,30.5,2\nC,152,3,-0.4,12,3\n"
    frame = _read(tmp_path, text).frame
    np.testing.assert_allclose(frame["flux"], [np.nan, 3.0, -0.4])
    np.testing.assert_allclose(frame["las"], [np.nan, 30.5, 12.0])


def test_stand_ins_are_reported_and_real_values_stay(tmp_path):
    head = "name,ra,dec,offset,alpha,count\n"
    rows = "A,150,1,-99,-99,9999\nB,151,2,-80,-0.7,5\nC,152,3,120,0.2,6\n"
    sources = _read(tmp_path, head + rows)
    assert sources.frame["offset"].tolist() == [-99, -80, 120]  # one of many such angles
    np.testing.assert_allclose(sources.frame["alpha"], [np.nan, -0.7, 0.2])
    assert sources.frame["count"].tolist() == [9999, 5, 6]  # no flux and no size
    assert "column 'alpha': taken as no value: -99 (1)" in sources.notes
    assert not any("offset" in note for note in sources.notes)


def test_bright_and_negative_fluxes_are_real(tmp_path):
    rows = "".join(
        f"S{i},{150 + i},1,{flux}\n" for i, flux in enumerate((-99.0, -60.0, 9999, 8000))
    )
    sources = _read(tmp_path, "name,ra,dec,flux\n" + rows)
    assert sources.frame["flux"].tolist() == [-99.0, -60.0, 9999.0, 8000.0]


def test_words_among_numbers_are_named(tmp_path):
    sources = _read(tmp_path, "name,ra,dec,flux\nA,150,1,<0.5\nB,151,2,3.5\n")
    np.testing.assert_allclose(sources.frame["flux"], [np.nan, 3.5])
    assert any("'flux': 1 cell(s) are not numbers, such as '<0.5'" in n for n in sources.notes)


@pytest.mark.parametrize(
    ("form", "null", "scale", "zero", "stored", "right"),
    [
        ("I", -32768, 0.01, 0.0, [100, -32768, 250], [1.0, np.nan, 2.5]),
        ("I", -99, 0.5, 10.0, [-99, 2, -20], [np.nan, 11.0, 0.0]),
        ("J", -1, 2.0, 1.0, [5, -1, 7], [11.0, np.nan, 15.0]),
        ("B", 255, 0.1, 0.0, [10, 255, 30], [1.0, np.nan, 3.0]),
        ("K", -9223372036854775808, 1.0, 0.0, [3, -9223372036854775808, 4], [3, np.nan, 4]),
        ("I", -32768, 1.0, 32768.0, [-32767, -32768, 0], [1, np.nan, 32768]),  # unsigned
    ],
)  # fmt: skip
def test_tnull_with_scaling(tmp_path, form, null, scale, zero, stored, right):
    dtype = {"I": ">i2", "J": ">i4", "K": ">i8", "B": "u1"}[form]
    data = np.zeros(3, [("ra", ">f8"), ("dec", ">f8"), ("s", dtype)])
    data["ra"], data["dec"], data["s"] = [150, 151, 152], [1, 2, 3], stored
    hdu = fits.BinTableHDU(data)
    hdu.header["TNULL3"] = null
    path = tmp_path / "t.fits"
    hdu.writeto(path)
    # Written into the header behind astropy's back, or it would scale the cells.
    cards = {"TSCAL3": scale, "TZERO3": zero}
    raw = path.read_bytes()
    end = raw.index(b"END     ", raw.index(b"XTENSION"))
    new = b"".join(f"{k:8}= {v!r:>20}".ljust(80).encode() for k, v in cards.items())
    assert not raw[end + 80 : end + 80 + len(new)].strip()
    path.write_bytes(raw[:end] + new + b"END".ljust(80) + raw[end + 80 + len(new) :])
    table = read_table(path)
    np.testing.assert_allclose(table.frame["s"].astype(float), right)


def test_ascii_tables_of_fits(tmp_path):
    columns = [fits.Column("ra", "F8.3", array=[150.0, 151.0, 152.0]),
               fits.Column("dec", "F8.3", array=[1.0, 2.0, 3.0]),
               fits.Column("n", "I6", null="-99", array=[5, -99, 7]),
               fits.Column("s", "E12.4", null="***", array=[1.5, 2.5, 3.5])]  # fmt: skip
    hdu = fits.TableHDU.from_columns(columns)
    hdu.writeto(tmp_path / "t.fits")
    raw = (tmp_path / "t.fits").read_bytes()
    assert raw.count(b"  2.5000E+00") == 1
    (tmp_path / "t.fits").write_bytes(raw.replace(b"  2.5000E+00", b"         ***"))
    frame = read_table(tmp_path / "t.fits").frame
    np.testing.assert_allclose(frame["n"].astype(float), [5, np.nan, 7])
    np.testing.assert_allclose(frame["s"].astype(float), [1.5, np.nan, 3.5])
    (tmp_path / "t.fits").write_bytes(raw.replace(b"  2.5000E+00", b" " * 12))
    np.testing.assert_allclose(read_table(tmp_path / "t.fits").frame["s"], [1.5, np.nan, 3.5])


@pytest.mark.parametrize("kind", ["int", "double", "float", "short", "long"])
def test_null_of_a_votable(tmp_path, kind):
    (tmp_path / "t.vot").write_text(
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        '<FIELD name="ra" datatype="double" unit="deg"/><FIELD name="dec" datatype="double" '
        f'unit="deg"/><FIELD name="x" datatype="{kind}"><VALUES null="-7"/></FIELD>'
        "<DATA><TABLEDATA>"
        "<TR><TD>150</TD><TD>1</TD><TD>-7</TD></TR><TR><TD>151</TD><TD>2</TD><TD>5</TD></TR>"
        "<TR><TD>152</TD><TD>3</TD><TD/></TR>"
        "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    x = read_table(tmp_path / "t.vot").frame["x"].astype(float)
    np.testing.assert_allclose(x, [np.nan, 5.0, np.nan])


# -- several tables --------------------------------------------------------------------------------


def _several(path, kind):
    """A table without positions, two with them, and which row each holds."""
    tables = {"notes": Table({"text": ["x"]}),
              "first": Table({"name": ["A"], "ra": [150.0], "dec": [1.0]}),
              "second": Table({"name": ["B"], "ra": [151.0], "dec": [2.0]})}  # fmt: skip
    if kind == "fits":
        hdus = [fits.BinTableHDU(t, name=n) for n, t in tables.items()]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
        return ["NOTES", "FIRST", "SECOND"]
    if kind == "vot":
        from astropy.io.votable import from_table, writeto
        from astropy.io.votable.tree import Resource, VOTableFile

        document = VOTableFile()
        for name, table in tables.items():
            resource = Resource()
            document.resources.append(resource)
            made = from_table(table).get_first_table()
            made.name = made.ID = name
            resource.tables.append(made)
        writeto(document, str(path))
        return list(tables)
    parts = []
    for name, table in tables.items():
        rows = ["\t".join(map(str, row)) for row in table]
        head = "\t".join(table.colnames)
        dashes = "\t".join("---" for _ in table.colnames)
        parts.append("\n".join(["#Table\tx:", f"#Name: {name}", head, dashes, *rows, ""]))
    path.write_text("#\n#   VizieR Astronomical Server\n" + "\n".join(parts))
    return list(tables)


@pytest.mark.parametrize("kind", ["fits", "vot", "vizier"])
def test_several_tables_in_a_file(tmp_path, kind):
    path = tmp_path / "t"
    names = _several(path, kind)
    table = read_table(path)
    assert (table.names, table.name) == (tuple(names), names[1])
    assert table.frame["name"].tolist() == ["A"]
    sources = read_sources(table)
    assert [(q.key, q.choices, q.default) for q in sources.needed] == [
        ("which_table", tuple(names), names[1])
    ]
    for which in ("3", names[2], names[2].upper()):
        assert read_table(path, which).frame["name"].tolist() == ["B"]
    assert read_table(path, "1").frame.columns.tolist() == ["text"]
    with pytest.raises(CatalogueError, match=r"no table '4' in it; it has 3: 'notes'(?i:.*)1 to 3"):
        try:
            read_table(path, "4")
        except CatalogueError as error:
            raise CatalogueError(str(error).replace("NOTES", "notes")) from error


def test_unnamed_tables_have_numbers(tmp_path):
    hdus = [fits.BinTableHDU(Table({"ra": [1.0 + i], "dec": [1.0]})) for i in range(3)]
    hdus[2].header["EXTNAME"] = "TABLE 1"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "t.fits")
    assert read_table(tmp_path / "t.fits").names == ("table 1", "table 2", "TABLE 1 (3)")
    assert read_table(tmp_path / "t.fits", "table 1 (3)").frame["ra"].tolist() == [3.0]


def test_a_single_table_asks_nothing(tmp_path):
    Table({"ra": [150.0], "dec": [1.0]}).write(tmp_path / "t.fits")
    table = read_table(tmp_path / "t.fits")
    assert (table.names, table.name) == ((), "")
    assert not read_sources(table).needed


def test_frames_of_pandas_and_empty_cells(tmp_path):
    frame = pd.DataFrame({"name": ["A", None], "ra": [150.0, 151.0], "dec": [1.0, 2.0],
                          "flux": [None, 3.0]})  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    read = read_sources(read_table(tmp_path / "t.csv"))
    assert read.frame["name"].tolist() == ["A", ""]
    np.testing.assert_allclose(read.frame["flux"], [np.nan, 3.0])
