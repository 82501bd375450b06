"""Predictions of a property by gradient boosting, each galaxy by a model that never saw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from radioviz.errors import RelationError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.relations.question import FOLDS, PropertyQuestion

COVERAGE = 0.9
_FIRST_LOOK = 20_000  # rows
_SMALL = 4_000_000  # values of the columns
_SMALLEST_SPREAD = 0.05  # of the median spread


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was predicted for each galaxy; NaN nowhere but where ``predicted`` has no folds."""

    question: PropertyQuestion
    # Float64, shape ``(n,)``, in the units of ``question.target``; of galaxies that were learned
    # from by the model of the other folds, of all others the mean of the five.
    predicted: np.ndarray
    # low, high: ends of the interval that holds the property of 90 % of such galaxies
    low: np.ndarray
    high: np.ndarray

    @property
    def residual(self) -> np.ndarray:
        """Predicted minus true, shape ``(n,)``; NaN where the property is unknown or a limit."""
        true = np.where(self.question.known, self.question.target, np.nan)
        return np.asarray(self.predicted - true)

    @property
    def r2(self) -> float:
        """Share of the variance that is predicted, over all folds together."""
        return _r2(self.question.target[self.question.known], self.predicted[self.question.known])

    def r2_interval(self) -> tuple[float, float]:
        """95 % interval of :attr:`r2` by drawing galaxies with replacement."""
        known = self.question.known
        true, found = self.question.target[known], self.predicted[known]
        draw = np.random.default_rng(0)
        values = []
        for _ in range(500):
            rows = draw.integers(len(true), size=len(true))
            values.append(_r2(true[rows], found[rows]))
        return float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5))

    @property
    def scatter(self) -> float:
        """Half the width of the middle 68 % of the residuals; in dex where ``question.log``."""
        residual = self.residual[self.question.known]
        low, high = np.percentile(residual, (15.87, 84.13))
        return float(high - low) / 2

    @property
    def coverage(self) -> float:
        """Share of galaxies whose property lies within its interval."""
        known = self.question.known
        true = self.question.target[known]
        return float(((true >= self.low[known]) & (true <= self.high[known])).mean())

    @property
    def limits_met(self) -> float:
        """Share of upper limits that the interval reaches below; NaN without limits."""
        limit = self.question.limit & np.isfinite(self.question.target)
        if not limit.any():
            return float("nan")
        return float((self.low[limit] <= self.question.target[limit]).mean())


def first_look(asked: PropertyQuestion, progress: Progress = no_progress) -> float:
    """R2 of one fold, from at most 20,000 galaxies: an answer within seconds."""
    rows = np.flatnonzero(asked.known)
    if len(rows) > _FIRST_LOOK:
        rows = np.random.default_rng(0).choice(rows, _FIRST_LOOK, replace=False)
    held = asked.fold[rows] == 0
    if held.all() or held.sum() < 2:
        raise RelationError(f"the folds of {asked.name} are too unequal; use fewer groups")
    progress(0, 1, "a first look")
    with few_threads(asked):
        model = point_model(asked.features[rows[~held]], asked.target[rows[~held]])
        return _r2(asked.target[rows[held]], model.predict(asked.features[rows[held]]))


def predict(asked: PropertyQuestion, progress: Progress = no_progress) -> Prediction:
    """Predict a property by five folds, with intervals.

    The width of an interval follows a second model, of the size of the residuals, and is scaled so
    that 90 % of the galaxies of the other folds lie within theirs (conformal prediction with
    normalised residuals: Papadopoulos et al. 2008; Lei et al. 2018, Sec. 5.2). Each scaled
    residual is one of a galaxy that its own two models did not see.

    ``progress``: as ``progress(done, 10, what)``; an exception that it raises ends the work.
    """
    with few_threads(asked):
        return _predict(asked, progress)


def _predict(asked: PropertyQuestion, progress: Progress) -> Prediction:
    rows = np.flatnonzero(asked.known)
    n = len(asked.target)
    fold = asked.fold[rows]
    found, others = np.full(n, np.nan), np.zeros(n)
    rest = np.setdiff1d(np.arange(n), rows, assume_unique=True)
    for k in range(FOLDS):
        progress(k, 2 * FOLDS, f"fold {k + 1} of {FOLDS}")
        held, learned = rows[fold == k], rows[fold != k]
        if not len(held):
            raise RelationError(f"the folds of {asked.name} are too unequal; use fewer groups")
        model = point_model(asked.features[learned], asked.target[learned])
        found[held] = model.predict(asked.features[held])
        if len(rest):
            others[rest] += model.predict(asked.features[rest]) / FOLDS
    found[rest] = others[rest]
    size = np.abs(found[rows] - asked.target[rows])
    spread = np.zeros(n)
    for k in range(FOLDS):
        progress(FOLDS + k, 2 * FOLDS, f"width of the intervals, fold {k + 1} of {FOLDS}")
        learned = fold != k
        model = spread_model(asked.features[rows[learned]], size[learned])
        held = rows[~learned]
        spread[held] = model.predict(asked.features[held])
        if len(rest):
            spread[rest] += model.predict(asked.features[rest]) / FOLDS
    spread = np.maximum(spread, _SMALLEST_SPREAD * float(np.median(spread[rows])) + 1e-12)
    scaled = size / spread[rows]
    times = np.empty(n)
    for k in range(FOLDS):
        times[rows[fold == k]] = _quantile(scaled[fold != k])
    times[rest] = _quantile(scaled)
    progress(2 * FOLDS, 2 * FOLDS, "done")
    return Prediction(asked, found, found - times * spread, found + times * spread)


def point_model(features: np.ndarray, target: np.ndarray) -> HistGradientBoostingRegressor:
    """The model of the property, fitted; trees are added while a part held back gains from them.

    Without that a property that is hardly predictable is predicted worse than by its mean.
    """
    model = HistGradientBoostingRegressor(
        max_iter=500, learning_rate=0.05, min_samples_leaf=15, max_leaf_nodes=10, max_bins=128,
        l2_regularization=1.0, max_features=0.5 if features.shape[1] > 16 else 1.0,
        early_stopping=True, validation_fraction=0.15, n_iter_no_change=15, random_state=0,
    )  # fmt: skip
    return model.fit(features, target)


def spread_model(features: np.ndarray, size: np.ndarray) -> HistGradientBoostingRegressor:
    """The model of the size of the residuals, fitted; smooth, for it sees single draws."""
    model = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=60, learning_rate=0.08, min_samples_leaf=40,
        max_leaf_nodes=8, max_bins=64, early_stopping=False, random_state=0,
    )  # fmt: skip
    return model.fit(features, size)


def few_threads(asked: PropertyQuestion) -> threadpool_limits:
    """Context in which trees of a small question are fitted and asked by one thread.

    Threads that wait for each other at every cut of a small tree cost more than they save, and a
    great deal where other work needs the processors.
    """
    return threadpool_limits(1 if asked.features.size < _SMALL else None, user_api="openmp")


def _quantile(scaled: np.ndarray) -> float:
    """The conformal quantile: of n scaled residuals the one of rank 0.9 (n + 1)."""
    rank = min(1.0, COVERAGE * (len(scaled) + 1) / len(scaled))
    return float(np.quantile(scaled, rank, method="higher"))


def _r2(true: np.ndarray, found: np.ndarray) -> float:
    scale = float(np.square(true - true.mean()).sum())
    return 1.0 - float(np.square(found - true).sum()) / scale if scale > 0 else float("nan")
