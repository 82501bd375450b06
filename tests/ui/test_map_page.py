"""The page Latent map, headless: its colours, and what is selected on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.ui import cache
from radioviz.ui.state import Selection
from tests.ui.conftest import session_of
from tests.ui.test_pages import Open, html, texts


def drawn_on(app: AppTest, key: str, rows: list[int], kind: str, **more: Any) -> None:
    """Put what the browser sends of the map into the session: a box around rows, or a click."""
    drawn = app.session_state[f"{key}:drawn"]
    event: dict[str, Any] = {
        "kind": kind,
        "stamp": app.session_state[f"{key}:stamp"] + 1
        if f"{key}:stamp" in app.session_state
        else 1,
        "seen": drawn.sent.coarse.digest,
        **more,
    }
    if kind == "click":
        event["index"] = int(np.flatnonzero(drawn.sent.order == rows[0])[0])
    elif kind != "cleared":
        x, y = drawn.points.x[rows], drawn.points.y[rows]
        x0, x1, y0, y1 = x.min() - 1e-4, x.max() + 1e-4, y.min() - 1e-4, y.max() + 1e-4
        corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        event["polygon"] = [float(c) for corner in corners for c in corner]
    app.session_state[f"{key}_gl"] = {"event": event}
    app.run()


def test_map_colours_by_size_first_and_by_everything_else(open_page: Open) -> None:
    app = open_page("latent_map")
    colour = app.selectbox(key="colour")
    assert colour.value == "las"
    assert "[arcsec]" in colour.options[0]
    app.selectbox(key="colour").set_value("latent component").run()
    assert not app.error and not app.exception
    app.selectbox(key="component").set_value("2").run()
    assert not app.error and not app.exception
    assert app.query_params["component"] == ["2"] or app.query_params["component"] == "2"


def test_every_colour_draws(open_page: Open) -> None:
    app = open_page("latent_map")
    from radioviz.ui.map import layers as explore
    from radioviz.ui.map.layer_colours import map_colours

    model = app.session_state["encoder"]
    view = explore.map_view(["first"], model, app.session_state["layout"])
    for choice in map_colours(view):
        app.selectbox(key="colour").set_value(choice.key).run()
        assert not app.error, choice
        assert not app.exception, choice


def test_lasso_of_the_whole_map_and_back(open_page: Open, first: Catalogue) -> None:
    app = open_page("latent_map")
    drawn_on(app, "map", list(range(len(first))), "lasso")
    assert [s.value for s in app.subheader] == [
        f"{len(first):,} of {len(first):,} galaxies selected"
    ]
    app.get("pagination")[0]
    app.session_state["gallery_page"] = 36  # the last of 2,158 in pages of 60
    app.run()
    drawn_on(app, "map", [0, 1], "box")
    brush = session_of(app).brush
    assert {("first", "first-0"), ("first", "first-1")} <= set(brush)
    assert app.session_state["gallery_page"] <= -(-len(brush) // 60)
    assert not app.error


def test_a_click_on_the_map(open_page: Open, first: Catalogue) -> None:
    app = open_page("latent_map", {"brush": Selection([("first", "first-1")])})
    drawn_on(app, "map", [77], "click")
    assert session_of(app).focus == ("first", first.table["source_id"].iat[77])
    assert list(session_of(app).brush) == [("first", "first-1")]
    assert first.table["name"].iat[77] in html(app)


def test_lasso_selects_and_fills_the_gallery(open_page: Open, first: Catalogue) -> None:
    app = open_page("latent_map", colour="label")
    points = app.session_state["map:drawn"].points
    corner = (points.x < np.quantile(points.x, 0.3)) & (points.y < np.quantile(points.y, 0.5))
    inside = np.flatnonzero(corner)
    assert len(inside) > 60
    drawn_on(app, "map", inside.tolist(), "lasso")
    brush = session_of(app).brush
    assert set(inside.tolist()) <= set(first.rows_of(brush.groups()["first"]).tolist())
    assert [s.value for s in app.subheader] == [f"{len(brush)} of {len(first):,} galaxies selected"]
    assert app.get("pagination"), "so many galaxies take two pages"
    app.button(key="brush_to_tray").click().run()
    assert len(session_of(app).tray) == len(brush)
    app.button(key="brush_clear").click().run()
    assert len(session_of(app).brush) == 0
    assert not app.subheader


def test_classes_hidden_in_the_legend_are_not_selected(open_page: Open, first: Catalogue) -> None:
    app = open_page("latent_map", colour="label")
    colour = app.session_state["map:drawn"].points.colour
    hidden = [code for code, name in enumerate(colour.names) if name != "FRI"]
    drawn_on(app, "map", list(range(len(first))), "box", hidden=hidden)
    labels = first.table["label"].to_numpy()
    selected = first.rows_of(session_of(app).brush.groups()["first"])
    assert sorted(selected.tolist()) == np.flatnonzero(labels == "FRI").tolist()


def test_a_click_with_shift_focuses_and_adds_to_the_selection(
    open_page: Open, first: Catalogue
) -> None:
    kept = [("first", "first-1"), ("first", "first-2")]
    app = open_page("latent_map", {"brush": Selection(kept)}, colour="label")
    drawn_on(app, "map", [3], "click", add=True)
    clicked = ("first", str(first.table["source_id"].iat[3]))
    assert session_of(app).focus == clicked
    assert list(session_of(app).brush) == [*kept, clicked]
    assert first.table["name"].iat[3] in html(app)
    drawn_on(app, "map", [], "cleared")
    assert len(session_of(app).brush) == 0


def test_a_selection_of_another_data_set_is_said_to_be_elsewhere(open_page: Open) -> None:
    mixed = Selection([("first", "first-1"), ("elsewhere", "x"), ("elsewhere", "y")])
    app = open_page("latent_map", {"brush": mixed})
    assert app.subheader[0].value.startswith("1 of ")
    assert "2 that are not on this map" in texts(app)


def test_two_encoders_share_the_selection(open_page: Open) -> None:
    models = cache.atlas_names("first")
    if len(models) < 2:
        pytest.skip("one Atlas of FIRST is here; a second encoder takes another")
    app = open_page("latent_map", beside=models[0], encoder=models[1])
    drawn_on(app, "map_2", [3, 5], "box")
    assert {("first", "first-3"), ("first", "first-5")} <= set(session_of(app).brush)
    assert session_of(app).marks_origin == "map_2"
    # Both maps grey the same galaxies.
    marked = [app.session_state[f"{key}:drawn"].points.selected for key in ("map", "map_2")]
    np.testing.assert_array_equal(*marked)
    assert marked[0].sum() == len(session_of(app).brush)
