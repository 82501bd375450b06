"""Train on synthetic, test on real (TSTR; Esteban et al. 2017).

Trains a small classifier once on real training galaxies and once on as many generated ones per
class, with the same augmentation, duration and selection on real validation galaxies, and tests
both on held-out real galaxies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from radioviz.encode import GenerationRequest, Generator
from radioviz.models.fr_cnn import FrClassifier
from train.core.augment import Augment
from train.core.data import Data, Part
from train.core.loop import fit, load_best
from train.core.machine import device
from train.evaluate.evaluation_set import EvaluationSet, evaluation_set
from train.methods.classifier import ClassifierConfig, ClassifierTask, logits_of
from train.methods.conditions import class_numbers

SEEDS = (0, 1, 2)
EPOCHS = 15


class GivenTask(ClassifierTask):
    """A classifier that trains on given images."""

    def __init__(self, config: ClassifierConfig, data: Data) -> None:
        super().__init__(config)
        self.data = data

    def load(self) -> Data:
        return self.data


def ratios(
    generator: Generator,
    training: EvaluationSet,
    held_out: EvaluationSet,
    options: Mapping[str, Any] | None = None,
    epochs: int = EPOCHS,
) -> dict[str, tuple[float, float, float]]:
    """Accuracy after training on generated galaxies over that after training on real ones.

    ``options``: of :class:`radioviz.encode.GenerationRequest`, such as ``candidates``. Returns
    ``tstr_ratio``, and ``tstr_added_ratio`` of training on both together for as many steps: value,
    low, high. The ratio of the mean accuracies over :data:`SEEDS`, and its 95 % interval: bootstrap
    over seeds and over test galaxies.
    """
    chain = generator.info.preprocess
    classes = tuple(c for c in generator.classes if (training.labels == c).any())
    valid = evaluation_set(chain, "valid", classes)
    right: dict[str, list[np.ndarray]] = {"real": [], "generated": [], "both": []}
    for seed in SEEDS:
        made = generated_like(generator, training, seed, options)
        both = EvaluationSet(
            np.concatenate([training.images, made.images]),
            pd.concat([training.table[["label"]], made.table], ignore_index=True),
        )
        sources = {"real": training, "generated": made, "both": both}
        for name, source in sources.items():
            length = -(-epochs // 2) if name == "both" else epochs
            config = ClassifierConfig(
                f"tstr-{name}-{seed}", classes=classes, preprocess=chain, seed=seed,
                augment=Augment(shift=2.0, zoom=0.1), epochs=length, checkpoint_every=length,
                learning_rate=2e-3, weight_decay=0.05, ema=0.98, smoothing=0.05,
                architecture={"width": 16, "features": 32},
            )  # fmt: skip
            found = correct(config, source, valid, held_out)
            print(f"tstr seed {seed}, trained on {name}: accuracy {found.mean():.4f}", flush=True)
            right[name].append(found)
    real = np.array(right["real"], dtype=float)
    return {
        "tstr_ratio": _over_real(np.array(right["generated"], dtype=float), real),
        "tstr_added_ratio": _over_real(np.array(right["both"], dtype=float), real),
    }


def _over_real(made: np.ndarray, real: np.ndarray) -> tuple[float, float, float]:
    """Ratio of mean accuracies ``(seeds, galaxies)`` and its interval."""
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(2000):
        seeds = rng.integers(0, len(SEEDS), (2, len(SEEDS)))
        rows = rng.integers(0, real.shape[1], real.shape[1])
        draws.append(made[seeds[0]][:, rows].mean() / real[seeds[1]][:, rows].mean())
    value = float(made.mean() / real.mean())
    low, high = (float(v) for v in np.percentile(draws, [2.5, 97.5]))
    return value, min(low, value), max(high, value)


def generated_like(
    generator: Generator,
    training: EvaluationSet,
    seed: int,
    options: Mapping[str, Any] | None = None,
) -> EvaluationSet:
    """Generated galaxies, as many per class as there are real ones."""
    images, labels = [], []
    for label in generator.classes:
        number = int((training.labels == label).sum())
        if not number:
            continue
        request = GenerationRequest(n=number, seed=1000 + seed, label=label, **(options or {}))
        images.append(generator.sample(request).images)
        labels += [label] * number
    return EvaluationSet(np.concatenate(images), pd.DataFrame({"label": labels}))


def correct(
    config: ClassifierConfig, source: EvaluationSet, valid: EvaluationSet, held_out: EvaluationSet
) -> np.ndarray:
    """Train a classifier; which held-out galaxies it classifies correctly, shape ``(n,)``."""
    # Generated galaxies have no margin of sky to rotate within; for fairness, neither get one.
    margin = config.augment.padded(config.preprocess).size - config.preprocess.size
    padded = F.pad(torch.from_numpy(source.images)[:, None], [margin // 2] * 4)
    network = trained(config, Part(padded, source.table), training_part(valid))
    truth = class_numbers(training_part(held_out), config.classes).numpy()
    return logits_of(network, training_part(held_out)).argmax(axis=1) == truth


def trained(config: ClassifierConfig, training: Part, valid: Part) -> FrClassifier:
    """A classifier that learned from given images; its run is not kept."""
    data = Data(training, valid, {})
    torch.manual_seed(config.seed)
    task = GivenTask(config, data)
    with tempfile.TemporaryDirectory() as folder:
        fit(task, data, Path(folder), device=device(), progress=False)
        load_best(task, Path(folder))
    return task.module


def training_part(of: EvaluationSet) -> Part:
    """A set of galaxies as training code needs it."""
    return Part(torch.from_numpy(of.images)[:, None], of.table)
