"""Columns that hold the property itself: near copies, and what it was computed from or gave."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from radioviz.relations.question import PropertyQuestion

NEAR = 0.99
"""Rank correlation with the property, or R2 by one column alone, that is worth a warning."""
_ROWS = 3_000
_PAIRED = 40  # columns but latents, of which each pair is tried
_FACTORS = 0.02  # of the galaxies: different ratios of property and column


def leaks(asked: PropertyQuestion) -> tuple[str, ...]:
    """What to know of columns that nearly give the property away, in sentences.

    A copy is refused when the question is asked; these are legitimate now and then, and named: a
    near copy in rank, the same in other units (one of few ratios or differences, such as pixels and
    arcsec of several surveys), two columns whose product, ratio, sum or difference is the property,
    and a column of which any function, rising or not, gives it.
    """
    rows = np.flatnonzero(asked.known)
    if len(rows) > _ROWS:
        rows = np.random.default_rng(0).choice(rows, _ROWS, replace=False)
    target = asked.target[rows]
    plain = 10**target if asked.log else target
    out: dict[str, str] = {}
    ranks = rankdata(target)
    columns = {n: asked.features[rows, i].astype(float) for i, n in enumerate(asked.names)}
    for name, column in columns.items():
        seen = np.isfinite(column)
        if seen.sum() < 50 or np.ptp(column[seen]) == 0:
            continue
        same = abs(np.corrcoef(rankdata(column[seen]), ranks[seen])[0, 1])
        if way := _converted(plain[seen], column[seen]):
            out[name] = f"{name} is {asked.name} {way}"
        elif same > NEAR:
            out[name] = f"{name} orders galaxies as {asked.name} does (rank correlation {same:.3f})"
        elif (r2 := _alone(column[seen], ranks[seen])) > NEAR:
            out[name] = f"{name} alone gives {asked.name} (R² of its ranks {r2:.3f})"
    measured = [n for n in columns if not (n[0] == "z" and n[1:].isdigit()) and n not in out]
    for first, second in combinations(measured[:_PAIRED], 2):
        if way := _combined(plain, columns[first], columns[second]):
            out[f"{first} {second}"] = f"{first} and {second} give {asked.name} as their {way}"
    return tuple(out.values())


def _converted(target: np.ndarray, column: np.ndarray) -> str:
    """How a column is the property by few factors or offsets; empty where it is not."""
    most = max(3, int(_FACTORS * len(target)))
    if len(np.unique(target)) < len(target) / 2 or len(np.unique(column)) < len(column) / 2:
        return ""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, spread = np.log(np.abs(target / column)), np.log(np.abs(target))
    # Of values that differ little, such as right ascensions of one field, all ratios are alike.
    fine = 1e-4 * min(1.0, float(np.std(spread[np.isfinite(spread)])))
    for values, step, what in (
        (ratio, fine, "times one of few factors"),
        (target - column, 1e-4 * float(np.std(target)), "plus one of few constants"),
    ):
        known = values[np.isfinite(values)]
        if len(known) > len(target) / 2 and len(np.unique(np.round(known / step))) <= most:
            return what
    return ""


def _combined(target: np.ndarray, first: np.ndarray, second: np.ndarray) -> str:
    """How two columns together are the property; empty where they are not."""
    seen = np.isfinite(first) & np.isfinite(second)
    if seen.sum() < 50:
        return ""
    t, a, b = target[seen], first[seen], second[seen]
    forms = [("sum", t, a + b), ("difference", t, a - b), ("difference", t, b - a)]
    if (t > 0).all() and (a > 0).all() and (b > 0).all():
        x, y, z = np.log(t), np.log(a), np.log(b)
        forms += [("product", x, y + z), ("ratio", x, y - z), ("ratio", x, z - y)]
    for what, wanted, made in forms:
        # Neither alone: that a constant plus a copy is a copy was said before.
        scatter = float(np.std(wanted))
        if min(np.std(a), np.std(b)) > 0 and float(np.std(wanted - made)) < 1e-3 * scatter:
            return what
    return ""


def _alone(column: np.ndarray, ranks: np.ndarray) -> float:
    """R2 of the ranks of the property by a tree of one column, on galaxies that it did not see."""
    from sklearn.tree import DecisionTreeRegressor

    half = np.arange(len(column)) % 2 == 0
    tree = DecisionTreeRegressor(max_leaf_nodes=128, min_samples_leaf=4, random_state=0)
    tree.fit(column[half, None], ranks[half])
    true = ranks[~half]
    error = np.square(tree.predict(column[~half, None]) - true).sum()
    return 1 - float(error / max(np.square(true - true.mean()).sum(), 1e-12))
