"""Train on synthetic, test on real (TSTR; Esteban et al. 2017).

Trains a small classifier once on real training galaxies and once on as many generated ones per
class, with the same augmentation, duration and selection on real validation galaxies, and tests
both on held-out real galaxies.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from radioviz.encode import GenerationRequest, Generator
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


def ratio(
    generator: Generator, training: EvaluationSet, held_out: EvaluationSet, epochs: int = EPOCHS
) -> tuple[float, float, float]:
    """Accuracy after training on generated galaxies over that after training on real ones.

    Returns
    -------
    value, low, high : float
        Ratio of the mean accuracies over :data:`SEEDS`, and its 95 % interval: bootstrap over
        seeds and over test galaxies.
    """
    chain = generator.info.preprocess
    classes = tuple(c for c in generator.classes if (training.labels == c).any())
    valid = evaluation_set(chain, "valid", classes)
    right: dict[str, list[np.ndarray]] = {"real": [], "generated": []}
    for seed in SEEDS:
        for name, source in (
            ("real", training),
            ("generated", generated_like(generator, training, seed)),
        ):
            config = ClassifierConfig(
                f"tstr-{name}-{seed}", classes=classes, preprocess=chain, seed=seed,
                augment=Augment(shift=2.0, zoom=0.1), epochs=epochs, checkpoint_every=epochs,
                learning_rate=2e-3, weight_decay=0.05, ema=0.98, smoothing=0.05,
                architecture={"width": 16, "features": 32},
            )  # fmt: skip
            found = correct(config, source, valid, held_out)
            print(f"tstr seed {seed}, trained on {name}: accuracy {found.mean():.4f}")
            right[name].append(found)
    real, made = (np.array(right[name], dtype=float) for name in ("real", "generated"))
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(2000):
        seeds = rng.integers(0, len(SEEDS), (2, len(SEEDS)))
        rows = rng.integers(0, real.shape[1], real.shape[1])
        draws.append(made[seeds[0]][:, rows].mean() / real[seeds[1]][:, rows].mean())
    value = float(made.mean() / real.mean())
    low, high = (float(v) for v in np.percentile(draws, [2.5, 97.5]))
    return value, min(low, value), max(high, value)


def generated_like(generator: Generator, training: EvaluationSet, seed: int) -> EvaluationSet:
    """Generated galaxies, as many per class as there are real ones."""
    images, labels = [], []
    for label in generator.classes:
        number = int((training.labels == label).sum())
        if not number:
            continue
        images.append(
            generator.sample(GenerationRequest(n=number, seed=1000 + seed, label=label)).images
        )
        labels += [label] * number
    return EvaluationSet(np.concatenate(images), pd.DataFrame({"label": labels}))


def correct(
    config: ClassifierConfig, source: EvaluationSet, valid: EvaluationSet, held_out: EvaluationSet
) -> np.ndarray:
    """Train a classifier; which held-out galaxies it classifies correctly, shape ``(n,)``."""
    # Generated galaxies have no margin of sky to rotate within; for fairness, neither get one.
    margin = config.augment.padded(config.preprocess).size - config.preprocess.size
    padded = F.pad(torch.from_numpy(source.images)[:, None], [margin // 2] * 4)
    data = Data(Part(padded, source.table), training_part(valid), {})
    torch.manual_seed(config.seed)
    task = GivenTask(config, data)
    with tempfile.TemporaryDirectory() as folder:
        fit(task, data, Path(folder), device=device(), progress=False)
        load_best(task, Path(folder))
    truth = class_numbers(training_part(held_out), config.classes).numpy()
    return logits_of(task.module, training_part(held_out)).argmax(axis=1) == truth


def training_part(of: EvaluationSet) -> Part:
    """A set of galaxies as training code needs it."""
    return Part(torch.from_numpy(of.images)[:, None], of.table)
