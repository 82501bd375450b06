"""The Benchmarks page: figures beside targets, tables, and what says how to make them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.errors import AtlasError
from radioviz.ui.cache.benchmark_files import benchmarks, figure_table
from radioviz.ui.charts.line_chart import Line, lines, ticks
from radioviz.ui.pages.benchmarks import table2_view
from radioviz.ui.pages.benchmarks.benchmark_targets import SECTIONS, TARGETS, Target, number
from radioviz.ui.pages.benchmarks.benchmarks_view import shaded, status_of, summary, targets

Open = Callable[..., AppTest]


def entry(value: float | None, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": None, "high": None, "n": 10, "split": "first/test", **more}


def test_every_target_is_named_once_and_in_a_section() -> None:
    names = [t.name for t in TARGETS]
    assert len(names) == len(set(names))
    assert {t.section for t in TARGETS} <= set(SECTIONS)


def test_status_is_by_the_bounds() -> None:
    between = Target("a", "rec", "A", 0.95, 1.05)
    assert [between.status(entry(v)) for v in (0.9, 0.95, 1.05, 1.1)] == [
        *("missed", "reached", "reached", "missed")
    ]
    assert between.text() == "0.95 to 1.05"
    most = Target("b", "gen", "B", None, 0.01, percent=True)
    assert most.status(entry(0.02)) == "missed" and most.text() == "≤ 1%"
    assert most.status(None) == most.status(entry(None)) == "absent"
    assert status_of(Target("c", "rec", "C"), entry(0.5)) == "shown"


def test_figures_are_written_as_text_never_as_markup() -> None:
    bad = "<script>alert(1)</script>"
    figures = {"rec.ssim": entry(0.9, low=0.8, high=0.95, split=bad, command='" onload="x')}
    text = targets(figures, "rec")
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert 'title="" onload' not in text
    assert "0.800 to 0.950" in text and "not measured" in text
    assert "1 figures recorded" in summary(figures)


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [
        (0.9156, False, "0.916"),
        (0.9156, True, "91.6 %"),
        (12.345, False, "12.35"),
        (1234.5, False, "1,234"),
        (None, False, "–"),
    ],
)
def test_numbers(value: float | None, percent: bool, text: str) -> None:
    assert number(value, percent) == text


def table2() -> pd.DataFrame:
    columns = ["data_set", "encoder", "classifier", "metric", "value", "std", "low", "high"]
    rows = [
        ("mbc", "vdvae", "knn", "accuracy", 0.86, 0.01, 0.79, 0.92),
        ("mbc", "vdvae", "ext", "accuracy", 0.80, 0.01, 0.72, 0.88),
        ("mbc", "<b>", "knn", "accuracy", 0.70, 0.01, 0.61, 0.79),
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(paper=[0.76, 0.82, np.nan], cv=0.8, cv_std=0.02)


def test_table_2_shows_differences_with_sign_and_colour() -> None:
    text = table2_view.matrix(table2(), {"vdvae": "VDVAE"})
    assert "0.76 (+0.10)" in text and "rgba(0,158,115" in text
    assert "0.82 (−0.02)" in text and "rgba(213,94,0" in text
    assert text.count("font-weight:700") == 2  # the best of each row
    assert "&lt;b&gt;" in text and "<b>" not in text


def test_lines_leave_out_what_is_not_finite_and_name_their_axes() -> None:
    x, y = np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.4, 1.2, 1.0, np.inf])
    svg = lines([Line("A & B", x, y, y - 0.1, y + 0.1)], x_title="x <1>", y_title="RAMIS")
    assert svg.count("<circle") == 2
    assert "x &lt;1&gt;" in svg and "A &amp; B" in svg and "nan" not in svg
    assert "No values" in lines([Line("", x[:0], y[:0])], x_title="x", y_title="y")
    log = lines([Line("a", np.array([0.0, 2.0, 64.0]), np.ones(3))] * 2, x_title="d",
                y_title="y", log_x=True)  # fmt: skip
    assert log.count("<circle") == 4 and ">64<" in log


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.96, 1.47) == [1.0, 1.2, 1.4]
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(-0.04, 0.05) == [-0.04, -0.02, 0.0, 0.02, 0.04]
    assert 1 <= len(ticks(3.0, 3.0)) <= 6


def test_shaded_matrix_marks_what_is_missing() -> None:
    text = shaded(pd.DataFrame({"bent": [0.9, np.nan]}, index=["log_prob", "knn"]), 0.5, 1.0)
    assert "0.900" in text and "–" in text and "log prob" in text


def test_page_shows_what_was_recorded(open_page: Open) -> None:
    app = open_page("benchmarks")
    text = " ".join(h.value for h in app.get("html"))
    recorded = benchmarks()
    assert "rec.ssim" in recorded
    assert number(recorded["rec.ssim"]["value"]) in text
    assert [tab.label for tab in app.tabs] == [
        *("Targets", "Representations", "Generated galaxies", "Likelihood", "All figures")
    ]
    app.text_input(key="benchmarks_find").set_value("rec.").run()
    assert not app.exception
    shown = app.tabs[4].dataframe[-1].value
    assert len(shown) and shown["Figure"].str.contains("rec.", regex=False).all()


def test_missing_tables_name_their_command(open_page: Open, empty_shelf: Path) -> None:
    app = open_page("benchmarks")
    commands = [c.value for c in app.code]
    for name in (
        "table2",
        "fig7",
        "gen --model cvae-sharp",
        "blur --model vae32,cvae,cvae-sharp,vdvae",
        "ramis",
        "ood",
    ):
        assert f"python -m train evaluate {name}" in commands
    assert not app.error


def test_damaged_files_cost_their_part_alone(open_page: Open, empty_shelf: Path) -> None:
    (empty_shelf / "tables").mkdir()
    (empty_shelf / "tables" / "table2.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AtlasError, match="cannot be read"):
        figure_table("table2")
    app = open_page("benchmarks")
    assert len(app.error) == 1
    (empty_shelf / "benchmarks.json").write_text("[1]")
    with pytest.raises(AtlasError, match="figures by name"):
        benchmarks()
    app.run()
    assert any("figures by name" in e.value for e in app.error)


def test_figures_are_read_again_when_the_file_changes(empty_shelf: Path) -> None:
    assert benchmarks() == {} and figure_table("table2") is None
    path = empty_shelf / "benchmarks.json"
    path.write_text(json.dumps({"a.b": entry(1.0)}))
    assert benchmarks()["a.b"]["value"] == 1.0


def test_no_torch_for_this_page() -> None:
    code = (
        "import sys, radioviz.ui.pages.benchmarks.benchmarks_view, radioviz.metrics, "
        "radioviz.ui.pages.benchmarks.table2_view, "
        "radioviz.ui.pages.inspect.explanation; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
