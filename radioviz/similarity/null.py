"""Scores of unrelated galaxies, to judge how significant a score is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.errors import SimilarityError
from radioviz.similarity.index import LatentIndex, blocks
from radioviz.similarity.query import UNLIKE_WEIGHT

# Finely spaced in the upper tail, down to one pair in a hundred thousand.
_LEVELS = np.unique(np.concatenate([np.linspace(0, 1, 501), 1.0 - np.logspace(-5, -2.5, 101)]))


@dataclass(frozen=True, eq=False)
class NullDistribution:
    """Quantiles of the scores of unrelated galaxies of a data set."""

    data_set: str
    model: str
    # levels, quantiles: a fraction ``levels`` of unrelated galaxies scores below ``quantiles``,
    # shape ``(m,)``
    levels: np.ndarray
    quantiles: np.ndarray
    trials: int  # number of random comparisons; chances below ``1 / trials`` cannot be resolved

    @classmethod
    def of(
        cls,
        index: LatentIndex,
        *,
        positives: int = 1,
        negatives: int = 0,
        trials: int = 200_000,
        seed: int = 0,
    ) -> NullDistribution:
        """Scores of random galaxies for queries of random galaxies.

        ``positives``, ``negatives``: number of examples of the query: a mean of several cosines
        scatters less than one. Queries by rotated views score higher: :meth:`of_views`. Raises
        SimilarityError if fewer than ``positives + negatives + 1`` sources have usable latents.
        """
        usable = np.flatnonzero(index.inverse_norms > 0)
        needed = positives + negatives + 1
        if positives < 1 or negatives < 0 or trials < 1:
            raise SimilarityError(
                f"a null distribution of {positives} positives, {negatives} negatives and {trials} "
                "trials; expected at least one positive and one trial"
            )
        if len(usable) < needed:
            raise SimilarityError(
                f"data set '{index.data_set}' has {len(usable)} usable latents; a null "
                f"distribution of this query needs {needed}"
            )
        rng = np.random.default_rng(seed)
        draws = rng.choice(usable, (trials, needed))
        # Skip comparisons of a galaxy with itself or with a repeat of itself.
        source = index.source[draws]
        related = (source[:, 1:] == source[:, :1]).any(axis=1)
        draws = draws[~related]
        total = np.zeros(len(draws))
        for part in blocks(len(draws), max(1, 8_000_000 // index.latents.shape[1])):
            rows = draws[part]
            target = index.latents[rows[:, 0]] * index.inverse_norms[rows[:, 0], None]
            for i in range(1, needed):
                other = index.latents[rows[:, i]] * index.inverse_norms[rows[:, i], None]
                weight = 1.0 / positives if i <= positives else -UNLIKE_WEIGHT / negatives
                total[part] += weight * np.einsum("ij,ij->i", target, other)
        return cls._from(index, total)

    @classmethod
    def of_views(
        cls,
        index: LatentIndex,
        rows: np.ndarray,
        views: np.ndarray,
        *,
        positives: int = 1,
        negatives: int = 0,
        trials: int = 200_000,
    ) -> NullDistribution:
        """The same for queries that use the best of several views of each example.

        ``rows``: rows of some random galaxies, shape ``(m,)``, as examples; ``views``: latents of
        their views, shape ``(m, r, d)``. Raises SimilarityError if fewer than ``positives +
        negatives`` galaxies have views, or their latents do not belong to this index.
        """
        views = np.asarray(views, dtype=np.float64)
        d = index.latents.shape[1]
        if views.ndim != 3 or len(views) != len(rows) or views.shape[2] != d:
            raise SimilarityError(
                f"views of shape {views.shape} for {len(rows)} galaxies of '{index.data_set}'; "
                f"expected ({len(rows)}, r, {d})"
            )
        norms = np.linalg.norm(views, axis=2)
        good = (np.isfinite(norms) & (norms > 0)).all(axis=1)
        rows, views, norms = np.asarray(rows)[good], views[good], norms[good]
        if positives < 1 or negatives < 0 or len(rows) < positives + negatives:
            raise SimilarityError(
                f"{len(rows)} galaxies of '{index.data_set}' with usable views; a null "
                f"distribution of this query needs {max(1, positives) + max(0, negatives)}"
            )
        best = _best_cosines(index, (views / norms[..., None]).astype(np.float32))
        usable = np.flatnonzero(index.inverse_norms > 0)
        rng = np.random.default_rng(0)
        target = rng.choice(usable, trials)
        drawn = rng.integers(0, len(rows), (trials, positives + negatives))
        source = index.source
        related = (source[rows][drawn] == source[target][:, None]).any(axis=1)
        target, drawn = target[~related], drawn[~related]
        total = np.zeros(len(target))
        for i in range(positives + negatives):
            weight = 1.0 / positives if i < positives else -UNLIKE_WEIGHT / negatives
            total += weight * best[drawn[:, i], target]
        return cls._from(index, total)

    @classmethod
    def of_best_matches(
        cls,
        index: LatentIndex,
        *,
        rows: np.ndarray | None = None,
        views: np.ndarray | None = None,
        sample: int = 500,
    ) -> NullDistribution:
        """Scores of the best matches of galaxies of a data set in it.

        Unrelated galaxies of one kind score high with each other; to decide whether *anything*
        like the query exists, compare its best match with the best matches of others.
        :meth:`chance` is then the fraction of galaxies with an equally good match.

        ``rows``, ``views``: the queries, as in :meth:`of_views`; ``sample``: number of random
        galaxies as queries, where no views are given. Raises SimilarityError if the data set holds
        no unrelated galaxies.
        """
        if rows is None or views is None:
            usable = np.flatnonzero(index.inverse_norms > 0)
            rng = np.random.default_rng(0)
            rows = usable if len(usable) <= sample else rng.choice(usable, sample, replace=False)
            views = np.asarray(index.latents[rows], dtype=np.float32)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            views = views / np.linalg.norm(views.astype(np.float64), axis=2, keepdims=True)
        if index.approximate is not None:
            return cls._from(index, _best_of_index(index, rows, views))
        best = np.full(len(rows), -np.inf)
        step = max(1, min(64, 16_000_000 // len(index)))  # so that no block is larger than 64 MB
        for start in range(0, len(rows), step):
            some = slice(start, start + step)
            cosines = _best_cosines(index, views[some].astype(np.float32))
            cosines[:, index.inverse_norms == 0] = -np.inf
            cosines[index.source[rows[some]][:, None] == index.source[None]] = -np.inf
            best[some] = cosines.max(axis=1)
        return cls._from(index, best[np.isfinite(best)])

    @classmethod
    def _from(cls, index: LatentIndex, total: np.ndarray) -> NullDistribution:
        if not len(total):
            raise SimilarityError(
                f"data set '{index.data_set}' shows one source only, so no galaxies are unrelated"
            )
        quantiles = np.quantile(total, _LEVELS)
        return cls(index.data_set, index.model, _LEVELS, quantiles, len(total))

    def density(self, edges: np.ndarray) -> np.ndarray:
        """Share of scores between neighbouring ``edges``, shape ``(len(edges) - 1,)``."""
        distinct, first = np.unique(self.quantiles, return_index=True)
        if len(distinct) == 1:
            return np.histogram(distinct, edges)[0].astype(float)
        return np.diff(np.interp(edges, distinct, self.levels[first], left=0.0, right=1.0))

    def chance(self, score: np.ndarray | float) -> np.ndarray:
        """Fraction of unrelated galaxies that score as high or higher, at least 1/trials."""
        # Where scores tie, use the lowest level: equal scores are not below.
        distinct, first = np.unique(self.quantiles, return_index=True)
        score = np.asarray(score, dtype=float)
        below = np.interp(score, distinct, self.levels[first], left=0.0, right=1.0)
        return np.maximum(1.0 - below, 1.0 / self.trials)


def _best_of_index(index: LatentIndex, rows: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Highest cosine of each of ``rows`` with another source that the index finds."""
    held = index.approximate
    if held is None:
        raise SimilarityError(f"data set '{index.data_set}' has no search index")
    best = np.full(len(rows), -np.inf)
    for i, row in enumerate(rows):
        found = np.unique(held.nearest(views[i].astype(np.float32), 32))
        found = found[found >= 0]
        found = found[index.source[found] != index.source[row]]
        unit = np.asarray(index.latents[found], np.float32) * index.inverse_norms[found, None]
        best[i] = (unit @ views[i].T.astype(np.float32)).max(initial=-np.inf)
    return best[np.isfinite(best)]


def _best_cosines(index: LatentIndex, views: np.ndarray) -> np.ndarray:
    """Highest cosine of each example's views ``(m, r, d)`` with every source, ``(m, n)``."""
    m, r, d = views.shape
    out = np.empty((m, len(index)), dtype=np.float32)
    for part in blocks(len(index), 16_384):
        with np.errstate(over="ignore", invalid="ignore"):  # rows without direction
            block = index.latents[part] * index.inverse_norms[part, None]
            cosines = views.reshape(m * r, d) @ block.T
        out[:, part] = cosines.reshape(m, r, -1).max(axis=1)
    return out
