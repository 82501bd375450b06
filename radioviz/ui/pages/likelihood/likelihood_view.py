"""The Likelihood page: histogram, threshold, lists of galaxies, agreement of scores."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.outliers.score_table import Outliers
from radioviz.outliers.thresholds import (
    SCORES,
    OutlierScore,
    bin_counts,
    flagged_fraction,
    rank_correlations,
)
from radioviz.ui import cache, controls, detail, galaxies, gallery, paper_figures, state, url_state
from radioviz.ui.cache import outliers as scores
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import CountSeries
from radioviz.ui.controls import View
from radioviz.ui.gallery_tools import Look
from radioviz.ui.pages.likelihood.scored_sample import (
    MOST,
    RANKS,
    Pair,
    ScoredSample,
    score_sample,
)
from radioviz.ui.pages.likelihood.state import LikelihoodState
from radioviz.ui.pages.similar.state import SimilarState
from radioviz.ui.palette import MISSING_COLOUR
from radioviz.ui.session_labels import mark_of, mark_text
from radioviz.ui.state import page_state

BINS = 60
TAIL = 0.002  # fraction of values at either end that may lie beyond the plotted range
FLAGGED = 0.05  # of held-out galaxies, on Inspect
LISTS = {
    "strangest": "Strangest first",
    "range": "In the chosen range",
    "marks": "Ranked by your marks",
    "marked": "Marked",
}
FIGURES = {
    "fig11": "Fig. 11 · log-likelihood, one colour per survey",
    "fig12": "Fig. 12 · the least likely of MiraBest",
    "fig13": "Fig. 13 · galaxies similar to the least likely one",
}
_SURVEYS = ("first", "mirabest", "frdeep-nvss")


def likelihood_figures_menu(view: View) -> None:
    """Views like Figs. 11 to 13 of Andrianomena & Tang 2023; the last is on the Similar page."""
    figure = paper_figures.figure_menu(
        FIGURES,
        "likelihood_figures",
        "log p of each survey, the least likely galaxies, and similar ones in FIRST",
    )
    if figure is None:
        return
    here = [k for k, entry in cache.known_data_sets().items() if k in _SURVEYS and entry.is_here]
    shown = here if figure == "fig11" or "mirabest" not in here else ["mirabest"]
    if not shown:
        st.warning("None of the surveys of this figure is available")
    elif figure == "fig13":
        with controls.show_errors():
            pair = paper_figures.least_likely(shown[0], str(view.model))
            if view.model in cache.atlas_names("first"):
                st.session_state["similar_in"] = ["first"]
                page_state(SimilarState).data_set = view.data_set  # keeps that choice
            controls.go_similar(pair)
    else:
        st.session_state["likelihood_in"] = shown
        st.session_state["likelihood_score"] = "log_prob"
        st.session_state["likelihood_list"] = "strangest"
        choose_range(None)
        st.session_state.pop("likelihood_gallery_page", None)


# -- settings -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class OutlierSettings:
    """The widgets above the histogram."""

    score: OutlierScore
    data_sets: tuple[str, ...]
    log: bool
    flagged: float


def outlier_settings(view: View, here: Outliers) -> OutlierSettings:
    """The widgets: score, data sets, scale of counts, fraction of galaxies to flag."""
    names = list(here.values)
    first = "log_prob" if "log_prob" in names else names[0]
    options = [
        k
        for k in cache.known_data_sets()
        if k == view.data_set or cache.is_open(k) or view.model in cache.atlas_names(k)
    ]
    held = page_state(LikelihoodState)
    if held.data_set != view.data_set:
        if view.data_set not in st.session_state.get("likelihood_in", []):
            st.session_state["likelihood_in"] = [view.data_set]
        held.data_set = view.data_set
    url_state.linked_choice("likelihood_score", "score", names, first)
    url_state.linked_choices("likelihood_in", "in", options, [view.data_set])
    url_state.linked_toggle("likelihood_linear", "linear")
    url_state.linked_number("likelihood_rate", "alarms", 0.0, 20.0, 5.0)
    columns = st.columns([1.5, 2.2, 0.9, 1.8], vertical_alignment="bottom")
    score = columns[0].selectbox(
        "Score", names, format_func=lambda k: SCORES[k].title, key="likelihood_score",
        help="\n".join(f"- **{SCORES[k].title}**: {SCORES[k].about}" for k in names),
    )  # fmt: skip
    chosen = columns[1].multiselect(
        "Data sets", options, format_func=controls.data_set_title, key="likelihood_in",
        placeholder="Choose a data set",
    )  # fmt: skip
    linear = columns[2].toggle("Linear counts", key="likelihood_linear")
    flagged = columns[3].slider(
        "Fraction of ordinary galaxies flagged [%]", 0.0, 20.0, step=0.5, key="likelihood_rate",
        help="Sets the threshold: at most this fraction of the held-out galaxies of the reference "
        "survey lies beyond it.",
    )  # fmt: skip
    return OutlierSettings(SCORES[str(score)], tuple(chosen), not linear, flagged / 100)


# -- histogram ----------------------------------------------------------------------------------


def choose_range(chosen: tuple[float, float] | None) -> None:
    """List the galaxies of a range of values; None clears it."""
    page_state(LikelihoodState).range = chosen
    if chosen is not None:
        st.session_state["likelihood_list"] = "range"
        st.session_state.pop("likelihood_gallery_page", None)  # its first page


def _choose_by_slider() -> None:
    low, high = st.session_state["likelihood_between"]
    choose_range((float(low), float(high)))


def _choose_on_chart(event: Mapping[str, Any], edges: np.ndarray) -> None:
    page_state(LikelihoodState).brush = bool((event.get("selection") or {}).get("box"))
    choose_range(plotly_charts.selected_range(event, edges))


def draw_histogram(
    sample: ScoredSample, *, log: bool = True, focus: Pair | None = None, selectable: bool = False
) -> None:
    """Histogram: one colour per data set, generated images as a line, threshold and one galaxy.

    ``selectable``: whether a click, a brush or a slider chooses the range that is listed.
    """
    score, colours = sample.score, plotly_charts.data_set_colours(cache.known_data_sets())
    values = {k: t.values[score.key] for k, t in sample.tables.items() if score.key in t.values}
    made = scores.generated_scores(sample.reference.flow)
    line = made[score.key].to_numpy(float) if score.key in made else np.array([])
    edges, counts = bin_counts({**values, scores.GENERATED: line}, BINS, TAIL)
    series = [
        CountSeries(controls.data_set_title(k), counts[k], colours.get(k, MISSING_COLOUR))
        for k in values
    ]
    if len(line):
        title = f"{len(line):,} generated images"
        series.append(CountSeries(title, counts[scores.GENERATED], line="dash"))
    rules = {"threshold": sample.threshold_value}
    if focus is not None and math.isfinite(value := sample.value(focus)):
        rules["this galaxy"] = value
    chosen = page_state(LikelihoodState).range if selectable else None
    title = f"{score.title} [{score.unit}]" if score.unit else score.title
    figure = plotly_charts.histogram(
        edges, series, x_title=title, log=log, rules=rules, chosen=chosen
    )
    alt = f"Histogram of {score.title}"
    if not selectable:
        plotly_charts.draw(figure, "standing_histogram", alt)
    else:
        plotly_charts.draw(
            figure, "likelihood_histogram", alt, height=300,
            on_select=lambda event: _choose_on_chart(event, edges),
            brush=page_state(LikelihoodState).brush,
        )  # fmt: skip
        low, high = float(edges[0]), float(edges[-1])
        held = np.clip(chosen or (low, high), low, high)
        st.session_state["likelihood_between"] = (float(held[0]), float(held[1]))
        st.slider(
            f"Range of {title}", low, high, step=(high - low) / BINS, format="%.4g",
            key="likelihood_between", on_change=_choose_by_slider,
            help="Lists the galaxies of a range. You can also click a bar of the histogram, or "
            "drag over it with its tool Box select.",
        )  # fmt: skip
    beyond = {k: int(np.isfinite(v).sum() - counts[k].sum()) for k, v in values.items()}
    if sum(beyond.values()):
        text = ", ".join(f"{n} of {controls.data_set_title(k)}" for k, n in beyond.items() if n)
        st.caption(controls.escape(f"Beyond the plotted range: {text}."))


def draw_threshold(sample: ScoredSample) -> None:
    """How many galaxies lie beyond the threshold, held out and in each data set."""
    score, base = sample.score, sample.reference
    flagged = flagged_fraction(base.oriented(score.key)[base.held_out()], sample.threshold)
    side = "Below" if score.low else "Above"
    title = controls.escape(controls.data_set_title(base.data_set))
    st.markdown(
        f"**{side} {sample.threshold_value:.4g}**: {flagged.flagged:,} of {flagged.n:,} held-out "
        f"galaxies of {title} flagged ({100 * flagged.rate:.1f} %; 95 % interval "
        f"{100 * flagged.low:.1f} to {100 * flagged.high:.1f} %)"
    )
    parts = {
        controls.data_set_title(key): table.oriented(score.key)
        for key, table in sample.tables.items()
    }
    made = scores.generated_scores(base.flow)
    if score.key in made:
        parts["Generated"] = score.oriented(made[score.key].to_numpy(float))
    known = {name: values[~np.isnan(values)] for name, values in parts.items()}
    lines = [
        (name, int((values >= sample.threshold).sum()), (values >= sample.threshold).mean())
        for name, values in known.items()
        if len(values)
    ]
    st.dataframe(
        pd.DataFrame(lines, columns=["Flagged", "Galaxies", "Fraction"]), hide_index=True,
        key="likelihood_beyond",
        column_config={
            "Flagged": st.column_config.TextColumn(width=110),
            "Galaxies": st.column_config.NumberColumn(width=65),
            "Fraction": st.column_config.NumberColumn(format="percent", width=65),
        },
    )  # fmt: skip


# -- lists --------------------------------------------------------------------------------------


def choose_list() -> str:
    """Which of :data:`LISTS` the reader sees."""
    if st.session_state.get("likelihood_list") not in LISTS:
        st.session_state["likelihood_list"] = "strangest"
    chosen = st.segmented_control(
        "List", list(LISTS), format_func=LISTS.__getitem__, key="likelihood_list",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    return str(chosen)


def strangest_first(sample: ScoredSample, in_range: bool) -> tuple[list[Pair], int]:
    """The :data:`MOST` strangest galaxies of the chosen range, else of those beyond the threshold.

    In order; and how many there are.
    """
    values = sample.pooled()
    inside = ~np.isnan(values)
    chosen = page_state(LikelihoodState).range
    if in_range and chosen is not None:
        low, high = sorted(-x if sample.score.low else x for x in chosen)
        inside = (values >= low) & (values <= high)
    elif in_range:
        inside = values >= sample.threshold
    rows = np.flatnonzero(inside)
    order = rows[np.argsort(-values[rows], kind="stable")[:MOST]]
    return sample.pairs(order), len(rows)


def list_heading(
    sample: ScoredSample, which: str, pairs: list[Pair], number: int, *, taught: bool
) -> None:
    """How many galaxies a list holds and what they are, with what can be done with it.

    ``number``: of all that it is about; ``taught``: whether marks ranked it.
    """
    score, chosen = sample.score, page_state(LikelihoodState).range
    if which == "range" and chosen is None:
        text = f"beyond the threshold of {sample.threshold_value:.4g}"
    elif which == "range" and chosen is not None:
        text = f"with {score.title.lower()} {chosen[0]:.4g} to {chosen[1]:.4g}"
    elif which == "marks" and taught:
        text = "not marked yet, the most likely to be interesting first"
    elif which == "marks":
        text = "ranked by the score: mark some, and the rest is ranked by your marks"
    else:
        text = "marked, the last first" if which == "marked" else f"by {score.title.lower()}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if number > len(pairs):
            text += f": the first of {number:,}"
        st.markdown(f"**{controls.galaxies_text(len(pairs))}** {controls.escape(text)}")
        if pairs and which != "strangest":
            icon = ":material/scatter_plot:"
            if st.button("On the map", icon=icon, key="likelihood_to_map"):
                state.set_brush(pairs, "likelihood")
                st.switch_page(controls.LATENT_MAP)
        if which == "range" and chosen is not None:
            st.button(
                "Clear range", icon=":material/close:", key="likelihood_clear",
                on_click=choose_range, args=(None,),
            )  # fmt: skip


def list_cells(
    sample: ScoredSample, view: View, pairs: list[Pair], look: Look, likely: Mapping[Pair, float]
) -> list[gallery.Cell]:
    """Pictures with value, percentile rank and mark first, then name, class and size.

    Where it is known how ``likely`` a galaxy is to be interesting, that comes first instead.
    """
    made = []
    cells = galaxies.galaxy_cells(pairs, view.style, size=look.pixels, common=look.common)
    for cell in cells:
        value, mark = sample.value(cell.pair), mark_of(cell.pair)
        known, chance = math.isfinite(value), likely.get(cell.pair, math.nan)
        parts = [f"{value:.4g}", sample.rank_text(value, sample.score)] if known else []
        parts = [f"{chance:.0%} likely"] if math.isfinite(chance) else parts
        parts += [] if mark is None else [mark_text(mark)]
        note = " · ".join(p for p in (cell.note, cell.name) if p)
        made.append(dataclasses.replace(cell, name=" · ".join(parts) or cell.name, note=note))
    return made


# -- scores among themselves, and one galaxy ------------------------------------------------------


def draw_agreement(here: Outliers) -> None:
    """Rank correlation of every pair of scores, and of each with angular size."""
    oriented = {SCORES[k].title: here.oriented(k) for k in here.values}
    table = rank_correlations({**oriented, "Angular size": here.size})
    st.caption(
        "Spearman's rank correlation between scores, each oriented so that higher is stranger: 1 "
        "is the same order, 0 none, -1 the reverse. See the last column: a score that correlates "
        "with angular size finds large galaxies strange and small ones ordinary, whatever their "
        "shape. Log-likelihood for its size removes that trend."
    )
    figure = plotly_charts.matrix(table, -1, 1, diverging=True)
    plotly_charts.draw(figure, "likelihood_agreement", "Rank correlation of outlier scores")


def no_scores(data_set: str) -> None:
    """How to compute scores where there are none."""
    st.info("No outlier scores yet. Compute them, then reload the page:")
    st.code(
        f"python -m train scores --what outliers --data {data_set}",
        language="bash",
        wrap_lines=True,
    )


def galaxy_standing(pair: Pair, view: View) -> None:
    """On Inspect: histogram of log p with one galaxy, and its rank under each score."""
    table = scores.outliers(pair[0], view.model)
    if not table.values:
        no_scores(pair[0])
        return
    name = "log_prob" if "log_prob" in table.values else next(iter(table.values))
    sample = score_sample(view, SCORES[name], {pair[0]: table}, FLAGGED)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        draw_histogram(sample, focus=pair)
    with right:
        st.html(detail.facts_html(sample.facts(pair)))
        st.caption(RANKS)
        if st.button("Open in Likelihood", icon=":material/query_stats:", key="place_likelihood"):
            controls.go_likelihood(pair)
