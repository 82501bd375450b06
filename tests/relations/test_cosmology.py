"""Sizes and luminosities against astropy's units, and against numbers of the literature."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy import cosmology as astropy_cosmology

from radioviz.errors import RelationError
from radioviz.relations.cosmology import COSMOLOGIES, linear_size, luminosity, spectral_index

Z = np.array([0.002, 0.0561, 0.3, 1.0, 2.5, 6.0])


@pytest.mark.parametrize("name", COSMOLOGIES)
def test_both_are_astropys(name: str) -> None:
    known = getattr(astropy_cosmology, name)
    las, flux = np.linspace(5, 300, len(Z)), np.geomspace(0.5, 5e4, len(Z))
    scale = known.kpc_proper_per_arcmin(Z)
    wanted = (las * u.arcsec * scale).to_value("kpc")
    assert linear_size(las, Z, name) == pytest.approx(wanted, rel=1e-6)
    alpha = np.linspace(-1.2, 0.3, len(Z))
    observed = np.linspace(0.144, 3.0, len(Z))
    area = 4 * np.pi * known.luminosity_distance(Z) ** 2
    spectrum = (1.4 / observed) ** alpha * (1 + Z) ** -(1 + alpha)
    wanted = (flux * u.mJy * area * spectrum).to_value("W / Hz")
    found = luminosity(flux, Z, observed, 1.4, alpha, name)
    assert found == pytest.approx(wanted, rel=1e-6)


def test_cygnus_a() -> None:
    """z 0.0561 and about 1590 Jy at 1.4 GHz: close to 1.2e28 W/Hz; 126 arcsec are 140 kpc."""
    assert luminosity(np.array([1.59e6]), np.array([0.0561]), 1.4)[0] == pytest.approx(
        1.2e28, rel=0.08
    )
    assert linear_size(np.array([126.0]), np.array([0.0561]))[0] == pytest.approx(140, rel=0.05)


@pytest.mark.parametrize("z", [0.0, -0.1, -1.0, np.nan, np.inf, 0.0005, -99.0])
def test_redshifts_that_say_nothing(z: float) -> None:
    assert np.isnan(linear_size(np.array([30.0]), np.array([z]))[0])
    assert np.isnan(luminosity(np.array([10.0]), np.array([z]), 1.4)[0])


@pytest.mark.parametrize("flux", [0.0, -3.0, np.nan])
def test_fluxes_that_say_nothing(flux: float) -> None:
    assert np.isnan(luminosity(np.array([flux]), np.array([0.1]), 1.4)[0])
    assert np.isnan(spectral_index(np.array([flux]), 1.4, np.array([1.0]), 0.144)[0])


def test_an_unknown_frequency_gives_no_luminosity() -> None:
    found = luminosity(np.ones(2), np.full(2, 0.1), np.array([1.4, np.nan]))
    assert np.isfinite(found).tolist() == [True, False]


def test_a_spectral_index() -> None:
    flux = 10.0 * (0.144 / 1.4) ** -0.83
    assert spectral_index(np.array([10.0]), 1.4, np.array([flux]), 0.144) == pytest.approx(-0.83)
    assert np.isnan(spectral_index(np.array([10.0]), 1.4, np.array([9.0]), 1.4)[0])


def test_an_unknown_cosmology_is_named() -> None:
    with pytest.raises(RelationError, match="no cosmology 'Flat'; known: Planck18, "):
        linear_size(np.ones(1), np.ones(1), "Flat")
