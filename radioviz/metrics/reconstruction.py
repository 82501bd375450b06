"""How well reconstructions of held-out galaxies preserve measurable quantities."""

from __future__ import annotations

import math

import numpy as np


def flux_ratio(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Sum of the reconstruction over sum of the image, both shape ``(n, ..., ny, nx)``: ``(n,)``.

    Sums run over the whole image: false flux in empty sky counts against the model.
    """
    return _flat(reconstructions).sum(axis=1) / _flat(images).sum(axis=1)


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), math.prod(images.shape[1:]))


def ssim_over_source(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al. 2004) averaged over the source, shape ``(n,)``.

    The source is where either map is above 0.01 of the peak. Over the whole image the index
    would always be near 1, since most of a clipped map is exactly zero.
    """
    from skimage.metrics import structural_similarity

    out = np.empty(len(images))
    for i, (image, guess) in enumerate(zip(images, reconstructions, strict=True)):
        _, index = structural_similarity(image, guess, data_range=1.0, full=True)
        out[i] = index[(image > 0.01) | (guess > 0.01)].mean()
    return out


def relative_error(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Squared residual over squared image, both summed over the pixels, shape ``(n,)``.

    0 is perfect, 1 is as bad as an empty map.
    """
    residual = _flat(np.square(reconstructions - images)).sum(axis=1)
    return residual / _flat(np.square(images)).sum(axis=1)


def reconstruction_scores(images: np.ndarray, reconstructions: np.ndarray) -> dict[str, float]:
    """All of the above and the mean squared error, with the names of the model cards."""
    return {
        "flux_ratio": float(np.median(flux_ratio(images, reconstructions))),
        "ssim": float(np.mean(ssim_over_source(images, reconstructions))),
        "relative_error": float(np.median(relative_error(images, reconstructions))),
        "mse": float(np.square(images - reconstructions).mean()),
    }
