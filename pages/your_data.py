"""Your data: import a survey, watch its progress, and remove it again."""

from __future__ import annotations

import streamlit as st

from radioviz import importing
from radioviz.ui import controls, sidebar
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.pages.your_data import import_draft, import_form, your_data_view
from radioviz.ui.pages.your_data.state import your_data_state
from radioviz.ui.pages.your_data.survey_lines import surveys_script


def main() -> None:
    your_data_view.open_requested_map()
    view = sidebar.draw_sidebar()
    view.publish()
    import_draft.restore()
    st.title("Your data")
    st.markdown(
        "Import images of your own survey, or positions of sources. RadioViz checks and encodes "
        "them and shows them on every page, next to the surveys that come with it."
    )
    your_data_view.draw_message()
    with controls.show_errors():
        your_data_view.draw_jobs()
    import_form.draw_import_form()
    your_data_view.draw_surveys()
    surveys = list(importing.list_surveys())
    draw_code(view, lambda: surveys_script(surveys, your_data_state().described))


main()
