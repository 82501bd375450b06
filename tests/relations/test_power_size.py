"""Where classes divide and lie, and spectral indices with what beams do to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radioviz.errors import RelationError
from radioviz.relations.physical_columns import Physics, physical_columns
from radioviz.relations.power_size import LOCI, fr_division, locus, published_locus
from radioviz.relations.spectra import SurveyFluxes, spectral_indices
from tests.relations.test_physical_columns import table

LAS = np.array([2.0, 30.0, 80.0, 20.0])


def survey(name: str, flux: list[float], frequency: float, beam: float) -> SurveyFluxes:
    n = len(flux)
    return SurveyFluxes(name, np.array(flux), np.full(n, frequency), np.full(n, beam))


def test_the_division_of_fanaroff_and_riley() -> None:
    # By hand: 4 pi 2e25 (50 / 67.66)^2 (1.4 / 0.178)^-0.7 W/Hz.
    assert fr_division(Physics()) == pytest.approx(3.238e25, rel=2e-3)
    assert fr_division(Physics("WMAP9")) < fr_division(Physics())
    assert fr_division(Physics(alpha=0.0)) == pytest.approx(1.3726e26, rel=2e-3)


def test_an_outline_holds_its_share() -> None:
    draw = np.random.default_rng(3)
    x, y = 10 ** draw.normal(2, 0.3, 4000), 10 ** draw.normal(25, 0.8, 4000)
    a, b = (np.log10(v) for v in locus(x, y))
    # The angle around the centre gives the radius of the outline for each galaxy.
    inside = ((np.log10(x) - 2) / np.ptp(a) * 2) ** 2 + ((np.log10(y) - 25) / np.ptp(b) * 2) ** 2
    assert (inside <= 1).mean() == pytest.approx(0.68, abs=0.03)


def test_the_loci_of_mirabest_are_what_is_measured(shared_data: Path) -> None:
    from train.evaluate.power_size_loci import classes

    for label, (size, power) in classes(shared_data / "mirabest_fits").items():
        of, points = LOCI[label], np.log10([size, power])
        assert len(size) == of.n
        assert points.mean(axis=1) == pytest.approx(of.centre, abs=2e-3)
        assert points.std(axis=1, ddof=1) == pytest.approx(of.spread, abs=2e-3)
        x, y = published_locus(label, "Planck18")
        wanted = locus(size, power)
        assert np.log10(x) == pytest.approx(np.log10(wanted[0]), abs=0.01)
        assert np.log10(y) == pytest.approx(np.log10(wanted[1]), abs=0.01)
    larger = np.array(published_locus("FRI", "Planck15")) / published_locus("FRI", "WMAP9")
    assert larger[1] == pytest.approx(larger[0] ** 2) and larger[0].min() > 1.02


def test_a_spectral_index_and_what_beams_do() -> None:
    first = survey("FIRST", [10.0, 10.0, 10.0, np.nan], 1.4, 5.4)
    low = survey("LoTSS", [10 * 10**0.7, 10.0, 0.0, 4.0], 0.14, 6.0)
    index, warnings = spectral_indices(first, low, LAS)
    assert index == pytest.approx([-0.7, 0.0, np.nan, np.nan], nan_ok=True)
    assert warnings == ["an error of 10 % in one flux changes the index by 0.04"]
    wide = survey("NVSS-like", [14.0, 14.0, 14.0, 14.0], 0.14, 45.0)
    _, warnings = spectral_indices(first, wide, LAS)
    assert "FIRST (5.4″) resolves what NVSS-like (45″) does not" in warnings[1]
    assert "the index of the 2 of 3 sources larger than its beam is too steep" in warnings[1]
    _, warnings = spectral_indices(wide, survey("VLASS", [9.0] * 4, 3.0, np.nan), LAS)
    assert "the beam is unknown for 4 of 4" in warnings[1]


def test_surveys_of_one_frequency_have_no_index() -> None:
    first, nvss = survey("FIRST", [10.0], 1.4, 5.4), survey("NVSS", [14.0], 1.4, 45.0)
    with pytest.raises(RelationError, match=r"FIRST is at 1\.4 GHz and NVSS at 1\.4 GHz"):
        spectral_indices(first, nvss, np.array([30.0]))
    with pytest.raises(RelationError, match="no source has a flux in both"):
        spectral_indices(first, survey("LoTSS", [np.nan], 0.14, 6.0), np.array([30.0]))


def test_columns_of_another_cosmology_and_own_indices() -> None:
    plain, other = physical_columns(table()), physical_columns(table(), Physics("WMAP9", -0.7))
    assert plain is not None and other is not None
    assert other["linear_size"][0] != pytest.approx(plain["linear_size"][0], rel=1e-3)
    steep = physical_columns(table(), index=np.array([-1.2, np.nan, 0, 0, 0]))
    assert steep is not None
    # K correction: (1 + z)^-(1 + alpha) at the same frequency.
    assert steep["luminosity"][0] / plain["luminosity"][0] == pytest.approx(1.1**0.5)
    hosts = physical_columns(table(), redshift=np.array([0.9, 0.5, np.nan, np.nan, np.nan]))
    assert hosts is not None
    assert hosts["linear_size"][0] == plain["linear_size"][0]  # the table's own redshift stands
    assert np.isfinite(hosts["linear_size"][1])
    assert "WMAP9" in Physics("WMAP9").described()["luminosity"].description
    with pytest.raises(RelationError, match="no cosmology 'Flat'"):
        Physics("Flat")
