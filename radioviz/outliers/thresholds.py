"""Outlier scores made comparable: percentile ranks, thresholds, averages. Torch-free.

The scores are columns stored beside the Atlases: log p of a flow over latents (Andrianomena & Tang
2023, Sec. 5.2), reconstruction error, complexity, isolation forest, distance to neighbours. The
percentile rank of a galaxy is the fraction of a reference sample that is less strange, so 0.99
means the same under every score.

A likelihood prefers simple images: a compact source has a higher log p than any galaxy with
structure (Nalisnick et al. 2019, arXiv:1810.09136; here log p correlates with size more than with
anything else). :func:`log_prob_given_size` therefore compares a galaxy with those of its own
angular size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.errors import LikelihoodError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import ModelList

NEAREST = 100
"""Reference galaxies of the nearest angular size that :func:`log_prob_given_size` compares with."""


def calibrated_flows(models: ModelList) -> dict[str, ModelInfo]:
    """Flows over latents, the best calibrated first: the app ranks by the scores of that one.

    Calibration is the median Kolmogorov-Smirnov distance of its normalised latents from a normal
    distribution, on validation galaxies.
    """
    found = models.with_capability("log_prob")

    def distance(name: str) -> tuple[float, str]:
        return float(found[name].scores.get("ks_median.valid", math.inf)), name

    return {name: found[name] for name in sorted(found, key=distance)}


@dataclass(frozen=True)
class OutlierScore:
    """A number that says how strange a galaxy is."""

    key: str  # column name
    title: str  # as shown on screen
    about: str = ""  # what it measures, in one line
    low: bool = False  # True when low values are the strange ones (log p)
    unit: str = ""  # of the values

    def oriented(self, values: np.ndarray) -> np.ndarray:
        """Values with their sign such that higher is stranger, float64."""
        out = np.asarray(values, dtype=np.float64)
        return -out if self.low else out


def percentile_rank(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Fraction of a reference that is less strange, 0..1; ties count half.

    ``values``, ``reference``: shapes ``(n,)`` and ``(m,)``, higher is stranger; NaN in the
    reference is left out. Returns an array of shape ``(n,)``; NaN where the value is. Raises
    LikelihoodError if no reference value is finite.
    """
    known = _sorted(reference, "the reference")
    below = np.searchsorted(known, values, side="left")
    upto = np.searchsorted(known, values, side="right")
    out = (below + upto) / (2 * len(known))
    return np.where(np.isnan(values), np.nan, out)


def _sorted(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        raise LikelihoodError(f"{what} has no known value to rank against")
    return known


def rank_average(
    scores: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Mean percentile rank over the known of several scores, shape ``(n,)``.

    ``scores``, ``reference``: name to values, higher is stranger; the same names in both. Raises
    LikelihoodError if there is no score, or names or lengths differ.
    """
    if not scores or set(scores) != set(reference):
        raise LikelihoodError(
            f"scores to average are {', '.join(scores) or 'none'}, those of the reference are "
            f"{', '.join(reference) or 'none'}; expected the same names, at least one"
        )
    if len({len(values) for values in scores.values()}) != 1:
        raise LikelihoodError("scores to average are of different lengths")
    ranks = pd.DataFrame({k: percentile_rank(scores[k], reference[k]) for k in scores})
    return ranks.mean(axis=1).to_numpy()


def rank_correlations(scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Spearman's rank correlation of every pair of scores; NaN where fewer than 3 are known."""
    table = pd.DataFrame({k: np.asarray(v, dtype=np.float64) for k, v in scores.items()})
    return table.corr(method="spearman", min_periods=3)


def log_prob_given_size(
    log_prob: np.ndarray,
    size: np.ndarray,
    reference_log_prob: np.ndarray,
    reference_size: np.ndarray,
    nearest: int = NEAREST,
) -> np.ndarray:
    """Log p against that of galaxies of the same angular size, in standard deviations.

    ``(log p - m(s)) / d(s)``, with median and scaled median deviation of the ``nearest``
    reference galaxies in log size; where the size is unknown, of all of them. Low is strange, as
    for log p.

    ``log_prob``, ``size``: shape ``(n,)``; size in arcsec, NaN if unknown. ``reference_log_prob``,
    ``reference_size``: shape ``(m,)``, of the galaxies that the flow was trained on. Raises
    LikelihoodError if fewer than 10 reference galaxies have both.
    """
    log_prob = np.asarray(log_prob, dtype=np.float64)
    scale = _log(reference_size)
    good = np.isfinite(scale) & np.isfinite(reference_log_prob)
    if good.sum() < 10:
        raise LikelihoodError(
            f"{good.sum()} reference galaxies have a size and a log p; at least 10 are needed"
        )
    order = np.argsort(scale[good], kind="stable")
    scale = scale[good][order]
    values = np.asarray(reference_log_prob, dtype=np.float64)[good][order]
    k = min(nearest, len(values))
    windows = np.lib.stride_tricks.sliding_window_view(values, k)
    middle = np.median(windows, axis=1)
    width = 1.4826 * np.median(np.abs(windows - middle[:, None]), axis=1)
    own = _log(size)
    start = np.clip(np.searchsorted(scale, own) - k // 2, 0, len(values) - k)
    centre, spread = middle[start], width[start]
    overall = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    unknown = ~np.isfinite(own)
    centre = np.where(unknown, np.median(values), centre)
    spread = np.where(unknown, overall, spread)
    # Floor the spread, so that tiny deviations among unresolved sources are not outliers.
    return (log_prob - centre) / np.maximum(spread, max(0.05 * overall, 1e-6))


def _log(size: np.ndarray) -> np.ndarray:
    size = np.asarray(size, dtype=np.float64)
    return np.log(np.where(size > 0, size, np.nan))


@dataclass(frozen=True)
class FlaggedFraction:
    """Fraction of held-out galaxies that a threshold flags, with a 95 % interval."""

    rate: float
    low: float
    high: float
    flagged: int
    n: int


def flagged_fraction(held_out: np.ndarray, threshold: float) -> FlaggedFraction:
    """Fraction of held-out, ordinary galaxies at or above a threshold (higher is stranger).

    The interval is Wilson's (1927), which holds for few galaxies and near 0.

    Raises LikelihoodError if no held-out value is known.
    """
    known = _sorted(held_out, "the held-out sample")
    n, flagged = len(known), int((known >= threshold).sum())
    z = 1.959964
    rate = flagged / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if flagged == 0 else max(0.0, centre - half)
    high = 1.0 if flagged == n else min(1.0, centre + half)
    return FlaggedFraction(rate, low, high, flagged, n)


def threshold_at(held_out: np.ndarray, rate: float) -> float:
    """Threshold that flags at most this fraction of held-out galaxies (higher is stranger).

    Raises LikelihoodError if the rate is not in 0..1 or no held-out value is known.
    """
    if not 0 <= rate <= 1:
        raise LikelihoodError(f"a fraction of {rate} to flag; expected 0 to 1")
    known = _sorted(held_out, "the held-out sample")
    allowed = math.floor(rate * len(known))
    if allowed == 0:
        return float(np.nextafter(known[-1], np.inf))
    threshold = float(known[-allowed])
    # Ties at the threshold would flag more than allowed.
    if (known >= threshold).sum() > allowed:
        threshold = float(np.nextafter(threshold, np.inf))
    return threshold


def bin_counts(
    samples: Mapping[str, np.ndarray], bins: int = 60, tail: float = 0.0
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Count several samples in the same bins, without unknown values.

    Parameters
    ----------
    tail : float
        Fraction of all values at either end that may lie beyond the edges, so that a few far
        outliers do not squeeze all others into one bin.

    Returns
    -------
    numpy.ndarray
        Edges of the bins, shape ``(bins + 1,)``, rising.
    dict
        Counts of each sample, int64 of shape ``(bins,)``.

    Raises
    ------
    LikelihoodError
        If there are no bins, or no value is known.
    """
    if bins < 1:
        raise LikelihoodError(f"a histogram of {bins} bins; expected 1 or more")
    finite = {k: np.asarray(v, float)[np.isfinite(v)] for k, v in samples.items()}
    everything = np.concatenate([*finite.values(), np.array([])])
    if not len(everything):
        raise LikelihoodError("no value is known to count")
    low, high = np.quantile(everything, [tail, 1 - tail])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return edges, {k: np.histogram(v, edges)[0].astype(np.int64) for k, v in finite.items()}


SCORES: dict[str, OutlierScore] = {
    score.key: score
    for score in (
        OutlierScore(
            "strangeness",
            "Strangeness",
            "log density, neighbours and reconstruction combined: the shipped outlier score",
        ),
        OutlierScore(
            "defect", "Defect", "side lobes, cut edges, noise, or an image of another telescope"
        ),
        OutlierScore("log_prob", "Log-likelihood", "log density of the latent vector", True, "nat"),
        OutlierScore(
            "given_size",
            "Log-likelihood for its size",
            "log density relative to galaxies of the same angular size",
            True,
            "sigma",
        ),
        OutlierScore("knn", "Distance to neighbours", "mean latent distance to the nearest"),
        OutlierScore("isolation", "Isolation forest", "how few random cuts isolate the latents"),
        OutlierScore("reconstruction", "Reconstruction error", "squared residual over image"),
        OutlierScore("complexity", "Complexity", "compressed size of the image", unit="byte"),
        OutlierScore("rank_average", "Rank average", "mean percentile rank of the other scores"),
    )
}
"""Outlier scores by name. Those of a flow are columns ``<name>_<flow>`` beside the Atlases."""


COMBINED = ("strangeness", "defect")
"""Made of other scores, and stored for one flow alone, that which the app ranks by."""


def column(name: str, flow: str) -> str:
    """Column of a score under a flow: ``log_prob_maf-vae32``."""
    return f"{name}_{flow}"
