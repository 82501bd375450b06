"""Columns for the browser: fixed-point positions, colour codes, bits; each named by its content.

A million points need 4 MB of positions at first, 4 MB more when the reader zooms in far
enough to need them, 1 MB a colour column and 0.125 MB a selection.
"""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

# Codes of a category column; those beyond share the last one.
MAX_CATEGORIES = 250

KEPT_BYTES = 400_000_000


@dataclass(frozen=True, eq=False)
class PackedColumn:
    """A binary column as it is sent: gzip, and the hash of its content."""

    data: bytes
    digest: str


@dataclass(frozen=True, eq=False)
class PackedPositions:
    """Points in the order in which they are sent, and where they lie."""

    # int64 of shape ``(m,)``: the row of each point that is sent. Group by group, and in random
    # order within a group, so that the first points of it are a fair sample.
    order: np.ndarray
    ends: list[tuple[int, int]]  # slice of each group
    # (x0, x1, y0, y1): data coordinates of fixed-point 0 and 2**32.
    bounds: tuple[float, float, float, float]
    # (x0, x1, y0, y1): part of these bounds that the points fill, from 0 to 1.
    extent: tuple[float, float, float, float]
    # coarse, fine: upper and lower halves of the 32-bit positions, two little-endian uint16 a point
    coarse: PackedColumn
    fine: PackedColumn
    left_out: int  # points without a finite position
    single: bool  # True when all points lie in one place

    @cached_property
    def place(self) -> np.ndarray:
        """Inverse of ``order``: the point of a row, -1 for rows that are not sent."""
        size = int(self.order.max()) + 1 if len(self.order) else 0
        place = np.full(size, -1, dtype=np.int64)
        place[self.order] = np.arange(len(self.order))
        return place

    def place_of(self, row: int) -> int:
        """Point of a row, -1 when it is not sent."""
        return int(self.place[row]) if 0 <= row < len(self.place) else -1


def content_hash(*parts: np.ndarray | bytes | str | None) -> str:
    """Hash of content, in hexadecimal."""
    sum_ = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            sum_.update(f"{part.dtype}{part.shape}".encode())
            sum_.update(np.ascontiguousarray(part).data)
        elif part is not None:
            sum_.update(part.encode() if isinstance(part, str) else part)
        sum_.update(b"\0")
    return sum_.hexdigest()


def pack_column(data: np.ndarray) -> PackedColumn:
    """Pack an array; noise is not compressed, as that costs time and saves nothing."""
    plain = np.ascontiguousarray(data).tobytes()
    sample = plain[: 1 << 16]
    worth = len(zlib.compress(sample, 1)) < 0.85 * len(sample)
    packer = zlib.compressobj(1 if worth else 0, zlib.DEFLATED, 31)
    return PackedColumn(packer.compress(plain) + packer.flush(), content_hash(plain))


def pack_positions(
    x: np.ndarray, y: np.ndarray, group: np.ndarray | None, groups: int
) -> PackedPositions:
    """Fixed-point positions of the points that have one.

    ``x``, ``y``: shape ``(n,)``; NaN and infinities are left out. ``group``: integers below
    ``groups`` of shape ``(n,)``.
    """
    # One seed: the same points are sent in the same order, so that caches find them.
    order = np.random.default_rng(0).permutation(len(x))
    order = order[np.isfinite(x[order]) & np.isfinite(y[order])]
    if group is not None and groups > 1:
        order = order[np.argsort(group[order], kind="stable")]
        edges = np.searchsorted(group[order], np.arange(groups + 1))
        ends = [(int(a), int(b)) for a, b in pairwise(edges)]
    else:
        ends = [(0, len(order))]
    halves = np.empty((2, len(order), 2), dtype="<u2")
    bounds: list[float] = []
    extent: list[float] = []
    single = True
    for axis, values in enumerate((x, y)):
        sent = values[order].astype(np.float64)
        low, high = (float(sent.min()), float(sent.max())) if len(sent) else (0.0, 1.0)
        # A single place gets some room about it.
        room = 0.0 if high > low else 0.5 * max(abs(low) * 1e-3, 1.0)
        single = single and room > 0
        low, high = low - room, high + room
        bounds += [low, high]
        place = (sent - low) / (high - low)
        extent += [0.0, 1.0]
        fixed = (np.clip(place, 0.0, 1.0) * (2.0**32 - 1)).astype(np.uint32)
        halves[0, :, axis] = fixed >> 16
        halves[1, :, axis] = fixed & 0xFFFF
    return PackedPositions(
        order,
        ends,
        (bounds[0], bounds[1], bounds[2], bounds[3]),
        (extent[0], extent[1], extent[2], extent[3]),
        pack_column(halves[0]),
        pack_column(halves[1]),
        len(x) - len(order),
        single,
    )


def scaled(values: np.ndarray, low: float, high: float, order: np.ndarray) -> PackedColumn:
    """Values as codes: 0 for NaN, else 1..255 from ``low`` to ``high`` (beyond: the ends)."""
    sent = values[order]
    known = np.isfinite(sent)
    with np.errstate(invalid="ignore", over="ignore"):
        place = np.clip((sent - low) / (high - low), 0.0, 1.0)
    codes = np.zeros(len(sent), dtype=np.uint8)
    codes[known] = (1.5 + 254 * place[known]).astype(np.uint8)
    return pack_column(codes)


def categories(codes: np.ndarray, order: np.ndarray) -> PackedColumn:
    """Category codes as bytes."""
    return pack_column(np.clip(codes[order], 0, MAX_CATEGORIES).astype(np.uint8))


def bits(mask: np.ndarray, order: np.ndarray) -> PackedColumn:
    """A mask as bits, least significant first."""
    return pack_column(np.packbits(mask[order], bitorder="little"))


@dataclass(frozen=True, eq=False)
class Coloured:
    """A colour column, and its legend or colour bar for the browser."""

    column: PackedColumn
    description: dict[str, Any]


T = TypeVar("T", PackedPositions, PackedColumn, Coloured)


class Store:
    """Recently packed columns by the hash of their input; shared by all sessions."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[PackedPositions | PackedColumn | Coloured, int]] = (
            OrderedDict()
        )

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The kept value, or a new one; the least recently used go beyond the limit."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]  # type: ignore[return-value]
        value = make()
        size = _size(value)
        with self._lock:
            self._kept[key] = (value, size)
            total = sum(s for _, s in self._kept.values())
            while total > self._most and len(self._kept) > 1:
                _, (_, gone) = self._kept.popitem(last=False)
                total -= gone
        return value


def _size(value: PackedPositions | PackedColumn | Coloured) -> int:
    if isinstance(value, Coloured):
        value = value.column
    if isinstance(value, PackedColumn):
        return len(value.data)
    return len(value.coarse.data) + len(value.fine.data) + 2 * value.order.nbytes
