"""FITS tables whose headers cannot be true: refused by name, by both readers, at once."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from radioviz.api.samp_messages import Message, fetch_table
from radioviz.errors import CatalogueError, SampError
from radioviz.importing.readers.user_tables import read_table


def _imported(path: Path) -> int:
    return len(read_table(path))


def _sent(path: Path) -> int:
    return len(fetch_table(Message("table.load.fits", "TOPCAT", path.as_uri(), path.name)))


READERS = pytest.mark.parametrize("read", [_imported, _sent])


def _table(kind: type) -> bytes:
    form = "F12.6" if kind is fits.TableHDU else "D"
    columns = [fits.Column(n, form, array=np.arange(3.0)) for n in ("RA", "DEC")]
    out = io.BytesIO()
    kind.from_columns(columns).writeto(out)
    return out.getvalue()


BINARY, TEXT = _table(fits.BinTableHDU), _table(fits.TableHDU)


def _with(content: bytes, key: str, value: str, first: bool = False) -> bytes:
    """The content with another value of a keyword: of the table, or of the primary header."""
    where = content.index(f"{key:<8}= ".encode(), 0 if first else 2880)
    return content[:where] + f"{key:<8}= {value:>20}".ljust(80).encode() + content[where + 80 :]


def _more(content: bytes, *cards: str, start: int = 2880) -> bytes:
    """The content with further cards before the first END from ``start``: the table's."""
    where = content.index(b"END".ljust(80), start)
    added = b"".join(c.ljust(80).encode() for c in cards)
    return content[:where] + added + content[where : -len(added)]


@READERS
@pytest.mark.parametrize("content", [BINARY, TEXT])
def test_whole_tables_are_read(content: bytes, read: Callable[[Path], int], tmp_path: Path) -> None:
    (tmp_path / "t.fits").write_bytes(content)
    assert read(tmp_path / "t.fits") == 3
    (tmp_path / "t.fits.gz").write_bytes(gzip.compress(content))
    assert read(tmp_path / "t.fits.gz") == 3


@READERS
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # astropy would count that many axes: minutes.
        (_with(BINARY, "NAXIS", "2147483648", first=True), "NAXIS = 2147483648"),
        (_with(TEXT, "NAXIS", "4294967295"), "NAXIS = 4294967295"),
        (_with(BINARY, "NAXIS1", "'RA---TAN'"), "NAXIS1 = 'RA---TAN' is not an integer"),
        # It would make a list of that many columns, or a row as long: gigabytes.
        (_with(BINARY, "TFIELDS", "1" * 15), "TFIELDS = 1{15}"),
        (_with(TEXT, "TFIELDS", "1" * 30), "TFIELDS = 1{30}"),
        (_with(TEXT, "TFIELDS", "256"), "TFORM3 = '' is not a column format"),
        (_with(TEXT, "TBCOL2", "2147483648"), "takes 12 characters from 2147483648"),
        (_with(TEXT, "TBCOL1", "T"), "TBCOL1 = 'T' is not an integer"),
        (_with(TEXT, "TFORM2", "'BINTABLE'"), "TFORM2 = 'BINTABLE' is not a column format"),
        (_with(BINARY, "TFORM1", "'999999999D'"), "take 8,000,000,000 bytes .*, a row has 16"),
        # Which of two counts differs among the readers that see them.
        (_more(BINARY, f"PCOUNT  = {2**32:>20}"), "PCOUNT is in the header twice"),
        (_more(BINARY, f"NAXIS   = {2**32:>20}", start=0), "NAXIS is in the header twice"),
        (_with(BINARY, "NAXIS2", "3000"), "cut short"),
        (
            TEXT[:2880] + b"x" + _with(TEXT, "NAXIS", "4294967295")[2880:],
            "are not an HDU or padding",
        ),
        (_with(_with(BINARY, "NAXIS1", "0"), "NAXIS2", "9" * 9), "rows of 2 columns"),
    ],
)
def test_headers_that_cannot_be_true(
    content: bytes, expected: str, read: Callable[[Path], int], tmp_path: Path
) -> None:
    (tmp_path / "t.fits").write_bytes(content)
    with pytest.raises((CatalogueError, SampError), match=expected):
        read(tmp_path / "t.fits")


def test_a_sent_table_that_unpacks_to_a_gigabyte(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(gzip.compress(BINARY + bytes(1 << 28)))
    with pytest.raises(SampError, match="stored bytes unpack to"):
        _sent(tmp_path / "t")


def test_a_column_named_by_a_header_does_not_take_minutes(tmp_path: Path) -> None:
    """A FITS table behind a damaged first card is text of one long line."""
    name = "x" + " " * 20_000 + "y"
    (tmp_path / "t.csv").write_text(f"ra,dec,{name}\n1,2,3\n")
    from radioviz.importing.columns import map_columns

    assert map_columns(read_table(tmp_path / "t.csv")).columns == {"ra": "ra", "dec": "dec"}
