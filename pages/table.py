"""Table: all columns, sorted and filtered; charts; subsets; crossmatches; tags."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import cache, controls, sidebar
from radioviz.ui.controls import View
from radioviz.ui.pages.table import (
    chart_panel,
    crossmatch_panel,
    label_panel,
    subset_panel,
    table_view,
)
from radioviz.ui.pages.table.state import table_settings
from radioviz.ui.state import Selection
from radioviz.ui.workspace_columns import columns_in_view


def main() -> None:
    view = sidebar.draw_sidebar()
    st.title("Table")
    view.publish()
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        table(view)


def table(view: View) -> None:
    columns = columns_in_view(view.data_set, view.model)
    rows, charts, kept, given, others = st.tabs(
        ["Rows", "Charts", "Subsets", "Tags", "Crossmatch"], key="table_tabs"
    )
    with rows, controls.show_errors():
        table_view.draw_table(view, columns)
    with charts, controls.show_errors():
        chart_panel.draw_charts(view, columns)
    with kept, controls.show_errors():
        listed = table_view.shown_rows(view, columns, table_settings(columns))
        ids = cache.data_set(view.data_set).table["source_id"].to_numpy(object)[listed]
        rows_of_table = Selection((view.data_set, str(s)) for s in ids)
        subset_panel.draw_subsets(view, rows_of_table)
    with given, controls.show_errors():
        label_panel.draw_labels_of_many(view, rows_of_table)
    with others, controls.show_errors():
        crossmatch_panel.draw_crossmatch(view, columns)


main()
