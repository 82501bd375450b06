"""The table: all columns of the data set, a page of the rows that pass the filter."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.ui import cache, controls, filtering, galaxies, state, tray
from radioviz.ui.controls import View
from radioviz.ui.image.display import data_uri
from radioviz.ui.pages.table.state import ROWS, TableSettings, change_table, table_settings
from radioviz.ui.state import Selection, page_state
from radioviz.ui.subsets import subsets
from radioviz.ui.workspace_columns import SUBSET
from radioviz.workspace.table_columns import Numbers, TableColumns, Text

PICTURE = "Image"
_PICTURES = "table_pictures"


@st.fragment(key="table")
@controls.show_errors()
def draw_table(view: View, columns: TableColumns) -> None:
    """Settings, the rows of one page, and what can be done with the chosen ones."""
    settings = _choose(columns)
    rows = shown_rows(view, columns, settings)
    pages = max(1, -(-len(rows) // ROWS))
    key = "table_page"
    if int(st.session_state.get(key) or 1) > pages:
        st.session_state[key] = pages
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{controls.galaxies_text(len(rows))}**", width="content")
        page = st.pagination(pages, key=key) if pages > 1 else 1
        st.toggle(
            "Pictures", True, key=_PICTURES, persist_state="session",
            help="A screen reader spells the content of a picture's cell: switch the pictures off "
            "for it.",
        )  # fmt: skip
    part = rows[(int(page) - 1) * ROWS : int(page) * ROWS]
    if not len(part):
        st.info("No galaxy passes the filter.", icon=":material/filter_alt_off:")
        return
    chosen = _draw_rows(view, columns, settings, part)
    _draw_actions(view, rows, part[chosen])


def shown_rows(view: View, columns: TableColumns, settings: TableSettings) -> np.ndarray:
    """Rows of the catalogue that the table lists, in its order."""
    mask = filtering.passing(view.data_set, view.model)
    if settings.sort:
        order = _sorted_rows(columns, settings)
    else:
        order = np.arange(len(columns))
    if mask is not None:
        order = order[mask[order]]
    if st.session_state.get("table_selected_only"):
        ids = state.brush().groups().get(view.data_set, [])
        inside = np.zeros(len(columns), dtype=bool)
        inside[cache.data_set(view.data_set).known_rows_of(ids)] = True
        order = order[inside[order]]
    return order


@dataclass
class _Sorted:
    """The last order of this session, so that paging does not sort again."""

    of: tuple[object, ...] = ()
    rows: np.ndarray | None = None


def _sorted_rows(columns: TableColumns, settings: TableSettings) -> np.ndarray:
    last, of = page_state(_Sorted), (columns.values(settings.sort), settings.descending)
    if last.rows is None or last.of[1:] != of[1:] or last.of[0] is not of[0]:
        last.of, last.rows = of, columns.order(settings.sort, descending=settings.descending)
    return last.rows


def _choose(columns: TableColumns) -> TableSettings:
    """Widgets: columns in order, sorting, only the selection."""
    held = table_settings(columns)
    st.session_state["table_columns"] = list(held.columns)
    st.session_state["table_sort"] = held.sort
    st.session_state["table_descending"] = held.descending

    def changed() -> None:
        if "table_columns" not in st.session_state:  # another tab was opened meanwhile
            return
        chosen = TableSettings(
            tuple(st.session_state["table_columns"]),
            str(st.session_state["table_sort"]),
            bool(st.session_state["table_descending"]),
        )
        change_table(chosen, "change the table")

    def title(name: str) -> str:
        return columns.title(name) if name else "Catalogue order"

    places = st.columns([3, 1.4, 0.8, 1.1], vertical_alignment="bottom")
    places[0].multiselect(
        "Columns", columns.names, key="table_columns", format_func=title, on_change=changed,
        help="In the order you choose them; the first stays in view when you scroll sideways.",
    )  # fmt: skip
    places[1].selectbox(
        "Sort by", ["", *columns.names], key="table_sort", format_func=title, on_change=changed,
        help="Sorts all rows; a click on a header sorts the page in view.",
    )  # fmt: skip
    places[2].toggle("Descending", key="table_descending", on_change=changed)
    places[3].toggle("Selection only", key="table_selected_only")
    return dataclasses.replace(held)


def _draw_rows(
    view: View, columns: TableColumns, settings: TableSettings, rows: np.ndarray
) -> np.ndarray:
    """One page of the table; places in it that the reader has ticked."""
    catalogue = cache.data_set(view.data_set)
    ids = catalogue.ids_of(rows)
    content: dict[str, Any] = {}
    config: dict[str, Any] = {}
    if st.session_state[_PICTURES]:
        cells = galaxies.galaxy_cells([(view.data_set, str(s)) for s in ids], view.style, size=48)
        content[PICTURE] = [data_uri(cell.picture) for cell in cells]
        config[PICTURE] = st.column_config.ImageColumn("", width=48, pinned=True)
    for place, name in enumerate(settings.columns):
        content[name] = values_of(columns, name, rows)
        about = columns.column(name)
        if name == SUBSET:
            content[name] = [[text] if text else [] for text in content[name]]
            config[name] = _subset_column(about.description)
            continue
        config[name] = st.column_config.Column(
            columns.title(name), help=about.description or None, pinned=place == 0
        )
    # Ticks are places in the list: another page, order or filter begins without any.
    listed = hashlib.sha256(rows.tobytes()).hexdigest()[:12]
    event = st.dataframe(
        pd.DataFrame(content), hide_index=True, column_config=config, row_height=48,
        height=min(48 * len(rows) + 40, 640), key=f"table_rows_{view.data_set}_{listed}",
        on_select="rerun", selection_mode="multi-row",
    )  # fmt: skip
    st.caption("By keyboard: arrows move, Shift+Space ticks a row, Ctrl+C copies, Ctrl+F searches.")
    ticked = (event.get("selection") or {}).get("rows") or []
    return np.array([i for i in ticked if 0 <= i < len(rows)], dtype=np.int64)


def _subset_column(description: str) -> Any:
    """Names of subsets on their colours."""
    held = subsets()
    return st.column_config.MultiselectColumn(
        SUBSET, help=description, options=[s.name for s in held],
        color=[s.colour for s in held] or None,
    )  # fmt: skip


def values_of(columns: TableColumns, name: str, rows: np.ndarray) -> Any:
    """Values of a column in some rows: numbers, text, or yes and no; missing ones are NaN or ''."""
    values = columns.values(name)
    if isinstance(values, Text):
        return values.texts(rows)
    if isinstance(values, Numbers):
        return values.values[rows] if values.unknown is None else values.floats()[rows]
    return values.values[rows]


def _draw_actions(view: View, rows: np.ndarray, ticked: np.ndarray) -> None:
    """What can be done with the ticked rows, or with all that the table lists."""
    catalogue = cache.data_set(view.data_set)

    def selection() -> Selection:
        chosen = catalogue.ids_of(ticked if len(ticked) else rows)
        return Selection((view.data_set, str(s)) for s in chosen)

    def select() -> None:
        state.set_brush(selection(), "table")

    number = len(ticked) or len(rows)
    what = f"the {number:,} ticked" if len(ticked) else f"all {number:,}"
    with st.container(horizontal=True, gap="small"):
        st.button(f"Select {what}", icon=":material/select_all:", key="table_select",
                  on_click=select, help="On the map, in charts and in the gallery")  # fmt: skip
        if st.button(f"Add {what} to the tray", icon=":material/add:", key="table_collect"):
            state.tray().update(selection())
            st.rerun()
        if len(ticked) == 1 and st.button("Inspect", icon=":material/center_focus_strong:",
                                          key="table_inspect"):  # fmt: skip
            controls.go_inspect((view.data_set, str(catalogue.ids_of(ticked)[0])))
        menu = st.popover(
            "Export", icon=":material/download:", key="table_export", on_change="rerun"
        )
        if menu.open:  # a selection of a million galaxies is not made for a closed menu
            with menu:
                tray.export_buttons(selection(), view.model, key="table_export", note="the table")
