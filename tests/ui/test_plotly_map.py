"""The Plotly map: traces and rows, marks, events; text is escaped."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from radioviz.errors import RadioVizError
from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.plotly_map import _figure, continuous_scale
from radioviz.ui.map.view import MapPoints


def cloud(n: int = 30, **more: object) -> MapPoints:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, n)).astype(np.float32)
    colour = Colour(
        "Class",
        codes=np.arange(n) % 3,
        names=["FRI", "FRII", ""],
        colours=["#111111", "#222222", "#333333"],
    )
    return MapPoints(x, y, **{"colour": colour, "hover": [f"g{i}" for i in range(n)], **more})  # type: ignore[arg-type]


def test_every_point_is_drawn_once_and_known_by_its_row() -> None:
    points = cloud()
    figure, rows = _figure(points, None, None)
    go.Figure(figure)  # validates
    assert sorted(np.concatenate(rows).tolist()) == list(range(30))
    for trace, its_rows in zip(figure["data"], rows, strict=True):
        np.testing.assert_array_equal(trace["x"], points.x[its_rows])
        assert trace["hovertext"] == [f"g{r}" for r in its_rows]


def test_points_without_a_place_are_left_out() -> None:
    points = cloud()
    points.x[3] = np.nan
    _, rows = _figure(points, None, None)
    assert 3 not in np.concatenate(rows)


def test_selection_greys_the_rest_in_every_trace() -> None:
    selected = np.zeros(30, bool)
    selected[[0, 4]] = True
    figure, rows = _figure(cloud(), selected, None)
    shown = [rows[i][trace["selectedpoints"]] for i, trace in enumerate(figure["data"])]
    assert sorted(np.concatenate(shown).tolist()) == [0, 4]
    assert all("selectedpoints" in trace for trace in figure["data"])


def test_focus_is_a_ring_that_is_no_row() -> None:
    figure, rows = _figure(cloud(), None, 7)
    assert len(rows[-1]) == 0
    assert figure["data"][-1]["x"][0] == cloud().x[7]


def test_overlay_is_drawn_as_open_symbols_with_its_name() -> None:
    points = cloud(group=np.repeat([0, 1], 15).astype(np.uint8), group_names=("FIRST", "NVSS"))
    figure, _ = _figure(points, None, None)
    symbols = {t["name"].split(":")[0]: t["marker"].get("symbol", "dot") for t in figure["data"]}
    assert symbols == {"FIRST": "dot", "NVSS": "diamond-open"}


def test_names_and_hover_text_are_escaped() -> None:
    colour = Colour("Class", codes=np.zeros(2, int), names=["<b>x</b>"], colours=["#111111"])
    points = MapPoints(np.zeros(2), np.ones(2), colour, hover=["<i>a</i>\nb", "c"])
    figure, _ = _figure(points, None, None)
    assert figure["data"][0]["name"] == "&lt;b&gt;x&lt;/b&gt;"
    assert figure["data"][0]["hovertext"][0] == "&lt;i&gt;a&lt;/i&gt;<br>b"


def test_values_on_a_log_scale_and_unknown_ones_in_grey() -> None:
    values = np.array([1.0, 10, 100, np.nan, 0, -3])
    points = MapPoints(np.arange(6.0), np.arange(6.0), Colour("Size [arcsec]", values, log=True))
    figure, rows = _figure(points, None, None)
    go.Figure(figure)
    assert [sorted(r.tolist()) for r in rows] == [[3, 4, 5], [0, 1, 2]]
    np.testing.assert_allclose(figure["data"][1]["marker"]["color"], [0, 1, 2], atol=1e-6)
    bar = figure["data"][1]["marker"]["colorbar"]
    assert bar["title"]["text"] == "Size [arcsec], log scale"
    assert "10" in bar["ticktext"]


def test_a_constant_column_has_a_scale() -> None:
    scale = continuous_scale(Colour("c", np.ones(3)), np.ones(3))
    assert scale["cmin"] < 1 < scale["cmax"]


@pytest.mark.parametrize("name", ["y", "group", "selected"])
def test_columns_of_another_length_are_refused(name: str) -> None:
    columns = {"y": np.zeros(3), name: np.zeros(2)}
    with pytest.raises(RadioVizError, match=f"{name} has 2"):
        MapPoints(np.zeros(3), colour=Colour("c", np.zeros(3)), **columns)  # type: ignore[arg-type]
