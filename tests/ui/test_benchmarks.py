"""The Benchmarks page: figures beside published ones, tables, and what says how to make them."""

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
from radioviz.ui.pages.benchmarks.benchmark_tables import classifier_matrix
from radioviz.ui.pages.benchmarks.benchmarks_view import KEY_FIGURES, number, section_table

Open = Callable[..., AppTest]


def entry(value: float | None, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": None, "high": None, "n": 10, "split": "first/test", **more}


def test_every_key_figure_is_named_once() -> None:
    names = [f.name for section in KEY_FIGURES.values() for f in section]
    assert len(names) == len(set(names)) == 59
    assert next(iter(KEY_FIGURES)) == "Reconstruction" and len(KEY_FIGURES) == 7


def test_figures_stand_beside_published_ones() -> None:
    figures = {
        "rec.flux_ratio": entry(0.9, low=0.8, high=0.95, split="<b>first</b>", seeds=[1, 2]),
        "rec.ssim": entry(None, why="not comparable", command="run it"),
    }
    table = section_table(figures, "Reconstruction").set_index("Name")
    assert table.loc["rec.flux_ratio"].to_dict() == {
        "Figure": "Reconstructed over true flux, median",
        "Here": "0.900",
        "95 % interval": "0.800 to 0.950",
        "Published": "",
        "Measured on": "<b>first</b> · n = 10 · 2 seeds",
        "Command": "",
    }
    assert table.loc["rec.ssim", "Here"] == "–"
    assert table.loc["rec.ssim", "Measured on"] == "not comparable"
    assert table.loc["rec.ssim", "Command"] == "run it"


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
    figure = classifier_matrix(table2())
    trace, labels = figure["data"]
    assert labels["text"].tolist() == [
        *("<b>0.860</b><br>0.76 (+0.10)", "0.800<br>0.82 (−0.02)"),
        *("<b>0.700</b>", "–"),  # the best of each row is bold
    ]
    np.testing.assert_allclose(trace["z"], [[0.10, -0.02], [0, np.nan]])
    assert [colour for _, colour in trace["colorscale"]] == [
        *("rgba(213,94,0,0.6)", "rgba(128,128,128,0.06)", "rgba(0,158,115,0.6)")
    ]
    assert "0.790 to 0.920 (95 %)<br>± 0.010 over seeds" in trace["customdata"][0][0]
    assert trace["y"][1] == "&lt;b&gt;" and trace["x"] == ["k-NN (20)", "Extra trees"]


def test_page_shows_what_was_recorded(open_page: Open) -> None:
    app = open_page("benchmarks")
    recorded = benchmarks()
    shown = app.dataframe[0].value.set_index("Name")
    assert shown.loc["rec.ssim", "Here"] == number(recorded["rec.ssim"]["value"])
    assert [tab.label for tab in app.tabs] == [
        *("Key figures", "Representations", "Generated galaxies", "Likelihood", "All figures")
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
        "radioviz.ui.pages.benchmarks.benchmark_tables, "
        "radioviz.ui.pages.inspect.explanation; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
