"""At the end of every page: its view as lines of Python, charts as figures, what to cite."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from radioviz.ui import cache, controls, session_workspace, state
from radioviz.ui.charts.figure_panel import draw_figures
from radioviz.ui.code.script import Script
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.session_labels import marks
from radioviz.ui.subsets import subsets

CODE, CITE = "show_code", "show_citations"
_FIELD = "used"


def draw_code(
    view: View,
    make: Callable[[], Script],
    *,
    data_sets: Sequence[str] = (),
    models: Sequence[str | None] = (),
    methods: Sequence[str] = (),
) -> None:
    """Closed panels: lines of the Python API that repeat the view, figures, and what to cite.

    ``make``: makes the lines when the panel is open. ``data_sets``, ``models``, ``methods``: what
    the page shows besides the data set and encoder in view; kept for the citations of the
    workspace. Methods are keys of :data:`radioviz.api.citations.METHODS`.
    """
    used = _note_used([view.data_set, *data_sets], [view.model, *models], methods)
    code = st.expander("Show as code", icon=":material/code:", key=CODE, on_change="rerun")
    if code.open:
        with code, controls.show_errors():
            st.caption(
                "Python lines that repeat this view. `docs/scripting.ipynb` describes what they "
                "call."
            )
            script = make()
            st.code(str(script), language="python", wrap_lines=True)
            for name, content in script.files.items():
                export_button(f"{name}, which the lines read", name, whole(content),
                              key=f"code_file_{name}")  # fmt: skip
    draw_figures()
    cited = st.expander("Cite what I used", icon=":material/format_quote:", key=CITE,
                        on_change="rerun")  # fmt: skip
    if cited.open:
        with cited, controls.show_errors():
            _draw_citations(used)


def _note_used(
    data_sets: Sequence[str], models: Sequence[str | None], methods: Sequence[str]
) -> dict[str, list[str]]:
    """What this workspace has shown so far."""
    held = session_workspace.value(_FIELD, {})
    new = {"data_sets": data_sets, "models": [m for m in models if m], "methods": methods}
    found = {
        kind: list(dict.fromkeys([*map(str, held.get(kind, ())), *names]))
        for kind, names in new.items()
    }
    if found != held:
        session_workspace.put_aside(_FIELD, found)
    return found


def _draw_citations(used: dict[str, list[str]]) -> None:
    from radioviz.api.citations import METHODS, cite

    pairs = [*state.tray(), *state.brush(), *((m.data_set, m.source_id) for m in marks())]
    pairs += [pair for subset in subsets() for pair in subset.members]
    here, models = cache.available_data_sets(), cache.models()
    keys = [k for k in dict.fromkeys([*used["data_sets"], *(d for d, _ in pairs)]) if k in here]
    methods = [m for m in used["methods"] if m in METHODS]
    found = cite(keys, [name for name in used["models"] if name in models], methods)
    st.caption("Data sets, models and methods that this workspace has shown, or has in its tray.")
    text, entries = st.tabs(["Acknowledgements", "BibTeX"], key="citation_tabs")
    text.code(found.acknowledgements, language=None, wrap_lines=True)
    entries.code(found.bibtex, language="latex", wrap_lines=True)
