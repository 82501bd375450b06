"""Similar: galaxies like a galaxy, a picture, or several examples; and whether there are any."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import cache, controls, sidebar, state
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.similar import query_panel, similar_examples, similar_search, similar_view
from radioviz.ui.pages.similar.similar_lines import similar_script
from radioviz.ui.pages.similar.state import to_link


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
        **{"turned": "1" if settings.rotated else None, "in": ",".join(settings.targets)},
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


main()
