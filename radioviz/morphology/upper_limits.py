"""Angular sizes of which some are upper limits: order, quantiles, words.

Quantiles are those of Kaplan & Meier 1958, as Feigelson & Nelson 1985 (ApJ 293, 192) use them for
upper limits: a limit shares its weight among the smaller values.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def limits_of(table: pd.DataFrame) -> np.ndarray:
    """Which ``las`` of a table are upper limits, bool ``(n,)``; none where it does not say."""
    if "las_limit" not in table:
        return np.zeros(len(table), dtype=bool)
    return table["las_limit"].to_numpy() == True  # noqa: E712 (also of objects and numbers)


def quantile(values: np.ndarray, limits: np.ndarray, q: float) -> tuple[float, bool]:
    """The ``q`` quantile of sizes ``(n,)``, and whether it is only an upper limit.

    NaN is left out. Without limits it is that of :func:`numpy.quantile`. Where it lies below every
    measured size, it is an upper limit: the quantile with limits taken as sizes.
    """
    known = np.isfinite(values)
    values, limits = values[known], limits[known]
    if not len(values):
        return np.nan, False
    if not limits.any():
        return float(np.quantile(values, q)), False
    measured, number = np.unique(values[~limits], return_counts=True)
    below = (values <= measured[:, None]).sum(axis=1)
    # Probability of a smaller value, at each measured one: from the largest down.
    smaller = np.cumprod((1 - number / np.maximum(below, 1))[::-1])[::-1]
    reached = np.flatnonzero(smaller <= q + 1e-12)
    if not len(reached):
        return float(np.quantile(values, q)), True
    return float(measured[reached[-1]]), False


def size_order(values: np.ndarray, limits: np.ndarray, largest_first: bool) -> np.ndarray:
    """Row numbers by size, int64 ``(n,)``: limits on the small side, unknown sizes last."""
    sign = -1.0 if largest_first else 1.0
    small = np.where(limits, 0, 1) * sign
    return np.lexsort((np.where(np.isfinite(values), sign * values, 0.0), small, np.isnan(values)))


def size_words(size: float, limit: bool = False, error: float = np.nan, unit: str = "″") -> str:
    """A size in two to three digits, a limit never rounded down; empty if unknown.

    >>> size_words(63.23), size_words(2.72, limit=True), size_words(107.2, error=14.2)
    ('63″', '<2.8″', '107 ± 14″')
    """
    if not np.isfinite(size):
        return ""
    # Two digits of the error where there is one, else of the size: none behind the point from 10.
    rests_on = error if np.isfinite(error) and not limit else size
    places = _places(rests_on, 2) if rests_on > 0 else 1
    if limit:
        step = 10.0**-places
        return f"<{np.ceil(size / step - 1e-9) * step:.{places}f}{unit}"
    if not np.isfinite(error):
        return f"{size:.{places}f}{unit}"
    places = min(places, _places(size, 3))
    return f"{size:.{places}f} ± {error:.{places}f}{unit}"


def _places(value: float, digits: int) -> int:
    """Decimals that give a value so many digits, 0 at least."""
    exponent = int(np.floor(np.log10(float(f"{max(value, 1e-9):.{digits - 1}e}"))))
    return max(0, digits - 1 - exponent)
