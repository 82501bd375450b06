"""A workspace that cannot be read: the page says why and works without it."""

from __future__ import annotations

import dataclasses
import io
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.export.session import Session, read_session, session_bytes
from radioviz.ui import session_workspace
from radioviz.ui.crossmatches import Crossmatch
from radioviz.ui.workspace_file import file_of_saved
from radioviz.workspace import fields
from radioviz.workspace.history import new_identifier
from tests.ui.conftest import session_of

Open = Callable[..., AppTest]
PAIRS = (("first", "first-4"), ("first", "first-2"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own, whose workspaces may be damaged."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path))
    yield tmp_path
    session_workspace._saved.cache_clear()


def workspace(home: Path) -> str:
    one = new_identifier()
    saved = session_workspace.saved()
    assert saved.path.parent == home
    saved.change(one, "tray", [["first", ["first-3"]]], "add 1 galaxy")
    return one


def opened_with(open_page: Open, one: str) -> tuple[AppTest, str]:
    app = open_page("table", data="first", workspace=one)
    return app, "".join(w.value for w in app.warning).replace("\\", "").replace("\u2060", "")


def changed(home: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(home / session_workspace.FILE) as db:
        db.execute(statement, values)


def test_of_a_newer_version(open_page: Open, home: Path) -> None:
    one = workspace(home)
    changed(home, "UPDATE workspace SET version = 99 WHERE id = ?", one)
    app, said = opened_with(open_page, one)
    assert "is of version 99; this RadioViz reads 1" in said
    app.text_area(key="filter_text").set_value("las > 80").run()
    assert not app.exception
    assert app.text_area(key="filter_text").value == "las > 80", "the session works on"
    with sqlite3.connect(home / session_workspace.FILE) as db:
        held = db.execute("SELECT field FROM change WHERE what != ''").fetchall()
    assert held == [("tray",)], "what a newer program wrote is left as it is"
    app.button(key="workspace_new").click().run()
    assert not app.warning
    app.text_area(key="filter_text").set_value("las > 90").run()
    assert session_workspace.saved().snapshot(app.query_params["workspace"]) is not None


def test_with_a_damaged_value(open_page: Open, home: Path) -> None:
    one = workspace(home)
    changed(home, "UPDATE change SET value = x'00' WHERE field = 'tray' AND what != ''")
    app, said = opened_with(open_page, one)
    assert "is damaged" in said and "load its last .radioviz export" in said
    assert len(session_of(app).tray) == 0


@pytest.mark.parametrize("wrong", ["text", 7, [["first", 3]], {"first": {"a": 3}}, [None]])
def test_fields_of_another_shape_cost_themselves_alone(
    open_page: Open, home: Path, wrong: object
) -> None:
    one = workspace(home)
    for name in fields._SHAPES:
        if name not in ("tray", "filter"):
            session_workspace.saved().change(one, name, wrong, "")
    app, said = opened_with(open_page, one)
    assert not app.exception
    assert "Left out, because it cannot be read" in said and "subsets" in said
    assert list(session_of(app).tray) == [("first", "first-3")]
    assert file_of_saved(one) is not None


def test_with_a_damaged_file(open_page: Open, home: Path) -> None:
    one = workspace(home)
    for file in home.glob(session_workspace.FILE + "*"):
        file.write_bytes(b"this is not a data base" * 500)
    app, said = opened_with(open_page, one)
    assert "is damaged" in said and "Move the file away" in said
    app.text_area(key="filter_text").set_value("las > 80").run()
    assert not app.exception
    assert app.text_area(key="filter_text").value == "las > 80"


@pytest.mark.usefixtures("home")
def test_the_link_of_a_deleted_workspace_offers_its_last_export(
    open_page: Open, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_WORKSPACE_DAYS", "90")
    one, kept, saved = workspace(home), workspace(home), session_workspace.saved()
    pairs = [("first", f"first-{i}") for i in (3, 5, 8)]
    saved.change(one, "labels", [["first", "first-5", ["bent"], 4, "a note"]], "tag")
    saved.change(one, "filter", "las > 80", "filter")
    group = {"name": "odd", "colour": "#112233", "groups": [["first", ["first-8"]]]}
    saved.change(one, "subsets", [group], "save")
    saved.change(one, "view", {"page": "table", "data": "first"}, "")
    match = match_of([s for _, s in pairs], lambda table: saved.attach(one, table, "crossmatches"))
    saved.change(one, "crossmatches", [dataclasses.asdict(match)], "match")
    changed(home, "UPDATE workspace SET used = used - 91 * 86400 WHERE id = ?", one)
    session_workspace.delete_idle(file_of_saved)
    app, _ = opened_with(open_page, one)
    assert "because nobody opened it" in app.info[0].value
    assert app.button(key="workspace_last_export")
    assert app.query_params["workspace"] != one
    session = read_session(saved.last_export(one) or b"")
    assert session.sources == (pairs[0],)
    assert session.tags == {"bent": (pairs[1],)}
    assert session.notes == {pairs[1]: "a note"}
    assert [(m.source_id, m.mark) for m in session.marks] == [("first-5", 4)]
    assert session.subsets == {"odd": (pairs[2],)}
    assert session.filter == "las > 80" and session.view["page"] == "table"
    assert session.matches[0]["cells"]["far_flux"] == [1.5, 2.5]
    app, _ = opened_with(open_page, kept)
    assert len(session_of(app).tray) == 1, "this one is not idle"


def match_of(ids: list[str], attach: Callable[[bytes], str]) -> Crossmatch:
    """Two of three galaxies matched with made-up fluxes."""
    table = pa.table({
        "source_id": pa.array(ids, pa.large_string()),
        "far_flux": [1.5, 2.5, None], "far_separation": [0.1, 0.2, None],
    })  # fmt: skip
    out = io.BytesIO()
    pq.write_table(table, out)
    columns = {
        "far_flux": ["flux", "float64", "mJy", "phot.flux", "Flux", "2"],
        "far_separation": ["", "float64", "arcsec", "", "Separation", "2"],
    }
    return Crossmatch(
        "far", "first", "", attach(out.getvalue()), "far.csv", 5.0, "nearest", 3, 2, 0, 2, 9, 9, 0,
        None, None, None, None, "J2000", [], "2026-01-01T00:00:00", "", columns,
    )  # fmt: skip


def test_the_view_is_saved_with_the_first_change(open_page: Open) -> None:
    """It alone is no reason to save a workspace, but the next visit begins with it."""
    app = open_page("table", data="first", encoder="vae2")
    held = app.query_params["workspace"]
    one = held if isinstance(held, str) else held[0]
    assert session_workspace.saved().snapshot(one) is None
    app.text_area(key="filter_text").set_value("las > 80").run()
    found = session_workspace.saved().snapshot(one)
    assert found is not None
    assert found.fields["view"]["encoder"] == "vae2"
    assert found.undo == "filter las > 80"


def test_a_workspace_without_a_tray_is_saved_and_loaded(open_page: Open) -> None:
    app = open_page("table", data="first")
    assert not [b for b in app.button if b.key == "tray_save"]  # there is nothing yet
    app.text_area(key="filter_text").set_value("las > 80").run()
    assert app.button(key="tray_save").label == "Save"
    held = session_bytes(Session(filter="las > 60", subsets={"two": PAIRS}))
    app.file_uploader(key="tray_file").upload("kept.radioviz", held).run()
    assert not app.exception
    said = " ".join(c.value for c in app.caption)
    assert "0 galaxies loaded, 1 subset, with its filter" in said
    assert app.text_area(key="filter_text").value == "las > 60"
    # Where a tray was emptied again, its view is all there is.
    held = session_bytes(Session(view={"page": "table", "data": "first"}))
    app.file_uploader(key="tray_file").upload("view.radioviz", held).run()
    assert not app.exception and not app.error
    assert app.button(key="view_open").label == "Open its view"
