"""Generate: new galaxies by class, size and seed; judged, compared, exported as simulated."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls
from radioviz.ui.controls import View
from radioviz.ui.pages.generate import generate_export, generate_state, generate_view


@st.fragment(key="generate")
def generate(view: View) -> None:
    """All below the title; a click or a control runs this alone."""
    with controls.show_errors():
        asked = generate_state.choose(view)
        if asked is None:
            return
        with st.spinner(f"Generating {controls.galaxies_text(asked[1].n)} …"):
            batch = generate_state.made(*asked, note=st.error)
        left, right = st.columns([2.1, 1], gap="medium")
        with left, st.container(key="generate_pictures"), controls.show_errors():
            generate_view.balance(batch)
            generate_view.pictures(batch, view)
        with right, st.container(key="generate_one"), controls.show_errors():
            generate_view.one(batch, view)
        names = ["This batch", "Twins", "Is it a copy?", "Export"]
        tabs = st.tabs(names, key="generate_tab", on_change="rerun")
        if tabs[0].open:
            with tabs[0], controls.show_errors():
                classes, sizes = st.columns(2, gap="large")
                with classes, controls.show_errors():
                    generate_view.score(batch)
                with sizes, controls.show_errors():
                    generate_view.sizes(batch)
        for tab, draw in (
            (tabs[1], generate_view.twins),
            (tabs[2], generate_view.copy_check),
            (tabs[3], generate_export.buttons),
        ):
            if tab.open:
                with tab, controls.show_errors():
                    draw(batch, view)


def main() -> None:
    view = controls.draw_sidebar()
    st.title("Generate")
    with controls.show_errors():
        generate(view)


main()
