"""The structure of a FITS file: its headers and the places of its data.

Each header is read and its declared size compared with the length of the file before
astropy reads any data, because astropy allocates and loops as much as a header declares.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from radioviz.errors import ImageError
from radioviz.images.headers import Header
from radioviz.images.opening import Source, inflate, open_handle, other_format

if TYPE_CHECKING:
    from astropy.io import fits

BLOCK = 2880
_END = re.compile(rb"((?:.{80})*?)END {77}", re.DOTALL)
_MAX_HEADER = 1000 * BLOCK  # the longest real headers (full AIPS histories) stay under 1 MB
_MAX_HDUS = 10_000
_STRUCTURE = re.compile(
    r"(?:Z?(?:BITPIX|NAXIS\d*|PCOUNT|GCOUNT)|ZTILE\d+|THEAP|TFIELDS|(?:TFORM|TBCOL)\d+) *= "
)
_BITPIX = (8, 16, 32, 64, -32, -64)


def as_block(cards: Iterable[str]) -> bytes:
    """Cards, and END, as the bytes of a header."""
    text = "".join(f"{card:80}" for card in (*cards, "END"))
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


@dataclass(frozen=True)
class HDU:
    """One header and data unit."""

    index: int  # number in the file; the primary is 0
    kind: str  # ``image``, ``compressed`` (tile-compressed image), ``table``, ``groups``, ``other``
    axes: tuple[int, ...]  # Lengths NAXIS1, NAXIS2, ... of the (uncompressed) image: FITS order.
    header: Header
    # start, size: offset of the data, bytes declared
    start: int
    size: int

    @property
    def name(self) -> str:
        """EXTNAME, or empty."""
        return self.header.string("EXTNAME")

    @property
    def is_image(self) -> bool:
        """Whether it holds an image; not the mask of one, as exports of changed images have it."""
        kinds = ("image", "compressed")
        return self.kind in kinds and len(self.axes) > 0 and "MASKOF" not in self.header

    @property
    def pixels(self) -> int:
        return math.prod(self.axes)

    @property
    def image_header(self) -> Header:
        """The header of the image, without the cards of a table that it is compressed in."""
        return self.header.image_header() if self.kind == "compressed" else self.header

    def describe(self) -> str:
        """Such as ``1 'SCI' (150 x 150)``."""
        label = f"{self.index}" + (f" '{self.name}'" if self.name else "")
        return f"{label} ({' x '.join(map(str, self.axes))})" if self.is_image else label


class FitsFile:
    """The HDUs of an open file, found without reading their data.

    ``inflated``: whether it was a gzip stream; then offsets are not those of the file on the disk.
    """

    def __init__(
        self, handle: IO[bytes], name: str, inflated: bool = False, problem: str = ""
    ) -> None:
        self.handle, self.name, self.inflated, self._problem = handle, name, inflated, problem
        self.length = handle.seek(0, io.SEEK_END)
        self.notes = [problem] if problem else []
        handle.seek(0)
        magic = handle.read(10)
        if not magic.startswith(b"SIMPLE  ="):
            kind = other_format(magic)
            found = f"it is {kind}" if kind else f"it begins with {magic[:8]!r}, not 'SIMPLE  ='"
            raise ImageError(f"{name}: is not a FITS file: {found}")
        self.hdus: tuple[HDU, ...] = tuple(self._walk())

    def data(self, hdu: HDU, offset: int = 0, size: int | None = None) -> bytes:
        """Bytes of the data unit, or of a part of it; see :meth:`check_length`."""
        self.check_length(hdu)
        self.handle.seek(hdu.start + offset)
        return self.handle.read(hdu.size - offset if size is None else size)

    def table(self, hdu: HDU) -> fits.BinTableHDU:
        """A binary table, as astropy reads it: any error of its own where it is damaged."""
        from astropy.io import fits

        return fits.BinTableHDU.fromstring(as_block(hdu.header.text.split("\n")) + self.data(hdu))

    def check_length(self, hdu: HDU) -> None:
        """Refuse a data unit that is longer than the file, by ImageError."""
        present = max(0, self.length - hdu.start)
        if present >= hdu.size:
            return
        raise ImageError(
            f"{self.name}: the file is cut short: HDU {hdu.describe()} declares {hdu.size:,} bytes "
            f"of data, {present:,} are there; {self._problem or 'fetch it again'}"
        )

    def choose(self, extension: int | str | None = None) -> HDU:
        """The HDU of the requested image, or of the only one.

        Raises ImageError if there is no image, there are several, or ``extension`` does not name
        one.
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
                return named[0]
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
        return images[0]

    def _contents(self) -> str:
        words = {
            "table": "a table",
            "groups": "random groups (visibilities)",
            "other": "other data",
        }
        kinds = [words[h.kind] for h in self.hdus if h.kind in words]
        return " and ".join(dict.fromkeys(kinds)) or "headers without data (NAXIS = 0)"

    def _walk(self) -> Iterator[HDU]:
        position = 0
        for index in range(_MAX_HDUS):
            self.handle.seek(position)
            cards = self._read_cards(index)
            if cards is None:
                return
            hdu = _declared(index, Header(cards), self.handle.tell(), f"{self.name}: HDU {index}")
            yield hdu
            position = hdu.start + -(-hdu.size // BLOCK) * BLOCK
            if position > self.length:
                return
        self.notes.append(f"only the first {_MAX_HDUS} HDUs were read")

    def _read_cards(self, index: int) -> bytes | None:
        """Cards of the header at the position of the file; None at its end."""
        cards = b""
        while len(cards) < _MAX_HEADER:
            block = self.handle.read(BLOCK)
            if not cards and index > 0 and not block.startswith(b"XTENSION"):
                if block.strip(b"\0 "):
                    self.notes.append("bytes after the last HDU were ignored")
                return None
            if end := _END.match(block):
                return cards + end[1]
            cards += block
            if len(block) < BLOCK:
                raise ImageError(
                    f"{self.name}: the file is cut short within the header of HDU {index}; "
                    "fetch it again"
                )
        raise ImageError(
            f"{self.name}: the header of HDU {index} has no END within {_MAX_HEADER:,} bytes; "
            "the file is damaged"
        )


def _declared(index: int, header: Header, start: int, where: str) -> HDU:
    """What a header declares (FITS 4.0, Sec. 4.4.1; tile-compressed images: Sec. 10.1)."""
    _check_repeats(header.text, where)
    bitpix = header.integer("BITPIX", where)
    if bitpix not in _BITPIX:
        raise ImageError(f"{where}: BITPIX = {bitpix}; FITS allows {', '.join(map(str, _BITPIX))}")
    axes = _axes(header, "NAXIS", where)
    groups = header.integer("GCOUNT", where, 1)
    parameters = header.integer("PCOUNT", where, 0)
    if groups < 0 or parameters < 0:
        raise ImageError(f"{where}: GCOUNT = {groups}, PCOUNT = {parameters}; not negative")
    random_groups = header.get("GROUPS") is True and axes[:1] == (0,)
    elements = math.prod(axes[1:] if random_groups else axes) if axes else 0
    size = abs(bitpix) // 8 * groups * (parameters + elements)
    kind, extension = "image", header.string("XTENSION")
    if random_groups:
        kind = "groups"
    elif index and extension in ("BINTABLE", "TABLE", "A3DTABLE"):
        kind = "compressed" if header.get("ZIMAGE") is True else "table"
    elif index and extension not in ("IMAGE", "IUEIMAGE"):
        kind = "other"
    if kind == "image" and elements and not groups:
        raise ImageError(f"{where}: GCOUNT = 0, but it declares {elements:,} pixels; FITS allows 1")
    if kind == "compressed":
        axes = _axes(header, "ZNAXIS", where)
    elif kind != "image" or 0 in axes:
        axes = ()
    return HDU(index, kind, axes, header, start, size)


def _check_repeats(cards: str, where: str) -> None:
    """Refuse a keyword of the structure with two values, of which astropy follows either."""
    values: dict[str, str] = {}
    for card in filter(_STRUCTURE.match, cards.split("\n")):
        key, value = card[:8].rstrip(), card[10:].split("/")[0].strip()
        if values.setdefault(key, value) != value:
            raise ImageError(
                f"{where}: {key} is in the header twice, as {values[key][:30]!r} and "
                f"{value[:30]!r}; keep one"
            )


def _axes(header: Header, key: str, where: str) -> tuple[int, ...]:
    count = header.integer(key, where)
    if not 0 <= count <= 999:
        raise ImageError(f"{where}: {key} = {count}; FITS allows 0 to 999")
    axes = tuple(header.integer(f"{key}{i}", where) for i in range(1, count + 1))
    if any(length < 0 for length in axes):
        raise ImageError(f"{where}: a negative axis length among {axes}; the header is damaged")
    return axes


@contextmanager
def open_source(source: Source, name: str = "", limit: int = 1 << 29) -> Iterator[FitsFile]:
    """Open a FITS file, gzipped or not; parameters as :func:`open_handle`.

    ``limit`` also bounds the bytes that a gzip stream is inflated to.

    Raises ImageError if it cannot be opened, is empty, or is not FITS.
    """
    with open_handle(source, name, limit) as opened:
        if opened.magic[:2] != b"\x1f\x8b":
            yield FitsFile(opened.handle, opened.name)
            return
        content, problem = inflate(opened.handle, opened.name, limit)
        yield FitsFile(content, opened.name, inflated=True, problem=problem)


def find_tables(paths: Sequence[Path]) -> list[Path]:
    """The FITS files that hold tables and no image; damaged files are left out."""
    found = []
    for path in paths:
        with suppress(ImageError), open_source(path) as file:
            if not any(h.is_image for h in file.hdus) and "table" in {h.kind for h in file.hdus}:
                found.append(path)
    return found
