"""Variational autoencoders of radio galaxies: compact convolutional, and Bastien et al. 2021.

A VAE (Kingma & Welling 2014) maximises the evidence lower bound in nats per image,

    ELBO(x) = E_q(z|x) [log p(x|z)] - KL(q(z|x) || p(z)),

with q a diagonal normal, p(z) = N(0, 1) and p(x|z) one of
:mod:`radioviz.models.likelihoods`. Images are ``(n, channels, ny, nx)`` in 0..1.

>>> model = ConvVAE(latent_dim=2, width=8)
>>> x = torch.rand(3, 1, 64, 64)
>>> model.encode(x).shape, model.decode(model.encode(x)).shape
(torch.Size([3, 2]), torch.Size([3, 1, 64, 64]))
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from radioviz.errors import ModelError
from radioviz.models.likelihoods import likelihood
from radioviz.models.tensors import bounded, check_images, check_latents, sample_normal


class Elbo(NamedTuple):
    """Terms of the evidence lower bound, in nats."""

    log_likelihood: Tensor  # log p(x|z) of one posterior sample, shape ``(n,)``
    kl: Tensor  # KL(q || p) of each latent dimension, shape ``(n, d)``
    # What training weighs instead of ``kl`` where that differs, same shape.
    penalty: Tensor | None = None

    @property
    def value(self) -> Tensor:
        """The bound itself, shape ``(n,)``."""
        return self.log_likelihood - self.kl.sum(1)

    @property
    def cost(self) -> Tensor:
        """``penalty``, or ``kl`` without one, shape ``(n, d)``."""
        return self.kl if self.penalty is None else self.penalty


class GaussianVAE(nn.Module):
    """Base of VAEs with a diagonal normal posterior; subclasses supply the networks.

    ``encoder`` maps images to ``(n, 2 d)``: means, then log-variances. ``decoder`` maps
    ``(n, d)`` to the parameter maps of the likelihood.
    """

    def __init__(self, latent_dim: int, size: int, likelihood_name: str, channels: int = 1) -> None:
        super().__init__()
        if channels < 1:
            raise ModelError(f"channels is {channels}; an image has 1 channel or more")
        if latent_dim < 1:
            raise ModelError(f"latent_dim is {latent_dim}; a latent space has 1 dimension or more")
        self.latent_dim = latent_dim
        self.size = size
        self.channels = channels
        self.likelihood = likelihood(likelihood_name)
        self.encoder: nn.Module
        self.decoder: nn.Module

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), both float32 of shape ``(n, d)``."""
        check_images(x, self.size, self.channels)
        mean, log_variance = self.encoder(x).float().chunk(2, dim=1)
        return mean, bounded(log_variance)

    def encode(self, x: Tensor) -> Tensor:
        """Latent vector of each image, the posterior mean, shape ``(n, d)``."""
        return self.posterior(x)[0]

    def decode_parameters(self, z: Tensor) -> Tensor:
        """Parameter maps of p(x|z), float32, shape ``(n, channels, ny, nx)``."""
        check_latents(z, self.latent_dim)
        parameters: Tensor = self.decoder(z)
        return parameters.float()

    def decode(self, z: Tensor) -> Tensor:
        """Expected image in 0..1 at each latent vector, shape ``(n, channels, ny, nx)``."""
        return self.likelihood.mean(self.decode_parameters(z)).clamp(0.0, 1.0)

    def elbo(self, x: Tensor, generator: torch.Generator | None = None) -> Elbo:
        """Bound of each image with one reparametrised sample, z = mean + sigma * noise."""
        mean, log_variance = self.posterior(x)
        z = sample_normal(mean, log_variance, generator)
        log_likelihood = self.likelihood.log_prob(self.decode_parameters(z), x.float())
        return Elbo(log_likelihood, *self.divergence(mean, log_variance))

    def divergence(self, mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor | None]:
        """``kl`` and ``penalty`` of :class:`Elbo` for a posterior."""
        return kl_divergence(mean, log_variance), None

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction through the posterior mean, shape of ``x``."""
        return self.decode(self.encode(x))


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) per dimension, in nats (Kingma & Welling 2014, App. B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


class ResidualBlock(nn.Module):
    """x + conv(act(conv(act(x)))), the last convolution starting at zero (as in Child 2020).

    No normalisation: it would take half of the time on a CPU, and a block that starts as the
    identity does not need it at this depth.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        last = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Dropout2d(dropout),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Stretch(nn.Module):
    """Channels and their square roots, about centred."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.clamp_min(0).sqrt()], dim=1) - 0.1


class ConvVAE(GaussianVAE):
    """Residual convolutions over halving resolutions down to 4x4, then one dense layer.

    Parameters
    ----------
    latent_dim : int
        d.
    size : int
        Side of the images in pixels: 4 times a power of two.
    width : int
        Channels at half resolution; ``multipliers`` scale it at each further halving.
    blocks : int
        Residual blocks per resolution.
    likelihood : str
        A name of :data:`radioviz.models.likelihoods.LIKELIHOODS`.
    dropout : float
        Fraction of channels dropped within residual blocks.
    channels : int
        Channels of the images.
    """

    def __init__(
        self,
        latent_dim: int = 32,
        size: int = 64,
        width: int = 32,
        multipliers: Sequence[int] = (1, 2, 4, 4),
        blocks: int = 1,
        likelihood: str = "bernoulli",
        dropout: float = 0.0,
        channels: int = 1,
    ) -> None:
        super().__init__(latent_dim, size, likelihood, channels)
        if size != 4 * 2 ** len(multipliers):
            raise ModelError(
                f"size is {size} with {len(multipliers)} multipliers; {len(multipliers)} halvings "
                f"to 4x4 take images of {4 * 2 ** len(multipliers)}"
            )
        widths = [width * m for m in multipliers]
        features = widths[-1] * 16

        layers: list[nn.Module] = [Stretch()]
        given = 2 * channels
        for w in widths:
            layers.append(nn.Conv2d(given, w, 4, stride=2, padding=1))
            layers.extend(ResidualBlock(w, dropout) for _ in range(blocks))
            given = w
        layers += [nn.SiLU(), nn.Flatten(), nn.Linear(features, 2 * latent_dim)]
        self.encoder = nn.Sequential(*layers)

        layers = [nn.Linear(latent_dim, features), nn.Unflatten(1, (given, 4, 4))]
        for w in [*widths[-2::-1], max(8, width // 2)]:
            layers.extend(ResidualBlock(given, dropout) for _ in range(blocks))
            # Nearest neighbour and a convolution: transposed convolutions leave a checkerboard,
            # the low-level artefact of Bastien et al. 2021, Sec. 6.2.
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(given, w, 3, padding=1)]
            given = w
        last = nn.Conv2d(given, channels * self.likelihood.channels, 3, padding=1)
        nn.init.normal_(last.weight, std=0.01)
        with torch.no_grad():
            start = torch.tensor(self.likelihood.start())
            last.bias = nn.Parameter(start.repeat_interleave(channels))
        layers += [nn.SiLU(), last]
        self.decoder = nn.Sequential(*layers)


class DenseVAE(GaussianVAE):
    """The fully connected VAE of Bastien et al. 2021, Sec. 3.2 and Table 1.

    Widths 10000-4096-2048-1024-512-256-d and their mirror; softplus after the encoder's first
    layer, leaky ReLU (slope 0.001, Eq. 15) after every other hidden one, dropout 0.2. (Table 2
    prints the softplus above the layer, which would leave that layer without an activation.) The
    decoder's sigmoid is in the likelihood.

    Parameters
    ----------
    latent_dim : int
        d; the paper has 2, 4, 8, 16, 32, 64.
    size : int
        Side of the images in pixels.
    hidden : sequence of int
        Widths of the encoder's hidden layers, wide to narrow; the decoder mirrors them.
    dropout : float
        Fraction of hidden values dropped in training.
    likelihood : str
        A name of :data:`radioviz.models.likelihoods.LIKELIHOODS`; the paper's is Bernoulli.
    channels : int
        Channels of the images; the paper has 1.
    """

    def __init__(
        self,
        latent_dim: int = 2,
        size: int = 100,
        hidden: Sequence[int] = (4096, 2048, 1024, 512, 256),
        dropout: float = 0.2,
        likelihood: str = "bernoulli",
        channels: int = 1,
    ) -> None:
        super().__init__(latent_dim, size, likelihood, channels)
        if not hidden:
            raise ModelError("hidden is empty; give at least one width")
        maps = channels * self.likelihood.channels
        self.encoder = nn.Sequential(
            nn.Flatten(),
            *_dense([channels * size * size, *hidden], dropout, first=nn.Softplus()),
            nn.Linear(hidden[-1], 2 * latent_dim),
        )
        last = nn.Linear(hidden[0], maps * size * size)
        with torch.no_grad():
            start = torch.tensor(self.likelihood.start())
            last.bias.copy_(start.repeat_interleave(channels * size * size))
        self.decoder = nn.Sequential(
            *_dense([latent_dim, *hidden[::-1]], dropout),
            last,
            nn.Unflatten(1, (maps, size, size)),
        )


def _dense(
    widths: Sequence[int], dropout: float, first: nn.Module | None = None
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        activation = first if first is not None and not layers else nn.LeakyReLU(0.001)
        layers += [nn.Linear(inputs, outputs), activation, nn.Dropout(dropout)]
    return layers
