"""Two data sets compared on the Table page: what both have, one lacks, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.matching import REPEAT_ARCSEC
from radioviz.data.overlap import Overlap
from radioviz.errors import RadioVizError
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, filtering, state, tray
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.state import Selection
from radioviz.ui.subsets import save_subset

_USUAL = ("label", "las", "flux", "redshift", "morphology")
_NOT_COMPARED = {"source_id", "name", "ra", "dec", "header", "wcs_header"}
MOST_ROWS = 1000
"""Lines of the table; the file has all."""


@dataclass(frozen=True, eq=False)
class Part:
    """One of the lists: its lines, and the galaxies that they name."""

    title: str
    table: pd.DataFrame
    pairs: Selection


def draw_surveys(view: View) -> None:
    """Choose another data set and see how its galaxies compare with those in view."""
    others = {
        key: info.title for key, info in cache.available_data_sets().items() if key != view.data_set
    }
    if not others:
        st.caption("There is one data set. Import another on the page Your data to compare them.")
        return
    places = st.columns([2, 1.4, 1], vertical_alignment="bottom")
    other = places[0].selectbox(
        "Compare with", list(others), format_func=controls.distinct_titles(others).__getitem__,
        key="surveys_other", index=None, placeholder="Choose a data set", persist_state="session",
    )  # fmt: skip
    if other is None:
        st.caption(
            "Lists the galaxies that two data sets have in common, those that only one has, and "
            "those on which they differ."
        )
        return
    controls.open_with_progress(other)
    found = cache.overlap(view.data_set, other)
    columns = _columns_of_both(found)
    column = str(places[1].selectbox("Compare", columns, key="surveys_column"))
    tolerance = 0.0
    if pd.api.types.is_numeric_dtype(found.first[column]):
        tolerance = places[2].number_input(
            "Differ by more than [%]", 0.0, 200.0, 10.0, key="surveys_tolerance",
            help="Of the mean of the two values",
        ) / 100  # fmt: skip
    titles = (controls.data_set_title(view.data_set), controls.data_set_title(other))
    parts = parts_of(found, (view.data_set, other), titles, view.model, column, tolerance)
    text = (
        f"{found.distinct:,} distinct galaxies in {titles[0]} ({len(found.first):,}) and "
        f"{titles[1]} ({len(found.second):,}). Entries within {REPEAT_ARCSEC:g} arcsec are one "
        "galaxy."
    )
    st.markdown(controls.escape(text))
    chosen = st.segmented_control(
        "List", list(parts), format_func=lambda k: f"{parts[k].title} · {len(parts[k].table):,}",
        key="surveys_list", default="both", required=True, label_visibility="collapsed",
    )  # fmt: skip
    _draw_part(view, parts[str(chosen)], titles, column, str(chosen))


def _columns_of_both(found: Overlap) -> list[str]:
    both = [c for c in found.first.columns if c in found.second.columns and c not in _NOT_COMPARED]
    return [c for c in _USUAL if c in both] + sorted(c for c in both if c not in _USUAL)


def parts_of(
    found: Overlap,
    keys: tuple[str, str],
    titles: tuple[str, str],
    model: str | None,
    column: str,
    tolerance: float,
) -> dict[str, Part]:
    """The lists: in both, those that differ, in one alone; all obey the filter.

    A galaxy of both passes the filter if its entry in the first data set does.
    """
    passing = [filtering.passing(key, model) for key in keys]
    both = found.compared(column, tolerance)
    if passing[0] is not None:
        both = both[passing[0][found.rows[:, 0]]]
    parts = {
        "both": Part("In both", both, _pairs(both, keys)),
        "differ": Part("Different", both[both["differ"]], _pairs(both[both["differ"]], keys)),
    }
    for place, name in enumerate(("first", "second")):
        table = (found.first, found.second)[place]
        alone = np.ones(len(table), dtype=bool)
        alone[found.rows[:, place]] = False
        mask = passing[place]
        alone &= True if mask is None else mask
        lines = table.loc[alone, ["name", "ra", "dec", column, "source_id"]]
        ids = Selection((keys[place], str(s)) for s in lines["source_id"])
        parts[name] = Part(f"Only in {titles[place]}", lines, ids)
    return parts


def _pairs(both: pd.DataFrame, keys: tuple[str, str]) -> Selection:
    """Both entries of each galaxy."""
    ids = zip(both["first_id"], both["second_id"], strict=True)
    return Selection(pair for own in ids for pair in zip(keys, own, strict=True))


def _draw_part(view: View, part: Part, titles: tuple[str, str], column: str, which: str) -> None:
    if not len(part.table):
        st.caption("No galaxy.")
        return
    st.dataframe(
        part.table.head(MOST_ROWS), hide_index=True, key=f"surveys_table_{which}",
        column_config={
            "name": "Name",
            "first": f"{column}, {titles[0]}",
            "second": f"{column}, {titles[1]}",
            "separation": st.column_config.NumberColumn("Separation [″]", format="%.1f"),
            "first_id": f"Identifier, {titles[0]}",
            "second_id": f"Identifier, {titles[1]}",
            "differ": "Different",
        },
    )  # fmt: skip
    if len(part.table) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(part.table):,}; the file has all.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button("Select", icon=":material/select_all:", key="surveys_select",
                  on_click=state.set_brush, args=(part.pairs, "surveys"),
                  help="On the map, in charts and in the gallery")  # fmt: skip
        st.button("Save as a subset", icon=":material/bookmark_add:", key="surveys_subset",
                  on_click=_save, args=(part,))  # fmt: skip
        table = part.table
        export_button("This list (CSV)", f"radioviz-{which}.csv",
                      whole(lambda: safe_csv(table)), key="surveys_csv")  # fmt: skip
        with st.popover("Export galaxies", icon=":material/download:", key="surveys_export"):
            tray.export_buttons(part.pairs, view.model, key="surveys_export", note=part.title)
    if refused := st.session_state.pop("surveys_refused", ""):
        st.error(controls.escape(str(refused)), icon=":material/error:")


def _save(part: Part) -> None:
    try:
        save_subset(part.title, part.pairs)
    except RadioVizError as error:
        st.session_state["surveys_refused"] = str(error)
