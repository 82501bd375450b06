"""Asinh magnitudes (Lupton, Gunn & Szalay 1999, AJ 118, 1406)."""

from __future__ import annotations

import numpy as np

MAGNITUDE = "magnitude"
"""A stretch of models alone: asinh magnitudes, softened by the noise of each image."""

_SOFTENING = 1.042  # sigma, eq. (10)


def asinh_magnitudes(images: np.ndarray, background: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Images ``(n, ny, nx)`` as the asinh of their flux in units of the noise.

    But for a factor and a zero point these are the magnitudes of Lupton, Gunn & Szalay (1999): a
    logarithm of what is bright, linear in the noise. ``background`` and ``sigma`` have shape
    ``(n,)``; where ``sigma`` is 0 (no noise), a tenth of the range of the image softens.
    """
    low = images.min(axis=(1, 2))
    zero = np.where(sigma > 0, background, low)
    tenth = 0.1 * np.maximum(images.max(axis=(1, 2)) - low, np.finfo(np.float32).tiny)
    soft = np.where(sigma > 0, 2 * _SOFTENING * sigma, tenth)
    made: np.ndarray = np.arcsinh((images - zero[:, None, None]) / soft[:, None, None])
    return made.astype(np.float32)
