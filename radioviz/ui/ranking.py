"""Galaxies ranked by what the reader marked; the space they are compared in is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from radioviz.likelihood import strangeness
from radioviz.marking import Ranking, Space
from radioviz.ui import cache
from radioviz.ui.controls import View
from radioviz.ui.marks import marks

if TYPE_CHECKING:
    from radioviz.ui.likelihood_view import Shown

Pair = tuple[str, str]


def ranking(view: View, pairs: list[Pair], values: np.ndarray, shown: Shown) -> Ranking:
    """Rank of every galaxy by the marks of the session.

    Raises
    ------
    AtlasError
        If a data set has no latents.
    """
    base = shown.reference
    known = base.oriented(shown.settings.score.key)[base.learned()]
    keys = tuple(shown.tables)
    space = _space(view, keys, strangeness(values, known), shown.settings.score.key)
    place = {pair: i for i, pair in enumerate(pairs)}
    given = [(place[p], m) for m in marks() if (p := (m.data_set, m.source_id)) in place]
    # An artefact is what nobody looks for, whatever number it was given.
    return space.rerank(
        [i for i, _ in given], [0 if m.kind == "artefact" else m.mark for _, m in given]
    )


def _space(view: View, keys: tuple[str, ...], strange: np.ndarray, score: str) -> Space:
    """Held in the session until other galaxies or another score are looked at."""
    located = [cache.located(key, str(view.model)) for key in keys]
    stamp = (keys, view.model, score, tuple(id(x.atlas) for x in located))
    held = st.session_state.get("marks_space")
    if held is None or held[0] != stamp:
        latents = np.concatenate([_rows(x) for x in located])
        held = (stamp, Space.of(latents, strange))
        st.session_state["marks_space"] = held
    space: Space = held[1]
    return space


def _rows(located: cache.Located) -> np.ndarray:
    """Latents in the order of the catalogue."""
    latents = np.asarray(located.atlas.latents, np.float32)
    out = np.zeros((len(located.catalogue), latents.shape[1]), np.float32)
    out[located.rows] = latents
    return out


def reranked(view: View, pairs: list[Pair], values: np.ndarray, shown: Shown) -> list[Pair]:
    """Galaxies that are not marked yet, most interesting first."""
    order = ranking(view, pairs, values, shown).order()
    done = marks()
    return [pairs[i] for i in order if pairs[i] not in done]
