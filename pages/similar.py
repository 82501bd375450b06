"""Similar: galaxies like a galaxy, a picture, or several examples; and whether there are any."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import cache, controls, sidebar, state
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.similar import (
    query_panel,
    similar_examples,
    similar_search,
    similar_view,
    teaching,
    word_search,
)
from radioviz.ui.pages.similar.similar_lines import similar_script
from radioviz.ui.pages.similar.state import to_link
from radioviz.ui.pages.similar.word_search import WordSearchState
from radioviz.ui.state import page_state


def main() -> None:
    view = sidebar.draw_sidebar()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title("Similar", width="content")
        if view.model is not None:
            similar_examples.similar_figures_menu(view.model)
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        if controls.has_map(view):
            similar(view)


def similar(view: View) -> None:
    """Query on the left, results in the middle, the galaxy that was opened on the right."""
    model = str(view.model)
    query_panel.open_link(view)
    word_search.open_link()
    if st.session_state.get("similar_kind") in ("words", "taught"):
        in_words(view)
        return
    focus = state.focus() if state.session().marks_origin == "gallery" else None
    settings = similar_view.search_settings(view)
    places = st.columns([1.1, 2.2, 1.1] if focus else [1.1, 3.3], gap="medium")
    picture = None
    with places[0], st.container(key="similar_query"), controls.show_errors():
        key = settings.targets[0] if settings.targets else view.data_set
        searched = controls.open_with_progress(key)
        picture = query_panel.draw_query(view, searched, cache.models()[model].preprocess)
    query = query_panel.current_query()
    view.publish(
        source=to_link(query.like),
        unlike=to_link(query.unlike),
        measure=None if settings.measure == similar_search.DEFAULT else settings.measure,
        turned="1" if settings.rotated else None,
        alone="1" if settings.alone else None,
        **{"in": ",".join(settings.targets)},
    )
    with places[1], st.container(key="similar_results"), controls.show_errors():
        if not settings.targets:
            st.info("Choose a data set to search in.", icon=":material/database:")
        elif picture is None and not query.like:
            st.info(
                "Name a galaxy, give its position, or upload an image. You can also search from "
                "any galaxy on any page: open it and press **Similar**.",
                icon=":material/search:",
            )
        else:
            result = similar_search.search_galaxies(model, query, picture, settings)
            single = not query.unlike and len(query.like) + (picture is not None) == 1
            similar_view.draw_results(view, result, settings, single)
    if settings.targets and (picture is not None or query.like):
        draw_code(
            view,
            lambda: similar_script(model, query, picture, settings),
            data_sets=settings.targets,
            methods=[settings.measure],
        )
    if focus:
        with places[2], st.container(key="similar_opened"), controls.show_errors():
            similar_view.draw_opened(view, focus)


def in_words(view: View) -> None:
    """A sentence, or tags of the reader's own, instead of examples."""
    query_panel.choose_kind()
    focus = state.focus() if state.session().marks_origin == "gallery" else None
    places = st.columns([1.2, 2.1, 1.1] if focus else [1.2, 3.2], gap="medium")
    taught = st.session_state["similar_kind"] == "taught"
    with places[0], st.container(key="similar_query"), controls.show_errors():
        (teaching.draw_teaching if taught else word_search.draw_sentence)(view)
    asked, encoder = page_state(WordSearchState), word_search.chosen_encoder()
    view.publish(
        words=None if taught else asked.sentence or None,
        text=None if taught else encoder or None,
    )
    with places[1], st.container(key="similar_results"), controls.show_errors():
        (teaching.draw_taught if taught else word_search.draw_found)(view)
    if not taught and (asked.question.understood or (asked.sentence and encoder)):
        draw_code(view, lambda: word_search.word_script(view))
    if focus:
        with places[2], st.container(key="similar_opened"), controls.show_errors():
            similar_view.draw_opened(view, focus)


main()
