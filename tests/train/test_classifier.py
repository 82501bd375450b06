"""Runs of classifiers: loss in closed form, learning, calibration, publishing, evaluation parts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radioviz.data.preprocess import Preprocess
from radioviz.encode import Classifier
from radioviz.errors import ModelError
from train.core.augment import Augment
from train.core.config import TrainError, read_run
from train.core.data import Data, Part
from train.core.loop import fit
from train.methods.classifier import ClassifierConfig, ClassifierTask, logits_of, only
from train.methods.conditions import class_numbers
from train.metrics.calibration import best_temperature
from train.publish import publish_task

SIZE = 16


def part(n: int, seed: int = 0) -> Part:
    """A single bright spot (FRI) or a pair (FRII), as padded images of no margin."""
    rng = np.random.default_rng(seed)
    images = np.zeros((n, 1, SIZE, SIZE), np.float32)
    labels = np.array(["FRI", "FRII"] * (n // 2))
    for image, label in zip(images[:, 0], labels, strict=True):
        at = int(rng.integers(2, 5))
        if label == "FRI":
            image[7:9, 7:9] = 1
        else:
            image[7:9, 7 - at] = image[7:9, 8 + at] = 1
    images += 0.01 * rng.random(images.shape, np.float32)
    return Part(torch.from_numpy(images), pd.DataFrame({"label": labels}))


class GivenTask(ClassifierTask):
    def load(self) -> Data:
        return Data(part(64), part(40, seed=1), {"made": "1"})


def config(**changes: object) -> ClassifierConfig:
    values: dict[str, object] = {
        "name": "tiny",
        "data": (),
        "preprocess": Preprocess(size=SIZE),
        "augment": Augment(rotate=False, shift=0.0),
        "epochs": 12,
        "batch": 16,
        "learning_rate": 2e-3,
        "warmup_epochs": 1.0,
        "ema": 0.9,
        "precision": "float32",
        "architecture": {"width": 8, "multipliers": [1, 2], "features": 8, "dropout": 0.0},
    }
    return ClassifierConfig(**{**values, **changes})  # type: ignore[arg-type]


def prepared(**changes: object) -> GivenTask:
    torch.manual_seed(0)
    task = GivenTask(config(**changes))
    task.prepare(task.load(), torch.device("cpu"))
    return task


def test_loss_is_the_cross_entropy_with_smoothed_labels() -> None:
    task = prepared(augment=Augment(rotate=False, flip=False, shift=0.0), smoothing=0.2)
    data, rows = task.load(), torch.arange(16)
    torch.manual_seed(3)
    loss, _ = task.loss(data.train.images[rows], rows, 0.0)
    torch.manual_seed(3)
    logits = task.module.logits(task.view(data.train.images[rows]))  # type: ignore[operator]
    log_p = logits.log_softmax(1)
    truth = task.labels["train"][rows]
    q = torch.full_like(log_p, 0.1)
    q[torch.arange(16), truth] = 0.9
    expected = -(q * log_p).sum(1).mean()
    torch.testing.assert_close(loss, expected)


def test_uncertain_images_weigh_less() -> None:
    task = GivenTask(config(uncertain=0.25))
    data = task.load()
    data.train.table["confidence"] = ["uncertain", "confident"] * 32
    task.prepare(data, torch.device("cpu"))
    np.testing.assert_array_equal(task.weights[:4], [0.25, 1, 0.25, 1])


def test_mixup_keeps_the_loss_finite_and_the_images_in_range() -> None:
    task = prepared(mixup=0.4, noise=0.05, contrast=0.3)
    rows = torch.arange(32)
    loss, figures = task.loss(task.load().train.images[rows], rows, 0.0)
    assert math.isfinite(float(loss.detach())) and 0 <= float(figures["accuracy"]) <= 1


def test_only_keeps_the_classes_asked_for() -> None:
    whole = part(8)
    whole.table.loc[3, "label"] = "Bent"
    kept = only(whole, ("FRI", "FRII"))
    assert len(kept) == 7 and len(kept.images) == 7
    np.testing.assert_array_equal(class_numbers(kept, ("FRI", "FRII")), [0, 1, 0, 0, 1, 0, 1])
    with pytest.raises(TrainError, match="no image has the label 'Compact'"):
        only(whole, ("FRI", "Compact"))


def test_a_run_learns_is_calibrated_and_published(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = GivenTask(config())
    fit(task, task.load(), tmp_path / "run", device=torch.device("cpu"), progress=False)
    info = publish_task(task, tmp_path / "run", tmp_path / "trained" / "tiny")
    assert info.scores["accuracy.valid"] > 0.9
    assert info.scores["temperature.valid"] > 0
    judge = Classifier.load("tiny", tmp_path / "trained")
    assert judge.classes == ("FRI", "FRII")
    valid = task.load().valid
    images = valid.images[:, 0].numpy()
    p = judge.predict_proba(images)
    assert p.shape == (40, 2) and p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert judge.features(images).shape == (40, 8)
    truth = class_numbers(valid, judge.classes).numpy()
    module = judge.module
    found = best_temperature(logits_of(module, valid), truth)  # type: ignore[arg-type]
    assert float(module.temperature) == pytest.approx(found, rel=0.05)
    np.testing.assert_allclose(judge.predict_proba(images[:3], batch=2), p[:3], rtol=1e-5)
    with pytest.raises(ModelError, match=r"expected \(n, 16, 16\)"):
        judge.predict_proba(np.zeros((2, 8, 8), np.float32))
    with pytest.raises(ModelError, match="no model here classifies"):
        Classifier.load("", tmp_path / "empty")


def test_shipped_runs_are_read() -> None:
    ours = read_run(ClassifierConfig, "frcnn")
    assert ours.kind == "fr-resnet" and ours.preprocess.size == 64
    theirs = read_run(ClassifierConfig, "bastien2021-frcnn")
    assert (theirs.optimiser, theirs.learning_rate) == ("adagrad", 1e-3)
    assert ClassifierTask(theirs).module.size == 100
    with pytest.raises(TrainError, match=r"smoothing is 1\.5"):
        config(smoothing=1.5)
    with pytest.raises(TrainError, match="is not a classifier"):
        ClassifierTask(config(kind="cvae-dense", architecture={"hidden": [8, 4]}))
