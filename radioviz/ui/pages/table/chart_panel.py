"""The charts of the workspace: chosen columns, brushed both ways, with the numbers behind."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.errors import FilterError
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, filtering, session_workspace, state
from radioviz.ui.charts import plotly_charts
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.pages.table import column_charts
from radioviz.ui.pages.table.column_charts import KINDS, Chart, DrawnSubset
from radioviz.ui.subsets import subsets
from radioviz.ui.workspace_columns import workspace_columns
from radioviz.workspace import clauses
from radioviz.workspace.table_columns import Numbers, TableColumns, Text

MOST = 6
ALL = ["charts"]
"""What is drawn again when a chart changes what the others show, too."""
MOST_SUBSETS = 12  # drawn in one chart
USUAL = (
    {"kind": "histogram", "x": "las", "log_x": True},
    {"kind": "box", "x": "las", "y": "label"},
)


def charts() -> list[Chart]:
    """The charts of this workspace."""
    known = {f.name for f in dataclasses.fields(Chart)}
    held = session_workspace.value("charts", USUAL)
    return [Chart(**{k: v for k, v in one.items() if k in known}) for one in held][:MOST]


def draw_charts(view: View, columns: TableColumns) -> None:
    """Every chart, two in a row, and the menu that adds one."""
    _charts(view, columns, filtering.current_filter())


@st.fragment(key=ALL[0])
@controls.show_errors()
def _charts(view: View, columns: TableColumns, text: str) -> None:
    if filtering.current_filter() != text:  # a brush on a histogram changed it for every page
        st.rerun()
    held = charts()
    n = len(columns)
    mask = filtering.passing(view.data_set, view.model)
    passing = np.ones(n, dtype=bool) if mask is None else mask
    selected = np.zeros(n, dtype=bool)
    ids = state.brush().groups().get(view.data_set, [])
    selected[cache.data_set(view.data_set).known_rows_of(ids)] = True
    st.caption(
        "Drag over a histogram to filter by its column; drag over a scatter or the sky to select. "
        "The selection is shown in red."
    )
    for start in range(0, len(held), 2):
        for place, number in zip(st.columns(2), range(start, start + 2), strict=True):
            if number < len(held):
                with place, st.container(border=True):
                    _draw_chart(view, columns, number, text, passing, selected)
    if len(held) < MOST:
        st.button("Add a chart", icon=":material/add_chart:", key="chart_add",
                  on_click=_change, args=([*held, Chart()], "add a chart"))  # fmt: skip


def _change(held: list[Chart], what: str) -> None:
    session_workspace.put("charts", [dataclasses.asdict(c) for c in held], what)


@st.fragment
@controls.show_errors()
def _draw_chart(
    view: View,
    columns: TableColumns,
    number: int,
    text: str,
    passing: np.ndarray,
    selected: np.ndarray,
) -> None:
    """One chart; its menu draws no other again."""
    if filtering.current_filter() != text:  # a brush on this histogram
        st.rerun()
    chart = charts()[number]

    def remove() -> None:
        _change([c for i, c in enumerate(charts()) if i != number], "remove a chart")
        st.rerun(ALL)

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        menu = st.popover(KINDS.get(chart.kind, "Chart"), icon=":material/tune:",
                          key=f"chart_menu_{number}", on_change="rerun")  # fmt: skip
        if menu.open:
            with menu:
                _edit(columns, number, chart)
        export_button(
            "CSV", f"radioviz-{chart.kind}.csv",
            whole(lambda: _csv(columns, chart, passing)), key=f"chart_csv_{number}",
        )  # fmt: skip
        st.button("Remove", icon=":material/close:", key=f"chart_remove_{number}",
                  on_click=remove)  # fmt: skip
    for name in (chart.x, chart.y):
        if name and name not in columns and chart.kind != "sky":
            raise FilterError(f"this data set has no column '{name}'; choose another in the menu")
    named = _drawn_subsets(view.data_set)
    key = f"chart_{number}"
    if chart.kind == "box":
        figure = column_charts.box_figure(columns, chart, passing, named)
        plotly_charts.draw(figure, key, f"{chart.x} by {chart.y}", height=320)
        return
    if chart.kind == "histogram":
        figure, _ = column_charts.histogram_figure(columns, chart, passing, selected, named)

        def ranged(event: Mapping[str, Any]) -> None:
            for box in (event.get("selection") or {}).get("box") or ():
                low, high = sorted(float(v) for v in box["x"][:2])
                if chart.log_x:
                    low, high = 10.0**low, 10.0**high
                values = column_charts.numbers_of(columns, chart.x)
                held = filtering.current_filter()
                filtering.set_filter(clauses.with_range(held, chart.x, low, high, values))

        plotly_charts.draw(figure, key, f"Histogram of {chart.x}", height=320,
                           on_select=ranged, brush=True)  # fmt: skip
        return
    if chart.kind == "sky":
        figure, _ = column_charts.sky_figure(columns, passing, selected, named)
        axes = ("ra", "dec")
    else:
        figure, _ = column_charts.scatter_figure(columns, chart, passing, selected, named)
        axes = (chart.x, chart.y)

    def boxed(event: Mapping[str, Any]) -> None:
        x, y = (column_charts.numbers_of(columns, name) for name in axes)
        inside = np.zeros(len(columns), dtype=bool)
        for box in (event.get("selection") or {}).get("box") or ():
            left, right = sorted(float(v) for v in box["x"][:2])
            low, high = sorted(float(v) for v in box["y"][:2])
            inside |= (x >= left) & (x <= right) & (y >= low) & (y <= high)
        if (event.get("selection") or {}).get("box"):
            found = cache.data_set(view.data_set).ids_of(inside & passing)
            state.set_brush([(view.data_set, str(s)) for s in found], "chart")
            st.rerun(ALL)

    plotly_charts.draw(figure, key, f"{axes[0]} against {axes[1]}", height=320,
                       on_select=boxed, brush=True, both=True)  # fmt: skip


def _drawn_subsets(data_set: str) -> list[DrawnSubset]:
    """Subsets that hold galaxies of the data set in view."""
    own = workspace_columns(data_set).subsets
    found = [DrawnSubset(s.name, s.colour, own[s.name]) for s in subsets()]
    return [subset for subset in found if subset.mask.any()][:MOST_SUBSETS]


def _edit(columns: TableColumns, number: int, chart: Chart) -> None:
    """The menu of one chart: kind, columns, log axes."""
    keys = {f.name: f"chart_{f.name}_{number}" for f in dataclasses.fields(Chart)}
    for field, key in keys.items():
        st.session_state[key] = getattr(chart, field)

    def changed() -> None:
        chosen = Chart(**{field: st.session_state.get(key, getattr(chart, field))
                          for field, key in keys.items()})  # fmt: skip
        held = charts()
        held[number] = chosen
        _change(held, "change a chart")

    def title(name: str) -> str:
        return columns.title(name) if name else "choose a column"

    numeric = [c for c in columns.names if columns.kind(c) is Numbers]
    texts = [c for c in columns.names if columns.kind(c) is Text]
    st.selectbox("Kind", list(KINDS), format_func=KINDS.__getitem__, key=keys["kind"],
                 on_change=changed)  # fmt: skip
    if chart.kind == "sky":
        return
    for field, label, names in (
        ("x", "Column", numeric),
        ("y", "Classes" if chart.kind == "box" else "Second column",
         texts if chart.kind == "box" else numeric),
    ):  # fmt: skip
        if field == "y" and chart.kind == "histogram":
            continue
        if st.session_state[keys[field]] not in names:
            st.session_state[keys[field]] = names[0]
        st.selectbox(label, names, format_func=title, key=keys[field], on_change=changed)
    st.toggle("Logarithmic", key=keys["log_x"], on_change=changed)
    if chart.kind != "box":
        label = "Logarithmic counts" if chart.kind == "histogram" else "Logarithmic, second column"
        st.toggle(label, key=keys["log_y"], on_change=changed)


def _csv(columns: TableColumns, chart: Chart, passing: np.ndarray) -> str:
    return safe_csv(pd.DataFrame(column_charts.chart_numbers(columns, chart, passing)))
