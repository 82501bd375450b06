"""Headers of NumPy arrays that announce what is not there."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from radioviz.errors import CatalogueError
from radioviz.importing.readers.cube_formats import open_cube
from radioviz.store import npy, records


def _file(values: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, values, version)
    return out.getvalue()


WHOLE = _file(np.zeros((5, 24, 24), np.float32))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_a_header_of_every_version(version: tuple[int, int]) -> None:
    file = io.BytesIO(_file(np.arange(6, dtype="<i2").reshape(2, 3), version))
    assert npy.read_header(file) == ((2, 3), False, np.dtype("<i2"))
    assert file.read() == np.arange(6, dtype="<i2").tobytes()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # numpy asks for as many bytes as a header claims to have.
        (b"\x93NUMPY\x03\0" + struct.pack("<I", 0xFF000040) + WHOLE[12:], "header has 4,278,190,"),
        (b"\x93NUMPY\x02\0" + struct.pack("<I", 0) + WHOLE[12:], "header has 0 bytes"),
        (b"\x93NUMPY\x09\0" + WHOLE[8:], "version 9.0"),
        (WHOLE.replace(b"(5, 24,", b"(-5,24,"), "negative"),
        (WHOLE.replace(b"(5, 24, 24), }", b"(5e9, 24, 24)}"), "damaged"),
        (WHOLE.replace(b"(5, 24, 24), }    ", b"(5, 24, 240000), }"), r"takes 115,200,000 bytes"),
        (WHOLE[:-1], "takes 11,520 bytes; 11,519 are there"),
    ],
)
def test_headers_that_cannot_be_true(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "c.npy").write_bytes(content)
    with pytest.raises(ValueError, match=expected):
        records.read_npy(tmp_path / "c.npy")
    with pytest.raises(CatalogueError, match=expected):
        open_cube(tmp_path / "c.npy")


def test_no_numpy_file() -> None:
    with pytest.raises(ValueError, match="begins with b'PK'"):
        npy.read_header(io.BytesIO(b"PK"))
