"""Outlier scores of galaxies from their latent vectors."""

from __future__ import annotations

import numpy as np

from radioviz.atlas.layouts import SAMPLE, SEED
from radioviz.neighbours import nearest_of

NEIGHBOURS = 20
_CELLS = 1 << 23


def latent_outlier_scores(
    latents: np.ndarray, rows: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """How isolated each galaxy is in latent space; higher is more unusual.

    ``knn_distance``: mean Euclidean distance to the 20 nearest other sources; in a survey of
    more than 20,000, to the 20 nearest of a random sample of that size.
    ``isolation``: isolation forest on the latents (Liu et al. 2008).

    ``latents``: float32, shape ``(n, d)``; ``rows``: of the sources that each is compared with, by
    default all. Returns name to float32 of shape ``(n,)``; NaN if there is no other source.
    """
    rows = np.arange(len(latents)) if rows is None else rows
    if len(rows) < 2:
        nothing = np.full(len(latents), np.nan, np.float32)
        return {"knn_distance": nothing, "isolation": nothing}
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, SAMPLE, replace=False))
    return {"knn_distance": _knn_distance(latents, rows), "isolation": _isolation(latents, rows)}


def _knn_distance(latents: np.ndarray, rows: np.ndarray) -> np.ndarray:
    base = np.ascontiguousarray(latents[rows])
    k = min(NEIGHBOURS, len(base) - 1)
    place = np.full(len(latents), -1)
    place[rows] = np.arange(len(rows))
    out = np.empty(len(latents), np.float32)
    step = min(4096, max(1, _CELLS // len(base)))
    for start in range(0, len(latents), step):
        squared, nearest = nearest_of(base, latents[start : start + step], k + 1)
        # A source of the sample is not its own neighbour.
        squared = np.where(nearest == place[start : start + step, None], -1.0, squared)
        squared.sort(axis=1)
        own = squared[:, 0] < 0
        distance = np.sqrt(np.maximum(squared, 0))
        out[start : start + step] = np.where(
            own, distance[:, 1:].mean(axis=1), distance[:, :-1].mean(axis=1)
        )
    return out


def _isolation(latents: np.ndarray, rows: np.ndarray) -> np.ndarray:
    from sklearn.ensemble import IsolationForest

    # Each tree sees 256 galaxies anyway, so a sample is as good as all of them.
    forest = IsolationForest(n_estimators=300, random_state=SEED).fit(latents[rows])
    parts = np.array_split(latents, max(1, len(latents) // 8192))
    return np.concatenate([-forest.score_samples(p) for p in parts]).astype(np.float32)
