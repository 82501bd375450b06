"""A search of the Similar page: from examples and a picture to scored galaxies."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.errors import SimilarityError
from radioviz.similarity import LatentIndex, Query, compose_query, dihedral_views, search
from radioviz.similarity.query_image import wider_beam
from radioviz.similarity.spaces import (
    MAX_NULL,
    NEIGHBOURHOOD,
    WHITENED,
    comparable_scores,
    diffused_scores,
    space_of,
)
from radioviz.ui import cache, controls, filtering, galaxies
from radioviz.ui.cache import Nulls
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.similar.query_upload import kept
from radioviz.ui.pages.similar.state import Pair, QueryPicture, SimilarityQuery

NUMBERS = (24, 60, 120, 300)
DEFAULT = WHITENED
"""Detail counts next to the main axes, and scores still show whether anything is similar."""

NO_CLASS = "no class"


@dataclass(frozen=True)
class SearchSettings:
    """The widgets above query and results."""

    targets: tuple[str, ...]
    measure: str = DEFAULT
    rotated: bool = False
    number: int = NUMBERS[0]
    separation: float = 10.0
    labels: tuple[str, ...] = ()
    alone: bool = False  # examples are encoded without the emission of other sources

    @property
    def space(self) -> str:
        """Transformation of the latents before they are compared, empty for none."""
        return space_of(self.measure)


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Galaxies that a search found."""

    table: pd.DataFrame  # as :func:`radioviz.similarity.search` gives it
    pairs: list[Pair]  # its rows
    # Score of every galaxy by data set, ``(n,)``; -inf for those that cannot be results: without a
    # direction, an example, or too near to one on the sky. In a data set that is searched through
    # an index, -inf outside a representative sample.
    every: dict[str, np.ndarray]
    nulls: dict[str, Nulls]  # scores of unrelated galaxies, by data set
    # Data sets of examples that were smoothed to the wider beam of the one searched.
    smoothed: frozenset[str] = frozenset()


@contextmanager
def _explained(needs_torch: bool) -> Iterator[None]:
    """Say why it takes a while to encode a query."""
    if not needs_torch:
        yield
        return
    first = "torch" not in sys.modules
    with st.spinner(
        "Encoding: an uploaded picture, or rotated views of a galaxy, have no stored latents."
        + (" The first one loads the encoder, which takes a few seconds." if first else "")
    ):
        yield


def search_galaxies(
    model: str, query: SimilarityQuery, picture: QueryPicture | None, settings: SearchSettings
) -> SearchResult:
    """Search for galaxies similar to a query.

    Raises RadioVizError if an Atlas or a data set is not available, or the query has no direction.
    """
    wanted = dict.fromkeys([*settings.targets, *(d for d, _ in query.examples)])
    for key in wanted:
        controls.open_with_progress(key)
    several = bool(cache.models()[model].channels)  # which have several beams
    sharper = set() if several else sharper_surveys(query, settings.targets)
    own = bool(sharper)  # what the survey searched has in common is not what is looked for
    indexes = {
        key: cache.latent_index(key, model, settings.space, own and key in settings.targets)
        for key in wanted
    }
    targets = [indexes[key] for key in settings.targets]
    with _explained(picture is not None or settings.rotated or settings.alone or own):
        vectors = _query_vectors(model, query, picture, settings, list(indexes.values()), sharper)
        likes = min(len(vectors.positives), MAX_NULL)
        unlikes = 0 if vectors.negatives is None else min(len(vectors.negatives), MAX_NULL)
        nulls = {
            key: cache.nulls(key, model, settings.space, likes, unlikes, settings.rotated)
            for key in settings.targets
            if not own  # galaxies of one survey score higher among themselves
        }
    every = {
        index.data_set: comparable_scores(index, vectors, settings.separation) for index in targets
    }
    along_graph = settings.measure == NEIGHBOURHOOD
    if along_graph:
        every = diffused_scores(every, {key: cache.neighbourhood(key, model) for key in every})
        nulls = {}
    names = ["" if name == NO_CLASS else name for name in settings.labels]
    table = search(
        targets,
        vectors,
        settings.number,
        separation_arcsec=settings.separation,
        where=_allowed(settings.targets, names, model),
        nulls={key: null.unrelated for key, null in nulls.items()},
        values={
            key: every[key]
            for key in settings.targets
            if along_graph or indexes[key].approximate is None
        },
    )
    pairs = list(zip(table["data_set"], table["source_id"], strict=True))
    return SearchResult(table, pairs, every, nulls, frozenset(sharper))


def sharper_surveys(query: SimilarityQuery, targets: Sequence[str]) -> set[str]:
    """Data sets of the examples that are smoothed to the beam of the one data set searched.

    A search in several data sets compares latents as they are: they have no common beam.
    """
    if len(targets) != 1:
        return set()
    searched = cache.data_set(targets[0])
    keys = {key for key, _ in query.examples} - {targets[0]}
    return {key for key in keys if wider_beam(cache.data_set(key), searched)}


def _allowed(targets: Sequence[str], labels: list[str], model: str) -> dict[str, np.ndarray]:
    """Masks of the galaxies that may be results: by class, and by the filter."""
    masks: dict[str, np.ndarray] = {}
    for key in targets:
        mask = filtering.passing(key, model)
        if labels:
            of_class = cache.data_set(key).table["label"].isin(labels).to_numpy()
            mask = of_class if mask is None else mask & of_class
        if mask is not None:
            masks[key] = mask
    return masks


def encode_picture(model: str, seen: np.ndarray, rotated: bool) -> np.ndarray:
    """Latents of a prepared picture, ``(r, d)``: of its eight views, or of itself alone.

    Loads torch.

    Raises SimilarityError if the encoder gives a latent vector that is zero or not finite.
    """
    views = dihedral_views(seen[None])[0] if rotated else seen[None]
    encoder = cache.encoder(model)
    with in_line("Encoding the picture", 1, "similar_encode"):
        latents = encoder.encode(np.ascontiguousarray(views, dtype=np.float32))
    norms = np.linalg.norm(latents.astype(np.float64), axis=1)
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise SimilarityError(
            f"the encoder '{model}' gives this picture a latent vector that is zero or not finite, "
            "so it has no direction to compare; choose another encoder"
        )
    return latents


def _query_vectors(
    model: str,
    query: SimilarityQuery,
    picture: QueryPicture | None,
    settings: SearchSettings,
    indexes: list[LatentIndex],
    sharper: set[str],
) -> Query:
    views, latents = None, None
    if settings.rotated or settings.alone or sharper:
        views = {pair: _views(model, pair, settings, sharper) for pair in query.examples}
    if picture is not None:
        seen, rotated = picture.seen, settings.rotated
        key = ("latents", model, picture.digest, rotated)
        latents = kept(key, lambda: encode_picture(model, seen, rotated))
    space = settings.space
    return compose_query(
        indexes,
        query.like,
        query.unlike,
        image=latents,
        position=picture.position if picture else None,
        views=views,
        whitening=cache.whitening(model, settings.targets[0], space, bool(sharper))
        if space
        else None,
    )


def _views(model: str, pair: Pair, settings: SearchSettings, sharper: set[str]) -> np.ndarray:
    """Latents of an example to compare with the data set searched, ``(r, d)``."""
    key, row = pair[0], np.array([galaxies.row_of(pair)[1]])
    if key in sharper:
        return cache.matched_latents(model, key, settings.targets[0], row, settings.rotated)[0]
    if settings.alone:
        return cache.latents_alone(model, key, row, settings.rotated)[0]
    if settings.rotated:
        return cache.rotated_views(model, key, row)[0]
    return np.asarray(cache.atlas(key, model).latents[row], np.float32)
