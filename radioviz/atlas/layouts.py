"""Maps of a survey's latent vectors: its own, and its positions on the shipped map of FIRST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from radioviz.atlas.atlas import Atlas, Layout
from radioviz.atlas.placement import place_among_neighbours

SEED = 0
REFERENCE = "first"
"""Data set on whose map others are placed."""

UMAP: dict[str, Any] = {
    "n_neighbors": 15,
    "min_dist": 0.1,
    "metric": "euclidean",
    "random_state": SEED,
}
SAMPLE = 20_000
"""Largest number of galaxies that a map is fitted to; the others are placed among them."""

Layouts = dict[str, tuple[np.ndarray, Layout]]


def quick_layouts(latents: np.ndarray, reference: Atlas | None) -> Layouts:
    """Maps that are quick to compute: positions on the reference map, the latent plane, PCA.

    ``latents``: shape ``(n, d)``, ``n`` at least 1; may be memory-mapped. ``reference``: of
    :data:`REFERENCE` under the same model. Returns name to positions (float32, shape ``(n, 2)``)
    and how they were made.
    """
    out: Layouts = {}
    if latents.shape[1] == 2:
        out["latent"] = np.asarray(latents, np.float32), Layout("Latent plane")
    if reference is not None and "umap" in reference.layouts:
        placed = place_among_neighbours(reference.latents, reference.layouts["umap"], latents)
        title = f"{reference.layout_title('umap')} of {REFERENCE.upper()}"
        out[f"umap_{REFERENCE}"] = (
            placed,
            Layout(title, {"fitted_on": REFERENCE, "placement": "among nearest neighbours"}),
        )
    if latents.shape[1] > 2:
        out["pca"] = _pca(latents)
        if reference is not None and "pca" in reference.layouts:
            out[f"pca_{REFERENCE}"] = _projected(latents, reference)
    return out


def _pca(latents: np.ndarray) -> tuple[np.ndarray, Layout]:
    """Projection on the two widest directions; their signs are fixed."""
    d = latents.shape[1]
    mean = np.sum([part.sum(axis=0) for part in _parts(latents)], axis=0) / len(latents)
    # The covariance, d x d, rather than the vectors: n may be a million.
    covariance = np.zeros((d, d))
    for part in _parts(latents):
        centred = part - mean
        covariance += centred.T @ centred
    variances, axes = np.linalg.eigh(covariance)
    first = axes[:, ::-1][:, :2]
    first = first * np.sign(first[np.abs(first).argmax(axis=0), [0, 1]])
    shares = variances[::-1][:2] / max(variances.sum(), 1e-30)
    explained = {"explained_variance": [round(float(s), 4) for s in shares]}
    placed = [((part - mean) @ first).astype(np.float32) for part in _parts(latents)]
    return np.concatenate(placed), Layout("PCA", explained)


def _projected(latents: np.ndarray, reference: Atlas) -> tuple[np.ndarray, Layout]:
    """The projection of the reference's PCA, fitted from its latents and positions."""
    base = np.asarray(reference.latents, np.float64)
    padded = np.hstack([base, np.ones((len(base), 1))])
    matrix, *_ = np.linalg.lstsq(padded, np.asarray(reference.layouts["pca"], np.float64))
    placed = [(p @ matrix[:-1] + matrix[-1]).astype(np.float32) for p in _parts(latents)]
    return np.concatenate(placed), Layout(f"PCA of {REFERENCE.upper()}", {"fitted_on": REFERENCE})


def _parts(latents: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of latents in double precision: a million at once would need gigabytes."""
    for start in range(0, len(latents), 65_536):
        yield np.asarray(latents[start : start + 65_536], np.float64)


def fit_umap_layout(latents: np.ndarray, sample: int = SAMPLE) -> tuple[np.ndarray, Layout] | None:
    """UMAP of the survey itself; None for fewer than 8 galaxies.

    With more than ``sample`` galaxies, UMAP is fitted to a random sample and the others are placed
    among them, so that time and memory stay bounded.
    """
    n = len(latents)
    if n < 8:
        return None
    rows = np.arange(n)
    if n > sample:
        rows = np.sort(np.random.default_rng(SEED).choice(n, sample, replace=False))
    fitted = np.asarray(latents[rows], np.float32)
    drawn = np.asarray(fit_umap(fitted).embedding_, np.float32)
    if n <= sample:
        return drawn, Layout("UMAP", UMAP)
    positions = place_among_neighbours(fitted, drawn, latents)
    positions[rows] = drawn
    return positions, Layout("UMAP", {**UMAP, "fitted_to": sample})


def fit_umap(latents: np.ndarray) -> Any:
    """UMAP fitted with the fixed seed, in one thread, so that it is reproducible."""
    import warnings

    neighbours = min(UMAP["n_neighbors"], len(latents) - 1)
    with warnings.catch_warnings():
        # umap warns that tensorflow is missing, which is not needed, and that a seed implies one
        # thread, which is intended.
        warnings.simplefilter("ignore", ImportWarning)
        warnings.filterwarnings("ignore", message=".*n_jobs.*")
        # Nearly equal vectors split the graph into more parts than the spectral start supports.
        warnings.filterwarnings("ignore", category=UserWarning, module="umap|sklearn")
        from umap import UMAP as Umap

        # Numba, which umap is written in, sets the threads of others too, such as torch's.
        with threadpool_limits():
            return Umap(**{**UMAP, "n_neighbors": neighbours}, n_jobs=1).fit(latents)
