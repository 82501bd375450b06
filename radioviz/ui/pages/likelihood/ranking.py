"""Galaxies ranked by what the reader marked; the space they are compared in is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from radioviz.outliers.marking import ENCODERS, Ranking, Space, together
from radioviz.outliers.thresholds import strangeness
from radioviz.ui import cache
from radioviz.ui.controls import View
from radioviz.ui.marks import marks

if TYPE_CHECKING:
    from radioviz.ui.pages.likelihood.likelihood_view import Shown

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
    located = [[cache.located(key, m) for key in keys] for m in _encoders(view, keys)]
    stamp = (keys, score, tuple(id(x.atlas) for one in located for x in one))
    held = st.session_state.get("marks_space")
    if held is None or held[0] != stamp:
        parts = []
        for one in located:
            # A bent source is one however it lies; but all must be compared in one way.
            turned = all(x.atlas.orientation_stats is not None for x in one)
            parts.append(np.concatenate([_rows(x, turned) for x in one]))
        held = (stamp, Space.of(together(parts), strange))
        st.session_state["marks_space"] = held
    space: Space = held[1]
    return space


def _encoders(view: View, keys: tuple[str, ...]) -> list[str]:
    """Those of :data:`ENCODERS` that have seen every data set; else the one in view."""
    models = cache.models()
    found = [
        m for m in ENCODERS if m in models and all(m in cache.atlas_names(key) for key in keys)
    ]
    return found or [str(view.model)]


def _rows(located: cache.Located, turned: bool) -> np.ndarray:
    """Latents, or what is left of them over eight views, in the order of the catalogue."""
    known = located.atlas.orientation_stats if turned else None
    latents = np.asarray(located.atlas.latents if known is None else known, np.float32)
    out = np.zeros((len(located.catalogue), latents.shape[1]), np.float32)
    out[located.rows] = latents
    return out


def reranked(view: View, pairs: list[Pair], values: np.ndarray, shown: Shown) -> list[Pair]:
    """Galaxies that are not marked yet, most interesting first."""
    order = ranking(view, pairs, values, shown).order()
    done = marks()
    return [pairs[i] for i in order if pairs[i] not in done]
