"""How much a file may unpack to: one rule for all that is compressed, constant or never written.

Images of FIRST without their noise shrink by a factor of 57 as bytes and of 109 as float32 (gzip),
at most of 483 (float64, bz2). Zeros shrink by 1,000 in gzip and PNG, by more in xz, zstd and
Parquet, and without end in an HDF5 or zarr array that was never written.
"""

from __future__ import annotations

ANY_RATIO = 1 << 25
"""Bytes that any file may unpack to."""
MAX_RATIO = 700
"""How many times its stored bytes a larger one may."""


def excess(stored: int, unpacked: int) -> str:
    """Why content is not unpacked; empty where it may be.

    ``stored``, ``unpacked``: bytes in the file, and in memory or on the disk afterwards.
    """
    if unpacked <= max(ANY_RATIO, MAX_RATIO * stored):
        return ""
    return (
        f"{stored:,} stored bytes unpack to {unpacked:,}, more than {MAX_RATIO} times as many, as "
        "only constant or missing values do; write it again without them, or uncompressed"
    )
