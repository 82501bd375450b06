"""The galaxy in focus, the keys that mark it, and the rest as ranked by the marks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import streamlit as st

from radioviz.ui import cache, controls, detail, filtering, galaxies, session_workspace, state, tray
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.label_editor import draw_labels
from radioviz.ui.pages.likelihood.scored_sample import MOST, RANKS, Pair, ScoredSample
from radioviz.ui.session_labels import labels, mark_of, marks
from radioviz.ui.state import Selection
from radioviz.ui.taught_tags import taught_tag
from radioviz.workspace.labels import MARKS

KINDS = {
    "interesting": ("Interesting", ":material/star:", "I"),
    "boring": ("Boring", ":material/bedtime:", "B"),
    "artefact": ("Artefact", ":material/bug_report:", "A"),
}


# -- ranking ------------------------------------------------------------------------------------


def ranked_by_marks(view: View, sample: ScoredSample) -> tuple[dict[Pair, float], int]:
    """Galaxies that are not marked yet, the most likely to be interesting first, with how likely.

    The first :data:`MOST` of them; and how many there are.

    They are ranked as by any tag that is taught on Similar; where too few are marked, they stay as
    the score orders them, and nothing is known of them.

    Raises AtlasError if a data set has no latents.
    """
    taught = taught_tag("interesting", tuple(sample.tables), str(view.model))
    taught.draw_counts()
    if taught.word is None:
        order = np.argsort(-np.nan_to_num(sample.pooled(), nan=-np.inf), kind="stable")
        number, ranked = len(order), dict.fromkeys(sample.pairs(order[:MOST]), float("nan"))
    else:
        rows = taught.others()
        rows = rows[_passing(sample, view)[rows]]
        number, ranked = len(rows), taught.scores(rows[:MOST])
    found = {p: likely for p, likely in ranked.items() if labels().get(p).mark is None}
    return found, number - (len(ranked) - len(found))


def _passing(sample: ScoredSample, view: View) -> np.ndarray:
    """Which galaxies pass the filter, which narrows the list, not what is learned from."""
    masks = [(len(cache.data_set(k)), filtering.passing(k, view.model)) for k in sample.tables]
    return np.concatenate([np.ones(n, bool) if mask is None else mask for n, mask in masks])


# -- marking ------------------------------------------------------------------------------------


def put_mark(pair: Pair, number: int | None, kind: str, following: Pair | None) -> None:
    """Mark a galaxy and open the next one of the list."""
    if number is None:
        number = MARKS[kind]
    labels().set_mark(pair, number, kind or labels().get(pair).kind)
    if following is not None:
        state.set_focus(*following)


def undo_mark() -> None:
    """Undo the last change; if it was a mark, open its galaxy again."""
    before = set(marks())
    session_workspace.undo()
    changed = {(m.data_set, m.source_id) for m in before ^ set(marks())}
    if len(changed) == 1:
        state.set_focus(*changed.pop())


def next_unmarked(pairs: list[Pair], pair: Pair) -> Pair | None:
    """The next galaxy of a list after this one that is not marked yet; None at the end."""
    start = pairs.index(pair) + 1 if pair in pairs else 0
    return next((p for p in pairs[start:] if p != pair and labels().get(p).mark is None), None)


def draw_focus(view: View, sample: ScoredSample, pairs: list[Pair]) -> None:
    """Picture and facts of the galaxy in focus, and the buttons that mark it."""
    pair = state.focus()
    if pair is None or pair[0] not in sample.tables:
        st.info(
            "Click a picture to open a galaxy and mark it. Keys: I interesting, B boring, "
            "A artefact, 0 to 5 a number, N next, U undo.",
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
    _mark_buttons(pair, next_unmarked(pairs, pair))
    with st.container(horizontal=True, gap="small"):
        icon = ":material/image_search:"
        if st.button("Search for similar", icon=icon, key="likelihood_similar"):
            controls.go_similar(pair)
        if st.button("Inspect", icon=":material/center_focus_strong:", key="likelihood_inspect"):
            controls.go_inspect(pair)
        if st.button("On the map", icon=":material/scatter_plot:", key="likelihood_map"):
            state.set_focus(*pair)
            st.switch_page(controls.LATENT_MAP)
        detail.tray_button(pair, key="likelihood_tray", refresh=["tray", "likelihood"])
    st.html(detail.facts_html(sample.facts(pair)))
    st.caption(RANKS)
    st.html(detail.facts_html(detail.short_facts(catalogue, row)))
    draw_labels(pair, key="likelihood")


def _mark_buttons(pair: Pair, following: Pair | None) -> None:
    mark = mark_of(pair)
    with st.container(horizontal=True, gap="small", key="likelihood_kinds"):
        for kind, (title, icon, key) in KINDS.items():
            st.button(
                title, icon=icon, key=f"mark_{kind}", shortcut=key, on_click=put_mark,
                args=(pair, None, kind, following),
                type="primary" if mark is not None and mark.kind == kind else "secondary",
            )  # fmt: skip
    with st.container(horizontal=True, gap="small", key="likelihood_numbers"):
        for number in range(6):
            st.button(
                str(number), key=f"mark_{number}", shortcut=str(number), on_click=put_mark,
                args=(pair, number, "", following), help="0: of no interest; 5: of most interest",
                type="primary" if mark is not None and mark.mark == number else "secondary",
            )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Next", icon=":material/skip_next:", key="mark_next", shortcut="N",
            disabled=following is None, on_click=state.set_focus, args=following or pair,
        )  # fmt: skip
        st.button(
            "Undo", icon=":material/undo:", key="mark_undo", shortcut="U", on_click=undo_mark,
            disabled=not session_workspace.workspace_state().undo,
        )  # fmt: skip
        if mark is not None:
            st.button(
                "Remove mark", icon=":material/close:", key="mark_remove",
                on_click=labels().set_mark, args=(pair, None),
            )  # fmt: skip


def draw_marks(view: View) -> None:
    """How many galaxies are marked; save, export and clear the marks."""
    done = marks()
    if not done:
        st.caption("Nothing marked yet. Marks rank the rest of the list and are saved in sessions.")
    else:
        counts = Counter(mark.kind or "scored" for mark in done)
        st.caption(", ".join(f"{n} {kind}" for kind, n in counts.items()))
    with st.container(horizontal=True, gap="small"):
        export_button(
            "Save", "marks.radioviz", whole(tray.selection_file(state.tray(), view)),
            icon=":material/save:", key="marks_save", disabled=not done,
            help="Marks and tray in one file; open it with the Load box of the tray",
        )  # fmt: skip
        icon = ":material/download:"
        with st.popover("Export", icon=icon, key="marks_export", disabled=not done):
            if done:
                chosen = Selection((m.data_set, m.source_id) for m in done)
                tray.export_buttons(
                    chosen, view.model, key="marks", note="galaxies marked by the reader",
                )  # fmt: skip
        st.button(
            "Clear", icon=":material/delete:", key="marks_clear", disabled=not done,
            on_click=labels().clear_marks,
        )  # fmt: skip
