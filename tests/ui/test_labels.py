"""Tags and notes on the pages: given, filtered by, undone, exported, imported again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import LabelError
from radioviz.export import votable_bytes
from radioviz.ui import galaxies, session_workspace, workspace_columns
from radioviz.ui.pages.table import label_panel
from radioviz.ui.session_workspace import WorkspaceState
from radioviz.ui.state import Selection
from radioviz.workspace.history import new_identifier
from radioviz.workspace.labels import Label, Labels
from tests.export.written import csv_bytes, fits_table_bytes, parquet_bytes
from tests.ui.conftest import session_of

Open = Callable[..., AppTest]
HELD = "radioviz.workspace.labels.Labels"
PAIRS = [("first", f"first-{i}") for i in (3, 5, 9)]


def given(app: AppTest) -> dict[tuple[str, str], Label]:
    labels: Labels = app.session_state[HELD]
    return dict(labels)


def rows(app: AppTest) -> list[str]:
    found: list[str] = app.dataframe[0].value["source_id"].tolist()
    return found


def set_filter(app: AppTest, text: str) -> AppTest:
    return app.text_area(key="filter_text").set_value(text).run()


def test_tags_and_notes_on_inspect(open_page: Open) -> None:
    app = open_page("inspect_galaxy", data="first", source="first-5")
    app.multiselect(key="inspect_tags").set_value(["bent", "interesting"]).run()
    app.text_area(key="inspect_note").set_value("a tail to the north").run()
    assert given(app) == {PAIRS[1]: Label(("bent", "interesting"), 5, "a tail to the north")}
    app.switch_page("pages/table.py").run()
    for text in ('tag("bent")', 'note contains "tail"', 'tags contains "bent"', "mark == 5"):
        assert rows(set_filter(app, text)) == ["first-5"], text
    app.multiselect(key="table_columns").set_value(["source_id", "tags", "note", "mark"]).run()
    line = app.dataframe[0].value.iloc[0]
    assert (line["tags"], line["note"], line["mark"]) == (
        "bent; interesting", "a tail to the north", 5,
    )  # fmt: skip
    app.switch_page("pages/latent_map.py").run()
    session_of(app).focus = PAIRS[1]
    app.run()
    assert app.multiselect(key="detail_tags").value == ["bent", "interesting"]
    app.multiselect(key="detail_tags").set_value(["bent"]).run()
    assert given(app)[PAIRS[1]] == Label(("bent",), None, "a tail to the north")
    app.button(key="workspace_undo").click().run()
    assert given(app)[PAIRS[1]].mark == 5


def test_what_cannot_be_a_tag_is_refused_in_words(open_page: Open) -> None:
    app = open_page("inspect_galaxy", data="first", source="first-5")
    app.multiselect(key="inspect_tags").set_value(["a;b"]).run()
    assert any("cannot be a tag" in e.value.replace("\\", "") for e in app.error)
    assert given(app) == {}


def test_many_galaxies_at_once(open_page: Open) -> None:
    app = open_page("table", {"brush": Selection(PAIRS)})

    def open_tab(name: str) -> AppTest:
        app.session_state["table_tabs"] = name
        return app.run()

    def press(label: str) -> None:
        open_tab("Tags").selectbox(key="label_tag").set_value("boring")
        next(b for b in app.button if b.label == label and "label_form" in str(b.proto)).click()
        app.run()

    press("Add")
    assert given(app) == dict.fromkeys(PAIRS, Label(("boring",), 0))
    open_tab("Rows")
    assert rows(set_filter(app, 'tag("boring")')) == [s for _, s in PAIRS]
    open_tab("Tags").text_input(key="label_name_0").set_value("curved").run()
    assert given(app)[PAIRS[0]] == Label(("curved",))
    assert any("did you mean" in e.value or "no tag" in e.value for e in app.error)
    app.button(key="workspace_undo").click().run()
    session_of(app).brush.replace(PAIRS[:1])
    press("Remove")
    assert list(given(app)) == PAIRS[1:]
    app.button(key="label_delete_0").click().run()
    assert given(app) == {}
    app.button(key="workspace_undo").click().run()
    assert list(given(app)) == PAIRS[1:]


def test_a_workspace_that_had_marks_alone(open_page: Open) -> None:
    one, saved = new_identifier(), session_workspace.saved()
    saved.change(one, "marks", [["first", "first-3", 4, "interesting"]], "mark first-3")
    saved.change(one, "marks", [
        ["first", "first-3", 4, "interesting"], ["first", "first-5", 2, ""],
    ], "mark first-5")  # fmt: skip
    app = open_page("likelihood", data="first", workspace=one)
    assert given(app) == {PAIRS[0]: Label(("interesting",), 4), PAIRS[1]: Label((), 2)}
    app.button(key="workspace_undo").click().run()
    assert given(app) == {PAIRS[0]: Label(("interesting",), 4)}
    session_of(app).focus = PAIRS[2]
    app.run()
    app.button(key="mark_boring").click().run()
    assert given(app)[PAIRS[2]] == Label(("boring",), 0)
    app.button(key="workspace_undo").click().run()
    app.button(key="workspace_undo").click().run()
    assert given(app) == {}


@pytest.fixture
def labelled(first: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Labels:
    """Labels of a session without pages; no subsets."""
    held = Labels()
    held.tag(PAIRS[:2], "bent")
    held.tag(PAIRS[:1], "=wide")
    held.set_note(PAIRS[1], '+5 arcsec to the north; "odd"')
    held.set_mark(PAIRS[2], 4)
    monkeypatch.setattr(workspace_columns, "labels", lambda: held)
    monkeypatch.setattr(label_panel, "labels", lambda: held)
    state = workspace_columns._Held()
    monkeypatch.setattr(workspace_columns, "page_state", lambda cls: state)
    monkeypatch.setattr(session_workspace, "workspace_state", lambda: WorkspaceState(
        values={"subsets": [{"name": "my two", "colour": "#112233",
                             "groups": [["first", ["first-3", "first-9"]]]}]}
    ))  # fmt: skip
    return held


def test_exports_carry_labels_and_subsets(labelled: Labels) -> None:
    more = [*PAIRS, ("first", "first-11")]
    groups = galaxies.prepare_groups(Selection(more), None)()
    table = pd.read_csv(__import__("io").BytesIO(csv_bytes(groups)), comment="#")
    assert table["tags"].fillna("").tolist() == ["'=wide; bent", "bent", "", ""]
    assert table["mark"].tolist()[2] == 4
    assert np.isnan(table["mark"].tolist()[3])
    assert table["my two"].tolist() == [True, False, True, False]
    labelled.replace(())
    groups = galaxies.prepare_groups(Selection(more), None)()
    assert not {"tags", "note", "mark"} & set(csv_bytes(groups).decode().split("\n")[0].split(","))


@pytest.mark.parametrize("write", [csv_bytes, parquet_bytes, votable_bytes, fits_table_bytes])
def test_an_export_gives_its_labels_back(labelled: Labels, write: Callable[..., bytes]) -> None:
    before = dict(labelled)
    content = write(galaxies.prepare_groups(Selection(PAIRS), None)())
    labelled.replace(())
    said = label_panel.import_labels(content, "labels.table", "mirabest")
    assert said == "Labels of 3 galaxies read from labels.table."
    again = dict(labelled)
    assert {p: (set(x.tags), x.mark, x.note) for p, x in again.items()} == {
        p: (set(x.tags), x.mark, x.note) for p, x in before.items()
    }


def test_a_table_by_hand(labelled: Labels, first: Catalogue) -> None:
    labelled.replace(())
    name = first.table["name"].iat[7]
    payload = f"Name,Tags\n{name},bent; head-tail\nJ000000+000000,bent\n{name},\n".encode()
    said = label_panel.import_labels(payload, "mine.csv", "first")
    assert said == (
        "Labels of 1 galaxy read from mine.csv. Of 1 more the galaxy is not here, or several have "
        "its name."
    )
    again = label_panel.import_labels(payload, "mine.csv", "first")
    assert again.startswith("Labels of 1 galaxy read from mine.csv; those of 1 were here already.")
    assert dict(labelled) == {
        ("first", first.table["source_id"].iat[7]): Label(("bent", "head-tail"))
    }


def test_a_name_of_two_galaxies_labels_neither(
    labelled: Labels, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled.replace(())
    table = first.table.copy()
    table.loc[[7, 9], "name"] = "3C 1"
    twins = dataclasses.replace(first, table=table)
    monkeypatch.setattr(label_panel.cache, "data_set", lambda key: twins)
    other = table["name"].iat[8]
    payload = f"name,tags\n3C 1,bent\n{other},bent\n".encode()
    assert "Of 1 more" in label_panel.import_labels(payload, "mine.csv", "first")
    assert [pair[1] for pair, _ in labelled] == [table["source_id"].iat[8]]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"ra,dec,tags\n1,2,bent\n", "no column source_id or name"),
        (b"source_id,las\nfirst-3,2\n", "no column tags, note or mark"),
        (b"source_id,mark\nfirst-3,7\nfirst-4,2\n", "mark in row 1 is '7"),
        (b"source_id,mark\nfirst-3,high\n", "mark in row 1 is 'high'"),
        (b'source_id,tags\nfirst-3,"a ""b"""\n', "cannot be a tag"),
        (b"source_id,note\nfirst-3," + b"x" * 2001 + b"\n", "at most 2,000"),
    ],
)
def test_tables_that_give_no_labels(labelled: Labels, payload: bytes, says: str) -> None:
    before = dict(labelled)
    with pytest.raises(LabelError, match=says):
        label_panel.import_labels(payload, "mine.csv", "first")
    assert dict(labelled) == before


def test_two_tabs_that_change_at_once(open_page: Open) -> None:
    """The later change stands, the earlier is one undo away, and the slower tab is told."""
    one = new_identifier()
    session_workspace.saved().change(one, "filter", "las > 1", "filter las > 1")
    first, second = (open_page("table", data="first", workspace=one) for _ in range(2))
    first.text_area(key="filter_text").set_value("las > 20").run()
    # The second tab has not heard of it when its reader changes the same field, and another.
    second.text_area(key="filter_text").set_value("las > 30").run()
    assert any("Another tab was faster" in t.value for t in second.toast)
    assert second.text_area(key="filter_text").value == "las > 30"
    first.run()
    assert any("Changed in another tab: filter las > 30" in t.value for t in first.toast)
    assert first.text_area(key="filter_text").value == "las > 30"
    first.button(key="workspace_undo").click().run()
    assert first.text_area(key="filter_text").value == "las > 20"
    second.run()
    assert second.text_area(key="filter_text").value == "las > 20"
    first.toggle(key="table_descending").set_value(True).run()
    second.text_area(key="filter_text").set_value("las > 40").run()
    assert second.toggle(key="table_descending").value is True, "what the other tab changed"
