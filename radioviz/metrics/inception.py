"""RAMIS, the radio morphology inception score (Bastien et al. 2021, Sec. 4, Eq. 13).

The inception score (Salimans et al. 2016) with a classifier of radio galaxies: high if each image
clearly has one class and all classes occur. With k classes it is between 1 and k.
"""

from __future__ import annotations

import numpy as np

from radioviz.metrics.resampling import DRAWS, bootstrap


def ramis(probabilities: np.ndarray) -> float:
    """exp(E_x KL(p(y|x) || p(y))), where p(y) is the mean of p(y|x) over the images.

    Parameters
    ----------
    probabilities : numpy.ndarray
        p(y|x), shape ``(n, k)``, rows sum to 1.

    Examples
    --------
    >>> ramis(np.array([[1.0, 0.0], [0.0, 1.0]]))
    2.0
    """
    p = np.asarray(probabilities, dtype=float)
    marginal = p.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / marginal), 0.0)
    return float(np.exp(terms.sum(axis=1).mean()))


def ramis_interval(probabilities: np.ndarray, draws: int = DRAWS) -> tuple[float, float, float]:
    """:func:`ramis` and its 95 % bootstrap interval over the images."""
    return bootstrap(probabilities, ramis, draws)


def classified_as(probabilities: np.ndarray, wanted: int) -> np.ndarray:
    """True where the likeliest class is ``wanted``, shape ``(n,)``."""
    return np.asarray(probabilities).argmax(axis=1) == wanted
