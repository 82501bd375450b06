"""What galaxies look like in words: one on Inspect, a selection against others on the map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.ui import cache, controls
from radioviz.ui.subsets import subsets
from radioviz.words.description import Evidence, evidence_of, sentence_of, tags_apart
from radioviz.words.heads import CALIBRATED, read_heads
from radioviz.words.vocabulary import read_vocabulary

Pair = tuple[str, str]
_REST = "All others"


def galaxy_words(catalogue: Catalogue, row: int, pair: Pair) -> None:
    """One sentence about a galaxy, and what each of its words rests on."""
    stored = cache.galaxy_scores(pair[0])
    values: dict[str, object] = {str(k): v for k, v in catalogue.table.iloc[row].items()}
    values |= {str(k): v for k, v in stored.of([pair[1]]).iloc[0].items()}
    vocabulary = read_vocabulary()
    if not any(column in stored.columns for column in vocabulary.columns):
        return
    learned = {c: stored.columns[c].model for c in vocabulary.columns
               if c in stored.columns and stored.columns[c].model}  # fmt: skip
    evidence = evidence_of(values, vocabulary, learned)
    st.markdown(controls.escape(sentence_of(evidence, values)))
    if evidence:
        with st.expander("Evidence", icon=":material/fact_check:"):
            st.dataframe(_evidence_table(evidence, learned), hide_index=True, key="word_evidence")
            st.caption(_reliability_text(str(values.get("survey", ""))))


def _reliability_text(survey: str) -> str:
    """What the column of errors means, and where it does not hold."""
    text = "Off by: mean error of the probabilities of a learned tag on galaxies it had not seen."
    if survey != CALIBRATED:
        text += (
            f" Tags were learned from {CALIBRATED}: elsewhere their order holds better than their "
            "numbers."
        )
    return text


def _evidence_table(evidence: list[Evidence], learned: dict[str, str]) -> pd.DataFrame:
    lines = []
    for one in evidence:
        measured = "; ".join(
            f"{name} {value:.3g}, even odds at {half:.3g}" for name, value, half in one.measured
        )
        model = learned.get(one.tag.column, "")
        heads = read_heads(model) if model else None
        off = heads.about.get(one.tag.column, {}).get("off") if heads else None
        lines.append({
            "Tag": one.tag.name, "Probability": one.probability,
            "Off by": "–" if off is None else f"{off:.2f}",
            "By": f"head on {model} and measured columns" if model else "measured columns",
            "Measured": measured or "–", "Meaning": one.tag.sentence,
        })  # fmt: skip
    return pd.DataFrame(lines).round({"Probability": 2})


def selection_words(data_set: str, source_ids: list[str]) -> None:
    """Tags that set a selection apart from all others, or from a named subset."""
    catalogue = cache.data_set(data_set)
    stored = cache.galaxy_scores(data_set).of(catalogue.table["source_id"].to_numpy(object))
    vocabulary = read_vocabulary()
    tags = stored[[c for c in vocabulary.columns if c in stored]]
    if tags.empty or not len(tags.columns):
        return
    inside = np.zeros(len(catalogue), dtype=bool)
    inside[catalogue.known_rows_of(source_ids)] = True
    named = {s.name: s for s in subsets()}
    against, outside = _REST, ~inside
    if named:
        against = st.selectbox(
            "In words, against", [_REST, *named], key="words_against", persist_state="session"
        )
    if against in named:
        outside = np.zeros(len(catalogue), dtype=bool)
        members = named[against].members.groups().get(data_set, [])
        outside[catalogue.known_rows_of(members)] = True
    apart = tags_apart(tags, inside, outside, vocabulary)
    if apart.empty:
        st.caption("No tag sets it apart.")
        return
    words = [
        f"{'more' if here > there else 'less'} often **{name}** ({here:.0%} against {there:.0%})"
        for name, here, there in apart.head(5)[["name", "inside", "outside"]].to_numpy(object)
    ]
    st.markdown(f"The selection is {'; '.join(words)}.")
