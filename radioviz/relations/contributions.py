"""What each column adds to the prediction of each galaxy: Shapley values of the trees.

By shap (Lundberg et al. 2020, Nature Machine Intelligence 2, 56), which computes them exactly for
trees: the contributions of a galaxy and the mean prediction add up to what is predicted for it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from radioviz.errors import RelationError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.relations.prediction import few_threads, point_model
from radioviz.relations.question import FOLDS, PropertyQuestion

MOST = 400
"""Galaxies of each fold that are explained."""
_SLICE = 100  # galaxies between two reports of progress


@dataclass(frozen=True, eq=False)
class Contributions:
    """Contributions of the columns to the predictions of some galaxies."""

    names: tuple[str, ...]  # columns, ``d``
    rows: np.ndarray  # of the question, ``(m,)``
    values: np.ndarray  # float64, ``(m, d)``, in the units of the question's target
    base: np.ndarray  # what is predicted without any column, ``(m,)``

    @property
    def sizes(self) -> np.ndarray:
        """Mean absolute contribution of each column, ``(d,)``."""
        return np.abs(self.values).mean(axis=0)


def contributions(asked: PropertyQuestion, progress: Progress = no_progress) -> Contributions:
    """Contributions to predictions of held-out galaxies, at most 400 a fold drawn at random.

    ``progress`` is called as ``progress(done, total, what)``; what it raises ends the work. Raises
    RelationError if shap cannot be imported.
    """
    try:
        with warnings.catch_warnings():  # of its plots, about matplotlib
            warnings.simplefilter("ignore")
            from shap import TreeExplainer
    except ImportError as error:
        raise RelationError(
            f"contributions need the package shap, which cannot be imported ({error}); install it "
            "by: pip install shap"
        ) from error
    rows = np.flatnonzero(asked.known)
    fold = asked.fold[rows]
    steps = FOLDS * (1 + MOST // _SLICE)
    done, parts, bases, chosen = 0, [], [], []
    with few_threads(asked):
        for k in range(FOLDS):
            progress(done, steps, f"fold {k + 1} of {FOLDS}")
            done += 1
            held = rows[fold == k]
            if len(held) > MOST:
                held = np.sort(np.random.default_rng(k).choice(held, MOST, replace=False))
            model = point_model(asked.features[rows[fold != k]], asked.target[rows[fold != k]])
            explainer = TreeExplainer(model)
            for start in range(0, len(held), _SLICE):
                some = held[start : start + _SLICE]
                parts.append(np.asarray(explainer.shap_values(asked.features[some]), float))
                progress(done, steps, f"contributions, fold {k + 1} of {FOLDS}")
                done += 1
            bases.append(np.full(len(held), float(np.ravel(explainer.expected_value)[0])))
            chosen.append(held)
    return Contributions(
        asked.names, np.concatenate(chosen), np.concatenate(parts), np.concatenate(bases)
    )
