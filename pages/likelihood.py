"""Likelihood: how ordinary each galaxy is; outliers, thresholds, and marks that rank the rest."""

from __future__ import annotations

import math

import streamlit as st

from radioviz.errors import LabelError
from radioviz.ui import controls, detail, gallery_tools, sidebar, state, url_state
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.likelihood import likelihood_view, marking_panel
from radioviz.ui.pages.likelihood.outlier_lines import outlier_script
from radioviz.ui.pages.likelihood.scored_sample import (
    Pair,
    ScoredSample,
    outlier_tables,
    score_sample,
)


def collect(pair: Pair) -> None:
    detail.toggle_tray(pair)
    st.rerun(["tray", "likelihood"])


@st.fragment(key="likelihood")
def likelihood(view: View) -> None:
    """All below the title; a click on a bar, a picture or a mark runs this alone."""
    with controls.show_errors():
        here = outlier_tables(view, [view.data_set])[view.data_set]
        if not here.values:
            likelihood_view.no_scores(view.data_set)
            return
        settings = likelihood_view.outlier_settings(view, here)
        view.publish(
            score=settings.score.key,
            alarms=url_state.parameter_text(100 * settings.flagged),
            linear=None if settings.log else "1",
            **{"in": ",".join(settings.data_sets)},
        )
        tables = outlier_tables(view, list(settings.data_sets))
        if not tables:
            st.info("Choose a data set to see its galaxies.", icon=":material/database:")
            return
        sample = score_sample(view, settings.score, tables, settings.flagged)
        chart, facts = st.columns([2.4, 1], gap="medium")
        with chart, controls.show_errors():
            likelihood_view.draw_histogram(
                sample, log=settings.log, focus=state.focus(), selectable=True
            )
        with facts, controls.show_errors():
            likelihood_view.draw_threshold(sample)
        lists, focus = st.columns([2.4, 1], gap="medium")
        with lists, controls.show_errors():
            pairs = draw_list(view, sample)
        with focus, st.container(key="likelihood_focus"), controls.show_errors():
            marking_panel.draw_focus(view, sample, pairs)
            st.divider()
            marking_panel.draw_marks(view)
        with st.expander("Do the scores agree?", icon=":material/compare_arrows:"):
            likelihood_view.draw_agreement(here)
        which = str(st.session_state.get("likelihood_list", "strangest"))
        draw_code(
            view,
            lambda: outlier_script(view, settings, sample, which),
            data_sets=settings.data_sets,
            models=[sample.reference.flow],
            methods=[settings.score.key, *(["marks"] if which == "marks" else [])],
        )


def draw_list(view: View, sample: ScoredSample) -> list[Pair]:
    """The chosen list, a page of pictures at a time; all of its galaxies in order."""
    which, likely, number = likelihood_view.choose_list(), dict[Pair, float](), 0
    try:
        if which == "marked":
            pairs = [(m.data_set, m.source_id) for m in reversed(marking_panel.marks())]
        elif which == "marks" and marking_panel.marks():
            likely, number = marking_panel.ranked_by_marks(view, sample)
            pairs = list(likely)
        else:
            pairs, number = likelihood_view.strangest_first(sample, in_range=which == "range")
    except LabelError as error:
        st.error(controls.escape(str(error)))
        return []
    taught = math.isfinite(next(iter(likely.values()), math.nan))
    likelihood_view.list_heading(sample, which, pairs, max(number, len(pairs)), taught=taught)
    if not pairs:
        return pairs
    return gallery_tools.paged_gallery(
        pairs, view,
        lambda some, look: likelihood_view.list_cells(sample, view, some, look, likely),
        key="likelihood_gallery", label=likelihood_view.LISTS[which], width=112,
        order="As listed",
        on_open=lambda pair: state.set_focus(*pair), on_collect=collect,
        refresh=["tray", "likelihood"],
    )  # fmt: skip


def main() -> None:
    view = sidebar.draw_sidebar()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title("Likelihood", width="content")
        likelihood_view.likelihood_figures_menu(view)
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        likelihood(view)


main()
