"""Latent map: where the encoders place the galaxies; lasso, inspect, compare, export."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls, sidebar
from radioviz.ui.pages.latent_map.latent_map_view import latent_map


def main() -> None:
    view = sidebar.draw_sidebar()
    st.title("Latent map")
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        if controls.has_map(view):
            latent_map(view)


main()
