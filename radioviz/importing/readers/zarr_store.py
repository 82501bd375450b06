"""Limits on the codecs and chunks of a zarr array.

An array names its codecs, and a chunk states its unpacked size. Only plain compression is
accepted (one codec unpickles). A chunk is refused if it claims to be longer than it is, because
Blosc reads beyond its end, or if it unpacks to more than a chunk of the array holds.
"""

from __future__ import annotations

import bz2
import struct
import zlib
from collections.abc import Iterable
from typing import Any

from zarr.storage import WrapperStore

COMPRESSORS = ("blosc", "zstd", "lz4", "gzip", "zlib", "bz2")
_HARMLESS = ("bytes", "transpose", "shuffle", "crc32", "crc32c", "adler32", "fletcher32")
_SLACK = 64  # bytes of a chunk beyond its pixels: checksums


class RefusedChunk(ValueError):
    """A codec or a chunk that is not read, with the reason."""


class CheckedStore(WrapperStore):
    """A store that checks chunks before they are unpacked; :meth:`expect` sets the limits."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self._codec, self._size = "", 0

    def expect(self, array: Any) -> None:
        """Check chunks against this array from now on.

        Raises
        ------
        RefusedChunk
            If it has a codec that is not accepted.
        """
        names = [_name(codec) for codec in _codecs(array)]
        packers = [n for n in names if n in COMPRESSORS]
        odd = [n for n in names if n not in COMPRESSORS + _HARMLESS]
        if odd or len(packers) > 1:
            what = f"'{odd[0]}'" if odd else " over ".join(packers)
            raise RefusedChunk(
                f"its codec {what} is not supported; use one of {', '.join(COMPRESSORS)}, or none"
            )
        self._codec = packers[0] if packers else ""
        size = array.dtype.itemsize + _SLACK
        for side in array.chunks:
            size *= side
        self._size = size

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """See :class:`zarr.abc.store.Store`."""
        content = await super().get(key, prototype, byte_range)
        if (
            content is not None
            and self._codec
            and not key.rpartition("/")[2].startswith((".z", "z"))
        ):
            check_chunk(self._codec, content.to_bytes(), self._size)
        return content


def check_chunk(codec: str, content: bytes, limit: int) -> None:
    """Refuse a packed chunk that claims more than it holds, or unpacks to more than ``limit``.

    Raises
    ------
    RefusedChunk
        Naming the sizes.
    """
    if codec == "blosc":
        # Version, flags, ..., bytes unpacked, of a block, packed (c-blosc, README_CHUNK_FORMAT).
        if len(content) < 16:
            raise RefusedChunk(f"a chunk of {len(content)} bytes, too short for Blosc")
        unpacked, _, packed = struct.unpack("<III", content[4:16])
        # A checksum of four bytes may follow.
        if packed not in (len(content), len(content) - 4):
            raise RefusedChunk(f"a chunk claims {packed:,} packed bytes and has {len(content):,}")
    elif codec == "lz4":
        unpacked = int.from_bytes(content[:4], "little")
    elif codec == "zstd":
        unpacked = _zstd_size(content)
    else:
        unpacked = _inflated(codec, content, limit)
    if unpacked > limit:
        raise RefusedChunk(f"a chunk unpacks to {unpacked:,} bytes or more; the limit is {limit:,}")


def _zstd_size(content: bytes) -> int:
    """Bytes that a Zstandard frame announces (RFC 8878, Sec. 3.1.1.1); 0 where it does not."""
    if len(content) < 18 or content[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    descriptor = content[4]
    single = descriptor >> 5 & 1
    start = 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3]
    length = (single, 2, 4, 8)[descriptor >> 6]
    size = int.from_bytes(content[start : start + length], "little")
    return size + 256 if length == 2 else size


def _inflated(codec: str, content: bytes, limit: int) -> int:
    """Bytes that a stream unpacks to, counted until they exceed the limit."""
    if codec != "bz2" and len(content) * 1032 <= limit:  # deflate shrinks no further
        return 0
    stream: Any = bz2.BZ2Decompressor() if codec == "bz2" else zlib.decompressobj(wbits=47)
    total = 0
    try:
        block = stream.decompress(content, 1 << 20)
        while block and total <= limit:
            total += len(block)
            rest = b"" if codec == "bz2" else stream.unconsumed_tail
            block = b"" if stream.eof else stream.decompress(rest, 1 << 20)
    except (OSError, EOFError, zlib.error):
        return total  # zarr reports the damage when it unpacks the chunk
    return total


def _codecs(array: Any) -> Iterable[Any]:
    """Codecs and filters of an array of either format."""
    about = array.metadata
    if about.zarr_format == 2:
        return [*(about.filters or ()), *([about.compressor] if about.compressor else [])]
    return list(about.codecs)


def _name(codec: Any) -> str:
    """Name of a codec in the metadata of either format, such as ``blosc``."""
    described = getattr(codec, "codec_id", None)
    if described is None:
        described = codec.to_dict().get("name", type(codec).__name__)
    return str(described).removeprefix("numcodecs.")
