"""Outlier scores of galaxies, learned from ordinary ones; every score is the higher the stranger.

``log_prob``        -log p of the latents under the flow (Andrianomena & Tang 2023, Sec. 5)
``turned``          the same, mean over eight orientations: the sky prefers none
``given_size``      ``turned`` against galaxies of the same angular size, in standard deviations
``typicality``      distance of log p from its median, either way (Nalisnick et al. 2019)
``knn``             mean distance to the 8 nearest of the galaxies that were learned from
``isolation``       isolation forest (Liu et al. 2008)
``reconstruction``  squared residual over squared image
``complexity``      coarse-grained complexity (see :mod:`radioviz.morphology.complexity`)
``rank_average``    mean rank of log_prob, reconstruction, complexity, isolation, knn
``image``           -log density of what latents do not hold (see :mod:`train.descriptors`): how
                    badly the image is reconstructed, where its light is, in how many pieces
``image_given_size``  the same against galaxies of the same angular size
``strangeness``     Fisher's sum of -log(share of learned galaxies that are stranger) over
                    :data:`COMBINED`: what the app ranks by
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from radioviz.likelihood import given_size, rank_average, strangeness
from radioviz.models.maf import MAF
from train.ood_data import Sample

NEIGHBOURS = 8
AVERAGED = ("log_prob", "reconstruction", "complexity", "isolation", "knn")
COMBINED = ("turned", "given_size", "image", "image_given_size")
DESCRIBED = ("concentration", "axis_ratio", "step", "outside", "rim", "filled")
COUNTED = ("n_components", "n_unrelated", "complexity", "las_measured", "islands", "island_area")
MISSED = ("reconstruction", "residual", "sky")
PLACED = ("centroid", "peak_offset", "lit")


@dataclass(frozen=True, eq=False)
class Detector:
    """Everything that was learned from ordinary galaxies.

    Attributes
    ----------
    flow : MAF
    neighbours, forest, mixture : fitted estimators of scikit-learn
    scale : tuple of numpy.ndarray
        Mean and standard deviation of the image descriptors.
    learned : pandas.DataFrame
        Scores of the galaxies that were learned from.
    sizes : numpy.ndarray
        Their angular sizes.
    """

    flow: MAF
    neighbours: Any
    forest: Any
    mixture: Any
    scale: tuple[np.ndarray, np.ndarray]
    learned: pd.DataFrame
    sizes: np.ndarray

    def scores(self, sample: Sample) -> pd.DataFrame:
        """Every score of a sample, ``n`` rows, the higher the stranger."""
        table = self._plain(sample)
        size = sample.figures["las_measured"].to_numpy(float)
        return self._derived(table, size)

    def _plain(self, sample: Sample) -> pd.DataFrame:
        n, views, d = sample.latents.shape
        latents = torch.from_numpy(sample.latents.reshape(n * views, d))
        with torch.no_grad():
            parts = [self.flow.log_prob(x) for x in latents.split(4096)]
            surprise = -torch.cat(parts).double().numpy().reshape(n, views)
            points = self.flow._standard(torch.from_numpy(sample.latents[:, 0])).numpy()
        out = {
            "log_prob": surprise[:, 0],
            "turned": surprise.mean(axis=1),
            "knn": self.neighbours.kneighbors(points)[0].mean(axis=1),
            "isolation": -self.forest.score_samples(points),
            "complexity": sample.figures["complexity"].to_numpy(float),
        }
        if "reconstruction" in sample.figures:
            out["reconstruction"] = sample.figures["reconstruction"].to_numpy(float)
        mean, deviation = self.scale
        described = (descriptors(sample) - mean) / deviation
        out["image"] = -self.mixture.score_samples(described)
        return pd.DataFrame(out)

    def _derived(self, table: pd.DataFrame, size: np.ndarray) -> pd.DataFrame:
        learned = self.learned
        out = table.copy()
        for name, of in (("given_size", "turned"), ("image_given_size", "image")):
            known = -learned[of].to_numpy()
            out[name] = -given_size(-table[of].to_numpy(), size, known, self.sizes)
        out["typicality"] = (table["turned"] - learned["turned"].median()).abs()
        averaged = [k for k in AVERAGED if k in table]
        out["rank_average"] = rank_average(
            {k: table[k].to_numpy() for k in averaged},
            {k: learned[k].to_numpy() for k in averaged},
        )
        if set(COMBINED) <= set(learned):
            out["strangeness"] = self.combined(out)
        return out

    def combined(self, table: pd.DataFrame) -> np.ndarray:
        """Fisher's combination over :data:`COMBINED`, shape ``(n,)``."""
        n = len(self.learned)
        total = np.zeros(len(table))
        for name in COMBINED:
            share = strangeness(table[name].to_numpy(), self.learned[name].to_numpy())
            beyond = 1 - share
            # Stranger than all that were learned: the further, the stranger.
            known = np.sort(self.learned[name].to_numpy())
            tail = known[-max(n // 20, 2) :]
            past = np.maximum(table[name].to_numpy() - tail[-1], 0) / max(tail[-1] - tail[0], 1e-6)
            total += -np.log(np.maximum(beyond, 0.5 / n)) + np.log1p(past)
        return total / len(COMBINED)


def descriptors(sample: Sample) -> np.ndarray:
    """What is measured in images and missed by reconstructions, shape ``(n, k)``, finite."""
    figures = sample.figures
    parts = [figures[list(DESCRIBED)].to_numpy(float)]
    parts.append(np.log1p(np.maximum(figures[list(COUNTED)].to_numpy(float), 0)))
    parts.append(np.sqrt(np.maximum(figures[list(PLACED)].to_numpy(float), 0)))
    if set(MISSED) <= set(figures):
        parts.append(np.log(np.clip(figures[list(MISSED)].to_numpy(float), 1e-4, 10)))
    out = np.concatenate(parts, axis=1)
    return np.where(np.isfinite(out), out, 0.0)


def detector(flow: MAF, learned: Sample, seed: int = 0) -> Detector:
    """Fit every score to ordinary galaxies, under a flow that was trained on the same ones."""
    from sklearn.ensemble import IsolationForest
    from sklearn.mixture import GaussianMixture
    from sklearn.neighbors import NearestNeighbors

    with torch.no_grad():
        every = learned.latents.reshape(-1, learned.latents.shape[2])
        points = flow._standard(torch.from_numpy(every)).numpy()
    described = descriptors(learned)
    scale = described.mean(axis=0), np.maximum(described.std(axis=0), 1e-6)
    mixture = GaussianMixture(6, reg_covar=0.03, random_state=seed, max_iter=300, tol=1e-2)
    first = Detector(
        flow.eval(),
        NearestNeighbors(n_neighbors=NEIGHBOURS).fit(points),
        IsolationForest(n_estimators=200, random_state=seed).fit(points[::8]),
        mixture.fit((described - scale[0]) / scale[1]),
        scale,
        pd.DataFrame(),
        learned.figures["las_measured"].to_numpy(float),
    )
    # Views of a galaxy are near each other: a galaxy that was learned has itself as neighbour.
    plain = first._plain(learned)
    distance, index = first.neighbours.kneighbors(points[::8], n_neighbors=3 * NEIGHBOURS)
    plain["knn"] = _without_itself(distance, index, learned.latents.shape[1])
    half = _with(first, plain)
    derived = half._derived(plain, first.sizes)
    derived["strangeness"] = _with(first, derived).combined(derived)
    return _with(first, derived)


def _without_itself(distance: np.ndarray, index: np.ndarray, views: int) -> np.ndarray:
    """Mean distance of each row's nearest that are views of another galaxy."""
    own = index // views == np.arange(len(index))[:, None]
    kept = np.where(own, np.inf, distance)
    kept.sort(axis=1)
    result: np.ndarray = kept[:, :NEIGHBOURS].mean(axis=1)
    return result


def _with(found: Detector, learned: pd.DataFrame) -> Detector:
    import dataclasses

    return dataclasses.replace(found, learned=learned)
