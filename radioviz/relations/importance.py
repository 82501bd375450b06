"""Which columns a prediction rests on: by permutation, by gain, and by leaving columns out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from radioviz.jobs.progress import Progress, no_progress
from radioviz.relations.prediction import few_threads, point_model, predict
from radioviz.relations.question import FOLDS, PropertyQuestion

_ROWS = 4_000  # held-out galaxies per fold, enough to rank columns


@dataclass(frozen=True)
class Importance:
    """How much one column matters."""

    name: str
    # permutation, permutation_spread: Loss of R2 when its values are shuffled among held-out
    # galaxies: mean and standard deviation over folds. Columns that repeat each other share it.
    permutation: float
    permutation_spread: float
    # gain, gain_spread: its share of the squared error that the trees' cuts remove, 0 to 1, over
    # folds
    gain: float
    gain_spread: float


def importances(asked: PropertyQuestion, progress: Progress = no_progress) -> list[Importance]:
    """Importance of every column, the largest loss by permutation first."""
    with few_threads(asked):
        return _importances(asked, progress)


def _importances(asked: PropertyQuestion, progress: Progress) -> list[Importance]:
    rows = np.flatnonzero(asked.known)
    fold = asked.fold[rows]
    d = len(asked.names)
    lost, gains = np.empty((FOLDS, d)), np.empty((FOLDS, d))
    for k in range(FOLDS):
        model = point_model(asked.features[rows[fold != k]], asked.target[rows[fold != k]])
        gains[k] = gain(model, d)
        draw = np.random.default_rng(k)
        held = rows[fold == k]
        if len(held) > _ROWS:
            held = draw.choice(held, _ROWS, replace=False)
        true, columns = asked.target[held], asked.features[held].copy()
        scale = float(np.square(true - true.mean()).sum())
        error = float(np.square(model.predict(columns) - true).sum())
        for i in range(d):
            progress(k * d + i, FOLDS * d, f"shuffling {asked.names[i]}, fold {k + 1} of {FOLDS}")
            if not gains[k, i]:  # no tree asks for it
                lost[k, i] = 0.0
                continue
            kept = columns[:, i].copy()
            columns[:, i] = draw.permutation(kept)
            lost[k, i] = (np.square(model.predict(columns) - true).sum() - error) / scale
            columns[:, i] = kept
    found = [
        Importance(name, *(float(v) for v in (
            lost[:, i].mean(), lost[:, i].std(ddof=1), gains[:, i].mean(), gains[:, i].std(ddof=1)
        )))
        for i, name in enumerate(asked.names)
    ]  # fmt: skip
    return sorted(found, key=lambda one: -one.permutation)


def gain(model: HistGradientBoostingRegressor, d: int) -> np.ndarray:
    """Share of each column in the squared error that the cuts of the trees remove, ``(d,)``.

    scikit-learn keeps the gain of each cut but has no public attribute for the sum.
    """
    total = np.zeros(d)
    for (tree,) in model._predictors:
        cuts = tree.nodes[tree.nodes["is_leaf"] == 0]
        total += np.bincount(cuts["feature_idx"], weights=cuts["gain"], minlength=d)
    whole = total.sum()
    return total / whole if whole > 0 else total


@dataclass(frozen=True)
class Dropped:
    """What is lost without a group of columns."""

    name: str  # of the group
    r2: float  # without it
    loss: float  # R2 of all columns minus that
    # low, high: 95 % interval of the loss over galaxies, both predictions on the same ones
    low: float
    high: float


def without_groups(
    asked: PropertyQuestion, groups: Mapping[str, Sequence[str]], progress: Progress = no_progress
) -> list[Dropped]:
    """Compare the prediction from all columns with those that lack one group each.

    Unlike a permutation this lets the other columns stand in for what is missing (the comparison
    by feature dropping of galaxy-mass predictions).

    ``groups``: columns by the name of their group; each leaves at least one other column.
    """
    known = asked.known
    true = asked.target[known]
    whole = predict(asked, progress).predicted[known]
    scale = float(np.square(true - true.mean()).sum())
    draw = np.random.default_rng(0)
    draws = draw.integers(len(true), size=(500, len(true)))
    out = []
    for number, (name, columns) in enumerate(groups.items()):
        progress(number, len(groups), f"without {name}")
        fewer = predict(asked.without(*columns), progress).predicted[known]
        more_error = np.square(fewer - true) - np.square(whole - true)
        loss = float(more_error.sum()) / scale
        spread = [float(more_error[rows].sum()) / scale for rows in draws]
        r2 = 1 - float(np.square(fewer - true).sum()) / scale
        low, high = np.percentile(spread, (2.5, 97.5))
        out.append(Dropped(name, r2, loss, float(low), float(high)))
    progress(len(groups), len(groups), "done")
    return sorted(out, key=lambda one: -one.loss)
