"""Grid walk: a plane through a decoder's latent space, the real galaxies on it, paths across."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls, sidebar
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.grid_walk import grid_controls, grid_path, grid_plane, grid_view, state
from radioviz.ui.pages.grid_walk.walk_lines import walk_script


@st.fragment(key="grid_walk")
@controls.show_errors()
def grid_walk(view: View) -> None:
    """Everything below the title; a click or a control reruns only this."""
    state.follow_link()
    walk = grid_controls.choose_walk(view)
    if walk is None:
        return
    state.drop_other_path(walk)
    point = state.current_point(walk)
    left, right = st.columns([1.75, 1], gap="medium")
    with right, st.container(key="walk_place"), controls.show_errors():
        grid_view.decoded_panel(walk, view, point)
    with left, st.container(key="walk_plane_panel"), controls.show_errors():
        grid_plane.plane_panel(walk, view, point)
    names = ["Nearest real galaxies", "Path", "What the axes mean", "Export"]
    tabs = st.tabs(names, key="walk_tab", on_change="rerun")
    draws = (
        lambda: grid_view.nearest_panel(walk, view, point),
        lambda: grid_path.path_panel(walk, view),
        lambda: grid_view.correlations_panel(walk),
        lambda: grid_path.walk_export_panel(walk, view, point),
    )
    for tab, draw in zip(tabs, draws, strict=True):
        if tab.open:
            with tab, controls.show_errors():
                draw()
    state.publish(view, walk, point)
    base = next((k for k in (view.data_set, *state.mapped(walk.info.name))
                 if k in state.mapped(walk.info.name)), "first")  # fmt: skip
    draw_code(
        view,
        lambda: walk_script(walk, point, base),
        data_sets=list(walk.layers),
        models=[walk.info.name],
    )


def main() -> None:
    view = sidebar.draw_sidebar(own_decoder=True)
    st.title("Grid walk")
    with controls.show_errors():
        grid_walk(view)


main()
