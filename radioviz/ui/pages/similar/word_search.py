"""Similar, in words: a sentence, the filter and ranking that it became, and the galaxies found."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import streamlit as st

from radioviz.errors import FilterError
from radioviz.ui import (
    cache,
    controls,
    detail,
    filtering,
    galaxies,
    gallery,
    gallery_tools,
    state,
    tray,
    url_state,
)
from radioviz.ui.cache.data_sets import data_set_version
from radioviz.ui.cache.shared import shared
from radioviz.ui.code.filter_lines import among
from radioviz.ui.code.script import Expression, Script, call, literal
from radioviz.ui.controls import View
from radioviz.ui.gallery_tools import Look
from radioviz.ui.pages.similar import query_panel
from radioviz.ui.session_labels import labels
from radioviz.ui.state import Selection, page_state
from radioviz.ui.url_state import from_link
from radioviz.ui.workspace_columns import columns_in_view, workspace_columns
from radioviz.words.answers import RankedGalaxies, answer, answer_by_text, ask
from radioviz.words.sentence import LONGEST, AskedQuestion
from radioviz.words.text_encoder import load_text_encoder, text_encoders, text_scores
from radioviz.words.vocabulary import read_vocabulary

Pair = tuple[str, str]
MOST = 3000
"""Galaxies that a gallery lists."""
_BOX, _FILTER, _RANKING = "words_sentence", "words_filter", "words_ranking"
_ENCODER = "words_encoder"
_EXAMPLES = (
    "bent double with a bright core, larger than 80 arcsec",
    "FRII with hot spots, redshift between 0.1 and 0.3",
    "like J0747+1717 but one-sided",
    "ring-like, not compact",
)


@dataclass
class WordSearchState:
    """The sentence, and what it asks for as the reader may have changed it."""

    sentence: str = ""
    data_set: str = ""
    question: AskedQuestion = dataclasses.field(default_factory=AskedQuestion)
    refused: str = ""
    edited: bool = False


def open_link() -> None:
    """Take the sentence of a link: ``?words=...``."""
    if (written := from_link("words")) is not None:
        page_state(WordSearchState).sentence = written[:LONGEST]
        page_state(WordSearchState).data_set = ""  # not read yet
        st.session_state["similar_kind"] = "words"


def draw_sentence(view: View) -> None:
    """The box for the sentence, and the filter and ranking, which can be edited."""
    held = page_state(WordSearchState)
    if installed := list(text_encoders()):
        url_state.linked_choice(_ENCODER, "text", ["", *installed], "")
        st.selectbox(
            "Ranked by", ["", *installed], key=_ENCODER,
            format_func=lambda name: name or "Tags and numbers",
            help="Models of text and images that are installed beside RadioViz; they read the "
            "sentence as a whole, among the galaxies that pass its filter.",
        )  # fmt: skip
    if held.data_set != view.data_set and held.sentence:
        _read(view, held.sentence)
    st.session_state[_BOX] = held.sentence
    st.text_area(
        "Describe what you look for", key=_BOX, height=92, max_chars=LONGEST,
        on_change=lambda: _read(view, str(st.session_state[_BOX])),
        placeholder=_EXAMPLES[0],
        help="Tags, sizes, fluxes, redshifts, classes and names of galaxies, in any order; not, "
        "without, or; larger than 80 arcsec. Ctrl+Enter searches. It works offline.",
    )  # fmt: skip
    if not held.sentence:
        st.caption("For example:")
        for number, example in enumerate(_EXAMPLES):
            st.button(
                example, key=f"words_example_{number}", type="tertiary",
                on_click=_read, args=(view, example),
            )  # fmt: skip
    else:
        _draw_question(held)
    _draw_vocabulary()


def _read(view: View, text: str) -> None:
    held = page_state(WordSearchState)
    held.sentence, held.data_set, held.refused = text.strip(), view.data_set, ""
    held.edited = False
    held.question = AskedQuestion()
    if not held.sentence:
        return
    try:
        columns = columns_in_view(view.data_set, view.model)
        held.question = ask(held.sentence, columns, read_vocabulary(), _own_tags(view.data_set))
    except FilterError as error:
        held.refused = str(error)


def _own_tags(data_set: str) -> list[str]:
    return list(workspace_columns(data_set).tags)


def _draw_question(held: WordSearchState) -> None:
    asked = held.question
    if held.refused:
        st.error(controls.escape(held.refused), icon=":material/error:")
        return
    if asked.unknown:
        words = ", ".join(f"“{word}”" for word in asked.unknown)
        st.warning(f"Not understood: {controls.escape(words)}", icon=":material/help:")
    if asked.readings:
        words = ", ".join(f"“{wrong}” as {right}" for wrong, right in asked.readings)
        st.info(f"Read {controls.escape(words)}.", icon=":material/spellcheck:")
    for remark in asked.remarks:
        st.caption(controls.escape(remark))
    if not asked.understood and chosen_encoder():
        return
    if not asked.understood:
        st.info("Nothing of this is asked for in words that are known; see the vocabulary below.",
                icon=":material/menu_book:")  # fmt: skip
        return
    st.session_state[_FILTER], st.session_state[_RANKING] = asked.filter, asked.ranking
    st.text_area(
        "Filter", key=_FILTER, on_change=_edited, height=92,
        help="What galaxies must fulfil, in the language of the sidebar's filter",
    )  # fmt: skip
    if not chosen_encoder():
        st.text_input(
            "Ranked by", key=_RANKING, on_change=_edited, placeholder="order of the data set",
            help="Best first: arithmetic of columns, such as bent * (1 - compact)",
        )  # fmt: skip
    if asked.filter:
        st.button(
            "Filter every page by this", icon=":material/filter_alt:", key="words_apply",
            on_click=filtering.set_filter, args=(asked.filter,), width="stretch",
        )  # fmt: skip


def _edited() -> None:
    held = page_state(WordSearchState)
    held.edited = True
    held.question = dataclasses.replace(
        held.question, filter=str(st.session_state[_FILTER]).strip(),
        ranking=str(st.session_state.get(_RANKING, held.question.ranking)).strip(),
    )  # fmt: skip


def _draw_vocabulary() -> None:
    with st.expander("Vocabulary", icon=":material/menu_book:"):
        lines = []
        for tag in read_vocabulary().tags:
            also = f" Also: {', '.join(tag.synonyms[:4])}." if tag.synonyms else ""
            how = {"both": "measured and learned", "yours": "by you"}.get(tag.decided, tag.decided)
            lines.append(f"- **{tag.name}** ({how}): {tag.sentence}{also}")
        st.markdown(controls.escape("\n".join(lines)).replace("\\*\\*", "**").replace("\\- ", "- "))


def draw_found(view: View) -> None:
    """The galaxies that a sentence describes, best first."""
    held = page_state(WordSearchState)
    asked, encoder = held.question, chosen_encoder()
    if not (asked.understood or (encoder and held.sentence and not held.refused)):
        st.info(
            "Describe galaxies in plain English. The sentence becomes a filter and a ranking, "
            "which you can read and change.",
            icon=":material/chat:",
        )
        return
    columns = columns_in_view(view.data_set, view.model)
    if encoder:
        every = _text_scores(encoder, held.sentence, view.data_set)
        found = _within_filter(view, answer_by_text(asked, columns, every))
    else:
        found = _within_filter(view, answer(asked, columns))
    n = len(found.rows)
    if not n:
        st.info(
            "No galaxy fulfils this. Remove a condition of the filter, or lower a number in it.",
            icon=":material/filter_alt_off:",
        )
        return
    ids = columns.frame(found.rows[:MOST], ["source_id"])["source_id"].astype(str)
    pairs = [(view.data_set, source_id) for source_id in ids]
    scores = dict(zip(pairs, found.score[:MOST].tolist(), strict=True))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(controls.galaxies_text(n), width="content")
        _result_buttons(view, pairs, scores, f"described as: {held.sentence}")
    if n > MOST:
        st.caption(f"The gallery lists the first {MOST:,}.")
    draw_ranked(view, pairs, scores, key="words_gallery", label="Galaxies that fit the words")


def chosen_encoder() -> str:
    """The text encoder that ranks; empty where tags and numbers do."""
    return str(st.session_state.get(_ENCODER) or "") if text_encoders() else ""


@shared(lambda name, sentence, data_set: (name, sentence, data_set_version(data_set)), entries=8)
def _text_scores(name: str, sentence: str, data_set: str) -> np.ndarray:
    ids = cache.data_set(data_set).table["source_id"].to_numpy(object)
    return text_scores(load_text_encoder(name), sentence, data_set, ids)


def _within_filter(view: View, found: RankedGalaxies) -> RankedGalaxies:
    mask = filtering.passing(view.data_set, view.model)
    if mask is None:
        return found
    keep = mask[found.rows]
    return RankedGalaxies(found.rows[keep], found.score[keep])


def _collect(pairs: list[Pair]) -> None:
    state.tray().update(pairs)


def _result_buttons(view: View, pairs: list[Pair], scores: dict[Pair, float], note: str) -> None:
    st.button(
        "All to tray", icon=":material/add:", key="words_to_tray",
        on_click=_collect, args=(pairs,),
    )  # fmt: skip
    if st.button("On the map", icon=":material/scatter_plot:", key="words_to_map"):
        state.set_brush(pairs, "words")
        st.switch_page(controls.LATENT_MAP)
    with st.popover("Export", icon=":material/download:", key="words_export"):
        tray.export_buttons(
            Selection(pairs), view.model, key="words_as", note=note,
            scores={pair: {"match": value} for pair, value in scores.items()},
        )  # fmt: skip


def draw_ranked(
    view: View,
    pairs: list[Pair],
    scores: dict[Pair, float],
    *,
    key: str,
    label: str,
    order: str = "Best first",
) -> None:
    """A gallery whose captions begin with what galaxies are ranked by; ``order`` names theirs."""

    def cells(shown: list[Pair], look: Look) -> list[gallery.Cell]:
        made = galaxies.galaxy_cells(shown, view.style, size=look.pixels, common=look.common)
        return [
            dataclasses.replace(cell, name=f"{scores[cell.pair]:.2f} {cell.name}")
            if np.isfinite(scores[cell.pair]) else cell
            for cell in made
        ]  # fmt: skip

    gallery_tools.paged_gallery(
        pairs, view, cells, key=key, label=label, width=118, order=order,
        on_open=query_panel.open_galaxy, on_collect=detail.toggle_tray,
    )  # fmt: skip


def word_script(view: View) -> Script:
    """The search as lines of the Python API."""
    script = Script()
    held = page_state(WordSearchState)
    catalogue_tags = workspace_columns(view.data_set).tags
    used = {t: [s for d, s in labels().members(t) if d == view.data_set] for t in catalogue_tags
            if f'tag("{t}")' in held.question.filter}  # fmt: skip
    changed = {"condition": Expression(literal(held.question.filter)),
               "ranking": Expression(literal(held.question.ranking))}  # fmt: skip
    script.put("found", call("radioviz.search_words", held.sentence, view.data_set,
                             model=view.model or "", tags=used or None,
                             text_encoder=chosen_encoder(),
                             **(changed if held.edited else {})))  # fmt: skip
    if among(script, [view.data_set], view.model) is not None:
        within = 'found[found["source_id"].isin(shown["source_id"])]'
        script.put("found", Expression(within))
    return script
