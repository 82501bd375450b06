"""Statistics of generated and real maps: faint artefacts, sharpness, distributions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

STEP = 1 / 255
"""Faintest level of an 8-bit map: clipped images have no value between 0 and this, "a gap in
pixel values between 0 and 0.0039" (Bastien et al. 2021, Sec. 6.2)."""

ZERO = 5e-5
"""Below this a pixel counts as empty (the same section)."""


class Artefacts(NamedTuple):
    """Shares per map, each of shape ``(n,)``."""

    empty: np.ndarray  # pixels below 5e-5 of the peak; about 0.95 in sigma-clipped maps
    # Pixels between that and 1/255, where a clipped map has almost none: rings and texture.
    gap: np.ndarray


def artefacts(images: np.ndarray) -> Artefacts:
    """The artefact statistic of Bastien et al. 2021, Sec. 6.2, of maps ``(n, ny, nx)`` in 0..1."""
    flat = np.asarray(images).reshape(len(images), -1)
    empty = flat < ZERO
    gap = ~empty & (flat < STEP)
    return Artefacts(empty.mean(axis=1), gap.mean(axis=1))


def radial_power(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power spectrum averaged over rings of spatial frequency and divided by that at zero.

    Parameters
    ----------
    images : numpy.ndarray
        Square maps, shape ``(n, s, s)``.

    Returns
    -------
    frequency : numpy.ndarray
        Cycles per pixel, 0 to 0.5, shape ``(s // 2 + 1,)``.
    power : numpy.ndarray
        Shape ``(n, s // 2 + 1)``; 1 at frequency 0.
    """
    n, side = images.shape[0], images.shape[-1]
    transformed = np.fft.fft2(np.asarray(images, dtype=float))
    power = np.abs(transformed) ** 2
    along = np.fft.fftfreq(side) * side
    ring = np.rint(np.hypot(along[:, None], along[None, :])).astype(int).ravel()
    bins = side // 2 + 1
    inside = ring < bins
    count = np.bincount(ring[inside], minlength=bins)
    flat = power.reshape(n, -1)[:, inside]
    mean = np.stack([np.bincount(ring[inside], row, bins) for row in flat]) / count
    return np.arange(bins) / side, mean / np.maximum(mean[:, :1], 1e-30)


def sharpness(real: np.ndarray, generated: np.ndarray, above: float = 0.15) -> float:
    """Generated over real power at high spatial frequencies; below 1: blurred.

    Ratio of geometric means over maps and frequencies, since power falls by decades.

    ``real``, ``generated``: square maps of one side, shapes ``(n, s, s)`` and ``(m, s, s)``.
    ``above``: lowest frequency in cycles per pixel. At two pixels per beam (FWHM) the beam leaves
    less than a hundredth of the power above 0.35, so the mean stops there.
    """
    frequency, first = radial_power(real)
    _, second = radial_power(generated)
    rows = (frequency >= above) & (frequency <= 0.35)
    logs = [np.log(np.maximum(power[:, rows], 1e-12)).mean() for power in (first, second)]
    return float(np.exp(logs[1] - logs[0]))


def distribution_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of the finite values of two samples; NaN without any."""
    from scipy.stats import ks_2samp

    a, b = (np.asarray(x, float)[np.isfinite(x)] for x in (real, generated))
    return float(ks_2samp(a, b).statistic) if len(a) and len(b) else float("nan")


def rank_correlation(pairs: np.ndarray) -> float:
    """Spearman's rank correlation of two columns ``(n, 2)``."""
    from scipy.stats import spearmanr

    return float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
