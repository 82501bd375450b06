"""Headers of ``.npy`` files, checked before numpy allocates memory for the array."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing

MAGIC = b"\x93NUMPY"
# Longest header that is read; numpy allocates the declared length before it checks it.
LONGEST_HEADER = 10_000
GROWING_BYTES = 128
"""Length of :func:`growing_header`."""

Header = tuple[tuple[int, ...], bool, np.dtype]


def read_header(file: IO[bytes]) -> Header:
    """Shape, whether in Fortran order, and dtype; the file position is at the data.

    Raises ValueError if it is not a ``.npy`` file, or its header is damaged, too long or has no
    valid shape.
    """
    start = file.read(8)
    if start[:6] != MAGIC or len(start) < 8:
        raise ValueError(f"it begins with {start[:6]!r}, not {MAGIC!r}")
    version = (start[6], start[7])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"it is of version {version[0]}.{version[1]}; 1.0 to 3.0 are read")
    form = "<H" if version == (1, 0) else "<I"
    length = file.read(struct.calcsize(form))
    announced = struct.unpack(form, length)[0] if len(length) == struct.calcsize(form) else 0
    if not 0 < announced <= LONGEST_HEADER:
        raise ValueError(f"its header has {announced:,} bytes; 1 to {LONGEST_HEADER:,} are read")
    file.seek(-len(length), 1)
    read: Callable[..., Header] = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    try:
        shape, fortran, dtype = read(file)
    except Exception as error:  # it is parsed as a Python literal
        raise ValueError(f"its header is damaged: {error}") from error
    if any(side < 0 for side in shape):
        raise ValueError(f"its shape {shape} has a negative side")
    return shape, fortran, dtype


def growing_header(shape: tuple[int, ...], dtype: np.typing.DTypeLike) -> bytes:
    """A version 1.0 header of 128 bytes for any length, to be rewritten as a file grows."""
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    text = repr({"descr": descr, "fortran_order": False, "shape": shape})
    body = text.encode("ascii").ljust(GROWING_BYTES - 11) + b"\n"
    return MAGIC + b"\x01\x00" + (GROWING_BYTES - 10).to_bytes(2, "little") + body


def check_length(path: Path) -> None:
    """Refuse a ``.npy`` file that is shorter than its header says.

    Raises OSError if it cannot be read, and ValueError as :func:`read_header`, or if the file is
    cut short.
    """
    with path.open("rb") as file:
        shape, _, dtype = read_header(file)
        needed, there = math.prod(shape) * dtype.itemsize, path.stat().st_size - file.tell()
    if needed > there:
        raise ValueError(f"{dtype} of shape {shape} takes {needed:,} bytes; {there:,} are there")
