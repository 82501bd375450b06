"""Hosts on Inspect: asked, chosen, columns of the data set, undone; and physics of Relations."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from astropy.table import Table
from streamlit.testing.v1 import AppTest

from radioviz.api.host_search import search_hosts
from radioviz.data.catalogue import Catalogue
from radioviz.errors import SelectionError
from radioviz.relations.cosmology import linear_size, luminosity
from radioviz.ui import chosen_hosts, physics, session_workspace
from radioviz.ui.pages.inspect.host_panel import HostState
from radioviz.ui.session_workspace import WorkspaceState as Workspace
from radioviz.ui.state import Selection
from tests.api.test_host_search import named
from tests.data.tap_server import TapSite, tap_service

Open = Callable[..., AppTest]
STATE = f"{HostState.__module__}.{HostState.__qualname__}"


@pytest.fixture
def site(first: Catalogue) -> Iterator[TapSite]:
    """NED with a galaxy of redshift 0.2 at the position of each of the first 20 sources."""
    t = first.table.iloc[:20]
    objects = Table(
        {"ra": t["ra"].to_numpy() + 1 / 3600, "dec": t["dec"].to_numpy(),
         "prefname": [f"galaxy {i}" for i in range(20)], "pretype": ["G"] * 20,
         "z": np.full(20, 0.2)}
    )  # fmt: skip
    with tap_service({"objdir": objects}, {}) as made:
        yield made


def test_candidates_are_asked_for_and_said(
    open_page: Open, site: TapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz.api import host_search

    ned = named("NED", site)
    monkeypatch.setattr(host_search, "CATALOGUES", (ned,))
    app = open_page("inspect_galaxy", data="first", source="first-3", tab="Host")
    app.selectbox(key="host_catalogue").set_value("NED").run()
    app.selectbox(key="host_around").set_value("catalogue").run()
    app.button(key="host_find").click().run()
    assert not app.exception
    shown = next(d.value for d in app.dataframe if "reliability" in d.value)
    assert shown["name"].tolist() == ["galaxy 3"] and shown["redshift"].tolist() == [0.2]
    assert any("NED collects many surveys unevenly" in c.value for c in app.caption)
    site.fault = "503"
    app.button(key="host_find").click().run()
    assert any("answers 503" in e.value for e in app.error)
    assert app.session_state[STATE].search is None  # an old answer is not shown for a new question


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The fields of a workspace without a session."""
    held: dict[str, object] = {}
    monkeypatch.setattr(session_workspace, "value", lambda n, d=None: held.get(n, d))
    monkeypatch.setattr(session_workspace, "put", lambda n, v, what: held.update({n: v}))
    return held


def test_a_host_is_a_column_and_gives_its_redshift(
    first: Catalogue, site: TapSite, workspace: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz.relations.radio_position import radio_positions

    place = next(p for p in radio_positions(first, 3) if p.kind == "catalogue")
    found = search_hosts(place, named("NED", site))
    chosen_hosts.choose_host(("first", "first-3"), found, 0)
    host = chosen_hosts.hosts("first")["first-3"]
    assert host["host"] == "galaxy 3" and host["host_redshift"] == 0.2
    assert host["host_origin"].startswith("NED objdir; catalogue with an error of")
    assert "prior: 90% of hosts are in the catalogue" in host["host_origin"]
    columns = chosen_hosts.host_columns(chosen_hosts.hosts("first"), np.array([3]), ["first-3"], 9)
    assert columns["host"].texts(np.arange(9)) == ["", "", "", "galaxy 3", "", "", "", "", ""]
    assert np.flatnonzero(np.isfinite(columns["host_redshift"].floats())).tolist() == [3]
    table = first.table.assign(redshift=np.nan)
    without = dataclasses.replace(first, table=table)
    monkeypatch.setattr(physics.cache, "data_set", lambda key: without)
    values, about = physics.own_physical_columns("first")
    kpc = values["linear_size"].floats()
    assert np.flatnonzero(np.isfinite(kpc)).tolist() == [3]
    assert kpc[3] == linear_size(table["las"].to_numpy()[3:4], np.array([0.2]))[0]
    assert "of the chosen host where there is none" in about["linear_size"].description
    chosen_hosts.remove_host(("first", "first-3"))
    assert chosen_hosts.hosts("first") == {} and workspace["hosts"] == {}


def test_the_cosmology_and_fluxes_of_the_page_are_those_of_the_table(
    open_page: Open, first: Catalogue
) -> None:
    app = open_page("relations", data="first", part="Power and size")
    assert any("No galaxy has both a redshift and a flux" in i.value for i in app.info)
    app.selectbox(key="physics_cosmology").set_value("WMAP9").run()
    app.number_input(key="physics_alpha").set_value(-1.0).run()
    # Any column can be one of fluxes; this one is known for all.
    app.selectbox(key="fluxes_column").set_value("snr").run()
    app.number_input(key="fluxes_frequency").set_value(0.7).run()
    app.button(key="fluxes_go").click().run()
    assert not app.exception and not app.error
    assert not any("No galaxy has both" in i.value for i in app.info)
    own = app.session_state[f"{Workspace.__module__}.{Workspace.__qualname__}"].values
    assert own["physics"] == {"cosmology": "WMAP9", "alpha": -1.0}
    app.text_area(key="filter_text").set_value("redshift > 0.05 and linear_size > 0").run()
    app.session_state["relation_parts"] = "Predict a property"
    app.run()
    app.selectbox(key="relation_property").set_value("luminosity").run()
    app.button(key="relation_predict").click().run()
    app.session_state["relation_tabs"] = "Numbers"
    app.run()
    assert not app.exception
    shown = next(d.value for d in app.dataframe if "predicted" in d.value)
    sample = first.table.set_index("source_id").loc[shown["source_id"]]
    wanted = luminosity(
        sample["snr"].to_numpy(), sample["redshift"].to_numpy(), 0.7, 1.4, -1.0, "WMAP9"
    )
    np.testing.assert_allclose(shown["luminosity"], wanted, rtol=1e-9)


def test_hosts_of_a_selection_are_kept_together(
    open_page: Open, site: TapSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz.api import host_search

    monkeypatch.setattr(host_search, "CATALOGUES", (named("NED", site),))
    brush = Selection(("first", f"first-{i}") for i in (2, 3, 30))
    app = open_page("table", {"brush": brush}, data="first")
    app.session_state["table_tabs"] = "Hosts"
    app.run()
    app.selectbox(key="hosts_catalogue").set_value("NED").run()
    app.selectbox(key="hosts_around").set_value("catalogue").run()
    app.button(key="hosts_find").click().run()
    assert not app.exception
    # The site knows a galaxy beside the first 20 sources.
    assert any("2 of 3 have a candidate" in m.value for m in app.markdown)
    keep = app.button(key="hosts_keep")
    assert keep.label == "Keep 2 hosts"
    keep.click().run()
    kept = app.session_state[f"{Workspace.__module__}.{Workspace.__qualname__}"]
    assert sorted(kept.values["hosts"]["first"]) == ["first-2", "first-3"]
    assert kept.values["hosts"]["first"]["first-3"]["host_redshift"] == 0.2
    assert kept.undo == "choose the hosts of 2 galaxies"
    # Those who have one keep it.
    assert app.button(key="hosts_keep").disabled
    app.toggle(key="hosts_over").set_value(True).run()
    assert app.button(key="hosts_keep").label == "Keep 2 hosts"


def test_chosen_hosts_are_in_the_session_file(
    open_page: Open, first: Catalogue, workspace: dict[str, object]
) -> None:
    from radioviz.export.session import Session, here, read_session, session_bytes
    from radioviz.ui.workspace_file import hosts_in_file

    host = {"host": "NGC 1 \u2014", "host_ra": 10.0, "host_dec": -2.0,
            "host_origin": "NED objdir; core", "host_redshift": 0.2}  # fmt: skip
    chosen_hosts.choose_hosts({"first": {"first-3": host, "first-99999": host}})
    held = hosts_in_file(chosen_hosts.session_workspace.value("hosts"))
    read = read_session(session_bytes(Session(hosts=held)))
    assert read.hosts[("first", "first-3")] == host
    found, missing = here(read, {"first": set(first.table["source_id"])})
    assert list(found.hosts) == [("first", "first-3")] and missing.sources == (
        ("first", "first-99999"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("host", 3), ("host_ra", None), ("host_ra", 400.0), ("host_dec", float("nan")),
     ("host_redshift", "0.2"), ("host_reliability", 1.5), ("host_origin", "x" * 2000),
     ("host", "\ud800")],
)  # fmt: skip
def test_a_session_file_with_a_wrong_host_is_refused(name: str, value: object) -> None:
    from radioviz.export.session import read_session

    host = {"data_set": "first", "source_id": "first-3", "host": "A", "host_ra": 1.0,
            "host_dec": 2.0, "host_origin": "NED", name: value}  # fmt: skip
    document = {"format": "radioviz-selection", "version": 1, "sources": [], "hosts": [host]}
    with pytest.raises(SelectionError, match=f"the host of 'first-3': \"{name}\" is"):
        read_session(json.dumps(document))


def test_hosts_on_the_table_say_where_no_galaxy_is_chosen(open_page: Open) -> None:
    app = open_page("table", state={"table_tabs": "Hosts"})
    app.selectbox(key="hosts_source").set_value("Tray").run()
    assert not app.exception
    assert any("is chosen: select some on the map" in c.value for c in app.caption)
    assert app.button(key="hosts_find").disabled


def test_hosts_of_a_selection_are_kept_with_their_places(
    open_page: Open, site: TapSite, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz.api import host_search

    monkeypatch.setattr(host_search, "CATALOGUES", (named("NED", site),))
    pairs = [("first", f"first-{i}") for i in (3, 30, 5)]  # the second has no candidate
    app = open_page("table", {"table_tabs": "Hosts", "brush": Selection(pairs)})
    app.selectbox(key="hosts_around").set_value("catalogue").run()
    app.button(key="hosts_find").click().run()
    app.slider(key="hosts_least").set_value(0.0).run()
    assert app.button(key="hosts_keep").label == "Keep 2 hosts"
    app.button(key="hosts_keep").click().run()
    assert not app.exception
    assert any("Kept hosts of 2 galaxies; undo" in i.value for i in app.info)
    held = app.session_state[f"{Workspace.__module__}.{Workspace.__qualname__}"].values["hosts"]
    assert {s: h["host"] for s, h in held["first"].items()} == {
        "first-3": "galaxy 3", "first-5": "galaxy 5"
    }  # fmt: skip
    assert held["first"]["first-5"]["host_ra"] == pytest.approx(
        first.table["ra"].iat[5] + 1 / 3600, abs=1e-9
    )


def test_numbers_that_stand_for_unknown_ones_are_no_properties_of_a_host() -> None:
    from radioviz.export.session import Session, read_session, session_bytes
    from radioviz.ui.workspace_file import hosts_in_file

    row = {"name": "x" * 400, "ra": 10.5, "dec": -3.0, "separation": 1.0, "magnitude": 99.0,
           "redshift": -999.0, "reliability": 0.5}  # fmt: skip
    host = chosen_hosts.host_of(row, "mine.csv; core")
    assert "host_magnitude" not in host and "host_redshift" not in host
    assert (host["host_ra"], host["host_reliability"], len(host["host"])) == (10.5, 0.5, 300)
    old = hosts_in_file({"first": {"first-1": {**host, "host_redshift": -999.0}}})
    assert read_session(session_bytes(Session((), hosts=old))).hosts == {("first", "first-1"): host}


def test_a_session_file_says_which_hosts_it_replaces(open_page: Open) -> None:
    from radioviz.export.session import Session, session_bytes

    def load(*names: str) -> str:
        hosts = {("first", f"first-{i}"): {"host": name, "host_ra": 10.0, "host_dec": -2.0,
                                           "host_origin": "NED objdir; core"}
                 for i, name in enumerate(names)}  # fmt: skip
        payload = session_bytes(Session(hosts=hosts))
        app.file_uploader(key="tray_file").upload("mine.radioviz", payload).run()
        assert not app.exception and not app.error
        return "".join(e.value for kind in ("markdown", "caption", "info", "success")
                       for e in app.get(kind) if "loaded" in e.value)  # fmt: skip

    app = open_page("overview")
    assert "hosts of 2" in (said := load("NGC 1", "NGC 2")) and "other hosts" not in said
    assert "other hosts than were chosen here for 1 " in load("NGC 1", "NGC 3", "NGC 4")
    app.button(key="workspace_undo").click().run()
    held = app.session_state[f"{Workspace.__module__}.{Workspace.__qualname__}"].values["hosts"]
    assert [host["host"] for host in held["first"].values()] == ["NGC 1", "NGC 2"]
