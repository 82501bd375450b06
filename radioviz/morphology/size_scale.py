"""Angular sizes on the scale of catalogues, with their errors, limits and doubts.

The 3 sigma isophote of a source, with the beam removed as for point sources, is longer than the
size in catalogues, which reaches to the brightest parts of its ends: 1.4 times below 15 arcsec,
the same at 150. Three measures of one size are therefore averaged: the isophote, the outermost
peaks, and twice the width of the brightness along the major axis (second moments), all of which
give the separation of two equal points. Then the ends
of the isophote are moved in as for lobes of a typical width ``l`` rather than for points: an
isophote ``r`` from a point is ``r sqrt(1 + (l / beam)^2)`` from a Gaussian lobe of that width and
brightness. ``l`` grows with the size ``x`` of the source, ``LOBE (1 - exp(-x / GROWTH))``. So the
correction depends on the signal to noise, through ``r``, and vanishes with a beam much wider than
lobes. It is no more than ``MOST`` times what the isophote has beyond the outermost peaks, which is
nothing where the ends are points: those measure their separation.

``LOBE``, ``GROWTH`` and ``SCATTER`` were fitted to catalogued sizes in FIRST, at a beam of 5.4
arcsec; with other beams the correction is an extrapolation (:func:`is_extrapolated`).
``python -m train evaluate measured-sizes`` fits them in five folds and records the agreement.
"""

from __future__ import annotations

import math

import numpy as np

from radioviz.data.preprocess import FIRST_BEAM

PEAKS, SPREAD = 0.2, 0.1  # weights of the outermost peaks and of the second moments
LOBE, GROWTH = 8.9, 15.0  # arcsec
MOST = 1.5  # a correction, over the isophote's length beyond the outermost peaks
SCATTER = 0.132  # 68 % of measured sizes without a doubt are nearer to the catalogue
SMALLEST = 0.5  # of the beam: the least upper limit of an unresolved source
FAINT = 7.0  # signal to noise below which a size is in doubt, and a single island has none
SURE = 5.0  # signal to noise of an island that is not noise

_LONGER, _FROM = 11.5, 18.0  # arcsec

DOUBTS = {
    "faint": f"the peak is below {FAINT:g} sigma",
    "islands": f"it reaches to a separate island below {FAINT:g} sigma",
    "edge": "the source is cut off by the edge of the image or by blank pixels",
    "neighbour": "another listed source lies on it, so its size and flux may include both",
}
"""Words of the column ``las_flag`` and what they mean."""


def catalogue_scale(
    isophote: np.ndarray,
    peaks: np.ndarray,
    spread: np.ndarray,
    reach: np.ndarray,
    beam: float,
    lobe: float = LOBE,
    growth: float = GROWTH,
) -> np.ndarray:
    """Sizes in arcsec on the scale of catalogues, float64 ``(n,)``.

    ``isophote``, ``peaks``, ``spread``: largest extent of the isophote with the beam removed,
    distance of the outermost peaks, and width (sigma) of the brightness along the major axis, in
    arcsec, ``(n,)``; ``reach``: by how much both ends of the isophote were moved in for the beam,
    together, arcsec; ``beam``: FWHM in arcsec.
    """
    outline = 1 - PEAKS - SPREAD
    apart = np.maximum(peaks, 2 * spread)  # two blended points have one peak
    mean = outline * isophote + PEAKS * apart + SPREAD * 2 * spread
    width = lobe * -np.expm1(-mean / growth)
    excess = outline * reach * (np.sqrt(1 + (width / beam) ** 2) - 1)
    excess = np.minimum(excess, MOST * np.maximum(isophote - apart, 0.0))
    return np.where(isophote > 0, np.maximum(mean - excess, 0.0), 0.0)


def typical_isophote(size: np.ndarray) -> np.ndarray:
    """Isophote [arcsec] that FIRST galaxies on 64 pixels have at a size on the scale of catalogues.

    The median of 2,158 galaxies, to 5 %. Models that take a size learned isophotes.
    """
    size = np.asarray(size, float)
    return size + _LONGER * -np.expm1(-size / _FROM)


def typical_size(isophote: np.ndarray) -> np.ndarray:
    """Inverse of :func:`typical_isophote`."""
    sizes = np.concatenate([[0.0], np.geomspace(0.1, 1e5, 2000)])
    return np.interp(isophote, typical_isophote(sizes), sizes)


def end_error(local: float, sigma: float, level: float, reach: float, beam: float) -> float:
    """Error of one end of an isophote, in the unit of ``reach`` and ``beam``.

    Noise over the slope of a Gaussian beam of height ``local`` where it crosses ``level``; half a
    beam at most, the error of a peak of that height at least.
    """
    slope = level * reach * 8 * math.log(2) / beam**2
    crossing = sigma / slope if slope > 0 else math.inf
    position = 0.6 * beam * sigma / local if local > 0 else math.inf
    return min(max(crossing, position), beam / 2)


def is_extrapolated(beam: float | None) -> bool:
    """Whether the scale of catalogues was found at another beam than this, in arcsec."""
    return beam is None or not FIRST_BEAM / 1.2 <= beam <= 1.2 * FIRST_BEAM
