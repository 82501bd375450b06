"""Hosts asked of services that run here, over real HTTP: candidates, faults, and no network."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from radioviz.api import host_search
from radioviz.api.host_search import CATALOGUES, HostCatalogue, search_hosts
from radioviz.errors import CatalogueError, FetchError, RelationError
from radioviz.relations.hosts import FieldDensity, HostPrior, RadioPosition, likelihood_ratios
from tests.data.tap_server import TapSite, tap_service

RA, DEC = 150.0, 2.0
PLACE = RadioPosition(RA, DEC, 2.0, 1.0, 20.0, "midpoint")
RNG = np.random.default_rng(5)


def field() -> Table:
    """300 objects in 4 arcmin around, the first 0.8 arcsec from the position."""
    n = 300
    ra = np.append(RA + 0.8 / 3600, RA + RNG.uniform(-120, 120, n - 1) / 3600)
    dec = np.append(DEC, DEC + RNG.uniform(-120, 120, n - 1) / 3600)
    magnitude = np.append(18.2, RNG.uniform(19, 23, n - 1))
    return Table(
        {"RAJ2000": ra, "DEJ2000": dec, "objID": np.arange(10**15, 10**15 + n), "imag": magnitude},
        units={"RAJ2000": "deg", "DEJ2000": "deg", "imag": "mag"},
    )


OBJECTS = Table(
    {
        "ra": [RA, RA + 1 / 3600, RA + 3 / 3600], "dec": [DEC, DEC, DEC],
        "prefname": ["the radio source", "the galaxy", "a star"], "pretype": ["RadioS", "G", "*"],
        "z": [np.nan, 0.31, np.nan],
    }
)  # fmt: skip


@pytest.fixture
def service() -> Iterator[TapSite]:
    with tap_service({"II/349/ps1": field(), "objdir": OBJECTS}, {}) as site:
        yield site


def named(title: str, site: TapSite) -> HostCatalogue:
    found = next(c for c in CATALOGUES if c.title.startswith(title))
    return dataclasses.replace(found, service=site.url)


def test_the_likelihood_of_each_candidate_is_that_of_the_whole_table(service: TapSite) -> None:
    found = search_hosts(PLACE, named("Pan-STARRS1", service))
    table = field_of(service)
    dx = (np.asarray(table["RAJ2000"]) - RA) * 3600 * np.cos(np.radians(DEC))
    dy = (np.asarray(table["DEJ2000"]) - DEC) * 3600
    apart = np.hypot(dx, dy)
    turn = np.radians(PLACE.angle)
    along, across = dx * np.sin(turn) + dy * np.cos(turn), dx * np.cos(turn) - dy * np.sin(turn)
    near, far = apart <= 10.0, (apart > 10.0) & (apart <= 120.0)
    magnitude = np.asarray(table["imag"])
    around = FieldDensity(magnitude[far], np.pi * (120.0**2 - 10.0**2))
    _, sure = likelihood_ratios(PLACE, along[near], across[near], around, magnitude[near])
    assert len(found.candidates) == near.sum() >= 2
    np.testing.assert_allclose(found.candidates["reliability"], np.sort(sure)[::-1], rtol=2e-3)
    best = found.candidates.iloc[0]
    assert best["name"] == str(10**15) and best["separation"] == pytest.approx(0.8, abs=0.01)
    assert best["reliability"] > 0.8
    assert found.around == far.sum()
    assert "90% of hosts are in the catalogue" in found.sentence()


def field_of(site: TapSite) -> Table:
    return site.tables["II/349/ps1"]


def test_ned_is_asked_in_its_words_and_only_galaxies_count(service: TapSite) -> None:
    found = search_hosts(PLACE, named("NED", service))
    assert "POINT('J2000', ra, dec), CIRCLE('J2000', 150.0" in service.queries[-1]
    assert found.candidates["name"].tolist() == ["the galaxy"]
    assert found.candidates["redshift"].tolist() == [0.31]
    assert "rough guide" in found.sentence()


def test_a_file_is_searched_as_a_service_is(service: TapSite, tmp_path: Path) -> None:
    path = tmp_path / "mine.ecsv"
    field_of(service).write(path, format="ascii.ecsv")
    mine = HostCatalogue("mine.ecsv", name="objID", magnitude="imag")
    here = search_hosts(PLACE, mine, file=path, prior=HostPrior())
    there = search_hosts(PLACE, named("Pan-STARRS1", service))
    np.testing.assert_allclose(
        here.candidates["likelihood_ratio"], there.candidates["likelihood_ratio"], rtol=1e-6
    )
    with pytest.raises(RelationError, match="has no column 'rmag'; it has RAJ2000"):
        search_hosts(PLACE, dataclasses.replace(mine, magnitude="rmag"), file=path)


def test_faults_are_said(service: TapSite, monkeypatch: pytest.MonkeyPatch) -> None:
    ps1 = named("Pan-STARRS1", service)
    for fault, error, words in (
        ("503", FetchError, r"127\.0\.0\.1 answers 503"),
        ("nonsense", CatalogueError, r"127\.0\.0\.1"),
        ("entity", CatalogueError, "declares the entity"),
    ):
        service.fault = fault
        with pytest.raises(error, match=words):
            search_hosts(PLACE, ps1)
    service.fault = ""
    with pytest.raises(CatalogueError, match="has no row near"):
        search_hosts(dataclasses.replace(PLACE, dec=-60.0), ps1)
    with pytest.raises(CatalogueError, match="reports: cannot parse"):
        search_hosts(PLACE, dataclasses.replace(ps1, table="II/0/none"))
    monkeypatch.setattr(host_search, "TIMEOUT", 0.3)
    service.delay = 20.0
    began = time.monotonic()
    with pytest.raises(FetchError, match="timed out"):
        search_hosts(PLACE, ps1)
    assert time.monotonic() - began < 15
    offline = dataclasses.replace(ps1, service="http://127.0.0.1:9/tap")
    with pytest.raises(FetchError, match=r"cannot be reached .*upload the catalogue"):
        search_hosts(PLACE, offline)
