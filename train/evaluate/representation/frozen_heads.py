"""Classes by a linear head on the frozen codes of encoders: ``python -m train evaluate heads``.

FRI or FRII of MiraBest Confident, and the four classes of FIRST by its own five folds, where five
heads judge the fixed test set of 400. No encoder among :data:`CODES` saw a class label. Folds over
the splits ``train`` and ``valid`` alone choose the codes and the strength of the head.
"""

from __future__ import annotations

import numpy as np

from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.representation.codes import codes
from train.evaluate.representation.labelled_sets import mbc
from train.evaluate.surveys.evaluations import source_folds
from train.methods.finetune_members import test_results
from train.methods.protocols import FOUR, PROTOCOLS, protocol_rows

CODES = ("survey-simclr", "simclr", "survey-simclr+simclr", "survey-simclr+simclr+byol+simsiam")
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
FOLDS = 10
COMMAND = "python -m train evaluate heads"


def head(x: np.ndarray, y: np.ndarray, at: np.ndarray, strength: float) -> np.ndarray:
    """p(class) of codes ``at`` by a logistic regression with equal classes, ``(m, classes)``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=strength, max_iter=500, class_weight="balanced"),
    )
    found: np.ndarray = model.fit(x, y).predict_proba(at)
    return found


def in_folds(x: np.ndarray, y: np.ndarray, fold: np.ndarray, strength: float) -> np.ndarray:
    """p(class) of each row by the head without its fold, ``(n, classes)``."""
    out = np.empty((len(y), len(np.unique(y))))
    for k in np.unique(fold):
        held = fold == k
        out[held] = head(x[~held], y[~held], x[held], strength)
    return out


def choose(every: dict[str, np.ndarray], y: np.ndarray, fold: np.ndarray) -> tuple[str, float]:
    """Codes and strength with the best accuracy in folds, classes counted alike."""
    best, chosen = -1.0, ("", 0.0)
    share = 1 / np.bincount(y)[y]
    for name, x in every.items():
        for strength in STRENGTHS:
            right = in_folds(x, y, fold, strength).argmax(axis=1) == y
            found = float((right * share).sum() / share.sum())
            print(f"{name}, C {strength:g}: {found:.3f}", flush=True)
            if found > best:
                best, chosen = found, (name, strength)
    return chosen


def heads(split: str = "test") -> None:
    """``mbc.heads.*`` and ``first4.heads.*``; ``valid`` chooses and reads no test source."""
    _mbc(split)
    _first4(split)


def _mbc(split: str) -> None:
    problem = mbc()
    every = {name: codes(name, problem.catalogue).values[:, 0] for name in CODES}
    table = problem.catalogue.table
    official = table["split"].to_numpy()
    rows = problem.train[np.isin(official[problem.train], ("train", "valid"))]
    fold = source_folds(table.iloc[rows], FOLDS, seed=0)
    name, strength = choose({n: x[rows] for n, x in every.items()}, problem.labels(rows), fold)
    x, how = every[name], f"{name}, C {strength:g}, chosen by folds over {len(rows)}"
    if split != "test":
        print(f"mbc: {how}")
        return
    train, test = problem.train, problem.test
    p = head(x[train], problem.labels(train), x[test], strength)
    _record("mbc.heads.accuracy", p.argmax(1) == problem.labels(test), f"mirabest/test, MBC; {how}")
    rows = np.sort(np.concatenate([train, test]))
    fold = source_folds(table.iloc[rows], FOLDS, seed=0)
    found = in_folds(x[rows], problem.labels(rows), fold, strength).argmax(1)
    _record("mbc.heads.cv_accuracy", found == problem.labels(rows),
            f"mirabest, MBC, ten folds; {how}")  # fmt: skip


def _record(name: str, right: np.ndarray, split: str) -> None:
    found = bootstrap(right.astype(float), np.mean)
    record(name, found, n=len(right), split=split, seeds=[0], command=COMMAND)
    print(f"{name} {found[0]:.4f} ({found[1]:.4f}..{found[2]:.4f}); {split}", flush=True)


def _first4(split: str) -> None:
    from radioviz.data.registry import open_data_set

    catalogue = open_data_set("first")
    every = {name: codes(name, catalogue).values[:, 0] for name in CODES}
    number = {label: k for k, label in enumerate(FOUR)}
    y = catalogue.table["label"].map(number).fillna(-1).to_numpy(int)
    parts = [protocol_rows("first4", k, 0, False) for k in range(PROTOCOLS["first4"].members)]
    seen = np.concatenate([part.valid["first"] for part in parts])
    fold = np.repeat(np.arange(len(parts)), [len(part.valid["first"]) for part in parts])
    name, strength = choose({n: x[seen] for n, x in every.items()}, y[seen], fold)
    x, how = every[name], f"{name}, C {strength:g}, chosen by the folds"
    if split != "test":
        print(f"first4: {how}")
        return
    results = []
    for part in parts:
        train, test = part.train["first"], part.test["first"]
        p = head(x[train], y[train], x[test], strength)
        results.append({"truth": y[test].tolist(), "p": p.tolist()})
    for title, value, low, high, n, where in test_results("first4", results):
        title = title.replace("first4", "first4.heads", 1)
        record(title, (value, low, high), n=n, split=f"{where}; {how}", seeds=[0], command=COMMAND)
        print(f"{title} {value:.4f} ({low:.4f}..{high:.4f}); {how}", flush=True)
