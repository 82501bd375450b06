"""Key figures and all recorded figures of the Benchmarks page. Nothing here needs torch."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from radioviz.api.benchmark_figures import figure_frame
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls
from radioviz.ui.cache.benchmark_files import figure_table
from radioviz.ui.code.script import Script, call
from radioviz.ui.exports.export_panel import export_button, whole

Figures = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class KeyFigure:
    """A figure that the Benchmarks page shows first."""

    name: str  # key in ``trained/benchmarks.json``
    title: str
    published: str = ""  # what others reached, and who
    percent: bool = False  # shown in per cent


def _read(path: Path) -> dict[str, list[KeyFigure]]:
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    return {section: [KeyFigure(**entry) for entry in found] for section, found in listed.items()}


KEY_FIGURES = _read(Path(__file__).with_name("key_figures.toml"))
"""Key figures by the heading of their section, in the order of the page."""


def number(value: float | None, percent: bool = False) -> str:
    """A figure as shown: three significant digits, or per cent."""
    if value is None:
        return "–"
    if percent:
        return f"{100 * value:.1f} %"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if size >= 10 else f"{value:.3f}"


def section_table(figures: Figures, section: str) -> pd.DataFrame:
    """Key figures of one section beside published ones, as text: one row for each."""
    return pd.DataFrame([_row(f, figures.get(f.name) or {}) for f in KEY_FIGURES[section]])


def _row(figure: KeyFigure, entry: Mapping[str, Any]) -> dict[str, str]:
    interval = ""
    if entry.get("low") is not None and entry.get("high") is not None:
        low, high = (number(entry[end], figure.percent) for end in ("low", "high"))
        interval = f"{low} to {high}"
    seeds = len(entry.get("seeds", ()))
    where = [
        str(entry.get("split", "")),
        f"n = {entry['n']:,}" if entry.get("n") else "",
        f"{seeds} seeds" if seeds > 1 else "",
    ]
    return {
        "Figure": figure.title,
        "Here": number(entry.get("value"), figure.percent),
        "95 % interval": interval,
        "Published": figure.published,
        "Measured on": str(entry.get("why") or " · ".join(part for part in where if part)),
        "Name": figure.name,
        "Command": str(entry.get("command", "")),
    }


def key_figures(figures: Figures) -> None:
    """Every section with its table."""
    for section in KEY_FIGURES:
        st.subheader(section)
        frame(section_table(figures, section))


def with_table(name: str, command: str, draw: Callable[[pd.DataFrame], None]) -> None:
    """Draw a table, or say which command makes it; an error costs this part alone."""
    with controls.show_errors():
        table = figure_table(name)
        if table is None or not len(table):
            st.info("Not measured yet. Run this command:", icon=":material/science:")
            st.code(command, language="bash", wrap_lines=True)
            return
        draw(table)


def model_titles() -> dict[str, str]:
    """Titles of models by name, and of the baselines."""
    found = {name: info.title for name, info in cache.models().items()}
    return found | {
        "log-polar": "Log-polar amplitudes (baseline)",
        "pca": "Pixels, PCA (baseline)",
        "pixels": "Pixels (baseline)",
    }


def of_one_model(table: pd.DataFrame, column: str, label: str, key: str) -> pd.DataFrame:
    """Rows of the model that the reader picks among those in ``column``."""
    names = model_titles()
    models = list(dict.fromkeys(table[column]))
    model = models[0]
    if len(models) > 1:
        model = st.segmented_control(
            label, models, format_func=lambda m: names.get(m, m), default=model, required=True,
            key=key,
        )  # fmt: skip
    return table[table[column] == model]


def frame(table: pd.DataFrame) -> None:
    """A table that can be sorted and downloaded, numbers to four digits."""
    numeric = [c for c in table.columns if pd.api.types.is_float_dtype(table[c])]
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        column_config={
            **{c: st.column_config.NumberColumn(format="%.4g") for c in numeric},
            "Published": st.column_config.TextColumn(width="medium"),
        },
    )


def benchmark_script(names: Sequence[str]) -> Script:
    """The recorded figures, and the tables of the page that there are, as lines of Python."""
    script = Script()
    script.put("figures", call("radioviz.benchmarks"))
    for name in names:
        if figure_table(name) is not None:
            script.put(name.replace("-", "_"), call("radioviz.benchmark_table", name))
    return script


def everything(figures: Figures) -> None:
    """All recorded figures, how each was measured, and the file itself."""
    table = figure_frame(figures).reset_index()
    table.columns = [c if c == "n" else c.capitalize() for c in table.columns]
    table = table.rename(columns={"Why": "Note"})
    text = st.text_input(
        "Find a figure", key="benchmarks_find", placeholder="part of a name, e.g. gen. or auroc"
    )
    if text:
        table = table[table["Figure"].str.contains(text, case=False, regex=False)]
    frame(table)
    export_button(
        "Download as CSV", "radioviz-benchmarks.csv", whole(lambda: safe_csv(table)),
        key="benchmarks_csv",
    )  # fmt: skip
