"""Calibration of a classifier's probabilities, and the temperature that corrects them."""

from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits ``(n, k)``, rows sum to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    out: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return out


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -log p(true class) in nats; ``probabilities`` ``(n, k)``, ``truth`` ``(n,)`` int."""
    chosen = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def best_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """T that minimises the negative log-likelihood of softmax(logits / T) (Guo et al. 2017).

    Searched between 1/20 and 20; beyond that the classes are either separated perfectly or not at
    all.

    ``logits``: shape ``(n, k)``; ``truth``: numbers of the true classes, int of shape ``(n,)``.
    """
    from scipy.optimize import minimize_scalar

    logits = np.asarray(logits, dtype=float)
    found = minimize_scalar(
        lambda log_t: negative_log_likelihood(softmax(logits / np.exp(log_t)), truth),
        bounds=(-np.log(20), np.log(20)),
        method="bounded",
    )
    return float(np.exp(found.x))


def calibration_error(probabilities: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015): mean of |confidence - accuracy| over bins.

    Confidence is the probability of the most probable class. Bins contain equally many objects, so
    that none is nearly empty, and are weighted by their size.

    ``probabilities``: shape ``(n, k)``; ``truth``: numbers of the true classes, int of shape
    ``(n,)``.
    """
    found = [abs(gap) * n for gap, _, n in _gaps(*_top(probabilities, truth), bins)]
    return float(np.sum(found) / len(truth))


def corrected_calibration_error(
    probabilities: np.ndarray, truth: np.ndarray, bins: int = 10
) -> float:
    """:func:`calibration_error` without the share that few images in a bin cause by chance.

    The mean of |gap| is larger than the true gap by the scatter of the labels; for a normal scatter
    (a folded normal distribution) the true gap follows from it, bin by bin. Where |gap| is less
    than by chance the true one counts as 0, so that what remains is still an overestimate.
    """
    from scipy.special import erf

    true = np.linspace(0, 8, 801)  # gaps in units of their scatter
    seen = np.sqrt(2 / np.pi) * np.exp(-(true**2) / 2) + true * erf(true / np.sqrt(2))
    error = 0.0
    for gap, scatter, n in _gaps(*_top(probabilities, truth), bins):
        units = abs(gap) / scatter if scatter else np.inf
        error += n * (scatter * np.interp(units, seen, true) if units < seen[-1] else abs(gap))
    return float(error / len(truth))


def _top(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the most likely class, and whether it is the true one, ``(n,)``."""
    return probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == truth


def _gaps(
    probability: np.ndarray, applies: np.ndarray, bins: int
) -> list[tuple[float, float, int]]:
    """Probability less share in bins of equally many, its scatter if calibrated, their number."""
    order = np.argsort(probability, kind="stable")
    out = []
    for part in np.array_split(order, min(bins, len(order))):
        p, n = probability[part], len(part)
        out.append((float((p - applies[part]).mean()), float(np.sqrt((p * (1 - p)).sum()) / n), n))
    return out


def reliability(probability: np.ndarray, applies: np.ndarray, bins: int = 10) -> float:
    """Mean of abs(probability - share to which it applies) over bins of equally many objects.

    ``probability``, ``applies``: shape ``(n,)``; ``applies`` is bool.
    """
    gaps = [abs(gap) * n for gap, _, n in _gaps(probability, applies, bins)]
    return float(np.sum(gaps) / len(probability))
