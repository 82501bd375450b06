"""The pixels of one sky plane of an HDU, whatever its axes and number format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.errors import ImageError
from radioviz.images.hdus import HDU, FitsFile
from radioviz.images.headers import Header, sky_axes
from radioviz.images.tiles import read_compressed

MIN_SIDE = 2


@dataclass(frozen=True)
class PlaneLayout:
    """The sky axes of an HDU (FITS order, from 0) and the index along each other axis."""

    sky: tuple[int, int]
    index: dict[int, int]
    note: str


def find_layout(
    name: str,
    hdu: HDU,
    header: Header,
    plane: int | tuple[int, ...] | None,
    max_pixels: int,
) -> PlaneLayout:
    """Find the sky axes; refuses anything but a single image of an acceptable size."""
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
    index, note = _plane_index(name, hdu, others, plane)
    if min(nx, ny) < MIN_SIDE:
        raise ImageError(f"{name}: {shape} pixels are not an image; at least 2 x 2 are needed")
    if nx * ny > max_pixels:
        raise ImageError(
            f"{name}: {nx} x {ny} pixels; at most {max_pixels:,} are read. "
            "Cut the image out, or raise max_pixels"
        )
    return PlaneLayout(pair, index, note)


def read_plane(
    file: FitsFile,
    hdu: HDU,
    header: Header,
    plane: int | tuple[int, ...] | None,
    max_pixels: int,
) -> tuple[np.ndarray, list[str]]:
    """The requested sky plane as float32 ``(ny, nx)``, in the file's unit, and notes."""
    layout = find_layout(file.name, hdu, header, plane, max_pixels)
    nx, ny = hdu.axes[layout.sky[0]], hdu.axes[layout.sky[1]]
    notes = [layout.note] if layout.note else []
    if hdu.kind == "compressed":
        cube = read_compressed(file, hdu, max_pixels)
    elif layout.sky == (0, 1):
        # The planes of a cube are contiguous: only the requested one is read.
        stride, skip = 1, 0
        for axis, at in layout.index.items():
            skip += at * stride
            stride *= hdu.axes[axis]
        size = nx * ny * abs(hdu.bitpix) // 8
        raw = file.data(hdu, skip * size, size)
        return _scaled(raw, hdu.bitpix, header, notes).reshape(ny, nx), notes
    else:
        if hdu.pixels > max_pixels:
            raise ImageError(
                f"{file.name}: {hdu.pixels:,} pixels in a cube whose first axes are not on the "
                f"sky; at most {max_pixels:,} are read"
            )
        cube = _scaled(file.data(hdu), hdu.bitpix, header, notes).reshape(hdu.axes[::-1])
    # numpy's axes are reversed; the sky axes keep their order in the file.
    at_all = tuple(layout.index.get(i, slice(None)) for i in reversed(range(len(hdu.axes))))
    return np.ascontiguousarray(cube[at_all]), notes


def _plane_index(
    name: str, hdu: HDU, others: list[int], plane: int | tuple[int, ...] | None
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
            f"{name}: a cube of {shape} pixels, not one image; "
            f"choose one of its {lengths} planes by plane= (counted from 0)"
        )
    chosen = (plane,) if isinstance(plane, int) else tuple(plane)
    if len(chosen) != len(long) or any(
        not 0 <= k < hdu.axes[i] for k, i in zip(chosen, long, strict=False)
    ):
        raise ImageError(
            f"{name}: plane {plane!r} of a cube of {shape} pixels; "
            f"{len(long)} number(s) from 0 below {lengths} are needed"
        )
    index.update(zip(long, chosen, strict=True))
    return index, f"plane {', '.join(map(str, chosen))} of {lengths}"


def _scaled(raw: bytes, bitpix: int, header: Header, notes: list[str]) -> np.ndarray:
    """Physical values (FITS 4.0 Sec. 4.4.2.5): BZERO + BSCALE x stored, BLANK as NaN."""
    kind = "f" if bitpix < 0 else "u" if bitpix == 8 else "i"
    stored = np.frombuffer(raw, dtype=f">{kind}{abs(bitpix) // 8}")
    scale, zero = header.number("BSCALE"), header.number("BZERO")
    if any(k in header and header.number(k) is None for k in ("BSCALE", "BZERO")):
        notes.append("an unreadable BSCALE or BZERO was replaced by 1 or 0")
    scale, zero = 1.0 if scale is None else scale, 0.0 if zero is None else zero
    with np.errstate(over="ignore", invalid="ignore"):
        if (scale, zero) == (1.0, 0.0):
            values = stored.astype(np.float32)
        else:
            values = (stored * np.float64(scale) + zero).astype(np.float32)
    blank = header.number("BLANK") if bitpix > 0 else None
    if blank is not None:
        values[stored == blank] = np.nan
    return values
