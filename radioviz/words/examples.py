"""Words of a reader's own: from a few galaxies that are, and are not, so, to all others.

A logistic regression on latents and measured columns, weighed as in the heads that ship. How sure
it is follows from the curvature of its likelihood at the labelled galaxies (Laplace's
approximation): far from all of them the probability is vague.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radioviz.atlas.atlas import Atlas
from radioviz.data.catalogue import Catalogue
from radioviz.errors import LabelError
from radioviz.words.heads import BLOCK, COLUMNS, measured_features, spreads
from radioviz.words.tagging import latents_of_rows

FEWEST = 2
"""Galaxies with the tag, and others without it, that a ranking needs."""
MOST = 2000
"""Labelled galaxies of each side that are used, the last given."""
STRENGTH = 1.0
ASKED_AMONG = 300
"""Most uncertain galaxies among which those to label next are spread out."""
_SAMPLE = 20_000


@dataclass(frozen=True, eq=False)
class TaughtWord:
    """What examples say of every galaxy."""

    probability: np.ndarray  # that the word applies, float64 ``(n,)``; NaN without latents
    # low, high: ends of its 68 % interval
    low: np.ndarray
    high: np.ndarray
    # Of the examples, how many are put right when each part is predicted from the others: positive
    # ones, and negative ones.
    right: tuple[int, int]

    def ranked(self, left_out: Sequence[int] | np.ndarray) -> np.ndarray:
        """Rows whose probability is known, the most likely first, without some."""
        odds = np.where(np.isfinite(self.probability), -self.probability, np.inf)
        odds[np.asarray(left_out, dtype=int)] = np.inf
        return np.argsort(odds, kind="stable")[: int(np.isfinite(odds).sum())]


class ExampleSpace:
    """The space in which galaxies are compared; made once for a data set.

    Attributes
    ----------
    x : numpy.ndarray
        Scaled features, float32 ``(n, d + s)``; rows with NaN have none.
    """

    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    @classmethod
    def of(cls, latents: np.ndarray, columns: Mapping[str, np.ndarray]) -> ExampleSpace:
        """Space of ``n`` galaxies.

        Parameters
        ----------
        latents : numpy.ndarray
            ``(n, d)``; NaN where unknown.
        columns : mapping
            Measured columns, ``(n,)`` each; those of
            :data:`radioviz.words.heads.COLUMNS` that are there are used.
        """
        names = tuple(name for name in COLUMNS if name in columns)
        n, d = latents.shape
        x = np.empty((n, d + len(names)), np.float32)
        for start in range(0, n, BLOCK):
            x[start : start + BLOCK, :d] = latents[start : start + BLOCK]
        if names:
            given = {name: np.asarray(columns[name], np.float64) for name in names}
            x[:, d:] = measured_features(given, names, np.full(len(names), np.nan))
        step = max(1, n // _SAMPLE)
        sample = x[::step]
        sample = sample[np.isfinite(sample[:, :d]).all(axis=1)]
        if not len(sample):
            raise LabelError("no galaxy has latents; encode the data set first")
        with np.errstate(invalid="ignore"):
            filled = np.nan_to_num(_nanmedian(sample[:, d:]))
        for part in (sample[:, d:], x[:, d:]):
            np.copyto(part, filled, where=~np.isfinite(part))
        share = np.concatenate([np.full(d, d**0.5), np.full(len(names), max(len(names), 1) ** 0.5)])
        x -= sample.mean(axis=0)
        x /= (spreads(sample, d) * share).astype(np.float32)
        return cls(x)

    @classmethod
    def joined(cls, parts: Sequence[tuple[Catalogue, Atlas]]) -> ExampleSpace:
        """Space of the galaxies of several data sets, one after another, by one encoder."""
        tables = [catalogue.table for catalogue, _ in parts]
        latents = [
            latents_of_rows(atlas, table["source_id"].to_numpy(object))
            for (_, atlas), table in zip(parts, tables, strict=True)
        ]
        columns = {
            name: np.concatenate([t[name].to_numpy(float, na_value=np.nan) for t in tables])
            for name in COLUMNS
            if all(name in t for t in tables)
        }
        return cls.of(latents[0] if len(latents) == 1 else np.concatenate(latents), columns)

    def __len__(self) -> int:
        return len(self.x)

    def teach(
        self, positive: Sequence[int] | np.ndarray, negative: Sequence[int] | np.ndarray
    ) -> TaughtWord:
        """Rank all galaxies by examples and counter-examples, given as rows.

        Raises LabelError if there are too few of either side, or a row is on both.
        """
        sides = [self._usable(rows) for rows in (positive, negative)]
        if set(sides[0]) & set(sides[1]):
            raise LabelError("a galaxy has the tag and is an example against it; remove one")
        if min(map(len, sides)) < FEWEST:
            raise LabelError(
                f"{len(sides[0])} examples and {len(sides[1])} counter-examples; a ranking needs "
                f"{FEWEST} of each"
            )
        rows = np.concatenate(sides)
        y = np.arange(len(rows)) < len(sides[0])
        marked = self.x[rows].astype(np.float64)
        w, b = _fitted(marked, y)
        odds, spread = self._odds(marked, y, w, b)
        ends = [1 / (1 + np.exp(-np.clip(odds + k * spread, -30, 30))) for k in (-1, 0, 1)]
        return TaughtWord(ends[1], ends[0], ends[2], _cross_validated(marked, y))

    def next_to_label(
        self, word: TaughtWord, labelled: Sequence[int] | np.ndarray, number: int = 12
    ) -> np.ndarray:
        """Rows whose label would teach most: uncertain, and unlike each other.

        Among the galaxies whose interval reaches across one half by most, each next one is the
        farthest from those chosen before (Gonzalez 1985).
        """
        doubt = np.minimum(word.high - 0.5, 0.5 - word.low)
        doubt = np.where(np.isfinite(doubt), doubt, -np.inf)
        doubt[np.asarray(labelled, dtype=int)] = -np.inf
        count = min(ASKED_AMONG, int(np.isfinite(doubt).sum()))
        if not count:
            return np.zeros(0, np.int64)
        pool = np.argpartition(-doubt, count - 1)[:count]
        pool = pool[np.argsort(-doubt[pool], kind="stable")]
        points = self.x[pool]
        return pool[_spread(points, number)].astype(np.int64)

    def spread_out(self, number: int) -> np.ndarray:
        """Rows of galaxies that are unlike each other, int64; of a sample of a large data set."""
        rows = np.arange(0, len(self), max(1, len(self) // _SAMPLE))
        rows = rows[np.isfinite(self.x[rows]).all(axis=1)]
        return rows[_spread(self.x[rows], number)].astype(np.int64)

    def _usable(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        found = np.asarray(list(dict.fromkeys(np.asarray(rows, int).tolist())), int)[-MOST:]
        if len(found) and (found.min() < 0 or found.max() >= len(self)):
            raise LabelError(f"row {found.max()} is an example; there are {len(self)} galaxies")
        return found[np.isfinite(self.x[found]).all(axis=1)]

    def _odds(
        self, marked: np.ndarray, y: np.ndarray, w: np.ndarray, b: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log odds of every galaxy and their standard deviation."""
        p = 1 / (1 + np.exp(-(marked @ w + b)))
        root = np.sqrt(np.maximum(p * (1 - p), 1e-9))[:, None]
        # The posterior of the weights: (I / C + X' D X)^-1, by Woodbury's identity on the examples.
        scaled = root * marked
        inner = np.linalg.inv(np.eye(len(y)) / STRENGTH + scaled @ scaled.T)
        half = np.linalg.cholesky(inner).T @ scaled
        odds, spread = np.empty((2, len(self)))
        for start in range(0, len(self), BLOCK):
            x = self.x[start : start + BLOCK]
            odds[start : start + BLOCK] = x @ w.astype(np.float32) + b
            square = (x * x).sum(axis=1) - ((x @ half.T.astype(np.float32)) ** 2).sum(axis=1)
            spread[start : start + BLOCK] = np.sqrt(STRENGTH * np.maximum(square, 0.0))
        return odds, spread


def _spread(points: np.ndarray, number: int) -> list[int]:
    """The first point, then always the farthest from those chosen."""
    if not len(points):
        return []
    chosen = [0]
    away = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < min(number, len(points)):
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen


def _nanmedian(x: np.ndarray) -> np.ndarray:
    out = np.zeros(x.shape[1])
    for k, column in enumerate(x.T):
        known = column[np.isfinite(column)]
        out[k] = np.median(known) if len(known) else 0.0
    return out


def _fitted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=STRENGTH, max_iter=500).fit(x, y)
    return model.coef_[0], float(model.intercept_[0])


def _cross_validated(x: np.ndarray, y: np.ndarray) -> tuple[int, int]:
    """Examples of either side that five parts predict from the others."""
    rng = np.random.default_rng(0)
    part = np.empty(len(y), int)
    for side in (y, ~y):
        part[side] = rng.permutation(int(side.sum())) % 5
    right = np.zeros(len(y), dtype=bool)
    for k in range(5):
        test = part == k
        known = y[~test]
        if test.any() and known.any() and not known.all():
            w, b = _fitted(x[~test], known)
            right[test] = (x[test] @ w + b > 0) == y[test]
    return int(right[y].sum()), int(right[~y].sum())
