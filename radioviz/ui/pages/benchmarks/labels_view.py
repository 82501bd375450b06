"""Parts of the Benchmarks page about labels: how many it takes, and how far surveys lie apart."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from radioviz.ui import controls
from radioviz.ui.charts import svg_charts
from radioviz.ui.charts.line_chart import Line, lines
from radioviz.ui.pages.benchmarks import benchmarks_view as view_of


def efficiency(table: pd.DataFrame) -> None:
    """Accuracy on the MBC test galaxies by number of labels, a line an encoder."""
    names = view_of.titles()
    _curves(
        {str(names.get(str(k), k)): part for k, part in table.groupby("encoder", sort=False)},
        "label_efficiency",
    )
    st.caption(
        "Logistic regression on frozen codes; means over ten draws of the labelled galaxies, the "
        "bands are 95 % of the draws."
    )


def semi_supervised(table: pd.DataFrame) -> None:
    """The same with the whole network taught, with and without galaxies that have no label."""
    _curves({str(k): part for k, part in table.groupby("method", sort=False)}, "semi_supervised")
    seeds = int(table["seeds"].max())
    st.caption(
        f"Networks that start from SimCLR and take the same number of steps; means and range over "
        f"{seeds} seed{'s' if seeds > 1 else ''}."
    )


def _curves(parts: dict[str, pd.DataFrame], key: str) -> None:
    series = []
    for name, part in parts.items():
        ordered = part.sort_values("labels")
        columns = ("labels", "value", "low", "high")
        x, y, low, high = (ordered[column].to_numpy(float) for column in columns)
        series.append(Line(name, x, y, low, high))
    place, _ = st.columns([3, 2])
    with place:
        svg_charts.draw(
            lines(series, x_title="labelled galaxies", y_title="accuracy on MBC", log_x=True),
            key=key,
        )


def shift(table: pd.DataFrame) -> None:
    """Frechet distances between data sets over their floor, a matrix for each encoder."""
    part = view_of.of_one_model(table, "encoder", "Features of", "shift_encoder")
    both = pd.concat([part, part.rename(columns={"a": "b", "b": "a"})])
    keys = list(dict.fromkeys([*part["a"], *part["b"]]))
    wide = both.pivot_table(index="a", columns="b", values="distance").reindex(keys)[keys]
    wide = wide.rename(index=controls.data_set_title, columns=controls.data_set_title)
    st.html(view_of.shaded(wide, low=0.0, high=float(part["distance"].max())))
    st.caption(
        "Fréchet distance in 16 whitened components, equal numbers drawn from both. Halves of one "
        f"data set are {part['floor'].min():.2f} to {part['floor'].max():.2f} apart."
    )
    with st.expander("With numbers of galaxies and spread"):
        view_of.frame(part)
