"""Judges of generated galaxies that learned from nothing a generator saw, and two-sample tests.

The judge of classes learns from the split ``judge`` alone (:mod:`train.splits.judge`), at 150
native pixels: each source both as its survey has it and as generators deliver images, 64 pixels
wide, which are resampled to survey pixels; beyond their field everything is blank. A network
that parts real from generated learns from half of both and is judged on the other half, five times.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from radioviz.data.preprocess import FIRST_BEAM, Preprocess, resampling
from radioviz.data.registry import open_data_set
from radioviz.encode.editor import parted
from train.core.augment import Augment
from train.core.data import Data, Part
from train.core.loop import fit, load_best
from train.core.machine import device
from train.evaluate.tstr import GivenTask
from train.methods.classifier import ClassifierConfig, logits_of
from train.metrics.calibration import softmax
from train.splits.judge import CLASSES, LEARNED, judge_rows

SEEDS = (0, 1, 2, 3, 4)
JUDGES = 3
NATIVE = 150
"""Side in survey pixels of what the judge sees."""

SMALL = 6
"""Pixels of an island that counts as sky."""

_PIXEL = 1.8  # arcsec, of FIRST
_EIGHT = np.ones((3, 3), bool)


def judge_networks(chain: Preprocess, epochs: int = 80) -> list[torch.nn.Module]:
    """Networks for FRI and FRII that learn from the split ``judge`` alone, one for each seed.

    Parameters
    ----------
    chain : Preprocess
        Of the generators that they will judge.
    """
    native = Preprocess(field_arcsec=None, field_pixels=NATIVE, size=NATIVE)
    images, tables = [], []
    for key in LEARNED:
        catalogue = open_data_set(key)
        rows = np.flatnonzero(judge_rows(key, catalogue.table, "judge"))
        table = catalogue.table.iloc[rows].assign(data_set=key)
        seen = native.apply(catalogue, rows)
        field = round(chain.size * _scale(chain) / _PIXEL)
        images += [_blank_beyond(seen, field), to_native(chain.apply(catalogue, rows), chain)]
        tables += [table, table]
    stack, table = np.concatenate(images), pd.concat(tables, ignore_index=True)
    good = table["label"].isin(CLASSES).to_numpy() & (stack.max(axis=(1, 2)) > 0)
    stack, table = stack[good], table[good].reset_index(drop=True)
    out = []
    for seed in range(JUDGES):
        # Both forms of a source are on the same side.
        names = np.unique(table["source_id"])
        held = np.random.default_rng(seed).permutation(names)[: len(names) // 5]
        valid = table["source_id"].isin(held).to_numpy()
        config = ClassifierConfig(
            f"judge-{seed}", kind="fr-cnn", classes=CLASSES, preprocess=native, seed=seed,
            augment=Augment(shift=3.0), epochs=epochs, checkpoint_every=epochs, batch=64,
            learning_rate=1e-3, weight_decay=0.02, ema=0.98, validate_every=2,
        )  # fmt: skip
        out.append(_trained(config, _part(stack[~valid], table[~valid]),
                            _part(stack[valid], table[valid])))  # fmt: skip
    return out


def judged_as(networks: list[torch.nn.Module], images: np.ndarray, chain: Preprocess) -> np.ndarray:
    """Class number, of :data:`train.splits.judge.CLASSES`, that the judge gives images ``(n,)``."""
    seen = _part(to_native(images, chain), pd.DataFrame({"label": [""] * len(images)}))
    chances = [softmax(logits_of(network, seen)) for network in networks]  # type: ignore[arg-type]
    found: np.ndarray = np.mean(chances, axis=0).argmax(axis=1)
    return found


def to_native(images: np.ndarray, chain: Preprocess) -> np.ndarray:
    """Images of a chain in survey pixels, float32 ``(n, 150, 150)``, blank beyond their field."""
    step = _PIXEL / _scale(chain)
    side = round(chain.size / step)
    first, last, weights = resampling(chain.size, side * step, side)
    found = weights @ images[:, first:last, first:last] @ weights.T
    found /= np.maximum(found.max(axis=(1, 2), keepdims=True), 1e-6)
    out = np.zeros((len(images), NATIVE, NATIVE), np.float32)
    edge = (NATIVE - side) // 2
    out[:, edge : edge + side, edge : edge + side] = found
    return out


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
    network = _trained(config, parts[0], parts[0])
    chance = softmax(logits_of(network, parts[1]))[:, 1]  # type: ignore[arg-type]
    return float(roc_auc_score(names == "generated", chance))


def without_sky(images: np.ndarray) -> np.ndarray:
    """Images without islands of :data:`SMALL` pixels or fewer, but the brightest."""
    return np.stack([parted(image, SMALL)[0] for image in images])


def are_clouds(images: np.ndarray, sizes: np.ndarray, pixel: float) -> np.ndarray:
    """Which images are clouds of fragments, bool ``(n,)``.

    More than five islands of more than :data:`SMALL` pixels within the asked size about the centre,
    none with more than 40 % of their flux.

    Parameters
    ----------
    sizes : numpy.ndarray
        Arcsec, ``(n,)``.
    pixel : float
        Arcsec per pixel.
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


def _scale(chain: Preprocess) -> float:
    return (chain.field_arcsec or 0.0) / chain.size


def _blank_beyond(images: np.ndarray, side: int) -> np.ndarray:
    out = np.zeros_like(images)
    edge = (images.shape[-1] - side) // 2
    inner = slice(edge, edge + side)
    out[:, inner, inner] = images[:, inner, inner]
    return out


def _part(images: np.ndarray, table: pd.DataFrame) -> Part:
    return Part(torch.from_numpy(np.ascontiguousarray(images, np.float32))[:, None],
                table.reset_index(drop=True))  # fmt: skip


def _trained(config: ClassifierConfig, training: Part, valid: Part) -> torch.nn.Module:
    data = Data(training, valid, {})
    torch.manual_seed(config.seed)
    task = GivenTask(config, data)
    with tempfile.TemporaryDirectory() as folder:
        fit(task, data, Path(folder), device=device(), progress=False)
        load_best(task, Path(folder))
    return task.module.eval()
