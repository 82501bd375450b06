"""The pixels of one sky plane of an HDU, whatever its axes, number format and compression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radioviz.errors import ImageError
from radioviz.images.hdus import HDU, FitsFile
from radioviz.images.headers import Header, sky_axes
from radioviz.images.plane_choice import Plane, find_planes, plane_names
from radioviz.images.quiet import quiet
from radioviz.store.unpacking import excess

MIN_SIDE = 2


@dataclass(frozen=True)
class PlaneLayout:
    """The sky axes of an HDU (FITS order, from 0) and the index along each other axis."""

    sky: tuple[int, int]
    index: dict[int, int]
    note: str


def find_layout(
    file: FitsFile,
    hdu: HDU,
    header: Header,
    plane: Plane | None,
    max_pixels: int,
) -> PlaneLayout:
    """Find the sky axes; refuses anything but a single, whole image of an acceptable size."""
    name = file.name
    shape = " x ".join(map(str, hdu.axes))
    pair = sky_axes(header, hdu.axes)
    if pair is None:
        names = [header.string(f"CTYPE{i + 1}") or "?" for i in range(len(hdu.axes))]
        raise ImageError(
            f"{name}: {shape} pixels (axes {', '.join(names)}) are not a sky image; "
            "two axes must be positions on the sky, each longer than 1"
        )
    nx, ny = hdu.axes[pair[0]], hdu.axes[pair[1]]
    others = [i for i in range(len(hdu.axes)) if i not in pair]
    index, note = _plane_index(name, hdu, header, others, plane)
    if min(nx, ny) < MIN_SIDE:
        raise ImageError(f"{name}: {shape} pixels are not an image; at least 2 x 2 are needed")
    if nx * ny > max_pixels:
        raise ImageError(
            f"{name}: {nx} x {ny} pixels; at most {max_pixels:,} are read. "
            "Cut the image out, or raise max_pixels"
        )
    file.check_length(hdu)
    return PlaneLayout(pair, index, note)


def read_plane(
    file: FitsFile,
    hdu: HDU,
    header: Header,
    plane: Plane | None,
    max_pixels: int,
) -> tuple[np.ndarray, dict[int, int], list[str]]:
    """The requested sky plane as float32 ``(ny, nx)``, in the file's unit.

    Also the index along each axis that is not on the sky, and notes.
    """
    layout = find_layout(file, hdu, header, plane, max_pixels)
    nx, ny = hdu.axes[layout.sky[0]], hdu.axes[layout.sky[1]]
    notes = [layout.note] if layout.note else []
    separate = hdu.kind == "image" and layout.sky == (0, 1)  # a plane can be read alone
    if hdu.pixels > max_pixels and not separate:
        shape = " x ".join(map(str, hdu.axes))
        raise ImageError(
            f"{file.name}: {shape} pixels must be read together; at most {max_pixels:,} are read"
        )
    if hdu.kind == "compressed":
        cube = _decompress(file, hdu, max_pixels)
    else:
        if any(k in header and header.number(k) is None for k in ("BSCALE", "BZERO")):
            notes.append("an unreadable BSCALE or BZERO was replaced by 1 or 0")
        stored = stored_type(header)
        if separate:
            stride, skip = nx * ny * stored.itemsize, 0
            for axis, at in layout.index.items():
                skip += at * stride
                stride *= hdu.axes[axis]
            raw = file.data(hdu, skip, nx * ny * stored.itemsize)
            values = np.frombuffer(raw, stored).reshape(ny, nx)
            return physical_values(values, header), layout.index, notes
        cube = np.frombuffer(file.data(hdu), stored, hdu.pixels).reshape(hdu.axes[::-1])
        cube = physical_values(cube, header)
    # numpy's axes are reversed; the sky axes keep their order in the file.
    at_all = tuple(layout.index.get(i, slice(None)) for i in reversed(range(len(hdu.axes))))
    return np.ascontiguousarray(cube[at_all]), layout.index, notes


def _plane_index(
    name: str, hdu: HDU, header: Header, others: list[int], plane: Plane | None
) -> tuple[dict[int, int], str]:
    """Index along every axis that is not on the sky, and a note."""
    index = dict.fromkeys(others, 0)
    long = [i for i in others if hdu.axes[i] != 1]
    shape = " x ".join(map(str, hdu.axes))
    if not long:
        return index, (f"{shape}: axes of length 1 dropped" if others else "")
    lengths = " x ".join(str(hdu.axes[i]) for i in long)
    if plane is None:
        raise ImageError(
            f"{name}: a cube of {shape} pixels, not one image; choose one of its {lengths} planes "
            "by plane= (Stokes parameter, frequency, or number from 0)"
        )
    try:
        chosen = find_planes(header, hdu.axes, others, plane)
    except ValueError as error:
        raise ImageError(f"{name}: a cube of {shape} pixels, {error}") from None
    index.update(chosen)
    names = [plane_names(header, i, hdu.axes[i])[k] for i, k in chosen.items()]
    return index, f"plane {', '.join(names)} of {lengths}"


def stored_type(header: Header) -> np.dtype:
    """Type of the numbers in the data of an image (BITPIX)."""
    bitpix = header.integer("BITPIX", "the image")
    kind = "f" if bitpix < 0 else "u" if bitpix == 8 else "i"
    return np.dtype(f">{kind}{abs(bitpix) // 8}")


def physical_values(stored: np.ndarray, header: Header) -> np.ndarray:
    """Float32 of BZERO + BSCALE x stored, BLANK as NaN (FITS 4.0 Sec. 4.4.2.5).

    In double precision, in which astropy does not scale short integers.
    """
    scale, zero = header.number("BSCALE"), header.number("BZERO")
    scale, zero = 1.0 if scale is None else scale, 0.0 if zero is None else zero
    with np.errstate(over="ignore", invalid="ignore"):
        if (scale, zero) == (1.0, 0.0):
            values = stored.astype(np.float32)
        else:
            values = (stored * np.float64(scale) + zero).astype(np.float32)
    blank = header.number("BLANK") if stored.dtype.kind in "iu" else None
    if blank is not None:
        values[stored == blank] = np.nan
    return values


# -- tile-compressed images (FITS 4.0, Sec. 10.1) ------------------------------------------------

_SCHEMES = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS")


def _decompress(file: FitsFile, hdu: HDU, max_pixels: int) -> np.ndarray:
    """Physical values of a tile-compressed image, float32, numpy axis order, BLANK as NaN."""
    from astropy.io import fits

    if hdu.size > 8 * max_pixels + (1 << 25):
        raise ImageError(f"{file.name}: {hdu.size:,} bytes of compressed data are too many")
    if why := excess(hdu.size, hdu.pixels * abs(hdu.header.integer("ZBITPIX", file.name)) // 8):
        raise ImageError(f"{file.name}: HDU {hdu.describe()}: {why}")
    _check_tiles(file.name, hdu)
    try:
        with quiet(), np.errstate(all="ignore"):
            image = fits.CompImageHDU(bintable=file.table(hdu))
            return image.data.astype(np.float32).reshape(hdu.axes[::-1])
    # A damaged table raises any of a dozen exceptions.
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ImageError(
            f"{file.name}: the compressed image in HDU {hdu.describe()} cannot be decoded "
            f"({reason}); fetch it again, or unpack it with funpack"
        ) from error


def _check_tiles(name: str, hdu: HDU) -> None:
    """Refuse what crashes the decoders in C, which trust the header."""
    header = hdu.header
    scheme = header.string("ZCMPTYPE")
    if scheme not in _SCHEMES:
        raise ImageError(
            f"{name}: compressed by {scheme or 'an unnamed scheme'}; "
            f"{', '.join(_SCHEMES)} are read. Unpack it with funpack"
        )
    allowed: dict[str, Sequence[int]] = {"TFIELDS": range(1, 100), "ZNAXIS": range(1, 10)}
    for i, length in enumerate(hdu.axes, 1):
        if f"ZTILE{i}" in header:
            allowed[f"ZTILE{i}"] = range(1, length + 1)
    if header.string("ZQUANTIZ").startswith("SUBTRACTIVE"):
        allowed["ZDITHER0"] = range(1, 10_001)
    for i in range(1, 10):
        sizes = {"BLOCKSIZE": (16, 32), "BYTEPIX": (1, 2, 4)}.get(header.string(f"ZNAME{i}"))
        if sizes:
            allowed[f"ZVAL{i}"] = sizes
    for key, values in allowed.items():
        value = header.get(key)
        if type(value) is not int or value not in values:
            raise ImageError(
                f"{name}: {key} = {value!r} in a compressed image; "
                f"expected {values[0]} to {values[-1]}"
            )
