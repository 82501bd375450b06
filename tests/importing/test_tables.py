"""User tables of every format: cells, units, UCDs, masks; hostile and broken files."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, Table

from radioviz.errors import CatalogueError
from radioviz.importing.readers.user_tables import read_table

NAMES = ["J1000+0200", "Großer Bär α", "<script>alert('x')</script>", '=1+1,"q"', ""]


@pytest.fixture
def galaxies() -> Table:
    """Five rows with units, UCDs, non-ASCII and hostile names, and a masked cell of each kind."""
    mask = [False, False, True, False, False]
    table = Table()
    table["id"] = MaskedColumn([1, 2, 3, 4, 5], mask=mask)
    table["name"] = NAMES
    table["RAJ2000"] = MaskedColumn([150.1, 151.0, 0.0, 210.5, 359.9], mask=mask, unit="deg")
    table["RAJ2000"].info.meta = {"ucd": "pos.eq.ra;meta.main"}
    table["DEJ2000"] = MaskedColumn([2.5, -30.0, 0.0, 89.0, -89.5], mask=mask, unit="deg")
    table["size"] = MaskedColumn([0.5, 1.0, 2.0, 1.5, 0.7], unit="arcmin", dtype="f4")
    table["good"] = [True, False, True, True, False]
    return table


def _check(read, units: bool = True) -> None:
    frame = read.frame
    assert frame.index.tolist() == [1, 2, 3, 4, 5]
    assert [str(n) for n in frame["name"]] == NAMES
    np.testing.assert_allclose(frame["RAJ2000"], [150.1, 151.0, np.nan, 210.5, 359.9])
    np.testing.assert_allclose(frame["DEJ2000"], [2.5, -30.0, np.nan, 89.0, -89.5])
    np.testing.assert_allclose(frame["size"], [0.5, 1.0, 2.0, 1.5, 0.7], rtol=1e-6)
    np.testing.assert_allclose(frame["id"].astype(float), [1, 2, np.nan, 4, 5])
    if units:
        assert read.units["RAJ2000"] == "deg"
        assert read.units["size"] == "arcmin"


def test_csv(galaxies, tmp_path):
    path = tmp_path / "t.csv"
    galaxies.write(path, format="ascii.csv")
    _check(read_table(path), units=False)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(galaxies, tmp_path, delimiter):
    path = tmp_path / "t.txt"
    galaxies.to_pandas().to_csv(path, sep=delimiter, index=False)
    _check(read_table(path), units=False)


def test_csv_in_other_encodings(tmp_path):
    text = "name,ra,dec\nGroßer Bär,150.5,2\n"
    for encoding in ("utf-8-sig", "utf-16", "latin-1"):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(text.encode(encoding))
        assert read_table(path).frame["name"].tolist() == ["Großer Bär"]


def test_csv_of_a_spreadsheet_with_decimal_commas(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ra;dec;name\r\n150,25;-2,5;a\r\n151;3;b\r\n")
    read = read_table(path)
    np.testing.assert_allclose(read.frame["ra"], [150.25, 151.0])
    np.testing.assert_allclose(read.frame["dec"], [-2.5, 3.0])
    assert any("decimal commas" in n for n in read.notes)


def test_csv_with_comments_and_a_commented_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("# made by hand\n# ra,dec,id\n150.5,2.5,007\n\n# later\n151.5,3.5,008\n")
    read = read_table(path)
    assert read.frame["ra"].tolist() == [150.5, 151.5]
    assert read.frame["id"].tolist() == ["007", "008"]  # leading zeros are part of a name


def test_rows_of_another_length_are_refused_by_number(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n3\n"x\ny",4\n5,6,7\n8,9\n')
    read = read_table(path)
    assert read.frame.index.tolist() == [1, 3, 5]
    assert [n for n, _ in read.refused] == [2, 4]
    assert "1 cells where the header has 2" in read.refused[0][1]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("150.5 2.5\n151.5 -3.5\n", ["ra", "dec", "name"]),
        ("150.5,2.5\n151.5,-3.5\n", ["ra", "dec"]),
        ("150.5,2.5,first\n151.5,-3.5,second\n", ["ra", "dec", "name"]),
        ("10 02 00.0 +02 30 00\n10 06 00.0 -03 30 00\n", ["ra", "dec", "name"]),
        ("10:02:00.0 +02:30:00 a source\n10:06:00.0 -03:30:00\n", ["ra", "dec", "name"]),
    ],
)
def test_positions_alone(tmp_path, text, names):
    path = tmp_path / "p.txt"
    path.write_text(text)
    read = read_table(path)
    assert list(read.frame.columns) == names
    assert len(read) == 2


def test_ecsv(galaxies, tmp_path):
    path = tmp_path / "t.ecsv"
    galaxies.write(path)
    read = read_table(path)
    _check(read)
    assert read.ucds["RAJ2000"] == "pos.eq.ra;meta.main"


def test_ecsv_with_sky_coordinates(tmp_path):
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    table = Table({"sky": SkyCoord([10.0, 20.0] * u.deg, [-5.0, 5.0] * u.deg, frame="fk5")})
    table.write(tmp_path / "t.ecsv")
    read = read_table(tmp_path / "t.ecsv")
    np.testing.assert_allclose(read.frame["sky.ra"], [10.0, 20.0], atol=1e-4)
    assert read.units == {"sky.ra": "deg", "sky.dec": "deg"}


@pytest.mark.parametrize("form", ["tabledata", "binary", "binary2"])
def test_votable(galaxies, tmp_path, form):
    from astropy.io.votable import from_table, writeto

    document = from_table(galaxies)
    for field in document.get_first_table().fields:
        if field.name == "RAJ2000":
            field.ucd = "pos.eq.ra;meta.main"
        if field.name == "id":
            field.values.null = -99  # BINARY has no other way to mask an integer
    writeto(document, str(tmp_path / "t.xml"), tabledata_format=form)
    read = read_table(tmp_path / "t.xml")
    _check(read)
    assert read.ucds["RAJ2000"] == "pos.eq.ra;meta.main"


def test_fits_table(galaxies, tmp_path):
    galaxies["name"] = [n.encode("utf-8") for n in NAMES]
    galaxies.write(tmp_path / "t.fits")
    from astropy.io import fits

    with fits.open(tmp_path / "t.fits", mode="update") as hdus:
        hdus[1].header["TUCD3"] = "pos.eq.ra;meta.main"
    read = read_table(tmp_path / "t.fits")
    _check(read)
    assert read.ucds["RAJ2000"] == "pos.eq.ra;meta.main"


def test_parquet_of_astropy_and_pandas(galaxies, tmp_path):
    galaxies.write(tmp_path / "a.parquet", format="parquet")
    _check(read_table(tmp_path / "a.parquet"))
    frame = galaxies.to_pandas()
    frame.attrs["units"] = {"RAJ2000": "deg", "size": "arcmin"}
    frame.to_parquet(tmp_path / "p.parquet")
    _check(read_table(tmp_path / "p.parquet"))


def test_gzipped(galaxies, tmp_path):
    galaxies.write(tmp_path / "t.ecsv")
    packed = tmp_path / "t.ecsv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "t.ecsv").read_bytes()))
    _check(read_table(packed))


def test_own_export_comes_back(tmp_path):
    """What RadioViz writes it reads, with units and UCDs."""
    from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
    from radioviz.export.groups import Group
    from radioviz.export.tables import votable_bytes
    from tests.export.written import csv_bytes, fits_bytes, parquet_bytes

    rng = np.random.default_rng(1)
    table = complete_columns(
        pd.DataFrame(
            {
                "source_id": [f"s-{i}" for i in range(12)],
                "ra": rng.uniform(30, 350, 12),
                "dec": rng.uniform(-80, 80, 12),
                "las": rng.uniform(5, 100, 12),
            }
        )
    )
    images = rng.normal(size=(12, 20, 20)).astype(np.float32)
    catalogue = Catalogue(SurveyInfo("mine", "Mine", 1.8, 5.4, "Jy/beam", True), table, images)
    group = Group(catalogue, np.arange(12))
    for name, write in (
        ("t.vot", votable_bytes),
        ("t.parquet", parquet_bytes),
        ("t.csv", csv_bytes),
        ("t.fits", fits_bytes),
    ):
        (tmp_path / name).write_bytes(write(group))
        table = read_table(tmp_path / name)
        np.testing.assert_allclose(table.frame["ra"], catalogue.table["ra"], rtol=1e-12)
        assert table.frame["source_id"].tolist() == catalogue.table["source_id"].tolist()
        if name != "t.csv":
            assert table.units["las"] == "arcsec"
            assert table.ucds["ra"] == "pos.eq.ra;meta.main"


@pytest.mark.parametrize("form", ["votable", "fits", "ecsv", "parquet", "csv"])
def test_tables_written_by_stilts(galaxies, tmp_path, form):
    """An independent writer, the one behind TOPCAT."""
    import shutil

    if shutil.which("stilts") is None:
        pytest.skip("stilts is not installed")
    galaxies["name"] = ["a", "b", "c", "d", "e"]
    galaxies.write(tmp_path / "in.vot", format="votable")
    out = tmp_path / f"out.{form}"
    done = subprocess.run(
        ["stilts", "tcopy", "ifmt=votable", f"ofmt={form}", str(tmp_path / "in.vot"), str(out)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if form in ("ecsv", "parquet") and "No handler for output format" in done.stderr:
        pytest.skip(f"this stilts lacks the library that writes {form}")
    assert done.returncode == 0, done.stderr
    read = read_table(out)
    np.testing.assert_allclose(read.frame["RAJ2000"], [150.1, 151.0, np.nan, 210.5, 359.9])
    if form in ("votable", "fits", "ecsv"):
        assert read.units["RAJ2000"] == "deg"


def test_repeated_columns_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("ra,dec,ra\n1,2,3\n")
    read = read_table(tmp_path / "t.csv")
    assert list(read.frame.columns) == ["ra", "dec", "ra_2"]
    assert read.repeated == ("ra",)


def test_large_masked_integers_keep_their_digits(tmp_path):
    big = 4611686018427387905
    frame = pd.DataFrame({"gaia": pd.array([big, None], dtype="Int64"), "ra": [1.0, 2.0]})
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").frame["gaia"].tolist() == [str(big), ""]


def test_truncated_fits_table(galaxies, tmp_path):
    galaxies["name"] = [n.encode() for n in NAMES]
    galaxies.write(tmp_path / "t.fits")
    content = (tmp_path / "t.fits").read_bytes()
    for length in (len(content) - 2880, 2880 + 800, 3000, 100):
        (tmp_path / "cut.fits").write_bytes(content[:length])
        with pytest.raises(CatalogueError):
            read_table(tmp_path / "cut.fits")


def test_real_catalogue(shared_data: Path):
    read = read_table(shared_data / "rgz_dr1_sizes.parquet")
    assert len(read) == 50_790
    assert list(read.frame.columns) == ["rgz_name", "ra", "dec", "las_arcsec"]


def test_parquet_with_nested_and_repeated_columns(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [pa.array([1.0, 2.0]), pa.array([[1], [2]]), pa.array(["x", None]), pa.array([3, 4])]
    pq.write_table(pa.table(arrays, ["ra", "list", "name", "dec"]), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert list(table.frame.columns) == ["ra", "name", "dec"]
    assert table.frame["name"].tolist() == ["x", ""]
    assert table.notes == ("column 'list' left out: its cells are list<element: int64>",)


def test_vectors_become_columns(tmp_path: Path) -> None:
    """Apertures of SExtractor, spectra, latents: a column each number, in every format."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from astropy.table import MaskedColumn, Table

    mags = np.array([[19.5, 18.25, 17.0], [21.0, 20.5, 20.25]], np.float32)
    bands = MaskedColumn([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]], dtype=np.int16)
    table = Table({"ra": [1.0, 2.0], "dec": [3.0, 4.0], "MAG_APER": mags, "bands": bands})
    table["MAG_APER"].unit = "mag"
    for name, form in (("t.fits", "fits"), ("t.ecsv", "ascii.ecsv"), ("t.vot", "votable")):
        if form == "votable":  # knows no undefined whole number in a vector
            table["bands"] = np.ma.filled(np.ma.masked_array(bands, dtype=float), np.nan)
        table.write(tmp_path / name, format=form)
        read = read_table(tmp_path / name)
        found = read.frame[["MAG_APER_0", "MAG_APER_1", "MAG_APER_2"]].to_numpy(np.float32)
        np.testing.assert_array_equal(found, mags)
        assert read.units["MAG_APER_1"] == "mag"
        assert read.frame["bands_0"].tolist() == [1, 3]
        assert np.isnan(read.frame["bands_1"][1]) and read.frame["bands_1"][2] == 4, name
    lists = pa.FixedSizeListArray.from_arrays(pa.array([1.5, 2.5, 3.5, 4.5]), 2)
    lists = pa.concat_arrays([lists, pa.nulls(1, lists.type)])
    columns = [pa.array([1.0, 2.0, 3.0]), pa.array([4.0, 5.0, 6.0]), lists]
    pq.write_table(pa.table(columns, ["ra", "dec", "z"]), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    np.testing.assert_array_equal(read.frame["z_0"], [1.5, 3.5, np.nan])
    np.testing.assert_array_equal(read.frame["z_1"], [2.5, 4.5, np.nan])


def test_images_in_cells_are_no_columns(tmp_path: Path) -> None:
    """Cells of two axes, or of more numbers than a table has columns for, are left out."""
    from astropy.table import Table

    table = Table({"ra": [1.0, 2.0], "dec": [3.0, 4.0], "stamp": np.zeros((2, 5, 5))})
    table["spectrum"] = np.zeros((2, 4000))
    table.write(tmp_path / "t.fits")
    read = read_table(tmp_path / "t.fits")
    assert list(read.frame.columns) == ["ra", "dec"]
    assert len([note for note in read.notes if "left out" in note]) == 2
