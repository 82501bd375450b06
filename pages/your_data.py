"""Your data: import a survey, watch its progress, and remove it again."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls, sidebar
from radioviz.ui.pages.your_data import import_draft, import_form, your_data_view


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


main()
