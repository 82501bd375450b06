"""One array of images, ``(n, ny, nx)``, in NumPy, HDF5 or zarr, row by row with a table.

The array is mapped or read in blocks, never as a whole. Its declared sizes are checked
before memory is allocated; links from an HDF5 file to other files are not followed.
"""

from __future__ import annotations

import io
import math
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import (
    TableBuilder,
    UserTable,
    check_rows,
    reading,
)
from radioviz.store import npy

MAX_SIDE = 8192
MAX_IMAGES = 20_000_000
MAX_CHUNK_BYTES = 1 << 28
_BLOCK_BYTES = 1 << 26
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_ZARR = ("zarr.json", ".zarray", ".zgroup")
_COMPRESSORS = ("blosc", "zstd", "lz4", "gzip", "zlib", "bz2")
# The other codecs of zarr change types, nest chunks or, one of them, unpickle.
_CODECS = (
    *_COMPRESSORS, "bytes", "transpose", "shuffle", "crc32", "crc32c", "adler32", "fletcher32",
)  # fmt: skip
_HINT = "expected numbers of shape (images, ny, nx)"


class Cube(ABC):
    """An array ``(n, ny, nx)`` that is read in blocks along its first axis.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        Of the file.
    attributes : dict
        Scalars that the file keeps with the array (HDF5, zarr).
    """

    shape: tuple[int, int, int]
    dtype: np.dtype

    def __init__(self, path: Path) -> None:
        self.path = path
        self.attributes: dict[str, Any] = {}

    def check(self, shape: tuple[int, ...], dtype: np.dtype, what: str = "") -> None:
        """Set shape and type.

        Raises
        ------
        CatalogueError
            If the array is not a stack of images.
        """
        where = f"{self.path}{f' ({what})' if what else ''}"
        if dtype.kind not in "buif" or dtype.itemsize > 8:
            raise CatalogueError(f"{where}: the array holds {dtype}; {_HINT}")
        if len(shape) == 4 and 1 in (shape[1], shape[3]):
            axis = 1 if shape[1] == 1 else 3
            raise CatalogueError(
                f"{where}: shape {shape}; {_HINT}. Its axis {axis} of length 1 is a channel: "
                "drop it"
            )
        if len(shape) != 3:
            raise CatalogueError(f"{where}: shape {shape}; {_HINT}")
        n, ny, nx = shape
        if not (0 < n <= MAX_IMAGES and 2 <= ny <= MAX_SIDE and 2 <= nx <= MAX_SIDE):
            raise CatalogueError(
                f"{where}: {n:,} images of {nx} x {ny} pixels; 1 to {MAX_IMAGES:,} of 2 to "
                f"{MAX_SIDE} pixels are read"
            )
        self.shape, self.dtype = (n, ny, nx), dtype

    def check_chunk(self, chunk: tuple[int, ...]) -> None:
        """Raise CatalogueError for chunks larger than :data:`MAX_CHUNK_BYTES`.

        A chunk is unpacked as a whole for every image in it.
        """
        size = math.prod(chunk) * self.dtype.itemsize
        if size > MAX_CHUNK_BYTES:
            raise CatalogueError(
                f"{self.path}: stored in chunks of {size / 1e9:.1f} GB {chunk}; up to "
                f"{MAX_CHUNK_BYTES / 1e9:.1f} GB are read. Store it with smaller ones"
            )

    @property
    def is_grey(self) -> bool:
        """True for grey levels: bytes or booleans."""
        return self.dtype in (np.uint8, np.bool_)

    @property
    def block(self) -> int:
        """Images per read."""
        one = self.shape[1] * self.shape[2] * self.dtype.itemsize
        return max(1, min(1024, _BLOCK_BYTES // one))

    @abstractmethod
    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Images from number ``start``, ``(k, ny, nx)`` at a time."""

    def table(self) -> UserTable | None:
        """Columns in the same file as the array, one cell per image."""
        return None


class NpyCube(Cube):
    """``.npy``, read block by block; mapped only where it is in Fortran order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with reading(path, "NumPy array"):
            npy.check_length(path)
            self._array: np.memmap = np.load(path, mmap_mode="r", allow_pickle=False)
        self.check(self._array.shape, self._array.dtype)

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """See :class:`Cube`."""
        n, ny, nx = self.shape
        one = ny * nx * self.dtype.itemsize
        plain = self._array.flags.c_contiguous
        with self.path.open("rb") as file:
            for i in range(start, n, self.block):
                count = min(self.block, n - i)
                if not plain:
                    yield self._array[i : i + count]
                    continue
                # The pages of a memory map would stay in the process, up to the whole cube.
                file.seek(self._array.offset + i * one)
                content = file.read(count * one)
                if len(content) < count * one:
                    raise CatalogueError(f"{self.path}: the array is cut short")
                yield np.frombuffer(content, self.dtype).reshape(count, ny, nx)


class NpzCube(Cube):
    """``.npz``: its one stack of images, inflated while it is read; the rest is a table."""

    def __init__(self, path: Path, member: str = "") -> None:
        super().__init__(path)
        self._others: dict[str, tuple[tuple[int, ...], np.dtype, int]] = {}
        found: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
        with reading(path, "NumPy archive"), zipfile.ZipFile(path) as archive:
            for name in archive.namelist()[:1000]:
                if not name.endswith(".npy"):
                    continue
                with archive.open(name) as file:
                    shape, _, dtype = npy.read_header(file)
                if len(shape) >= 2:
                    found[name] = (shape, dtype)
                else:
                    self._others[name] = (shape, dtype, archive.getinfo(name).file_size)
        stacks = {n.removesuffix(".npy"): s for n, s in found.items()}
        self.member = _choose_member(path, stacks, member)
        self.check(*found[self.member + ".npy"], what=self.member)

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """See :class:`Cube`; a later start still inflates all before it."""
        one = self.shape[1] * self.shape[2] * self.dtype.itemsize
        with (
            reading(self.path, "NumPy archive"),
            zipfile.ZipFile(self.path) as archive,
            archive.open(self.member + ".npy") as file,
        ):
            _, fortran, _ = npy.read_header(file)
            if fortran:
                raise CatalogueError(
                    f"{self.path} ({self.member}): stored in Fortran order; save it in C order"
                )
            file.seek(start * one, io.SEEK_CUR)
            for i in range(start, self.shape[0], self.block):
                count = min(self.block, self.shape[0] - i)
                content = file.read(count * one)
                if len(content) < count * one:
                    raise CatalogueError(f"{self.path} ({self.member}): the array is cut short")
                yield np.frombuffer(content, self.dtype).reshape(count, *self.shape[1:])

    def table(self) -> UserTable | None:
        """One-dimensional members as long as the stack."""
        builder = TableBuilder(self.path)
        with (
            reading(self.path, "NumPy archive"),
            np.load(self.path, allow_pickle=False) as archive,
        ):
            needed = 0
            for name, (shape, dtype, size) in self._others.items():
                if shape != (self.shape[0],):
                    continue
                cells = shape[0] * dtype.itemsize
                needed += cells
                if cells > size:  # numpy would allocate all of them first
                    raise CatalogueError(
                        f"{self.path} ({name}): {shape[0]:,} cells of {dtype} take {cells:,} "
                        f"bytes; the archive has {size:,}"
                    )
                check_rows(self.path, shape[0], len(builder.columns) + 1, needed)
                builder.add(name.removesuffix(".npy"), archive[name.removesuffix(".npy")])
        return builder.table() if builder.columns else None


class H5Cube(Cube):
    """HDF5: its one dataset with three axes, in any group."""

    def __init__(self, path: Path, member: str = "") -> None:
        import h5py

        super().__init__(path)
        while h5py.h5pl.size():  # a file could have a filter loaded from these folders
            h5py.h5pl.remove(0)
        self._columns: list[str] = []
        found: dict[str, tuple[tuple[int, ...], np.dtype]] = {}

        seen: set[int] = set()

        def visit(group: Any, prefix: str, depth: int) -> None:
            for name in group:
                if depth > 8 or len(found) + len(self._columns) > 1000 or len(seen) > 10_000:
                    return
                # Other kinds of links lead, if only through one another, into other files.
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    continue
                item = group.get(name)
                place = h5py.h5o.get_info(item.id).addr
                if place in seen:
                    continue
                seen.add(place)
                if isinstance(item, h5py.Group):
                    visit(item, f"{prefix}{name}/", depth + 1)
                elif isinstance(item, h5py.Dataset):
                    if item.ndim >= 2:
                        found[prefix + name] = (item.shape, item.dtype)
                    elif item.ndim == 1:
                        self._columns.append(prefix + name)

        with reading(path, "HDF5 file"), self._open() as file:
            visit(file, "", 0)
            self.member = _choose_member(path, found, member)
            dataset = file[self.member]
            self.check(dataset.shape, dataset.dtype, what=self.member)
            if _is_elsewhere(dataset):
                raise CatalogueError(
                    f"{path} ({self.member}): its images lie in other files, which are not "
                    "read; copy the array into one file"
                )
            self.check_chunk(dataset.chunks or (1,))
            self._chunk = (dataset.chunks or (1,))[0]
            self.attributes = {
                **{k: _scalar(v) for k, v in file.attrs.items()},
                **{k: _scalar(v) for k, v in dataset.attrs.items()},
            }

    def _open(self) -> Any:
        import h5py

        return h5py.File(self.path, "r")

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """See :class:`Cube`; blocks end where the file's chunks end."""
        step = max(self.block // self._chunk, 1) * self._chunk
        with reading(self.path, "HDF5 file"), self._open() as file:
            while start < self.shape[0]:
                stop = min(start - start % step + step, self.shape[0])
                yield file[self.member][start:stop]
                start = stop

    def table(self) -> UserTable | None:
        """One-dimensional datasets as long as the stack, with their attribute ``unit``."""
        builder = TableBuilder(self.path)
        with reading(self.path, "HDF5 file"), self._open() as file:
            columns = []
            size = 0
            for name in self._columns:
                column = file[name]
                if column.shape == (self.shape[0],) and not _is_elsewhere(column):
                    columns.append((name, column))
                    # A chunk is unpacked as a whole, whatever the length of its column.
                    size += column.dtype.itemsize * max(column.shape + (column.chunks or ()))
            check_rows(self.path, self.shape[0], len(columns), size)
            for name, column in columns:
                if column.dtype.names:
                    for field in column.dtype.names:
                        builder.add(field, column[field][()])
                    continue
                attributes = {k: str(_scalar(v)) for k, v in column.attrs.items()}
                builder.add(
                    name.rpartition("/")[2],
                    column[()],
                    unit=attributes.get("unit", attributes.get("units", "")),
                    ucd=attributes.get("ucd", ""),
                )
        return builder.table() if builder.columns else None


def _is_elsewhere(dataset: Any) -> bool:
    """True where the cells of an HDF5 dataset lie in other files."""
    return bool(dataset.external or dataset.is_virtual)


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
                self.member = _choose_member(path, found, member)
                node = arrays[self.member]
            self._array = node
            self.check(node.shape, np.dtype(node.dtype))
            self.check_chunk(tuple(node.chunks))
            _check_codecs(path, node.metadata)
            self.attributes = {k: _scalar(v) for k, v in dict(node.attrs).items()}

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """See :class:`Cube`."""
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


def _scalar(value: Any) -> Any:
    """An attribute as a plain number or text; '' for anything larger."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | bool) else ""


def _choose_member(
    path: Path, found: dict[str, tuple[tuple[int, ...], np.dtype]], member: str
) -> str:
    listed = ", ".join(f"'{n}' {shape} {dtype}" for n, (shape, dtype) in list(found.items())[:20])
    if member:
        if member in found:
            return member
        raise CatalogueError(f"{path}: no array '{member}'; it holds {listed or 'none'}")
    stacks = [n for n, (shape, dtype) in found.items() if len(shape) == 3 and dtype.kind in "buif"]
    if len(stacks) == 1:
        return stacks[0]
    if stacks:
        raise CatalogueError(f"{path}: several stacks of images: {listed}; name one (array)")
    if len(found) == 1:
        return next(iter(found))
    raise CatalogueError(f"{path}: no stack of images ({_HINT}); it holds {listed or 'no array'}")


def is_cube(path: Path) -> bool:
    """True for a NumPy, HDF5 or zarr file or folder, or a zarr in a ZIP, by its content."""
    if path.is_dir():
        return any((path / n).is_file() for n in _ZARR)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return False
    is_zip = head[:4] == _ZIP and path.name.lower().endswith((".npz", ".zarr.zip"))
    return head[:6] == npy.MAGIC or head == _HDF5 or is_zip


def open_cube(path: Path, member: str = "") -> Cube:
    """The cube of a file or folder.

    Raises
    ------
    CatalogueError
        If it is not a cube, is damaged, or ``member`` names no array in it.
    """
    if path.is_dir() or path.name.lower().endswith(".zarr.zip"):
        return ZarrCube(path, member)
    with path.open("rb") as file:
        head = file.read(8)
    if head[:6] == npy.MAGIC:
        return NpyCube(path)
    return H5Cube(path, member) if head == _HDF5 else NpzCube(path, member)
