"""Maps of a survey's latent vectors: its own, and its place on the shipped map of FIRST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from radioviz.atlas.atlas import Atlas, Layout
from radioviz.atlas.placement import place_among_neighbours

SEED = 0
REFERENCE = "first"
"""The data set on whose map others are placed."""

UMAP: dict[str, Any] = {
    "n_neighbors": 15,
    "min_dist": 0.1,
    "metric": "euclidean",
    "random_state": SEED,
}
SAMPLE = 20_000
"""Galaxies that a map is fitted to; the rest of a larger survey is placed among them."""

Layouts = dict[str, tuple[np.ndarray, Layout]]


def quick_layouts(latents: np.ndarray, reference: Atlas | None) -> Layouts:
    """Maps that take no time: the place on the reference's map, the plane itself, PCA.

    Parameters
    ----------
    latents : numpy.ndarray
        Shape ``(n, d)``, ``n`` at least 1; may be memory-mapped.
    reference : Atlas or None
        Of :data:`REFERENCE` under the same model, where there is one.

    Returns
    -------
    dict
        Name to positions (float32, shape ``(n, 2)``) and what gave them; never empty.
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
    said = {"explained_variance": [round(float(s), 4) for s in shares]}
    placed = [((part - mean) @ first).astype(np.float32) for part in _parts(latents)]
    return np.concatenate(placed), Layout("PCA", said)


def _projected(latents: np.ndarray, reference: Atlas) -> tuple[np.ndarray, Layout]:
    """The projection that made the reference's own PCA, found again from its two ends."""
    base = np.asarray(reference.latents, np.float64)
    padded = np.hstack([base, np.ones((len(base), 1))])
    matrix, *_ = np.linalg.lstsq(padded, np.asarray(reference.layouts["pca"], np.float64))
    placed = [(p @ matrix[:-1] + matrix[-1]).astype(np.float32) for p in _parts(latents)]
    return np.concatenate(placed), Layout(f"PCA of {REFERENCE.upper()}", {"fitted_on": REFERENCE})


def _parts(latents: np.ndarray) -> Iterator[np.ndarray]:
    """Latents a block at a time in double precision: a million would take gigabytes."""
    for start in range(0, len(latents), 65_536):
        yield np.asarray(latents[start : start + 65_536], np.float64)


def fit_umap_layout(latents: np.ndarray, sample: int = SAMPLE) -> tuple[np.ndarray, Layout] | None:
    """UMAP of the survey itself; None for fewer galaxies than a map can be drawn of.

    A survey of more than ``sample`` galaxies is drawn by a random sample of it, and the others
    are placed among them, so that time and memory stay bounded.
    """
    if len(latents) < 8:
        return None
    if len(latents) <= sample:
        whole = np.asarray(latents, np.float32)
        return np.asarray(fit_umap(whole).embedding_, np.float32), Layout("UMAP", UMAP)
    rows = np.sort(np.random.default_rng(SEED).choice(len(latents), sample, replace=False))
    fitted = np.asarray(latents[rows], np.float32)
    drawn = np.asarray(fit_umap(fitted).embedding_, np.float32)
    positions = place_among_neighbours(fitted, drawn, latents)
    positions[rows] = drawn
    return positions, Layout("UMAP", {**UMAP, "fitted_to": sample})


def fit_umap(latents: np.ndarray) -> Any:
    """UMAP fitted with the fixed seed (one thread, which is what makes it repeatable)."""
    import warnings

    neighbours = min(UMAP["n_neighbors"], len(latents) - 1)
    with warnings.catch_warnings():
        # umap says that there is no tensorflow, which is not needed, and that a seed means one
        # thread, which is what is wanted.
        warnings.simplefilter("ignore", ImportWarning)
        warnings.filterwarnings("ignore", message=".*n_jobs.*")
        # A few nearly equal vectors leave the graph in more parts than the spectral start likes.
        warnings.filterwarnings("ignore", category=UserWarning, module="umap|sklearn")
        from umap import UMAP as Umap

        return Umap(**{**UMAP, "n_neighbors": neighbours}, n_jobs=1).fit(latents)
