"""Two classes: galaxies on either side of two peaks, found without labels."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import cache, controls, sidebar, url_state
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.two_classes import mask_panel, method_panel, side_panels
from radioviz.ui.pages.two_classes.side_sample import models_with_sides, side_sample, side_script

TABS = ("Galaxies", "ROC", "Methods", "Masks")


@st.fragment(key="two_classes")
def two_classes(view: View) -> None:
    """All below the title; a threshold or a picture runs this alone."""
    with controls.show_errors():
        names = models_with_sides(view.data_set)
        if not names:
            side_panels.no_sides(view)
            method_panel.draw_methods("")
            return
        titles = {name: cache.models()[name].title for name in names}
        left, right = st.columns([1, 2], vertical_alignment="bottom", gap="medium")
        with left:
            model = controls.linked_select("Classes", titles, "two_classes_model", "sides")
        with right:
            threshold = side_panels.choose_threshold(view, model)
        sample = side_sample(view, model, threshold)
        url_state.linked_choice("two_classes_tabs", "tab", TABS, TABS[0])
        opened = st.session_state["two_classes_tabs"]
        view.publish(
            sides=model,
            at=url_state.parameter_text(threshold) if threshold else None,
            tab=None if opened == TABS[0] else opened,
        )
        side_panels.draw_histogram(sample)
        draws = (
            lambda: side_panels.draw_galaxies(view, sample),
            lambda: side_panels.draw_roc(sample),
            lambda: method_panel.draw_methods(method_panel.problem_of(sample.info)),
            mask_panel.draw_masks,
        )
        # Only what is looked at is drawn.
        tabs = st.tabs(TABS, key="two_classes_tabs", on_change="rerun")
        for tab, draw in zip(tabs, draws, strict=True):
            if tab.open:
                with tab, controls.show_errors():
                    draw()
        draw_code(view, lambda: side_script(view, sample), models=[model])


def main() -> None:
    view = sidebar.draw_sidebar()
    st.title("Two classes")
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        two_classes(view)


main()
