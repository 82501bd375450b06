"""Build Atlases: ``python -m train atlas --data first,mirabest --model vae32``.

Latents of every source, positions on maps, scores. Seeds are fixed, so that a shipped map stays
the map it was: the same latents give the same layout on the same versions of the libraries.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from radioviz.atlas import Atlas, Layout, write_atlas
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from train.scores import flux_ratio, relative_error

SEED = 0
REFERENCE = "first"
"""The data set on whose map others are placed too."""

UMAP: dict[str, Any] = {
    "n_neighbors": 15,
    "min_dist": 0.1,
    "metric": "euclidean",
    "random_state": SEED,
}
TSNE: dict[str, Any] = {
    "perplexity": 30.0,
    "init": "pca",
    "learning_rate": "auto",
    "random_state": SEED,
}


def build(key: str, model: str) -> Atlas:
    """Encode a data set, lay it out, score it, write it."""
    encoder = Encoder.load(model)
    catalogue = open_data_set(key)
    with tqdm(total=len(catalogue), desc=f"{key} x {model}", unit="image") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.update(done - bar.n)

        latents = encoder.encode_catalogue(catalogue, progress=progress)
    scores = score(encoder, catalogue, latents)
    maps = layouts(encoder, key, latents)
    # Half precision moves a latent vector by less than a thousandth of the prior's width.
    atlas = write_atlas(catalogue, encoder.info, latents.astype(np.float16), maps, scores)
    print(f"{atlas.folder}: {len(atlas)} sources, layouts {', '.join(atlas.layouts)}")
    return atlas


def layouts(
    encoder: Encoder, key: str, latents: np.ndarray
) -> dict[str, tuple[np.ndarray, Layout]]:
    """Maps of latent vectors ``(n, d)``: UMAP, t-SNE, PCA, the plane itself at d = 2.

    A data set other than FIRST is also placed on FIRST's maps (``umap_first``, ``pca_first``).
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE as TSne

    out: dict[str, tuple[np.ndarray, Layout]] = {}
    if latents.shape[1] == 2:
        out["latent"] = latents, Layout("Latent plane")
    reference = latents if key == REFERENCE else reference_latents(encoder.info.name)
    mapper = fitted_umap(encoder.info.name) if key != REFERENCE else None
    out["umap"] = umap_of(latents).embedding_, Layout("UMAP", UMAP)
    out["tsne"] = (
        TSne(**{**TSNE, "perplexity": min(30.0, (len(latents) - 1) / 3)}).fit_transform(latents),
        Layout("t-SNE", TSNE),
    )
    if latents.shape[1] > 2:
        pca = PCA(2, random_state=SEED).fit(latents)
        shares = [round(float(v), 4) for v in pca.explained_variance_ratio_]
        out["pca"] = pca.transform(latents), Layout("PCA", {"explained_variance": shares})
    if mapper is not None:
        placed = mapper.transform(latents)
        out["umap_first"] = placed, Layout("UMAP of FIRST", {**UMAP, "fitted_on": REFERENCE})
        if latents.shape[1] > 2:
            fitted = PCA(2, random_state=SEED).fit(reference)
            layout = Layout("PCA of FIRST", {"fitted_on": REFERENCE})
            out["pca_first"] = fitted.transform(latents), layout
    return {name: (np.asarray(xy, np.float32), layout) for name, (xy, layout) in out.items()}


def umap_of(latents: np.ndarray) -> Any:
    """UMAP fitted with the fixed seed (one thread, which is what makes it repeatable)."""
    import warnings

    neighbours = min(UMAP["n_neighbors"], len(latents) - 1)
    with warnings.catch_warnings():
        # umap says that there is no tensorflow, which is not needed, and that a seed means one
        # thread, which is what is wanted.
        warnings.simplefilter("ignore", ImportWarning)
        warnings.filterwarnings("ignore", message=".*n_jobs.*")
        from umap import UMAP as Umap

        return Umap(**{**UMAP, "n_neighbors": neighbours}, n_jobs=1).fit(latents)


@functools.lru_cache(maxsize=2)
def reference_latents(model: str) -> np.ndarray:
    """Latent vectors of the reference data set."""
    return Encoder.load(model).encode_catalogue(open_data_set(REFERENCE))


@functools.lru_cache(maxsize=2)
def fitted_umap(model: str) -> Any:
    """UMAP of the reference data set: the shipped map, ready to take further points."""
    return umap_of(reference_latents(model))


def score(encoder: Encoder, catalogue: Catalogue, latents: np.ndarray) -> pd.DataFrame:
    """Scores a source, each the higher the stranger, save ``flux_ratio`` and ``elbo``.

    ``knn_distance``: mean distance to the 20 nearest other sources in latent space.
    ``isolation``: isolation forest on the latents (Liu et al. 2008).
    ``reconstruction_error``: squared residual over squared image (decoders).
    ``flux_ratio``: reconstructed over true flux (decoders).
    ``elbo``: evidence lower bound in nats (VAEs).
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import NearestNeighbors

    k = min(20, len(latents) - 1)
    distance, _ = NearestNeighbors(n_neighbors=k).fit(latents).kneighbors()
    forest = IsolationForest(n_estimators=300, random_state=SEED).fit(latents)
    out = {"knn_distance": distance.mean(axis=1), "isolation": -forest.score_samples(latents)}
    if encoder.info.can("decode") and not encoder.info.can("class"):
        errors, ratios, bounds = [], [], []
        for rows in np.array_split(np.arange(len(catalogue)), max(1, len(catalogue) // 256)):
            images = encoder.info.preprocess.apply(catalogue, rows)
            guesses = encoder.decode(latents[rows])
            with np.errstate(divide="ignore", invalid="ignore"):  # blank images: NaN
                errors.append(relative_error(images, guesses))
                ratios.append(flux_ratio(images, guesses))
            if hasattr(encoder.module, "elbo"):
                bounds.append(_elbo(encoder, images))
        out["reconstruction_error"] = np.concatenate(errors)
        out["flux_ratio"] = np.concatenate(ratios)
        if bounds:
            out["elbo"] = np.concatenate(bounds)
    table = pd.DataFrame({k: np.asarray(v, np.float32) for k, v in out.items()})
    return table.where(np.isfinite(table))


def _elbo(encoder: Encoder, images: np.ndarray, draws: int = 2) -> np.ndarray:
    """Bound of each image, mean over posterior samples from a fixed seed; shape ``(n,)``."""
    import torch

    vae: Any = encoder.module
    x = torch.from_numpy(images)[:, None].to(encoder.device)
    generator = torch.Generator(device=encoder.device).manual_seed(SEED)
    with torch.inference_mode():
        values = [vae.elbo(x, generator).value for _ in range(draws)]
    result: np.ndarray = torch.stack(values).mean(0).cpu().numpy()
    return result
