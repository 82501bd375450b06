"""The galaxy that is looked at, the keys that mark it, and what was marked so far."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Column
from radioviz.export.session import Mark
from radioviz.outliers.thresholds import SCORES, strangeness
from radioviz.ui import controls, detail, galaxies, state, tray
from radioviz.ui.controls import View
from radioviz.ui.marks import DEFAULT, marks
from radioviz.ui.pages.likelihood.likelihood_view import Shown, value_of
from radioviz.ui.state import Selection

Pair = tuple[str, str]

KINDS = {
    "interesting": ("Interesting", ":material/star:", "I"),
    "boring": ("Boring", ":material/bedtime:", "B"),
    "artefact": ("Artefact", ":material/bug_report:", "A"),
}
COLUMNS = {
    "mark": Column("float64", "", "meta.code.qual", "Mark by the reader, 0 to 5"),
    "mark_kind": Column("str", "", "meta.code.class", "interesting, boring or artefact"),
}


def put(pair: Pair, number: int | None, kind: str, following: Pair | None) -> None:
    """Mark a galaxy and look at the next one of the list."""
    held = marks().get(pair)
    if number is None:
        number = DEFAULT[kind]
    elif held is not None and not kind:
        kind = held.kind
    marks().put(Mark(*pair, number, kind))
    if following is not None:
        state.set_focus(*following)


def undo() -> None:
    """Take the last mark back and look at its galaxy again."""
    pair = marks().undo()
    if pair is not None:
        state.set_focus(*pair)


def next_of(pairs: list[Pair], pair: Pair) -> Pair | None:
    """The galaxy after this one in a list that is not marked yet; None at the end."""
    start = pairs.index(pair) + 1 if pair in pairs else 0
    done = marks()
    return next((p for p in pairs[start:] if p != pair and p not in done), None)


def panel(view: View, shown: Shown, pairs: list[Pair]) -> None:
    """Picture and facts of the galaxy in focus, and the buttons that mark it."""
    pair = state.focus()
    if pair is None or pair[0] not in shown.tables:
        st.info(
            "Click a picture to look at a galaxy and mark it. Keys: I interesting, B boring, "
            "A artefact, 0 to 5 a number, N the next, U undo.",
            icon=":material/ads_click:",
        )
        if pairs:
            st.button(
                "Start with the first", icon=":material/play_arrow:", key="likelihood_start",
                on_click=state.set_focus, args=pairs[0], shortcut="N",
            )  # fmt: skip
        return
    catalogue, row = galaxies.row_of(pair)
    st.html(detail.galaxy_heading(catalogue, row))
    st.html(detail.galaxy_picture(catalogue, row, view.style))
    following = next_of(pairs, pair)
    _buttons(pair, following)
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Search for similar", icon=":material/image_search:", key="likelihood_similar"
        ):
            controls.go_similar(pair)
        if st.button("Inspect", icon=":material/center_focus_strong:", key="likelihood_inspect"):
            controls.go_inspect(pair)
        if st.button("On the map", icon=":material/scatter_plot:", key="likelihood_map"):
            state.set_focus(*pair)
            st.switch_page(controls.LATENT_MAP)
        detail.tray_button(pair, key="likelihood_tray", refresh=["tray", "likelihood"])
    st.html(detail.facts_html(standing(shown, pair)))
    st.html(detail.facts_html(detail.short_facts(catalogue, row)))


def _buttons(pair: Pair, following: Pair | None) -> None:
    mark = marks().get(pair)
    with st.container(horizontal=True, gap="small", key="likelihood_kinds"):
        for kind, (title, icon, key) in KINDS.items():
            st.button(
                title, icon=icon, key=f"mark_{kind}", shortcut=key, on_click=put,
                args=(pair, None, kind, following),
                type="primary" if mark is not None and mark.kind == kind else "secondary",
            )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="likelihood_numbers"):
        for number in range(6):
            st.button(
                str(number), key=f"mark_{number}", shortcut=str(number), on_click=put,
                args=(pair, number, "", following), help="0 of no interest, 5 of the highest",
                type="primary" if mark is not None and mark.mark == number else "secondary",
            )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Next", icon=":material/skip_next:", key="mark_next", shortcut="N",
            disabled=following is None, on_click=state.set_focus, args=following or pair,
        )  # fmt: skip
        st.button(
            "Undo", icon=":material/undo:", key="mark_undo", shortcut="U", on_click=undo,
            disabled=not marks().can_undo(),
        )  # fmt: skip
        if mark is not None:
            st.button(
                "Take back", icon=":material/close:", key="mark_remove", on_click=marks().remove,
                args=(pair,),
            )  # fmt: skip


def standing(shown: Shown, pair: Pair) -> list[tuple[str, str]]:
    """Every score of a galaxy with the share of the reference that is less strange."""
    table, base = shown.tables[pair[0]], shown.reference
    learned = base.learned()
    lines = []
    for name, score in SCORES.items():
        value = value_of(table, name, pair[1])
        if math.isfinite(value) and name in base.values:
            known = base.oriented(name)[learned]
            place = strangeness(score.oriented(np.array([value])), known)[0]
            unit = f" {score.unit}" if score.unit else ""
            lines.append((score.title, f"{value:.4g}{unit}, stranger than {place:.1%}"))
    return lines


def summary(view: View) -> None:
    """How many are marked; save, load and export of the marks."""
    done = marks()
    if not len(done):
        st.caption("Nothing marked yet. Marks rank the rest anew and travel with saved sessions.")
    else:
        st.caption(", ".join(f"{n} {kind}" for kind, n in done.counts().items()))
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Save", tray.selection_file(state.tray(), view), file_name="marks.radioviz",
            mime="application/json",
            icon=":material/save:", key="marks_save", on_click="ignore", disabled=not len(done),
            help="Marks and tray in one file; the Load box of the tray takes it back",
        )  # fmt: skip
        with st.popover(
            "Export", icon=":material/download:", key="marks_export", disabled=not len(done)
        ):
            if len(done):
                chosen = Selection((m.data_set, m.source_id) for m in done)
                tray.export_buttons(
                    chosen, view.model, key="marks", note="galaxies marked by the reader",
                    scores=exported(), columns=COLUMNS,
                )  # fmt: skip
        st.button(
            "Clear", icon=":material/delete:", key="marks_clear", disabled=not len(done),
            on_click=done.clear,
        )  # fmt: skip


def exported() -> dict[Pair, dict[str, float | str]]:
    """Mark and its kind of each marked galaxy, as columns of an export."""
    return {
        (m.data_set, m.source_id): {"mark": float(m.mark), "mark_kind": m.kind} for m in marks()
    }
