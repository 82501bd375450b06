"""Positions and angles on the sky: separations, sexagesimal text, J2000 names, TAN projections."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.wcs import WCS
    from numpy.typing import ArrayLike

ARCSEC = np.pi / 180.0 / 3600.0
"""One arcsec in radians."""

FWHM = math.sqrt(8.0 * math.log(2.0))
"""Full width at half maximum of a Gaussian of sigma 1."""


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> np.ndarray:
    """Cartesian unit vectors of positions in degrees, shape ``(..., 3)``."""
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def separation_arcsec(
    ra: ArrayLike, dec: ArrayLike, other_ra: ArrayLike, other_dec: ArrayLike
) -> np.ndarray:
    """Great-circle separations in arcsec of positions in degrees, whose shapes are broadcast.

    2 arcsin(c / 2) with the chord c of the unit vectors is accurate for small angles. NaN where
    a position is missing.
    """
    chord = np.linalg.norm(unit_vectors(ra, dec) - unit_vectors(other_ra, other_dec), axis=-1)
    return 2.0 * np.arcsin(np.clip(chord / 2.0, 0.0, 1.0)) / ARCSEC


def from_sexagesimal(parts: ArrayLike) -> np.ndarray:
    """Hours or degrees from (hours or degrees, minutes, seconds), shape ``(..., 3)``, no sign."""
    return (np.asarray(parts, dtype=float) / (1.0, 60.0, 3600.0)).sum(axis=-1)


def j2000_name(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """IAU-style names ``JHHMMSS.s+DDMMSS``, truncated (not rounded) as the IAU asks.

    Parameters
    ----------
    ra, dec : array_like
        Degrees, shape ``(n,)``; NaN gives an empty name.

    Returns
    -------
    numpy.ndarray
        Strings, shape ``(n,)``.
    """
    ra, dec = np.broadcast_arrays(np.atleast_1d(ra).astype(float), np.atleast_1d(dec).astype(float))
    good = np.isfinite(ra) & np.isfinite(dec)
    # A hundredth of a unit in the last place guards against 59.99999 from decimal degrees.
    tenths = np.floor(np.where(good, ra % 360.0, 0.0) * 2400.0 + 1e-4).astype(np.int64)
    seconds = np.floor(np.abs(np.where(good, dec, 0.0)) * 3600.0 + 1e-4).astype(np.int64)
    names = [
        f"J{t // 36000:02d}{t // 600 % 60:02d}{t // 10 % 60:02d}.{t % 10}"
        f"{'-' if d < 0 else '+'}{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}"
        for t, s, d in zip(tenths, seconds, dec, strict=True)
    ]
    return np.where(good, np.array(names, dtype=object), "")


def tan_wcs(ra: float, dec: float, scale: float, shape: tuple[int, int]) -> WCS:
    """TAN WCS, FK5 J2000, north up, east left, centred on the array.

    Parameters
    ----------
    ra, dec : float
        Of the centre of the array, ``(nx + 1) / 2`` in FITS counting, degrees.
    scale : float
        Arcsec per pixel.
    shape : tuple of int
        ``(ny, nx)``.
    """
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    wcs.wcs.cdelt = [-scale / 3600.0, scale / 3600.0]
    wcs.wcs.radesys = "FK5"
    wcs.wcs.equinox = 2000.0
    return wcs
