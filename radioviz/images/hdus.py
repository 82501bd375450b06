"""The structure of a FITS file, read before any of its data.

The headers are read one by one, so that the declared sizes can be compared with the length of
the file before memory is allocated. Gzip streams are inflated only as far as the headers need.
Only the structural keywords of the FITS standard 4.0 are interpreted (Sec. 4.4.1 and, for
tile-compressed images, 10.1).
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from radioviz.errors import ImageError
from radioviz.images.opening import Inflated, Source, open_handle, other_format

BLOCK = 2880
CARD = 80
_MAX_HEADER = 1000 * BLOCK  # the longest real headers (full AIPS histories) stay under 1 MB
_MAX_HDUS = 10_000
_BITPIX = (8, 16, 32, 64, -32, -64)


@dataclass(frozen=True)
class HDU:
    """One header and data unit.

    Attributes
    ----------
    index : int
        Number in the file; the primary is 0.
    kind : str
        ``image``, ``compressed`` (tile-compressed image), ``table``, ``groups``, ``other``.
    name : str
        EXTNAME, or empty.
    axes : tuple of int
        Lengths NAXIS1, NAXIS2, ... of the (uncompressed) image: FITS order.
    bitpix : int
        Of the (uncompressed) image.
    cards : tuple of bytes
        The header as written, 80 bytes each, without END.
    start, size, present : int
        Offset of the data, bytes declared, bytes in the file.
    """

    index: int
    kind: str
    name: str
    axes: tuple[int, ...]
    bitpix: int
    cards: tuple[bytes, ...]
    start: int
    size: int
    present: int

    @property
    def is_image(self) -> bool:
        return self.kind in ("image", "compressed") and len(self.axes) > 0

    @property
    def pixels(self) -> int:
        return math.prod(self.axes)

    def describe(self) -> str:
        """Such as ``1 'SCI' (150 x 150)``."""
        label = f"{self.index}" + (f" '{self.name}'" if self.name else "")
        return f"{label} ({' x '.join(map(str, self.axes))})" if self.is_image else label


class FitsFile:
    """The HDUs of an open file, found without reading their data."""

    def __init__(self, handle: IO[bytes] | io.RawIOBase, name: str, length: int | None) -> None:
        self.handle, self.name, self.length = handle, name, length
        self.notes: list[str] = []
        magic = self._read(0, 10)
        if not magic.startswith(b"SIMPLE  ="):
            kind = other_format(magic)
            found = f"it is {kind}" if kind else f"it begins with {magic[:8]!r}, not 'SIMPLE  ='"
            raise ImageError(f"{name}: is not a FITS file: {found}")
        self.hdus: tuple[HDU, ...] = tuple(self._walk())

    def _read(self, start: int, size: int) -> bytes:
        self.handle.seek(start)
        return self.handle.read(size) or b""

    def data(self, hdu: HDU, offset: int = 0, size: int | None = None) -> bytes:
        """Bytes of the data unit, or of a part of it.

        Raises
        ------
        ImageError
            If the file ends before they do.
        """
        size = hdu.size - offset if size is None else size
        content = self._read(hdu.start + offset, size)
        if len(content) < size:
            raise self._truncated(hdu, offset + len(content))
        return content

    def _truncated(self, hdu: HDU, present: int) -> ImageError:
        return ImageError(
            f"{self.name}: the file is cut short: HDU {hdu.describe()} declares {hdu.size:,} bytes "
            f"of data, {present:,} are there; fetch it again"
        )

    def choose(self, extension: int | str | None = None) -> HDU:
        """The HDU of the requested image, or of the only one.

        Raises
        ------
        ImageError
            If there is no image, there are several, or ``extension`` does not name one.
        """
        images = [h for h in self.hdus if h.is_image]
        listing = ", ".join(h.describe() for h in images[:8])
        listing += f" and {len(images) - 8} more" if len(images) > 8 else ""
        if extension is not None:
            if isinstance(extension, str) and not extension.lstrip("-").isdigit():
                named = [h for h in images if h.name.upper() == extension.strip().upper()]
            else:
                named = [h for h in images if h.index == int(extension)]
            if len(named) == 1:
                return self._whole(named[0])
            raise ImageError(
                f"{self.name}: extension {extension!r} is "
                f"{'ambiguous' if named else 'not an image of this file'}; "
                f"its images are: {listing or 'none'}"
            )
        if not images:
            raise ImageError(f"{self.name}: holds no image, only {self._contents()}")
        if len(images) > 1:
            raise ImageError(
                f"{self.name}: holds {len(images)} images: {listing}; "
                "choose one by extension= (number or name)"
            )
        return self._whole(images[0])

    def _whole(self, hdu: HDU) -> HDU:
        if hdu.present < hdu.size:
            raise self._truncated(hdu, hdu.present)
        return hdu

    def _contents(self) -> str:
        words = {
            "table": "a table",
            "groups": "random groups (visibilities)",
            "other": "other data",
        }
        kinds = [words[h.kind] for h in self.hdus if h.kind in words]
        return " and ".join(dict.fromkeys(kinds)) or "headers without data (NAXIS = 0)"

    # -- walking -------------------------------------------------------------------------

    def _walk(self) -> Iterator[HDU]:
        position = 0
        for index in range(_MAX_HDUS):
            cards = self._header(position, index)
            if cards is None:
                return
            header_blocks = -(-(len(cards) + 1) * CARD // BLOCK)
            start = position + header_blocks * BLOCK
            hdu = self._hdu(index, cards, start)
            yield hdu
            position = start + -(-hdu.size // BLOCK) * BLOCK
            if hdu.present < hdu.size:
                return
        self.notes.append(f"only the first {_MAX_HDUS} HDUs were read")

    def _header(self, position: int, index: int) -> tuple[bytes, ...] | None:
        """Cards of the header at ``position``; None at the end of the file."""
        cards: list[bytes] = []
        while len(cards) * CARD < _MAX_HEADER:
            try:
                block = self._read(position + len(cards) * CARD, BLOCK)
            except ImageError as error:
                if index == 0:
                    raise
                self.notes.append(f"HDU {index} and the rest of the file were ignored: {error}")
                return None
            if not cards and index > 0 and not block.startswith(b"XTENSION"):
                if block.strip(b"\0 "):
                    self.notes.append("bytes after the last HDU were ignored")
                return None
            for at in range(0, len(block) - CARD + 1, CARD):
                card = block[at : at + CARD]
                if card[:8] == b"END     " and not card[8:].strip():
                    return tuple(cards)
                cards.append(card)
            if len(block) < BLOCK:
                raise ImageError(
                    f"{self.name}: the file is cut short within the header of HDU {index}; "
                    "fetch it again"
                )
        raise ImageError(
            f"{self.name}: the header of HDU {index} has no END within {_MAX_HEADER:,} bytes; "
            "the file is damaged"
        )

    def _hdu(self, index: int, cards: tuple[bytes, ...], start: int) -> HDU:
        values = _structure(cards)
        where = f"{self.name}: HDU {index}"
        bitpix = integer(values, "BITPIX", where)
        if bitpix not in _BITPIX:
            raise ImageError(
                f"{where}: BITPIX = {bitpix}; FITS allows {', '.join(map(str, _BITPIX))}"
            )
        axes = _axes(values, "NAXIS", where)
        groups = integer(values, "GCOUNT", where, 1)
        parameters = integer(values, "PCOUNT", where, 0)
        if groups < 0 or parameters < 0:
            raise ImageError(f"{where}: GCOUNT = {groups}, PCOUNT = {parameters}; not negative")
        random_groups = values.get("GROUPS") == "T" and axes[:1] == (0,)
        elements = math.prod(axes[1:] if random_groups else axes) if axes else 0
        size = abs(bitpix) // 8 * groups * (parameters + elements)
        kind = "image"
        extension = str(values.get("XTENSION", "")).strip()
        if random_groups:
            kind = "groups"
        elif index and extension in ("BINTABLE", "TABLE", "A3DTABLE"):
            kind = "compressed" if values.get("ZIMAGE") == "T" else "table"
        elif index and extension not in ("IMAGE", "IUEIMAGE"):
            kind = "other"
        if kind == "compressed":
            axes = _axes(values, "ZNAXIS", where)
            bitpix = integer(values, "ZBITPIX", where)
        elif kind != "image":
            axes = ()
        if kind == "image" and 0 in axes:
            axes = ()
        return HDU(
            index,
            kind,
            str(values.get("EXTNAME", "")).strip(),
            axes,
            bitpix,
            cards,
            start,
            size,
            self._present(start, size),
        )

    def _present(self, start: int, size: int) -> int:
        """Bytes of a data unit that are in the file; in a gzip stream, all of them."""
        return size if self.length is None else max(0, min(size, self.length - start))


@contextmanager
def open_source(source: Source, name: str = "", limit: int = 1 << 29) -> Iterator[FitsFile]:
    """Open a FITS file, gzipped or not; parameters as :func:`open_handle`.

    ``limit`` also bounds the bytes that a gzip stream may inflate to.

    Raises
    ------
    ImageError
        If it cannot be opened, is empty, or is not FITS.
    """
    with open_handle(source, name, limit) as opened:
        if opened.magic[:2] != b"\x1f\x8b":
            yield FitsFile(opened.handle, opened.name, opened.length)
            return
        with Inflated(opened.handle, opened.name, limit) as inflated:
            yield FitsFile(inflated, opened.name, None)


# -- cards -------------------------------------------------------------------------------

_STRUCTURAL = re.compile(
    rb"(XTENSION|BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT|GROUPS|EXTNAME|ZIMAGE|ZBITPIX|ZNAXIS\d{0,3}) *= "
)
_QUOTED = re.compile(rb" *'((?:[^']|'')*)'")


def _structure(cards: tuple[bytes, ...]) -> dict[str, str]:
    """Structural keywords and the text of their values; the first of each counts."""
    values: dict[str, str] = {}
    for card in cards:
        if match := _STRUCTURAL.match(card[:10]):
            values.setdefault(match[1].decode("ascii"), card_text(card))
    return values


def card_text(card: bytes) -> str:
    """The value of a card as text, without quotes, surrounding blanks and comment."""
    value = card[10:]
    quoted = _QUOTED.match(value)
    return (quoted[1] if quoted else value.split(b"/", 1)[0].strip()).decode("latin-1")


def integer(values: dict[str, str], key: str, where: str, default: int | None = None) -> int:
    """A whole number among the values of a header; ``where`` begins the message.

    Raises
    ------
    ImageError
        If it is missing without a ``default``, or not a whole number.
    """
    text = values.get(key)
    if text is None and default is not None:
        return default
    try:
        if text is None or len(text) > 20:
            raise ValueError
        return int(text)
    except ValueError:
        found = "is missing" if text is None else f"= {text[:30]!r} is not an integer"
        raise ImageError(f"{where}: {key} {found}; the header is damaged") from None


def _axes(values: dict[str, str], key: str, where: str) -> tuple[int, ...]:
    count = integer(values, key, where)
    if not 0 <= count <= 999:
        raise ImageError(f"{where}: {key} = {count}; FITS allows 0 to 999")
    axes = tuple(integer(values, f"{key}{i}", where) for i in range(1, count + 1))
    if any(length < 0 for length in axes):
        raise ImageError(f"{where}: a negative axis length among {axes}; the header is damaged")
    return axes
