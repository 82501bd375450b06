"""Tags and the note of one galaxy, to be changed: on Inspect, beside the map, on Likelihood."""

from __future__ import annotations

import streamlit as st

from radioviz.errors import LabelError
from radioviz.ui import controls, filtering
from radioviz.ui.session_labels import labels
from radioviz.workspace.labels import LONGEST_NOTE, MARKS

Pair = tuple[str, str]


def tag_choices() -> list[str]:
    """Tags in use and the three marks, in alphabetical order."""
    return sorted({*labels().counts(), *MARKS}, key=str.casefold)


def draw_labels(pair: Pair, *, key: str) -> None:
    """Tags and note of a galaxy; ``key`` begins the widgets' keys."""
    held, tags, note, refused = labels().get(pair), f"{key}_tags", f"{key}_note", f"{key}_refused"
    st.session_state[tags] = list(held.tags)
    st.session_state[note] = held.note

    def changed() -> None:
        try:
            labels().set_tags(pair, st.session_state[tags])
            labels().set_note(pair, st.session_state[note])
        except LabelError as error:
            st.session_state[refused] = str(error)
        if filtering.current_filter():
            st.rerun()  # it may name a tag

    st.multiselect(
        "Tags", list(dict.fromkeys([*tag_choices(), *held.tags])), key=tags,
        accept_new_options=True, on_change=changed, placeholder="Choose or type a tag",
    )  # fmt: skip
    st.text_area(
        "Note", key=note, on_change=changed, height=68, max_chars=LONGEST_NOTE,
        placeholder="Ctrl+Enter saves it",
    )  # fmt: skip
    if why := st.session_state.pop(refused, ""):
        st.error(controls.escape(str(why)), icon=":material/error:")
