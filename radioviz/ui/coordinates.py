"""Sky positions for people: sexagesimal text, typed positions, links, all-sky maps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np

from radioviz.errors import SelectionError
from radioviz.sky import from_sexagesimal, separation_arcsec

# J081300.2+434749, with or without the survey's prefix and the J.
_J2000 = re.compile(
    r"^(?:.*\s)?J?(\d{2})(\d{2})(\d{2}(?:\.\d*)?)([-+])(\d{2})(\d{2})(\d{2}(?:\.\d*)?)$"
)
# J0747+1717 or 2251+1548: hours and minutes, degrees (and minutes) of a shorter name.
_SHORT = re.compile(
    r"^(.*\s)?(J?)(\d{2})([0-5]\d)([0-5]\d)?([-+])(\d{2})([0-5]\d)?([0-5]\d)?$", re.IGNORECASE
)
# B2251+158 or PKS 2251+15: of 1950; a third digit of the declination is a tenth of a degree.
_B1950 = re.compile(
    r"^(.*\s)?(B?)(\d{2})([0-5]\d)([0-5]\d)?([-+])(\d{2})(\d|[0-5]\d|[0-5]\d[0-5]\d)?$",
    re.IGNORECASE,
)
_CATALOGUES_OF_1950 = {
    *("3c", "3cr", "4c", "5c", "6c", "7c", "8c", "pks", "b2", "b3", "mrc", "txs", "mc", "4cp"),
    *("87gb", "gb", "s4", "s5", "nrao", "dw", "cta", "ctd", "parkes", "um", "wnb", "ohio"),
}
"""Catalogues whose names hold positions of 1950 without saying so."""
_MARKS = str.maketrans("°′'″\",;", "dmmss  ")
_NUMBER = r"[-+]?\d+(?:\.\d*)?"
_DEGREES = re.compile(rf"^({_NUMBER})\s*°?\s*[,;\s]\s*({_NUMBER})\s*°?$")
_SEXAGESIMAL = re.compile(
    r"^\d{1,2}[h:\s]\s*\d{1,2}[m:\s]\s*[\d.]+s?[,;\s]*[-+]?\d{1,2}[d°:\s]\s*\d{1,2}['′m:\s]\s*[\d.]+[\"″s]?$"
)


def sexagesimal(ra: float, dec: float) -> str:
    """``HH:MM:SS.ss +DD:MM:SS.s``, rounded.

    >>> sexagesimal(123.251, 43.797)
    '08:13:00.24 +43:47:49.2'
    """
    # Whole hundredths of a second and tenths of an arcsec, so that 59.999 carries over.
    hundredths = round(ra % 360.0 * 24000.0) % 8_640_000
    tenths = round(abs(dec) * 36000.0)
    seconds, fraction = divmod(hundredths, 100)
    arcsec, tenth = divmod(tenths, 10)
    return (
        f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:02d} "
        f"{'-' if dec < 0 else '+'}{arcsec // 3600:02d}:{arcsec // 60 % 60:02d}"
        f":{arcsec % 60:02d}.{tenth}"
    )


def degrees(ra: float, dec: float) -> str:
    """``123.25100 +43.79700``: 5 decimals are 0.04 arcsec."""
    # Rounded before the turn, so that 359.999999 is 0; adding 0 takes the sign from a zero.
    return f"{round(ra, 5) % 360.0:.5f} {round(dec, 5) + 0.0:+.5f}"


def parse_position(text: str) -> tuple[float, float] | None:
    """Right ascension and declination in degrees, or None if this is not a position.

    Accepts decimal degrees (``123.251 +43.797``), sexagesimal
    (``08:13:00.2 +43:47:49``, ``08h13m00.2s +43d47m49s``) and IAU names
    (``FIRST J081300.2+434749``).

    Raises SelectionError if it is written as a position but lies outside the sky.
    """
    text = " ".join(text.replace("−", "-").split())
    if (match := _J2000.match(text)) and not _is_of_1950(text[: match.start(1)]):
        h, m, s, sign, *angle = match.groups()
        parts = np.array([[h, m, s], angle], dtype=float)
        # 24 hours and 60 seconds are of names that were rounded without a carry.
        whole_turn = parts[0].tolist() == [24.0, 0.0, 0.0]
        if (parts[0, 0] >= 24 and not whole_turn) or parts[:, 1:].max() > 60:
            raise SelectionError(
                f"'{text}' is not a J2000 name: hours end at 23, minutes and seconds at 59"
            )
        hours, degrees_ = from_sexagesimal(parts).tolist()
        ra, dec = 15 * hours % 360.0, -degrees_ if sign == "-" else degrees_
    elif match := _DEGREES.match(text):
        ra, dec = float(match[1]), float(match[2])
    elif _SEXAGESIMAL.match(text):
        from astropy.coordinates import SkyCoord

        try:
            position = SkyCoord(text.translate(_MARKS), unit=("hourangle", "deg"))
        except ValueError as error:
            raise SelectionError(f"'{text}' is not a valid position: {error}") from None
        ra, dec = float(position.ra.deg), float(position.dec.deg)
    else:
        return None
    if not (0 <= ra < 360 and -90 <= dec <= 90):
        raise SelectionError(
            f"'{text}' is outside the sky: right ascension runs from 0 to 360 degrees, "
            "declination from -90 to +90"
        )
    return ra, dec


def in_short_name(text: str, ra: np.ndarray, dec: np.ndarray) -> np.ndarray | None:
    """Which positions a shortened J2000 name stands for; None if the text is none.

    ``J0747+1717``, ``J0747+17``, ``J074708+1717``: digits may be truncated, as the IAU asks, or
    rounded, as others do. Positions whose truncated digits agree win over rounded ones. A name that
    :func:`is_b1950_name` reads is none.

    ``ra``, ``dec``: degrees, shape ``(n,)``; NaN never matches. Returns booleans of shape ``(n,)``.
    """
    match = _SHORT.match(text.replace("−", "-"))
    if match is None or is_b1950_name(text):
        return None
    right, up = match.groups()[2:5], match.groups()[6:]
    if int(match[3]) > 23 or int(match[7]) > 90:
        return None
    return _in_digits(right, match[6], up, (1, 60, 3600), ra, dec)


def is_b1950_name(text: str) -> bool:
    """Whether a name holds a position of 1950, which is up to half a degree from that of 2000.

    ``B0744+174`` and ``PKS 0744+17`` do, and so does a name without letters and minutes of
    declination, such as ``0744+17``: by convention the J is only left out before 1984.
    """
    match = _B1950.match(" ".join(text.replace("−", "-").split()))
    if match is None or int(match[3]) > 23 or int(match[7]) > 90:
        return False
    bare = not match[1] and not match[5] and len(match[8] or "") < 2
    return bool(match[2]) or _is_of_1950(match[1] or "") or bare


def _is_of_1950(before: str) -> bool:
    """Whether what stands before the digits of a name is a catalogue of positions of 1950."""
    words = before.split()
    return bool(words) and words[-1].casefold() in _CATALOGUES_OF_1950


def in_b1950_name(text: str, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Which J2000 positions a B1950 name stands for; digits as for :func:`in_short_name`.

    ``text``: a name that :func:`is_b1950_name` reads. ``ra``, ``dec``: degrees, shape ``(n,)``; NaN
    never matches. Returns booleans of shape ``(n,)``.
    """
    from astropy.coordinates import FK4, SkyCoord

    match = _B1950.match(" ".join(text.replace("−", "-").split()))
    assert match is not None
    digits = match[8] or ""
    up = (match[7], digits) if len(digits) < 3 else (match[7], digits[:2], digits[2:])
    steps = (1, 10) if len(digits) == 1 else (1, 60, 3600)
    hours = int(match[3]) + int(match[4]) / 60
    angle = int(match[7]) + (int(digits[:2]) / steps[1] if digits else 0.0)
    centre = SkyCoord(
        15 * hours, -angle if match[6] == "-" else angle, unit="deg", frame=FK4(equinox="B1950")
    ).icrs
    # Only what is near is worth precessing.
    near = separation_arcsec(float(centre.ra.deg), float(centre.dec.deg), ra, dec) < 3 * 3600
    found = np.zeros(len(ra), dtype=bool)
    rows = np.flatnonzero(near)
    if len(rows):
        old = SkyCoord(ra[rows], dec[rows], unit="deg").transform_to(FK4(equinox="B1950"))
        found[rows] = _in_digits(match.groups()[2:5], match[6], up, steps, old.ra.deg, old.dec.deg)
    return found


def _in_digits(
    right: Sequence[str | None],
    sign: str,
    up: Sequence[str | None],
    steps: Sequence[int],
    ra: np.ndarray,
    dec: np.ndarray,
) -> np.ndarray:
    """Mask of positions whose truncated digits are those given, or else their rounded ones.

    ``right``, ``up``: hours, minutes, seconds; degrees and their parts, of which there are
    ``steps`` each.
    """
    hours = [int(part) for part in right if part]
    angles = [int(part) for part in up if part]
    time, angle = (1, 60, 3600)[len(hours) - 1], steps[len(angles) - 1]
    wanted = (
        sum(p * time // s for p, s in zip(hours, (1, 60, 3600), strict=False)),
        sum(p * angle // s for p, s in zip(angles, steps, strict=False)),
    )
    same_side = (np.signbit(dec) == (sign == "-")) & np.isfinite(ra) & np.isfinite(dec)
    values = (np.mod(ra, 360.0) / 15 * time, np.abs(dec) * angle)
    found = np.zeros(len(ra), dtype=bool)
    # A millionth guards against 59.99999 from decimal degrees.
    for grid in (lambda v: np.floor(v + 1e-6), np.rint):
        found = same_side & (np.mod(grid(values[0]), 24 * time) == wanted[0])
        found &= grid(values[1]) == wanted[1]
        if found.any():
            return found
    return found


def ned_url(ra: float, dec: float) -> str:
    """NED's page of objects near a position."""
    return "https://ned.ipac.caltech.edu/conesearch?" + urlencode(
        {
            "search_type": "Near Position Search",
            "ra": f"{round(ra, 6) % 360.0:.6f}d",
            "dec": f"{dec:+.6f}d",
            "radius": "0.5",  # arcmin
            "in_csys": "Equatorial",
            "in_equinox": "J2000.0",
        }
    )


def simbad_url(ra: float, dec: float) -> str:
    """SIMBAD's page of objects near a position."""
    return "https://simbad.cds.unistra.fr/simbad/sim-coo?" + urlencode(
        {
            "Coord": f"{round(ra, 6) % 360.0:.6f} {dec:+.6f}",
            "CooFrame": "ICRS",
            "CooEpoch": "2000",
            "CooEqui": "2000",
            "Radius": "30",
            "Radius.unit": "arcsec",
        }
    )


def hammer(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hammer-Aitoff projection: equal-area, the whole sky in an ellipse, east to the left.

    x = -2√2 cos δ sin(α/2) / √(1 + cos δ cos(α/2)), y = √2 sin δ / √(1 + cos δ cos(α/2))
    with α from -180 to 180 degrees about 12 h, so that RA grows to the left and the
    northern survey fields about 12 h lie in the middle (Calabretta & Greisen 2002, Sec. 5.1.4).

    ``ra``, ``dec``: degrees, any one shape. Returns ``x``, ``y``: within ±2√2 and ±√2.
    """
    half = np.radians(np.asarray(ra) % 360.0 - 180.0) / 2
    delta = np.radians(np.asarray(dec))
    scale = np.sqrt(1 + np.cos(delta) * np.cos(half))
    return (
        -2 * np.sqrt(2) * np.cos(delta) * np.sin(half) / scale,
        np.sqrt(2) * np.sin(delta) / scale,
    )


# Rows of the rotation from galactic to equatorial J2000 (Hipparcos catalogue, Vol. 1, Sec. 1.5.3).
_GALACTIC = np.array(
    [
        [-0.0548755604, 0.4941094279, -0.8676661490],
        [-0.8734370902, -0.4448296300, -0.1980763734],
        [-0.4838350155, 0.7469822445, 0.4559837762],
    ]
)


def galactic_plane(n: int = 721) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination in degrees of ``n`` points at galactic latitude 0."""
    longitude = np.radians(np.linspace(0, 360, n))
    x, y, z = _GALACTIC @ np.stack([np.cos(longitude), np.sin(longitude), 0 * longitude])
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arcsin(np.clip(z, -1, 1)))
