"""Your data: bring a survey, watch it being imported and mapped, and take it away again."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls, sidebar
from radioviz.ui.pages.your_data import bring_view, your_data_view


def main() -> None:
    your_data_view.followed()
    view = sidebar.draw_sidebar()
    view.publish()
    st.title("Your data")
    st.markdown(
        "Images of your own survey, or positions of sources: read, checked, put through the "
        "encoders, and then on every page beside the surveys that come with RadioViz."
    )
    your_data_view.message()
    with controls.show_errors():
        your_data_view.jobs()
    bring_view.bring()
    your_data_view.surveys()


main()
