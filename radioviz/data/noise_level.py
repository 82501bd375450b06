"""Noise of an image, and which of its pixels hold no data."""

from __future__ import annotations

import numpy as np

_MAD_TO_SIGMA = 1.4826  # for a normal distribution
_PADDED = 4  # times as many zeros as pixels next below zero may be no data
_SKY = 0.3  # share of negative pixels beside zeros that are no data; noise has half
_PATCH = 5  # side in pixels of the smallest square of zeros that is


def noise_level(image: np.ndarray, clip: float = 3.0, rounds: int = 5) -> tuple[float, float]:
    """Background and noise of one image: sigma-clipped median and MAD.

    Parameters
    ----------
    image : numpy.ndarray
        Any shape; pixels without data are ignored (:func:`blank_pixels`), and exact zeros if they
        are the majority.
    clip, rounds
        Pixels further than ``clip`` sigma from the median are ignored, in at most ``rounds`` times.

    Returns
    -------
    background, sigma : float
        In image units; ``(0, 0)`` without finite pixels or in an image already clipped
        (mostly exact zeros, and nothing negative among the rest).
    """
    values = np.asarray(image)
    blank = blank_pixels(values)
    values = values[~blank] if blank.any() else values.ravel()
    values = values.astype(np.float64 if values.dtype.itemsize > 4 else np.float32, copy=False)
    if values.size == 0:
        return 0.0, 0.0
    if 2 * np.count_nonzero(values) < values.size:
        values = values[values != 0]
        if values.size == 0 or values.min() > 0:
            return 0.0, 0.0
    centre, sigma = 0.0, 0.0
    for _ in range(rounds):
        centre = _middle(values)
        deviation = np.abs(values - np.asarray(centre, dtype=values.dtype))
        sigma = _MAD_TO_SIGMA * _middle(deviation)
        kept = deviation <= clip * sigma
        if sigma == 0 or kept.all():
            break
        size = values.size
        values = values[kept]
        if size - values.size < 0.002 * size:  # what a normal distribution loses at 3 sigma
            break
    return centre, sigma


def blank_pixels(image: np.ndarray) -> np.ndarray:
    """Mask of the pixels without data: those not finite, and zeros that pad an image.

    Zeros do that where they fill a patch beside noise, and are four times as many as the pixels
    next below zero: where numbers were rounded, these are as many, or half. Beside sources that
    were cut out of their sky, few pixels are negative; where noise was clipped on both sides of
    zero, none is near it.
    """
    if image.dtype.kind not in "if":
        return np.zeros(image.shape, dtype=bool)
    blank: np.ndarray = ~np.isfinite(image)
    zero = image == 0
    zeros = np.count_nonzero(zero)
    negative = (image < 0) & ~blank
    share, rest = np.count_nonzero(negative), image.size - zeros - np.count_nonzero(blank)
    if image.ndim != 2 or zeros < _PATCH**2 or not share > _SKY * rest:
        return blank
    below = -image[negative].astype(np.float64)
    nearest = below.min()
    rounded = zeros <= _PADDED * np.count_nonzero(below == nearest)
    if rounded or nearest > np.median(below) / 2:
        return blank
    whole = tuple(n // _PATCH * _PATCH for n in image.shape)
    tiles = zero[: whole[0], : whole[1]].reshape(
        whole[0] // _PATCH, _PATCH, whole[1] // _PATCH, _PATCH
    )
    patches = tiles.all(axis=(1, 3)).repeat(_PATCH, axis=0).repeat(_PATCH, axis=1)
    if patches.any():
        from scipy import ndimage

        regions, _ = ndimage.label(zero)
        blank |= np.isin(regions, np.unique(regions[: whole[0], : whole[1]][patches]))
    return blank


def _middle(values: np.ndarray) -> float:
    """Upper median, without the mean of the two middle values: ten times as fast."""
    half = values.size // 2
    return float(np.partition(values, half)[half])
