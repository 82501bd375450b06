"""How a search compares latents: its measure, its index on disk, and the scores of every galaxy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.matching import close_pairs
from radioviz.errors import SimilarityError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.similarity.index import LatentIndex
from radioviz.similarity.metric import Whitening
from radioviz.similarity.neighbourhood import Neighbourhood
from radioviz.similarity.query import Query
from radioviz.similarity.search import scores

WHITENED, CLASSES, COSINE, NEIGHBOURHOOD = "whitened", "classes", "cosine", "neighbourhood"
MEASURES = (WHITENED, COSINE, NEIGHBOURHOOD, CLASSES)
"""Cosine of whitened latents, of latents as they are, along the graph of neighbours, and along
the axes that separate the labelled classes."""

SAMPLE = 50_000  # galaxies whose scores are computed where there are too many to compare
MAX_NULL = 20  # examples: the distribution for more is no narrower to the eye
NULL_SAMPLE = 48
"""Galaxies whose rotated views are encoded for the scores of a search by chance."""


def space_of(measure: str) -> str:
    """How latents are transformed before they are compared; empty for as they are."""
    return {COSINE: "", NEIGHBOURHOOD: WHITENED}.get(measure, measure)


def fitted_whitening(latents: np.ndarray, table: pd.DataFrame, space: str) -> Whitening:
    """Whitening of a space of :func:`space_of`, from a reference data set and its latents.

    Galaxies of the test split count for no class, so that results can be evaluated on them.
    """
    if space != CLASSES:
        return Whitening.of(latents)
    labels = np.where(table["split"] == "train", table["label"], "").astype(object)
    return Whitening.of_classes(latents, labels)


def prepared_index(
    index: LatentIndex,
    whitening: Whitening | None,
    space: str,
    folder: Path,
    progress: Progress = no_progress,
) -> LatentIndex:
    """An index of whitened latents; a large one is searched through files in ``folder``.

    ``progress`` is called while they are written. Without write access there, all latents are
    compared.
    """
    if not index.large:
        return index if whitening is None else whitening.index(index)
    plain = index
    try:
        if whitening is not None:
            index = whitening.index(index, folder, progress)
            folder = folder / space
        return index.with_approximate(folder / "index", progress)
    except SimilarityError:
        return index if whitening is None or index is not plain else whitening.index(plain)


def sampled_rows(index: LatentIndex) -> np.ndarray:
    """Rows of :data:`NULL_SAMPLE` galaxies, always the same ones."""
    usable = np.flatnonzero(index.inverse_norms > 0)
    return np.random.default_rng(0).permutation(usable)[:NULL_SAMPLE]


def comparable_scores(index: LatentIndex, query: Query, separation: float) -> np.ndarray:
    """Scores of all rows, or of a sample of many, ``(n,)``; -inf for examples and rows near them.

    ``separation``: arcsec.
    """
    sampled = index.approximate is not None
    rows = np.arange(0, len(index), max(1, len(index) // SAMPLE) if sampled else 1)
    out = np.full(len(index), -np.inf, dtype=np.float32)
    out[rows] = scores(index, query, rows if sampled else None)
    known = index.source[index.rows_among(query.exclude)]
    out[np.isin(index.source, known)] = -np.inf
    if len(query.positions):
        ra, dec = query.positions.T
        near, _, _ = close_pairs(index.ra, index.dec, ra, dec, radius_arcsec=separation)
        out[near] = -np.inf
    return out


def diffused_scores(
    every: Mapping[str, np.ndarray], graphs: Mapping[str, Neighbourhood]
) -> dict[str, np.ndarray]:
    """Scores diffused along the graph of each data set, scaled so that the best is 1."""
    out = {}
    for key, values in every.items():
        known = np.isfinite(values)
        spread = graphs[key].diffuse(np.where(known, values, -1.0)[None])[0]
        out[key] = np.where(known, spread, -np.inf).astype(np.float32)
    top = max((float(v.max()) for v in out.values() if len(v)), default=1.0)
    return {key: v / top if top > 0 else v for key, v in out.items()}
