"""Baselines for learned features: Fourier amplitudes of log-polar maps, and pixel PCA."""

from __future__ import annotations

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import PRESETS

RADII, ANGLES = 32, 64


def images(catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
    """The 64x64 crops of the encoders, float32 ``(n, 64, 64)``, 0..1."""
    return PRESETS["compact64"].apply(catalogue, rows)


def log_polar_amplitudes(maps: np.ndarray) -> np.ndarray:
    """Amplitudes of the angular Fourier modes at logarithmic radii; ``(n, 32 * 17)``.

    About the brightness-weighted centre. Rotations change only the phases of the modes, so the
    amplitudes depend neither on position angle nor on parity.

    Parameters
    ----------
    maps : numpy.ndarray
        Shape ``(n, ny, nx)``.
    """
    from skimage.transform import warp_polar

    ny, nx = maps.shape[1:]
    y, x = np.mgrid[:ny, :nx]
    out = []
    for image in maps:
        total = max(float(image.sum()), 1e-12)
        centre = (float((y * image).sum()) / total, float((x * image).sum()) / total)
        polar = warp_polar(
            image,
            center=centre,
            radius=nx / 2,
            output_shape=(ANGLES, RADII),
            scaling="log",
            order=1,
        )
        modes = np.abs(np.fft.rfft(polar, axis=0))[:17]
        out.append(np.sqrt(modes).ravel())
    return np.asarray(out, np.float32)


def pixels(maps: np.ndarray) -> np.ndarray:
    """The pixels, ``(n, ny * nx)``; classifiers use 64 principal components."""
    return maps.reshape(len(maps), -1).astype(np.float32)


BASELINES = {"log-polar": (log_polar_amplitudes, 0), "pixels": (pixels, 64)}
"""Name to function and number of principal components (0: no reduction)."""
