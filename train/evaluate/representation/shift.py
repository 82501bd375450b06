"""Distances between data sets in the features of an encoder.

The Frechet distance of two Gaussians (Dowson & Landau 1982; Heusel et al. 2017),

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)),

of whitened principal components. For few galaxies it is far from 0 even for equal distributions, so
the table also gives the distance between two random halves of as many galaxies.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import list_atlases
from radioviz.data.registry import open_data_set
from radioviz.models.registry import list_models
from train.core.config import TrainError
from train.evaluate.representation.codes import codes

COMPONENTS = 16
DRAWS = 20


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance of Gaussians with the moments of two samples ``(n, d)`` and ``(m, d)``."""
    from scipy.linalg import eigh

    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = eigh(np.atleast_2d(first))
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    # The trace of (S1 S2)^(1/2) is that of the symmetric (S1^(1/2) S2 S1^(1/2))^(1/2).
    cross = np.sqrt(eigh(root @ np.atleast_2d(second) @ root, eigvals_only=True).clip(0)).sum()
    gap = np.square(a.mean(0) - b.mean(0)).sum()
    return float(gap + np.trace(np.atleast_2d(first)) + np.trace(np.atleast_2d(second)) - 2 * cross)


def distances(samples: dict[str, np.ndarray], seed: int = 0) -> pd.DataFrame:
    """Distance of each pair of samples, for equal numbers drawn from both.

    ``samples``: features ``(n, d)`` of each data set. Returns ``a``, ``b``, ``n`` (galaxies of
    each), ``distance`` and ``std`` over draws, and ``floor``: the mean distance between two halves,
    of ``n`` galaxies each, of one data set.
    """
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(seed)
    together = np.concatenate(list(samples.values()))
    d = min(COMPONENTS, together.shape[1])
    reduce = PCA(d, whiten=True, random_state=0).fit(together)
    z = {key: reduce.transform(x) for key, x in samples.items()}
    rows = []
    for a, b in itertools.combinations(z, 2):
        n = min(len(z[a]), len(z[b])) // 2
        if n <= d:
            raise TrainError(f"{a} and {b}: {n} galaxies each are too few for {d} components")
        found, floor = [], []
        for _ in range(DRAWS):
            one, other = rng.permutation(len(z[a])), rng.permutation(len(z[b]))
            found.append(frechet(z[a][one[:n]], z[b][other[:n]]))
            floor += [
                frechet(z[a][one[:n]], z[a][one[n : 2 * n]]),
                frechet(z[b][other[:n]], z[b][other[n : 2 * n]]),
            ]
        rows.append((a, b, n, np.mean(found), np.std(found), np.mean(floor)))
    return pd.DataFrame(rows, columns=["a", "b", "n", "distance", "std", "floor"])


def shift_table(models: list[str]) -> pd.DataFrame:
    """Distances between all data sets that each encoder has an Atlas of."""
    made: dict[str, list[str]] = {}
    for key, model in list_atlases():
        if model in list_models():
            made.setdefault(model, []).append(key)
    out = []
    for model in models or [m for m, keys in made.items() if len(keys) > 1]:
        if len(made.get(model, [])) < 2:
            raise TrainError(f"'{model}' has Atlases of {made.get(model, [])}; two are needed")
        samples = {}
        for key in made[model]:
            catalogue = open_data_set(key)
            whole = catalogue.table["flag"].eq("").to_numpy()
            samples[key] = codes(model, catalogue).values[whole, 0]
        out.append(distances(samples).assign(encoder=model))
    return pd.concat(out, ignore_index=True)
