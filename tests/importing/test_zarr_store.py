"""Chunks and codecs of zarr that would harm: refused before a decompressor sees them."""

from __future__ import annotations

import bz2
import gzip
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radioviz.errors import CatalogueError
from radioviz.importing.readers.cube_formats import open_cube

zarr = pytest.importorskip("zarr")
codecs = pytest.importorskip("zarr.codecs")
numcodecs = pytest.importorskip("numcodecs")

from radioviz.importing.readers.zarr_store import RefusedChunk, check_chunk  # noqa: E402

STACK = np.random.default_rng(0).normal(size=(3, 24, 24)).astype(np.float32)
SIZE = 2 * 24 * 24 * 4


def _write(folder: Path, version: int, compressor: Any, **more: Any) -> Path:
    array = zarr.create_array(
        str(folder / "c.zarr"), shape=STACK.shape, dtype=STACK.dtype, chunks=(2, 24, 24),
        zarr_format=version, compressors=compressor, **more,
    )  # fmt: skip
    array[:] = STACK
    return folder / "c.zarr"


def _read(path: Path) -> np.ndarray:
    return np.concatenate(list(open_cube(path).blocks()))


@pytest.mark.parametrize(
    ("version", "compressor"),
    [
        (2, numcodecs.Blosc()),
        (2, numcodecs.Zstd()),
        (2, numcodecs.LZ4()),
        (2, numcodecs.Zlib()),
        (2, numcodecs.BZ2()),
        (2, None),
        (3, codecs.BloscCodec()),
        (3, codecs.ZstdCodec()),
        (3, codecs.GzipCodec()),
        (3, [codecs.BloscCodec(), codecs.Crc32cCodec()]),
        (3, None),
    ],
)
def test_usual_codecs_are_read(version: int, compressor: Any, tmp_path: Path) -> None:
    np.testing.assert_array_equal(_read(_write(tmp_path, version, compressor)), STACK)


def _damage(path: Path, change: bytes, at: int) -> None:
    for chunk in path.rglob("*"):
        if chunk.is_file() and chunk.name in ("0.0.0", "0") and "zarr.json" not in chunk.name:
            content = bytearray(chunk.read_bytes())
            content[at : at + len(change)] = change
            chunk.write_bytes(content)


@pytest.mark.parametrize(("version", "codec"), [(2, numcodecs.Blosc()), (3, codecs.BloscCodec())])
def test_a_blosc_chunk_that_claims_more_than_it_has(
    version: int, codec: Any, tmp_path: Path
) -> None:
    """Blosc would read beyond the chunk's end, until the process dies."""
    path = _write(tmp_path, version, codec)
    _damage(path, struct.pack("<I", 1_308_627_471), 12)
    with pytest.raises(CatalogueError, match=r"claims 1,308,627,471 packed bytes"):
        _read(path)
    _damage(path, struct.pack("<II", 1_388_110_282, 4608), 4)
    _damage(path, b"", 0)
    with pytest.raises(CatalogueError):
        _read(path)


def test_sizes_are_looked_at_before_unpacking() -> None:
    long = bytes(1 << 24)
    bombs = {
        "lz4": numcodecs.LZ4().encode(long),
        "zstd": numcodecs.Zstd().encode(long),
        "gzip": gzip.compress(long),
        "zlib": zlib.compress(long),
        "bz2": bz2.compress(long),
        "blosc": numcodecs.Blosc().encode(long),
    }
    for codec, content in bombs.items():
        check_chunk(codec, bytes(content), 1 << 24)
        with pytest.raises(RefusedChunk, match="unpacks to"):
            check_chunk(codec, bytes(content), SIZE)
    short = numcodecs.Zstd().encode(bytes(300))  # announced in two bytes
    check_chunk("zstd", bytes(short), 300)
    with pytest.raises(RefusedChunk, match="unpacks to 300"):
        check_chunk("zstd", bytes(short), 299)
    with pytest.raises(RefusedChunk, match="too short"):
        check_chunk("blosc", b"\2\1", SIZE)


@pytest.mark.parametrize("codec", ["pickle", "lzma", "base64"])
def test_codecs_that_are_not_known_to_be_harmless_are_refused(codec: str, tmp_path: Path) -> None:
    """A pickle for a compressor would be opened with the first image."""
    path = _write(tmp_path, 2, numcodecs.Zlib())
    about = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps(about | {"compressor": {"id": codec}}))
    with pytest.raises(CatalogueError, match=rf"codec.*{codec}"):
        open_cube(path)


def test_shards_are_refused_by_name(tmp_path: Path) -> None:
    """Chunks within them are not seen one by one."""
    path = _write(tmp_path, 3, codecs.BloscCodec(), shards=(4, 24, 24))
    with pytest.raises(CatalogueError, match="its codec 'sharding_indexed' is not supported"):
        open_cube(path)
