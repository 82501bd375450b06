"""Plotly charts: what they show, that text is escaped, and how a selection becomes a range."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.ui.charts.plotly_charts import (
    CountSeries,
    Figure,
    LineSeries,
    empty,
    histogram,
    lines,
    matrix,
    selected_range,
    size_histogram,
)

EDGES = np.array([0.0, 1.0, 2.0, 3.0])


def checked(figure: Figure) -> go.Figure:
    """The figure as Plotly validates it."""
    return go.Figure(figure)


def bars(log: bool = True, **more: object) -> Figure:
    counts = [
        CountSeries("a <b>", np.array([3, 40, 0]), "#000000"),
        CountSeries("b", np.ones(3), line="dash"),
    ]
    return histogram(EDGES, counts, x_title="x", log=log, **more)  # type: ignore[arg-type]


def test_what_is_sent_depends_on_the_bins_alone() -> None:
    edges = np.linspace(-100, 20, 61)
    sizes = []
    for n in (10, 1_000_000):
        counts = np.full(60, n, np.int64)
        figure = histogram(edges, [CountSeries("FIRST", counts, "#123456")], x_title="log p")
        sizes.append(len(plotly.io.to_json(checked(figure), validate=False)))
    assert sizes[1] < 1.5 * sizes[0]


def test_bars_lines_rules_and_the_chosen_range() -> None:
    rules = {"threshold": 0.5, "this galaxy": 2.5}
    figure = checked(bars(rules=rules, chosen=(0.0, 1.0)))
    first, second = figure.data
    assert (first.type, second.type) == ("bar", "scatter")
    assert second.line.dash == "dash"
    np.testing.assert_array_equal(first.x, [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(first.y, [3, 40, np.nan])  # no bar of no galaxy on a log scale
    assert first.name == "a &lt;b&gt;"
    assert [s.type for s in figure.layout.shapes] == ["line", "line", "rect"]
    assert [s.line.dash for s in figure.layout.shapes[:2]] == ["dash", "solid"]
    assert [n.text for n in figure.layout.annotations] == list(rules)
    assert figure.layout.annotations[0].y != figure.layout.annotations[1].y
    assert (figure.layout.shapes[2].x0, figure.layout.shapes[2].x1) == (0.0, 1.0)


def test_counts_are_log_or_linear() -> None:
    log, linear = checked(bars()).layout.yaxis, checked(bars(log=False)).layout.yaxis
    assert log.type == "log" and 10 ** log.range[0] == pytest.approx(0.5)
    assert 10 ** log.range[1] > 40
    assert linear.type != "log" and linear.rangemode == "tozero"


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({"points": [{"curve_number": 0, "point_index": 1}]}, (1.0, 2.0)),
        ({"points": [{"point_index": 2}, {"point_index": 0}]}, (0.0, 3.0)),
        ({"box": [{"x": [2.5, 0.5], "y": [0, 9]}], "points": [{"point_index": 1}]}, (0.5, 2.5)),
        ({"box": [{"x": [-7.0, 1.5]}]}, (0.0, 1.5)),
        ({"points": [{"point_index": 99}]}, None),
        ({"points": [], "box": [], "lasso": []}, None),
        (None, None),
    ],
)
def test_a_click_or_a_brush_is_a_range(selection: object, found: object) -> None:
    assert selected_range({"selection": selection} if selection else {}, EDGES) == found


def test_lines_leave_out_what_is_not_finite_and_name_their_axes() -> None:
    x, y = np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.4, 1.2, 1.0, np.inf])
    figure = checked(
        lines(
            [LineSeries("A & B", x, y, y - 0.1, y + 0.1)],
            x_title="x <1>",
            y_title="RAMIS",
            floor=1.0,
        )
    )
    band, line = figure.data
    np.testing.assert_array_equal(line.x, [1, 2])
    assert line.name == "A &amp; B" and line.mode == "lines+markers"
    assert band.fill == "toself" and len(band.x) == 4
    assert figure.layout.xaxis.title.text == "x &lt;1&gt;"
    assert figure.layout.yaxis.range[0] == 1.0 and figure.layout.yaxis.range[1] is None
    assert not figure.layout.showlegend
    nothing = lines([LineSeries("", x[:0], y[:0])], x_title="x", y_title="y")
    assert checked(nothing).layout.annotations[0].text == "No values"


def test_lines_on_a_log_axis() -> None:
    line = LineSeries("a", np.array([0.0, 2.0, 64.0]), np.ones(3))
    figure = checked(lines([line] * 2, x_title="d", y_title="y", log_x=True))
    assert [list(trace.x) for trace in figure.data] == [[2, 64], [2, 64]]
    assert figure.data[0].line.color != figure.data[1].line.color
    assert figure.layout.showlegend
    assert list(figure.layout.xaxis.ticktext) == ["2", "64"]
    many = LineSeries("a", np.arange(1.0, 101), np.ones(100))
    axis = checked(lines([many], x_title="d", y_title="y", log_x=True)).layout.xaxis
    assert 4 <= len(axis.tickvals) <= 16


def test_a_matrix_names_its_cells_and_marks_what_is_missing() -> None:
    table = pd.DataFrame({"bent <b>": [0.9, np.nan]}, index=["log_prob", "knn"])
    trace, labels = checked(matrix(table, 0.5, 1.0)).data
    assert labels.text.tolist() == ["0.900", "–"]
    assert list(labels.y) == ["log prob", "knn"] and set(labels.x) == set(trace.x)
    assert list(trace.y) == ["log prob", "knn"] and list(trace.x) == ["bent &lt;b&gt;"]
    assert (trace.zmin, trace.zmax) == (0.5, 1.0)


def test_sizes_hold_every_source_once_and_are_shares() -> None:
    sizes = np.append(np.random.default_rng(0).lognormal(3, 1, 500), [np.nan, 0, -1])
    figure = checked(size_histogram({"All": sizes, "Selection": sizes[:100]}))
    assert [trace.name for trace in figure.data] == ["All (500)", "Selection (100)"]
    assert [trace.y.sum() for trace in figure.data] == pytest.approx([1, 1])
    assert "[arcsec]" in figure.layout.xaxis.title.text
    assert "10″" in figure.layout.xaxis.ticktext
    nothing = size_histogram({"All": np.full(5, np.nan)})
    assert checked(nothing).layout.annotations[0].text == "No angular sizes"


def test_upper_limits_stand_on_top_of_the_measured_sizes() -> None:
    sizes = np.array([2.7, 2.7, 2.7, 2.75, 40.0, 80.0, 90.0, 5.0])
    limits = np.array([True, True, True, False, False, False, True, False])
    figure = checked(size_histogram({"All": sizes}, {"All": limits}))
    measured, upper = figure.data
    assert (measured.name, upper.name) == ("All (8)", "All, upper limits ← (4)")
    assert measured.y.sum() == upper.y.sum() == pytest.approx(0.5)
    assert list(upper.base) == list(measured.y) and upper.marker.pattern.shape == "/"
    assert upper.y[0] == pytest.approx(3 / 8)


def test_a_reason_is_text() -> None:
    assert "<i>" not in json.dumps(checked(empty("<i>x</i>")).to_dict()["layout"]["annotations"])


def test_a_chart_without_values_is_a_line_of_text() -> None:
    """Plotly raises for a figure without data, as a survey without positions gives."""

    def page() -> None:
        from radioviz.ui.charts import plotly_charts

        plotly_charts.draw({"data": [], "layout": {}}, "chart", "Dec against RA")

    app = AppTest.from_function(page, default_timeout=200).run()
    assert not app.exception
    assert [c.value for c in app.caption] == ["There are no values to draw."]
