"""``python -m train evaluate two-peaks [--data compact,fr,stars] [--split valid]``.

How well methods separate two classes without labels: ten seeds of each, area under the ROC curve.
Labels of ``valid`` choose method, epoch and which end is which; those of ``test`` judge only
what was chosen. ``--split valid`` reads no test image and records nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from train.core.config import TrainError
from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.csv_tables import write_row, write_table
from train.evaluate.unlabelled.methods import Scores, Settings, every_method
from train.evaluate.unlabelled.problems import PARTS, PROBLEMS, TwoClasses

BASELINE = "pca"
TABLE, CURVES = "two_peaks", "two_peaks_roc"
_FALSE = np.linspace(0, 1, 21)


@dataclass(frozen=True)
class Judged:
    """A method at the epoch that validation chose; scores are higher for the first class."""

    name: str
    epoch: int
    valid: float
    scores: Scores


def two_peaks(data: str = "", split: str = "test", settings: Settings | None = None) -> None:
    """``two_peaks.*``: AUC of the method that validation chose, and of the baseline."""
    names = data.split(",") if data else list(PROBLEMS)
    if unknown := [n for n in names if n not in PROBLEMS]:
        raise TrainError(f"data is '{unknown[0]}'; expected one of {', '.join(PROBLEMS)}")
    parts = PARTS if split == "test" else PARTS[:2]
    for name in names:
        problem = PROBLEMS[name](parts)
        found = every_method(problem.images, settings or Settings())
        judged = choose(found, problem.truth["valid"])
        for method in judged:
            print(f"{name} {method.name}: epoch {method.epoch}, valid {method.valid:.3f}")
        if split == "test":
            _record(problem, judged)


def choose(found: Iterable[tuple[str, int, Scores]], truth: np.ndarray) -> list[Judged]:
    """Each method at its best epoch by the median validation AUC over seeds, the best first.

    The labels of ``valid`` decide which end of each seed is the first class, before the median.
    """
    best: dict[str, Judged] = {}
    for name, epoch, scores in found:
        sign = np.where(auc(scores["valid"], truth) < 0.5, -1.0, 1.0)[:, None]
        oriented = {part: sign * x for part, x in scores.items()}
        value = float(np.median(auc(oriented["valid"], truth)))
        if name not in best or value > best[name].valid:
            best[name] = Judged(name, epoch, value, oriented)
    return sorted(best.values(), key=lambda method: -method.valid)


def auc(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each row of ``(seeds, n)``; ties count one half."""
    from scipy.stats import rankdata

    one = truth.astype(bool)
    ones, others = int(one.sum()), int((~one).sum())
    if not ones or not others:
        return np.full(len(scores), 0.5)
    ranks = rankdata(scores, axis=1)[:, one].sum(axis=1)
    area: np.ndarray = (ranks - ones * (ones + 1) / 2) / (ones * others)
    return area


def curve(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share of the first class found at each share of false ones, ``(seeds, 21)``."""
    from sklearn.metrics import roc_curve

    points = [roc_curve(truth, row)[:2] for row in scores]
    return np.stack([np.interp(_FALSE, false, true) for false, true in points])


def _record(problem: TwoClasses, judged: list[Judged]) -> None:
    truth, name = problem.truth["test"], problem.name
    chosen = next(m for m in judged if m.name != BASELINE)
    curves: dict[str, list[object]] = defaultdict(list)
    for method in judged:
        areas = auc(method.scores["test"], truth)
        row = {
            "problem": name,
            "method": method.name,
            "epoch": method.epoch,
            "valid_auc": method.valid,
            "auc": np.median(areas),
            "lowest": areas.min(),
            "highest": areas.max(),
            "chosen": method is chosen,
        }
        write_row(TABLE, row, ("problem", "method"))
        found = curve(method.scores["test"], truth)
        curves["problem"] += [name] * len(_FALSE)
        curves["method"] += [method.name] * len(_FALSE)
        curves["false_positives"] += list(_FALSE)
        for column, value in zip(("lowest", "median", "highest"),
                                 (found.min(0), np.median(found, 0), found.max(0)),
                                 strict=True):  # fmt: skip
            curves[column] += list(value)
    _write_curves(name, pd.DataFrame(curves))
    baseline = next(m for m in judged if m.name == BASELINE)
    for what, method in (("auc", chosen), ("pca.auc", baseline)):
        scores = method.scores["test"]
        pairs = np.column_stack([scores.T, truth])
        estimate = bootstrap(pairs, lambda p: float(np.median(auc(p[:, :-1].T, p[:, -1]))))
        print(f"{name} {what} ({method.name}): {estimate[0]:.3f}")
        record(
            f"two_peaks.{name}.{what}",
            estimate,
            n=len(truth),
            split=f"{problem.data}/test",
            seeds=list(range(len(scores))),
            command=f"python -m train evaluate two-peaks --data {name}",
        )


def _write_curves(name: str, curves: pd.DataFrame) -> None:
    """Replace the curves of one problem."""
    from train.evaluate.csv_tables import table_file

    path = table_file(CURVES)
    if path.exists():
        before = pd.read_csv(path)
        curves = pd.concat([before[before["problem"] != name], curves], ignore_index=True)
    write_table(CURVES, curves)
