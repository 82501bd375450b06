"""Relations: what predicts a property, how well, for which galaxies not, and by which columns."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls, sidebar
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.pages.relations import relation_panels, relation_question
from radioviz.ui.pages.relations.relation_lines import relation_script
from radioviz.ui.pages.relations.relation_question import relation_settings


def main() -> None:
    view = sidebar.draw_sidebar()
    st.title("Relations")
    view.publish()
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        columns = relation_question.columns_to_choose(view)
        settings = relation_question.choose(view, columns, relation_settings())
        if settings.asked:
            answer = relation_question.answer(view, columns, settings)
            relation_panels.draw_figures(answer)
            relation_panels.draw_tabs(answer, view, columns)
        else:
            st.info(
                "Choose a property and what to predict it from, then press Predict. Each galaxy is "
                "predicted by a model that has not seen it.",
                icon=":material/function:",
            )
        draw_code(view, lambda: relation_script(view, settings))


main()
