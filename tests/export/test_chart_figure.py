"""Charts as figures: what is drawn, how wide, in which font and colours."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import radioviz
from radioviz.api.chart_files import chart_json
from radioviz.errors import ExportError
from radioviz.export.chart_figure import ChartLook, write_chart

X = np.array([1.0, 10.0, 100.0])
CHART: dict[str, Any] = {
    "data": [
        {"type": "scattergl", "mode": "markers", "x": X, "y": X, "name": "FRI &amp; more",
         "marker": {"color": "#D55E00", "symbol": ["circle", "triangle-left-open", "circle"]},
         "error_x": {"type": "data", "array": X / 10}},
        {"type": "scatter", "mode": "lines", "x": X, "y": X[::-1], "line": {"dash": "dash"}},
        {"type": "heatmap", "x": X, "y": X, "z": np.arange(9.0).reshape(3, 3),
         "colorbar": {"title": {"text": "log<sub>10</sub> size"}}},
        {"type": "contour", "x": X, "y": X, "z": np.arange(9.0).reshape(3, 3),
         "contours": {"start": 4, "end": 4, "size": 1}, "colorscale": [[0, "#000"], [1, "#000"]]},
        {"type": "bar", "x": X, "y": X / 2, "width": np.array([0.5, 5.0, 50.0])},
    ],
    "layout": {
        "xaxis": {"type": "log", "title": {"text": "Size [kpc], $10"}}, "yaxis": {"title": {}},
        "showlegend": True, "annotations": [{"text": "a note", "x": 1, "y": 1}],
        "shapes": [{"type": "line", "x0": 1, "x1": 9, "y0": 0, "y1": 1, "yref": "paper"},
                   {"type": "path", "path": "M 1 1 L 2 2 L 3 1 Z"}],
    },
}  # fmt: skip


def drawn(kind: str = "svg", look: ChartLook | None = None, chart: Any = CHART) -> bytes:
    file = io.BytesIO()
    write_chart(file, chart, kind, look)
    return file.getvalue()


def points_wide(svg: str) -> float:
    found = re.search(r'width="([\d.]+)pt"', svg)
    assert found
    return float(found[1])


def test_words_and_widths_of_a_figure() -> None:
    svg = drawn().decode()
    for text in ("Size [kpc], $10", "FRI &amp; more", "a note"):
        assert text in svg
    assert points_wide(svg) == pytest.approx(88 / 25.4 * 72, rel=1e-3)
    page = drawn(look=ChartLook("page")).decode()
    assert points_wide(page) == pytest.approx(180 / 25.4 * 72, rel=1e-3)
    assert "DejaVu Serif" in drawn(look=ChartLook(serif=True)).decode()
    assert "DejaVu Serif" not in svg
    assert drawn() == drawn()  # the same chart is the same file


def test_a_pdf_has_its_fonts_as_text() -> None:
    pdf = drawn("pdf")
    assert pdf[:5] == b"%PDF-" and b"/Type3" not in pdf and b"FontFile2" in pdf


def test_colours_are_those_of_the_palette() -> None:
    one = {"data": [CHART["data"][0] | {"marker": {"color": "#123489"}}], "layout": {}}
    assert "#123489" in drawn(chart=one).decode()
    safe = drawn(look=ChartLook(palette="okabe-ito"), chart=one).decode()
    assert "#0072b2" in safe and "#123489" not in safe
    two = {**CHART, "data": CHART["data"][:2]}
    grey = drawn(look=ChartLook(palette="grey"), chart=two).decode()
    for colour in set(re.findall(r"#[0-9a-f]{6}", grey)):
        assert len({colour[1:3], colour[3:5], colour[5:7]}) == 1, colour


def test_the_file_of_the_page_draws_the_same(tmp_path: Path) -> None:
    source = tmp_path / "chart.json"
    source.write_text(chart_json(CHART), encoding="utf-8")
    made = radioviz.draw_chart(source, tmp_path / "chart.svg")
    assert made.read_bytes() == drawn()
    assert json.loads(source.read_text())["data"][0]["x"] == [1.0, 10.0, 100.0]


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    for chart, kind, words in (
        ({"data": [{"type": "sankey"}]}, "svg", "kind 'sankey' cannot be drawn"),
        ({"data": []}, "svg", "nothing to draw"),
        (CHART, "eps", "not 'eps'"),
    ):
        with pytest.raises(ExportError, match=words):
            drawn(kind, chart=chart)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ExportError, match=r"x\.json cannot be read as a chart"):
        radioviz.draw_chart(tmp_path / "x.json", tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()
    with pytest.raises(ExportError, match="the width of a figure is 'wide'"):
        ChartLook("wide")
