"""Named subsets on the Table page: save, combine, select, delete."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from radioviz.errors import RadioVizError
from radioviz.ui import controls, state
from radioviz.ui.controls import View
from radioviz.ui.state import Selection
from radioviz.ui.subsets import (
    Subset,
    combined,
    delete_subset,
    recolour_subset,
    save_subset,
    subsets,
)
from radioviz.workspace.expression import quoted

HOW = {"and": "and", "or": "or", "and not": "and not"}


def draw_subsets(view: View, listed: Callable[[], Selection]) -> None:
    """Save what is selected or listed, and work with the subsets there are."""
    held = subsets()
    with st.form("subset_form", clear_on_submit=True, border=False):
        places = st.columns([2, 2, 1], vertical_alignment="bottom")
        name = places[0].text_input("Name of a new subset", key="subset_name", max_chars=60)
        source = places[1].selectbox(
            "Galaxies", ["Selection", "Rows of the table", "Tray"], key="subset_source"
        )
        if places[2].form_submit_button("Save", icon=":material/bookmark_add:"):
            known = {"Selection": state.brush, "Tray": state.tray}
            chosen = known.get(str(source), listed)()
            with controls.show_errors():
                save_subset(name, Selection(chosen))
                st.rerun()
    if not held:
        st.caption(
            "No subsets yet. A subset keeps galaxies under a name; filters can use it as a column."
        )
        return
    for number, subset in enumerate(held):
        _draw_subset(number, subset)
    if len(held) > 1:
        _draw_combination(held)


def _draw_subset(number: int, subset: Subset) -> None:
    key = f"subset_colour_{number}"

    def recolour() -> None:
        recolour_subset(subset.name, str(st.session_state[key]))

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.session_state[key] = subset.colour
        st.color_picker(f"Colour of {subset.name}", key=key, on_change=recolour,
                        label_visibility="collapsed", width="content")  # fmt: skip
        st.markdown(
            f"**{controls.escape(subset.name)}** · {controls.galaxies_text(len(subset.members))} "
            f"· in a filter: `` {quoted(subset.name)} ``"
        )
        st.button("Select", key=f"subset_select_{number}", icon=":material/select_all:",
                  on_click=state.set_brush, args=(subset.members, "subset"))  # fmt: skip
        st.button("Delete", key=f"subset_delete_{number}", icon=":material/delete:",
                  on_click=delete_subset, args=(subset.name,))  # fmt: skip


def _draw_combination(held: list[Subset]) -> None:
    by_name = {s.name: s for s in held}
    with st.form("subset_combine", border=False):
        places = st.columns([2, 1, 2, 2, 1], vertical_alignment="bottom")
        first = places[0].selectbox("Galaxies in", list(by_name), key="subset_first")
        how = places[1].selectbox("How", list(HOW), key="subset_how", label_visibility="hidden")
        second = places[2].selectbox("in", list(by_name), key="subset_second", index=1)
        name = places[3].text_input("Name", key="subset_combined_name", max_chars=60)
        if places[4].form_submit_button("Combine", icon=":material/join:"):
            members = combined(by_name[first].members, str(how), by_name[second].members)
            try:
                save_subset(name or f"{first} {how} {second}", members)
            except RadioVizError as error:
                st.error(controls.escape(str(error)), icon=":material/error:")
            else:
                st.rerun()
