"""Quality of a search: precision, average precision, agreement of position angles.

All functions work on a matrix of scores, queries by database, and a mask of allowed results, which
excludes the query itself and other images of its source.
"""

from __future__ import annotations

import numpy as np

DEPTH = 10
SIZE_TOLERANCE = 0.2


def ranking(scores: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Columns by descending score, those not allowed last; int64 of the shape of ``scores``."""
    held = np.where(allowed, scores, -np.inf)
    order: np.ndarray = np.argsort(-held, axis=1, kind="stable")
    return order


def precision(order: np.ndarray, relevant: np.ndarray, depth: int = DEPTH) -> np.ndarray:
    """Share of relevant results among the first ``depth``, shape ``(q,)``."""
    share: np.ndarray = np.take_along_axis(relevant, order[:, :depth], axis=1).mean(axis=1)
    return share


def average_precision(order: np.ndarray, relevant: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Mean of the precision at each relevant result over the whole ranking, shape ``(q,)``.

    NaN for queries without a relevant result.
    """
    hits = np.take_along_axis(relevant & allowed, order, axis=1)
    counts = hits.sum(axis=1)
    at = np.cumsum(hits, axis=1) / np.arange(1, order.shape[1] + 1)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = (at * hits).sum(axis=1) / np.where(counts > 0, counts, np.nan)
    return mean


def similar_size(query: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Whether angular sizes agree within 20 % of the query's, bool ``(q, n)``; unknown: False."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(database[None] - query[:, None])
        close: np.ndarray = apart <= SIZE_TOLERANCE * query[:, None]
    return close


def inclination(
    order: np.ndarray, query: np.ndarray, database: np.ndarray, depth: int = DEPTH
) -> np.ndarray:
    """Mean of cos 2(difference of position angles) over the first results, shape ``(q,)``.

    1 if all results are aligned with the query, 0 for random position angles, -1 if all are
    perpendicular. Angles are in degrees modulo 180; NaN (no direction) is skipped.

    ``query``, ``database``: position angles, shapes ``(q,)`` and ``(n,)``.
    """
    found = database[order[:, :depth]]
    cosines = np.cos(np.radians(2 * (found - query[:, None])))
    known = np.isfinite(cosines)
    total = np.where(known, cosines, 0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = total / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    return mean
