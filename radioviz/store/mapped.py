"""Arrays in memory-mapped files: write them in parts, and return their pages to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import DTypeLike

from radioviz.paths import cache_folder, make_folder

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h

LARGE_TABLE = 100_000
"""Rows above which :func:`mapped_frame` moves a table into a file."""

_AT_ONCE = 65_536


def write_array(
    path: Path, parts: Iterable[np.ndarray], shape: tuple[int, ...], dtype: DTypeLike
) -> np.ndarray:
    """Write an ``.npy`` file from parts along its first axis, and map it read-only.

    The parts are written, not stored into a map: where the disk is full, a store into a map ends
    the process (SIGBUS), while a write raises an error.

    Raises OSError if it cannot be written.
    """
    kind = np.dtype(dtype)
    header = {"descr": kind.str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).data)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def mapped_frame(table: pd.DataFrame) -> pd.DataFrame:
    """The same table, read-only, with numbers and text in a mapped file.

    Half a gigabyte of a million sources then is memory that the system may take back. A table of
    at most :data:`LARGE_TABLE` rows is returned as it is, as is any where nothing can be written.
    """
    if len(table) <= LARGE_TABLE or not table.columns.is_unique:
        return table
    stored = {str(name): _as_arrow(table[name]) for name in table.columns}
    batch = pa.table({name: array for name, array in stored.items() if array is not None})

    def write(file: IO[bytes]) -> None:
        with pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_table(batch, max_chunksize=len(table))

    try:
        content = _nameless_file(write)
    except OSError:
        return table
    found = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(content))).read_all()
    columns: dict[str, Any] = {}
    for name in map(str, table.columns):
        kind = table[name].dtype
        if stored[name] is None:
            columns[name] = table[name].array
        elif isinstance(kind, np.dtype):
            columns[name] = found[name].chunk(0).to_numpy().view(kind)
        else:
            columns[name] = pd.array(found[name], dtype=kind)
    found_frame = pd.DataFrame(columns, index=table.index, copy=False)
    found_frame.attrs = dict(table.attrs)
    return found_frame


def mapped_rows(
    convert: Callable[[np.ndarray], np.ndarray], source: np.ndarray, width: int
) -> np.ndarray:
    """``convert`` of the rows of ``source``, part by part: float32 of shape ``(n, width)``.

    Of more than :data:`LARGE_TABLE` rows it lies in a mapped file, as :func:`mapped_frame`.
    """
    shape = len(source), width
    cuts = [slice(i, i + _AT_ONCE) for i in range(0, len(source), _AT_ONCE)]

    def write(file: IO[bytes]) -> None:
        for cut in cuts:
            file.write(np.ascontiguousarray(convert(source[cut]), np.float32).data)

    if len(source) > LARGE_TABLE:
        with contextlib.suppress(OSError):
            return np.frombuffer(_nameless_file(write), np.float32).reshape(shape)
    out = np.empty(shape, np.float32)
    for cut in cuts:
        out[cut] = convert(source[cut])
    return out


def _nameless_file(write: Callable[[IO[bytes]], None]) -> mmap.mmap:
    """What ``write`` writes, mapped; the file has no name, so that it goes with the process."""
    folder = cache_folder()
    make_folder(folder)
    with tempfile.TemporaryFile(dir=folder, prefix="mapped-") as file:
        write(file)
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _as_arrow(column: pd.Series) -> pa.Array | pa.ChunkedArray | None:
    """Numbers, yes and no as bytes, or text; None for cells of other kinds."""
    if isinstance(column.dtype, pd.StringDtype):
        found = pa.array(column.array)
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "buif":
        return None
    values = column.to_numpy()
    return pa.array(values.view(np.uint8) if column.dtype.kind == "b" else values)


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


def return_large_arrays() -> None:
    """Have freed arrays of a megabyte and more go back to the system at once, in this process.

    The C library of Linux keeps freed memory of up to 32 MB for each thread, once so much was
    asked for: a hundred megabytes of a server that sorts and filters a million rows. Does nothing
    where there is no ``mallopt``.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 20)


def trim_memory() -> None:
    """Return freed memory to the system between two steps of a run.

    The C library keeps freed memory for reuse, so that the next step of another library would
    add to it. Does nothing if the C library has no ``malloc_trim``.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    pa.default_memory_pool().release_unused()
