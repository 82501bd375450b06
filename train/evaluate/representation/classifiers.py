"""The six classifiers of Andrianomena & Tang 2023, Table 1, and their scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

METRICS = ("accuracy", "auc", "specificity", "recall")
RANDOM = ("rf", "grad", "ext")
"""Classifiers with a seed; boosting without subsampling hardly depends on it."""
FORESTS = ("rf", "ext")

CLASSIFIERS = ("knn", "rf", "svc", "lr", "grad", "ext")
TITLES = {
    "knn": "k-nearest neighbours",
    "rf": "random forest",
    "svc": "support vector machine",
    "lr": "logistic regression",
    "grad": "gradient boosting",
    "ext": "extra trees",
}


def classifier(name: str, seed: int) -> Any:
    """Untrained classifier of a name of :data:`CLASSIFIERS`, settings of Table 1."""
    from sklearn.ensemble import (
        ExtraTreesClassifier,
        GradientBoostingClassifier,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    makers: dict[str, Callable[[], Any]] = {
        "knn": lambda: KNeighborsClassifier(20),
        "rf": lambda: RandomForestClassifier(260, random_state=seed),
        "svc": lambda: SVC(kernel="rbf", gamma=0.2, C=100),
        "lr": lambda: LogisticRegression(max_iter=1000),
        "grad": lambda: GradientBoostingClassifier(n_estimators=250, random_state=seed),
        "ext": lambda: ExtraTreesClassifier(400, random_state=seed),
    }
    return makers[name]()


def probabilities(name: str, seed: int, x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """p(class) of codes ``at`` after training on ``x``, shape ``(len(at), classes)``.

    A support vector machine has no probabilities; its margins replace them, through a logistic
    curve for two classes (so that the sign is the class), as softmax shares for more.
    """
    model = classifier(name, seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*failed to converge.*")
        model.fit(x, y)
    if name != "svc":
        result: np.ndarray = model.predict_proba(at)
        return result
    margin = model.decision_function(at)
    if margin.ndim == 1:
        second = 1 / (1 + np.exp(-margin))
        return np.stack([1 - second, second], axis=1)
    shares = np.exp(margin - margin.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


class Scaler:
    """Codes as input of the classifiers: principal components, total variance 5.

    At a total variance of 5 the fixed gamma of 0.2 equals scikit-learn's ``scale``, for any length
    of the codes. At most ``most`` components are kept; 0 only rescales the codes.
    """

    VARIANCE = 5.0

    def __init__(self, most: int = 64) -> None:
        self.most = most

    def fit(self, x: np.ndarray) -> Scaler:
        """Learn from training codes ``(n, d)``."""
        from sklearn.decomposition import PCA

        n, d = x.shape
        self.middle = x.mean(axis=0)
        centred = x - self.middle
        self.axes = np.eye(d, dtype=x.dtype)
        if self.most and self.most < d:
            most = min(self.most, n - 1)
            self.axes = PCA(most, svd_solver="full").fit(centred).components_.T
        scale = (centred @ self.axes).var(axis=0).sum()
        self.factor = float(np.sqrt(self.VARIANCE / max(scale, 1e-12)))
        return self

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Scaled codes, float32."""
        result: np.ndarray = (((x - self.middle) @ self.axes) * self.factor).astype(np.float32)
        return result


def scores(p: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """:data:`METRICS` under each set of weights.

    Of two classes the second is positive: recall is its share of correct answers, specificity that
    of the first. For more classes, AUC, recall and specificity are means over one against the rest.

    Parameters
    ----------
    p : numpy.ndarray
        Shape ``(n, classes)``.
    y : numpy.ndarray
        Shape ``(n,)``.
    weights : numpy.ndarray, optional
        How often each object counts, shape ``(draws, n)``; a bootstrap gives counts.

    Returns
    -------
    numpy.ndarray
        Shape ``(draws, 4)``, one draw without weights; NaN where a class is not drawn.
    """
    w = np.ones((1, len(y))) if weights is None else weights.astype(float)
    guess = p.argmax(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy = (w * (guess == y)).sum(axis=1) / w.sum(axis=1)
        positive = [1] if p.shape[1] == 2 else list(range(p.shape[1]))
        rows = []
        for c in positive:
            is_c, predicted = y == c, guess == c
            recall = (w * (is_c & predicted)).sum(axis=1) / (w * is_c).sum(axis=1)
            specificity = (w * (~is_c & ~predicted)).sum(axis=1) / (w * ~is_c).sum(axis=1)
            rows.append(np.stack([auc(p[:, c], is_c, w), specificity, recall], axis=1))
        return np.concatenate([accuracy[:, None], np.mean(rows, axis=0)], axis=1)


def auc(score: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve, the chance that a positive scores above a negative; ``(draws,)``.

    Ties count half (Mann & Whitney 1947).
    """
    a, b = score[positive][:, None], score[~positive][None]
    wins = (a > b) + 0.5 * (a == b)
    u, v = weights[:, positive], weights[:, ~positive]
    result: np.ndarray = ((u @ wins) * v).sum(axis=1) / (u.sum(axis=1) * v.sum(axis=1))
    return result


def bootstrap_weights(n: int, draws: int, seed: int = 0) -> np.ndarray:
    """How often each of ``n`` objects is drawn, shape ``(draws, n)``."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n, np.full(n, 1 / n), size=draws)
