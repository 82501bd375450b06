"""A search of the Similar page: from examples and a picture to scored galaxies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.data.matching import close_pairs
from radioviz.similarity import LatentIndex, Query, compose_query, scores, search
from radioviz.ui import cache, controls, galaxies
from radioviz.ui.cache import Nulls
from radioviz.ui.pages.similar import query_state as query
from radioviz.ui.pages.similar.query_state import Pair, Picture, Wish

NUMBERS = (24, 60, 120, 300)
NEIGHBOURHOOD = "neighbourhood"
DEFAULT = "whitened"
"""Detail counts beside the main axes, and scores still tell whether anything is similar."""

NO_CLASS = "no class"
SAMPLE = 50_000  # galaxies whose scores are shown where there are too many to compare
MOST_NULL = 20  # examples: the mean of more is no narrower to the eye


@dataclass(frozen=True)
class Settings:
    """How to search: what the widgets above the results say."""

    targets: tuple[str, ...]
    measure: str = DEFAULT
    rotated: bool = False
    number: int = NUMBERS[0]
    separation: float = 10.0
    labels: tuple[str, ...] = ()

    @property
    def space(self) -> str:
        """What latents are turned into before they are compared, empty for nothing."""
        return {"cosine": "", NEIGHBOURHOOD: "whitened"}.get(self.measure, self.measure)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a search found.

    Attributes
    ----------
    table : pandas.DataFrame
        As :func:`radioviz.similarity.search` gives it.
    every : dict
        Score of every galaxy by data set, ``(n,)``; -inf for those that could be no result:
        without a direction, an example, or too near to one on the sky. Of a data set that is
        searched through an index, of a fair sample; the others are -inf as well.
    nulls : dict
        What unrelated galaxies score, by data set.
    """

    table: pd.DataFrame
    every: dict[str, np.ndarray]
    nulls: dict[str, Nulls]
    examples: int
    left_out: int = 0
    pairs: list[Pair] = field(default_factory=list)


@contextmanager
def waiting(needs_torch: bool) -> Iterator[None]:
    """Say why it takes a while, where an encoder has to be opened for this query."""
    if not needs_torch:
        yield
        return
    first = "torch" not in sys.modules
    with st.spinner(
        "Encoding: a picture that is in no data set, or turned views of a galaxy, have no stored "
        "latent vectors."
        + (" The first one opens the encoder, which takes a few seconds." if first else "")
    ):
        yield


def run(model: str, wish: Wish, picture: Picture | None, settings: Settings) -> Outcome:
    """Search.

    Raises
    ------
    RadioVizError
        If an Atlas or a data set is not at hand, or the query has no direction.
    """
    wanted = dict.fromkeys([*settings.targets, *(d for d, _ in (*wish.like, *wish.unlike))])
    for key in wanted:
        controls.open_with_progress(key)
    indexes = {key: cache.latent_index(key, model, settings.space) for key in wanted}
    targets = [indexes[key] for key in settings.targets]
    with waiting(picture is not None or settings.rotated):
        asked = _query(model, wish, picture, settings, list(indexes.values()))
        positives = len(asked.positives)
        negatives = 0 if asked.negatives is None else len(asked.negatives)
        nulls = {
            key: cache.nulls(
                key,
                model,
                settings.space,
                min(positives, MOST_NULL),
                min(negatives, MOST_NULL),
                settings.rotated,
            )
            for key in settings.targets
        }
    masks = _masks(settings) if settings.labels else {}
    every = {index.data_set: _every(index, asked) for index in targets}
    for index in targets:
        every[index.data_set][_left_out(index, asked, settings.separation)] = -np.inf
    if settings.measure == NEIGHBOURHOOD:
        every, nulls = _walked(model, every), {}
    table = search(
        targets,
        asked,
        settings.number,
        separation_arcsec=settings.separation,
        where=masks,
        nulls={key: null.unrelated for key, null in nulls.items()},
        values={
            index.data_set: every[index.data_set]
            for index in targets
            if index.approximate is None or settings.measure == NEIGHBOURHOOD
        },
    )
    return Outcome(
        table,
        every,
        nulls,
        positives + negatives,
        sum(len(index.unusable) for index in targets),
        list(zip(table["data_set"], table["source_id"], strict=True)),
    )


def _every(index: LatentIndex, asked: Query) -> np.ndarray:
    """Scores of all, or, where all would take too long, of a fair sample."""
    if index.approximate is None:
        return scores(index, asked)
    out = np.full(len(index), -np.inf, dtype=np.float32)
    rows = np.arange(0, len(index), max(1, len(index) // SAMPLE))
    out[rows] = scores(index, asked, rows)
    return out


def _query(
    model: str, wish: Wish, picture: Picture | None, settings: Settings, indexes: list[LatentIndex]
) -> Query:
    views = None
    if settings.rotated:
        views = {
            pair: cache.rotated_views(model, pair[0], np.array([galaxies.row_of(pair)[1]]))[0]
            for pair in (*wish.like, *wish.unlike)
        }
    latents = None
    if picture is not None:
        kept = st.session_state.setdefault("similar_latents", {})
        key = (model, picture.digest, settings.rotated)
        if key not in kept:
            kept.clear()
            kept[key] = query.encoded(model, picture.seen, settings.rotated)
        latents = kept[key]
    space = settings.space
    return compose_query(
        indexes,
        wish.like,
        wish.unlike,
        image=latents,
        position=picture.position if picture else None,
        views=views,
        whitening=cache.whitening(model, settings.targets[0], space) if space else None,
    )


def _walked(model: str, every: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores after they flowed along the graph of each data set; the best becomes 1."""
    out = {}
    for key, values in every.items():
        known = np.isfinite(values)
        walked = cache.neighbourhood(key, model).diffuse(np.where(known, values, -1.0)[None])[0]
        out[key] = np.where(known, walked, -np.inf).astype(np.float32)
    top = max((float(v.max()) for v in out.values() if len(v)), default=1.0)
    return {key: v / top if top > 0 else v for key, v in out.items()}


def _left_out(index: LatentIndex, asked: Query, separation: float) -> np.ndarray:
    """Rows that are an example, a repeat of one, or lie near one, as in the search itself."""
    out = np.zeros(len(index), dtype=bool)
    known = np.array([s for d, s in asked.exclude if d == index.data_set and s in index], object)
    if len(known):
        rows = np.array([index.row_of(str(s)) for s in known])
        out |= np.isin(index.first_of(np.arange(len(index))), index.first_of(rows))
    if len(asked.positions):
        ra, dec = asked.positions.T
        near, _, _ = close_pairs(index.ra, index.dec, ra, dec, radius_arcsec=separation)
        out[near] = True
    return out


def _masks(settings: Settings) -> dict[str, np.ndarray]:
    wanted = [("" if name == NO_CLASS else name) for name in settings.labels]
    return {
        key: cache.data_set(key).table["label"].isin(wanted).to_numpy() for key in settings.targets
    }
