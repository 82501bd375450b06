"""Similar: galaxies like a galaxy, a picture, or several examples; and whether there are any."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import cache, controls, sidebar, state
from radioviz.ui.controls import View
from radioviz.ui.pages.similar import query_state as query
from radioviz.ui.pages.similar import similar_examples, similar_query, similar_search, similar_view


def main() -> None:
    view = sidebar.draw_sidebar()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title("Similar", width="content")
        if view.model is not None:
            similar_examples.menu(view.model)
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        if controls.has_map(view):
            similar(view)


def similar(view: View) -> None:
    """Query on the left, results beside it, the galaxy that was opened on the right."""
    model = str(view.model)
    if st.session_state.pop("similar_leave", False):
        st.switch_page(controls.LATENT_MAP)
    similar_query.followed_link(view)
    focus = state.focus() if state.session().marks_origin == "gallery" else None
    settings = similar_view.choose(view)
    places = st.columns([1.1, 2.2, 1.1] if focus else [1.1, 3.3], gap="medium")
    key = settings.targets[0] if settings.targets else view.data_set
    with places[0], st.container(key="similar_query"), controls.show_errors():
        survey = controls.open_with_progress(key).info
        chain = cache.models()[model].preprocess
        wish, picture = similar_query.panel(view, survey, chain)
    view.publish(
        source=query.to_link(wish.like),
        unlike=query.to_link(wish.unlike),
        measure=None if settings.measure == similar_search.DEFAULT else settings.measure,
        turned="1" if settings.rotated else None,
        **{"in": ",".join(settings.targets)},
    )
    with places[1], st.container(key="similar_results"), controls.show_errors():
        if not settings.targets:
            st.info("Choose a data set to search in.", icon=":material/database:")
        elif picture is None and not wish.like:
            st.info(
                "Name a galaxy, give its position, or bring an image. Any galaxy on any page can "
                "be searched from: open it and press **Similar**.",
                icon=":material/search:",
            )
        else:
            outcome = similar_search.run(model, wish, picture, settings)
            single = not wish.unlike and len(wish.like) + (picture is not None) == 1
            similar_view.results(view, outcome, settings, single)
    if focus:
        with places[2], st.container(key="similar_opened"), controls.show_errors():
            similar_view.opened(view, focus)


main()
