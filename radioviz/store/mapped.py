"""Arrays in memory-mapped files: write them in parts, and return their pages to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike


def write_array(
    path: Path, parts: Iterable[np.ndarray], shape: tuple[int, ...], dtype: DTypeLike
) -> np.ndarray:
    """Write an ``.npy`` file from parts along its first axis, and map it read-only.

    The parts are written, not stored into a map: where the disk is full, a store into a map ends
    the process (SIGBUS), while a write raises an error.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    kind = np.dtype(dtype)
    header = {"descr": kind.str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).data)
    found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def release_pages(images: np.ndarray) -> None:
    """Return the pages of a mapped file that have been read to the system.

    Without this, streaming through millions of images would keep all of them resident. Pages
    that are read again come from the system's file cache at little cost. Anything but a
    read-only memory map is left alone.
    """
    array: object = images
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and array.mode != "r":
            return
        array = array.base
    if isinstance(array, mmap.mmap) and hasattr(array, "madvise"):  # not on Windows
        array.madvise(mmap.MADV_DONTNEED)


def trim_memory() -> None:
    """Return freed memory to the system between two steps of a run.

    The C library keeps freed memory for reuse, so that the next step of another library would
    add to it. Does nothing if the C library has no ``malloc_trim``.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
