"""Pixels of a cutout that belong to its source: detection and association.

Detection finds islands above 3 sigma that reach a higher peak, at the resolution of the image and,
for diffuse lobes, on a smoothed image (as in Duchamp, Whiting 2012, and the wavelet module of
PyBDSF, Mohan & Rafferty 2015).

Association starts at the island on the centre of the cutout, where the host galaxy is. The odds
that another island belongs to the same source are a logistic function of a few properties that an
astronomer would weigh by eye: its distance, brightness and extent, its share of the flux within its
distance, whether it has a counterpart on the other side, and the size and brightness of the central
island.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from radioviz.data.noise_level import noise_level
from radioviz.morphology.complexity import block_mean
from radioviz.morphology.noise import CLIP_SIGMA, Noise
from radioviz.morphology.shape import moments
from radioviz.sky import FWHM

ISLAND_SIGMA = CLIP_SIGMA  # extent of an island; clipped images hold nothing fainter
PEAK_SIGMA = 4.0  # minimum peak of an island; the odds depend on its height
SMOOTH_SIGMA = 3.0  # the same two on the smoothed image, in units of its noise
SMOOTH_PEAK_SIGMA = 5.0
CLIPPED_SMOOTH = 0.2  # extent on a smoothed clipped image, in units of the unsmoothed noise
CLIPPED_SMOOTH_PEAK = 0.4
_EIGHT = np.ones((3, 3), dtype=bool)

FEATURES = (
    "log_distance",
    "log_snr",
    "minor",
    "log_flux_share",
    "log_flux_fraction",
    "neighbour",
    "counterpart",
    "log_gap",
    "log_seed_size",
    "log_seed_flux",
    "has_seed",
    "gap_and_seed_size",
    "alignment",
    "log_flux_ratio",
    "log_beams",
)


@dataclass(frozen=True)
class Islands:
    """The ``k`` islands of one image and their ``p`` pixels, sorted by island.

    Positions are in pixels relative to the image centre, brightnesses in image units above the
    background. ``major`` and ``minor`` are second-moment widths (sigma, pixels), deconvolved from
    the beam.
    """

    start: np.ndarray  # (k + 1,) first pixel of each island
    y: np.ndarray  # (p,)
    x: np.ndarray
    value: np.ndarray
    diffuse: np.ndarray  # bool: found only on the smoothed image
    flux: np.ndarray  # (k,) sum of the pixels
    peak: np.ndarray
    cy: np.ndarray  # flux-weighted centre
    cx: np.ndarray
    nearest: np.ndarray  # distance of the closest pixel from the image centre
    furthest: np.ndarray
    major: np.ndarray
    minor: np.ndarray

    def __len__(self) -> int:
        return len(self.flux)

    def pixels_of(self, chosen: np.ndarray) -> np.ndarray:
        """Mask ``(p,)`` over the pixels of the chosen islands (bool ``(k,)``)."""
        return np.repeat(chosen, np.diff(self.start))

    def only(self, keep: np.ndarray) -> Islands:
        """Some of the islands (bool ``(k,)``)."""
        pixels, number = self.pixels_of(keep), np.diff(self.start)[keep]
        cut = {
            f.name: getattr(self, f.name)[
                pixels if f.name in ("y", "x", "value", "diffuse") else keep
            ]
            for f in dataclasses.fields(self)
            if f.name != "start"
        }
        return Islands(start=np.concatenate([[0], np.cumsum(number)]), **cut)

    def at(self, places: np.ndarray, within: float) -> np.ndarray:
        """Bool ``(k,)``: islands of other sources, at places ``(m, 2)``, x and y.

        Those with the nearest pixel to a place, up to ``within`` pixels from it, and those more
        than twice as near to a place as to the centre.
        """
        found = np.zeros(len(self), dtype=bool)
        for x, y in places if len(self) else ():
            away = np.minimum.reduceat(np.hypot(self.x - x, self.y - y), self.start[:-1])
            found |= 2 * away < self.nearest
            found[int(away.argmin())] |= away.min() <= within
        return found


def find_islands(image: np.ndarray, blank: np.ndarray, noise: Noise, beam: float) -> Islands:
    """Islands of an image ``(ny, nx)``, as :meth:`Noise.restore` gives it; ``beam`` in pixels."""
    from scipy import ndimage

    if noise.sigma <= 0:
        nothing = np.zeros(image.shape, dtype=bool)
        return _collect(image, nothing, nothing.astype(np.int32), 0, beam)
    mask = _islands_above(
        image,
        ISLAND_SIGMA * noise.sigma * (1 - 1e-5),
        PEAK_SIGMA * noise.sigma,
        1.133 * beam**2 / 2,
    )
    diffuse = np.zeros_like(mask)
    if not noise.coarse:
        diffuse = _diffuse(image, grow(mask), blank, noise, beam) & ~mask
    labels, n = ndimage.label(mask | diffuse, _EIGHT)
    return _collect(image, diffuse, labels, n, beam)


def _diffuse(
    image: np.ndarray, bright: np.ndarray, blank: np.ndarray, noise: Noise, beam: float
) -> np.ndarray:
    """Mask of islands beside bright pixels when smoothed: lobes below the threshold everywhere.

    Blocks of pixels are averaged first, which hardly matters for a kernel of this width.
    """
    from scipy import ndimage

    ny, nx = image.shape
    step = max(int(beam / 1.5), 1)

    def blocks(pixels: np.ndarray) -> np.ndarray:
        return block_mean(np.pad(pixels, ((0, -ny % step), (0, -nx % step))), step)

    rest = blocks(np.where(bright, np.float32(0), image))
    smooth = ndimage.gaussian_filter(rest, beam / step, truncate=2.5)
    if noise.clipped:
        extent, peak = CLIPPED_SMOOTH * noise.sigma, CLIPPED_SMOOTH_PEAK * noise.sigma
    else:
        seen = smooth[blocks((~blank).astype(np.float32)) > 0] if blank.any() else smooth.ravel()
        background, sigma = noise_level(seen)
        smooth -= np.float32(background)
        sigma *= noise.ratio
        extent, peak = SMOOTH_SIGMA * sigma, SMOOTH_PEAK_SIGMA * sigma
    mask = _islands_above(smooth, extent, peak, 1)
    return mask.repeat(step, axis=0).repeat(step, axis=1)[:ny, :nx]


def _islands_above(image: np.ndarray, extent: float, peak: float, size: float) -> np.ndarray:
    """Mask of the islands above ``extent`` that reach ``peak`` and have ``size`` pixels."""
    from scipy import ndimage

    mask = np.zeros(image.shape, dtype=bool)
    if not image.max() >= peak > 0:
        return mask
    above = image >= extent
    labels, n = ndimage.label(above, _EIGHT)
    where = np.flatnonzero(above)
    label = labels.ravel()[where]
    highest = np.full(n + 1, -np.inf, image.dtype)
    np.maximum.at(highest, label, image.ravel()[where])
    good = (highest >= peak) & (np.bincount(label, minlength=n + 1) >= size)
    mask.ravel()[where[good[label]]] = True
    return mask


def grow(mask: np.ndarray) -> np.ndarray:
    """Mask ``(ny, nx)`` grown by one pixel in all eight directions."""
    tall = mask.copy()
    tall[1:] |= mask[:-1]
    tall[:-1] |= mask[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide


def _collect(
    image: np.ndarray, diffuse: np.ndarray, labels: np.ndarray, n: int, beam: float
) -> Islands:
    ny, nx = image.shape
    where = np.flatnonzero(labels != 0)  # of a mask: ten times as fast as of numbers
    label = labels.ravel()[where]
    order = np.argsort(label, kind="stable")
    where, label = where[order], label[order] - 1
    start = np.searchsorted(label, np.arange(n + 1))
    y = where // nx - (ny - 1) / 2
    x = where % nx - (nx - 1) / 2
    value = image.ravel()[where].astype(np.float64)
    weight = np.maximum(value, 1e-6 * max(float(value.max(initial=0.0)), 1e-300))
    flux = np.bincount(label, value, n)
    total = np.bincount(label, weight, n)
    cy, cx = np.bincount(label, weight * y, n) / total, np.bincount(label, weight * x, n) / total
    dy, dx = y - cy[label], x - cx[label]
    yy = np.bincount(label, weight * dy * dy, n) / total
    xx = np.bincount(label, weight * dx * dx, n) / total
    xy = np.bincount(label, weight * dx * dy, n) / total
    half, root = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    point = (beam / FWHM) ** 2
    radius = np.hypot(y, x)
    peak, nearest, furthest = (np.zeros(n), np.zeros(n), np.zeros(n))
    if n:
        peak = np.maximum.reduceat(value, start[:-1])
        nearest = np.minimum.reduceat(radius, start[:-1])
        furthest = np.maximum.reduceat(radius, start[:-1])
    return Islands(
        start, y, x, value, diffuse.ravel()[where], flux, peak, cy, cx, nearest, furthest,
        np.sqrt(np.maximum(half + root - point, 0)), np.sqrt(np.maximum(half - root - point, 0)),
    )  # fmt: skip


def association_features(
    islands: Islands, sigma: float, beam: float, unit: float
) -> tuple[np.ndarray, int]:
    """Features of each island, shape ``(k, len(FEATURES))``, and the number of the seed.

    The seed is the island within two beams of the centre, -1 without one. Brightnesses are in units
    of the noise. Properties of the sky (sizes of sources, distances between unrelated ones) are in
    units of 5.4 arcsec (``unit`` pixels) for every survey; properties of the imaging are in beams.
    """
    k = len(islands)
    out = np.zeros((k, len(FEATURES)))
    if k == 0:
        return out, -1
    seed = int(islands.nearest.argmin())
    if islands.nearest[seed] > 2 * beam:
        seed = -1
    distance = np.maximum(np.hypot(islands.cy, islands.cx), 0.1 * beam)
    flux = np.maximum(islands.flux / (1.133 * beam**2 * sigma), 0.1)
    inside = distance[None] < distance[:, None]
    enclosed = (inside * flux).sum(axis=1)
    share = np.log10(flux / np.maximum(enclosed, 1e-3))
    # A counterpart: on the opposite side, at a similar distance and brightness.
    direction = np.stack([islands.cy, islands.cx]) / distance
    opposite = (
        -(direction.T @ direction)
        - np.abs(np.log(distance[:, None] / distance))
        - 0.2 * np.abs(np.log(flux[:, None] / flux))
    )
    opposite[:, distance < beam] = -np.inf
    np.fill_diagonal(opposite, -np.inf)
    out[:, 0] = np.log10(distance / unit)
    out[:, 1] = np.log10(np.maximum(islands.peak / sigma, 1))
    out[:, 2] = np.minimum(islands.minor / beam, 3)
    out[:, 3] = np.clip(share, -3, 1.5)
    out[:, 4] = np.log10(flux / flux.sum())
    apart = np.hypot(islands.cy[:, None] - islands.cy, islands.cx[:, None] - islands.cx)
    np.fill_diagonal(apart, np.inf)
    out[:, 5] = np.minimum(apart.min(axis=1) / unit, 50)
    out[:, 6] = np.clip(opposite.max(axis=1), -1, 1)
    if seed >= 0:
        size = max(islands.furthest[seed], beam / 2)
        out[:, 7] = np.log10(np.maximum(islands.nearest, 0.1 * beam) / size)
        out[:, 8] = np.log10(1 + islands.major[seed] / unit)
        out[:, 9] = np.log10(flux[seed])
        out[:, 10] = 1
        out[:, 11] = out[:, 7] * out[:, 8]
        out[:, 12] = _alignment(islands, seed, beam)
        out[:, 13] = np.log10(flux / flux[seed])
    out[:, 14] = np.log10(np.maximum(islands.flux / (1.133 * beam**2 * islands.peak), 1e-3))
    return out, seed


def _alignment(islands: Islands, seed: int, beam: float) -> np.ndarray:
    """How well each island lies on the axis of the seed, ``(k,)``: 1 along, -1 across, 0 round."""
    inside = slice(islands.start[seed], islands.start[seed + 1])
    shape = moments(islands.y[inside], islands.x[inside], islands.value[inside], beam)
    if not (math.isfinite(shape.angle) and shape.major > 0):
        return np.zeros(len(islands))
    north, east = islands.cy - islands.cy[seed], islands.cx[seed] - islands.cx
    along = north * math.cos(math.radians(shape.angle)) + east * math.sin(math.radians(shape.angle))
    away = np.hypot(north, east)
    cosine = np.divide(along, away, out=np.full(len(away), math.sqrt(0.5)), where=away > 0)
    return (1 - shape.minor / shape.major) * (2 * cosine**2 - 1)


# Fitted to the raw MiraBest cutouts by: python -m train evaluate measured-sizes
# Logarithms are decimal.
INTERCEPT = 6.85
COEFFICIENTS = np.array(
    [-2.52, -1.11, 1.86, 1.92, -1.38, -0.11, 1.84, -2.92, -7.19, -0.36, 3.53, -6.8, 0.6, 0.18, 1.3]
)


def associate(
    islands: Islands,
    sigma: float,
    beam: float,
    unit: float,
    coefficients: np.ndarray | None = None,
    intercept: float = INTERCEPT,
    *,
    there: bool = True,
) -> np.ndarray:
    """Bool ``(k,)``: the islands that form the central source.

    The likeliest one does, however unlikely, where a source is ``there`` for sure. Where it need
    not be, and no island is at the centre, there must be some on two sides of it.
    """
    features, seed = association_features(islands, sigma, beam, unit)
    if len(islands) == 0:
        return np.zeros(0, dtype=bool)
    odds = features @ (COEFFICIENTS if coefficients is None else coefficients) + intercept
    belongs = odds > 0
    if seed >= 0 or there:
        belongs[seed if seed >= 0 else int(odds.argmax())] = True
    else:
        away = np.stack([islands.cy, islands.cx], axis=1)[belongs]
        belongs &= bool((away @ away.T < 0).any())
    return belongs
