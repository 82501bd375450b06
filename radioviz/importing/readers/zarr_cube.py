"""A stack of images in zarr."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.cube import Cube, choose_member, plain_scalar
from radioviz.importing.readers.table_builder import reading

_COMPRESSORS = ("blosc", "zstd", "lz4", "gzip", "zlib", "bz2")
# The other codecs of zarr change types, nest chunks or, one of them, unpickle.
_CODECS = (
    *_COMPRESSORS, "bytes", "transpose", "shuffle", "crc32", "crc32c", "adler32", "fletcher32",
)  # fmt: skip


class ZarrCube(Cube):
    """A zarr array, or the one stack of images in a zarr group."""

    def __init__(self, path: Path, member: str = "") -> None:
        super().__init__(path)
        try:
            import zarr
        except ImportError:
            raise CatalogueError(
                f"{path}: a zarr array; the package zarr, which reads it, is not installed "
                "(pip install zarr), or convert it to HDF5 or .npy"
            ) from None
        with reading(path, "zarr array"):
            packed = zarr.storage.ZipStore if path.is_file() else zarr.storage.LocalStore
            options = {"mode": "r"} if path.is_file() else {"read_only": True}
            node = zarr.open(packed(path, **options), mode="r")
            if hasattr(node, "arrays"):
                arrays = {name: array for name, array in node.arrays() if array.ndim >= 2}
                found = {n: (a.shape, np.dtype(a.dtype)) for n, a in arrays.items()}
                self.member = choose_member(path, found, member)
                node = arrays[self.member]
            self._array = node
            self.check(node.shape, np.dtype(node.dtype))
            self.check_chunk(tuple(node.chunks))
            files = [path] if path.is_file() else path.rglob("*")
            self.check_stored(sum(file.stat().st_size for file in files if file.is_file()))
            _check_codecs(path, node.metadata)
            self.attributes = {k: plain_scalar(v) for k, v in dict(node.attrs).items()}

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        with reading(self.path, "zarr array"):
            for i in range(start, self.shape[0], self.block):
                yield np.asarray(self._array[i : i + self.block])


def _check_codecs(path: Path, metadata: Any) -> None:
    """Refuse all but plain compression in the metadata of a zarr array of either format."""
    if metadata.zarr_format == 2:
        names = [
            codec.codec_id for codec in (*(metadata.filters or ()), metadata.compressor) if codec
        ]
    else:
        names = [str(codec.to_dict()["name"]) for codec in metadata.codecs]
    names = [name.removeprefix("numcodecs.") for name in names]
    odd = [repr(name) for name in names if name not in _CODECS]
    packers = [name for name in names if name in _COMPRESSORS]
    if odd or len(packers) > 1:
        raise CatalogueError(
            f"{path}: its codec {odd[0] if odd else ' over '.join(packers)} is not supported; use "
            f"one of {', '.join(_COMPRESSORS)}, or none"
        )
