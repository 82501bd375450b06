"""Grey levels of PNG and JPEG pictures of unknown origin."""

from __future__ import annotations

from typing import IO, Any

import numpy as np

from radioviz.errors import ImageError
from radioviz.images.opening import Opened
from radioviz.images.planes import MIN_SIDE
from radioviz.images.quiet import quiet
from radioviz.store.unpacking import excess

_STRIP = 4_000_000  # pixels that are converted at a time
_BLACK = 2  # grey levels that JPEG makes of half of a black sky
# Errors of JPEG beside a bright source, over the mean step of its first table: measured on clipped
# images of points and doubles at qualities from 50 to 98, 1 in 1,000 pixels of sky has 0.3 or more.
_ERROR = 0.5


def grey_levels(opened: Opened, max_pixels: int) -> tuple[np.ndarray, list[str]]:
    """Float32 grey levels ``(ny, nx)``, the highest line first, and notes.

    Raises ImageError if it is not a PNG or JPEG, is damaged, has one line or column, or more than
    ``max_pixels``.
    """
    from PIL import Image

    title = opened.name
    try:
        # Pillow warns at its own, larger, pixel limit; ours is checked before decoding.
        file: Any = _BoundedReader(opened.handle, opened.length)
        with quiet(), Image.open(file, formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
            if min(width, height) < MIN_SIDE:
                raise ImageError(f"{title}: {width} x {height} pixels is not an image")
            if width * height > max_pixels:
                raise ImageError(
                    f"{title}: {width} x {height} pixels; at most {max_pixels:,} are read"
                )
            if why := excess(opened.length, width * height * len(picture.getbands())):
                raise ImageError(f"{title}: {why}")
            return _luminance(picture)
    except ImageError:
        raise
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{title}: is neither a PNG nor a JPEG image") from error
    # Pillow's decoders raise a dozen kinds of errors for damaged files.
    except Exception as error:
        raise ImageError(f"{title}: the picture is damaged ({error})") from error


class _BoundedReader:
    """Limits reads to the length of the file: Pillow trusts the declared length of a chunk."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._length = file, length
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._length - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))


def _luminance(picture: object) -> tuple[np.ndarray, list[str]]:
    from PIL import Image

    if not isinstance(picture, Image.Image):
        raise TypeError(f"{type(picture).__name__} is not a picture")
    notes: list[str] = []
    if picture.mode in ("I;16", "I;16B", "I"):
        return np.asarray(picture, dtype=np.float32), notes
    width, height = picture.size
    clear = "A" in picture.getbands() or "transparency" in picture.info
    grey, coloured = np.empty((height, width), dtype=np.float32), False
    # In strips: intermediate copies would need four times the memory of the picture.
    step = max(1, _STRIP // width)
    for top in range(0, height, step):
        part = picture.crop((0, top, width, min(height, top + step)))
        if clear:
            seen = part.convert("RGBA")
            part = Image.new("RGBA", seen.size, (0, 0, 0, 255))
            part.alpha_composite(seen)
        if part.mode not in ("L", "1"):
            coloured |= bool(np.ptp(np.asarray(part.convert("RGB")), axis=2).any())
        grey[top : top + step] = np.asarray(part.convert("L"), dtype=np.float32)
    if clear:
        notes.append("transparent pixels treated as black")
    if coloured:
        notes.append("colour converted to luminance (ITU-R 601)")
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if min(np.median(grey), np.median(edge)) >= 255 - _BLACK:
        grey = 255 - grey
        notes.append("white sky: treated as a negative and inverted")
    tables = getattr(picture, "quantization", None)  # of a JPEG
    if tables and np.median(grey) <= _BLACK:
        error = _ERROR * float(np.mean(next(iter(tables.values()))))
        grey[grey <= error] = 0.0
        notes.append(f"JPEG on a black sky: grey levels up to {error:.1f} were set to 0, as "
                     "compression makes them; use PNG or FITS for faint emission")  # fmt: skip
    return grey, notes
