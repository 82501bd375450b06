"""Likelihood: how ordinary each galaxy is; outliers, thresholds, and marks that rank the rest."""

from __future__ import annotations

import streamlit as st

from radioviz.errors import LikelihoodError
from radioviz.ui import controls, detail, gallery, state, url_state
from radioviz.ui.controls import View
from radioviz.ui.pages.likelihood import likelihood_figures, likelihood_view, marking_panel


def look_at(pair: tuple[str, str]) -> None:
    state.set_focus(*pair)


def collect(pair: tuple[str, str]) -> None:
    detail.toggle_tray(pair)
    st.rerun(["tray", "likelihood"])


@st.fragment(key="likelihood")
def likelihood(view: View) -> None:
    """All below the title; a click on a bar, a picture or a mark runs this alone."""
    if st.session_state.pop("likelihood_leave", False):
        st.switch_page(controls.LATENT_MAP)
    with controls.show_errors():
        here = likelihood_view.available(view, [view.data_set])[view.data_set]
        if not here.values:
            likelihood_view.no_scores(view)
            return
        settings = likelihood_view.choose(view, here)
        view.publish(
            score=settings.score.key,
            alarms=url_state.number_text(100 * settings.rate),
            linear=None if settings.log else "1",
            **{"in": ",".join(settings.data_sets)},
        )
        tables = likelihood_view.available(view, list(settings.data_sets))
        if not tables:
            st.info("Choose a data set to see its galaxies.", icon=":material/database:")
            return
        shown = likelihood_view.gather(view, settings, tables)
        chart, facts = st.columns([2.4, 1], gap="medium")
        with chart, controls.show_errors():
            likelihood_view.picture(shown)
        with facts, controls.show_errors():
            likelihood_view.threshold_facts(shown)
        lists, focus = st.columns([2.4, 1], gap="medium")
        with lists, controls.show_errors():
            pairs = ranked(view, shown)
        with focus, st.container(key="likelihood_focus"), controls.show_errors():
            marking_panel.panel(view, shown, pairs)
            st.divider()
            marking_panel.summary(view)
        with st.expander("Do the scores agree?", icon=":material/compare_arrows:"):
            likelihood_view.agreement_table(here)


def ranked(view: View, shown: likelihood_view.Shown) -> list[tuple[str, str]]:
    """The list that is asked for, a page of pictures at a time; all of its galaxies in order."""
    try:
        which, pairs = likelihood_view.listed(shown, view)
    except LikelihoodError as error:
        st.error(controls.escape(str(error)))
        return []
    likelihood_view.heading(shown, which, pairs)
    if not pairs:
        return pairs
    pages = -(-len(pairs) // gallery.PAGE)
    page = min(int(st.session_state.get("likelihood_page", 1)), pages)
    if st.session_state.get("likelihood_page", 1) != page:
        st.session_state.pop("likelihood_page")
        page = 1
    gallery.gallery(
        likelihood_view.cells(shown, view, pairs[(page - 1) * gallery.PAGE : page * gallery.PAGE]),
        key="likelihood_gallery",
        label=likelihood_view.LISTS[which],
        width=112,
        in_tray=state.tray().__contains__,
        focus=state.focus(),
        on_open=look_at,
        on_collect=collect,
    )
    if pages > 1:
        st.pagination(pages, key="likelihood_page")
    return pairs


def main() -> None:
    view = controls.draw_sidebar()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title("Likelihood", width="content")
        likelihood_figures.menu(view)
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        likelihood(view)


main()
