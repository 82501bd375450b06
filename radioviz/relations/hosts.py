"""The host of a radio source among the objects of a catalogue, by likelihood ratio.

For an object of magnitude ``m`` at offset ``r`` (Sutherland & Saunders 1992)::

    LR = q(m) f(r) / n(m)        R = LR / (sum of all LR + 1 - Q)

``f`` is the density of the offset between radio position and host, a Gaussian along and across the
axis of the source; ``n`` the surface density of the catalogue at that magnitude, from its own
objects around; ``q`` that of hosts, and ``Q`` its integral: the share of hosts that the catalogue
has. ``R``, the reliability, is the probability that the object is the host.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from radioviz.errors import RelationError

_STEP = 0.4
"""Magnitudes over which counts of objects are smoothed (standard deviation)."""
ASYMMETRY, BEND = 0.075, 0.03
"""Offset of a host from the midpoint of its radio source in units of the size, along and across.

The arms of double sources differ in length: the difference over the sum has a spread of about 0.15
(Longair & Riley 1979, MNRAS 186, 625), and half of it is the offset along the axis.
"""
CATALOGUE_ERROR = 0.3
"""Arcsec, 1 sigma: between the frames of radio and optical surveys."""


@dataclass(frozen=True)
class RadioPosition:
    """Where the host is expected."""

    # ra, dec: ICRS in degrees
    ra: float
    dec: float
    # along, across: error in arcsec, 1 sigma, along and across the axis of the source
    along: float
    across: float
    angle: float  # position angle of the axis in degrees, north through east
    kind: str  # ``core``, ``midpoint``, ``catalogue`` or ``typed``

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ra) and abs(self.dec) <= 90):
            raise RelationError(f"the position is {self.ra:g}, {self.dec:g}; expected degrees")
        if not (self.along > 0 and self.across > 0):
            raise RelationError(
                f"the errors of the position are {self.along:g} and {self.across:g} arcsec; "
                "expected more than 0"
            )

    def sentence(self) -> str:
        """Position and errors in words."""
        errors = f"{self.along:.2g}″"
        if abs(self.along - self.across) > 0.01 * self.along:
            errors += f" along the source and {self.across:.2g}″ across"
        return f"{self.kind} with an error of {errors} (1σ)"


@dataclass(frozen=True)
class HostPrior:
    """What is assumed of hosts before the candidates are seen."""

    share: float = 0.9  # share of hosts that the catalogue has, ``Q``
    # brightest, faintest: magnitudes between which hosts are equally frequent
    brightest: float = 14.0
    faintest: float = 22.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise RelationError(f"the share of hosts is {self.share:g}; expected 0 to 1")
        if not self.brightest < self.faintest:
            raise RelationError(
                f"hosts are of {self.brightest:g} to {self.faintest:g} mag; expected the brighter "
                "first"
            )

    def sentence(self, magnitudes: bool) -> str:
        """The assumption in words."""
        text = f"{self.share:.0%} of hosts are in the catalogue"
        if magnitudes:
            text += f", equally many at each magnitude from {self.brightest:g} to {self.faintest:g}"
        return text


@dataclass(frozen=True, eq=False)
class FieldDensity:
    """Objects of a catalogue around a source, far enough not to be its host."""

    magnitudes: np.ndarray  # shape ``(k,)``, NaN where unknown
    area: float  # where they are, square arcsec

    @property
    def total(self) -> float:
        """Objects a square arcsec; half an object where there is none."""
        return max(len(self.magnitudes), 0.5) / self.area

    def at(self, magnitudes: np.ndarray) -> np.ndarray:
        """Objects a square arcsec and magnitude, ``(n,)``; at least half an object in the field."""
        known = self.magnitudes[np.isfinite(self.magnitudes)]
        apart = (np.asarray(magnitudes, float)[:, None] - known) / _STEP
        kernel = np.exp(-(apart**2) / 2) / (_STEP * math.sqrt(2 * math.pi))
        lowest = 0.5 / (_STEP * math.sqrt(2 * math.pi))
        return np.maximum(kernel.sum(axis=1), lowest) / self.area


def offsets(
    position: RadioPosition, ra: np.ndarray, dec: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Separation of objects from a radio position, and its parts along and across the source.

    Returns ``separation``, ``along``, ``across``: arcsec, shape ``(n,)``.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    here = SkyCoord(position.ra, position.dec, unit="deg")
    there = SkyCoord(np.asarray(ra, float), np.asarray(dec, float), unit="deg")
    apart = here.separation(there).to_value(u.arcsec)
    turn = here.position_angle(there).rad - math.radians(position.angle)
    return apart, apart * np.cos(turn), apart * np.sin(turn)


def likelihood_ratios(
    position: RadioPosition,
    along: np.ndarray,
    across: np.ndarray,
    field: FieldDensity,
    magnitudes: np.ndarray | None = None,
    prior: HostPrior | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Likelihood ratio and reliability of each candidate.

    ``along``, ``across``: offsets in arcsec, shape ``(n,)``: of :func:`offsets`. ``field``: of the
    same catalogue. ``magnitudes``: shape ``(n,)``; candidates without one, or all, are judged by
    their place alone. Returns ``ratio``, ``reliability``: shape ``(n,)``.
    """
    prior = prior or HostPrior()
    sigma, narrow = (math.hypot(s, CATALOGUE_ERROR) for s in (position.along, position.across))
    chance = np.exp(-((along / sigma) ** 2 + (across / narrow) ** 2) / 2)
    chance = chance / (2 * math.pi * sigma * narrow)
    ratio = prior.share * chance / field.total
    if magnitudes is not None and np.isfinite(field.magnitudes).any():
        known = np.isfinite(magnitudes)
        here = (magnitudes >= prior.brightest) & (magnitudes <= prior.faintest)
        expected = np.where(here, prior.share / (prior.faintest - prior.brightest), 0.0)
        weighed = expected * chance / field.at(np.where(known, magnitudes, 0.0))
        ratio = np.where(known, weighed, ratio)
    return ratio, ratio / (ratio.sum() + 1 - prior.share)
