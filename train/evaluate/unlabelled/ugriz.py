"""Synthetic stars and galaxies in five bands, for tests and comparisons; no survey is in them.

Seeded and simple: a star is the point-spread function (a Moffat profile, beta 3), a galaxy an
exponential or de Vaucouleurs-like profile of random axis ratio and angle, blurred by it. Stars have
the colours of black bodies of 3,500 to 12,000 K, galaxies are mixtures of a young and an old
population at redshifts up to 0.4, about as a black body of a lower temperature. Every third image
has a neighbour of either kind; the class is that of the object in the centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BANDS = ("u", "g", "r", "i", "z")
_WAVELENGTHS = np.array([355.0, 469.0, 617.0, 748.0, 893.0])  # nm, SDSS
_NOISE = np.array([2.0, 0.7, 0.7, 1.0, 2.2])  # relative depth of the bands
_SEEING = (1.2, 1.7)  # pixels, HWHM of the Moffat profile
_SAMPLES = 3  # a side, within a pixel


@dataclass(frozen=True, eq=False)
class SyntheticSky:
    """Seeded synthetic images."""

    # Flux with noise, float32 ``(n, 5, size, size)``; the noise of r has a sigma of 1.
    images: np.ndarray
    clean: np.ndarray  # the same without noise
    galaxy: np.ndarray  # true where the central object is a galaxy, ``(n,)``


def stars_and_galaxies(n: int, seed: int, size: int = 64) -> SyntheticSky:
    """``n`` images, about half of them with a galaxy in the centre."""
    rng = np.random.default_rng(seed)
    clean = np.zeros((n, len(BANDS), size, size), np.float32)
    galaxy = rng.random(n) < 0.5
    for image, is_galaxy in zip(clean, galaxy, strict=True):
        seeing = rng.uniform(*_SEEING)
        middle = (size - 1) / 2 + rng.uniform(-0.5, 0.5, 2)
        image += _object(rng, bool(is_galaxy), middle, seeing, size)
        if rng.random() < 1 / 3:
            angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(0.15, 0.45) * size
            beside = middle + distance * np.array([math.cos(angle), math.sin(angle)])
            image += _object(rng, rng.random() < 0.5, beside, seeing, size)
    noise = rng.normal(size=clean.shape) * _NOISE[:, None, None]
    return SyntheticSky((clean + noise).astype(np.float32), clean, galaxy)


def to_unit(images: np.ndarray) -> np.ndarray:
    """Brightness in 0..1: flux over the peak of each band, as the app preprocesses channels.

    Negative flux becomes 0.
    """
    flux = np.clip(images, 0, None)
    peak = flux.max(axis=(2, 3), keepdims=True)
    return (flux / np.maximum(peak, 1e-12)).astype(np.float32)


def _object(
    rng: np.random.Generator, is_galaxy: bool, centre: np.ndarray, seeing: float, size: int
) -> np.ndarray:
    """Flux of one object, ``(5, size, size)``."""
    if is_galaxy:
        colour = _black_body(rng.uniform(3200, 6500) / (1 + rng.uniform(0.02, 0.4)))
        peak, radius = 10 ** rng.uniform(1.2, 2.5), 10 ** rng.uniform(0.1, 0.75)
        shape = _galaxy(rng, centre, math.hypot(radius, seeing), size)
    else:
        colour, peak = _black_body(rng.uniform(3500, 12000)), 10 ** rng.uniform(1.2, 3.3)
        x, y = _offsets(centre, size)
        shape = (1 + (x * x + y * y) / seeing**2 * (2 ** (1 / 3) - 1)) ** -3.0
    shape = _pixels(shape)
    return peak * (colour[:, None, None] * shape / shape.max()).astype(np.float32)


def _galaxy(rng: np.random.Generator, centre: np.ndarray, radius: float, size: int) -> np.ndarray:
    x, y = _offsets(centre, size)
    angle, ratio = rng.uniform(0, math.pi), rng.uniform(0.3, 1.0)
    along = x * math.cos(angle) + y * math.sin(angle)
    across = (y * math.cos(angle) - x * math.sin(angle)) / ratio
    # Softened in the core, as seeing would do.
    r = np.sqrt(along**2 + across**2 + 0.3 * radius) / radius
    return np.exp(-1.68 * r) if rng.random() < 0.6 else np.exp(-3.67 * np.sqrt(r))


def _offsets(centre: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    at = (np.arange(size * _SAMPLES) + 0.5) / _SAMPLES - 0.5
    return at[None, :] - centre[0], at[:, None] - centre[1]


def _pixels(fine: np.ndarray) -> np.ndarray:
    n = len(fine) // _SAMPLES
    means: np.ndarray = fine.reshape(n, _SAMPLES, n, _SAMPLES).mean(axis=(1, 3))
    return means


def _black_body(kelvin: float) -> np.ndarray:
    """Photon counts in the five bands relative to r."""
    x = 1.4388e7 / (_WAVELENGTHS * kelvin)
    flux = _WAVELENGTHS**-4 / np.expm1(x)
    ratio: np.ndarray = flux / flux[2]
    return ratio
