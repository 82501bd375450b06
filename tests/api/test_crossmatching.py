"""Catalogues of a TAP service that runs here, over real HTTP: pairs, faults, and no network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from astropy.table import Table

from radioviz.api.crossmatching import address_of, match_service
from radioviz.errors import CatalogueError, FetchError
from radioviz.importing import tap
from radioviz.workspace.crossmatch import match_positions
from tests.data.tap_server import TapSite, tap_service

RNG = np.random.default_rng(3)
N = 400
RA, DEC = RNG.uniform(0, 2, N), RNG.uniform(-1, 1, N)
"""Galaxies; the last one has no position."""
RA[-1] = DEC[-1] = np.nan
UCDS = {"RAJ2000": "pos.eq.ra;meta.main", "DEJ2000": "pos.eq.dec;meta.main"}


def table() -> Table:
    """3,000 rows: 150 counterparts within 3 arcsec, the others anywhere in the same field."""
    ra = np.concatenate([RA[:150] + RNG.normal(0, 1, 150) / 3600, RNG.uniform(0, 2, 2850)]) % 360
    dec = np.concatenate([DEC[:150] + RNG.normal(0, 1, 150) / 3600, RNG.uniform(-1, 1, 2850)])
    flux = np.arange(len(ra), dtype=float)
    return Table({"RAJ2000": ra, "DEJ2000": dec, "S-1.4": flux},
                 units={"RAJ2000": "deg", "DEJ2000": "deg", "S-1.4": "mJy"})  # fmt: skip


TABLE = table()


@pytest.fixture
def service() -> Iterator[TapSite]:
    plain = Table({"name": ["a"], "size": [1.0]})
    with tap_service({"VIII/92/first14": TABLE, "public.sizes": plain}, UCDS) as site:
        yield site


def test_a_service_gives_what_its_whole_table_would(service: TapSite) -> None:
    ra, dec = (np.asarray(TABLE[c]) for c in ("RAJ2000", "DEJ2000"))
    seen: list[tuple[int, int]] = []
    found = match_service(
        service.url, "VIII/92/first14", RA, DEC, 6.0, "all",
        lambda done, total, what: seen.append((done, total)),
    )  # fmt: skip
    every = match_positions(RA, DEC, ra, dec, 6.0, "all", ())
    assert len(every.galaxy) >= 150
    np.testing.assert_array_equal(found.galaxy, every.galaxy)
    np.testing.assert_allclose(found.separation, every.separation, atol=1e-4)
    np.testing.assert_array_equal(found.frame["S-1.4"], every.row)
    assert found.columns["S-1.4"].unit == "mJy"
    assert tap._ROW not in found.frame
    shifts = [(300.0, 0.0), (300.0, 180.0)]
    assert found.chance == match_positions(RA, DEC, ra, dec, 6.0, "all", shifts).chance > 0
    assert service.uploaded == 3 * (N - 1)  # the galaxies and two moved copies
    assert seen[-1] == (3 * (N - 1), 3 * (N - 1))
    nearest = match_service(service.url, '"VIII/92/first14"', RA, DEC, 6.0)
    assert len(nearest.galaxy) == len(set(every.galaxy.tolist()))


def test_many_galaxies_are_sent_in_parts(service: TapSite, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = match_service(service.url, "VIII/92/first14", RA, DEC, 3.0)
    queries = len(service.queries)
    monkeypatch.setattr(tap, "PER_QUERY", 100)
    parts = match_service(service.url, "VIII/92/first14", RA, DEC, 3.0)
    assert len(service.queries) == queries + 1 + 12
    np.testing.assert_array_equal(parts.galaxy, whole.galaxy)
    assert parts.frame["S-1.4"].tolist() == whole.frame["S-1.4"].tolist()
    monkeypatch.setattr(tap, "MOST_GALAXIES", 300)
    with pytest.raises(CatalogueError, match="399 galaxies; at most 300 positions are sent"):
        match_service(service.url, "VIII/92/first14", RA, DEC, 3.0)


def test_a_cut_answer_is_not_taken_for_a_whole_one(service: TapSite) -> None:
    service.limit = 60
    with pytest.raises(CatalogueError, match=r"127\.0\.0\.1 has cut its answer short"):
        match_service(service.url, "VIII/92/first14", RA, DEC, 6.0)


def test_faults_of_the_service_are_named(service: TapSite) -> None:
    ask = (service.url, "VIII/92/first14", RA, DEC, 5.0)
    for wrong in ("VIII/0/none", "first14"):
        with pytest.raises(CatalogueError, match=f"has no table '{wrong}'; write its name"):
            match_service(service.url, wrong, RA, DEC, 5.0)
    with pytest.raises(CatalogueError, match="no positions that can be found by their UCD"):
        match_service(service.url, "public.sizes", RA, DEC, 5.0)
    with pytest.raises(CatalogueError, match="is not a valid name of a table"):
        match_service(service.url, "x'; DROP TABLE y", RA, DEC, 5.0)
    with pytest.raises(CatalogueError, match="reports: no such resource"):
        match_service(service.url + "/deeper", *ask[1:])
    service.fault = "503"
    with pytest.raises(FetchError, match=r"127\.0\.0\.1 answers 503 .*upload the catalogue"):
        match_service(*ask)
    service.fault = "entity"
    with pytest.raises(CatalogueError, match="declares the entity 'a'"):
        match_service(*ask)
    service.fault = ""
    with pytest.raises(CatalogueError, match="has no row near the galaxies"):
        match_service(service.url, "VIII/92/first14", RA, DEC + 60.0, 5.0)


def test_without_a_network_there_is_a_plain_word() -> None:
    with pytest.raises(FetchError, match=r"127\.0\.0\.1 cannot be reached .*refused.*as a file"):
        match_service("http://127.0.0.1:9/tap", "VIII/92/first14", RA, DEC, 5.0)
    with pytest.raises(CatalogueError, match="is not the address of a service"):
        address_of("file:///etc/passwd")


def test_a_service_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/tap"
        with pytest.raises(FetchError, match=r"cannot be reached .*timed out"):
            tap.request(url, "SELECT 1", timeout=0.5)
