"""Return memory to the system during long runs: pages of mapped files, freed memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap

import numpy as np


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
