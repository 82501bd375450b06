"""Compare two sets of images in the features of a classifier of radio galaxies.

Uses at most 64 features: in 512 or more, distances between sets of a thousand images mostly measure
the small number of images. Compare each value with its floor, the same between two sets of real
images.
"""

from __future__ import annotations

import contextlib
import io
from typing import NamedTuple

import numpy as np

MOST_FEATURES = 64


class Kid(NamedTuple):
    """Kernel distance of two sets, its standard error, and the same between real sets."""

    value: float
    error: float
    floor: float
    floor_error: float

    @property
    def sigmas(self) -> float:
        """Distance of the value above the floor, in standard errors of their difference."""
        error = float(np.hypot(self.error, self.floor_error))
        return (self.value - self.floor) / error if error else 0.0


def kernel_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Unbiased squared MMD under the kernel (x.y / d + 1)^3 (Binkowski et al. 2018).

    That paper calls it KID in the features of Inception; 0 on average for sets from one
    distribution, and sometimes negative. Computed by torchmetrics.

    ``real``, ``generated``: shapes ``(n, d)`` and ``(m, d)`` with d at most 64. Raises ValueError
    if there are more features, or the sets have different numbers of them.
    """
    import torch
    from torchmetrics.image.kid import poly_mmd

    _check(real, generated)
    a, b = (torch.from_numpy(np.asarray(x, dtype=float)) for x in (real, generated))
    if len(a) == len(b):
        return float(poly_mmd(a, b))
    # torchmetrics needs sets of equal length: average over parts of the longer one.
    n = min(len(a), len(b))
    many = max(len(a), len(b)) // n
    parts = [
        poly_mmd(
            a[i * n : i * n + n] if len(a) > n else a, b[i * n : i * n + n] if len(b) > n else b
        )
        for i in range(many)
    ]
    return float(torch.stack(parts).mean())


def kid(
    real: np.ndarray, generated: np.ndarray, subset: int = 100, draws: int = 200, seed: int = 0
) -> Kid:
    """Kernel distance over random subsets, and the same between real images.

    Standard errors are those of the mean of independent blocks of ``subset`` images: scatter of
    the draws over the square root of how many such blocks the smaller set holds.

    ``real``, ``generated``: shapes ``(n, d)`` and ``(m, d)``; the floor uses two subsets of
    ``real``. ``subset``: images in each of the two subsets of a draw; fewer if a set is smaller
    than twice that.
    """
    _check(real, generated)
    rng = np.random.default_rng(seed)
    subset = min(subset, len(real) // 2, len(generated))
    found, floor = [], []
    for _ in range(draws):
        rows = rng.permutation(len(real))
        one, two = real[rows[:subset]], real[rows[subset : 2 * subset]]
        other = generated[rng.choice(len(generated), subset, replace=False)]
        found.append(kernel_distance(one, other))
        floor.append(kernel_distance(one, two))
    blocks = np.sqrt(min(len(real), len(generated)) / subset)
    half = np.sqrt(len(real) / 2 / subset)
    return Kid(
        float(np.mean(found)),
        float(np.std(found) / blocks),
        float(np.mean(floor)),
        float(np.std(floor) / half),
    )


class Prdc(NamedTuple):
    """Fidelity (precision, density) and variety (recall, coverage) of generated images."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: np.ndarray, generated: np.ndarray, neighbours: int = 5) -> Prdc:
    """Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

    Coverage is the share of real images with a generated one within the distance of their k-th
    real neighbour; density may exceed 1. Computed by the package of Naeem et al.

    ``real``, ``generated``: shapes ``(n, d)`` and ``(m, d)`` with d at most 64; preferably n = m.
    ``neighbours``: k.
    """
    from prdc import compute_prdc

    _check(real, generated)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints the numbers of images
        found = compute_prdc(
            np.asarray(real, float), np.asarray(generated, float), nearest_k=neighbours
        )
    return Prdc(*(float(found[name]) for name in Prdc._fields))


def _check(real: np.ndarray, generated: np.ndarray) -> None:
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise ValueError(
            f"features have shapes {real.shape} and {generated.shape}; expected (n, d)"
        )
    if real.shape[1] > MOST_FEATURES:
        raise ValueError(f"there are {real.shape[1]} features; expected {MOST_FEATURES} or fewer")
