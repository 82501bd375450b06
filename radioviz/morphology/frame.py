"""Preprocessing that finds the source first: field, centre and neighbours follow its emission.

:class:`~radioviz.data.preprocess.Preprocess` cuts a square about the centre of an image whose side
is proportional to the beam. That works for surveys of one resolution; at 18 or 45 arcsec most of
such a square is other people's sources. A :class:`SourceFrame` looks at the islands of emission
(:mod:`radioviz.morphology.sources`) and cuts a square that fits them, in arcsec of the sky whatever
the beam.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.magnitudes import MAGNITUDE, asinh_magnitudes
from radioviz.data.noise_level import blank_pixels
from radioviz.data.preprocess import FIRST_BEAM, Preprocess, as_batch, resampling
from radioviz.errors import PreprocessError
from radioviz.morphology.noise import is_shifted, measure_noise, noise_of_filled
from radioviz.morphology.sources import Islands, associate, find_islands, grow

FITS = ("source", "fixed")
OUTSIDE = ("keep", "mask others", "mask all")
BOX = "source_box"
"""Column of a Catalogue: side in arcsec of a box that holds the source, NaN where unknown. Frames
take it for the extent of the source."""

FINDER = 2
"""Increase it when the same image gets another frame."""

_ALIKE = (1, FINDER)
"""Versions of models that are framed by the rules of today. Those of 1 differed in pictures alone:
those that were clipped within their noise, and those in which nothing was found."""

_ROUNDS = 8
_UNKNOWN_BEAM = 3.0  # pixels, the usual sampling of surveys


@dataclass(frozen=True)
class Framed:
    """Where the source of one image is; positions in native pixels from the image centre."""

    # y, x: centre of the square that is cut
    y: float
    x: float
    field: float  # its side in arcsec
    # Diameter of the source about that centre in arcsec, the beam removed; 0 where nothing was
    # found.
    extent: float
    beyond: bool  # True where the square is larger than the image


@dataclass(frozen=True)
class SourceFrame(Preprocess):
    """Find, clip, mask, crop, resample, rescale, stretch.

    ``field_arcsec`` is the side of the smallest square, in arcsec on the sky; it is never scaled
    with the beam. ``field_pixels`` and ``nan = 'error'`` are not available here.
    """

    field_arcsec: float | None = 115.2
    # ``source``: the square grows with the source, or with the box that the table has of it
    # (:data:`BOX`); ``fixed``: it has the same side for all.
    fit: str = "source"
    fill: float = 0.8  # share of the side that the extent of a large source takes
    widest: float = 691.2  # side of the largest square in arcsec
    recentre: bool = True  # centre the square on the emission, not on the image
    window: float = 80.0  # within which emission is centred on, standard deviation in arcsec
    # Pixels that do not belong to the source: ``keep``; ``mask others`` sets the islands of
    # neighbours to 0; ``mask all`` also whatever is left of the noise.
    outside: str = "mask all"
    # Version of the rules that find the source: those of this module and of
    # :mod:`radioviz.morphology.sources`. A model keeps the one that it was trained with.
    finder: int = FINDER

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.field_arcsec is None or self.nan != "zero":
            raise PreprocessError(
                "a frame that fits the source needs field_arcsec, and nan = 'zero'; "
                f"they are {self.field_arcsec!r} and {self.nan!r}"
            )
        if self.fit not in FITS:
            raise PreprocessError(f"fit is {self.fit!r}; expected one of {', '.join(FITS)}")
        if self.finder not in _ALIKE:
            raise PreprocessError(
                f"finder is {self.finder!r}; this version of RadioViz finds sources by rules "
                f"{FINDER}, so a model trained with others would see other frames: train it again"
            )
        if self.outside not in OUTSIDE:
            raise PreprocessError(
                f"outside is {self.outside!r}; expected one of {', '.join(OUTSIDE)}"
            )
        if not 0.05 <= self.fill <= 1:
            raise PreprocessError(f"fill is {self.fill!r}; expected 0.05 to 1")
        if not 0 < self.window <= 36_000:
            raise PreprocessError(f"window is {self.window!r}; expected 0 to 36,000 arcsec")
        if not self.field_arcsec <= self.widest <= 36_000:
            raise PreprocessError(
                f"widest is {self.widest!r}; expected field_arcsec, {self.field_arcsec}, to 36,000"
            )

    def with_margin(self, size: int) -> Self:
        """The linear chain that finds the same frame, and cuts a larger square about it."""
        times = size / self.size
        least, widest = float(self.field_arcsec or 0.0) * times, self.widest * times
        return dataclasses.replace(
            self, size=size, stretch=self._before_rescaling, blank_edge=0, field_arcsec=least,
            widest=widest, fill=self.fill / times,
        )  # fmt: skip

    def field_in_pixels(self, pixel_scale: float, beam: float | None = None) -> float:
        """Side of the smallest square in native pixels, whatever the beam."""
        return super().field_in_pixels(pixel_scale, None)

    def __call__(
        self,
        images: np.ndarray,
        pixel_scale: float,
        *,
        beam: float | None = None,
        raw: bool = False,
        shifted: bool = False,
    ) -> np.ndarray:
        """Preprocess a batch; as :meth:`Preprocess.__call__`.

        ``raw`` is a hint: noise is looked for in every image. ``shifted`` as in
        :func:`radioviz.morphology.noise.is_shifted`.
        """
        out, _ = self.framed(images, pixel_scale, beam=beam, raw=raw, shifted=shifted)
        return out

    def framed(
        self,
        images: np.ndarray,
        pixel_scale: float,
        *,
        beam: float | None = None,
        raw: bool = False,
        shifted: bool = False,
    ) -> tuple[np.ndarray, list[Framed]]:
        """Preprocessed images and where they were cut.

        Raises ImageError if the array is not a batch of real images.
        """
        images = as_batch(images)
        self.field_in_pixels(pixel_scale)  # checks the scale
        out = np.empty((len(images), self.size, self.size), np.float32)
        frames = []
        for number, image in enumerate(images):
            out[number], frame = self._one(image, pixel_scale, beam, raw, shifted)
            frames.append(frame)
        return self._scale(out), frames

    def _one(
        self,
        given: np.ndarray,
        scale: float,
        beam: float | None,
        raw: bool,
        shifted: bool,
        box: float = 0.0,
    ) -> tuple[np.ndarray, Framed]:
        noise = measure_noise(given, raw, shifted)
        blank = blank_pixels(given)
        image = noise.restore(given, blank)
        beam_pixels = max(beam / scale, 1.0) if beam else _UNKNOWN_BEAM
        islands = find_islands(image, blank, noise, beam_pixels)
        if not len(islands) and not raw and (given >= 0).all():
            noise = noise_of_filled(given, beam_pixels)
            image = noise.restore(given, blank)
            islands = find_islands(image, blank, noise, beam_pixels)
        centre = self._centre(islands, scale)
        belongs = associate(
            _seen_from(islands, *centre), noise.sigma, beam_pixels, FIRST_BEAM / scale
        )
        # Without a source all pixels are shown: noise, or emission that nothing rises above.
        if self.clip_sigma is not None and not noise.clipped and belongs.any():
            image[image < self.clip_sigma * noise.sigma] = 0.0
        frame = self._frame(islands, belongs, centre, image.shape, scale, beam_pixels, box)
        if belongs.any() and self.outside != "keep":
            mine = _mask(islands, belongs, image.shape)
            if self.outside == "mask others":
                image[_mask(islands, ~belongs, image.shape) & ~mine] = 0.0
            else:
                image[~grow(mine)] = 0.0
        side = frame.field / scale
        (y0, y1, along_y), (x0, x1, along_x) = (
            resampling(n, side, self.size, centre)
            for n, centre in zip(image.shape, (frame.y, frame.x), strict=True)
        )
        result: np.ndarray = along_y @ (image[y0:y1, x0:x1] @ along_x.T)
        if self.stretch == MAGNITUDE:
            sigma = np.array([noise.sigma])
            result = asinh_magnitudes(result[None], np.zeros(1), sigma)[0]
        return result, frame

    def _centre(self, islands: Islands, scale: float) -> tuple[float, float]:
        """Centre of the emission in pixels from that of the image.

        The fixed point of the flux-weighted mean within a Gaussian window about itself: on FIRST
        it moves by 0.2 arcsec (0.9 in the worst tenth) when the image is cut 17 arcsec off centre,
        and as little when the beam triples. The middle of the outline moves by 6 (34) and 13 (54).
        A window narrower than half a wide double would settle on one of its lobes.
        """
        if not self.recentre or not len(islands):
            return 0.0, 0.0
        weight = np.maximum(islands.value, 0.0)
        y = x = 0.0
        width = self.window / scale
        for _ in range(_ROUNDS):
            away = (islands.y - y) ** 2 + (islands.x - x) ** 2
            near = weight * np.exp(-(away - away.min()) / (2 * width**2))
            total = near.sum()
            if not total > 0:
                break
            y, x = float(near @ islands.y / total), float(near @ islands.x / total)
        return y, x

    def _frame(
        self,
        islands: Islands,
        belongs: np.ndarray,
        centre: tuple[float, float],
        shape: tuple[int, ...],
        scale: float,
        beam: float,
        box: float,
    ) -> Framed:
        least = float(self.field_arcsec or 0.0)
        (y, x), extent = centre, 0.0
        if belongs.any():
            chosen = islands.pixels_of(belongs)
            rows, columns = islands.y[chosen], islands.x[chosen]
            extent = 2 * float(np.hypot(rows - y, columns - x).max()) + 1 - beam
            extent = max(extent, 0.0) * scale
        side = least
        if self.fit == "source":
            side = min(max(least, (box or extent) / self.fill), self.widest)
        half = side / scale / 2
        beyond = any(abs(at) + half > n / 2 + 0.5 for at, n in zip((y, x), shape, strict=True))
        return Framed(y, x, side, extent, beyond)

    def for_rows(self, catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
        """Preprocess the images of rows, each by its own beam and scale: ``(n, size, size)``."""
        return self.framed_rows(catalogue, rows)[0]

    def framed_rows(
        self, catalogue: Catalogue, rows: np.ndarray
    ) -> tuple[np.ndarray, list[Framed]]:
        """Preprocessed images of rows of a Catalogue, and where they were cut."""
        out = np.empty((len(rows), self.size, self.size), np.float32)
        frames = []
        raw = catalogue.info.raw
        shifted = not raw and _is_shifted(catalogue)
        scales, beams = catalogue.pixel_scales[rows], np.nan_to_num(catalogue.beams[rows])
        boxes = np.zeros(len(rows))
        if BOX in catalogue.table and catalogue.table[BOX].dtype.kind == "f":
            boxes = np.nan_to_num(catalogue.table[BOX].to_numpy()[rows]).clip(0)
        for k, row in enumerate(rows):
            out[k], frame = self._one(
                np.asarray(catalogue.images[row]), float(scales[k]), float(beams[k]) or None,
                raw, shifted, float(boxes[k]),
            )  # fmt: skip
            frames.append(frame)
        return self._scale(out), frames


def framed_galaxy(chain: Preprocess, catalogue: Catalogue, row: int) -> tuple[np.ndarray, Framed]:
    """What a chain makes of one galaxy, ``(size, size)``, and where it was cut.

    Raises CatalogueError if the galaxy lacks the plane in use.
    """
    rows = np.array([row])
    catalogue.require_images(rows)
    if isinstance(chain, SourceFrame):
        images, frames = chain.framed_rows(catalogue, rows)
        return images[0], frames[0]
    scale, beam = float(catalogue.pixel_scales[row]), float(np.nan_to_num(catalogue.beams[row]))
    side = chain.field_in_pixels(scale, beam or None)
    beyond = side > min(catalogue.images.shape[1:])
    return chain.for_rows(catalogue, rows)[0], Framed(0.0, 0.0, side * scale, 0.0, beyond)


_SHIFTED: WeakKeyDictionary[Catalogue, bool] = WeakKeyDictionary()


def _is_shifted(catalogue: Catalogue) -> bool:
    """:func:`radioviz.morphology.noise.is_shifted` of a whole Catalogue, looked at once."""
    if catalogue not in _SHIFTED:
        _SHIFTED[catalogue] = is_shifted(catalogue.images)
    return _SHIFTED[catalogue]


def _seen_from(islands: Islands, y: float, x: float) -> Islands:
    """Islands with positions relative to another place than the centre of the image."""
    radius = np.hypot(islands.y - y, islands.x - x)
    starts = islands.start[:-1]
    if not len(starts):
        return islands
    return dataclasses.replace(
        islands, y=islands.y - y, x=islands.x - x, cy=islands.cy - y, cx=islands.cx - x,
        nearest=np.minimum.reduceat(radius, starts), furthest=np.maximum.reduceat(radius, starts),
    )  # fmt: skip


def _mask(islands: Islands, chosen: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    pixels = islands.pixels_of(chosen)
    ny, nx = shape
    rows = np.rint(islands.y[pixels] + (ny - 1) / 2).astype(int)
    mask[rows, np.rint(islands.x[pixels] + (nx - 1) / 2).astype(int)] = True
    return mask


def read_chain(values: Mapping[str, Any]) -> Preprocess:
    """A chain from plain values: a :class:`SourceFrame` where they name its fields.

    Raises PreprocessError if a field is unknown, or a value is bad.
    """
    return (SourceFrame if "fit" in values else Preprocess).from_dict(values)
