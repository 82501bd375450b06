"""Match galaxies with the rows of a catalogue by position: :func:`match_positions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import CatalogueError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

HOW = {
    "nearest": "Nearest row for each galaxy",
    "mutual": "Best pairs: each galaxy and each row at most once",
    "all": "All rows within the radius",
}
"""Ways to match."""
MOST_PAIRS = 5_000_000
LARGEST_RADIUS = 3600.0
"""Arcsec."""
SHIFT = 300.0
"""Arcsec by which galaxies are moved, at least, to see how many match by chance."""
_MOST_SHIFTED = 50_000  # galaxies that are moved

Shift = tuple[float, float]
"""Distance in arcsec and position angle in degrees."""


@dataclass(frozen=True, eq=False)
class PositionMatch:
    """Pairs of galaxies and catalogue rows."""

    # galaxy, row: int64, shape ``(k,)``, ordered by galaxy and separation. One row for each galaxy,
    # or all within the radius (``how="all"``).
    galaxy: np.ndarray
    row: np.ndarray
    separation: np.ndarray  # arcsec, shape ``(k,)``
    # int64, shape ``(n,)``: rows within the radius of each galaxy, however many are kept.
    within: np.ndarray
    # chance, chance_error: Galaxies expected to match by chance: the mean over moved copies and its
    # standard error. NaN without copies.
    chance: float
    chance_error: float
    # Median of catalogue minus galaxy over the nearest matches: RA times cos Dec and Dec, arcsec.
    offset: tuple[float, float]


def usual_shifts(radius: float, number: int = 8) -> list[Shift]:
    """Moves in all directions, far beyond the radius (arcsec)."""
    return [(max(SHIFT, 10.0 * radius), 360.0 * i / number) for i in range(number)]


def match_positions(
    ra: np.ndarray,
    dec: np.ndarray,
    other_ra: np.ndarray,
    other_dec: np.ndarray,
    radius: float,
    how: str = "nearest",
    shifts: Sequence[Shift] | None = None,
) -> PositionMatch:
    """Match positions on the sphere, by astropy's ``search_around_sky``.

    Parameters
    ----------
    ra, dec : numpy.ndarray
        Galaxies in degrees, shape ``(n,)``; NaN where unknown, which matches nothing.
    other_ra, other_dec : numpy.ndarray
        Catalogue in degrees, shape ``(m,)``, in the same frame.
    radius : float
        Arcsec.
    how : str
        One of :data:`HOW`.
    shifts : sequence of (float, float), optional
        Moves that show how many match by chance; default :func:`usual_shifts`.

    Raises
    ------
    CatalogueError
        If the radius or ``how`` is not accepted, or there are too many pairs.
    """
    from astropy.coordinates import SkyCoord

    if not 0 < radius <= LARGEST_RADIUS:
        raise CatalogueError(
            f"the radius is {radius:g} arcsec; expected more than 0 and at most {LARGEST_RADIUS:g}"
        )
    if how not in HOW:
        raise CatalogueError(f"how is {how!r}; expected one of {', '.join(HOW)}")
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    other_ra, other_dec = np.asarray(other_ra, float), np.asarray(other_dec, float)
    here = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    there = np.flatnonzero(np.isfinite(other_ra) & np.isfinite(other_dec))
    catalogue = SkyCoord(other_ra[there], other_dec[there], unit="deg")  # keeps its k-d tree
    _refuse_too_many(ra[here], dec[here], catalogue, radius)
    galaxy, row, apart = _pairs(ra[here], dec[here], catalogue, radius)
    galaxy, row = here[galaxy], there[row]
    by = np.lexsort((row, apart, galaxy))
    galaxy, row, apart = galaxy[by], row[by], apart[by]
    within = np.bincount(galaxy, minlength=len(ra))
    nearest = np.flatnonzero(np.diff(galaxy, prepend=-1))
    chance = _chance(
        ra[here], dec[here], catalogue, radius, usual_shifts(radius) if shifts is None else shifts
    )
    offset = _offset(
        ra[galaxy[nearest]], dec[galaxy[nearest]], other_ra[row[nearest]], other_dec[row[nearest]]
    )
    kept = nearest
    if how == "all":
        kept = np.arange(len(galaxy))
    elif how == "mutual":
        kept = _best_pairs(galaxy, row, apart)
    return PositionMatch(galaxy[kept], row[kept], apart[kept], within, *chance, offset)


def _pairs(
    ra: np.ndarray, dec: np.ndarray, catalogue: SkyCoord, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs within the radius: indices of both lists and separations in arcsec."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord, search_around_sky

    if not len(ra) or not len(catalogue):
        nothing = np.empty(0, np.int64)
        return nothing, nothing, np.empty(0)
    here = SkyCoord(ra, dec, unit=u.deg)
    i, j, apart, _ = search_around_sky(here, catalogue, radius * u.arcsec)
    return i.astype(np.int64), j.astype(np.int64), apart.to_value(u.arcsec)


def _refuse_too_many(ra: np.ndarray, dec: np.ndarray, catalogue: SkyCoord, radius: float) -> None:
    """Count the pairs before they are listed, which would fill the memory."""
    from scipy.spatial import cKDTree

    from radioviz.sky import ARCSEC, unit_vectors

    if not len(ra) or not len(catalogue):
        return
    places = (unit_vectors(ra, dec), unit_vectors(catalogue.ra.deg, catalogue.dec.deg))
    first, second = (cKDTree(vectors) for vectors in places)
    number = int(first.count_neighbors(second, 2.0 * np.sin(radius * ARCSEC / 2.0)))
    if number > MOST_PAIRS:
        raise CatalogueError(
            f"{number:,} pairs lie within {radius:g} arcsec; at most {MOST_PAIRS:,} can be "
            "matched. Choose a smaller radius, or filter the galaxies first"
        )


def _best_pairs(galaxy: np.ndarray, row: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Indices of pairs, closest first, of which no galaxy and no row is used twice."""
    order = np.argsort(apart, kind="stable")
    used_galaxy: set[int] = set()
    used_row: set[int] = set()
    kept = []
    for i in order.tolist():
        if galaxy[i] not in used_galaxy and row[i] not in used_row:
            used_galaxy.add(galaxy[i])
            used_row.add(row[i])
            kept.append(i)
    return np.sort(np.array(kept, dtype=np.int64))


def moved(ra: np.ndarray, dec: np.ndarray, shift: Shift) -> tuple[np.ndarray, np.ndarray]:
    """Positions in degrees, moved along great circles: right at the poles, too."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    there = SkyCoord(ra, dec, unit=u.deg).directional_offset_by(
        shift[1] * u.deg, shift[0] * u.arcsec
    )
    return there.ra.deg, there.dec.deg


def _chance(
    ra: np.ndarray, dec: np.ndarray, catalogue: SkyCoord, radius: float, shifts: Sequence[Shift]
) -> tuple[float, float]:
    """Galaxies that match after a move: mean over the moves, and its standard error."""
    if not shifts or not len(ra) or not len(catalogue):
        return (np.nan, np.nan) if not shifts else (0.0, 0.0)
    share = 1.0
    if len(ra) > _MOST_SHIFTED:
        some = np.random.default_rng(0).choice(len(ra), _MOST_SHIFTED, replace=False)
        share = len(ra) / _MOST_SHIFTED
        ra, dec = ra[some], dec[some]
    counts = [
        len(np.unique(_pairs(*moved(ra, dec, shift), catalogue, radius)[0])) * share
        for shift in shifts
    ]
    # Of few moves without a match, one match in all of them is the error to expect.
    spread = np.std(counts, ddof=1) if len(counts) > 1 else np.sqrt(counts[0])
    error = max(float(spread) / len(counts) ** 0.5, share / len(counts))
    return float(np.mean(counts)), error


def _offset(
    ra: np.ndarray, dec: np.ndarray, other_ra: np.ndarray, other_dec: np.ndarray
) -> tuple[float, float]:
    """Median offset of the second positions from the first, arcsec; NaN without any."""
    if not len(ra):
        return np.nan, np.nan
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    first = SkyCoord(ra, dec, unit=u.deg)
    east, north = first.spherical_offsets_to(SkyCoord(other_ra, other_dec, unit=u.deg))
    return float(np.median(east.to_value(u.arcsec))), float(np.median(north.to_value(u.arcsec)))
