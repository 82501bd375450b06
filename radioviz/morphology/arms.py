"""What the arms of a source look like: bends, lengths, brightness, peaks, wings.

The source is cut in two at its core, across its major axis. Each half is an arm. Everything is a
ratio or an angle, so that it does not depend on distance, resolution (within limits) or unit.
"""

from __future__ import annotations

import math

import numpy as np

from radioviz.data.source_columns import Column
from radioviz.morphology.shape import Moments

ARMS: dict[str, Column] = {
    "bending_angle": Column(
        "float64", "deg", "src.morph.param",
        "Angle by which the arms depart from one straight line through the core; 0 is straight",
    ),
    "bow": Column(
        "float64", "", "src.morph.param",
        "Departure of both arms to the same side of the axis (C shape), in half lengths",
    ),
    "twist": Column(
        "float64", "", "src.morph.param",
        "Departure of the arms to opposite sides of the axis (S shape), in half lengths",
    ),
    "arm_length_ratio": Column(
        "float64", "", "src.morph.param", "Shorter over longer arm, from the core"
    ),
    "arm_flux_ratio": Column("float64", "", "src.morph.param", "Fainter over brighter arm"),
    "core_fraction": Column(
        "float64", "", "src.morph.param", "Share of the flux in one beam on the core"
    ),
    "edge_brightness": Column(
        "float64", "", "src.morph.param",
        "Distance of the brightest place of the arms from the core over their length; above 0.5 "
        "is class II of Fanaroff & Riley (1974)",
    ),
    "hot_spot_fraction": Column(
        "float64", "", "src.morph.param",
        "Share of an arm's flux in one beam on the brightest place of its outer half, the larger "
        "of the two",
    ),
    "cross_extent": Column(
        "float64", "", "src.morph.param",
        "Extent across the axis near the core over the length along it",
    ),
    "off_axis_flux": Column(
        "float64", "", "src.morph.param", "Share of the flux far from the axis: wings, plumes"
    ),
    "off_axis_peak": Column(
        "float64", "", "src.morph.param",
        "Largest distance of a peak from the axis, in half lengths",
    ),
    "hollowness": Column(
        "float64", "", "src.morph.param",
        "1 - brightness in the middle over that of the brightest circle about it, where most "
        "directions have emission; 0 elsewhere",
    ),
    "n_peaks": Column(
        "int64", "", "meta.number", "Local maxima above 5 sigma and 5 % of the highest, beams apart"
    ),
}  # fmt: skip
"""Columns that :func:`describe_arms` fills."""

PEAK_SIGMA, PEAK_SHARE = 5.0, 0.05
_BEAM_AREA = 1.133  # of a Gaussian beam of FWHM 1
_SECTORS = 12


def describe_arms(
    y: np.ndarray,
    x: np.ndarray,
    value: np.ndarray,
    beam: float,
    sigma: float,
    shape: Moments,
) -> dict[str, float]:
    """The columns of :data:`ARMS` for the pixels of one source.

    Parameters
    ----------
    y, x : numpy.ndarray
        Row and column from the centre of the image, where the host is; shape ``(p,)``.
    value : numpy.ndarray
        Brightness above the background, ``(p,)``.
    beam : float
        FWHM in pixels.
    sigma : float
        Noise, in the unit of ``value``.
    shape : Moments
        Of the same pixels.

    Returns
    -------
    dict
        NaN where the source is not resolved into arms.
    """
    out = dict.fromkeys(ARMS, math.nan)
    light = np.maximum(value, 0.0)
    total = float(light.sum())
    peaks = _peaks(y, x, value, beam, sigma)
    out["n_peaks"] = float(len(peaks))
    if not total > 0 or not len(peaks):
        out["n_peaks"] = 0.0
        return out
    area = _BEAM_AREA * beam**2
    core_y, core_x, core = _core(y[peaks], x[peaks], value[peaks], shape, beam)
    out["core_fraction"] = min(core * area / total, 1.0)
    out["hollowness"] = _hollowness(y - shape.cy, x - shape.cx, light, beam)
    if not math.isfinite(shape.angle) or shape.major < beam / 2:
        return out
    north, east = math.cos(math.radians(shape.angle)), math.sin(math.radians(shape.angle))
    along = (y - core_y) * north - (x - core_x) * east
    across = (y - core_y) * east + (x - core_x) * north
    away = np.hypot(along, across)
    sides = [along > 0, along < 0]
    lengths = np.array([float(np.quantile(away[s], 0.98)) if s.any() else 0.0 for s in sides])
    fluxes = np.array([float(light[s & (away > beam / 2)].sum()) for s in sides])
    half = max(float(lengths.max()), beam / 2)
    out["arm_length_ratio"] = float(lengths.min() / max(float(lengths.max()), 1e-9))
    out["arm_flux_ratio"] = float(fluxes.min() / max(float(fluxes.max()), 1e-30))
    directions, edges, spots = [], [], []
    for side, length, flux in zip(sides, lengths, fluxes, strict=True):
        outer = side & (away > max(0.4 * length, 0.75 * beam))
        if length < beam or not light[outer].sum() > 0:
            continue
        weight = light[outer] / light[outer].sum()
        directions.append(math.atan2(float(weight @ across[outer]), float(weight @ along[outer])))
        arm = np.flatnonzero(side & (away > 0.75 * beam))
        brightest = arm[int(light[arm].argmax())]
        edges.append((float(away[brightest]) / length, flux))
        spots.append(float(light[outer].max()) * area / max(flux, 1e-30))
    if edges:
        ratios, weights = np.array(edges).T
        out["edge_brightness"] = float(min(np.average(ratios, weights=weights + 1e-30), 1.0))
        out["hot_spot_fraction"] = min(max(spots), 1.0)
    if len(directions) == 2:
        between = abs(directions[0] - directions[1]) % (2 * math.pi)
        between = min(between, 2 * math.pi - between)
        out["bending_angle"] = 180.0 - math.degrees(between)
    out["bow"], out["twist"] = _curves(along / half, across / half, np.sqrt(light))
    near = np.abs(along) < max(0.35 * half, beam)
    span = float(np.ptp(across[near])) if near.any() else 0.0
    out["cross_extent"] = max(span - beam, 0.0) / (2 * half)
    far = np.abs(across) > max(0.3 * half, beam)
    out["off_axis_flux"] = float(light[far].sum() / total)
    out["off_axis_peak"] = float(np.abs(across[peaks]).max() / half)
    return out


def _peaks(
    y: np.ndarray, x: np.ndarray, value: np.ndarray, beam: float, sigma: float
) -> np.ndarray:
    """Pixels that nothing within 0.75 beams exceeds, the highest first."""
    from scipy import ndimage

    if not len(value):
        return np.zeros(0, int)
    rows, columns = (np.rint(a - a.min()).astype(int) for a in (y, x))
    image = np.zeros((rows.max() + 1, columns.max() + 1))
    image[rows, columns] = value
    size = 2 * max(round(0.75 * beam), 1) + 1
    floor = max(PEAK_SIGMA * sigma, PEAK_SHARE * float(value.max()))
    top = (value >= ndimage.maximum_filter(image, size)[rows, columns]) & (value >= floor)
    found = np.flatnonzero(top)
    return found[np.argsort(-value[found], kind="stable")]


def _core(
    y: np.ndarray, x: np.ndarray, value: np.ndarray, shape: Moments, beam: float
) -> tuple[float, float, float]:
    """Where the core is, and the brightness there.

    The peak nearest to the host, if it is within 1.5 beams; without one, the host itself, if the
    source is about it; else the centre of the light.
    """
    distance = np.hypot(y, x)
    nearest = int(distance.argmin())
    if distance[nearest] <= 1.5 * beam:
        return float(y[nearest]), float(x[nearest]), float(value[nearest])
    if math.hypot(shape.cy, shape.cx) < max(shape.major, beam):
        return 0.0, 0.0, 0.0
    return shape.cy, shape.cx, 0.0


def _curves(along: np.ndarray, across: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Size of the even and of the odd part of the ridge that a cubic follows."""
    terms = np.stack([np.ones_like(along), along, along**2, along**3], axis=1)
    try:
        solved = np.linalg.lstsq(terms * weight[:, None], across * weight, rcond=1e-6)[0]
    except np.linalg.LinAlgError:
        return math.nan, math.nan
    return float(min(abs(solved[2]), 2.0)), float(min(abs(solved[3]), 2.0))


def _hollowness(y: np.ndarray, x: np.ndarray, light: np.ndarray, beam: float) -> float:
    """How dark the middle is, where the light surrounds it."""
    radius = np.hypot(y, x)
    ring = np.minimum((radius / beam).astype(int), 40)
    outer = radius > beam
    sector = ((np.arctan2(y, x) / (2 * math.pi) + 0.5) * _SECTORS).astype(int) % _SECTORS
    if len(np.unique(sector[outer])) < _SECTORS - 1:
        return 0.0
    counts = np.bincount(ring)
    # The whole circle counts: where no pixel of the source is, there is no light.
    places = math.pi * beam**2 * (2 * np.arange(len(counts)) + 1)
    means = np.bincount(ring, light) / places
    best = float(means[1:].max(initial=0.0))
    return float(max(0.0, 1 - means[0] / best)) if best > 0 else 0.0
