"""What a reader has chosen in the import form, saved with the workspace.

A reload, the browser's Back and a restarted server begin a new session, which finds the form as it
was by the workspace in the address: the uploaded files and every answer that is not a default.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from radioviz.ui import session_workspace
from radioviz.ui.pages.your_data.state import your_data_state

_FIELD = "import"
_LONGEST = 2_000_000  # characters of a text; longer ones are refused by the form


def restore() -> None:
    """Take over what the workspace holds; call on the page before its first widget."""
    state, own = your_data_state(), session_workspace.workspace_state()
    if state.workspace == own.identifier:
        save()  # what was chosen since the last run, before the files are looked at
        return
    held = session_workspace.value(_FIELD)
    held = held if isinstance(held, dict) else {}
    form, upload, chosen = held.get("form"), held.get("upload"), held.get("chosen")
    state.workspace = own.identifier
    state.form = form if isinstance(form, int) else state.form + 1
    state.upload = upload if isinstance(upload, str) else ""
    state.uploads += [state.upload] if state.upload else []
    state.chosen = dict(chosen) if isinstance(chosen, dict) else {}
    state.defaults.clear()
    state.saved = held


def begin_widget(key: str, default: Any, allowed: Collection[Any] | None = None) -> str:
    """The key of a widget that is about to be drawn, once its value is set.

    That is what it shows now, what was chosen in an earlier session, or the default; values that
    are not among ``allowed`` become the default.
    """
    state = your_data_state()
    value = st.session_state.get(key, state.chosen.get(key, default))
    several = value if isinstance(value, list) else [value]
    if allowed is not None and any(v not in allowed and v != default for v in several):
        value = default
    st.session_state[key] = value
    state.defaults[key] = default
    return key


def save() -> None:
    """Save what the widgets of the form show, if it has changed."""
    state = your_data_state()
    for key, default in state.defaults.items():
        value = st.session_state.get(key, state.chosen.get(key, default))
        too_long = isinstance(value, str) and len(value) > _LONGEST
        if value == default or too_long:
            state.chosen.pop(key, None)
        else:
            state.chosen[key] = value
    draft = {"form": state.form, "upload": state.upload, "chosen": dict(state.chosen)}
    if draft != state.saved and (state.upload or state.chosen or state.saved):
        state.saved = draft
        session_workspace.put(_FIELD, draft, "")


def clear(kept: Collection[str] = ()) -> None:
    """Forget what was chosen, except in the widgets of these keys; begin a new form."""
    state = your_data_state()
    save()
    state.chosen = {key: value for key, value in state.chosen.items() if key in kept}
    state.defaults.clear()
    state.form += 1
    save()
