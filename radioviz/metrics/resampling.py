"""95 % intervals, by resampling and of shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

DRAWS = 2000


def bootstrap(
    values: np.ndarray, statistic: Callable[[np.ndarray], float], draws: int = DRAWS, seed: int = 0
) -> tuple[float, float, float]:
    """Statistic of ``values`` and its 95 % percentile bootstrap interval (Efron 1979).

    ``values``: shape ``(n, ...)``; rows are drawn with replacement.
    """
    return bootstrap_of([values], statistic, draws, seed)


def bootstrap_of(
    groups: Sequence[np.ndarray], statistic: Callable[..., float], draws: int = DRAWS, seed: int = 0
) -> tuple[float, float, float]:
    """Statistic of several independent groups and its 95 % percentile bootstrap interval.

    ``groups``: each of shape ``(n_i, ...)``; rows of each are drawn with replacement.
    ``statistic``: takes the groups as positional arguments. Returns ``value``, ``low``, ``high``.
    """
    rng = np.random.default_rng(seed)
    found = [
        statistic(*(group[rng.integers(0, len(group), len(group))] for group in groups))
        for _ in range(draws)
    ]
    low, high = np.percentile(found, [2.5, 97.5])
    value = float(statistic(*groups))
    return value, min(float(low), value), max(float(high), value)


def wilson(right: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.959964
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
