"""Relations: what each column adds to each prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.relations.contributions import MOST, Contributions, contributions
from radioviz.relations.question import FOLDS
from radioviz.ui import cache, state
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import Figure
from radioviz.ui.controls import View
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.relations.relation_question import Answer
from radioviz.ui.state import page_state

SHOWN = 10
"""Columns in the chart."""


@dataclass
class ContributionState:
    """The contributions of the last answer."""

    key: str = ""
    found: Contributions | None = None


def were_computed() -> bool:
    """Whether this session has shown contributions."""
    return page_state(ContributionState).found is not None


def draw_contributions(answer: Answer, view: View) -> None:
    """The chart of contributions, galaxy by galaxy, and the mean of each column."""
    st.subheader("Galaxy by galaxy", divider="gray")
    held, asked = page_state(ContributionState), answer.prediction.question
    if held.key != answer.key or held.found is None:
        st.caption(
            "What each column adds to the prediction of each galaxy (Shapley values of the trees, "
            "Lundberg et al. 2020): with the mean prediction they add up to what is predicted."
        )
        if not st.button("Compute contributions", icon=":material/waterfall_chart:",
                         key="relation_contribute"):  # fmt: skip
            return
        slices = FOLDS * (1 + MOST // 100)
        with in_line("Contributions", slices, "relation_contributions", answer.key,
                     asked=True) as progress:  # fmt: skip
            held.found = contributions(asked, progress)
        held.key = answer.key
        st.rerun()
    found = held.found
    order = np.argsort(-found.sizes, kind="stable")
    figure = contribution_figure(found, asked.features[found.rows], order[:SHOWN])
    unit = f"log10 {asked.name}" if asked.log else asked.name
    figure["layout"]["xaxis"]["title"] = {"text": f"adds to {unit}"}
    ids = cache.data_set(view.data_set).ids_of(answer.rows[found.rows])

    def selected(event: object) -> None:
        chosen = event.get("selection") or {} if hasattr(event, "get") else {}
        at = dict.fromkeys(int(p["point_index"]) for p in chosen.get("points", ()))
        if at:
            state.set_brush([(view.data_set, str(ids[i])) for i in at], "chart")

    left, right = st.columns([1.8, 1], gap="medium")
    with left:
        plotly_charts.draw(
            figure, "relation_contributions_chart", "Contributions of columns to predictions",
            height=100 + 34 * min(SHOWN, len(order)), on_select=selected, both=True,
        )  # fmt: skip
    right.dataframe(
        pd.DataFrame({"Column": [found.names[i] for i in order], "Mean size": found.sizes[order]}),
        hide_index=True, key="relation_contributions_table",
        column_config={"Mean size": st.column_config.NumberColumn(format="%.4f")},
    )  # fmt: skip
    st.caption(
        f"{len(found.rows):,} held-out galaxies, at most {MOST} a fold. Colour: the value of the "
        "column among these galaxies, from the lowest (dark) to the highest (yellow); grey where "
        "it is unknown. Drag to select galaxies."
    )


def contribution_figure(found: Contributions, features: np.ndarray, columns: np.ndarray) -> Figure:
    """Points of each column in a row of their own, the first on top, side by side where dense."""
    figure = plotly_charts.plain_axes("", "", False, False)
    for place, i in enumerate(columns):
        values, x = features[:, i].astype(float), found.values[:, i]
        known = np.isfinite(values)
        share = np.full(len(values), np.nan)
        share[known] = pd.Series(values[known]).rank(pct=True).to_numpy()
        figure["data"].append(
            {
                "type": "scattergl", "mode": "markers", "x": x, "y": _beside(x) - place,
                "name": found.names[i], "showlegend": False, "customdata": values,
                "marker": {
                    "size": 4, "opacity": 0.75, "color": np.where(known, share, -0.2),
                    "cmin": -0.2, "cmax": 1.0,
                    "colorscale": [[0, "#999999"], [0.08, "#999999"], [0.081, "#440154"],
                                   [0.4, "#31688E"], [0.7, "#35B779"], [1, "#FDE725"]],
                },
                "hovertemplate": f"{found.names[i]} = %{{customdata:.4~g}}<br>adds %{{x:.3~g}}"
                "<extra></extra>",
            }
        )  # fmt: skip
    figure["layout"]["yaxis"] |= {
        "tickvals": [-p for p in range(len(columns))],
        "ticktext": [found.names[i] for i in columns], "showgrid": False,
        "range": [0.6 - len(columns), 1.0],
    }  # fmt: skip
    return figure


def _beside(x: np.ndarray) -> np.ndarray:
    """Offsets across the row, ``(n,)``, wider where points are many."""
    counts, edges = np.histogram(x, bins=60)
    where = np.clip(np.digitize(x, edges[1:-1]), 0, 59)
    width = 0.4 * counts[where] / max(counts.max(), 1)
    return width * np.random.default_rng(0).uniform(-1, 1, len(x))
