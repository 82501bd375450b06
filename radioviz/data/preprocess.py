"""The one preprocessing chain, the same at training and at inference.

Raw images are clipped at ``k`` sigma (Aniyan & Thorat 2017 and Tang et al. 2019, as used by
Bastien et al. 2021, Sec. 3.4), then every image is cropped about its centre, resampled with
anti-aliasing, rescaled to 0..1 and stretched. The chain is a frozen dataclass that is stored with
every model.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np

from radioviz.data.catalogue import Catalogue, SurveyInfo
from radioviz.data.magnitudes import MAGNITUDE, asinh_magnitudes
from radioviz.data.noise_level import noise_level
from radioviz.errors import ImageError, PreprocessError
from radioviz.store.mapped import release_pages

STRETCHES = ("linear", "sqrt", "asinh", "log")
NAN_POLICIES = ("zero", "error")
FIRST_BEAM = 5.4  # arcsec FWHM, Becker et al. 1995: `field_arcsec` is stated at this beam

_CHUNK = 64  # images at a time: the float32 copy of 300x300 images takes ~20 MB
# Weights of one resampling, 8 bytes each: half of the memory limit for reading a file, 1 GB.
_MOST_WEIGHTS = 1 << 26
_WIDEST_FIELD = 360 * 3600.0  # arcsec: once around the sky
_WIDEST_PIXELS = 1 << 20
_HIGHEST_CLIP = 1e6  # sigma; no survey has this dynamic range


def as_batch(images: np.ndarray) -> np.ndarray:
    """Images as an array ``(n, ny, nx)``; ImageError where they are not, or no real numbers."""
    images = np.asarray(images)
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise ImageError(f"images have shape {images.shape}; expected (n, ny, nx)")
    if images.dtype.kind not in "buif":
        raise ImageError(f"images have dtype {images.dtype}; expected real numbers")
    return images


def resampling(n: int, field: float, size: int, centre: float = 0.0) -> tuple[int, int, np.ndarray]:
    """Weights that resample ``field`` of ``n`` pixels to ``size``.

    The field is about the middle of the pixels, or ``centre`` pixels beyond it.

    A triangle as wide as the larger of the two pixels: bilinear interpolation when
    enlarging, its anti-aliased form when reducing, the identity at equal scale. No
    weight is negative, so bright points do not ring. Pixels outside the image count as zero.

    Returns ``first``, ``last``: half-open range of input pixels with a weight; ``weights``: float32
    of shape ``(size, last - first)``, mirror symmetric.
    """
    step = field / size
    width = max(step, 1.0)
    reach = math.ceil(field / 2 + width + abs(centre)) + 2
    if reach * 2 * size > _MOST_WEIGHTS:
        raise PreprocessError(
            f"a field of {field:,.0f} native pixels on {size} pixels; up to "
            f"{_MOST_WEIGHTS // size:,} are resampled to that size: make field_arcsec or "
            "field_pixels smaller, or check the pixel scale"
        )
    # Positions are measured from the image centre, so that mirroring only changes signs.
    outputs = (np.arange(size) - (size - 1) / 2) * step + centre
    parity = ((n - 1) / 2) % 1.0
    inputs = np.arange(-reach, reach + 1) + parity
    if parity:
        inputs = inputs[:-1]
    weights = outputs[:, None] - inputs
    np.abs(weights, out=weights)
    weights /= width
    np.subtract(1, weights, out=weights)
    np.clip(weights, 0, None, out=weights)
    weights /= weights.sum(axis=1, keepdims=True)
    index = np.rint(inputs + (n - 1) / 2).astype(int)
    used = (index >= 0) & (index < n) & (weights.max(axis=0) > 0)
    if not used.any():  # cannot happen for a positive field, but an empty product is safe
        return 0, 0, np.zeros((size, 0), np.float32)
    matrix = weights[:, used].astype(np.float32)
    matrix.setflags(write=False)
    return int(index[used][0]), int(index[used][-1]) + 1, matrix


_resampler = lru_cache(maxsize=64)(resampling)


@dataclass(frozen=True)
class Preprocess:
    """Clip, crop, resample, rescale, stretch.

    Raises PreprocessError if a value is of the wrong type or out of range.
    """

    # Pixels below background + ``clip_sigma`` times the noise become 0, in raw images only, which
    # still contain noise. None: no clipping.
    clip_sigma: float | None = 3.0
    # Side of the central square that is kept, in arcsec for a 5.4 arcsec (FIRST) beam. If the beam
    # is known the field scales with it, so that it covers the same number of beams in every survey;
    # plain arcsec otherwise. 172.8 arcsec on 64 pixels are 2 pixels per beam.
    field_arcsec: float | None = 172.8
    size: int = 64  # side of the result in pixels
    # ``linear``, ``sqrt``, ``asinh`` (softening 0.1), ``log`` (DS9, a = 1000) or ``magnitude``
    # (:func:`asinh_magnitudes`, before the image is rescaled).
    stretch: str = "linear"
    nan: str = "zero"  # ``zero``: pixels that are not finite become 0; ``error``: refuse the image
    # Instead of ``field_arcsec``: the side in native pixels, as in the papers.
    field_pixels: int | None = None
    # Width in result pixels of an edge strip that is set to 0 (Bastien et al. 2021, Sec. 4.1).
    blank_edge: int = 0

    def __post_init__(self) -> None:
        for name, most in (("clip_sigma", _HIGHEST_CLIP), ("field_arcsec", _WIDEST_FIELD)):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and 0 < value <= most):
                raise PreprocessError(
                    f"{name} is {str(value)[:60]}; expected a positive number up to {most:,.0f}, "
                    "or None"
                )
        if not (_is_integer(self.size) and 4 <= self.size <= 4096):
            raise PreprocessError(f"size is {self.size!r}; expected an integer from 4 to 4096")
        pixels = self.field_pixels
        if pixels is not None and not (_is_integer(pixels) and 0 < pixels <= _WIDEST_PIXELS):
            raise PreprocessError(
                f"field_pixels is {str(pixels)[:60]}; expected a positive integer up to "
                f"{_WIDEST_PIXELS:,}, or None"
            )
        if (pixels is None) == (self.field_arcsec is None):
            raise PreprocessError(
                f"field_arcsec is {self.field_arcsec!r} and field_pixels {pixels!r}; "
                "give one of them and set the other to None"
            )
        if self.stretch not in (*STRETCHES, MAGNITUDE):
            raise PreprocessError(
                f"stretch is {self.stretch!r}; expected one of {', '.join((*STRETCHES, MAGNITUDE))}"
            )
        if self.nan not in NAN_POLICIES:
            raise PreprocessError(f"nan is {self.nan!r}; expected one of {', '.join(NAN_POLICIES)}")
        if not (_is_integer(self.blank_edge) and 0 <= self.blank_edge <= self.size / 2):
            raise PreprocessError(
                f"blank_edge is {self.blank_edge!r}; expected an integer from 0 to {self.size // 2}"
            )

    def field_in_pixels(self, pixel_scale: float, beam: float | None = None) -> float:
        """Side of the kept square in native pixels; ``pixel_scale`` and ``beam`` in arcsec.

        Raises PreprocessError if the pixel scale or the beam is not a positive number.
        """
        for name, value in (("pixel_scale", pixel_scale), ("beam", beam)):
            optional = name == "beam" and value is None
            if not optional and not (_is_number(value) and 0 < float(value or 0) < math.inf):
                raise PreprocessError(f"{name} is {value!r}; expected a positive number of arcsec")
        if self.field_arcsec is None:
            return float(self.field_pixels or 0)
        return self.field_arcsec * (beam / FIRST_BEAM if beam else 1.0) / pixel_scale

    def with_margin(self, size: int) -> Self:
        """The linear chain at the same scale, on a larger square of ``size`` pixels.

        Magnitudes stay: without the noise of the image they cannot be made later.
        """
        grown = dataclasses.replace(self, size=size, stretch=self._before_rescaling, blank_edge=0)
        if self.field_arcsec is not None:
            return dataclasses.replace(grown, field_arcsec=self.field_arcsec * size / self.size)
        return dataclasses.replace(
            grown, field_pixels=round((self.field_pixels or 0) * size / self.size)
        )

    @property
    def _before_rescaling(self) -> str:
        """The stretch, where it comes before the image is rescaled to 0..1; else ``linear``."""
        return MAGNITUDE if self.stretch == MAGNITUDE else "linear"

    def output_scale_arcsec(self, info: SurveyInfo) -> float:
        """Arcsec per pixel of the result for a survey."""
        return self.field_in_pixels(info.pixel_scale, info.beam) * info.pixel_scale / self.size

    def __call__(
        self,
        images: np.ndarray,
        pixel_scale: float,
        *,
        beam: float | None = None,
        raw: bool = False,
    ) -> np.ndarray:
        """Preprocess a batch.

        Parameters
        ----------
        images : numpy.ndarray
            Shape ``(n, ny, nx)``, any real dtype; NaN allowed unless ``nan='error'``.
        pixel_scale : float
            Arcsec per pixel.
        beam : float, optional
            FWHM of the beam in arcsec.
        raw : bool
            True if the images still contain noise.

        Returns
        -------
        numpy.ndarray
            Float32 of shape ``(n, size, size)``: brightest pixel 1, faintest 0. An image
            without contrast is all 0.

        Raises
        ------
        ImageError
            If the array is not a batch of real images, or has NaN with ``nan='error'``.
        """
        return self._scale(self._resampled(images, pixel_scale, beam, raw))

    def _resampled(
        self, images: np.ndarray, pixel_scale: float, beam: float | None, raw: bool
    ) -> np.ndarray:
        """Clipped, cropped and resampled images, in their own unit."""
        images = as_batch(images)
        field = self.field_in_pixels(pixel_scale, beam)
        ny, nx = images.shape[1:]
        rows = _resampler(ny, field, self.size)
        columns = _resampler(nx, field, self.size)
        out = np.empty((len(images), self.size, self.size), np.float32)
        for start in range(0, len(images), _CHUNK):
            chunk = images[start : start + _CHUNK]
            floors, magnitudes = None, self.stretch == MAGNITUDE
            if magnitudes or (self.clip_sigma is not None and raw):
                levels = np.array([noise_level(image) for image in chunk])
            if self.clip_sigma is not None and raw:
                # Without noise there is nothing to clip.
                floors = np.where(
                    levels[:, 1] > 0, levels[:, 0] + self.clip_sigma * levels[:, 1], -np.inf
                )
            made = self._resample(chunk, floors, rows, columns, start)
            out[start : start + _CHUNK] = asinh_magnitudes(made, *levels.T) if magnitudes else made
        return out

    def _resample(
        self,
        chunk: np.ndarray,
        floors: np.ndarray | None,
        rows: tuple[int, int, np.ndarray],
        columns: tuple[int, int, np.ndarray],
        start: int,
    ) -> np.ndarray:
        (y0, y1, along_y), (x0, x1, along_x) = rows, columns
        with np.errstate(over="ignore", invalid="ignore"):
            crop = chunk[:, y0:y1, x0:x1].astype(np.float32)
        if chunk.dtype.kind == "f":
            bad = ~np.isfinite(crop)
            if bad.any():
                if self.nan == "error":
                    image = start + int(np.flatnonzero(bad.any(axis=(1, 2)))[0])
                    raise ImageError(
                        f"image {image} has pixels that are not finite; "
                        "the NaN policy 'zero' would set them to 0"
                    )
                crop[bad] = 0.0
        if floors is not None:
            crop[crop < floors[:, None, None]] = 0.0
        return along_y @ (crop @ along_x.T)

    def _scale(self, out: np.ndarray, common: bool = False) -> np.ndarray:
        if self.blank_edge:
            edge = self.blank_edge
            inside = np.zeros(out.shape[1:], dtype=bool)
            inside[edge : self.size - edge, edge : self.size - edge] = True
            out *= inside
        axes = (0, 1, 2) if common else (1, 2)
        low = out.min(axis=axes, keepdims=True)
        high = out.max(axis=axes, keepdims=True)
        span = high - low
        # Below the smallest normal float the quotient would not be exact; resampling a constant
        # image makes differences of a few rounding errors on some processors.
        single = np.finfo(np.float32)
        rounding = 8 * single.eps * np.maximum(np.abs(low), np.abs(high))
        flat = ~(span > np.maximum(single.tiny, rounding))
        out -= low
        out /= np.where(flat, 1, span)
        out *= ~flat
        np.clip(out, 0, 1, out=out)
        if self.stretch == "sqrt":
            np.sqrt(out, out=out)
        elif self.stretch == "asinh":
            np.arcsinh(out * np.float32(10), out=out)
            out /= np.float32(math.asinh(10))
        elif self.stretch == "log":
            np.log1p(out * np.float32(1000), out=out)
            out /= np.float32(math.log1p(1000))
        return np.minimum(out, 1, out=out)

    def for_rows(self, catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
        """Preprocess the images of rows, each by its own beam and scale: ``(n, size, size)``."""
        return self._scale(self._resampled_rows(catalogue, rows))

    def in_common_range(self, catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
        """As :meth:`for_rows`, rescaled by the faintest and the brightest pixel of all rows."""
        return self._scale(self._resampled_rows(catalogue, rows), common=True)

    def _resampled_rows(self, catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
        scales, beams = catalogue.pixel_scales[rows], np.nan_to_num(catalogue.beams[rows])
        out = np.empty((len(rows), self.size, self.size), np.float32)
        raw = catalogue.info.raw
        for scale, beam in dict.fromkeys(zip(scales.tolist(), beams.tolist(), strict=True)):
            same = (scales == scale) & (beams == beam)
            images = catalogue.images[rows if same.all() else rows[same]]
            out[same] = self._resampled(images, scale, beam or None, raw)
        return out

    def apply(
        self, catalogue: Catalogue, rows: np.ndarray | None = None, batch: int = 512
    ) -> np.ndarray:
        """Preprocess a Catalogue, or the given rows of it, ``batch`` images at a time.

        Returns float32 of shape ``(len(rows), size, size)``. Raises CatalogueError if a source
        lacks the plane in use.
        """
        chosen = np.arange(len(catalogue)) if rows is None else np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        catalogue.require_images(chosen)
        out = np.empty((len(chosen), self.size, self.size), np.float32)
        for start in range(0, len(chosen), batch):
            part = chosen[start : start + batch]
            out[start : start + batch] = self.for_rows(catalogue, part)
            release_pages(catalogue.images)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; :meth:`from_dict` reads them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Chain from plain values; fields left out have their default.

        Raises PreprocessError if a field is unknown, or a value is bad.
        """
        known = [f.name for f in dataclasses.fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise PreprocessError(
                f"unknown preprocessing field {unknown[0]!r}; known: {', '.join(known)}"
            )
        return cls(**values)

    @property
    def digest(self) -> str:
        """Short SHA-256 of the chain: equal chains have equal digests."""
        numbers = {k: float(v) if _is_number(v) else v for k, v in sorted(self.to_dict().items())}
        return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:16]


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


PRESETS: dict[str, Preprocess] = {
    "compact64": Preprocess(),
    # "images are also cropped to 64x64 pixels" (Andrianomena & Tang 2023, Sec. 2).
    "andrianomena2023": Preprocess(field_arcsec=None, field_pixels=64, size=64),
    # Sec. 2 of the star-galaxy paper: 64 x 64 pixels of each band, "into magnitude".
    "bands64": Preprocess(
        clip_sigma=None, field_arcsec=None, field_pixels=64, size=64, stretch=MAGNITUDE
    ),
    # "we cropped the input images to 100 x 100 pixels" (Bastien et al. 2021, Sec. 4.1).
    "bastien2021": Preprocess(field_arcsec=None, field_pixels=100, size=100),
    # "... i.e. blanked an edge strip with a width of 25 pixels" of the 150x150 image: the
    # form on which the paper measures a RAMIS of 1.25.
    "bastien2021-edge-blanked": Preprocess(
        field_arcsec=None, field_pixels=150, size=150, blank_edge=25
    ),
}
