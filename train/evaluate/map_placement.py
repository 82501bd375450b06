"""Place galaxies on a map fitted without them: ``python -m train evaluate placement``.

Fits a UMAP to four fifths of FIRST and places the rest on it, by UMAP's own transform and by their
nearest neighbours (:mod:`radioviz.atlas.placement`). Compares the 15 nearest fitted galaxies of
each placed one in latent space and on the map:

``trustworthiness``, ``continuity``
    Venna & Kaski 2001: neighbours on the map are neighbours in latent space, and the reverse; 1
    is perfect.
``overlap``
    Share of the 15 nearest on the map that are among the 15 nearest in latent space.

``fitted`` is the result for galaxies that the map was fitted to.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from radioviz.atlas.atlas import open_atlas
from radioviz.atlas.layouts import REFERENCE, SEED, fit_umap
from radioviz.atlas.placement import place_among_neighbours
from train.evaluate import benchmarks

FOLDS = 5
NEAREST = 15
METRICS = ("trustworthiness", "continuity", "overlap")
_T95 = 2.776  # Student's t of 4 degrees of freedom


def placement(model: str = "vae32,vae2") -> None:
    """Compare the methods under each model (names separated by commas) and record the results."""
    for name in model.split(","):
        latents = np.asarray(open_atlas(REFERENCE, name).latents, np.float32)
        found = placement_quality(latents)
        for method, folds in found.items():
            mean, half = folds.mean(axis=0), _T95 * folds.std(axis=0, ddof=1) / FOLDS**0.5
            for metric, value, error in zip(METRICS, mean, half, strict=True):
                benchmarks.record(
                    f"placement.{name}.{method}.{metric}",
                    (float(value), float(value - error), float(value + error)),
                    n=len(latents), split=f"{REFERENCE}, {FOLDS} folds", seeds=(SEED,),
                    command=f"python -m train evaluate placement --model {name}",
                )  # fmt: skip
            values = ", ".join(f"{m} {v:.4f}" for m, v in zip(METRICS, mean, strict=True))
            print(f"{name} {method}: {values}")


def placement_quality(latents: np.ndarray) -> dict[str, np.ndarray]:
    """:data:`METRICS` of each fold, shape ``(5, 3)``, by method."""
    order = np.random.default_rng(SEED).permutation(len(latents))
    out: dict[str, list[tuple[float, ...]]] = {"fitted": [], "umap": [], "neighbours": []}
    for held_out in np.array_split(order, FOLDS):
        inside = np.ones(len(latents), bool)
        inside[held_out] = False
        base, others = latents[inside], latents[held_out]
        mapper = fit_umap(base)
        ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "umap": mapper.transform,
            "neighbours": lambda x, b=base, m=mapper: place_among_neighbours(b, m.embedding_, x),  # type: ignore[misc]
        }
        for name, way in ways.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                positions = way(others)
            out[name].append(judge(base, mapper.embedding_, others, positions))
        some = np.random.default_rng(SEED).permutation(len(base))[: len(held_out)]
        rest = np.setdiff1d(np.arange(len(base)), some)
        spots = mapper.embedding_
        out["fitted"].append(judge(base[rest], spots[rest], base[some], spots[some]))
    return {name: np.array(folds) for name, folds in out.items()}


def judge(
    base: np.ndarray, spots: np.ndarray, others: np.ndarray, positions: np.ndarray
) -> tuple[float, float, float]:
    """Trustworthiness, continuity and overlap of placed galaxies among ``n`` fitted ones."""
    n, k = len(base), NEAREST
    latent, mapped = _ranks(base, others), _ranks(spots, positions)
    scale = 2 / (len(others) * k * (2 * n - 3 * k - 1))
    false = np.where(mapped < k, np.maximum(latent + 1 - k, 0), 0).sum()
    missed = np.where(latent < k, np.maximum(mapped + 1 - k, 0), 0).sum()
    overlap = ((latent < k) & (mapped < k)).sum() / (len(others) * k)
    return 1 - scale * false, 1 - scale * missed, float(overlap)


def _ranks(base: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rank of each row of ``base`` seen from each of ``others``, 0 the nearest: ``(m, n)``."""
    distance = np.square(base).sum(axis=1) - 2 * others @ base.T
    ranks = np.empty(distance.shape, np.int64)
    order = distance.argsort(axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(len(base))[None].repeat(len(others), 0), axis=1)
    return ranks
