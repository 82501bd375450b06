"""Noise of one image, also where pixels below a threshold were clipped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from radioviz.data.preprocess import noise_level

CLIP_SIGMA = 3.0  # at which the authors clipped the 8-bit images of FIRST and NVSS
# Above 3 sigma noise leaves islands of a few pixels, on average 0.26 sigma higher (measured on the
# raw MiraBest cutouts, clipped and reduced to 8 bits).
_EXCESS = 0.26
_ISLAND_PIXELS = 4


@dataclass(frozen=True)
class Noise:
    """Background and noise of one image, in its units.

    ``clipped`` is true where pixels below 3 sigma are missing; ``pedestal`` was subtracted from the
    remaining pixels. ``ratio`` is that of a stated noise to the one in the pixels.
    """

    background: float
    sigma: float
    clipped: bool
    pedestal: float = 0.0
    ratio: float = 1.0

    def restore(self, image: np.ndarray) -> np.ndarray:
        """The image as finite float32 above the background, with the pedestal restored."""
        with np.errstate(over="ignore"):
            image = image.astype(np.float32) - np.float32(self.background)
        if self.pedestal:
            image[image > 0] += np.float32(self.pedestal)
        bad = ~np.isfinite(image)
        if bad.any():
            image[bad] = 0.0
        return image


def is_shifted(images: np.ndarray, looked_at: int = 200) -> bool:
    """Whether 8-bit images ``(n, ny, nx)`` were clipped and the clip level then mapped to 0.

    Some authors keep the pixels above 3 sigma unchanged (MiraBest), others stretch from 3 sigma to
    the peak (Griese et al. 2023). In the latter the faintest pixel is grey level 1 in nearly
    every image, in the former it depends on the source.
    """
    if images.dtype.kind != "u" or len(images) == 0:
        return False
    faintest = []
    for row in np.unique(np.linspace(0, len(images) - 1, looked_at).astype(int)):
        image = images[row]
        if image.any():
            faintest.append(int(image[image > 0].min()))
    return len(faintest) >= 10 and bool(np.mean(np.array(faintest) == 1) > 0.95)


def measure_noise(
    image: np.ndarray, raw: bool, shifted: bool = False, stated: float = math.nan
) -> Noise:
    """Noise of one image ``(ny, nx)``; ``shifted`` as in :func:`is_shifted`.

    ``stated`` is the noise that its file or catalogue gives, in the unit of the pixels; where it is
    known (not NaN) it is the noise, and only the background is measured.

    In a clipped image the faintest remaining pixel is at 3 sigma, within limits: 8 bits hold at
    most 765 sigma (the noise of brighter sources is overestimated). In a shifted image the noise
    follows from how far noise pixels reach above the clip level, to some 20 %, up to about 260
    sigma; for brighter sources no noise pixel reaches grey level 1.
    """
    if raw or 2 * np.count_nonzero(image) > image.size:
        background, sigma = noise_level(image)
        if sigma > 0 and stated > 0:
            return Noise(background, stated, False, ratio=stated / sigma)
        if sigma > 0:
            return Noise(background, sigma, False)
    if stated > 0:
        return Noise(0.0, stated, True)
    with np.errstate(invalid="ignore"):
        positive = image[(image > 0) & (image < np.inf)]
    if not positive.size:
        return Noise(0.0, 0.0, True)
    peak = float(positive.max())
    if shifted:
        # Grey levels are whole numbers: the mean of an exponential from that of a geometric law.
        beyond = max(_mean_of_small_islands(image) - 1, 0.02)
        sigma = 1 / math.log1p(1 / beyond) / _EXCESS
        sigma = min(max(sigma, peak / 1500), peak / 8)
        return Noise(0.0, sigma, True, CLIP_SIGMA * sigma)
    sigma = max(float(positive.min()), peak / 255) / CLIP_SIGMA
    return Noise(0.0, min(sigma, peak / (CLIP_SIGMA + 1)), True)


def _mean_of_small_islands(image: np.ndarray) -> float:
    """Mean grey level of the islands of no more than a few pixels; 0 without any."""
    from scipy import ndimage

    shown = image > 0
    labels, n = ndimage.label(shown, np.ones((3, 3), dtype=bool))
    where = np.flatnonzero(shown)
    label = labels.ravel()[where]
    small = (np.bincount(label, minlength=n + 1) <= _ISLAND_PIXELS)[label]
    return float(image.ravel()[where[small]].mean()) if small.any() else 0.0
