"""VAEs whose prior has two peaks, so that one latent coordinate separates two classes.

After "A Robust Hierarchical Variational Auto-encoder for Unsupervised Star Galaxy Classification",
Sections 3.2 and 4.1. The two peaks of the prior lie at -m and m on the first latent coordinate; on
the others it is N(0, 1), for what galaxies of one class differ in. The terms are in
:mod:`radioviz.models.two_peak_prior`; the ELBO always contains the exact divergence, training
weighs the term that was asked for.

>>> model = TwoPeakVAE(latent_dim=2, channels=5, width=8)
>>> model.encode(torch.rand(3, 5, 64, 64))[:, 0].shape
torch.Size([3])
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from radioviz.models.tensors import bounded, check_images, check_latents, sample_normal
from radioviz.models.two_peak_prior import TERMS, check_prior, divergence
from radioviz.models.vae import ConvVAE, DenseVAE, Elbo, GaussianVAE, kl_divergence


class TwoPeaks(GaussianVAE):
    """Base of VAEs with the prior of two peaks.

    ``latent_dim``: d; ``whole``: the VAE whose encoder, decoder and likelihood are used; ``term``:
    a name of :data:`radioviz.models.two_peak_prior.TERMS`; ``peak``, ``spread``: m and s of the
    prior.
    """

    def __init__(
        self, latent_dim: int, whole: GaussianVAE, term: str, peak: float, spread: float
    ) -> None:
        super().__init__(latent_dim, whole.size, "bernoulli", whole.channels)
        check_prior(term, peak, spread)
        self.term, self.peak, self.spread = term, float(peak), float(spread)
        self.encoder, self.decoder = whole.encoder, whole.decoder
        self.likelihood = whole.likelihood

    def bounded_posterior(self, found: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance from ``(n, 2 d)``; for ``aw`` the first mean is within -m..m."""
        mean, log_variance = found.float().chunk(2, dim=1)
        if self.term == "aw":
            mean = torch.cat([self.peak * torch.tanh(mean[:, :1]), mean[:, 1:]], 1)
        return mean, bounded(log_variance)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        check_images(x, self.size, self.channels)
        return self.bounded_posterior(self.encoder(x))

    def divergence(self, mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor | None]:
        first, sigma = mean[:, :1], (0.5 * log_variance[:, :1]).exp()
        others = kl_divergence(mean[:, 1:], log_variance[:, 1:])
        kl = divergence(first, sigma, self.peak, self.spread)
        if self.term == "dkl":
            return torch.cat([kl, others], 1), None
        term = TERMS[self.term](first, sigma, self.peak, self.spread)
        return torch.cat([kl, others], 1), torch.cat([term, others], 1)

    def side(self, x: Tensor) -> Tensor:
        """First latent coordinate of each image, ``(n,)``: its sign says at which peak it is."""
        return self.encode(x)[:, 0]


class TwoPeakVAE(TwoPeaks):
    """A VAE of images of 1 or more channels with a prior of two peaks.

    ``term``, ``peak``, ``spread``: as in :class:`TwoPeaks`; ``dense``: networks as in
    :class:`radioviz.models.vae.DenseVAE`, not convolutions; ``others``: as in
    :class:`radioviz.models.vae.ConvVAE` or ``DenseVAE``.
    """

    def __init__(
        self,
        latent_dim: int = 1,
        term: str = "dkl",
        peak: float = 3.0,
        spread: float = 1.0,
        dense: bool = False,
        **others: Any,
    ) -> None:
        super().__init__(latent_dim, _networks(latent_dim, dense, others), term, peak, spread)


class HierarchicalVAE(TwoPeaks):
    """Autoencoder whose normalised codes a two-peak VAE reproduces (Section 4.1.3: A+Vr).

    The autoencoder has ``codes`` numbers for each image; a batch normalisation gives each of them
    mean 0 and variance 1; the VAE over them has the latent vectors of this model. The VAE sees the
    codes as constants, so the autoencoder is what it would be alone.

    Parameters
    ----------
    codes : int
        Codes of the autoencoder; the paper has 30.
    narrowing : sequence of int
        Widths of the layers from codes to latent vector; the way back mirrors them.
    term, peak, spread, dense, others
        As in :class:`TwoPeakVAE`, the last two for the autoencoder.
    """

    def __init__(
        self,
        latent_dim: int = 1,
        codes: int = 30,
        narrowing: Sequence[int] = (64, 64),
        term: str = "dkl",
        peak: float = 3.0,
        spread: float = 1.0,
        dense: bool = False,
        **others: Any,
    ) -> None:
        super().__init__(latent_dim, _networks(codes, dense, others), term, peak, spread)
        self.norm = nn.BatchNorm1d(codes, affine=False)
        self.narrow = _layers([codes, *narrowing, 2 * latent_dim])
        self.widen = _layers([latent_dim, *reversed(narrowing), codes])
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.bounded_posterior(self.narrow(self.norm(self.codes(x))))

    def codes(self, x: Tensor) -> Tensor:
        """Codes of the autoencoder, float32 ``(n, codes)``."""
        check_images(x, self.size, self.channels)
        found: Tensor = self.encoder(x)
        return found.float().chunk(2, dim=1)[0]  # a code has no variance

    def decode_parameters(self, z: Tensor) -> Tensor:
        check_latents(z, self.latent_dim)
        mean, variance = map(torch.as_tensor, (self.norm.running_mean, self.norm.running_var))
        maps: Tensor = self.decoder(self.widen(z) * (variance + self.norm.eps).sqrt() + mean)
        return maps.float()

    def elbo(self, x: Tensor, generator: torch.Generator | None = None) -> Elbo:
        """Terms of the VAE over the codes; the likelihood includes that of the image."""
        codes = self.codes(x)
        image = self.likelihood.log_prob(self.decoder(codes).float(), x.float())
        over_codes = self.code_elbo(self.norm(codes.detach()), generator)
        return over_codes._replace(log_likelihood=image + over_codes.log_likelihood)

    def code_elbo(self, normal: Tensor, generator: torch.Generator | None = None) -> Elbo:
        """The same of normalised codes ``(n, codes)`` alone: a normal with one learned width."""
        mean, log_variance = self.bounded_posterior(self.narrow(normal))
        guess = self.widen(sample_normal(mean, log_variance, generator)).float()
        sigma = 0.05 + self.log_sigma.exp()  # cannot become a density without bound
        nats = 0.5 * ((normal - guess) / sigma).square() + sigma.log()
        log_likelihood = -(nats + 0.5 * math.log(2 * math.pi)).sum(1)
        return Elbo(log_likelihood, *self.divergence(mean, log_variance))


def _networks(latent_dim: int, dense: bool, others: dict[str, Any]) -> GaussianVAE:
    """The VAE whose networks and likelihood are used."""
    return DenseVAE(latent_dim, **others) if dense else ConvVAE(latent_dim, **others)


def _layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with SiLU between them."""
    steps: list[nn.Module] = []
    for given, wanted in itertools.pairwise(widths):
        steps += [nn.Linear(given, wanted), nn.SiLU()]
    return nn.Sequential(*steps[:-1])
