"""A property to predict, and the columns to predict it from, checked before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata

from radioviz.errors import RelationError
from radioviz.relations.leakage import leaks

FOLDS = 5
FEWEST = 50
"""Galaxies with a value below which nothing is fitted."""

_COPY = 0.9999  # rank correlation above which a column is the property under another name
_EQUAL = 0.2  # share of equal values above which a column holds the property in part


@dataclass(frozen=True, eq=False)
class PropertyQuestion:
    """Can these columns predict this property?"""

    name: str  # name of the property
    # Float64, shape ``(n,)``; the decimal logarithm where ``log``. NaN where it is unknown.
    target: np.ndarray
    # Bool, shape ``(n,)``: the value is an upper limit. Those rows are not learned from.
    limit: np.ndarray
    names: tuple[str, ...]  # names of the columns, ``d``
    features: np.ndarray  # float32, shape ``(n, d)``; NaN where unknown
    fold: np.ndarray  # int, shape ``(n,)``: 0 to 4; galaxies of one group share a fold
    log: bool  # residuals are in dex
    unused: tuple[str, ...] = ()  # columns that were given but are unknown for nearly all galaxies
    leaks: tuple[str, ...] = ()  # sentences about columns that nearly give the property away

    @property
    def known(self) -> np.ndarray:
        """Mask of the rows that are learned from: with a value that is no limit."""
        return np.isfinite(self.target) & ~self.limit

    def without(self, *names: str) -> PropertyQuestion:
        """The same question with fewer columns.

        Raises RelationError if none would be left.
        """
        kept = [i for i, name in enumerate(self.names) if name not in names]
        if not kept:
            raise RelationError(f"without {', '.join(names)} nothing is left to predict from")
        return PropertyQuestion(
            self.name, self.target, self.limit, tuple(self.names[i] for i in kept),
            self.features[:, kept], self.fold, self.log,
        )  # fmt: skip


def question(
    name: str,
    target: np.ndarray,
    names: Sequence[str],
    features: np.ndarray,
    *,
    log: bool = False,
    limit: np.ndarray | None = None,
    group: np.ndarray | None = None,
    seed: int = 0,
) -> PropertyQuestion:
    """Check a property and its predictors, and draw the folds.

    Parameters
    ----------
    name : str
        Of the property.
    target : array_like
        Numbers of shape ``(n,)``, NaN where unknown.
    names, features
        Names and values of the columns, ``(n, d)``.
    log : bool
        Predict the decimal logarithm. Values that are not positive count as unknown.
    limit : array_like of bool, optional
        Rows whose value is an upper limit.
    group : array_like, optional
        Rows of equal group, such as one source in two surveys, share a fold.
    seed : int
        Of the folds.

    Raises
    ------
    RelationError
        If the property is text, constant or nearly always missing, a column is a copy of it, or
        every column is unknown for nearly all galaxies.
    """
    values = np.asarray(target)
    if values.dtype.kind not in "buif":
        raise RelationError(f"{name} is text, not numbers; choose a property that can be measured")
    values = values.astype(float)
    columns = np.asarray(features, np.float32)
    limits = np.zeros(len(values), bool) if limit is None else np.asarray(limit, bool)
    if columns.shape != (len(values), len(names)) or limits.shape != values.shape:
        raise RelationError(
            f"{name} has {len(values)} rows; the {len(names)} columns have shape {columns.shape}"
        )
    if not names:
        raise RelationError(f"no column to predict {name} from; choose latents or measurements")
    if log:
        values = np.log10(np.where(values > 0, values, np.nan))
    columns = np.where(np.isfinite(columns), columns, np.float32(np.nan))
    values = np.where(np.isfinite(values), values, np.nan)
    made = PropertyQuestion(
        name, values, limits, tuple(names), columns, _folds(len(values), group, seed), log
    )
    _check(made)
    unused = _hardly_known(made)
    if len(unused) == len(names):
        raise RelationError(
            f"{', '.join(names[:6])} are unknown for nearly all galaxies with a value of {name}"
        )
    made = replace(made.without(*unused), unused=unused) if unused else made
    return replace(made, leaks=leaks(made))


def _hardly_known(asked: PropertyQuestion) -> tuple[str, ...]:
    """Columns that some fold's model would hardly see a value of."""
    seen = np.isfinite(asked.features[asked.known])
    fold = asked.fold[asked.known]
    fewest = np.min([seen[fold != k].sum(axis=0) for k in range(FOLDS)], axis=0)
    return tuple(n for n, least in zip(asked.names, fewest, strict=True) if least < FEWEST / 2)


def _folds(n: int, group: np.ndarray | None, seed: int) -> np.ndarray:
    """A fold for each row: groups in random order, each into the fold that is smallest so far."""
    number = np.arange(n) if group is None else np.unique(np.asarray(group), return_inverse=True)[1]
    groups = int(number.max()) + 1 if n else 0
    order = np.random.default_rng(seed).permutation(groups)
    of_group = np.empty(groups, int)
    of_group[order] = np.arange(groups) % FOLDS
    return of_group[number]


def _check(asked: PropertyQuestion) -> None:
    values = asked.target[asked.known]
    what = f"the logarithm of {asked.name}" if asked.log else asked.name
    if len(values) < FEWEST:
        raise RelationError(
            f"{what} is known for {len(values)} of {len(asked.target)} galaxies"
            + (f" ({int(asked.limit.sum())} are limits)" if asked.limit.any() else "")
            + f"; at least {FEWEST} are needed"
        )
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        raise RelationError(
            f"{what} is {values[0]:g} for every galaxy; there is nothing to predict"
        )
    ranks = rankdata(values)
    plain = (10**values if asked.log else values).astype(np.float32)
    varied = len(np.unique(plain)) > len(plain) / 2
    for i, name in enumerate(asked.names):
        column = asked.features[asked.known, i]
        seen = np.isfinite(column)
        if seen.sum() < FEWEST or np.ptp(column[seen]) == 0:
            continue
        same = abs(np.corrcoef(rankdata(column[seen]), ranks[seen])[0, 1])
        if name == asked.name or same > _COPY:
            raise RelationError(
                f"the column {name} is {asked.name} itself (rank correlation {same:.5f}); leave it "
                "out, or the answer is in the question"
            )
        equal = float(np.isclose(column[seen], plain[seen], rtol=1e-6, atol=0).mean())
        if varied and equal > _EQUAL:
            raise RelationError(
                f"the column {name} equals {asked.name} for {equal:.0%} of the galaxies; leave it "
                "out, or the answer is in the question"
            )
