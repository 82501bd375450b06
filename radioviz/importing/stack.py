"""One image after the other into a NumPy file of unknown length."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from radioviz.errors import CatalogueError


class ImageStack:
    """Writes ``(n, ny, nx)`` float32 images to the disk as they come.

    They are written by plain appends rather than into a memory map, because a full disk
    is an error there and a crash (SIGBUS) here.

    Parameters
    ----------
    shape : tuple of int
        ``(ny, nx)`` of every image.
    expected : int
        Number of images at most.
    scratch : pathlib.Path or None
        Folder of ``images.npy``; None for an unnamed file that goes with the array.

    Raises
    ------
    CatalogueError
        If the file cannot be made.
    """

    def __init__(self, shape: tuple[int, int], expected: int, scratch: Path | None) -> None:
        self.shape = shape
        self.count = 0
        self._path = None if scratch is None else Path(scratch) / "images.npy"
        self._where = str(self._path or tempfile.gettempdir())
        try:
            self._file: IO[bytes] = (
                tempfile.TemporaryFile()  # noqa: SIM115 - closed by the array or by __exit__
                if self._path is None
                else self._path.open("w+b")
            )
            self._offset = self._write_header(expected)
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> ImageStack:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk has been told already
            self._file.close()
        if kind is not None and self._path is not None:
            self._path.unlink(missing_ok=True)

    def append(self, image: np.ndarray) -> None:
        """Add one image of the right shape.

        Raises
        ------
        CatalogueError
            If the disk is full.
        """
        if image.shape != self.shape:
            raise ValueError(f"image of shape {image.shape} in a stack of {self.shape}")
        try:
            self._file.write(np.ascontiguousarray(image, dtype="<f4").data)
        except OSError as error:
            raise self._failed(error) from error
        self.count += 1

    def finish(self) -> np.ndarray:
        """All images, memory-mapped read-only, shape ``(count, ny, nx)``.

        Raises
        ------
        CatalogueError
            If the disk is full.
        """
        try:
            self._file.flush()
            # numpy pads the header for growth along the first axis, so that it can be rewritten.
            self._file.seek(0)
            if self._write_header(self.count) != self._offset:
                raise CatalogueError(f"{self._where}: the header of the image file has moved")
            self._file.flush()
            return np.memmap(
                self._file,
                dtype="<f4",
                mode="r",
                offset=self._offset,
                shape=(self.count, *self.shape),
            )
        except OSError as error:
            raise self._failed(error) from error

    def _write_header(self, count: int) -> int:
        np.lib.format.write_array_header_1_0(
            self._file,
            {"descr": "<f4", "fortran_order": False, "shape": (count, *self.shape)},
        )
        return self._file.tell()

    def _failed(self, error: OSError) -> CatalogueError:
        return CatalogueError(
            f"the images cannot be stored in {self._where}: {error.strerror or error}. "
            "Free some space or point RADIOVIZ_CACHE at a folder that can be written."
        )
