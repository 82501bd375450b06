"""Similar, by tags of the reader's own: some galaxies with and without a tag rank all others."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.errors import LabelError
from radioviz.ui import cache, controls, filtering, session_workspace, state
from radioviz.ui.cache.data_sets import atlas_version, data_set_version
from radioviz.ui.cache.shared import shared
from radioviz.ui.controls import View
from radioviz.ui.label_editor import tag_choices
from radioviz.ui.pages.similar.word_search import draw_ranked
from radioviz.ui.session_labels import labels
from radioviz.ui.state import page_state
from radioviz.words.examples import FEWEST, ExampleSpace, TaughtWord
from radioviz.words.heads import COLUMNS
from radioviz.workspace.labels import AGAINST, checked_tag

Pair = tuple[str, str]
MOST = 3000
ASKED = 12
_TAG = "teach_tag"


@dataclass
class TeachingState:
    """The tag that is taught, and what was made from the labels last."""

    tag: str = ""
    made: dict[tuple[object, ...], TaughtWord] = field(default_factory=dict)


@shared(
    lambda data_set, model: (
        atlas_version(data_set, model), data_set_version(data_set)
    ),
    entries=4,
)  # fmt: skip
def _space(data_set: str, model: str) -> ExampleSpace:
    found = cache.located(data_set, model)
    table = cache.data_set(data_set).table
    latents = found.atlas.latents
    if not np.array_equal(found.rows, np.arange(len(table))):
        aligned = np.full((len(table), latents.shape[1]), np.nan, np.float32)
        aligned[found.rows] = latents
        latents = aligned
    columns = {c: table[c].to_numpy(float, na_value=np.nan) for c in COLUMNS if c in table}
    return ExampleSpace.of(latents, columns)


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
    yes, no = (len(labels().members(t)) for t in (held.tag, AGAINST + held.tag))
    st.caption(f"{yes:,} with it, {no:,} without it")
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
    catalogue = cache.data_set(view.data_set)
    sides = [
        catalogue.known_rows_of([s for d, s in labels().members(t) if d == view.data_set])
        for t in (held.tag, AGAINST + held.tag)
    ]
    space = _space(view.data_set, str(view.model))
    if min(map(len, sides)) < FEWEST:
        _draw_start(view, sides, space)
        return
    stamp = (view.data_set, view.model, *(tuple(s.tolist()) for s in sides))
    if stamp not in held.made:
        held.made = {stamp: space.teach(*sides)}
    word = held.made[stamp]
    _draw_counts(held.tag, word, sides)
    labelled = np.concatenate(sides)
    passing = filtering.passing(view.data_set, view.model)
    asked = space.next_to_label(word, labelled, ASKED)
    st.session_state["teach_queue"] = _pairs(view, asked)
    with st.expander("Label these next", expanded=True, icon=":material/quiz:"):
        st.caption("Least sure, and unlike each other.")
        draw_ranked(view, _pairs(view, asked), _scores(view, asked, word),
                    key="teach_next", label="Galaxies to label next")  # fmt: skip
    order = np.argsort(np.where(np.isfinite(word.probability), -word.probability, np.inf),
                       kind="stable")  # fmt: skip
    keep = ~np.isin(order, labelled) & np.isfinite(word.probability[order])
    if passing is not None:
        keep &= passing[order]
    order = order[keep]
    st.subheader(f"{len(order):,} others, most likely first")
    shown = order[:MOST]
    draw_ranked(view, _pairs(view, shown), _scores(view, shown, word),
                key="teach_ranked", label=f"Ranked by {held.tag}")  # fmt: skip


def _draw_counts(tag: str, word: TaughtWord, sides: list[np.ndarray]) -> None:
    known = np.isfinite(word.probability)
    most, sure = (int((p[known] >= 0.5).sum()) for p in (word.probability, word.low))
    st.markdown(
        f"**{controls.escape(tag)}**: {most:,} of {int(known.sum()):,} galaxies are more likely to "
        f"have it than not, {sure:,} of them surely (one sigma). By cross-validation "
        f"{word.right[0]} of {len(sides[0])} examples and {word.right[1]} of {len(sides[1])} "
        "counter-examples are put right."
    )


def _draw_start(view: View, sides: list[np.ndarray], space: ExampleSpace) -> None:
    """Nothing to learn from yet: galaxies unlike each other to begin with."""
    st.info(
        f"A ranking needs {FEWEST} galaxies with the tag and {FEWEST} without it; there are "
        f"{len(sides[0])} and {len(sides[1])}. These differ from each other; say of some of them "
        "whether they have it, or find one by words or by name first.",
        icon=":material/label:",
    )
    pairs = _pairs(view, space.spread_out(24))
    st.session_state["teach_queue"] = pairs
    draw_ranked(view, pairs, dict.fromkeys(pairs, np.nan), key="teach_start",
                label="Galaxies to begin with")  # fmt: skip


def _pairs(view: View, rows: np.ndarray) -> list[Pair]:
    return [(view.data_set, str(s)) for s in cache.data_set(view.data_set).ids_of(rows)]


def _scores(view: View, rows: np.ndarray, word: TaughtWord) -> dict[Pair, float]:
    return dict(zip(_pairs(view, rows), word.probability[rows].tolist(), strict=True))
