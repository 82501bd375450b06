"""Tile-compressed FITS images (FITS 4.0, Sec. 10.1), decoded by astropy after a check.

astropy's decoders trust the header: a gzip tile may inflate without bound, and
parameters of the C decoders are not checked. So only the lossless and quantised
schemes in use for radio images are accepted, with valid parameters, and the size of
gzip tiles is measured first.
"""

from __future__ import annotations

import io
import math
import re
import zlib
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import ImageError
from radioviz.images.hdus import BLOCK, HDU, FitsFile
from radioviz.images.headers import Header
from radioviz.images.quiet import quiet

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

_SCHEMES = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS")
_MAX_TILES = 4_000_000


def read_compressed(file: FitsFile, hdu: HDU, max_pixels: int) -> np.ndarray:
    """Physical values of a tile-compressed image, float32, numpy axis order, BLANK as NaN.

    Raises
    ------
    ImageError
        If it is too large, of another scheme, or cannot be decoded.
    """
    from astropy.io import fits

    if hdu.pixels > max_pixels:
        shape = " x ".join(map(str, hdu.axes))
        raise ImageError(
            f"{file.name}: {shape} pixels in one compressed image; at most {max_pixels:,} are read"
        )
    if hdu.size > 8 * max_pixels + (1 << 25):
        raise ImageError(f"{file.name}: {hdu.size:,} bytes of compressed data are too many")
    tile = _check(file.name, hdu)
    # astropy gets only the cards that decoding needs; others may be damaged.
    header = b"".join(c for c in hdu.cards if _DECODING.match(c)) + b"END".ljust(80)
    packed = file.data(hdu)
    content = b"".join((_PRIMARY, header.ljust(_blocks(len(header))), packed)).ljust(
        len(_PRIMARY) + _blocks(len(header)) + _blocks(len(packed)), b"\0"
    )
    try:
        with quiet():
            if _GZIP in packed:
                with fits.open(io.BytesIO(content), disable_image_compression=True) as tables:
                    _check_gzip_tiles(file.name, tables[1], 8 * tile)
            with (
                np.errstate(all="ignore"),
                fits.open(io.BytesIO(content), memmap=False) as images,
            ):
                data = np.asarray(images[1].data)
                if data.shape != hdu.axes[::-1]:
                    raise ValueError(f"shape {data.shape}")
                return data.astype(np.float32)
    except ImageError:
        raise
    # A damaged table raises any of a dozen exceptions.
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ImageError(
            f"{file.name}: the compressed image in HDU {hdu.describe()} cannot be decoded "
            f"({reason}); fetch it again, or unpack it with funpack"
        ) from error


_PRIMARY = (
    b"SIMPLE  =                    T".ljust(80)
    + b"BITPIX  =                    8".ljust(80)
    + b"NAXIS   =                    0".ljust(80)
    + b"EXTEND  =                    T".ljust(80)
    + b"END".ljust(80)
).ljust(2880)


_GZIP = b"\x1f\x8b\x08"
_DECODING = re.compile(
    rb"(?:XTENSION|BITPIX  |NAXIS|PCOUNT|GCOUNT|TFIELDS|TTYPE|TFORM|TSCAL|TZERO|TNULL|THEAP"
    rb"|ZIMAGE|ZTENSION|ZBITPIX|ZNAXIS|ZTILE|ZCMPTYPE|ZNAME|ZVAL|ZQUANTIZ|ZDITHER0|ZBLANK"
    rb"|ZSCALE|ZZERO|BSCALE|BZERO|BLANK   )"
)
_TABLE = re.compile(
    rb"(?:XTENSION|BITPIX  |NAXIS|PCOUNT|GCOUNT|TFIELDS|TTYPE|TFORM|TSCAL|TZERO|TNULL|THEAP"
    rb"|ZIMAGE|ZTILE|ZCMPTYPE|ZNAME|ZVAL|ZQUANTIZ|ZDITHER0|ZHECKSUM|ZDATASUM|CHECKSUM|DATASUM)"
)
_RENAMED = re.compile(rb"Z(TENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|SIMPLE|EXTEND|BLOCKED)(?=[ =])")


def image_cards(hdu: HDU) -> tuple[bytes, ...]:
    """Cards of the image itself, without those of the table that contains it."""
    if hdu.kind != "compressed":
        return hdu.cards
    cards = []
    for card in hdu.cards:
        if match := _RENAMED.match(card):
            name = b"XTENSION" if match[1] == b"TENSION" else match[1]
            cards.append(name.ljust(8) + card[8:])
        elif not _TABLE.match(card):
            cards.append(card)
    return tuple(cards)


def _blocks(length: int) -> int:
    return -(-length // BLOCK) * BLOCK


def _check(name: str, hdu: HDU) -> int:
    """Pixels of a tile; refuses parameters that would crash the decoders."""
    header = Header(hdu.cards)
    scheme = header.string("ZCMPTYPE")
    if scheme not in _SCHEMES:
        raise ImageError(
            f"{name}: compressed by {scheme or 'an unnamed scheme'}; "
            f"{', '.join(_SCHEMES)} are read. Unpack it with funpack"
        )
    # astropy loops over as many fields as the header claims.
    for keyword, low, high in (("TFIELDS", 1, 99), ("NAXIS", 2, 2), ("ZNAXIS", 1, 9)):
        number = header.get(keyword)
        if not isinstance(number, int) or not low <= number <= high:
            raise ImageError(
                f"{name}: {keyword} = {number!r} in a compressed image; expected {low} to {high}"
            )
    dither = header.string("ZQUANTIZ")
    if dither not in ("", "NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2"):
        raise ImageError(f"{name}: ZQUANTIZ = {dither!r} is not a known dithering method")
    # The seed is an index into the table of random numbers, which the decoder does not check.
    seed = header.get("ZDITHER0")
    if dither.startswith("SUBTRACTIVE") and not (isinstance(seed, int) and 1 <= seed <= 10_000):
        raise ImageError(f"{name}: ZDITHER0 = {seed!r} with {dither}; expected 1 to 10000")
    tile = []
    for i, length in enumerate(hdu.axes, 1):
        default = hdu.axes[0] if i == 1 else 1
        side = header.get(f"ZTILE{i}") if f"ZTILE{i}" in header else default
        if not isinstance(side, int) or not 1 <= side <= max(length, 1):
            raise ImageError(f"{name}: ZTILE{i} = {side!r}; expected 1 to {length}")
        tile.append(side)
    tiles = math.prod(-(-n // t) for n, t in zip(hdu.axes, tile, strict=True))
    rows = header.get("NAXIS2")
    if tiles > _MAX_TILES or rows != tiles:
        raise ImageError(f"{name}: {rows} compressed tiles in the table, {tiles} in the image")
    for i in range(1, 10):
        parameter, value = header.string(f"ZNAME{i}"), header.get(f"ZVAL{i}")
        allowed: tuple[int, ...] = ()
        if parameter == "BLOCKSIZE":
            allowed = (16, 32)
        elif parameter == "BYTEPIX":
            allowed = (1, 2, 4)
        if allowed and value not in allowed:
            raise ImageError(f"{name}: {parameter} = {value!r}; {allowed} are read")
    return math.prod(tile)


def _check_gzip_tiles(name: str, table: BinTableHDU, limit: int) -> None:
    """Refuse gzip tiles that inflate beyond ``limit`` bytes, before they are inflated."""
    for column in table.columns.names:
        if column not in ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA"):
            continue
        for cell in table.data[column]:
            packed = np.asarray(cell).tobytes()
            if packed[:2] != b"\x1f\x8b":
                continue
            member = zlib.decompressobj(wbits=31)
            inflated = member.decompress(packed, limit + 1)
            # A second member would be inflated as well; no writer makes one.
            if len(inflated) > limit or member.unused_data.strip(b"\0"):
                raise ImageError(f"{name}: a compressed tile inflates to more than {limit:,} bytes")
