"""Noise of one image, also where pixels below a threshold were clipped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from radioviz.data.noise_level import noise_level
from radioviz.morphology.complexity import block_mean

CLIP_SIGMA = 3.0  # at which the authors clipped the 8-bit images of FIRST and NVSS
# Above 3 sigma noise leaves islands of a few pixels, on average 0.26 sigma higher (measured on the
# raw MiraBest cutouts, clipped and reduced to 8 bits).
_EXCESS = 0.26
_ISLAND_PIXELS = 4
_TILES = 8  # along a side, to look at the parts of an image that hold sky
# Share of positive pixels in the sky of an image that was clipped within its noise. Of images that
# were clipped at 3 sigma it is at most 0.015 (FIRST, MiraBest, FR-DEEP).
_WITHIN_NOISE = (0.02, 0.98)
# Percentiles 10 and 90 of the positive pixels of sky, over their median, at most. Normal noise
# above a clip level has 0.07 to 0.33, and 2.4 to 3.3; skirts of sources have more of one of them.
_FAINT, _BRIGHT = 0.4, 6.0
_COARSE = 1.5  # grey levels: so faint a noise has too few of them to judge by
_SIDE = 64  # smallest side of an image that is divided into tiles
_FILLED = 0.5  # variance of means over blocks over that of pixels; noise has less
_DARKEST = 1  # percentile of a filled picture that is taken for the sky


@dataclass(frozen=True)
class Noise:
    """Background and noise of one image, in its units.

    ``clipped`` is true where pixels below 3 sigma are missing; ``pedestal`` was subtracted from the
    remaining pixels. ``ratio`` is that of a stated noise to the one in the pixels. ``coarse`` is
    true where noise reaches a single grey level, so that smoothing does not reveal what is in it.
    """

    background: float
    sigma: float
    clipped: bool
    pedestal: float = 0.0
    ratio: float = 1.0
    coarse: bool = False

    def restore(self, image: np.ndarray, blank: np.ndarray) -> np.ndarray:
        """The image as finite float32 above the background, with the pedestal restored.

        ``blank``: its pixels without data (:func:`radioviz.data.noise_level.blank_pixels`), which
        become 0.
        """
        with np.errstate(over="ignore"):
            image = image.astype(np.float32) - np.float32(self.background)
        if self.pedestal:
            image[image > 0] += np.float32(self.pedestal)
        blank = blank | ~np.isfinite(image)  # large numbers overflow
        if blank.any():
            image[blank] = 0.0
        return image


def is_shifted(images: np.ndarray, looked_at: int = 200) -> bool:
    """Whether 8-bit images ``(n, ny, nx)`` were clipped and the clip level then mapped to 0.

    Some authors keep the pixels above 3 sigma unchanged (MiraBest), others stretch from 3 sigma to
    the peak (Griese et al. 2023). In the latter the faintest pixel is grey level 1 in nearly
    every image, in the former it depends on the source. So it is in images that were clipped lower,
    but these have more of their noise left.
    """
    if images.dtype.kind != "u" or len(images) == 0:
        return False
    faintest, lit = [], []
    for row in np.unique(np.linspace(0, len(images) - 1, looked_at).astype(int)):
        image = images[row]
        if image.any():
            faintest.append(int(image[image > 0].min()))
            lit.append(np.median(_lit_tiles(image)[1]) if min(image.shape) >= _SIDE else 0.0)
    if len(faintest) < 10 or np.median(lit) >= _WITHIN_NOISE[0]:
        return False
    return bool(np.mean(np.array(faintest) == 1) > 0.95)


def measure_noise(
    image: np.ndarray, raw: bool, shifted: bool = False, stated: float = math.nan
) -> Noise:
    """Noise of one image ``(ny, nx)``; ``shifted`` as in :func:`is_shifted`.

    ``stated`` is the noise that its file or catalogue gives, in the unit of the pixels; where it is
    known (not NaN) it is the noise, and only the background is measured.

    In a clipped image the faintest remaining pixel is at 3 sigma, within limits: 8 bits hold at
    most 765 sigma (the noise of brighter sources is overestimated). In a shifted image the noise
    follows from how far noise pixels reach above the clip level, to some 20 %, up to about 260
    sigma; for brighter sources no noise pixel reaches grey level 1. Pictures are often clipped at
    the level of the sky, so that about half of the noise remains; then how many of its pixels do,
    and how bright they are, gives both level and noise.
    """
    known = raw or shifted or stated > 0
    if not known and (found := _clipped_within_noise(image)) is not None:
        return found
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


def _clipped_within_noise(image: np.ndarray) -> Noise | None:
    """Noise of an image in which 0 stands for all below some level of the noise, else None.

    The tiles with the fewest positive pixels are taken for sky: the normal distribution has the
    clip level where as large a share lies above it, and the median of what remains gives sigma.
    """
    if min(image.shape) < _SIDE or not image.any() or (image < 0).any():
        return None
    tiles, share = _lit_tiles(image)
    middle = float(np.median(share))
    if not _WITHIN_NOISE[0] <= middle <= _WITHIN_NOISE[1]:
        return None
    sky = (share > 0) & (share <= middle)
    if not sky.any():
        return None
    above = float(share[sky].mean())
    normal = NormalDist()
    level = normal.inv_cdf(1 - above)
    values = tiles[sky]
    values = values[(values > 0) & (values < np.inf)]
    first = float(values.min())
    if image.dtype.kind in "iub":
        values = values - 0.5  # the clip level lies half a grey level or more above 0
    faint, excess, bright = np.percentile(values, (10, 50, 90))
    coarse = excess <= _COARSE and image.dtype.kind in "iub"
    if bright > _BRIGHT * excess or (faint > _FAINT * excess and not coarse):
        return None
    if coarse:  # by how many pixels reach each of the first two levels
        beyond = float((tiles[sky] > first).mean())
        second = normal.inv_cdf(1 - beyond) if beyond else level + max(level, 1.0)
        sigma = 1 / (second - level)
        return Noise(max(first - 1 - level * sigma, 0.0), sigma, False, coarse=True)
    sigma = float(excess) / (normal.inv_cdf(1 - above / 2) - level)
    # Pixels at 0 stay there where the sky is below it.
    return Noise(max(-level * sigma, 0.0), sigma, False)


def _lit_tiles(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tiles ``(k, k, ty, tx)`` of an image, and the share of positive pixels of each ``(k, k)``."""
    ny, nx = (n // _TILES for n in image.shape)
    tiles = image[: ny * _TILES, : nx * _TILES].reshape(_TILES, ny, _TILES, nx).swapaxes(1, 2)
    return tiles, ((tiles > 0) & (tiles < np.inf)).mean(axis=(2, 3))


def noise_of_filled(image: np.ndarray, beam: float) -> Noise:
    """Sky and noise of a picture ``(ny, nx)``, without negative values, in which nothing was found.

    The darkest part is the sky, so that what lies outside the picture is not brighter. Where
    emission fills it (means over blocks of three beams, in pixels, differ as pixels do), Otsu's
    threshold (1979, IEEE Trans. Syst. Man Cybern. 9, 62) between dark and bright pixels is at 3
    sigma; else sigma is 0, and nothing can be found.
    """
    pixels = image[np.isfinite(image)]
    if not pixels.size:
        return Noise(0.0, 0.0, False)
    sky = float(np.percentile(pixels, _DARKEST))
    step = min(max(round(3 * beam), 1), max(min(image.shape) // 4, 1))
    ny, nx = (n // step * step for n in image.shape)
    blocks = block_mean(np.where(np.isfinite(image), image, sky)[:ny, :nx].astype(np.float32), step)
    above = pixels[pixels > sky]
    if not above.size or not np.var(blocks) > _FILLED * np.var(pixels.astype(np.float64)):
        return Noise(sky, 0.0, False)
    number, edges = np.histogram(above, 256)
    value = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(number), np.cumsum(number * value)
    n, total = below[-1], sums[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (total * below / n - sums) ** 2 / (below * (n - below))
    if not np.isfinite(between).any():
        return Noise(sky, 0.0, False)
    return Noise(sky, (float(value[np.nanargmax(between)]) - sky) / CLIP_SIGMA, False)


def _mean_of_small_islands(image: np.ndarray) -> float:
    """Mean grey level of the islands of no more than a few pixels; 0 without any."""
    from scipy import ndimage

    shown = image > 0
    labels, n = ndimage.label(shown, np.ones((3, 3), dtype=bool))
    where = np.flatnonzero(shown)
    label = labels.ravel()[where]
    small = (np.bincount(label, minlength=n + 1) <= _ISLAND_PIXELS)[label]
    return float(image.ravel()[where[small]].mean()) if small.any() else 0.0
