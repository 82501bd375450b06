"""Stacks of images in NumPy's formats, and which format a file has."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.readers.cube import Cube, choose_member
from radioviz.importing.readers.hdf5_cube import H5Cube
from radioviz.importing.readers.table_builder import TableBuilder, UserTable, check_rows, reading
from radioviz.importing.readers.zarr_cube import ZarrCube
from radioviz.store import npy
from radioviz.store.unpacking import excess

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_ZARR = ("zarr.json", ".zarray", ".zgroup")


class NpyCube(Cube):
    """``.npy``, read block by block; mapped only where it is in Fortran order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with reading(path, "NumPy array"):
            npy.check_length(path)
            self._array: np.memmap = np.load(path, mmap_mode="r", allow_pickle=False)
        self.check(self._array.shape, self._array.dtype)

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        n, one = self.shape[0], math.prod(self.shape[1:]) * self.dtype.itemsize
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
                yield np.frombuffer(content, self.dtype).reshape(count, *self.shape[1:])


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
                info = archive.getinfo(name)
                if why := excess(info.compress_size, info.file_size):
                    raise CatalogueError(f"{path} ({name}): {why}")
                with archive.open(name) as file:
                    shape, _, dtype = npy.read_header(file)
                if len(shape) >= 2:
                    found[name] = (shape, dtype)
                else:
                    self._others[name] = (shape, dtype, info.file_size)
        stacks = {n.removesuffix(".npy"): s for n, s in found.items()}
        self.member = choose_member(path, stacks, member)
        self.check(*found[self.member + ".npy"], what=self.member)

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """See :class:`Cube`; a later start still inflates all before it."""
        one = math.prod(self.shape[1:]) * self.dtype.itemsize
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

    Raises CatalogueError if it is not a cube, is damaged, or ``member`` names no array in it.
    """
    if path.is_dir() or path.name.lower().endswith(".zarr.zip"):
        return ZarrCube(path, member)
    with path.open("rb") as file:
        head = file.read(8)
    if head[:6] == npy.MAGIC:
        return NpyCube(path)
    return H5Cube(path, member) if head == _HDF5 else NpzCube(path, member)
