"""Images around the whole sky: cylindrical projections repeat after 360 degrees of longitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.wcs import WCS

_CYLINDRICAL = ("CAR", "CEA", "MER", "CYP")


def period(wcs: WCS) -> float | None:
    """Pixels along the longitude axis that are 360 degrees; None if it does not repeat.

    ``wcs``: celestial, two axes.
    """
    w = wcs.wcs
    if w.ctype[w.lng][-3:] not in _CYLINDRICAL or w.crval[w.lat] != 0 or wcs.sip is not None:
        return None
    matrix = wcs.pixel_scale_matrix
    step = float(matrix[w.lng, w.lng])
    if step == 0 or matrix[w.lng, w.lat] != 0 or matrix[w.lat, w.lng] != 0:
        return None
    return 360.0 / abs(step)


def recentred(wcs: WCS, x: float) -> WCS:
    """The same WCS with its reference moved to pixel ``x`` (from 0) of the longitude axis.

    wcslib gives no position beyond 180 degrees from the reference. Without a
    :func:`period` the WCS is returned as it is.
    """
    if period(wcs) is None:
        return wcs
    moved = wcs.deepcopy()
    axis = wcs.wcs.lng
    step = float(wcs.pixel_scale_matrix[axis, axis])
    shift = round(x + 1 - wcs.wcs.crpix[axis])
    crpix, crval = wcs.wcs.crpix.copy(), wcs.wcs.crval.copy()
    crpix[axis] += shift
    crval[axis] = (crval[axis] + shift * step) % 360.0
    moved.wcs.crpix, moved.wcs.crval = crpix, crval
    moved.wcs.set()
    return moved


def whole_sky(wcs: WCS, length: int) -> WCS:
    """The WCS with its reference in the middle, if an end is over 180 degrees from it.

    ``length`` is that of the longitude axis in pixels.
    """
    around = period(wcs)
    if around is None:
        return wcs
    reference = wcs.wcs.crpix[wcs.wcs.lng] - 1
    if max(reference + 0.5, length - 0.5 - reference) <= around / 2:
        return wcs
    return recentred(wcs, (length - 1) / 2)


def unwrapped(x: np.ndarray, around: float | None, middle: float) -> np.ndarray:
    """Pixels of a repeating axis, each shifted by whole periods to the nearest of ``middle``."""
    if around is None:
        return x
    return x - around * np.round((x - middle) / around)
