"""Hosts of many sources of a service that runs here: faults, a cancelled search, and a file."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from radioviz.api import many_hosts
from radioviz.api.host_search import CATALOGUES, HostCatalogue
from radioviz.api.many_hosts import answers_table, find_hosts, search_many
from radioviz.data.catalogue import Catalogue
from radioviz.errors import FetchError, RelationError
from tests.data.tap_server import TapSite, tap_service

ROWS = list(range(8))
NED = next(c for c in CATALOGUES if c.title == "NED")


@pytest.fixture
def site(
    first_catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TapSite]:
    """A galaxy 1 arcsec north of each of the first six sources, with a redshift of its row."""
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    t = first_catalogue.table.iloc[:6]
    objects = Table(
        {"ra": t["ra"].to_numpy(), "dec": t["dec"].to_numpy() + 1 / 3600,
         "prefname": [f"galaxy {i}" for i in range(6)], "pretype": ["G"] * 6,
         "z": 0.1 + np.arange(6) / 100}
    )  # fmt: skip
    with tap_service({"objdir": objects}, {}) as made:
        yield made


def ned(site: TapSite) -> HostCatalogue:
    return dataclasses.replace(NED, service=site.url)


def test_each_source_has_its_own_host(first_catalogue: Catalogue, site: TapSite) -> None:
    found = answers_table(search_many(first_catalogue, ROWS, ned(site), position="catalogue"))
    assert found["source_id"].tolist() == [f"first-{i}" for i in ROWS]
    assert found["name"].tolist() == [*(f"galaxy {i}" for i in range(6)), "", ""]
    np.testing.assert_allclose(found["redshift"][:6], 0.1 + np.arange(6) / 100)
    np.testing.assert_allclose(found["separation"][:6], 1.0, atol=1e-3)
    assert found["candidates"].tolist() == [1] * 6 + [0, 0]  # an empty field is an answer
    assert (found["problem"] == "").all() and found["reliability"][6:].isna().all()
    asked = len(site.queries)
    again = answers_table(search_many(first_catalogue, ROWS, ned(site), position="catalogue"))
    assert len(site.queries) == asked == 8 and again.equals(found)


def test_positions_measured_in_another_way_are_asked_again(
    first_catalogue: Catalogue, site: TapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    search_many(first_catalogue, ROWS[:2], ned(site), position="catalogue")
    monkeypatch.setattr(many_hosts, "VERSION", many_hosts.VERSION + 1)
    search_many(first_catalogue, ROWS[:2], ned(site), position="catalogue")
    assert len(site.queries) == 4


def test_a_service_is_asked_again_after_a_month_and_a_file_is_not(
    first_catalogue: Catalogue, site: TapSite, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    site.tables["objdir"].write(path, format="ascii.csv")
    mine, ages = HostCatalogue("mine.csv", name="prefname", redshift="z"), list[str]()

    def search() -> list[str]:
        of_file = search_many(first_catalogue, ROWS[:2], mine, position="catalogue", file=path)
        ages.append(of_file[0].asked)
        found = search_many(first_catalogue, ROWS[:2], ned(site), position="catalogue")
        return [a.asked for a in found]

    def age(days: int) -> list[str]:
        """Answers were got so many days ago; when the files say."""
        then = (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).isoformat(timespec="seconds")
        for kept in (many_hosts.cache_folder() / "host-searches").glob("*.jsonl"):
            lines = [
                json.loads(line) | {"asked": then}
                for line in filter(None, kept.read_text().split("\n"))
            ]
            kept.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return [then] * 2

    search()
    then = age(29)
    assert search() == then and len(site.queries) == 2
    then = age(31)
    assert search() > then and len(site.queries) == 4
    assert ages[-1] == then[0]
    # Of before there was a date.
    for kept in (many_hosts.cache_folder() / "host-searches").glob("*.jsonl"):
        kept.write_text(re.sub(r',?"asked":\s?"[^"]*"', "", kept.read_text()))
    search()
    assert len(site.queries) == 6
    # Nor is a first new answer lost behind a line that a kill cut short.
    for kept in (many_hosts.cache_folder() / "host-searches").glob("*.jsonl"):
        kept.write_text('{"source_id": "first-')
    search()
    queries = len(site.queries)
    search()
    assert len(site.queries) == queries


def test_a_full_disk_is_named(
    first_catalogue: Catalogue, site: TapSite, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(full_disk))
    (full_disk / "host-searches").mkdir()
    with (full_disk / "filling").open("wb") as file, contextlib.suppress(OSError):
        file.write(bytes(2 << 20))
    with pytest.raises(FetchError, match=r"host-searches.*cannot be written.*free space"):
        search_many(first_catalogue, ROWS[:2], ned(site), position="catalogue")


def test_a_cancelled_search_continues_where_it_ended(
    first_catalogue: Catalogue, site: TapSite
) -> None:
    class Cancelled(Exception):
        pass

    def progress(done: int, total: int, what: str) -> None:
        assert total == 8
        if done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        search_many(first_catalogue, ROWS, ned(site), position="catalogue", progress=progress)
    (kept,) = (many_hosts.cache_folder() / "host-searches").glob("*.jsonl")
    assert len(kept.read_bytes().splitlines()) == 4
    kept.write_bytes(kept.read_bytes()[:-9])  # a kill in the middle of a line
    done: list[int] = []
    found = search_many(
        first_catalogue, ROWS, ned(site), position="catalogue",
        progress=lambda n, total, what: done.append(n),
    )  # fmt: skip
    assert done == [4, 5, 6, 7, 8]  # three were kept
    assert [a.name for a in found] == [*(f"galaxy {i}" for i in range(6)), "", ""]


def test_a_fault_costs_its_source_alone_and_is_asked_again(
    first_catalogue: Catalogue, site: TapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_hosts, "AT_ONCE", 1)

    def progress(done: int, total: int, what: str) -> None:
        site.fault = "503" if done == 2 else ""

    found = search_many(
        first_catalogue, ROWS[:6], ned(site), position="catalogue", progress=progress
    )
    wrong = [a for a in found if a.problem]
    assert [a.source_id for a in wrong] == ["first-2"] and "answers 503" in wrong[0].problem
    site.fault = ""
    asked = len(site.queries)
    found = search_many(first_catalogue, ROWS[:6], ned(site), position="catalogue")
    assert len(site.queries) == asked + 1 and found[2].name == "galaxy 2"
    # Of a service that is down not all are asked.
    monkeypatch.setattr(many_hosts, "MOST_FAULTS", 3)
    down = dataclasses.replace(NED, service="http://127.0.0.1:9/tap")
    found = search_many(first_catalogue, ROWS, down, position="catalogue")
    assert all("cannot be reached" in a.problem for a in found[:3])
    assert all(a.problem.startswith("not asked, for 3 requests") for a in found[3:])
    assert all("cannot be reached" in a.problem for a in found[3:])


def test_sources_without_a_position_are_no_fault_of_the_service(
    first_catalogue: Catalogue, site: TapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_hosts, "MOST_FAULTS", 2)
    places = many_hosts.radio_positions
    monkeypatch.setattr(
        many_hosts, "radio_positions",
        lambda catalogue, row: places(catalogue, row) if row >= 4 else [],
    )  # fmt: skip
    found = search_many(first_catalogue, ROWS[:6], ned(site), position="catalogue")
    assert [a.problem for a in found] == ["it has no sky position"] * 4 + ["", ""]
    assert [a.name for a in found[4:]] == ["galaxy 4", "galaxy 5"]


def test_a_file_gives_what_the_service_does(
    first_catalogue: Catalogue, site: TapSite, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    site.tables["objdir"].write(path, format="ascii.csv")
    mine = HostCatalogue("mine.csv", name="prefname", redshift="z")
    here = answers_table(search_many(first_catalogue, ROWS, mine, position="catalogue", file=path))
    there = answers_table(search_many(first_catalogue, ROWS, ned(site), position="catalogue"))
    columns = ["source_id", "name", "redshift", "candidates"]
    assert here[columns].equals(there[columns])
    np.testing.assert_allclose(here["separation"], there["separation"], atol=1e-6)


def test_hosts_of_several_sources_by_a_call(site: TapSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_hosts, "CATALOGUES", (ned(site),))
    found = find_hosts("first", ["first-3", "first-1"], "NED", position="catalogue")
    assert found["name"].tolist() == ["galaxy 3", "galaxy 1"]
    one = find_hosts("first", "first-3", "NED", position="catalogue")
    assert one["reliability"].iat[0] == found["reliability"][0]
    with pytest.raises(RelationError, match="no catalogue 'Gaia'; choose one of NED"):
        find_hosts("first", "first-3", "Gaia")
    with pytest.raises(RelationError, match="first-3: it has no position 'jet'; choose one of"):
        find_hosts("first", "first-3", "NED", position="jet")
