"""Train and test the members of a fine-tuned run, and score their mean prediction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train.core.checkpoint import FILE
from train.core.config import TrainError
from train.core.loop import fit, load_best
from train.evaluate.benchmarks import record
from train.evaluate.representation.classifiers import bootstrap_weights, scores
from train.methods.conditions import class_numbers
from train.methods.finetune import (
    FinetuneConfig,
    FinetuneTask,
    member_folder,
    members,
    part_of,
    predict,
)
from train.methods.protocols import PROTOCOLS, protocol_rows

RESULT = "test.json"
DRAWS = 2000


def train_member(
    cls: type[FinetuneTask], member: FinetuneConfig, folder: Path, device: torch.device
) -> None:
    """Train and test one member unless that is done; resume it if it was interrupted."""
    if (folder / RESULT).exists():
        return
    torch.manual_seed(member.seed)
    task = cls(member)
    data = task.load()
    print(f"{folder}: {len(data.train)} training galaxies, {len(data.valid)} validation galaxies")
    torch.manual_seed(member.seed)
    fit(task, data, folder, resume=(folder / FILE).exists(), device=device)
    test_member(member, folder, task)


def test_member(config: FinetuneConfig, folder: Path, task: FinetuneTask) -> None:
    """Predict the test galaxies of one member and store that in its folder."""
    load_best(task, folder)
    chosen = protocol_rows(config.protocol, config.fold, config.seed, config.others > 0)
    part = part_of(chosen.test, config.preprocess)
    p = predict(task.module.cpu(), part.images)
    truth = class_numbers(part, task.classes)
    found = {
        "classes": list(task.classes),
        "source_id": part.table["source_id"].tolist(),
        "truth": truth.tolist(),
        "p": [[round(float(v), 5) for v in row] for row in p],
        "learned": len(task.truth["train"]),
    }
    (folder / RESULT).write_text(json.dumps(found) + "\n")
    print(f"{folder}: test accuracy {(p.argmax(1) == truth.numpy()).mean():.4f}")


def record_results(config: FinetuneConfig, root: Path, run: str) -> dict[str, float]:
    """Record the test results of a run from the predictions of its members.

    Raises TrainError if no member is trained.
    """
    done = [m for m in members(config) if (member_folder(m, root) / RESULT).exists()]
    if not done:
        raise TrainError(f"{root} has no trained member; run: python -m train finetune --run {run}")
    results = [json.loads((member_folder(m, root) / RESULT).read_text()) for m in done]
    command = f"python -m train finetune --run {run}"
    numbers = [m.fold if PROTOCOLS[m.protocol].members else m.seed for m in done]
    out = {}
    for name, value, low, high, n, split in test_results(config.protocol, results):
        record(name, (value, low, high), n=n, split=split, seeds=numbers, command=command)
        print(f"{name} {value:.4f} ({low:.4f}..{high:.4f})")
        out[name] = value
    return out


TestResult = tuple[str, float, float, float, int, str]
"""Name, value, ends of the 95 % interval, number of galaxies, split."""


def test_results(protocol: str, results: list[dict[str, Any]]) -> list[TestResult]:
    """Test results of a protocol, from the predictions of its members."""
    truth = np.array(results[0]["truth"])
    p = np.array([r["p"] for r in results]) if protocol != "mbc-cv" else np.empty(0)
    if protocol == "mbc-cv":
        truth = np.concatenate([r["truth"] for r in results])
        together = np.concatenate([r["p"] for r in results])
        split = f"mirabest, MBC, {len(results)} of 10 folds"
        return [_test_result("mbc.finetuned.cv_accuracy", together[None], truth, split, 0)]
    if protocol == "mbc145":
        error = _test_result("mbc.labels145.error", p, truth, "mirabest/test, MBC", 0)
        name, value, low, high, n, split = error
        return [(name, 1 - value, 1 - high, 1 - low, n, split)]
    if protocol == "first4":
        return _first4(p, truth)
    name, where = {
        "mbc": ("mbc.finetuned", "mirabest/test, MBC"),
        "frdeep-nvss": ("frdeep_nvss.finetuned", "frdeep-nvss/test"),
        "shipped": ("finetuned", "first and mirabest, test"),
    }[protocol]
    mean = p.mean(axis=0)[None]
    return [
        _test_result(f"{name}.accuracy", mean, truth, f"{where}; mean of {len(p)} networks", 0),
        _test_result(f"{name}.auc", mean, truth, f"{where}; mean of {len(p)} networks", 1),
        _test_result(f"{name}.single.accuracy", p, truth, f"{where}; one network", 0),
    ]


def _test_result(
    name: str, p: np.ndarray, truth: np.ndarray, split: str, metric: int
) -> TestResult:
    """Mean over predictions ``(m, n, classes)``, interval by bootstrap over galaxies."""
    weights = bootstrap_weights(len(truth), DRAWS)
    value = float(np.mean([scores(q, truth)[0, metric] for q in p]))
    drawn = np.mean([scores(q, truth, weights)[:, metric] for q in p], axis=0)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return name, value, min(float(low), value), max(float(high), value), len(truth), split


def _first4(p: np.ndarray, truth: np.ndarray) -> list[TestResult]:
    """Means over the folds of accuracy, F1 of Bent and the Brier score (Brier 1950)."""
    split = f"first, balanced 400, {len(p)} of 5 folds"
    weights = bootstrap_weights(len(truth), DRAWS).astype(float)
    bent, predicted = truth == 0, p.argmax(axis=2) == 0
    one_hot = np.eye(p.shape[2])[truth]
    squared = np.square(p - one_hot).sum(axis=2)
    ones = np.ones((1, len(truth)))

    def f1(w: np.ndarray) -> np.ndarray:
        hit = w @ (predicted & bent).T
        with np.errstate(invalid="ignore"):  # NaN for a draw without bent galaxies
            result: np.ndarray = (2 * hit / (w @ predicted.T + (w @ bent)[:, None])).mean(axis=1)
        return result

    def brier(w: np.ndarray) -> np.ndarray:
        result: np.ndarray = ((w @ squared.T) / w.sum(axis=1, keepdims=True)).mean(axis=1)
        return result

    out = [_test_result("first4.accuracy", p, truth, split, 0)]
    for name, function in (("first4.bent_f1", f1), ("first4.brier", brier)):
        value = float(function(ones)[0])
        low, high = np.nanpercentile(function(weights), [2.5, 97.5])
        out.append(
            (name, value, min(float(low), value), max(float(high), value), len(truth), split)
        )
    ensemble = _test_result("first4.ensemble.accuracy", p.mean(axis=0)[None], truth, split, 0)
    return [*out, ensemble]


def run_members(config: FinetuneConfig, run: str, root: Path, device: torch.device) -> None:
    """Train all members of a run, then record its test results."""
    for member in members(config):
        train_member(FinetuneTask, member, member_folder(member, root), device)
    if not config.limit:
        record_results(config, root, run)
