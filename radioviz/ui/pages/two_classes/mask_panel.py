"""Masks found without labels, side by side: faint sources against islands that are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.ui import palette
from radioviz.ui.cache.benchmark_files import figure_table
from radioviz.ui.charts.plotly_charts import LineSeries, draw, lines

_ABOUT = (
    "Synthetic fields with known sources. IoU: pixels that a bright source (above 20σ) and its "
    "mask share, over those of either; faint sources are below 10σ. Validation fields chose the "
    "threshold of each method."
)
_COLUMNS = {
    "method": "Method", "iou_bright": "IoU, bright", "faint_found": "Faint found",
    "merged": "Merged", "false_per_field": "False a field", "threshold": "Threshold",
}  # fmt: skip


def draw_masks() -> None:
    """A table of every method, and what each finds and invents as its threshold moves."""
    table, trade = figure_table("masks"), figure_table("masks_trade")
    if table is None or trade is None:
        st.info("Not measured yet. Run this command:", icon=":material/science:")
        st.code("python -m train evaluate masks", language="bash", wrap_lines=True)
        return
    st.caption(_ABOUT)
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        rows = table.sort_values("iou_bright", ascending=False)[list(_COLUMNS)]
        st.dataframe(rows.round(3).rename(columns=_COLUMNS), hide_index=True, key="masks_table")
    with right:
        best = table.sort_values("iou_bright", ascending=False)["method"]
        plain = [m for m in best if not m.startswith("hypercolumns")]
        shown = st.multiselect(
            "Curves", best.tolist(), default=[*best[:2], *plain], key="masks_curves"
        )
        figure = lines(
            [_curve(trade, m, i) for i, m in enumerate(shown)],
            x_title="islands that are no source, a field", y_title="share of faint sources found",
            floor=0.0,
        )  # fmt: skip
        draw(figure, "masks_trade", "Faint sources found against false islands", height=380)
    st.caption(
        "A lower threshold finds more faint sources and more islands that are none: up and to the "
        "right along each curve."
    )


def _curve(trade: pd.DataFrame, method: str, number: int) -> LineSeries:
    one = trade[trade["method"] == method].sort_values("false_per_field", kind="stable")
    x, y = (one[c].to_numpy(np.float64) for c in ("false_per_field", "faint_found"))
    return LineSeries(method, x, y, colour=palette.OTHERS[number % len(palette.OTHERS)])
