"""Latents ready to be searched, and how well unrelated galaxies score, shared by all sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.errors import SimilarityError

if TYPE_CHECKING:
    from radioviz.atlas.atlas import Atlas
    from radioviz.similarity import LatentIndex, Neighbourhood, NullDistribution, Whitening


NULL_SAMPLE = 48
"""Galaxies whose rotated views are encoded to tell how well such a search scores by chance."""


def latent_index(data_set_key: str, model: str, space: str = "") -> LatentIndex:
    """Latents of a data set, ready to be searched.

    Raises
    ------
    AtlasError, CatalogueError, SimilarityError
        If there is no Atlas, or it does not hold the sources as they are.
    """
    from radioviz.ui import cache

    return _latent_index(
        data_set_key, cache.data_set(data_set_key), cache.atlas(data_set_key, model), space
    )


@st.cache_resource(
    show_spinner=False, max_entries=32, hash_funcs={Catalogue: id, "radioviz.atlas.atlas.Atlas": id}
)
def _latent_index(
    data_set_key: str, catalogue: Catalogue, opened: Atlas, space: str
) -> LatentIndex:
    from radioviz.similarity import LatentIndex

    index = LatentIndex.of(catalogue, opened)
    folder = opened.folder / "search"
    if not index.large:
        return whitening(opened.model, data_set_key, space).index(index) if space else index
    # Beside the latents, once for all sessions; where nobody may write, all are compared.
    try:
        with st.spinner(f"Making the search index of {len(index):,} galaxies, this once …"):
            if space:
                index = whitening(opened.model, data_set_key, space).index(index, folder)
                folder = folder / str(space)
            return index.with_approximate(folder / "index")
    except SimilarityError:
        if space and index.latents is opened.latents:
            return whitening(opened.model, data_set_key, space).index(index)
        return index


WHITENED, CLASSES = "whitened", "classes"
"""Spaces that latents may be compared in, beside their own (``""``)."""


def whitening(model: str, otherwise: str, space: str = WHITENED) -> Whitening:
    """Whitening of a model's latents: of FIRST, or of data set ``otherwise`` without it.

    One for all data sets, so that their latents can be compared.
    """
    from radioviz.atlas.atlas import list_atlases
    from radioviz.ui import cache

    reference = "first" if ("first", model) in list_atlases() else otherwise
    labels: tuple[str, ...] = ()
    if space == CLASSES:
        # Test galaxies keep out of it, so that what is found for them can be judged.
        table = cache.data_set(reference).table
        labels = tuple(np.where(table["split"] == "train", table["label"], ""))
    return _whitening(cache.atlas(reference, model), labels)


@st.cache_resource(
    show_spinner=False, max_entries=16, hash_funcs={"radioviz.atlas.atlas.Atlas": id}
)
def _whitening(opened: Atlas, labels: tuple[str, ...]) -> Whitening:
    from radioviz.similarity import Whitening

    if labels:
        return Whitening.of_classes(opened.latents, np.array(labels, dtype=object))
    return Whitening.of(opened.latents)


def neighbourhood(data_set_key: str, model: str) -> Neighbourhood:
    """Graph of mutual neighbours over the whitened latents of a data set."""
    return _neighbourhood(latent_index(data_set_key, model, WHITENED))


@st.cache_resource(
    show_spinner=False, max_entries=16, hash_funcs={"radioviz.similarity.index.LatentIndex": id}
)
def _neighbourhood(index: LatentIndex) -> Neighbourhood:
    from radioviz.similarity import Neighbourhood

    return Neighbourhood.of_index(index)


def rotated_views(model: str, data_set_key: str, rows: np.ndarray) -> np.ndarray:
    """Latents of the eight views of galaxies, ``(m, 8, d)``; opens torch."""
    from radioviz.ui import cache

    catalogue = cache.data_set(data_set_key)
    return _rotated_views(
        model,
        cache.models()[model].weights_sha256,
        data_set_key,
        catalogue.digest,
        tuple(int(r) for r in rows),
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _rotated_views(
    model: str, weights: str, data_set_key: str, digest: str, rows: tuple[int, ...]
) -> np.ndarray:
    from radioviz.similarity import dihedral_views
    from radioviz.ui import cache

    opened = cache.encoder(model)
    catalogue = cache.data_set(data_set_key)
    images = opened.info.preprocess.apply(catalogue, np.array(rows, dtype=np.int64))
    views = dihedral_views(images)
    latents = opened.encode(np.ascontiguousarray(views.reshape(-1, *images.shape[1:])))
    return latents.reshape(len(rows), views.shape[1], -1)


@dataclass(frozen=True, eq=False)
class Nulls:
    """How well unrelated galaxies score, and how well the best match of a galaxy does."""

    unrelated: NullDistribution
    best: NullDistribution


def nulls(
    data_set_key: str, model: str, space: str, positives: int, negatives: int, rotated: bool
) -> Nulls:
    """Null distributions of a data set for a query of so many examples."""
    index = latent_index(data_set_key, model, space)
    return _nulls(index, data_set_key, model, space, positives, negatives, rotated)


@st.cache_resource(
    show_spinner=False, max_entries=64, hash_funcs={"radioviz.similarity.index.LatentIndex": id}
)
def _nulls(
    index: LatentIndex,
    data_set_key: str,
    model: str,
    space: str,
    positives: int,
    negatives: int,
    rotated: bool,
) -> Nulls:
    from radioviz.similarity import NullDistribution

    if not rotated:
        return Nulls(
            NullDistribution.of(index, positives=positives, negatives=negatives),
            NullDistribution.of_best_matches(index),
        )
    usable = np.flatnonzero(index.inverse_norms > 0)
    rows = np.random.default_rng(0).permutation(usable)[:NULL_SAMPLE]
    views = rotated_views(model, data_set_key, rows)
    if space:
        views = whitening(model, data_set_key, space)(views)
    return Nulls(
        NullDistribution.of_views(index, rows, views, positives=positives, negatives=negatives),
        NullDistribution.of_best_matches(index, rows=rows, views=views),
    )
