"""Chunks and codecs of zarr that would harm: refused, or read in a confined process."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radioviz.api import confined
from radioviz.errors import CatalogueError, ReaderError
from radioviz.importing import Source
from radioviz.importing.readers.cube_formats import open_cube

zarr = pytest.importorskip("zarr")
codecs = pytest.importorskip("zarr.codecs")
numcodecs = pytest.importorskip("numcodecs")

STACK = np.random.default_rng(0).normal(size=(3, 24, 24)).astype(np.float32)


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
    """Blosc may read beyond the chunk's end, until the process dies: not that of the server."""
    path = _write(tmp_path, version, codec)
    _damage(path, struct.pack("<I", 1_308_627_471), 12)
    try:
        assert confined.inspect_source(Source(path)).count == len(STACK)
    except (CatalogueError, ReaderError) as error:
        assert "c.zarr" in str(error)
    _damage(path, struct.pack("<II", 1_388_110_282, 4608), 4)
    with pytest.raises((CatalogueError, ReaderError), match=r"c\.zarr"):
        confined.inspect_source(Source(path))


@pytest.mark.parametrize("codec", ["lz4", "zstd", "gzip", "zlib", "bz2", "blosc"])
def test_a_chunk_that_unpacks_to_more_than_an_array_holds(codec: str, tmp_path: Path) -> None:
    """64 MB where 5 kB are expected."""
    long = bytes(1 << 26)
    packers = {
        "lz4": numcodecs.LZ4(),
        "zstd": numcodecs.Zstd(),
        "gzip": numcodecs.GZip(),
        "zlib": numcodecs.Zlib(),
        "bz2": numcodecs.BZ2(),
        "blosc": numcodecs.Blosc(),
    }
    path = _write(tmp_path, 2, packers[codec])
    (path / "0.0.0").write_bytes(packers[codec].encode(long))
    with pytest.raises((CatalogueError, ReaderError), match=r"c\.zarr"):
        confined.inspect_source(Source(path))


@pytest.mark.parametrize("chunk", [20_000, 1 << 40])
def test_chunks_of_an_array_too_large_to_unpack(chunk: int, tmp_path: Path) -> None:
    path = _write(tmp_path, 2, numcodecs.Zlib())
    about = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps(about | {"chunks": [chunk, 240, 240]}))
    with pytest.raises(CatalogueError, match=r"stored in chunks of .* GB"):
        open_cube(path)


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
