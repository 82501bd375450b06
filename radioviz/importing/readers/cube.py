"""A stack of images, ``(n, ny, nx)`` or ``(n, planes, ny, nx)``, whatever file it is in.

The array is mapped or read in blocks, never as a whole. Its declared sizes are checked
before memory is allocated.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.data.source_planes import MOST_PLANES
from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_builder import UserTable
from radioviz.store.unpacking import excess

MAX_SIDE = 8192
MAX_IMAGES = 20_000_000
MAX_CHUNK_BYTES = 1 << 28
MAX_CHUNKS = 4096
_BLOCK_BYTES = 1 << 26
_HINT = "expected numbers of shape (images, ny, nx)"
_SEVERAL = "or (images, planes, ny, nx)"


class Cube(ABC):
    """An array ``(n, ny, nx)`` that is read in blocks along its first axis.

    Attributes
    ----------
    shape : tuple of int
        ``(n, ny, nx)``, or ``(n, planes, ny, nx)`` of several images of each source.
    planes : tuple of str
        Names of these; empty where there is one.
    dtype : numpy.dtype
        Of the file.
    attributes : dict
        Scalars that the file keeps with the array (HDF5, zarr).
    """

    shape: tuple[int, ...]
    planes: tuple[str, ...] = ()
    dtype: np.dtype

    def __init__(self, path: Path) -> None:
        self.path = path
        self.attributes: dict[str, Any] = {}
        self._chunks = 1  # an image lies in so many

    def check(self, shape: tuple[int, ...], dtype: np.dtype, what: str = "") -> None:
        """Set shape and type.

        Raises CatalogueError if the array is not a stack of images.
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
        if len(shape) == 4 and not 2 <= shape[1] <= min(MOST_PLANES, *shape[2:]):
            raise CatalogueError(
                f"{where}: shape {shape}; {_HINT} {_SEVERAL}, with 2 to {MOST_PLANES} planes in "
                "front of the rows"
            )
        if len(shape) not in (3, 4):
            raise CatalogueError(f"{where}: shape {shape}; {_HINT} {_SEVERAL}")
        n, ny, nx = shape[0], shape[-2], shape[-1]
        if not (0 < n <= MAX_IMAGES and 2 <= ny <= MAX_SIDE and 2 <= nx <= MAX_SIDE):
            raise CatalogueError(
                f"{where}: {n:,} images of {nx} x {ny} pixels; 1 to {MAX_IMAGES:,} of 2 to "
                f"{MAX_SIDE} pixels are read"
            )
        self.shape, self.dtype = tuple(shape), dtype
        if len(shape) == 4:
            self.planes = tuple(str(k + 1) for k in range(shape[1]))

    def check_stored(self, stored: int) -> None:
        """Raise CatalogueError for an array that is larger than its stored bytes explain."""
        if why := excess(stored, math.prod(self.shape) * self.dtype.itemsize):
            n, *_, ny, nx = self.shape
            raise CatalogueError(f"{self.path}: {n:,} images of {nx} x {ny} pixels: {why}")

    def check_chunk(self, chunk: tuple[int, ...]) -> None:
        """Raise CatalogueError for chunks that are too large, or too many an image.

        A chunk is unpacked as a whole for every image in it, and all chunks of a block are
        looked up at once.
        """
        sides = zip(self.shape[1:], chunk[1:], strict=False)
        self._chunks = math.prod(-(-side // max(part, 1)) for side, part in sides)
        if self._chunks > MAX_CHUNKS:
            raise CatalogueError(
                f"{self.path}: stored in chunks of {chunk}, {self._chunks:,} an image; up to "
                f"{MAX_CHUNKS:,} are read. Store it with larger ones"
            )
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
        one = math.prod(self.shape[1:]) * self.dtype.itemsize
        return max(1, min(1024, _BLOCK_BYTES // one, MAX_CHUNKS // self._chunks))

    @abstractmethod
    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Images from number ``start``, ``(k, ny, nx)`` at a time."""

    def table(self) -> UserTable | None:
        """Columns in the same file as the array, one cell per image."""
        return None


def plain_scalar(value: Any) -> Any:
    """An attribute as a plain number or text; '' for anything larger."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | bool) else ""


def choose_member(
    path: Path, found: dict[str, tuple[tuple[int, ...], np.dtype]], member: str
) -> str:
    """Name of the one stack of images among arrays by name, or of the one that is asked for.

    Raises CatalogueError if there is none, or several.
    """
    listed = ", ".join(f"'{n}' {shape} {dtype}" for n, (shape, dtype) in list(found.items())[:20])
    if member:
        if member in found:
            return member
        raise CatalogueError(f"{path}: no array '{member}'; it holds {listed or 'none'}")
    stacks = [
        n for n, (shape, dtype) in found.items() if len(shape) in (3, 4) and dtype.kind in "buif"
    ]
    if len(stacks) == 1:
        return stacks[0]
    if stacks:
        raise CatalogueError(f"{path}: several stacks of images: {listed}; name one (array)")
    if len(found) == 1:
        return next(iter(found))
    raise CatalogueError(f"{path}: no stack of images ({_HINT}); it holds {listed or 'no array'}")
