"""Extent, orientation and light distribution of a set of source pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from radioviz.sky import FWHM

_NEAR = 6.0  # pixels from the centre within which the width of a pixel matters
_PARTS = 5  # into which such pixels are divided along each axis


@dataclass(frozen=True)
class Chord:
    """Largest extent between two points, pixels relative to the image centre.

    ``reach`` is by how much each end of the isophote was moved inwards for the beam, ``local`` the
    brightness that this rests on, and ``pixel`` the number of the pixel at each end.
    """

    length: float
    y: tuple[float, float]
    x: tuple[float, float]
    reach: tuple[float, float] = (0.0, 0.0)
    local: tuple[float, float] = (0.0, 0.0)
    pixel: tuple[int, int] = (0, 0)

    def shortened(self, length: float) -> Chord:
        """The same chord about its middle with another length."""
        factor = length / self.length if self.length > 0 else 0.0
        (y0, y1), (x0, x1) = self.y, self.x
        y, dy, x, dx = (y0 + y1) / 2, (y1 - y0) / 2, (x0 + x1) / 2, (x1 - x0) / 2
        ends = (y - factor * dy, y + factor * dy), (x - factor * dx, x + factor * dx)
        return Chord(length, *ends, self.reach, self.local, self.pixel)


@dataclass(frozen=True)
class Moments:
    """Second moments of the brightness, in pixels relative to the image centre.

    ``angle`` is that of the major axis in degrees north through east (0..180) with north up and
    east left; NaN where the source is round. ``major`` and ``minor`` are widths (sigma),
    deconvolved from the beam.
    """

    cy: float
    cx: float
    angle: float
    major: float
    minor: float


@dataclass(frozen=True)
class BeamAxes:
    """Axes (FWHM, pixels) of a beam and its position angle in degrees north through east."""

    major: float
    minor: float
    angle: float

    def along(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """FWHM in the directions of offsets in pixels; of none that of the major axis."""
        turn = math.radians(self.angle)
        north, east = math.cos(turn), math.sin(turn)  # east is left
        along, across = y * north - x * east, y * east + x * north
        away = np.hypot(along, across)
        stretched = np.hypot(along / self.major, across / self.minor)
        return np.divide(away, stretched, out=np.full_like(away, self.major), where=away > 0)

    @property
    def covariance(self) -> tuple[float, float, float]:
        """Second moments: north by north, east by east, north by east, square pixels."""
        turn = math.radians(self.angle)
        a, b = (self.major / FWHM) ** 2, (self.minor / FWHM) ** 2
        cc, ss = math.cos(turn) ** 2, math.sin(turn) ** 2
        return a * cc + b * ss, a * ss + b * cc, (a - b) * math.sin(turn) * math.cos(turn)


def largest_extent(
    y: np.ndarray,
    x: np.ndarray,
    value: np.ndarray,
    level: float,
    beam: float,
    axes: BeamAxes | None = None,
) -> Chord:
    """Largest angular size of the pixels ``(p,)`` above ``level``, with the beam removed.

    ``beam`` is its FWHM in pixels, ``axes`` are those of one that is not round.

    An unresolved source of peak ``P`` has an isophote of radius ``beam/2 sqrt(log2(P/level))``,
    so a bright source looks larger than a faint one. Each end of the chord is moved inwards by that
    radius, for the brightest pixel within 1.5 beams: two points measure their separation at any
    brightness.
    """
    points = np.stack([y, x], axis=1)
    outer = _hull(points)
    corners = points[outer]
    gaps = np.hypot(corners[:, None, 0] - y, corners[:, None, 1] - x)
    local = np.where(gaps <= 1.5 * beam, value, 0).max(axis=1)
    between = (corners[:, None] - corners).transpose(2, 0, 1)
    apart = np.hypot(*between)
    along = axes.along(*between) if axes else beam
    radius = along / 2 * np.sqrt(np.log2(np.maximum(local / level, 1)))[:, None]
    radius = np.broadcast_to(radius, apart.shape)  # of the end in the row, towards the column
    net = apart - radius - radius.T
    i, j = np.unravel_index(int(net.argmax()), net.shape)
    if i == j or net[i, j] <= 0:
        top, peak = int(value.argmax()), float(value.max())
        longest = axes.major if axes else beam
        reach = float(longest / 2 * np.sqrt(np.log2(max(peak / level, 1))))
        same = (float(y[top]), float(y[top])), (float(x[top]), float(x[top]))
        return Chord(0.0, *same, (reach, reach), (peak, peak), (top, top))
    towards = (corners[j] - corners[i]) / apart[i, j]
    a, b = corners[i] + radius[i, j] * towards, corners[j] - radius[j, i] * towards
    return Chord(
        float(net[i, j]),
        (float(a[0]), float(b[0])),
        (float(a[1]), float(b[1])),
        (float(radius[i, j]), float(radius[j, i])),
        (float(local[i]), float(local[j])),
        (int(outer[i]), int(outer[j])),
    )


def outermost_peaks(y: np.ndarray, x: np.ndarray, value: np.ndarray, floor: float) -> float:
    """Distance between the outermost local maxima above ``floor`` of the pixels ``(p,)``.

    A maximum is a pixel that none of its eight neighbours exceeds; a single one gives 0.
    """
    from scipy import ndimage

    rows, columns = (np.rint(a - a.min()).astype(int) for a in (y, x))
    image = np.zeros((rows.max() + 1, columns.max() + 1))
    image[rows, columns] = value
    top = (value >= ndimage.maximum_filter(image, 3)[rows, columns]) & (value >= floor)
    points = np.stack([y[top], x[top]], axis=1)
    points = points[_hull(points)]
    if len(points) < 2:
        return 0.0
    return float(np.hypot(*(points[:, None] - points).transpose(2, 0, 1)).max())


def _hull(points: np.ndarray) -> np.ndarray:
    """Numbers of the corners of the convex hull of ``(p, 2)`` points; all if it is degenerate."""
    from scipy.spatial import ConvexHull, QhullError

    if len(points) < 4 or not np.ptp(points, axis=0).all():
        return np.arange(len(points))
    try:
        return np.asarray(ConvexHull(points).vertices)
    except QhullError:  # all on one line
        return np.arange(len(points))


def moments(
    y: np.ndarray,
    x: np.ndarray,
    value: np.ndarray,
    beam: float,
    axes: BeamAxes | None = None,
) -> Moments:
    """Flux-weighted centre, axes and position angle of the pixels ``(p,)``.

    ``beam`` and ``axes`` as for :func:`largest_extent`.
    """
    weight = np.maximum(value, 0)
    total = weight.sum()
    if not total > 0:
        return Moments(math.nan, math.nan, math.nan, math.nan, math.nan)
    cy, cx = float((weight * y).sum() / total), float((weight * x).sum() / total)
    north, east = y - cy, cx - x  # east is left
    nn = float((weight * north * north).sum() / total)
    ee = float((weight * east * east).sum() / total)
    ne = float((weight * north * east).sum() / total)
    seen, point = (nn + ee) / 2, (beam / FWHM) ** 2
    if axes:
        in_north, in_east, in_both = axes.covariance
        nn, ee, ne, point = nn - in_north, ee - in_east, ne - in_both, 0.0
    half, root = (nn + ee) / 2, math.hypot((nn - ee) / 2, ne)
    angle = math.degrees(0.5 * math.atan2(2 * ne, nn - ee)) % 180.0
    # Pixel noise alone causes an elongation of about a per cent. Of a point less is left of a long
    # beam along it than across, as its wings are below the threshold: that is no direction.
    elongated = root > 0.02 * seen and (axes is None or half + root > 0)
    return Moments(
        cy,
        cx,
        angle if elongated else math.nan,
        math.sqrt(max(half + root - point, 0.0)),
        math.sqrt(max(half - root - point, 0.0)),
    )


def concentration(y: np.ndarray, x: np.ndarray, value: np.ndarray, cy: float, cx: float) -> float:
    """``5 log10(r80/r20)``: radii about the centre that enclose 80 and 20 % of the flux.

    After Bershady, Jangren & Conselice 2000 (AJ 119, 2645, eq. 1): 2.1 for a point source and a
    Gaussian beam, less for an edge-brightened source, more for one with a core. Unlike there (and
    in statmorph) the centre is that of the light, and all light counts rather than that within 1.5
    Petrosian radii, which in a double source would be one lobe.
    """
    light = np.maximum(value, 0)
    total = light.sum()
    if not total > 0 or len(light) < 5:
        return math.nan
    north, east = y - cy, x - cx
    near = np.hypot(north, east) < _NEAR
    # Two or three pixels hold a fifth of a compact source, so divide them into smaller ones.
    cuts = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
    inner = np.hypot(north[near, None, None] + cuts[:, None], east[near, None, None] + cuts).ravel()
    radius = np.concatenate([inner, np.hypot(north[~near], east[~near])])
    light = np.concatenate([np.repeat(light[near] / _PARTS**2, _PARTS**2), light[~near]])
    order = np.argsort(radius)
    light = light[order]
    inside = np.cumsum(light) - light / 2
    r20, r80 = np.interp([0.2 * total, 0.8 * total], inside, radius[order])
    return float(5 * np.log10(r80 / r20))
