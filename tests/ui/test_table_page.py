"""The Table page, headless: one filter everywhere, sorting, ticked rows, subsets, charts, undo."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.ui.state import Selection
from tests.ui.conftest import session_of

Open = Callable[..., AppTest]
FILTER = 'label == "Bent" and las > 60 and las is not missing'


def expected(first: Catalogue) -> list[str]:
    """What pandas answers to :data:`FILTER`."""
    t = first.table
    return t.loc[(t.label == "Bent") & (t.las > 60), "source_id"].tolist()


def set_filter(app: AppTest, text: str) -> AppTest:
    return app.text_area(key="filter_text").set_value(text).run()


def words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "error", "code")
    return "\n".join(str(e.value) for kind in kinds for e in app.get(kind))


def rows(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def test_the_filter_lists_what_pandas_finds(open_page: Open, first: Catalogue) -> None:
    app = set_filter(open_page("table"), FILTER)
    wanted = expected(first)
    assert 20 < len(wanted) < 300
    assert rows(app)["source_id"].tolist() == wanted[:50]
    assert f"{len(wanted)} of 2,158 galaxies pass" in words(app)
    app.button(key="table_collect").click().run()
    assert [s for _, s in session_of(app).tray] == wanted
    app.button(key="workspace_undo").click().run()
    assert len(session_of(app).tray) == 0
    app.button(key="workspace_undo").click().run()
    assert app.text_area(key="filter_text").value == ""
    assert "2,158 galaxies" in words(app)
    app.button(key="workspace_redo").click().run()
    assert app.text_area(key="filter_text").value == FILTER


def test_other_pages_obey_the_filter(open_page: Open, first: Catalogue) -> None:
    wanted = set(expected(first))
    app = set_filter(open_page("table"), FILTER)
    app.switch_page("pages/likelihood.py").run()
    assert not app.exception
    galleries = [e for e in app.get("bidi_component") if "likelihood_gallery" in str(e.proto.id)]
    listed = {cell["id"][1] for cell in json.loads(galleries[0].proto.json)["cells"]}
    assert listed
    assert listed <= wanted
    app.switch_page("pages/latent_map.py").run()
    maps = [e for e in app.get("bidi_component") if "map_gl" in str(e.proto.id)]
    shown = json.loads(maps[0].proto.json)
    assert (shown["n"], shown["shown"]["count"]) == (2158, len(wanted))
    app.query_params["source"] = "first/" + sorted(wanted)[0]
    app.switch_page("pages/similar.py").run()
    assert not app.exception
    found = [e for e in app.get("bidi_component") if "similar_gallery" in str(e.proto.id)]
    similar = {cell["id"][1] for cell in json.loads(found[0].proto.json)["cells"]}
    assert similar
    assert similar <= wanted


def test_a_filter_that_fails_says_where(open_page: Open) -> None:
    app = set_filter(open_page("table"), "las > 80 and lable == 3")
    text = words(app)
    assert "did you mean label" in text
    assert "las > 80 and lable == 3\n             ^" in text
    assert "2,158 galaxies" in text  # not applied
    app = set_filter(app, "las > 80; drop table x")
    assert "does not belong in a filter" in words(app)


def test_sorting_sorts_all_rows(open_page: Open, first: Catalogue) -> None:
    app = open_page("table")
    app.selectbox(key="table_sort").set_value("las").run()
    app.toggle(key="table_descending").set_value(True).run()
    wanted = np.sort(first.table["las"].dropna().to_numpy())[::-1][:50]
    np.testing.assert_allclose(rows(app)["las"].to_numpy(float), wanted)
    app.multiselect(key="table_columns").set_value(["dec", "label"]).run()
    assert list(rows(app).columns)[1:] == ["dec", "label"]
    app.button(key="workspace_undo").click().run()
    assert "source_id" in rows(app).columns


def test_subsets_are_saved_combined_and_filtered(open_page: Open, first: Catalogue) -> None:
    ids = first.table["source_id"].tolist()
    pairs = [("first", s) for s in ids[:30]]
    app = open_page("table", {"brush": Selection(pairs), "table_tabs": "Subsets"})

    def listed(text: str) -> list[str]:
        app.session_state["table_tabs"] = "Rows"
        return rows(set_filter(app, text))["source_id"].tolist()  # type: ignore[no-any-return]

    def save(name: str, source: str) -> None:
        app.text_input(key="subset_name").input(name)
        app.selectbox(key="subset_source").set_value(source)
        next(b for b in app.button if b.label == "Save" and "subset_form" in str(b.proto)).click()
        app.run()

    save("first ones", "Selection")
    set_filter(app, "las > 60")
    save("large", "Rows of the table")
    app.selectbox(key="subset_how").set_value("and not")
    next(b for b in app.button if b.label == "Combine").click().run()
    las = first.table["las"].to_numpy()[:30]
    wanted = [s for s, size in zip(ids[:30], las, strict=True) if not size > 60]
    assert listed("`first ones` and not large") == wanted
    assert listed("`first ones and not large`") == wanted


@pytest.mark.parametrize("chart", [
    {"kind": "histogram", "x": "las", "log_x": True, "log_y": True},
    {"kind": "scatter", "x": "ra", "y": "las", "log_y": True},
    {"kind": "box", "x": "las", "y": "label"},
    {"kind": "sky"},
])  # fmt: skip
def test_charts_show_what_passes(open_page: Open, first: Catalogue, chart: dict) -> None:  # type: ignore[type-arg]
    from radioviz.ui.cache import filter_columns
    from radioviz.ui.pages.table import column_charts
    from radioviz.ui.pages.table.column_charts import Chart

    app = set_filter(open_page("table"), FILTER)
    assert not app.exception
    columns = filter_columns("first", None)
    t = first.table
    passing = ((t.label == "Bent") & (t.las > 60)).to_numpy()
    numbers = column_charts.chart_numbers(columns, Chart(**chart), passing)
    if chart["kind"] == "histogram":
        assert int(np.sum(numbers["galaxies"])) == passing.sum()
        return
    assert list(numbers["source_id"]) == t.source_id[passing].tolist()


def test_a_saved_file_restores_filter_and_subsets(open_page: Open) -> None:
    from radioviz.export.session import Session, session_bytes
    from radioviz.ui.session_workspace import WorkspaceState

    pair = ("first", "first-4")
    payload = session_bytes(Session((pair,), (), {}, "las > 60", {"mine": (pair,)}))
    app = open_page("table")
    app.file_uploader(key="tray_file").upload("mine.radioviz", payload).run()
    assert app.text_area(key="filter_text").value == "las > 60"
    held = app.session_state[f"{WorkspaceState.__module__}.{WorkspaceState.__qualname__}"]
    assert held.values["subsets"][0]["groups"] == [["first", ["first-4"]]]
    assert "with its filter" in words(app)


def test_subsets_have_colours_in_every_view(open_page: Open, first: Catalogue) -> None:
    from radioviz.ui.session_workspace import WorkspaceState

    ids = first.table["source_id"].tolist()
    groups = {"big": [["first", ids[:30]]], "odd": [["first", ids[20:40]]]}
    held = WorkspaceState(values={
        "subsets": [
            {"name": name, "colour": colour, "groups": groups[name]}
            for name, colour in (("big", "#112233"), ("odd", "#AA5500"))
        ],
        "charts": [{"kind": "histogram", "x": "las"}, {"kind": "scatter", "x": "ra", "y": "las"},
                   {"kind": "box", "x": "las", "y": "label"}],
    })  # fmt: skip
    state = f"{WorkspaceState.__module__}.{WorkspaceState.__qualname__}"
    app = open_page("table", {state: held, "table_tabs": "Charts"})
    histogram, scatter, box = (json.loads(c.proto.spec) for c in app.get("plotly_chart"))
    lines = {t["name"]: t for t in histogram["data"]}
    assert lines["odd"]["line"]["color"] == "#AA5500"
    assert np.nansum(_decoded(lines["odd"]["y"])) == np.isfinite(first.table["las"][20:40]).sum()
    colours = scatter["data"][0]["marker"]["color"]
    assert colours[:45] == ["#112233"] * 20 + ["#AA5500"] * 20 + ["#1F88D2"] * 5
    assert {t["name"].split(" (")[0]: t["marker"]["color"] for t in box["data"]}["big"] == "#112233"
    app.session_state["table_tabs"] = "Rows"
    app.run().multiselect(key="table_columns").set_value(["source_id", "subset", "odd"]).run()
    listed = rows(app)
    assert [list(v) for v in listed["subset"]] == [["big"]] * 20 + [["odd"]] * 20 + [[]] * 10
    assert listed["odd"].tolist() == [False] * 20 + [True] * 20 + [False] * 10
    app.session_state["table_tabs"] = "Subsets"
    app.run().color_picker(key="subset_colour_1").set_value("#00aa00").run()
    app.switch_page("pages/latent_map.py").run()
    app.selectbox(key="colour").set_value("workspace:subset").run()
    maps = [e for e in app.get("bidi_component") if "map_gl" in str(e.proto.id)]
    drawn = json.loads(maps[0].proto.json)
    shown = drawn["colour"]
    legend = dict(zip(shown["names"], shown["colours"], strict=True))
    assert (legend["big"], legend["odd"]) == ("#112233", "#00aa00")


def _decoded(values: object) -> np.ndarray:
    """Numbers of a Plotly figure, which may be packed."""
    import base64

    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return np.array(values, dtype=float)


@pytest.fixture
def mirabest_installed(batch_folders: Path) -> Iterator[None]:
    """MiraBest as if it were fetched, for one test."""
    from radioviz.data.datasets.mirabest import mirabest_folder
    from radioviz.paths import cache_folder
    from radioviz.ui import cache

    if mirabest_folder().is_dir():  # a cache that is kept between runs may hold it
        yield
        return
    shutil.copytree(batch_folders / "F_batches", mirabest_folder())
    yield
    shutil.rmtree(mirabest_folder())
    for built in (cache_folder() / "catalogues").glob("mirabest*"):
        shutil.rmtree(built)
    cache.forget_data_set("mirabest")


@pytest.mark.usefixtures("mirabest_installed")
def test_two_surveys_are_compared(open_page: Open, first: Catalogue) -> None:
    state = {"surveys_other": "mirabest", "table_tabs": "Two surveys"}
    app = open_page("table", state, data="first")
    text = words(app)
    assert "distinct galaxies in FIRST" in text.replace("\\", "")
    chosen = next(c for c in app.segmented_control if c.key == "surveys_list")
    assert [o.split(" · ")[1] for o in chosen.options[:1]] == ["806"]
    chosen.set_value("differ").run()
    table = next(d.value for d in app.dataframe if "first_id" in d.value)
    counts = table.groupby(["first", "second"]).size()
    assert counts["Bent", "FRI"] == 53
    app.button(key="surveys_select").click().run()
    assert len(session_of(app).brush) == 2 * len(table)
    set_filter(app, 'label == "Bent"')
    assert next(d.value for d in app.dataframe if "first_id" in d.value)["first"].eq("Bent").all()
    app.selectbox(key="surveys_column").set_value("las").run()
    table = next(d.value for d in app.dataframe if "first_id" in d.value)
    apart = (table["first"] - table["second"]).abs() > 0.05 * (table["first"] + table["second"])
    assert len(table) and apart.all()
    app.button(key="surveys_subset").click().run()
    app.session_state["table_tabs"] = "Subsets"
    app.run()
    assert any("Different" in str(b.value) for b in app.markdown)


def test_ticks_do_not_move_to_the_galaxies_of_another_page(open_page: Open) -> None:
    app = open_page("table")

    def table_id() -> str:
        return str(app.dataframe[0].proto.id)

    first = table_id()
    app.session_state["table_page"] = 2
    app.run()
    assert table_id() != first
    app.session_state["table_page"] = 1
    app.run()
    assert table_id() == first
    app.selectbox(key="table_sort").set_value("las").run()
    assert table_id() != first
