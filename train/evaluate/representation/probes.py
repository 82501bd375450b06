"""Nearest-neighbour and linear probes of frozen features, with all labels or few."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

NUMBERS = (25, 50, 100, 145, 200, 400)
DRAWS = 10

COMPONENTS = (16, 32, 64, 0)


def knn5(components: int, whiten: bool) -> Any:
    """Five nearest neighbours by cosine, after this many principal components (0: all)."""
    from sklearn.decomposition import PCA
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    reduce = PCA(components or None, whiten=whiten, random_state=0)
    return make_pipeline(reduce, KNeighborsClassifier(5, metric="cosine"))


def linear(c: float) -> Any:
    """Logistic regression of standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000))


def choices(kind: str, features: int) -> list[tuple[str, Any]]:
    """Settings to choose from, with a description, for ``knn5`` or ``linear``."""
    if kind == "linear":
        return [(f"C {c:g}", linear(c)) for c in np.logspace(-4, 1, 11)]
    return [
        (f"{n or features} components{', whitened' if whiten else ''}", knn5(n, whiten))
        for n in COMPONENTS
        for whiten in (False, True)
        if n < features
    ]


def choose(kind: str, x: np.ndarray, y: np.ndarray, repeats: int = 2) -> tuple[str, Any, float]:
    """Setting with the best cross-validated accuracy on training codes, and that accuracy."""
    from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score

    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=0)
    best: tuple[str, Any, float] | None = None
    for described, model in choices(kind, x.shape[1]):
        found = float(cross_val_score(model, x, y, cv=folds).mean())
        if best is None or found > best[2]:
            best = described, model, found
    assert best is not None  # there is always a choice
    return best


def label_efficiency(
    x: np.ndarray, y: np.ndarray, at: np.ndarray, truth: np.ndarray
) -> list[dict[str, float]]:
    """Accuracy of a linear classifier by number of labels: ``labels``, ``value``, ``std``.

    Means over :data:`DRAWS` stratified draws. Cross-validation within each draw chooses the
    strength of the regularisation.
    """
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    out = []
    scaler = StandardScaler().fit(x)
    z, there = scaler.transform(x), scaler.transform(at)
    for number in [n for n in NUMBERS if n < len(x)] + [len(x)]:
        found = []
        for seed in range(DRAWS if number < len(x) else 1):
            rows = np.arange(len(x))
            if number < len(x):
                rows, _ = train_test_split(rows, train_size=number, stratify=y, random_state=seed)
            with warnings.catch_warnings():
                # scikit-learn renames arguments of this class between versions.
                warnings.simplefilter("ignore", FutureWarning)
                model = LogisticRegressionCV(
                    Cs=np.logspace(-4, 0, 5), cv=3, max_iter=300, scoring="accuracy"
                ).fit(z[rows], y[rows])
            found.append(float((model.predict(there) == truth).mean()))
        low, high = np.percentile(found, [2.5, 97.5])
        mean, std = float(np.mean(found)), float(np.std(found))
        row = {"labels": number, "value": mean, "std": std, "low": float(low), "high": float(high)}
        out.append(row)
    return out
