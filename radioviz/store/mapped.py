"""Memory that long runs give back to the system: mapped images, and what was freed."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap

import numpy as np


def release(images: np.ndarray) -> None:
    """Give the pages of a mapped file that have been read back to the system.

    Who streams through millions of images would otherwise hold all of them resident, as far as
    there is memory. What is read again comes from the system's own cache, so nothing is lost but
    microseconds. Anything but a read-only memory map is left alone.
    """
    array: object = images
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and array.mode != "r":
            return
        array = array.base
    if isinstance(array, mmap.mmap) and hasattr(array, "madvise"):  # not on Windows
        array.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """Give back what was freed between two steps of a run.

    The C library keeps freed memory for later; the next step, of another library, would come on
    top of it. Where it cannot be told so, nothing happens.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
