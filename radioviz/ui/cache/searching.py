"""Latents ready to be searched, and how well unrelated galaxies score, shared by all sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import AtlasError
from radioviz.ui.cache.data_sets import (
    atlas,
    atlas_names,
    atlas_version,
    available_data_sets,
    data_set,
    data_set_version,
    located,
    models,
    weights_of,
)
from radioviz.ui.cache.decoding import encoder
from radioviz.ui.cache.shared import shared
from radioviz.ui.in_line import in_line

if TYPE_CHECKING:
    from radioviz.similarity import LatentIndex, Neighbourhood, NullDistribution, Whitening
    from radioviz.similarity.familiarity import Familiarity


def _learned_from(model: str) -> list[str]:
    """Data sets that a model was trained on and that are here, with an Atlas of it."""
    here = available_data_sets()
    known = models()[model].training.get("data", ())
    return [k for k in known if k in here and model in atlas_names(k)]


@shared(lambda model: tuple(atlas_version(k, model) for k in _learned_from(model)), entries=4)
def familiarity(model: str) -> Familiarity | None:
    """What an encoder learned from, in its latents; None where that is not here.

    The validation galaxies of the same surveys say what is near to it.
    """
    from radioviz.models.registry import model_folder
    from radioviz.similarity.familiarity import LEARNED, familiarity, stored_familiarity

    stored = stored_familiarity(model_folder(model) / LEARNED, models()[model].weights_sha256)
    if stored is not None:
        return stored
    parts: dict[str, list[np.ndarray]] = {"train": [], "valid": []}
    for key in _learned_from(model):
        found = located(key, model)
        split = found.table["split"].to_numpy(str)
        for name, latents in parts.items():
            latents.append(np.asarray(found.atlas.latents[split == name], np.float32))
    if not parts["train"]:
        return None
    try:
        return familiarity(np.concatenate(parts["train"]), np.concatenate(parts["valid"]))
    except AtlasError:
        return None


def _reference(model: str, otherwise: str) -> str:
    """The data set whose latents define the whitening of a model: FIRST where it has an Atlas."""
    return "first" if model in atlas_names("first") else otherwise


def _whitening_key(
    model: str, otherwise: str, space: str = "whitened", own: bool = False
) -> tuple[object, ...]:
    reference = otherwise if own else _reference(model, otherwise)
    return *atlas_version(reference, model), *data_set_version(reference), space


@shared(_whitening_key, entries=16)
def whitening(model: str, otherwise: str, space: str = "whitened", own: bool = False) -> Whitening:
    """Whitening of a model's latents: of FIRST, or of data set ``otherwise`` without it.

    One for all data sets, so that their latents can be compared; ``own``: that of ``otherwise``,
    for examples of a sharper survey (:func:`matched_latents`).
    """
    from radioviz.similarity.spaces import fitted_whitening

    reference = otherwise if own else _reference(model, otherwise)
    return fitted_whitening(atlas(reference, model).latents, data_set(reference).table, space)


def _index_key(
    data_set_key: str, model: str, space: str = "", own: bool = False
) -> tuple[object, ...]:
    return *atlas_version(data_set_key, model), *data_set_version(data_set_key), space, own


@shared(_index_key, entries=32, waits=True)
def latent_index(data_set_key: str, model: str, space: str = "", own: bool = False) -> LatentIndex:
    """Latents of a data set, ready to be searched; ``own`` as for :func:`whitening`.

    Raises AtlasError, CatalogueError or SimilarityError if there is no Atlas, or its sources differ
    from those of the catalogue.
    """
    from radioviz.similarity import LatentIndex
    from radioviz.similarity.index import BLOCK
    from radioviz.similarity.spaces import prepared_index

    opened = atlas(data_set_key, model)
    index = LatentIndex.of(data_set(data_set_key), opened)
    white = whitening(model, data_set_key, space, own) if space else None
    folder = opened.folder / ("own" if own else "search")
    if not index.large:
        return prepared_index(index, white, space, folder)
    # A large one is stored with the latents, for all sessions.
    title = f"Building the search index of {len(index):,} galaxies, only once"
    parts = 2 * -(-len(index) // BLOCK)
    with in_line(title, parts, "search_index", f"{data_set_key} {model} {space}") as progress:
        return prepared_index(index, white, space, folder, progress)


@shared(_index_key, entries=16)
def neighbourhood(data_set_key: str, model: str) -> Neighbourhood:
    """Graph of mutual neighbours over the whitened latents of a data set."""
    from radioviz.similarity import Neighbourhood

    return Neighbourhood.of_index(latent_index(data_set_key, model, "whitened"))


@shared(
    lambda model, data_set_key, rows: (
        *weights_of(model),
        *data_set_version(data_set_key),
        tuple(int(r) for r in rows),
    ),
    entries=64,
    copies=True,
    waits=True,
)
def rotated_views(model: str, data_set_key: str, rows: np.ndarray) -> np.ndarray:
    """Latents of the eight views of galaxies, ``(m, 8, d)``; imports torch."""
    from radioviz.encode import VIEWS_BATCH

    slices = -(-8 * len(rows) // VIEWS_BATCH)
    with in_line("Encoding rotated views", slices, f"similar_views_{data_set_key}") as progress:
        return encoder(model).encode_views(data_set(data_set_key), rows, progress)


@shared(
    lambda model, data_set_key, rows, rotated: (
        *weights_of(model),
        *data_set_version(data_set_key),
        tuple(int(r) for r in rows),
        rotated,
    ),
    entries=64,
    copies=True,
    waits=True,
)
def latents_alone(model: str, data_set_key: str, rows: np.ndarray, rotated: bool) -> np.ndarray:
    """Latents of galaxies without the emission of other sources, ``(m, r, d)``; imports torch."""
    from radioviz.encode.source_alone import latents_alone

    with in_line("Encoding the galaxy alone", 1, f"similar_alone_{data_set_key}"):
        return latents_alone(encoder(model), data_set(data_set_key), rows, rotated)


@shared(
    lambda model, data_set_key, searched, rows, rotated: (
        *_index_key(searched, model),
        *data_set_version(data_set_key),
        tuple(int(r) for r in rows),
        rotated,
    ),
    entries=64,
    copies=True,
    waits=True,
)
def matched_latents(
    model: str, data_set_key: str, searched: str, rows: np.ndarray, rotated: bool
) -> np.ndarray:
    """Latents of galaxies as ``searched``, a survey of a wider beam, would show them.

    Of shape ``(m, r, d)``, about the mean of its latents; imports torch. Call it where
    :func:`radioviz.similarity.query_image.wider_beam` gives a beam.
    """
    from radioviz.encode.matched_beam import matched_latents
    from radioviz.similarity.query_image import wider_beam

    catalogue = data_set(data_set_key)
    beam = wider_beam(catalogue, data_set(searched))
    assert beam is not None
    with in_line("Smoothing to the beam searched", 1, f"similar_beam_{data_set_key}"):
        found = matched_latents(encoder(model), catalogue, rows, beam, rotated)
    return found + _mean_apart(model, data_set_key, searched, beam)


@shared(
    lambda model, data_set_key, searched, beam: (
        *_index_key(searched, model),
        *data_set_version(data_set_key),
        beam,
    ),
    entries=16,
    waits=True,
)
def _mean_apart(model: str, data_set_key: str, searched: str, beam: float) -> np.ndarray:
    """Mean latent of a data set less that of galaxies smoothed to its beam, ``(d,)``."""
    from radioviz.encode.matched_beam import mean_matched

    with in_line("Comparing the two surveys", 1, f"similar_mean_{data_set_key}"):
        mean = mean_matched(encoder(model), data_set(data_set_key), beam)
    return latent_index(searched, model).mean - mean


@dataclass(frozen=True, eq=False)
class Nulls:
    """Scores of unrelated galaxies, and of the best match of a galaxy."""

    unrelated: NullDistribution
    best: NullDistribution


@shared(
    lambda data_set_key, model, space, *query: (
        *_index_key(data_set_key, model, space),
        *query,
    ),
    entries=64,
    waits=True,
)
def nulls(
    data_set_key: str,
    model: str,
    space: str,
    positives: int,
    negatives: int,
    rotated: bool,
) -> Nulls:
    """Null distributions of a data set for a query of so many examples."""
    from radioviz.similarity import NullDistribution
    from radioviz.similarity.spaces import sampled_rows

    index = latent_index(data_set_key, model, space)
    if not rotated:
        return Nulls(
            NullDistribution.of(index, positives=positives, negatives=negatives),
            NullDistribution.of_best_matches(index),
        )
    rows = sampled_rows(index)
    views = rotated_views(model, data_set_key, rows)
    if space:
        views = whitening(model, data_set_key, space)(views)
    return Nulls(
        NullDistribution.of_views(index, rows, views, positives=positives, negatives=negatives),
        NullDistribution.of_best_matches(index, rows=rows, views=views),
    )
