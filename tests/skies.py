"""Skies whose sources are known: Gaussian components in noise, raw and as surveys ship them."""

from __future__ import annotations

import numpy as np

SCALE, BEAM, SIGMA = 1.8, 5.4, 1.5e-4


def sky(components, n=150, sigma=SIGMA, seed=0, fwhm=BEAM):
    """Image in Jy/beam of Gaussian components ``(east, north [arcsec], peak in sigma)``."""
    rows, columns = np.indices((n, n))
    image = np.zeros((n, n))
    for east, north, peak in components:
        x, y = (n - 1) / 2 - east / SCALE, (n - 1) / 2 + north / SCALE
        distance = SCALE**2 * ((columns - x) ** 2 + (rows - y) ** 2)
        image += peak * SIGMA * np.exp(-4 * np.log(2) * distance / fwhm**2)
    return (image + np.random.default_rng(seed).normal(0, sigma, (n, n))).astype(np.float32)


def clipped(image):
    """The image as the 8-bit surveys have it: clipped at 3 sigma, 0..255."""
    kept = np.where(image < 3 * SIGMA, 0, image)
    return (kept / kept.max() * 255).astype(np.uint8)


def stretched(image):
    """As Griese et al. 2023 have it: clipped at 3 sigma, that level at 0 and the peak at 255."""
    above = np.maximum(image - 3 * SIGMA, 0)
    return (above / above.max() * 255).astype(np.uint8)


def double(separation, angle, peak=100.0, ratio=1.0, core=0.0):
    """Two points at a position angle (degrees N through E), and a core between them."""
    east, north = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    half = separation / 2
    parts = [(half * east, half * north, peak), (-half * east, -half * north, peak * ratio)]
    return [*parts, (0.0, 0.0, core)] if core else parts
