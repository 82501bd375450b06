"""Five ways to hold a posterior N(mu, sigma^2) to a prior with two peaks.

The prior is Q = N(-m, s^2) / 2 + N(m, s^2) / 2: a latent coordinate that follows it separates two
classes without labels. After "A Robust Hierarchical Variational Auto-encoder for Unsupervised Star
Galaxy Classification", Section 3.2 and Appendices A and B. Its algebra is corrected here:

``sc``
    The scaling bound (A.1), the mean of the divergences from the two peaks, is a bound (log-sum
    inequality), but the last line there holds only for s = 1 and with ``1`` for ``log 2`` and
    ``s^2``; in general it is log(s / sigma) + (sigma^2 + mu^2 + m^2) / (2 s^2) - 1/2. That is the
    divergence from the *one* peak N(0, s^2), plus the constant m^2 / (2 s^2): its gradient knows
    nothing of two peaks.
``dkl``
    The divergence itself (A.2), by quadrature to rounding error.
``dkl-approximate``
    The closed form of A.2, which replaces log(1 + exp(-t)) by max(-t, 0) and erfc(x) by
    1 - tanh(1.19 x). As printed gamma is sqrt(2 pi) times too large, so that the term would change
    when mu changes its sign; here it is divided by that. The first replacement can only
    make it too large, by log 2 at most: where the peaks overlap (m <= s) and for narrow
    posteriors between them. The second adds an error of either sign, up to
    0.045 m sigma / s^2, which has no bound for narrow peaks: there, use ``dkl``.
``aw``
    The naive analogy of a Wasserstein distance (B.2): -|mu| + |sigma - s|, for a mean that tanh
    bounds to -m..m. Here m is added, which makes it 0 at the peaks and changes no gradient.
``pw``
    The pseudo-Wasserstein distance (B.3) with p = 2, ``|mean of P - mean of Q|`` and the distance
    of the densities. The last line there leaves out the first term and the root, and has a
    bracket misplaced: ``(1 / s) sqrt(1 / s^2 + 1 / sigma^2)`` is meant. |mu| of single galaxies
    would pull each of them to 0, between the peaks; P is the sum over galaxies, so its mean is
    the mean of all mu.

All take means and standard deviations of any one shape and give nats (``aw``: latent units; ``pw``:
latent units plus density^(1/2)) of that shape.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.errors import ModelError

_NODES = 40
_SMOOTH = 1.5
"""Up to this width of the posterior, in units of s^2 / 2m, Gauss-Hermite nodes resolve the bend of
log(1 + exp(-t)) to 1e-13."""
_STEP, _REACH = 0.75, 48.0
"""Trapezoid rule against the logistic density, which is 1e-20 at its ends. The error is
exp(-2 pi^2 / step), 4e-12 of what varies over that range."""


def scaling_bound(mean: Tensor, sigma: Tensor, m: float, s: float) -> Tensor:
    """SC: upper bound of :func:`divergence`, the mean of those from each peak, in nats."""
    return math.log(s) - sigma.log() + (sigma**2 + mean**2 + m**2) / (2 * s * s) - 0.5


def divergence(mean: Tensor, sigma: Tensor, m: float, s: float) -> Tensor:
    """DKL: KL(N(mean, sigma^2) || Q) in nats, to rounding error.

    With X = |mean| + sigma Z and t = 2 m X / s^2 the only integral is E log(1 + exp(-t)). Where t
    is narrow, Gauss-Hermite quadrature in Z converges to rounding error. Where it is wide the
    logarithm has a sharp bend, but it equals E max(L - t, 0) over a logistic variable L: the
    expectation over Z is a closed form, smooth in L, and the one over L a trapezoid sum.
    """
    bend = 2 * m / (s * s)
    where, width = bend * mean.abs(), bend * sigma
    z, weight = _hermite(mean.dtype, mean.device)
    narrow = width.clamp_max(_SMOOTH)[..., None]
    smooth = (F.softplus(-(where[..., None] + narrow * z)) * weight).sum(-1)
    at, share = _logistic(mean.dtype, mean.device)
    wide = width.clamp_min(_SMOOTH)[..., None]
    sharp = (_positive_part(at - where[..., None], wide) * share).sum(-1)
    return _one_peak(mean, sigma, m, s) - torch.where(width < _SMOOTH, smooth, sharp)


def approximate_divergence(mean: Tensor, sigma: Tensor, m: float, s: float) -> Tensor:
    """DKL by the closed form of A.2, corrected; too large by up to log 2 and the error of tanh."""
    size = mean.abs()
    erfc = 1 - torch.tanh(1.19 * size / (math.sqrt(2) * sigma))
    density = torch.exp(-((size / sigma) ** 2) / 2) / math.sqrt(2 * math.pi)
    gamma = 2 * m / (s * s) * (sigma * density - size * erfc / 2)
    return _one_peak(mean, sigma, m, s) - gamma


def bounded_mean(mean: Tensor, sigma: Tensor, m: float, s: float) -> Tensor:
    """AW: m - |mean| + |sigma - s|, for means within -m..m; 0 at the peaks."""
    return m - mean.abs() + (sigma - s).abs()


def density_distance(mean: Tensor, sigma: Tensor, m: float, s: float) -> Tensor:
    """(integral of (N(mean, sigma^2) - Q)^2 dx)^(1/2), a closed form."""
    total = sigma**2 + s * s
    own = 1 / (2 * math.sqrt(math.pi) * sigma)
    prior = (1 + math.exp(-((m / s) ** 2))) / (4 * math.sqrt(math.pi) * s)
    both = sum(torch.exp(-((mean - peak) ** 2) / (2 * total)) for peak in (-m, m))
    squared = own + prior - both / torch.sqrt(2 * math.pi * total)
    # Not 0, where the root has no gradient: the posterior can equal a prior of one peak.
    return squared.clamp_min(1e-12).sqrt()


def pseudo_wasserstein(mean: Tensor, sigma: Tensor, m: float, s: float) -> Tensor:
    """PW: :func:`density_distance`, plus the distance of the mean over all galaxies from 0.

    The first axis of ``mean`` runs over galaxies.
    """
    return mean.mean(0).abs() + density_distance(mean, sigma, m, s)


TERMS: dict[str, Callable[[Tensor, Tensor, float, float], Tensor]] = {
    "sc": scaling_bound,
    "dkl": divergence,
    "dkl-approximate": approximate_divergence,
    "aw": bounded_mean,
    "pw": pseudo_wasserstein,
}


def check_prior(term: str, m: float, s: float) -> None:
    """Raise :class:`ModelError` unless the term is known, m not negative and s positive."""
    if term not in TERMS:
        raise ModelError(f"term is '{term}'; expected one of {', '.join(TERMS)}")
    if not (0 <= m < math.inf and 0 < s < math.inf):
        raise ModelError(f"peaks at -{m} and {m} of width {s}; expected m >= 0 and s > 0")


def _one_peak(mean: Tensor, sigma: Tensor, m: float, s: float) -> Tensor:
    """KL from the nearer peak with its weight of one half. The divergence is even in the mean."""
    nearer = (m - mean.abs()) ** 2
    return math.log(2 * s) - sigma.log() + (nearer + sigma**2 - s * s) / (2 * s * s)


def _positive_part(centre: Tensor, width: Tensor) -> Tensor:
    """E max(Y, 0) of Y ~ N(centre, width^2)."""
    u = centre / width
    density = torch.exp(-u * u / 2) / math.sqrt(2 * math.pi)
    return centre * torch.special.ndtr(u) + width * density


@functools.cache
def _hermite(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes and weights of a standard normal variable."""
    x, w = np.polynomial.hermite_e.hermegauss(_NODES)
    w = w / w.sum()
    return torch.tensor(x, dtype=dtype, device=device), torch.tensor(w, dtype=dtype, device=device)


@functools.cache
def _logistic(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes and weights of a logistic variable."""
    x = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    w = 1 / np.cosh(x / 2) ** 2
    w = w / w.sum()  # as the integrals can be of 1e6 nats, 1e-11 in the sum would count
    return torch.tensor(x, dtype=dtype, device=device), torch.tensor(w, dtype=dtype, device=device)
