"""Apply a prediction to galaxies of another survey, and say how unlike they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from radioviz.relations.prediction import few_threads, predict
from radioviz.relations.question import FOLDS, PropertyQuestion

UNLIKE = 0.75
"""Shift above which a prediction is made outside of what it was learned from."""
_ROWS = 3_000


@dataclass(frozen=True, eq=False)
class Applied:
    """Predictions for other galaxies."""

    # predicted, low, high: shape ``(m,)``, in the units of the question; the interval is that of 90
    # % for galaxies like those that were learned from
    predicted: np.ndarray
    low: np.ndarray
    high: np.ndarray
    shift: float  # see :func:`survey_shift`


def apply_to(asked: PropertyQuestion, features: np.ndarray) -> Applied:
    """Predict the property of other galaxies by the five models that learned from these.

    ``features``: the columns of the question, ``(m, d)``; NaN where unknown.
    """
    m = len(features)
    joined = replace(
        asked,
        target=np.append(asked.target, np.full(m, np.nan)),
        limit=np.append(asked.limit, np.zeros(m, bool)),
        features=np.vstack([asked.features, np.asarray(features, np.float32)]),
        fold=np.append(asked.fold, np.zeros(m, asked.fold.dtype)),
    )
    found = predict(joined)
    shift = survey_shift(asked, features)
    return Applied(found.predicted[-m:], found.low[-m:], found.high[-m:], shift)


def survey_shift(asked: PropertyQuestion, features: np.ndarray) -> float:
    """How well the columns alone distinguish other galaxies from those learned from.

    The area under the ROC curve of a classifier on five held-out folds (a classifier two-sample
    test, Lopez-Paz & Oquab 2017): 0.5 where the surveys look alike, 1 where each galaxy shows
    which survey it is of.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    draw = np.random.default_rng(0)
    parts = [asked.features[asked.known], np.asarray(features, np.float32)]
    parts = [p[draw.permutation(len(p))[:_ROWS]] for p in parts]
    columns = np.vstack(parts)
    other = np.repeat([False, True], [len(p) for p in parts])
    fold = np.concatenate([draw.permutation(len(p)) % FOLDS for p in parts])
    seen = np.isfinite(columns).any(axis=0)
    if not seen.any() or min(map(len, parts)) < 2 * FOLDS:
        return float("nan")
    columns, score = columns[:, seen], np.empty(len(other))
    with few_threads(asked):
        for k in range(FOLDS):
            model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0)
            model.fit(columns[fold != k], other[fold != k])
            score[fold == k] = model.predict_proba(columns[fold == k])[:, 1]
    return float(roc_auc_score(other, score))
