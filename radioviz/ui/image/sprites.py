"""Many small pictures as one: levels from a packed, memory-mapped store, one PNG for a page.

Cropping and resampling an image is the slow part of its picture. The result, one byte per pixel,
is kept in a sparse file in the cache folder: one file for each stretch and field, whatever the
colour map. A page of pictures is then read, put side by side and compressed in one pass.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioviz.ui.image.display import palette_png, rgb_png

COLUMNS = 10
# Part of the path of kept pictures: raise it when the same settings give other pictures.
VERSION = 2


@dataclass(frozen=True, eq=False)
class Sheet:
    """A PNG with pictures in rows of ``columns``, and the hash of its content."""

    payload: bytes
    digest: str
    columns: int
    rows: int


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet, counted along its rows from the top left."""

    sheet: Sheet
    index: int

    @property
    def png(self) -> bytes:
        """The picture by itself."""
        from PIL import Image

        if self.sheet.columns * self.sheet.rows == 1:
            return self.sheet.payload
        with Image.open(io.BytesIO(self.sheet.payload)) as whole:
            size = whole.width // self.sheet.columns
            row, column = divmod(self.index, self.sheet.columns)
            one = whole.crop((column * size, row * size, (column + 1) * size, (row + 1) * size))
        out = io.BytesIO()
        one.save(out, "PNG")
        return out.getvalue()


class LevelStore:
    """Grey levels of a data set's pictures, uint8, filled in on demand.

    ``folder``: where ``levels.u8`` (``n`` pictures of ``size`` by ``size`` pixels) and
    ``filled.u8`` (a byte a picture) lie. Where it cannot be written, or is None, nothing is kept.
    """

    def __init__(self, folder: Path | None, n: int, size: int) -> None:
        self.size = size
        self._levels = self._filled = np.empty(0, dtype=np.uint8)
        self._folder = folder
        if folder is None or n == 0:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            levels = _sparse(folder / "levels.u8", n * size * size)
            self._filled = _sparse(folder / "filled.u8", n)
            self._levels = levels
        except OSError:
            self._filled = self._levels

    @property
    def kept(self) -> bool:
        """Whether pictures are kept at all."""
        return self._levels.size > 0

    def levels(self, rows: np.ndarray, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Levels of the given rows.

        ``rows``: int64 of shape ``(k,)``; ``make``: levels 0..1, ``(j, size, size)``, of the rows
        that are not there yet. Returns uint8 of shape ``(k, size, size)``; row 0 of a picture is
        south.
        """
        rows = np.asarray(rows, dtype=np.int64)
        out = np.empty((len(rows), self.size, self.size), dtype=np.uint8)
        there = np.zeros(len(rows), dtype=bool)
        if self.kept:
            there = np.asarray(self._filled)[rows] == 1
            packed = self._levels.reshape(-1, self.size, self.size)
            out[there] = packed[rows[there]]
        missing = np.flatnonzero(~there)
        if len(missing):
            made = make(rows[missing])
            out[missing] = np.rint(np.clip(made, 0, 1) * 255).astype(np.uint8)
            if self.kept:
                self._keep(rows[missing], out[missing])
        return out

    def _keep(self, rows: np.ndarray, levels: np.ndarray) -> None:
        """Write pictures, then their marks; on a full disk nothing more is kept.

        Written, not stored into the map, which would end the server where the disk is full.
        """
        assert self._folder is not None
        try:
            with (self._folder / "levels.u8").open("r+b", buffering=0) as pictures:
                for row, picture in zip(rows.tolist(), levels, strict=True):
                    os.pwrite(pictures.fileno(), picture.tobytes(), row * picture.size)
            with (self._folder / "filled.u8").open("r+b", buffering=0) as marks:
                for row in rows.tolist():
                    os.pwrite(marks.fileno(), b"\1", row)
        except OSError:
            self._levels = self._filled = np.empty(0, dtype=np.uint8)


def _sparse(path: Path, size: int) -> np.memmap:
    """Read-only map of a file of ``size`` bytes; a file of another size is created again."""
    if not path.exists() or path.stat().st_size != size:
        with path.open("wb") as file:
            file.truncate(size)
    return np.memmap(path, dtype=np.uint8, mode="r")


def sheet(levels: np.ndarray, colour_map: str, columns: int = COLUMNS) -> Sheet:
    """Put pictures side by side and compress them in one pass.

    ``levels``: uint8 of shape ``(k, size, size)``, ``k`` at least 1; row 0 is south.
    """
    whole, columns, rows = _side_by_side(levels, columns)
    return _sheet(palette_png(whole, colour_map), columns, rows)


def colour_sheet(pictures: np.ndarray, columns: int = COLUMNS) -> Sheet:
    """As :func:`sheet`, of colours: uint8 of shape ``(k, size, size, 3)``."""
    whole, columns, rows = _side_by_side(pictures, columns)
    return _sheet(rgb_png(whole[::-1]), columns, rows)


def _side_by_side(pictures: np.ndarray, columns: int) -> tuple[np.ndarray, int, int]:
    """Pictures ``(k, size, size, ...)`` as one, row 0 at the top; its columns and rows."""
    k, size, _, *colours = pictures.shape
    columns = min(columns, k)
    rows = -(-k // columns)
    grid = np.zeros((rows * columns, size, size, *colours), dtype=np.uint8)
    grid[:k] = pictures[:, ::-1]
    whole = grid.reshape(rows, columns, size, size, *colours).swapaxes(1, 2)
    joined = whole.reshape(rows * size, columns * size, *colours)
    return np.ascontiguousarray(joined), columns, rows


def _sheet(payload: bytes, columns: int, rows: int) -> Sheet:
    return Sheet(payload, hashlib.sha256(payload).hexdigest()[:32], columns, rows)
