"""Similar, by tags of the reader's own: some galaxies with and without a tag rank all others."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from radioviz.errors import LabelError
from radioviz.ui import controls, filtering, session_workspace, state
from radioviz.ui.controls import View
from radioviz.ui.label_editor import tag_choices
from radioviz.ui.pages.similar.word_search import draw_ranked
from radioviz.ui.session_labels import labels
from radioviz.ui.state import page_state
from radioviz.ui.taught_tags import TaughtTag, taught_tag
from radioviz.workspace.labels import AGAINST, checked_tag

Pair = tuple[str, str]
MOST = 3000
ASKED = 12
_TAG = "teach_tag"


@dataclass
class TeachingState:
    """The tag that is taught."""

    tag: str = ""


def draw_teaching(view: View) -> None:
    """The tag, its examples, and the buttons that give them."""
    held = page_state(TeachingState)
    st.session_state[_TAG] = held.tag or None

    def chosen() -> None:
        try:
            text = str(st.session_state[_TAG] or "")
            held.tag = checked_tag(text).removeprefix(AGAINST) if text else ""
        except LabelError as error:
            st.session_state["teach_refused"] = str(error)

    known = [t for t in tag_choices() if not t.startswith(AGAINST)]
    st.selectbox(
        "Tag", list(dict.fromkeys([*known, *([held.tag] if held.tag else [])])), key=_TAG,
        accept_new_options=True, on_change=chosen, placeholder="Choose or type a tag",
        help="A word of your own, or interesting, boring, artefact. Galaxies that have it rank all "
        "others, together with galaxies that you say do not have it.",
    )  # fmt: skip
    if why := st.session_state.pop("teach_refused", ""):
        st.error(controls.escape(str(why)), icon=":material/error:")
    if not held.tag:
        st.caption("Teach a word by a few examples: choose a tag, then open galaxies and say which "
                   "have it.")  # fmt: skip
        return
    yes, no = labels().examples(held.tag)
    st.caption(f"{len(yes):,} with it, {len(no):,} without it")
    pair = state.focus()
    if pair is None:
        st.info("Open a galaxy by a click on its picture, then press Y or N.",
                icon=":material/ads_click:")  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for sign, title, icon, key in (
            ("", "Has it", ":material/thumb_up:", "Y"),
            (AGAINST, "Has it not", ":material/thumb_down:", "N"),
        ):
            tag = sign + held.tag
            given = pair is not None and tag in labels().get(pair).tags
            st.button(
                title, icon=icon, key=f"teach_{key}", shortcut=key, disabled=pair is None,
                on_click=_say, args=(view, pair, tag), type="primary" if given else "secondary",
            )  # fmt: skip
        st.button(
            "Undo", icon=":material/undo:", key="teach_undo", shortcut="U",
            on_click=session_workspace.undo, disabled=not session_workspace.workspace_state().undo,
        )  # fmt: skip
    tray = [p for p in state.tray() if p[0] == view.data_set]
    with st.container(horizontal=True, gap="small"):
        for sign, title in (("", "Tray has it"), (AGAINST, "Tray has it not")):
            st.button(
                title, key=f"teach_tray{len(sign)}", disabled=not tray,
                on_click=_say_all, args=(tray, sign + held.tag),
                help=f"All {len(tray):,} galaxies of the tray",
            )  # fmt: skip


def _say(view: View, pair: Pair, tag: str) -> None:
    """Give a galaxy a tag, and open the next one to label."""
    queue = st.session_state.get("teach_queue", [])
    labels().say([pair], tag)
    following = next((p for p in queue if p != pair and not _labelled(p, tag)), None)
    if following is not None:
        state.set_focus(following[0], following[1], "gallery")


def _labelled(pair: Pair, tag: str) -> bool:
    word = tag.removeprefix(AGAINST)
    return bool({word, AGAINST + word} & set(labels().get(pair).tags))


def _say_all(pairs: list[Pair], tag: str) -> None:
    labels().say(pairs, tag)


def draw_taught(view: View) -> None:
    """What the examples say: galaxies to label next, and all others ranked."""
    held = page_state(TeachingState)
    if not held.tag:
        st.info("Choose a tag on the left.", icon=":material/label:")
        return
    taught = taught_tag(held.tag, (view.data_set,), str(view.model))
    taught.draw_counts()
    if taught.word is None:
        _draw_start(view, taught)
        return
    asked = taught.space.next_to_label(taught.word, [*taught.yes, *taught.no], ASKED)
    with st.expander("Label these next", expanded=True, icon=":material/quiz:"):
        st.caption("Least sure, and unlike each other.")
        _draw(
            view, taught.scores(asked), "teach_next", "Galaxies to label next", "Least sure first"
        )
    st.session_state["teach_queue"] = taught.pairs(asked)
    order = taught.others()
    passing = filtering.passing(view.data_set, view.model)
    if passing is not None:
        order = order[passing[order]]
    st.subheader(f"{len(order):,} others, most likely first")
    _draw(view, taught.scores(order[:MOST]), "teach_ranked", f"Ranked by {held.tag}",
          "Most likely first")  # fmt: skip


def _draw_start(view: View, taught: TaughtTag) -> None:
    """Nothing to learn from yet: galaxies unlike each other to begin with."""
    st.caption("These differ from each other; say of some of them whether they have it, or find "
               "one by words or by name first.")  # fmt: skip
    found = taught.scores(taught.space.spread_out(24))
    st.session_state["teach_queue"] = list(found)
    _draw(view, found, "teach_start", "Galaxies to begin with", "Most unlike first")


def _draw(view: View, scores: dict[Pair, float], key: str, label: str, order: str) -> None:
    draw_ranked(view, list(scores), scores, key=key, label=label, order=order)
