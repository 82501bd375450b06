"""Table: all columns, sorted and filtered; charts; subsets; tags; crossmatches; hosts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from radioviz.ui import cache, chosen_hosts, controls, sidebar
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.table import (
    chart_panel,
    crossmatch_panel,
    hosts_panel,
    label_panel,
    subset_panel,
    survey_panel,
    table_view,
)
from radioviz.ui.pages.table.state import table_settings
from radioviz.ui.pages.table.table_lines import table_script
from radioviz.ui.state import Selection
from radioviz.ui.workspace_columns import columns_in_view
from radioviz.workspace.table_columns import TableColumns


def main() -> None:
    view = sidebar.draw_sidebar()
    st.title("Table")
    view.publish()
    with controls.show_errors():
        controls.open_with_progress(view.data_set)
        table(view)


def table(view: View) -> None:
    columns = columns_in_view(view.data_set, view.model)
    tabs = st.tabs(list(TABS), key="table_tabs", on_change="rerun")
    for tab, draw in zip(tabs, TABS.values(), strict=True):
        if tab.open:  # the others would be made for nothing
            with tab, controls.show_errors():
                draw(view, columns)
    held = table_settings(columns)
    selected_only = bool(st.session_state.get("table_selected_only"))
    draw_code(
        view,
        lambda: table_script(view, held, chart_panel.charts(), selected_only=selected_only),
        methods=["hosts"] if chosen_hosts.hosts(view.data_set) else [],
    )


def _listed_rows(view: View, columns: TableColumns) -> np.ndarray:
    return table_view.shown_rows(view, columns, table_settings(columns))


def _listed(view: View, columns: TableColumns) -> Selection:
    """All rows of the table."""
    ids = cache.data_set(view.data_set).ids_of(_listed_rows(view, columns))
    return Selection((view.data_set, str(s)) for s in ids)


def _subsets(view: View, columns: TableColumns) -> None:
    subset_panel.draw_subsets(view, lambda: _listed(view, columns))


def _tags(view: View, columns: TableColumns) -> None:
    label_panel.draw_labels_of_many(view, lambda: _listed(view, columns))


def _hosts(view: View, columns: TableColumns) -> None:
    hosts_panel.draw_hosts(view, lambda: _listed_rows(view, columns))


TABS: dict[str, Callable[[View, TableColumns], None]] = {
    "Rows": table_view.draw_table,
    "Charts": chart_panel.draw_charts,
    "Subsets": _subsets,
    "Tags": _tags,
    "Crossmatch": crossmatch_panel.draw_crossmatch,
    "Hosts": _hosts,
    "Two surveys": lambda view, columns: survey_panel.draw_surveys(view),
}


main()
