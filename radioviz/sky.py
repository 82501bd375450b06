"""Positions and angles on the sky: separations, sexagesimal text, names, frames, projections."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame
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


def tangent_offsets(
    ra0: ArrayLike, dec0: ArrayLike, ra: ArrayLike, dec: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """East and north offsets in radians on the plane that touches the sky at the first positions.

    All in degrees; the second positions must be less than 90 degrees away.
    """
    a0, d0, a, d = (np.radians(np.asarray(v, dtype=float)) for v in (ra0, dec0, ra, dec))
    turn = a - a0
    height = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(turn)
    east = np.cos(d) * np.sin(turn) / height
    north = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(turn)) / height
    return east, north


def from_sexagesimal(parts: ArrayLike) -> np.ndarray:
    """Hours or degrees from (hours or degrees, minutes, seconds), shape ``(..., 3)``, no sign."""
    return (np.asarray(parts, dtype=float) / (1.0, 60.0, 3600.0)).sum(axis=-1)


def j2000_name(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """IAU-style names ``JHHMMSS.s+DDMMSS``, truncated (not rounded) as the IAU asks.

    ``ra``, ``dec``: degrees, shape ``(n,)``; NaN gives an empty name. Returns strings, shape
    ``(n,)``.
    """
    ra, dec = np.broadcast_arrays(np.atleast_1d(ra).astype(float), np.atleast_1d(dec).astype(float))
    good = np.isfinite(ra) & np.isfinite(dec)
    # A hundredth of a unit in the last place guards against 59.99999 from decimal degrees.
    tenths = np.floor(np.where(good, ra % 360.0, 0.0) * 2400.0 + 1e-4).astype(np.int64)
    tenths %= 864_000  # 24 hours are 0
    seconds = np.floor(np.abs(np.where(good, dec, 0.0)) * 3600.0 + 1e-4).astype(np.int64)
    names = [
        f"J{t // 36000:02d}{t // 600 % 60:02d}{t // 10 % 60:02d}.{t % 10}"
        f"{'-' if d < 0 else '+'}{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}"
        for t, s, d in zip(tenths, seconds, dec, strict=True)
    ]
    return np.where(good, np.array(names, dtype=object), "")


def tan_wcs(ra: float, dec: float, scale: float, shape: tuple[int, int]) -> WCS:
    """TAN WCS, FK5 J2000, north up, east left, centred on the array.

    ``ra``, ``dec``: of the centre of the array, ``(nx + 1) / 2`` in FITS counting, degrees;
    ``scale``: arcsec per pixel; ``shape``: ``(ny, nx)``.
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


_EQUINOX = re.compile(r"([BJ]?)\s*(\d{4}(?:\.\d*)?)")
_J2000 = 2000.0


def celestial_frame(system: str, equinox: str = "") -> BaseCoordinateFrame | None:
    """Frame that FITS, VOTable or a description names; None for an unknown or earthly one.

    Parameters
    ----------
    system : str
        Such as ``FK4``, ``eq_FK5``, ``ICRS``, ``GALACTIC``, ``ecl_FK5``; it may be empty, or hold
        the equinox itself (``FK4 B1950``, ``J2000``).
    equinox : str
        Such as ``B1950``, ``J2000.0`` or ``1975``. Without a letter, years before 1984 without a
        system are Besselian and FK4, as FITS has it.
    """
    from astropy import coordinates as frames

    year = _EQUINOX.search(equinox.upper()) or _EQUINOX.search(system.upper())
    name = re.sub(r"[^A-Z0-9]", "", _EQUINOX.sub("", system.upper()).replace("EQ_", ""))
    if not name and year:
        before = year[1] == "B" or (not year[1] and float(year[2]) < 1984)
        name = "FK4" if before else "FK5"
    old = name in ("FK4", "FK4NOE", "ECLFK4")
    epoch = f"{year[1] or ('B' if old else 'J')}{year[2]}" if year else "B1950" if old else "J2000"
    made: BaseCoordinateFrame
    if name in ("ICRS", "ICRF"):
        return frames.ICRS()
    if name in ("GALACTIC", "GAL"):
        return frames.Galactic()
    if name in ("SUPERGALACTIC", "SGAL"):
        return frames.Supergalactic()
    if name == "FK4":
        made = frames.FK4(equinox=epoch)
    elif name == "FK4NOE":
        made = frames.FK4NoETerms(equinox=epoch)
    elif name == "FK5":
        made = frames.FK5(equinox=epoch)
    elif name in ("ECLIPTIC", "ECL", "ECLFK5", "ECLFK4"):
        made = frames.BarycentricMeanEcliptic(equinox=epoch)
    else:
        return None
    return made


def frame_name(frame: BaseCoordinateFrame) -> str:
    """A frame in words, such as ``FK4 B1950``."""
    name = type(frame).__name__
    if name == "BarycentricMeanEcliptic":
        name = "ecliptic"
    if not hasattr(frame, "equinox"):
        return name
    return f"{name} {frame.equinox.value[:5]}{frame.equinox.value[5:].rstrip('0').rstrip('.')}"


def is_j2000(frame: BaseCoordinateFrame) -> bool:
    """True for ICRS and FK5 J2000, which differ by 20 mas at most."""
    from astropy.coordinates import FK5, ICRS

    modern = isinstance(frame, FK5) and abs(frame.equinox.jyear - _J2000) < 1e-6
    return isinstance(frame, ICRS) or modern


def to_j2000(
    lon: np.ndarray, lat: np.ndarray, frame: BaseCoordinateFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination J2000 of coordinates in any frame; all in degrees.

    NaN stays NaN. FK5 J2000 and ICRS are not distinguished.
    """
    if is_j2000(frame):
        return lon, lat
    from astropy import units as u
    from astropy.coordinates import ICRS, SkyCoord

    sky = SkyCoord(lon * u.deg, lat * u.deg, frame=frame).transform_to(ICRS())
    return sky.ra.deg, sky.dec.deg
