"""Generate: new galaxies by class, size and seed; classified, compared, exported as simulated."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from radioviz.ui import controls, edit_panel, sidebar
from radioviz.ui.code.code_panel import draw_code
from radioviz.ui.controls import View
from radioviz.ui.pages.generate import (
    beside_real,
    generate_checks,
    generate_controls,
    generate_export,
    generate_view,
    mock_field_panel,
    state,
)
from radioviz.ui.pages.generate.batch_lines import batch_script
from radioviz.ui.pages.generate.state import GeneratedBatch


@st.fragment(key="generate")
@controls.show_errors()
def generate(view: View) -> None:
    """Everything below the title; a click or a control reruns only this."""
    request = generate_controls.choose_request(view)
    if request is None:
        return
    if not state.may_start(*request[:2]):
        generate_controls.confirm_button(request[1].n)
        return
    with st.spinner(f"Generating {controls.galaxies_text(request[1].n)} …"):
        batch = state.generate_batch(*request, on_error=st.error)
    left, right = st.columns([2.1, 1], gap="medium")
    with left, st.container(key="generate_pictures"), controls.show_errors():
        generate_view.class_balance(batch)
        generate_view.pictures_panel(batch, view)
    with right, st.container(key="generate_one"), controls.show_errors():
        generate_view.chosen_image_panel(batch, view)
    names = [
        "This batch", "Beside real", "Twins", "Memorisation check", "Mock field", "Export",
    ]  # fmt: skip
    draws: tuple[Callable[[GeneratedBatch, View], None], ...] = (
        generate_view.batch_panel,
        beside_real.beside_real_panel,
        generate_checks.twins_panel,
        generate_checks.memorisation_panel,
        mock_field_panel.mock_field_panel,
        generate_export.batch_export_panel,
    )
    if edit_panel.editors():
        names, draws = [*names, "Edit"], (*draws, generate_checks.change_panel)
    tabs = st.tabs(names, key="generate_tab", on_change="rerun")
    for tab, draw in zip(tabs, draws, strict=True):
        if tab.open:
            with tab, controls.show_errors():
                draw(batch, view)
    around = str(st.session_state.get("generate_around") or "")
    field = mock_field_panel.drawn_script() if tabs[names.index("Mock field")].open else None
    draw_code(
        view,
        lambda: (
            field
            if field is not None
            else batch_script(batch, "" if around == generate_controls.GENERATED else around)
        ),
        models=[batch.info.name, batch.classifier],
    )


def main() -> None:
    view = sidebar.draw_sidebar(own_decoder=True)
    st.title("Generate")
    with controls.show_errors():
        generate(view)


main()
