"""Coarse-grained complexity: the compressed length of an image."""

from __future__ import annotations

import zlib

import numpy as np

CELLS = 50  # side of the field in beams: 270 arcsec at the FIRST beam
LEVELS = 8  # factors of two in brightness below the peak, the range of an 8-bit image


def block_mean(image: np.ndarray, step: int) -> np.ndarray:
    """Means over squares of ``step`` pixels; the sides of ``(ny, nx)`` are multiples of it."""
    total = image[::step, ::step].copy()
    for i in range(step):  # much faster than a mean over two axes of four
        for j in range(step):
            if i or j:
                total += image[i::step, j::step]
    return total / np.float32(step * step)


def coarse_grain(image: np.ndarray, sigma: float, beam: float) -> np.ndarray:
    """Image averaged over cells of one beam and quantised to a few grey levels.

    ``image``: shape ``(ny, nx)``, finite, background subtracted. ``sigma``: noise of a pixel; below
    3 sigma the level is 0. ``beam``: FWHM in pixels. Returns uint8 of shape ``(CELLS, CELLS)``;
    each level is a factor of two in brightness.
    """
    step = max(round(beam), 1)
    out = np.zeros((CELLS * step, CELLS * step), np.float32)
    source, target = [], []
    for n in image.shape:
        span = min(n, len(out))
        first = (n - span) // 2
        source.append(slice(first, first + span))
        first = (len(out) - span) // 2
        target.append(slice(first, first + span))
    out[target[0], target[1]] = image[source[0], source[1]]
    cells = block_mean(out, step)
    peak = float(cells.max())
    if peak <= 0:
        return np.zeros((CELLS, CELLS), np.uint8)
    floor = max(3 * sigma, peak * 2.0**-LEVELS)
    levels = np.zeros(cells.shape)
    bright = cells >= floor
    levels[bright] = LEVELS + np.ceil(np.log2(cells[bright] / peak))
    return np.clip(levels, 0, LEVELS).astype(np.uint8)


def complexity(image: np.ndarray, sigma: float, beam: float) -> float:
    """Apparent complexity: size of the compressed coarse-grained image in bytes.

    Segal, Parkinson, Norris & Swan 2019 (PASP 131, 108007) and Segal et al. 2023 (MNRAS
    521, 1429): an upper bound to the Kolmogorov complexity of the image without noise and fine
    detail, from a general lossless compressor (DEFLATE, as in gzip). Here cells are one beam wide
    and levels are factors of two from the peak, so the units do not matter; an empty field has
    complexity 0.
    """
    return float(len(_squeeze(coarse_grain(image, sigma, beam))) - _EMPTY)


def _squeeze(levels: np.ndarray) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return engine.compress(levels.tobytes()) + engine.flush()


_EMPTY = len(_squeeze(np.zeros((CELLS, CELLS), np.uint8)))
