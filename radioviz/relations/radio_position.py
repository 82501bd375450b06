"""Where the host of a radio source is expected: core, midpoint, or the catalogue's place."""

from __future__ import annotations

import math

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.morphology.measuring import BEAM_PIXELS, Extent, extent_of, noise_of
from radioviz.relations.hosts import ASYMMETRY, BEND, RadioPosition

CORE_SIGMA = 5.0
"""Noise above which a central peak is a core."""
_RESOLVED = 4.0  # beams between the ends, below which core and lobes are one peak
_MIDDLE = 0.25  # of the size: how far along the axis from the midpoint a core is looked for
_SHARP = 0.85  # of a core, to which the brightness falls on both sides
_FRAME = 0.3  # arcsec, of the radio frame
_COMPACT = 0.8  # arcsec a pixel of a survey's centring on extended sources


def radio_positions(catalogue: Catalogue, row: int) -> list[RadioPosition]:
    """Positions at which the host of a source may be, the most accurate first.

    A core is the brightest compact peak of at least 5 sigma in the middle half between the ends.
    Sources smaller than four beams have a midpoint alone.

    Raises CatalogueError if the source has no sky position.
    """
    from astropy.wcs.utils import pixel_to_skycoord

    wcs, info = catalogue.wcs(row), catalogue.info_of(row)
    image = np.nan_to_num(np.asarray(catalogue.images[row], np.float64))
    found, scale = extent_of(catalogue, row), info.pixel_scale
    beam = info.beam / scale if info.beam else BEAM_PIXELS
    out = []

    def add(y: float, x: float, along: float, across: float, angle: float, kind: str) -> None:
        place = pixel_to_skycoord(x, y, wcs, origin=0).icrs
        out.append(RadioPosition(
            float(place.ra.deg), float(place.dec.deg), along, across, angle, kind
        ))  # fmt: skip

    if found.mask.any():
        sigma = noise_of(catalogue, row).sigma
        (y0, y1), (x0, x1) = found.y, found.x
        first, second = (pixel_to_skycoord(x, y, wcs).icrs for x, y in ((x0, y0), (x1, y1)))
        length = float(first.separation(second).arcsec)
        angle = float(first.position_angle(second).deg) % 180 if length > 0 else 0.0
        core = find_core(image, found, sigma, beam)
        if core is not None:
            y, x = core
            peak = image[round(y), round(x)]
            error = math.hypot(_FRAME, 0.6 * beam * scale * sigma / peak)
            add(y, x, error, error, 0.0, "core")
        ends = 0.3 * beam * scale
        add((y0 + y1) / 2, (x0 + x1) / 2, math.hypot(ASYMMETRY * length, ends),
            math.hypot(BEND * length, ends), angle, "midpoint")  # fmt: skip
    ra, dec = (float(catalogue.table[c].to_numpy(float)[row]) for c in ("ra", "dec"))
    if math.isfinite(ra) and math.isfinite(dec):
        error = max(_COMPACT * scale, 0.1 * beam * scale)
        out.append(RadioPosition(ra, dec, error, error, 0.0, "catalogue"))
    return out


def find_core(
    image: np.ndarray, extent: Extent, sigma: float, beam: float
) -> tuple[float, float] | None:
    """The core of an extended source: row and column in pixels, to a fraction; None without one.

    ``image``: shape ``(ny, nx)``, finite; ``sigma``: noise in the unit of the image; ``beam``: FWHM
    in pixels.
    """
    from scipy import ndimage

    ends = np.array([extent.y, extent.x]).T
    axis = ends[1] - ends[0]
    length = float(np.hypot(*axis))
    if length < _RESOLVED * beam:
        return None
    axis /= length
    width = 2 * round(beam / 2) + 1
    peaks = (image == ndimage.maximum_filter(image, width)) & extent.mask
    peaks &= image >= CORE_SIGMA * sigma
    y, x = np.nonzero(peaks)
    # Anywhere across: the core of a bent source lies far off the line between its ends.
    near = np.abs((np.stack([y, x], axis=1) - ends.mean(axis=0)) @ axis) <= _MIDDLE * length
    reach = 1.5 * beam * axis  # along which a compact peak loses nearly all, and a jet nothing
    best: tuple[float, float] | None = None
    height = 0.0
    for i in np.flatnonzero(near):
        a, b = int(y[i]), int(x[i])
        beside = [_pixel(image, a + s * reach[0], b + s * reach[1]) for s in (-1, 1)]
        if image[a, b] > height and max(beside) < _SHARP * image[a, b]:
            best, height = _vertex(image, a, b), float(image[a, b])
    return best


def _pixel(image: np.ndarray, y: float, x: float) -> float:
    ny, nx = image.shape
    return float(image[min(max(round(y), 0), ny - 1), min(max(round(x), 0), nx - 1)])


def _vertex(image: np.ndarray, y: int, x: int) -> tuple[float, float]:
    """The top of parabolas through a peak and its neighbours."""
    out = []
    for i, n, line in ((y, image.shape[0], image[:, x]), (x, image.shape[1], image[y])):
        shift = 0.0
        if 0 < i < n - 1:
            low, top, high = line[i - 1 : i + 2]
            bend = low - 2 * top + high
            shift = 0.5 * (low - high) / bend if bend < 0 else 0.0
        out.append(i + float(np.clip(shift, -0.5, 0.5)))
    return out[0], out[1]
