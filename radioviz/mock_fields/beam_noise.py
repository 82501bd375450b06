"""Noise correlated by the beam, the same wherever an image is cut into strips."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import fftconvolve

_BLOCK = 256
"""Side in pixels of a block of white noise, which has random numbers of its own."""

_TILE = 1024
"""Columns that are convolved at a time."""


class BeamNoise:
    """Gaussian noise of standard deviation 1 whose autocorrelation is the beam.

    The noise of an interferometer has the power spectrum of its weights, whose Fourier transform
    is the beam; so white noise is convolved with a kernel that gives the beam when it is convolved
    with itself: a Gaussian of half the beam's covariance.

    ``beam``: covariance of the beam, ``(2, 2)`` over x, y [pixels^2].
    """

    def __init__(self, seed: int, beam: np.ndarray) -> None:
        self.seed = seed
        half = np.asarray(beam, float) / 2
        self.reach = math.ceil(4.5 * math.sqrt(np.linalg.eigvalsh(half)[-1])) + 1
        at = np.stack(np.meshgrid(*[np.arange(-self.reach, self.reach + 1.0)] * 2))
        kernel = np.exp(-0.5 * np.einsum("iyx,ij,jyx->yx", at, np.linalg.inv(half), at))
        self.kernel = (kernel / math.sqrt((kernel**2).sum())).astype(np.float32)

    def rows(self, start: int, stop: int, width: int) -> np.ndarray:
        """Rows ``start`` to ``stop`` of the noise, float32 ``(stop - start, width)``."""
        out = np.empty((stop - start, width), np.float32)
        for left in range(0, width, _TILE):
            right = min(left + _TILE, width)
            white = self._white(start - self.reach, stop + self.reach,
                                left - self.reach, right + self.reach)  # fmt: skip
            out[:, left:right] = fftconvolve(white, self.kernel, "valid")
        return out

    def _white(self, bottom: int, top: int, left: int, right: int) -> np.ndarray:
        """White noise of a part of the plane, whose blocks extend in all directions."""
        first, last = bottom // _BLOCK, (top - 1) // _BLOCK
        lower, upper = left // _BLOCK, (right - 1) // _BLOCK
        whole = np.block(
            [[self._block(j, i) for i in range(lower, upper + 1)] for j in range(first, last + 1)]
        )
        return whole[
            bottom - first * _BLOCK : top - first * _BLOCK,
            left - lower * _BLOCK : right - lower * _BLOCK,
        ]

    def _block(self, j: int, i: int) -> np.ndarray:
        # Places of blocks begin at -1 or so; one key for each, apart from those of galaxies.
        place = ((j + 2**20) << 32) + i + 2**20 + (1 << 62)
        source = np.random.Generator(np.random.Philox(key=[self.seed, place]))
        return source.standard_normal((_BLOCK, _BLOCK), np.float32)
