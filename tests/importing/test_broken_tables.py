"""Tables that are hostile, broken, or larger than they look."""

from __future__ import annotations

import contextlib
import gzip

import numpy as np
import pandas as pd
import pytest

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import reading
from radioviz.importing.readers.user_tables import read_table

_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1 if i > 1 else str()};" * 10}">' for i in range(1, 12))
    + "]><VOTABLE><DESCRIPTION>&a11;</DESCRIPTION></VOTABLE>"
)
_EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<VOTABLE><DESCRIPTION>&x;</DESCRIPTION></VOTABLE>"
)
_PARAMETER = (
    '<?xml version="1.0"?><!DOCTYPE v [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;]><VOTABLE/>'
)
_STREAM = (
    '<VOTABLE><RESOURCE><TABLE><FIELD name="ra" datatype="double"/><DATA><BINARY>'
    '<STREAM href="file:///etc/passwd" encoding="base64"/></BINARY></DATA></TABLE></RESOURCE>'
    "</VOTABLE>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_LAUGHS, "declares the entity 'a'"),
        (_EXTERNAL, "declares the entity 'x'"),
        (_PARAMETER, "declares the entity 'x'"),
        (_STREAM, "keeps its rows elsewhere"),
        ("<VOTABLE>" + "<RESOURCE>" * 100, "not well-formed"),
        (
            "<VOTABLE>" + "<RESOURCE>" * 100_000 + "</RESOURCE>" * 100_000 + "</VOTABLE>",
            "not a readable VOTable: maximum recursion depth",
        ),
        ('<VOTABLE><TABLE nrows="99999999999"/></VOTABLE>', "99,999,999,999 rows"),
        (
            '<VOTABLE><PARAM name="a" datatype="int" value="1" arraysize="900000"/>'
            '<PARAM name="b" datatype="int" value="1" arraysize="900000"/></VOTABLE>',
            "announce 1,800,000 values",
        ),
        (
            '<VOTABLE><FIELD arraysize="99999x99999"/></VOTABLE>',
            "32 rows of 1 columns, 2,559,948,800,256 bytes",
        ),
        (
            '<VOTABLE><TABLE nrows="9000"><FIELD datatype="char" arraysize="99999"/></TABLE>'
            "</VOTABLE>",
            "9,000 rows of 1 columns, 3,599,964,000 bytes",
        ),
        (
            '<VOTABLE><TABLE nrows="9000">'
            + '<FIELD datatype="double" arraysize="9999"/>' * 9
            + "</TABLE></VOTABLE>",
            "9,000 rows of 3 columns, 2,159,784,000 bytes",
        ),
        (
            '<VOTABLE><TABLE><FIELD datatype="double" arraysize="999999"/><DATA><TABLEDATA>'
            + "<TR/>" * 300
            + "</TABLEDATA></DATA></TABLE></VOTABLE>",
            "269 rows of 1 columns, 2,151,997,848 bytes",
        ),
        ('<v:VOTABLE xmlns:v="x"><RESOURCE></v:VOTABLE>', "not well-formed"),
    ],
)
def test_xml_that_acts_is_refused(tmp_path, text, expected, encoding):
    path = tmp_path / "t.vot"
    path.write_bytes(
        text.replace('version="1.0"', f'version="1.0" encoding="{encoding}"').encode(encoding)
    )
    with pytest.raises(CatalogueError, match=expected):
        read_table(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"# only a comment\n", "only comments"),
        (b"ra,dec\n", "no rows"),
        (b"a\0b", "binary file"),
        (b"\x80\x04\x95\x00", "pickled"),
        (b"PK\x03\x04xxxx", "spreadsheet"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x89PNG\r\n", "PNG"),
        (b"<html><body>404</body></html>", "HTML page"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML page"),
        (b"<?xml version='1.0'?><rss></rss>", "'rss', not a VOTable"),
        (b"<VOTABLE><RESOURCE>", "not well-formed"),
        (b"PAR1 but no more", "Parquet"),
        (b"\x1f\x8b damaged", "gzip"),
        (b"# %ECSV 1.0\n# ---\n# datatype: [\n", "ECSV"),
        (b"1.5,2.5,3.5,4.5\n", "no names"),
        (b"# 1 ALPHA\n# 999999999 DELTA\n1 2\n", "999,999,999 columns"),
        (b"# 1 ALPHA\n# 2 DELTA\n" + b"1 " * 6000 + b"\n", "6,000 columns"),
        (b"ra,dec\n1,2,3\n", "no column|header has 2|no rows"),
    ],
)
def test_broken_files_are_named(tmp_path, content, expected):
    path = tmp_path / "table"
    path.write_bytes(content)
    if expected.startswith("no column"):
        assert read_table(path).refused
        return
    with pytest.raises(CatalogueError, match=expected) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_a_library_that_asks_for_too_much(tmp_path):
    said = r"t\.csv: this CSV asks for more memory than there is"
    with pytest.raises(CatalogueError, match=said), reading(tmp_path / "t.csv", "CSV"):
        np.empty(1 << 60, np.uint8)


def test_missing_file(tmp_path):
    with pytest.raises(CatalogueError, match="no such table"):
        read_table(tmp_path / "nothing.csv")


def test_fits_image_is_no_table(tmp_path):
    from astropy.io import fits

    fits.PrimaryHDU(np.zeros((5, 5), np.float32)).writeto(tmp_path / "i.fits")
    with pytest.raises(CatalogueError, match="without a table"):
        read_table(tmp_path / "i.fits")


def test_error_of_a_service_in_a_votable(tmp_path):
    (tmp_path / "t.vot").write_text(
        '<VOTABLE version="1.4"><RESOURCE type="results">'
        '<INFO name="QUERY_STATUS" value="ERROR">Table nosuch not found</INFO>'
        "</RESOURCE></VOTABLE>"
    )
    with pytest.raises(CatalogueError, match="the service reports: Table nosuch not found"):
        read_table(tmp_path / "t.vot")


def test_gzip_bomb(tmp_path, monkeypatch):
    from radioviz.importing.readers import user_tables as tables

    monkeypatch.setattr(tables, "MAX_BYTES", 1_000_000)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"ra,dec\n" + b"1,2\n" * 1_000_000))
    with pytest.raises(CatalogueError, match="unpacks to more than 1,000,000 bytes"):
        read_table(tmp_path / "t.csv.gz")


def test_a_small_file_that_unpacks_to_a_gigabyte_takes_no_memory(tmp_path):
    import tracemalloc

    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(b"1,2\n" * 12_000_000))  # 48 MB
    tracemalloc.start()
    with pytest.raises(CatalogueError, match="46,701 stored bytes unpack to"):
        read_table(packed)
    assert tracemalloc.get_traced_memory()[1] < 150e6
    tracemalloc.stop()


def test_a_damaged_gzip_takes_no_memory(tmp_path):
    import tracemalloc

    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(b"ra,dec\n1,2\n")[:-6])
    tracemalloc.start()
    with pytest.raises(CatalogueError, match="gzip stream is damaged or cut short after 0 bytes"):
        read_table(packed)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize("card", ["TFORM1  = 'D'", "TTYPE1  = 'ra'", "TUNIT1  = 'deg'"])
def test_a_number_where_a_fits_header_has_text(card, tmp_path):
    from astropy.io import fits

    columns = [fits.Column("ra", "D", "deg", array=np.arange(3.0)), fits.Column("b", "D")]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    content = (tmp_path / "t.fits").read_bytes()
    where = content.index(card[:8].encode())
    damaged = f"{card[:8]}= {1.5:>20}".ljust(80).encode()
    (tmp_path / "t.fits").write_bytes(content[:where] + damaged + content[where + 80 :])
    with contextlib.suppress(CatalogueError):
        read_table(tmp_path / "t.fits")


def test_parquet_text_that_is_no_text(tmp_path):
    """pyarrow would notice it at the first look at such a cell."""
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"name": ["J0001+01", "J0002+02"], "ra": [1.0, 2.0]})
    frame.to_parquet(path, compression=None)
    path.write_bytes(path.read_bytes().replace(b"J0001", b"J00\xff1"))
    with pytest.raises(CatalogueError, match=r"not a readable Parquet file: .*UTF8"):
        read_table(path)


def test_parquet_of_constants(tmp_path):
    """Runs of one value: kilobytes in the file, gigabytes in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    zeros = pa.array(np.zeros(1_000_000, bool))
    pq.write_table(pa.table({f"c{i}": zeros for i in range(300)}), path)
    assert path.stat().st_size < 5_000_000
    with pytest.raises(CatalogueError, match="1,000,000 rows of 300 columns, 2,400,000,000 bytes"):
        read_table(path)
    for kind in (pa.string(), pa.large_string(), pa.binary()):
        cells = pa.array(["x" * 100_000], kind).dictionary_encode()
        column = pa.DictionaryArray.from_arrays(np.zeros(40_000, np.int32), cells.dictionary)
        pq.write_table(pa.table({"name": column}), path, store_schema=False)
        assert path.stat().st_size < 1_000_000
        with pytest.raises(
            CatalogueError, match=r"40,000 rows of 1 columns, 4,000,\d\d\d,000 bytes"
        ):
            read_table(path)
