"""Outlier scores, fitted to ordinary galaxies; higher scores are more anomalous.

``log_prob``        -log p of the latents under the flow (Andrianomena & Tang 2023, Sec. 5)
``turned``          the same, mean over eight orientations
``given_size``      ``turned`` relative to galaxies of the same angular size, in standard deviations
``typicality``      absolute distance of log p from its median (Nalisnick et al. 2019)
``knn``             mean distance to the 3 nearest training galaxies, over four orientations
``isolation``       isolation forest (Liu et al. 2008)
``reconstruction``  squared residual over squared image
``complexity``      coarse-grained complexity (see :mod:`radioviz.morphology.complexity`)
``rank_average``    mean rank of log_prob, reconstruction, complexity, isolation, knn
``scene``           -log density of the scene: position and islands of the light, neighbours,
                    residuals of the reconstruction (mean of sixteen mixtures of ten normals over
                    :mod:`train.scores.scene`, :mod:`radioviz.morphology` and residuals)
``drawing``         Mahalanobis distance of the texture: edges, islands, spectrum
                    (:mod:`train.scores.texture`)
``strangeness``     the score that the app ranks by: the sum of -log(share of training galaxies with
                    a higher score) over the encoder's scores (:data:`ENCODED`), as Fisher combines
                    p-values
``defect``          the norm of order :data:`NORM`, with the weights of :data:`DEFECT`, of the same
                    for ``scene`` and ``drawing``: side lobes, edges, empty or alien images
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from radioviz.models.maf import MAF
from radioviz.outliers.thresholds import log_prob_given_size, percentile_rank, rank_average
from train.evaluate.ood_samples import Sample
from train.scores.texture import NAMES

NEIGHBOURS = 3
RIGHT_ANGLES = 4
AVERAGED = ("log_prob", "reconstruction", "complexity", "isolation", "knn")
ENCODED = ("turned", "knn", "reconstruction")
DEFECT = {"scene": 1.0, "drawing": 0.3}
"""Weights. They and :data:`NORM` were chosen on five held-out folds of the training split (its 170
Bent galaxies, NVSS's training images) and on validation galaxies, for a score of both kinds."""
NORM = 3
"""Between the sum (1) and the maximum (infinity): one high score is enough for a high norm."""
MIXTURES = tuple((10, least, seed) for least in (0.01, 0.03) for seed in range(8))
"""Of ``scene``: number of normals, least variance, seed. A single fit depends on its seed."""

DESCRIBED = ("concentration", "axis_ratio", "step", "outside", "rim", "filled")
COUNTED = ("n_components", "n_unrelated", "complexity", "las_isophotal", "islands", "island_area")
MISSED = ("reconstruction", "residual", "sky")
PLACED = ("centroid", "peak_offset", "lit")
FURTHEST = 12.0  # standard deviations; larger deviations are clipped


@dataclass(frozen=True, eq=False)
class Detector:
    """Everything that is fitted to ordinary galaxies."""

    flow: MAF
    # neighbours, forest: fitted estimators of scikit-learn
    neighbours: Any
    forest: Any
    densities: dict[str, Density]  # ``scene`` and ``drawing``
    learned: pd.DataFrame  # scores of the training galaxies
    sizes: np.ndarray  # their angular sizes

    def scores(self, sample: Sample) -> pd.DataFrame:
        """All scores of a sample, ``n`` rows."""
        table = self._plain(sample)
        size = sample.figures["las_isophotal"].to_numpy(float)
        return self._derived(table, size)

    def _plain(self, sample: Sample, itself: bool = False) -> pd.DataFrame:
        """Scores that need no others; ``itself``: the sample is the training sample."""
        n, views, d = sample.latents.shape
        latents = torch.from_numpy(sample.latents.reshape(n * views, d))
        with torch.no_grad():
            parts = [self.flow.log_prob(x) for x in latents.split(4096)]
            unlikely = -torch.cat(parts).double().numpy().reshape(n, views)
            some = sample.latents[:, :RIGHT_ANGLES].reshape(-1, d)
            points = self.flow.standardised(torch.from_numpy(some)).numpy()
        if itself:  # other views of a galaxy are not neighbours
            enough = views + 2 * NEIGHBOURS
            distance, index = self.neighbours.kneighbors(points, n_neighbors=enough)
            near = _without_itself(distance, index, views)
        else:
            near = self.neighbours.kneighbors(points)[0].mean(axis=1)
        out = {
            "log_prob": unlikely[:, 0],
            "turned": unlikely.mean(axis=1),
            "knn": near.reshape(n, -1).mean(axis=1),
            "isolation": -self.forest.score_samples(points[::RIGHT_ANGLES]),
            "complexity": sample.figures["complexity"].to_numpy(float),
        }
        if "reconstruction" in sample.figures:
            out["reconstruction"] = sample.figures["reconstruction"].to_numpy(float)
        out |= {k: density(sample.figures) for k, density in self.densities.items()}
        return pd.DataFrame(out)

    def _derived(self, table: pd.DataFrame, size: np.ndarray) -> pd.DataFrame:
        learned = self.learned
        out = table.copy()
        known = -learned["turned"].to_numpy()
        out["given_size"] = -log_prob_given_size(
            -table["turned"].to_numpy(), size, known, self.sizes
        )
        out["typicality"] = (table["turned"] - learned["turned"].median()).abs()
        averaged = [k for k in AVERAGED if k in table]
        out["rank_average"] = rank_average(
            {k: table[k].to_numpy() for k in averaged}, {k: learned[k].to_numpy() for k in averaged}
        )
        parts = {k: surprise(out[k], learned[k]) for k in (*ENCODED, *DEFECT) if k in out}
        out["strangeness"] = sum(parts[k] for k in ENCODED if k in parts)
        out["defect"] = sum(w * parts[k] ** NORM for k, w in DEFECT.items()) ** (1 / NORM)
        return out


def surprise(values: Any, learned: Any) -> np.ndarray:
    """``-log(share of training galaxies with a higher score)``, for ``(n,)`` and ``(m,)`` scores.

    Beyond the highest training score it grows with the distance; NaN gives 0.
    """
    x, known = np.asarray(values, float), np.sort(np.asarray(learned, float))
    n = len(known)
    tail = known[-max(n // 20, 2) :]
    past = np.maximum(x - tail[-1], 0) / max(tail[-1] - tail[0], 1e-6)
    share = percentile_rank(x, known)
    found = -np.log(np.maximum(1 - share, 0.5 / n)) + np.log1p(past)
    return np.where(np.isfinite(x), found, 0.0)


@dataclass(frozen=True, eq=False)
class Density:
    """Density of descriptors of images, fitted to ordinary ones."""

    # Table of a :class:`train.evaluate.ood_samples.Sample` to finite numbers ``(n, k)``.
    figures: Callable[[pd.DataFrame], np.ndarray]
    # mean, deviation: shape ``(k,)``
    mean: np.ndarray
    deviation: np.ndarray
    # Standardised numbers to a distance from ordinary ones, ``(n,)``.
    surprise: Callable[[np.ndarray], np.ndarray]

    def __call__(self, table: pd.DataFrame) -> np.ndarray:
        x = (self.figures(table) - self.mean) / self.deviation
        return np.asarray(self.surprise(np.clip(x, -FURTHEST, FURTHEST)))


def scene(table: pd.DataFrame) -> np.ndarray:
    """Scene descriptors and residuals, shape ``(n, k)``, finite."""
    parts = [
        table[list(DESCRIBED)].to_numpy(float),
        np.log1p(np.maximum(table[list(COUNTED)].to_numpy(float), 0)),
        np.sqrt(np.maximum(table[list(PLACED)].to_numpy(float), 0)),
        np.log(np.maximum(table[["snr"]].to_numpy(float), 1)),
    ]
    if set(MISSED) <= set(table):
        parts.append(np.log(np.clip(table[list(MISSED)].to_numpy(float), 1e-4, 10)))
    return _finite(np.concatenate(parts, axis=1))


def drawing(table: pd.DataFrame) -> np.ndarray:
    """Texture descriptors (:mod:`train.scores.texture`), shape ``(n, k)``, finite."""
    x = _finite(table[list(NAMES)].to_numpy(float))
    result: np.ndarray = np.sign(x) * np.log1p(np.abs(x))
    return result


def _finite(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), x, 0.0)


def densities(table: pd.DataFrame, seed: int) -> dict[str, Density]:
    """``scene`` and ``drawing``, fitted to a table of figures."""
    from sklearn.covariance import LedoitWolf
    from sklearn.mixture import GaussianMixture

    found = {}
    for name, figures in (("scene", scene), ("drawing", drawing)):
        x = figures(table)
        mean, deviation = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
        x = (x - mean) / deviation
        further: Callable[[np.ndarray], np.ndarray]
        if name == "scene":
            mixtures = [
                GaussianMixture(
                    k, reg_covar=least, random_state=seed + i, max_iter=300, tol=1e-2
                ).fit(x)
                for k, least, i in MIXTURES
            ]
            further = functools.partial(_surprise, mixtures)
        else:
            # One normal distribution: mixtures of so many descriptors fit no better.
            further = LedoitWolf().fit(np.clip(x, -FURTHEST, FURTHEST)).mahalanobis
        found[name] = Density(figures, mean, deviation, further)
    return found


def _surprise(mixtures: list[Any], x: np.ndarray) -> np.ndarray:
    """-log density, mean over mixtures."""
    return -np.mean([mixture.score_samples(x) for mixture in mixtures], axis=0)


def detector(flow: MAF, learned: Sample, seed: int = 0) -> Detector:
    """Fit all scores to ordinary galaxies, under a flow trained on the same ones."""
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import NearestNeighbors

    with torch.no_grad():
        every = learned.latents.reshape(-1, learned.latents.shape[2])
        points = flow.standardised(torch.from_numpy(every)).numpy()
    first = Detector(
        flow.eval(),
        NearestNeighbors(n_neighbors=NEIGHBOURS).fit(points),
        IsolationForest(n_estimators=200, random_state=seed).fit(points[::8]),
        densities(learned.figures, seed),
        pd.DataFrame(),
        learned.figures["las_isophotal"].to_numpy(float),
    )
    plain = first._plain(learned, itself=True)
    second = dataclasses.replace(first, learned=plain)
    return dataclasses.replace(first, learned=second._derived(plain, first.sizes))


def _without_itself(distance: np.ndarray, index: np.ndarray, views: int) -> np.ndarray:
    """Mean distance of each row to the nearest views of other galaxies."""
    own = index // views == np.arange(len(index))[:, None] // RIGHT_ANGLES
    kept = np.where(own, np.inf, distance)
    kept.sort(axis=1)
    result: np.ndarray = kept[:, :NEIGHBOURS].mean(axis=1)
    return result
