"""Build Atlases: ``python -m train atlas --data first,mirabest --model vae32``.

Latents of every source, positions on maps, and scores. Seeds are fixed: the same latents give the
same layout with the same versions of the libraries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from radioviz.atlas.atlas import Atlas, Layout, write_atlas
from radioviz.atlas.latent_scores import latent_outlier_scores
from radioviz.atlas.layouts import REFERENCE, SEED, UMAP, fit_umap, quick_layouts
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.encode.survey import reference_atlas
from radioviz.metrics.reconstruction import flux_ratio, relative_error
from radioviz.models.abilities import BoundsEvidence, Reconstructs
from radioviz.models.registry import with_capability

TSNE: dict[str, Any] = {
    "perplexity": 30.0,
    "init": "pca",
    "learning_rate": "auto",
    "random_state": SEED,
}


def build_all(data: str = "first", model: str = "") -> None:
    """Build the Atlases of data sets under models (default: all that encode), by commas."""
    for name in model.split(",") if model else with_capability("encode"):
        for key in data.split(","):
            build_atlas(key, name)


def build_atlas(key: str, model: str) -> Atlas:
    """Encode a data set, lay out its maps, score its sources, and write the Atlas."""
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
    """Maps of latent vectors ``(n, d)``: UMAP, t-SNE, PCA, the latent plane if d = 2.

    A data set other than FIRST is also placed on FIRST's maps (``umap_first``, ``pca_first``).
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE as TSne

    out: dict[str, tuple[np.ndarray, Layout]] = {}
    if latents.shape[1] == 2:
        out["latent"] = latents, Layout("Latent plane")
    # The app shows the first layout. Neighbours on a t-SNE are the most similar in angular size:
    # rank correlation 0.90 for SimCLR's features of FIRST, UMAP 0.89, PCA 0.86.
    out["tsne"] = (
        TSne(**{**TSNE, "perplexity": min(30.0, (len(latents) - 1) / 3)}).fit_transform(latents),
        Layout("t-SNE", TSNE),
    )
    out["umap"] = fit_umap(latents).embedding_, Layout("UMAP", UMAP)
    if latents.shape[1] > 2:
        pca = PCA(2, random_state=SEED).fit(latents)
        shares = [round(float(v), 4) for v in pca.explained_variance_ratio_]
        out["pca"] = pca.transform(latents), Layout("PCA", {"explained_variance": shares})
    if key != REFERENCE:
        found = quick_layouts(latents, reference_atlas(encoder.info))
        out |= {k: v for k, v in found.items() if k.endswith(f"_{REFERENCE}")}
    return {name: (np.asarray(xy, np.float32), layout) for name, (xy, layout) in out.items()}


def score(encoder: Encoder, catalogue: Catalogue, latents: np.ndarray) -> pd.DataFrame:
    """Scores of each source, higher for outliers except ``flux_ratio`` and ``elbo``.

    ``knn_distance``, ``isolation``: see :func:`radioviz.atlas.latent_scores.latent_outlier_scores`.
    ``reconstruction_error``: squared residual over squared image (decoders).
    ``flux_ratio``: reconstructed over true flux (decoders).
    ``elbo``: evidence lower bound in nats (VAEs).
    """
    out = latent_outlier_scores(latents)
    if encoder.info.can("decode") and not encoder.info.can("class"):
        errors, ratios, bounds = [], [], []
        for rows in np.array_split(np.arange(len(catalogue)), max(1, len(catalogue) // 256)):
            images = encoder.preprocessed_rows(catalogue, rows)
            if isinstance(encoder.module, Reconstructs):  # more latent variables than the vector
                guesses = encoder.reconstruct(images)
            else:
                guesses = encoder.decode(latents[rows])
            with np.errstate(divide="ignore", invalid="ignore"):  # blank images: NaN
                errors.append(relative_error(images, guesses))
                ratios.append(flux_ratio(images, guesses))
            if isinstance(encoder.module, BoundsEvidence):
                bounds.append(_elbo(encoder, images))
        out["reconstruction_error"] = np.concatenate(errors)
        out["flux_ratio"] = np.concatenate(ratios)
        if bounds:
            out["elbo"] = np.concatenate(bounds)
    table = pd.DataFrame({k: np.asarray(v, np.float32) for k, v in out.items()})
    return table.where(np.isfinite(table))


def _elbo(encoder: Encoder, images: np.ndarray, draws: int = 2) -> np.ndarray:
    """Bound of each image, mean over posterior samples with a fixed seed; shape ``(n,)``."""
    import torch

    vae: Any = encoder.module
    x = torch.from_numpy(images)[:, None].to(encoder.device)
    generator = torch.Generator(device=encoder.device).manual_seed(SEED)
    with torch.inference_mode():
        values = [vae.elbo(x, generator).value for _ in range(draws)]
    result: np.ndarray = torch.stack(values).mean(0).cpu().numpy()
    return result
