"""Relations: how well a property is predicted, for which galaxies not, and by what."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.api.property_prediction import prediction_table
from radioviz.errors import RelationError
from radioviz.relations.formula import formula
from radioviz.relations.importance import importances
from radioviz.relations.prediction import COVERAGE
from radioviz.relations.question import FOLDS
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, detail, galaxies, gallery, gallery_tools, state
from radioviz.ui.charts import plotly_charts
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.in_line import in_line, place
from radioviz.ui.pages.relations.contribution_panel import draw_contributions
from radioviz.ui.pages.relations.relation_question import Answer, RelationState
from radioviz.ui.pages.relations.relation_survey import draw_dropping, draw_other_survey
from radioviz.ui.pages.table.column_charts import MOST_POINTS, numbers_of
from radioviz.ui.state import page_state
from radioviz.workspace.table_columns import TableColumns

SHOWN = 15
"""Columns in the chart of importances."""

Pair = tuple[str, str]


def draw_figures(answer: Answer) -> None:
    """The figures of merit, each with what it is of."""
    found = answer.prediction
    asked = found.question
    low, high = found.r2_interval()
    unit = "dex" if asked.log else ""
    places = st.columns(4)
    places[0].metric("R²", f"{found.r2:.3f}", help="Of held-out galaxies, all folds together")
    places[0].caption(f"95 % interval {low:.3f} to {high:.3f}")
    places[1].metric("Scatter", f"{found.scatter:.3g} {unit}".strip())
    places[1].caption("Half the width of the middle 68 % of the residuals")
    places[2].metric(f"{COVERAGE:.0%} intervals hold", f"{found.coverage:.1%}")
    places[2].caption("Share of galaxies whose value lies in its interval")
    places[3].metric("Galaxies", f"{int(asked.known.sum()):,}")
    notes = [f"{len(asked.names):,} columns, {FOLDS} folds by source"]
    if unknown := int((~np.isfinite(asked.target)).sum()):
        notes.append(f"{unknown:,} without a value")
    if asked.limit.any():
        notes.append(
            f"{int(asked.limit.sum()):,} upper limits, not learned from; the intervals reach below "
            f"{found.limits_met:.0%} of them"
        )
    if asked.unused:
        notes.append(f"not used, for they are hardly known here: {', '.join(asked.unused)}")
    if answer.sampled_from > len(answer.rows):
        notes.append(f"a sample of {answer.sampled_from:,}")
    places[3].caption("; ".join(notes))
    if asked.leaks:
        st.warning(
            controls.escape(
                f"Perhaps the answer is in the question: {'; '.join(asked.leaks)}. Leave out what "
                "was computed from the property, or gave it."
            ),
            icon=":material/water_drop:",
        )


def draw_tabs(answer: Answer, view: View, columns: TableColumns) -> None:
    """The panels, each drawn when it is looked at."""
    draws: dict[str, Callable[[], None]] = {
        "Predicted and true": lambda: _draw_against_truth(answer, view, columns),
        "Residuals": lambda: _draw_residuals(answer, view, columns),
        "Worst galaxies": lambda: _draw_worst(answer, view),
        "What matters": lambda: _draw_what_matters(answer, view),
        "Another survey": lambda: draw_other_survey(answer, view, columns),
        "Formula": lambda: _draw_formula(answer),
        "Numbers": lambda: _draw_numbers(answer, view),
    }
    tabs = st.tabs(list(draws), key="relation_tabs", on_change="rerun")
    for tab, draw in zip(tabs, draws.values(), strict=True):
        if tab.open:
            with tab, controls.show_errors():
                draw()


def _title(answer: Answer, columns: TableColumns) -> str:
    asked = answer.prediction.question
    title = columns.title(asked.name)
    return f"log10 {title}" if asked.log else title


def _points(
    answer: Answer, view: View, x: np.ndarray, y: np.ndarray, key: str, titles: tuple[str, str],
    rule: tuple[list[float], list[float]],
) -> None:  # fmt: skip
    """A scatter of galaxies, from which one can be dragged into the selection."""
    drawn = np.flatnonzero(answer.prediction.question.known & np.isfinite(x) & np.isfinite(y))
    if len(drawn) > MOST_POINTS:
        drawn = np.sort(np.random.default_rng(0).choice(drawn, MOST_POINTS, replace=False))
        st.caption(f"{MOST_POINTS:,} of the galaxies, drawn at random.")
    figure = plotly_charts.plain_axes(*titles, False, False)
    figure["data"] = [
        {
            "type": "scattergl", "mode": "markers", "x": x[drawn], "y": y[drawn],
            "marker": {"color": "#1F88D2", "size": 5, "opacity": 0.6},
            "hovertemplate": "%{x:.4~g}, %{y:.4~g}<extra></extra>",
        },
        {
            "type": "scatter", "mode": "lines", "x": rule[0], "y": rule[1], "hoverinfo": "skip",
            "line": {"color": "#888888", "width": 1, "dash": "dash"},
        },
    ]  # fmt: skip

    def selected(event: object) -> None:
        chosen = event.get("selection") or {} if hasattr(event, "get") else {}
        at = [p["point_index"] for p in chosen.get("points", ()) if p.get("curve_number") == 0]
        if at:
            rows = answer.rows[drawn[np.asarray(at, int)]]
            ids = cache.data_set(view.data_set).ids_of(rows)
            state.set_brush([(view.data_set, str(s)) for s in ids], "chart")

    plotly_charts.draw(
        figure, key, f"{titles[1]} against {titles[0]}", height=440, on_select=selected, both=True
    )
    st.caption("Drag over the chart to select galaxies; the selection appears on every page.")


def _draw_against_truth(answer: Answer, view: View, columns: TableColumns) -> None:
    found = answer.prediction
    true = found.question.target
    title = _title(answer, columns)
    known = true[found.question.known]
    ends = [float(known.min()), float(known.max())]
    _points(answer, view, true, found.predicted, "relation_truth",
            (title, f"predicted {title}"), (ends, ends))  # fmt: skip


def _draw_residuals(answer: Answer, view: View, columns: TableColumns) -> None:
    found = answer.prediction
    name = st.selectbox(
        "Against", columns.names, format_func=columns.title, key="relation_against",
        index=columns.names.index(found.question.name), width=360,
    )  # fmt: skip
    x = numbers_of(columns, str(name))[answer.rows]
    known = x[found.question.known & np.isfinite(x)]
    if not len(known):
        raise RelationError(f"{name} is unknown for all of these galaxies")
    ends = [float(known.min()), float(known.max())]
    unit = "dex" if found.question.log else columns.title(found.question.name)
    titles = (columns.title(str(name)), f"predicted minus true [{unit}]")
    _points(answer, view, x, found.residual, "relation_residual", titles, (ends, [0.0, 0.0]))


def _draw_worst(answer: Answer, view: View) -> None:
    found = answer.prediction
    width = found.high - found.low
    with np.errstate(invalid="ignore", divide="ignore"):
        far = np.abs(found.residual) / width
    order = np.argsort(-np.nan_to_num(far, nan=-1.0), kind="stable")
    order = order[np.isfinite(far[order])][: 10 * gallery.PAGE]
    ids = cache.data_set(view.data_set).ids_of(answer.rows[order])
    pairs = [(view.data_set, str(s)) for s in ids]
    true, predicted = found.question.target, found.predicted
    if found.question.log:
        true, predicted = 10**true, 10**predicted
    notes = {p: f"{predicted[i]:.3g}, is {true[i]:.3g}" for p, i in zip(pairs, order, strict=True)}
    st.caption("By the residual in units of its interval, largest first: predicted, and what is.")

    def cells(some: list[Pair], look: gallery_tools.Look) -> list[gallery.Cell]:
        drawn = galaxies.galaxy_cells(some, view.style, size=look.pixels, common=look.common)
        return [gallery.with_note(c, notes[c.pair]) for c in drawn]

    gallery_tools.paged_gallery(
        pairs, view, cells, key="relation_worst", label="Galaxies predicted worst", width=112,
        order="Largest residual", on_open=lambda pair: state.set_focus(*pair),
        on_collect=detail.toggle_tray,
    )  # fmt: skip


def _draw_what_matters(answer: Answer, view: View) -> None:
    with place():
        _draw_importances(answer)
    with place():
        draw_contributions(answer, view)
    with place():
        draw_dropping(answer, page_state(RelationState).importances)


def _draw_importances(answer: Answer) -> None:
    held, asked = page_state(RelationState), answer.prediction.question
    if not held.importances:
        if not st.button("Compute importances", icon=":material/bar_chart:",
                         key="relation_matters"):  # fmt: skip
            st.caption(
                "By permutation: what R² loses when a column is shuffled among held-out galaxies. "
                "By gain: its share of the error that the trees remove."
            )
            return
        with in_line("Importances", FOLDS * len(asked.names), "relation_importance",
                     answer.key, asked=True) as progress:  # fmt: skip
            held.importances = importances(asked, progress)
    shown = held.importances[:SHOWN]
    figure = plotly_charts.plain_axes("loss of R² when shuffled", "", False, False)
    figure["data"] = [
        {
            "type": "bar", "orientation": "h", "y": [one.name for one in shown][::-1],
            "x": np.array([one.permutation for one in shown][::-1]),
            "error_x": {
                "type": "data",
                "array": np.array([one.permutation_spread for one in shown][::-1]),
            },
            "marker": {"color": "#1F88D2"},
        }
    ]  # fmt: skip
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        plotly_charts.draw(figure, "relation_bars", "Importance of columns by permutation",
                           height=60 + 24 * len(shown))  # fmt: skip
    table = pd.DataFrame(
        {
            "Column": [one.name for one in held.importances],
            "Shuffled": [one.permutation for one in held.importances],
            "±": [one.permutation_spread for one in held.importances],
            "Gain": [one.gain for one in held.importances],
            "± ": [one.gain_spread for one in held.importances],
        }
    )
    right.dataframe(
        table, hide_index=True, key="relation_importance_table",
        column_config={
            n: st.column_config.NumberColumn(format="%.3f") for n in table.columns[1:]
        },
    )  # fmt: skip
    st.caption(
        "The spreads are over the five folds. Columns that repeat each other share their loss: "
        "shuffling one leaves the other."
    )


def _draw_formula(answer: Answer) -> None:
    held, asked = page_state(RelationState), answer.prediction.question
    known = [one.name for one in held.importances[:3]]
    left, right, go = st.columns([2.4, 1, 1], vertical_alignment="bottom")
    chosen = left.multiselect(
        "Of the columns", list(asked.names), default=known or list(asked.names[:2]),
        max_selections=3, key=f"relation_formula_{'-'.join(known)}",
        help="One to three; the most important ones are offered once importances are computed.",
    )  # fmt: skip
    degree = right.segmented_control(
        "Degree", [1, 2, 3, 4], default=3, required=True, key="relation_degree"
    )
    if go.button("Fit a formula", icon=":material/functions:", key="relation_formula_go"):
        held.formula = formula(asked, chosen, int(degree or 3))
    if held.formula is None:
        st.caption("A short polynomial of few columns, for where it does nearly as well as trees.")
        return
    st.code(str(held.formula).replace(", with ", "\n\nwith ").replace("; ", "\n     "),
            language=None, wrap_lines=True)  # fmt: skip
    st.markdown(
        f"R² {held.formula.r2:.3f} on held-out folds; the trees with all {len(asked.names):,} "
        f"columns reach {answer.prediction.r2:.3f}."
    )


def _draw_numbers(answer: Answer, view: View) -> None:
    ids = cache.data_set(view.data_set).ids_of(answer.rows)
    table = prediction_table(ids, answer.prediction)
    file = f"{view.data_set}-{answer.prediction.question.name}.csv"
    st.dataframe(table, hide_index=True, height=420, key="relation_numbers")
    export_button("CSV", file, whole(lambda: safe_csv(table)), key="relation_csv")
