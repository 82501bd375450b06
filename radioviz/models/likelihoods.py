"""Likelihoods of sparse, positive maps in 0..1.

A decoder gives ``channels`` parameter maps for each channel of the image, all the means first; a
likelihood converts them to a mean image and to log p(x|z) in nats, summed over the pixels of an
image. About 97 % of the pixels of a clipped radio
map are exactly zero, the peak is exactly one, and brightness errors grow with brightness; each
likelihood handles that differently:

``bernoulli``
    Cross-entropy with grey levels as probabilities (Bastien et al. 2021, Sec. 3).
``continuous-bernoulli``
    The same with its normalising constant (Loaiza-Ganem & Cunningham 2019).
``gaussian``
    One standard deviation for all pixels, learned with the weights.
``laplace``
    The same with absolute errors: the decoder gives a median, not a mean.
``gaussian-pixel``
    A mean map and a standard deviation map, floored at :data:`SIGMA_FLOOR`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.errors import ModelError

SIGMA_FLOOR = 0.01
"""Smallest standard deviation, about half a grey level of 8 bits after resampling.

Without a floor the exact zeros of a clipped map would have unbounded density.
"""

START_MEAN = 0.02
"""Mean brightness of a peak-normalised FIRST map; untrained decoders start there."""


class Likelihood(nn.Module):
    """Base: ``channels`` maps for each channel in, mean image and log-likelihood out."""

    channels = 1

    def mean(self, parameters: Tensor) -> Tensor:
        """Expected image in 0..1, shape ``(n, c, ny, nx)``."""
        return torch.sigmoid(self.means(parameters))

    def means(self, parameters: Tensor) -> Tensor:
        """The first of :attr:`channels` equal parts of parameters ``(n, channels * c, ny, nx)``."""
        return parameters[:, : parameters.shape[1] // self.channels]

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """log p(x|z) in nats, shape ``(n,)``, for parameters ``(n, channels * c, ny, nx)``."""
        raise NotImplementedError

    def start(self) -> list[float]:
        """Bias of each parameter map before training."""
        return [math.log(START_MEAN / (1 - START_MEAN))]


class Bernoulli(Likelihood):
    """log p = sum x log m + (1 - x) log(1 - m), with m the sigmoid of the one map."""

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        loss = F.binary_cross_entropy_with_logits(parameters, x, reduction="none")
        return -loss.flatten(1).sum(1)


class ContinuousBernoulli(Likelihood):
    """Bernoulli divided by its integral over 0..1 (Loaiza-Ganem & Cunningham 2019, Eq. 6).

    In the natural parameter ``e`` the density is ``exp(e x) e / (exp(e) - 1)`` and the mean
    ``1 / (1 - exp(-e)) - 1 / e``; both have a removable singularity at e = 0.
    """

    def start(self) -> list[float]:
        return [-1 / START_MEAN]

    def mean(self, parameters: Tensor) -> Tensor:
        e = self.means(parameters)
        near = e.abs() < 1e-2
        safe = torch.where(near, torch.ones_like(e), e).clamp_min(-80.0)
        far = -1 / torch.expm1(-safe) - 1 / torch.where(near, safe, e)
        return torch.where(near, 0.5 + e / 12, far)

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        e = parameters
        size = e.abs()
        near = size < 1e-2
        safe = torch.where(near, torch.ones_like(size), size)
        # log((exp(e) - 1) / e), written with |e| so that nothing overflows.
        far = e.clamp_min(0) + torch.log(-torch.expm1(-safe)) - torch.log(safe)
        log_integral = torch.where(near, e / 2 + e * e / 24, far)
        return (e * x - log_integral).flatten(1).sum(1)


class Gaussian(Likelihood):
    """Normal with one learned standard deviation (Rybkin et al. 2021, sigma-VAE)."""

    def __init__(self) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.tensor(-2.5))

    def sigma(self) -> Tensor:
        """Standard deviation in units of the peak, a scalar."""
        return SIGMA_FLOOR + self.log_sigma.exp()

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        sigma = self.sigma()
        error = (x - self.mean(parameters)) / sigma
        nats = 0.5 * error.square() + sigma.log() + 0.5 * math.log(2 * math.pi)
        return -nats.flatten(1).sum(1)


class Laplace(Gaussian):
    """Laplace with one learned scale; the decoder gives its median."""

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        scale = self.sigma()
        error = (x - self.mean(parameters)).abs() / scale
        return -(error + (2 * scale).log()).flatten(1).sum(1)


class GaussianPixel(Likelihood):
    """Normal with one standard deviation per pixel."""

    channels = 2

    def start(self) -> list[float]:
        return [*super().start(), -2.5]

    def sigma(self, parameters: Tensor) -> Tensor:
        """Standard deviation map in units of the peak, shape ``(n, c, ny, nx)``."""
        return SIGMA_FLOOR + F.softplus(parameters[:, parameters.shape[1] // 2 :])

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        sigma = self.sigma(parameters)
        error = (x - self.mean(parameters)) / sigma
        nats = 0.5 * error.square() + sigma.log() + 0.5 * math.log(2 * math.pi)
        return -nats.flatten(1).sum(1)


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": Bernoulli,
    "continuous-bernoulli": ContinuousBernoulli,
    "gaussian": Gaussian,
    "laplace": Laplace,
    "gaussian-pixel": GaussianPixel,
}


def likelihood(name: str) -> Likelihood:
    """Likelihood of that name.

    Raises ModelError if the name is unknown.
    """
    if name not in LIKELIHOODS:
        raise ModelError(f"likelihood '{name}' is unknown; there are {', '.join(LIKELIHOODS)}")
    return LIKELIHOODS[name]()
