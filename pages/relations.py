"""Relations: what predicts a property, its place in latent space, and power against size."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls, sidebar, url_state
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.relations import (
    contribution_panel,
    power_panel,
    property_map_panel,
    relation_panels,
    relation_question,
)
from radioviz.ui.pages.relations.relation_lines import (
    power_script,
    property_map_script,
    relation_script,
)
from radioviz.ui.pages.relations.relation_question import relation_settings
from radioviz.ui.workspace_columns import columns_in_view
from radioviz.workspace.table_columns import TableColumns

PARTS = ("Predict a property", "Map of a property", "Power and size")


def draw_prediction(view: View, columns: TableColumns) -> None:
    settings = relation_question.choose(view, columns, relation_settings())
    if not settings.asked:
        st.info(
            "Choose a property and what to predict it from, then press Predict. Each galaxy is "
            "predicted by a model that has not seen it.",
            icon=":material/function:",
        )
        return
    answer = relation_question.answer(view, columns, settings)
    relation_panels.draw_figures(answer)
    relation_panels.draw_tabs(answer, view, columns)


def main() -> None:
    view = sidebar.draw_sidebar()
    st.title("Relations")
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        url_state.linked_choice("relation_parts", "part", PARTS, PARTS[0])
        opened = st.session_state["relation_parts"]
        view.publish(part=None if opened == PARTS[0] else opened)
        columns = columns_in_view(view.data_set, view.model)
        draws = (draw_prediction, property_map_panel.draw_property_map, power_panel.draw_power_size)
        tabs = st.tabs(PARTS, key="relation_parts", on_change="rerun")
        for tab, draw in zip(tabs, draws, strict=True):
            if tab.open:
                with tab, controls.show_errors():
                    draw(view, columns)
        methods = ["contributions"] if contribution_panel.were_computed() else []
        scripts = (
            lambda: relation_script(view, relation_settings()),
            lambda: property_map_script(view),
            lambda: power_script(view, [n for n in power_panel.DRAWN if n in columns]),
        )
        draw_code(view, scripts[PARTS.index(opened)], methods=methods)


main()
