"""Two-sample tests of generated galaxies, and which of them are clouds of fragments.

A network that parts real from generated learns from half of both and is judged on the other half,
with each of five seeds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from radioviz.data.preprocess import FIRST_BEAM, Preprocess
from radioviz.encode.editor import parted
from train.core.augment import Augment
from train.core.data import Part
from train.evaluate.tstr import trained
from train.methods.classifier import ClassifierConfig, logits_of
from train.metrics.calibration import softmax

SEEDS = (0, 1, 2, 3, 4)
SMALL = 6
"""Pixels of an island that counts as sky."""

_EIGHT = np.ones((3, 3), bool)


def two_sample_auc(real: np.ndarray, made: np.ndarray, seed: int, epochs: int = 40) -> float:
    """AUC of a network that parts real from generated images, both ``(n, size, size)``.

    As many of both, drawn by ``seed``; half to learn from, half to be judged.
    """
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    n = min(len(real), len(made)) // 2
    halves = [rng.permutation(len(images))[: 2 * n] for images in (real, made)]
    names = np.array(["real"] * n + ["generated"] * n, object)
    parts = []
    for half in (slice(0, n), slice(n, 2 * n)):
        images = np.concatenate([real[halves[0][half]], made[halves[1][half]]])
        parts.append(_part(images, pd.DataFrame({"label": names})))
    config = ClassifierConfig(
        f"two-sample-{seed}", classes=("real", "generated"), seed=seed,
        preprocess=Preprocess(size=real.shape[-1]), augment=Augment(rotate=False, shift=0.0),
        epochs=epochs, checkpoint_every=epochs, batch=32, learning_rate=2e-3, weight_decay=0.05,
        ema=0.98, smoothing=0.05, validate_every=epochs,
        architecture={"width": 16, "features": 32},
    )  # fmt: skip
    network = trained(config, parts[0], parts[0])
    chance = softmax(logits_of(network, parts[1]))[:, 1]
    return float(roc_auc_score(names == "generated", chance))


def without_sky(images: np.ndarray) -> np.ndarray:
    """Images without islands of :data:`SMALL` pixels or fewer, but the brightest."""
    return np.stack([parted(image, SMALL)[0] for image in images])


def are_clouds(images: np.ndarray, sizes: np.ndarray, pixel: float) -> np.ndarray:
    """Which images are clouds of fragments, bool ``(n,)``.

    More than five islands of more than :data:`SMALL` pixels within the asked size about the centre,
    none with more than 40 % of their flux.

    ``sizes``: arcsec, ``(n,)``; ``pixel``: arcsec per pixel.
    """
    side = images.shape[-1]
    at = np.arange(side) - (side - 1) / 2
    out = np.zeros(len(images), bool)
    for i, (image, size) in enumerate(zip(images, sizes, strict=True)):
        inside = np.hypot(at[:, None], at[None, :]) <= max(size / pixel / 2, FIRST_BEAM / pixel)
        labels, number = ndimage.label(image > 0, _EIGHT)
        pixels = np.bincount(labels.ravel(), minlength=number + 1)
        flux = np.bincount(labels.ravel(), image.ravel(), number + 1)
        met = np.unique(labels[inside & (labels > 0)])
        met = met[pixels[met] > SMALL]
        out[i] = len(met) > 5 and flux[met].max() <= 0.4 * flux[met].sum()
    return out


def _part(images: np.ndarray, table: pd.DataFrame) -> Part:
    return Part(torch.from_numpy(np.ascontiguousarray(images, np.float32))[:, None],
                table.reset_index(drop=True))  # fmt: skip
