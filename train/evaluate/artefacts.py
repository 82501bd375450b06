"""Plant artefacts in real images, to test whether an outlier score detects them.

Each function takes images ``(n, ny, nx)`` of non-negative brightness with the source in the middle
and returns new images of the same shape. They imitate the four most common faults of an
aperture-synthesis survey: side lobes left by deconvolution, an unrelated bright neighbour, the edge
of a mosaic, and no source at all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from radioviz.sky import FWHM

SIGMA = 3.0  # survey cutouts are clipped at this level
REACH = 10.0  # beams from the centre; the source is searched within


def brightest(image: np.ndarray, beam: float) -> tuple[int, int]:
    """Row and column of the brightest pixel near the centre of an image ``(ny, nx)``."""
    ny, nx = image.shape
    half = round(REACH * beam)
    top, left = max(ny // 2 - half, 0), max(nx // 2 - half, 0)
    near = image[top : ny // 2 + half, left : nx // 2 + half]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    return top + int(row), left + int(column)


def side_lobes(images: np.ndarray, beam: float, rng: np.random.Generator) -> np.ndarray:
    """Rays of a three-armed snapshot around the brightest pixel of the source.

    The VLA is a Y: a snapshot samples three lines of the uv plane and their conjugates, so its
    dirty beam is a star of six rays. Their brightest crest has 10 to 25 % of the peak.

    ``beam``: FWHM in pixels.
    """
    _, ny, nx = images.shape
    y, x = np.indices((ny, nx), dtype=np.float32)
    out = np.empty_like(images, dtype=np.float32)
    for i, image in enumerate(images):
        row, column = brightest(image, beam)
        dy, dx = y - row, x - column
        rotation = rng.uniform(0, np.pi / 3)
        rays = np.zeros((ny, nx), np.float32)
        for arm in range(3):
            c, s = np.cos(rotation + arm * np.pi / 3), np.sin(rotation + arm * np.pi / 3)
            along, across = dx * c + dy * s, dy * c - dx * s
            wave = np.cos(2 * np.pi * along / (2.5 * beam)) * np.exp(-np.abs(along) / (12 * beam))
            rays += wave * np.exp(-0.5 * (across / (0.5 * beam)) ** 2)
        rays[np.hypot(dx, dy) < 1.5 * beam] = 0  # the main lobe is the source itself
        strength = rng.uniform(0.1, 0.25) * image[row, column] / max(float(rays.max()), 1e-6)
        out[i] = np.clip(image + strength * rays, 0, None)
    return out


def bright_neighbour(images: np.ndarray, beam: float, rng: np.random.Generator) -> np.ndarray:
    """An unresolved source off the centre, two to five times as bright as the galaxy."""
    _, ny, nx = images.shape
    y, x = np.indices((ny, nx), dtype=np.float32)
    width = beam / FWHM
    out = np.empty_like(images, dtype=np.float32)
    for i, image in enumerate(images):
        radius, angle = rng.uniform(5, 12) * beam, rng.uniform(0, 2 * np.pi)
        row = (ny - 1) / 2 + radius * np.sin(angle)
        column = (nx - 1) / 2 + radius * np.cos(angle)
        spot = np.exp(-0.5 * ((y - row) ** 2 + (x - column) ** 2) / width**2)
        out[i] = image + rng.uniform(2, 5) * image[brightest(image, beam)] * spot
    return out


def cut_edge(images: np.ndarray, beam: float, rng: np.random.Generator) -> np.ndarray:
    """Blank beyond a straight edge through the source, as at the rim of a mosaic."""
    _, ny, nx = images.shape
    y, x = np.indices((ny, nx), dtype=np.float32)
    out = np.array(images, dtype=np.float32)
    for image in out:
        peak = brightest(image, beam)
        angle = rng.uniform(0, 2 * np.pi)
        offset = rng.uniform(0, 0.5) * beam
        side = (x - peak[1]) * np.cos(angle) + (y - peak[0]) * np.sin(angle)
        image[side > offset] = 0
    return out


def noise_only(images: np.ndarray, beam: float, rng: np.random.Generator) -> np.ndarray:
    """Noise correlated over the beam, clipped at 3 sigma; uses only the shape of the images."""
    from scipy.ndimage import gaussian_filter

    out = np.empty(images.shape, np.float32)
    width = beam / FWHM
    for i in range(len(images)):
        noise = gaussian_filter(rng.standard_normal(images.shape[1:]).astype(np.float32), width)
        noise /= noise.std()
        out[i] = np.where(noise >= SIGMA, noise, 0)
    return out


ARTEFACTS: dict[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "side_lobes": side_lobes,
    "bright_neighbour": bright_neighbour,
    "cut_edge": cut_edge,
    "noise_only": noise_only,
}
"""Name to ``plant(images, beam in pixels, random generator)``."""
