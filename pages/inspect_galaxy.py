"""Inspect one galaxy: image, contours, measurements, neighbours, reconstruction, header."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import (
    chosen_hosts,
    controls,
    detail,
    edit_panel,
    galaxies,
    sidebar,
    url_state,
    word_panels,
)
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.galaxy_search import draw_search_outcome, galaxy_search
from radioviz.ui.galaxy_search import search as run_search
from radioviz.ui.pages.inspect import (
    encoder_panel,
    explanation,
    galaxy_panels,
    host_panel,
    plane_panels,
    reconstructions,
    sky_panel,
)
from radioviz.ui.pages.inspect.galaxy_lines import galaxy_script
from radioviz.ui.pages.inspect.state import (
    SEARCH_BOX,
    Pair,
    current_galaxy,
    finder,
    inspect_state,
    open_match,
    open_random,
    show_all_matches,
    show_best,
)
from radioviz.ui.pages.likelihood import likelihood_view

TABS = (
    *("Neighbours", "Place on the map", "Encoder's view", "FR class", "Likelihood"),
    *("Reconstruction", "Host", "Sky", "FITS header"),
)

EDIT = "Edit"  # where a model changes images


def search_outcome(view: View, pair: Pair) -> None:
    """Which match of the last search this is, and the way to the others; or why there is none."""
    draw_search_outcome(SEARCH_BOX, finder(view), show_best, pair, open_match)
    if len(galaxy_search(SEARCH_BOX).matches) > 1 and st.button(
        "All on the map", icon=":material/scatter_plot:", key="inspect_all"
    ):
        show_all_matches()
        st.switch_page(controls.LATENT_MAP)


def main() -> None:
    view = sidebar.draw_sidebar()
    with controls.show_errors():
        catalogue = controls.open_with_progress(view.data_set)
        pair = current_galaxy(view, catalogue)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            title, search, random = (st.container(width=w) for w in ("content", 340, 150))
        search.text_input(
            "Find a galaxy", key=SEARCH_BOX, on_change=run_search,
            args=(SEARCH_BOX, finder(view), show_best),
            placeholder="Name, J2000, or position in degrees or sexagesimal",
        )  # fmt: skip
        random.button(
            "One at random", icon=":material/casino:", key="inspect_random",
            on_click=open_random, args=(view,), width="stretch",
        )  # fmt: skip
        search_outcome(view, pair)
        _, row = galaxies.row_of(pair)
        inspect_state().linked_source = pair[1]
        shows_edit = bool(edit_panel.editors())
        names = (*TABS, EDIT) if shows_edit else TABS
        url_state.linked_choice("inspect_tabs", "tab", names, TABS[0])
        opened = st.session_state["inspect_tabs"]
        view.publish(source=pair[1], tab=None if opened == TABS[0] else opened)
        title.html(detail.galaxy_heading(catalogue, row, large=True))
        left, right = st.columns([1.5, 1], gap="medium")
        # Of several images of the source, what is below is about the one in view.
        shown, at = catalogue, row
        with left, controls.show_errors():
            shown, at = plane_panels.choose_plane(catalogue, row, view)
            if view.style.composite:
                plane_panels.composite_panel(catalogue, row, view)
            else:
                galaxy_panels.galaxy_image_panel(shown, at, view)
        with right, controls.show_errors():
            word_panels.galaxy_words(catalogue, row, pair)
            galaxy_panels.facts_panel(shown, at, pair, view)
        draws = (
            lambda: galaxy_panels.neighbours_panel(pair, view),
            lambda: galaxy_panels.map_place_panel(pair, view),
            lambda: encoder_panel.encoder_panel(shown, at, pair, view),
            lambda: explanation.explanation_panel(catalogue, row, view),
            lambda: likelihood_view.galaxy_standing(pair, view),
            lambda: reconstructions.reconstruction_panel(catalogue, row, view),
            lambda: host_panel.host_panel(shown, at, pair, view),
            lambda: sky_panel.sky_panel(shown, at, pair),
            lambda: galaxy_panels.header_panel(shown, at),
        )
        # Only what is looked at is drawn: another galaxy need not be explained behind a tab.
        if shows_edit:
            draws = (*draws, lambda: reconstructions.change_panel(catalogue, row, view))
        tabs = st.tabs(names, key="inspect_tabs", on_change="rerun")
        for tab, draw in zip(tabs, draws, strict=True):
            if tab.open:
                with tab, controls.show_errors():
                    draw()
        models = [*inspect_state().reconstructed]
        methods = ["hosts"] if chosen_hosts.hosts(pair[0]) else []
        methods += ["sky_viewer"] if opened == "Sky" else []
        draw_code(view, lambda: galaxy_script(view, pair), data_sets=[pair[0]], models=models,
                  methods=methods)  # fmt: skip


main()
