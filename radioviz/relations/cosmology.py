"""Linear size and radio luminosity of a source from what is observed, by astropy's cosmologies."""

from __future__ import annotations

import functools

import numpy as np

from radioviz.errors import RelationError

COSMOLOGIES = ("Planck18", "Planck15", "WMAP9")
"""Names of astropy's cosmologies to choose from, the default first."""

SPECTRAL_INDEX = -0.7
"""Of S proportional to nu^alpha, where none is measured: usual for extended radio galaxies."""

_NEAREST = 0.001
"""Redshift below which velocities of their own make distances meaningless."""


def linear_size(las: np.ndarray, redshift: np.ndarray, cosmology: str = "Planck18") -> np.ndarray:
    """Projected linear size in kpc.

    ``las``: angular size in arcsec, ``(n,)``. ``redshift``: shape ``(n,)``; NaN, 0, negative or
    below 0.001 give NaN. ``cosmology``: one of :data:`COSMOLOGIES`.
    """
    distance = _distances("angular_diameter_distance", redshift, cosmology)
    return 1e3 * distance * np.radians(np.asarray(las, float) / 3600)


def luminosity(
    flux: np.ndarray,
    redshift: np.ndarray,
    observed: np.ndarray | float,
    emitted: float = 1.4,
    alpha: np.ndarray | float = SPECTRAL_INDEX,
    cosmology: str = "Planck18",
) -> np.ndarray:
    """Radio luminosity in W/Hz at a frequency in the frame of the source.

    ``L = 4 pi D_L^2 S (nu_emitted / nu_observed)^alpha / (1 + z)^(1 + alpha)``

    Parameters
    ----------
    flux : numpy.ndarray
        Integrated flux density in mJy, ``(n,)``; what is not positive gives NaN.
    redshift : numpy.ndarray
        As for :func:`linear_size`.
    observed : numpy.ndarray or float
        Frequency of the flux in GHz.
    emitted : float
        Frequency of the luminosity in GHz.
    alpha : numpy.ndarray or float
        Spectral index of S proportional to nu^alpha.
    """
    distance = 3.085677581491367e22 * _distances("luminosity_distance", redshift, cosmology)
    z, index = np.asarray(redshift, float), np.asarray(alpha, float)
    seen = np.asarray(flux, float)
    seen = 1e-29 * np.where(seen > 0, seen, np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        spectrum = (emitted / np.asarray(observed, float)) ** index / (1 + z) ** (1 + index)
        value: np.ndarray = 4 * np.pi * distance**2 * seen * spectrum
    return np.where(np.isfinite(value), value, np.nan)


def spectral_index(
    flux: np.ndarray, frequency: np.ndarray | float, other: np.ndarray, at: np.ndarray | float
) -> np.ndarray:
    """Spectral index of S proportional to nu^alpha between two frequencies, ``(n,)``."""
    first, second = np.asarray(flux, float), np.asarray(other, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(np.where((first > 0) & (second > 0), first / second, np.nan))
        index = ratio / np.log(np.asarray(frequency, float) / np.asarray(at, float))
    return np.where(np.isfinite(index), index, np.nan)


def hubble_constant(cosmology: str = "Planck18") -> float:
    """Hubble constant of a cosmology in km/s/Mpc."""
    return float(_cosmology(cosmology).H0.value)


def _distances(kind: str, redshift: np.ndarray, cosmology: str) -> np.ndarray:
    """Distances in Mpc, ``(n,)``, NaN where the redshift says nothing."""
    z = np.asarray(redshift, float)
    good = np.isfinite(z) & (z >= _NEAREST)
    out = np.full(z.shape, np.nan)
    if good.any():
        out[good] = getattr(_cosmology(cosmology), kind)(z[good]).to_value("Mpc")
    return out


@functools.cache
def _cosmology(name: str):  # type: ignore[no-untyped-def] # astropy's classes have no types
    from astropy import cosmology

    if name not in COSMOLOGIES:
        raise RelationError(f"no cosmology '{name}'; known: {', '.join(COSMOLOGIES)}")
    return getattr(cosmology, name)
