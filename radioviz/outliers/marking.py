"""A reader's marks re-rank the rest: interesting, boring or artefact, 0 to 5. Torch-free.

What is strange is not always interesting. As in Astronomaly (Lochner & Bassett 2021) and Protege
(Lochner et al. 2024), a few marks at the top of a list of outliers train a regressor on what this
reader looks for, and the rest is ranked again. The regressor is scikit-learn's Gaussian process on
latent vectors, and the outlier rank that ordered the list before still counts:

    rank = (mark / 5 + w * outlier rank) / (1 + w),   w = 0.3,

with ``mark`` the mean of the process. Galaxies unlike any marked one are expected to be boring:
interesting ones are rare, and a list led by all unexplored galaxies is of little use. Without
marks the order does not change.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from radioviz.atlas.atlas import Atlas
from radioviz.errors import LikelihoodError
from radioviz.models.registry import ModelList, encoders
from radioviz.outliers.thresholds import calibrated_flows

BEST = 5.0
EXPECTED, PRIOR = 0.0, BEST / 2
"""Mark expected where nothing is known, and its standard deviation there."""
WEIGHT = 0.3
"""Of the outlier rank; this and the other constants were chosen on validation galaxies."""
COMPONENTS = 40
NOISE = 0.5  # scatter of a person's marks of the same galaxy
MAX_FITTED = 200
"""Marks that the length scale is fitted to; the process itself uses all of them."""
MAX_MARKS = 1000
_BLOCK = 20_000


@dataclass(frozen=True, eq=False)
class MarkRanking:
    """A list as ranked by marks.

    Attributes
    ----------
    rank : numpy.ndarray
        The higher the more interesting, about 0..1; float64 of shape ``(n,)``.
    mark : numpy.ndarray
        Mark that the reader would give, 0..5.
    sigma : numpy.ndarray
        Its standard deviation.
    """

    rank: np.ndarray
    mark: np.ndarray
    sigma: np.ndarray

    def order(self) -> np.ndarray:
        """Row numbers, most interesting first."""
        return np.argsort(-self.rank, kind="stable")


def space_encoders(models: ModelList) -> list[str]:
    """Encoders whose latents galaxies are compared in, whatever encoder is in view.

    One that reconstructs, whose latents the preferred flow models, and the preferred one of those
    that only encode.
    """
    flow = next(iter(calibrated_flows(models).values()), None)
    modelled = str(flow.training.get("config", {}).get("encoder")) if flow else ""
    only = (name for name, info in encoders(models).items() if not info.can("decode"))
    return [name for name in (modelled, next(only, "")) if name in models]


def stack_latents(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Latents of several encoders side by side, ``(n, d1 + d2 + ...)``, each of unit mean length.

    Encoders hold different things: one that reconstructs, sizes and positions; one trained to
    recognise views of the same galaxy, shapes.

    Raises
    ------
    LikelihoodError
        If there are none, or their lengths differ.
    """
    if not parts or len({len(part) for part in parts}) != 1:
        raise LikelihoodError(
            f"latents of {', '.join(str(len(p)) for p in parts) or 'no'} galaxies side by side; "
            "expected the same galaxies in each"
        )
    scaled = []
    for part in parts:
        x = np.nan_to_num(np.asarray(part, dtype=np.float32))
        x = x - x.mean(axis=0, dtype=np.float64).astype(np.float32)
        length = float(np.linalg.norm(x, axis=1).mean()) if len(x) else 0.0
        scaled.append(x / (length if length > 0 else 1.0))
    return np.concatenate(scaled, axis=1)


def latents_of_all(located: Sequence[tuple[Atlas, np.ndarray, int]]) -> np.ndarray:
    """Latents of several data sets by one encoder, or their summary over eight orientations.

    Orientation does not matter to marks, but all data sets must be compared in the same way.

    Parameters
    ----------
    located : sequence of (Atlas, numpy.ndarray, int)
        Each with the rows of its catalogue that it holds, and how many rows that has.

    Returns
    -------
    numpy.ndarray
        Float32, one row a galaxy in the order of the catalogues; 0 for those not encoded.
    """
    averaged = all(atlas.orientation_stats is not None for atlas, _, _ in located)
    parts = []
    for atlas, rows, number in located:
        summary = atlas.orientation_stats if averaged else None
        latents = np.asarray(atlas.latents if summary is None else summary, np.float32)
        part = np.zeros((number, latents.shape[1]), np.float32)
        part[rows] = latents
        parts.append(part)
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class MarkSpace:
    """Where galaxies are compared: whitened principal components of their latents.

    Attributes
    ----------
    points : numpy.ndarray
        Float32, shape ``(n, k)``.
    outlier_rank : numpy.ndarray
        0..1, shape ``(n,)``; unknown ones count as ordinary.
    """

    points: np.ndarray
    outlier_rank: np.ndarray

    @classmethod
    def of(
        cls, latents: np.ndarray, outlier_rank: np.ndarray, components: int = COMPONENTS
    ) -> MarkSpace:
        """Space of latents ``(n, d)``, and the outlier rank that orders them before any mark.

        Raises
        ------
        LikelihoodError
            If the lengths differ, or there are fewer than two galaxies.
        """
        n = len(latents)
        if n < 2 or np.shape(outlier_rank) != (n,):
            raise LikelihoodError(
                f"{n} latents and outlier ranks of shape {np.shape(outlier_rank)}; expected as "
                "many of both, 2 or more"
            )
        z = np.asarray(latents, dtype=np.float32)
        z = np.where(np.isfinite(z), z, 0.0)
        mean = z.mean(axis=0, dtype=np.float64).astype(np.float32)
        step = max(1, n // 20_000)  # enough galaxies for the principal directions
        part = z[::step] - mean
        values, vectors = np.linalg.eigh(part.T @ part / len(part))
        keep = np.argsort(-values)[: min(components, z.shape[1])]
        keep = keep[values[keep] > 1e-6 * max(float(values.max()), 1e-30)]
        if not len(keep):  # every latent is the same
            points = np.zeros((n, 1), np.float32)
        else:
            points = (z - mean) @ (vectors[:, keep] / np.sqrt(values[keep])).astype(np.float32)
        known = np.where(np.isnan(outlier_rank), 0.5, outlier_rank)
        return cls(np.ascontiguousarray(points, np.float32), np.asarray(known, np.float64))

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def _scale(self) -> float:
        """Median distance of two galaxies."""
        rng = np.random.default_rng(0)
        a, b = rng.integers(0, len(self), (2, 2000))
        distance = np.linalg.norm(self.points[a] - self.points[b], axis=1)
        return float(np.median(distance[distance > 0])) if distance.any() else 1.0

    def rerank(
        self, rows: Sequence[int] | np.ndarray, marks: Sequence[float] | np.ndarray
    ) -> MarkRanking:
        """Rank every galaxy by the marks of some.

        Parameters
        ----------
        rows : sequence of int
            Galaxies that were marked, each once.
        marks : sequence of float
            0 (boring, artefact) to 5 (interesting).

        Raises
        ------
        LikelihoodError
            If lengths differ, a row is not there or twice, a mark is out of range, or there are
            more than :data:`MAX_MARKS`.
        """
        at, y = self._checked(np.asarray(rows), np.asarray(marks, dtype=np.float64))
        if not len(at):
            unknown, sigma = np.full(len(self), np.nan), np.full(len(self), PRIOR)
            return MarkRanking(self.outlier_rank.copy(), unknown, sigma)
        mean, sigma = self._predicted(self._fitted(at, y))
        mark = np.clip(mean + EXPECTED, 0.0, BEST)
        rank = (mark / BEST + WEIGHT * self.outlier_rank) / (1 + WEIGHT)
        return MarkRanking(rank, mark, sigma)

    def _checked(self, at: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if at.shape != y.shape or at.ndim != 1:
            raise LikelihoodError(
                f"{at.shape} rows, {y.shape} marks; expected one mark for each row"
            )
        if len(at) > MAX_MARKS:
            raise LikelihoodError(f"{len(at)} marks; re-ranking uses at most {MAX_MARKS}")
        at = at.astype(np.int64)
        if len(at) and (at.min() < 0 or at.max() >= len(self)):
            raise LikelihoodError(f"a mark of row {at.max()}; the list has {len(self)} galaxies")
        if len(np.unique(at)) != len(at):
            raise LikelihoodError("a galaxy is marked twice; give each its last mark")
        if len(y) and not ((y >= 0) & (y <= BEST)).all():
            raise LikelihoodError(f"a mark of {y.min():g} to {y.max():g}; expected 0 to {BEST:g}")
        return at, y

    def _fitted(self, at: np.ndarray, y: np.ndarray) -> Any:
        """Gaussian process on the marks, less the mark that is expected far from all of them."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF

        scale = self._scale
        kernel = PRIOR**2 * RBF(0.5 * scale, (0.15 * scale, 1.5 * scale))
        kernel.k1.constant_value_bounds = "fixed"
        x = self.points[at].astype(np.float64)
        if len(at) >= 8 and np.ptp(y) > 0:
            some = np.random.default_rng(0).permutation(len(at))[:MAX_FITTED]
            with warnings.catch_warnings():
                # A length scale at the edge of its range is an answer.
                warnings.simplefilter("ignore", ConvergenceWarning)
                search = GaussianProcessRegressor(kernel, alpha=NOISE**2)
                kernel = search.fit(x[some], y[some] - EXPECTED).kernel_
        process = GaussianProcessRegressor(kernel, alpha=NOISE**2, optimizer=None)
        return process.fit(x, y - EXPECTED)

    def _predicted(self, process: Any) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation at every galaxy.

        ``process.predict`` in single precision and by blocks (Rasmussen & Williams 2006, algorithm
        2.1), several times faster for 100,000 galaxies.
        """
        from scipy.linalg import solve_triangular

        length = float(process.kernel_.k2.length_scale)
        marked = process.X_train_.astype(np.float32) / length
        alpha, lower = process.alpha_.astype(np.float32), process.L_.astype(np.float32)
        square = (marked**2).sum(axis=1)
        mean, variance = np.empty(len(self)), np.empty(len(self))
        for start in range(0, len(self), _BLOCK):
            part = slice(start, start + _BLOCK)
            x = self.points[part] / np.float32(length)
            distance = (x**2).sum(axis=1) + square[:, None] - 2 * (marked @ x.T)
            kernel = np.float32(PRIOR**2) * np.exp(-0.5 * np.maximum(distance, 0))
            mean[part] = alpha @ kernel
            known = solve_triangular(
                lower, kernel, lower=True, overwrite_b=True, check_finite=False
            )
            variance[part] = PRIOR**2 - (known**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 0))
