"""Relations: the prediction applied to another survey, and compared without groups of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.api.property_prediction import FEWEST_KNOWN, predict_property
from radioviz.errors import RelationError
from radioviz.relations.importance import Dropped, Importance, without_groups
from radioviz.relations.other_survey import UNLIKE
from radioviz.relations.prediction import COVERAGE
from radioviz.relations.question import FOLDS
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls
from radioviz.ui.charts import plotly_charts
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.relations.relation_question import (
    LATENTS,
    MEASURED,
    Answer,
    RelationSettings,
    relation_settings,
    rows_to_learn_from,
)
from radioviz.ui.state import page_state
from radioviz.ui.workspace_columns import columns_in_view
from radioviz.workspace.table_columns import TableColumns

_KINDS = {
    "sizes": ("las_measured", "las_isophotal"),
    "brightness": ("flux_mjy", "flux_sum", "peak", "noise", "snr"),
    "shape": ("position_angle", "concentration", "axis_ratio", "resolved"),
    "structure": ("n_components", "n_unrelated", "complexity"),
}
"""Measured columns by what they are about."""
_TOP = (1, 3, 10)
MOST_OTHERS = 100_000


@dataclass
class SurveyState:
    """What was computed about the last answer."""

    key: str = ""  # of the answer, and of the other survey
    table: pd.DataFrame | None = None  # the prediction for the other survey
    dropped_key: str = ""
    dropped: list[Dropped] = field(default_factory=list)


def draw_other_survey(answer: Answer, view: View, columns: TableColumns) -> None:
    """Choose another survey, apply the prediction, and say how far to trust it."""
    settings = relation_settings()
    others = [k for k in cache.available_data_sets() if k != view.data_set]
    if LATENTS in settings.predictors:
        others = [k for k in others if view.model in cache.atlas_names(k)]
    if not others:
        st.info(
            "No other data set has these columns. Encode one with this encoder, or predict from "
            "measured columns alone.",
            icon=":material/layers:",
        )
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    other = str(left.selectbox("Apply to", others, format_func=controls.data_set_title,
                               key="relation_other"))  # fmt: skip
    held, key = page_state(SurveyState), f"{answer.key} {other}"
    if right.button("Apply", icon=":material/forward:", key="relation_apply", type="primary"):
        held.table = None
        work = f"Predicting {settings.name} of {controls.data_set_title(other)}"
        with in_line(work, 1, "relation_apply", key, asked=True) as progress:
            progress(0, 1, "applying")
            held.table, held.key = _applied(view, columns, settings, other), key
    if held.table is None or held.key != key:
        st.caption(
            "The five models that learned from this data set predict the property of each galaxy "
            "of the other. The workspace keeps the question, from which the same models are fitted "
            "again."
        )
        return
    _draw_applied(held.table, answer, view, other)


def _applied(
    view: View, columns: TableColumns, settings: RelationSettings, other: str
) -> pd.DataFrame:
    here = columns.frame(rows_to_learn_from(view, columns)[0], _needed(settings, columns))
    theirs = columns_in_view(other, view.model)
    needed = [n for n in _needed(settings, columns) if n in theirs]
    lacking = [n for n in settings.more if n not in theirs]
    if lacking:
        raise RelationError(
            f"{controls.data_set_title(other)} has no column {', '.join(lacking)}; predict without"
        )
    rows = np.arange(len(theirs))
    if len(rows) > MOST_OTHERS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_OTHERS, replace=False))
    there = theirs.frame(rows, needed)
    return predict_property(
        here.assign(data_set=view.data_set), settings.name,
        latents=(view.model or "") if LATENTS in settings.predictors else "",
        measured=MEASURED in settings.predictors, columns=settings.more, log=settings.log,
        others=there.assign(data_set=other),
    )  # fmt: skip


def _needed(settings: RelationSettings, columns: TableColumns) -> list[str]:
    from radioviz import morphology

    names = [settings.name, f"{settings.name}_limit", *settings.more, "source_id", "same_as"]
    names += morphology.MEASURED if MEASURED in settings.predictors else []
    names += [f"{n}_limit" for n in names]
    return [n for n in dict.fromkeys(names) if n in columns]


def _draw_applied(table: pd.DataFrame, answer: Answer, view: View, other: str) -> None:
    shift, asked = table.attrs["shift"], answer.prediction.question
    title = controls.escape(controls.data_set_title(other))
    known = table[asked.name].notna() & ~table["upper_limit"]
    places = st.columns(4)
    places[0].metric(
        "Difference of surveys", f"{shift:.2f}", help="0.5: alike; 1: each galaxy shows its survey"
    )
    checked = int(known.sum()) >= FEWEST_KNOWN
    figures = {"R²": "r2", "Scatter": "scatter", f"{COVERAGE:.0%} intervals hold": "coverage"}
    for place, (name, text) in zip(places[1:], figures.items(), strict=True):
        value = table.attrs[text]
        unit = " dex" if text == "scatter" and asked.log else ""
        shown = f"{value:.1%}" if text == "coverage" else f"{value:.3f}{unit}"
        place.metric(name, shown if checked else "unknown")
    if shift > UNLIKE:
        st.warning(
            f"The columns of {title} differ from those learned from: a classifier separates the "
            f"surveys with an area under the curve of {shift:.2f}. Predictions there are guesses "
            "beyond what was learned, and intervals are too narrow unless they are seen to hold.",
            icon=":material/warning:",
        )
    if checked:
        st.caption(f"Checked on the {int(known.sum()):,} galaxies of {title} with a value.")
    else:
        st.caption(f"{title} has too few values of {controls.escape(asked.name)} to check it.")
    st.dataframe(table.drop(columns="fold"), hide_index=True, height=320, key="relation_applied")
    export_button(
        "CSV", f"{other}-{asked.name}-from-{view.data_set}.csv",
        whole(lambda: safe_csv(table.drop(columns="fold"))), key="relation_applied_csv",
    )  # fmt: skip


def groups_of(names: tuple[str, ...], ranked: list[Importance]) -> dict[str, list[str]]:
    """Groups of columns to leave out: latents, kinds of measurements, and the most important."""
    latents = [n for n in names if n.startswith("z") and n[1:].isdigit()]
    groups = {"all latents": latents}
    groups |= {kind: [n for n in names if n in of] for kind, of in _KINDS.items()}
    grouped = {n for of in groups.values() for n in of}
    groups |= {n: [n] for n in names if n not in grouped}
    for k in _TOP if ranked else ():
        text = f"the {k} most important" if k > 1 else ranked[0].name
        groups[text] = [one.name for one in ranked[:k]]
    return {name: of for name, of in groups.items() if 0 < len(of) < len(names)}


def draw_dropping(answer: Answer, ranked: list[Importance]) -> None:
    """What is lost without each group of columns, when everything is fitted again."""
    st.subheader("Without groups of columns", divider="gray")
    asked, held = answer.prediction.question, page_state(SurveyState)
    groups = groups_of(asked.names, ranked)
    if held.dropped_key != f"{answer.key} {list(groups)}":
        st.caption(
            "Fits everything again without each group, so that other columns can stand in for it."
            + ("" if ranked else " With importances computed, also without the most important.")
        )
        if not groups:
            st.caption("There is one group alone; compute importances first.")
            return
        if not st.button("Leave groups out", icon=":material/filter_list_off:",
                         key="relation_drop"):  # fmt: skip
            return
        title = f"Fitting without {len(groups)} groups"
        slices = (len(groups) + 1) * 2 * FOLDS
        with in_line(title, slices, "relation_dropping", answer.key, asked=True) as progress:
            held.dropped = without_groups(asked, groups, progress)
        held.dropped_key = f"{answer.key} {list(groups)}"
    _draw_dropped(held.dropped, groups)


def _draw_dropped(dropped: list[Dropped], groups: Mapping[str, list[str]]) -> None:
    figure = plotly_charts.plain_axes("loss of R² without the group", "", False, False)
    shown = dropped[::-1]
    figure["data"] = [
        {
            "type": "bar", "orientation": "h", "y": [f"{d.name} ({len(groups[d.name])})"
                                                     for d in shown],
            "x": np.array([d.loss for d in shown]), "marker": {"color": "#1F88D2"},
            "error_x": {
                "type": "data", "symmetric": False,
                "array": np.array([d.high - d.loss for d in shown]),
                "arrayminus": np.array([d.loss - d.low for d in shown]),
            },
        }
    ]  # fmt: skip
    plotly_charts.draw(figure, "relation_dropped", "Loss of R2 without groups of columns",
                       height=80 + 28 * len(shown))  # fmt: skip
    st.caption("Bars: 95 % interval over galaxies, both fits on the same ones.")
