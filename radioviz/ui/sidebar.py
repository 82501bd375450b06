"""The sidebar of every page: data set, encoder, how images are drawn, the tray."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from radioviz.data.preprocess import STRETCHES
from radioviz.ui import (
    cache,
    controls,
    filtering,
    saved_view,
    session_workspace,
    tray,
    workspace_panel,
)
from radioviz.ui.controls import View
from radioviz.ui.exports import export_panel
from radioviz.ui.image.display import COLOUR_MAPS, FIELDS, RGB, ImageStyle, has_colours


def draw_sidebar(own_decoder: bool = False) -> View:
    """Draw the sidebar; the first call of every page.

    ``own_decoder`` is for pages where the encoder chosen here is not that of the images.
    """
    _run_inside_app()
    st.html(Path(__file__).with_name("page.css"))
    session_workspace.bind()
    saved_view.restore()
    with st.sidebar:
        titles = {key: info.title for key, info in cache.available_data_sets().items()}
        data_set = controls.linked_select("Data set", titles, "data_set", "data")
        plane = _plane(data_set)
        model = _encoder(data_set, own_decoder)
        planes = cache.known_data_sets()[data_set].planes
        view = View(data_set, model, _image_style(plane, planes))
        with st.container():
            filtering.draw_filter(view)
        with st.container():  # one place, so that what comes and goes here never moves the tray
            workspace_panel.draw_workspace()
        tray.draw_tray(view)
        export_panel.draw_exports()
    return view


def _run_inside_app() -> None:
    """Run the page inside ``app.py``, whichever address was opened first.

    Until ``st.navigation`` has run once, Streamlit treats ``pages/`` as a multipage app of the
    old kind, and a link to a page starts its file without ``app.py``.
    """
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    if context is not None and PagesManager.uses_pages_directory:
        runpy.run_path(context.main_script_path, run_name="__main__")
        st.stop()


def _encoder(data_set: str, own_decoder: bool) -> str | None:
    names = controls.encoder_titles(data_set)
    if not names:
        st.selectbox("Encoder", ["none"], disabled=True, key="no_encoder")
        return None
    about = "The decoder of this page is chosen on the page" if own_decoder else None
    label = "Encoder of filter and exports" if own_decoder else "Encoder"
    return controls.linked_select(label, names, "encoder", "encoder", help=about)


def _plane(data_set: str) -> str:
    """Which of several images of each source is shown, or :data:`RGB`; empty where there is one."""
    planes = cache.known_data_sets()[data_set].planes
    if not planes:
        return ""
    options = {p: p for p in planes}
    if has_colours(planes):
        options[RGB] = "All in colour (RGB)"
    return controls.linked_select("Image of each source", options, "plane", "plane")


def _image_style(plane: str, planes: Sequence[str]) -> ImageStyle:
    with st.expander("Images", icon=":material/tune:"):
        stretch = st.selectbox(
            "Stretch", STRETCHES, index=1, key="stretch", persist_state="session"
        )
        colour_map = st.selectbox(
            "Colour map",
            list(COLOUR_MAPS),
            format_func=COLOUR_MAPS.__getitem__,
            key="colour_map",
            persist_state="session",
        )
        field = st.selectbox(
            "Field of view",
            FIELDS,
            index=FIELDS.index(ImageStyle().field),
            format_func=lambda f: f"{f:g}″ at FIRST's beam",
            key="field",
            persist_state="session",
            help="Grows with the beam of a survey, so that every survey shows as many beams. "
            "The scale bar gives the true size.",
        )
    composite = plane == RGB and has_colours(planes)
    shown = "" if composite else plane
    return ImageStyle(str(stretch), str(colour_map), float(field), shown, composite)
