"""The conditional VAE of Bastien et al. 2021 as published: fully connected, by class.

>>> model = DenseCVAE(latent_dim=2, size=12, hidden=(32, 16))
>>> model.decode(torch.zeros(2, 2), label=torch.tensor([0, 1])).shape
torch.Size([2, 1, 12, 12])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from radioviz.errors import ModelError
from radioviz.models.conditions import Conditions
from radioviz.models.tensors import bounded, check_images, check_latents, sample_normal
from radioviz.models.vae import DenseVAE, Elbo, kl_divergence


class DenseCVAE(DenseVAE):
    """The conditional VAE of Bastien et al. 2021, Sec. 5.1 and Fig. 3.

    "We input these labels as one hot-vectors at two instances in the network: firstly at the
    input to the encoder along with the reshaped images, and secondly at input to the decoder
    along with the latent z." Widths (10000 + 2)-4096-2048-1024-512-256-d and their mirror from
    d + 2, dropout 0.2, Bernoulli likelihood.

    ``classes``: the paper's are FRI and FRII; ``others``: see
    :class:`radioviz.models.vae.DenseVAE`.
    """

    def __init__(self, classes: Sequence[str] = ("FRI", "FRII"), **arguments: Any) -> None:
        super().__init__(**arguments)
        self.conditions = Conditions(classes)
        self.classes = self.conditions.classes
        k = len(self.classes)
        for network in (self.encoder, self.decoder):
            if not isinstance(network, nn.Sequential):
                raise ModelError("a dense network must be a sequence of layers")
            place, first = next((i, m) for i, m in enumerate(network) if isinstance(m, nn.Linear))
            network[place] = nn.Linear(first.in_features + k, first.out_features)

    def posterior(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x, y), both ``(n, d)``."""
        check_images(x, self.size)
        given = self.conditions(len(x), label, device=x.device).to(x)
        mean, log_variance = self.encoder(torch.cat([x.flatten(1), given], 1)).float().chunk(2, 1)
        return mean, bounded(log_variance)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Posterior mean, ``(n, d)``; without a label its one-hot vector is zero."""
        return self.posterior(x, label)[0]

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Expected image in 0..1, ``(n, 1, ny, nx)``."""
        return self.likelihood.mean(self.decode_parameters(z, label)).clamp(0.0, 1.0)

    def decode_parameters(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits, ``(n, 1, ny, nx)``."""
        check_latents(z, self.latent_dim)
        parameters: Tensor = self.decoder(
            torch.cat([z, self.conditions(len(z), label, device=z.device).to(z)], 1)
        )
        return parameters.float()

    def elbo(
        self, x: Tensor, generator: torch.Generator | None = None, label: Tensor | None = None
    ) -> Elbo:
        """Bound of log p(x | y) of each image."""
        mean, log_variance = self.posterior(x, label)
        z = sample_normal(mean, log_variance, generator)
        log_likelihood = self.likelihood.log_prob(self.decode_parameters(z, label), x.float())
        return Elbo(log_likelihood, kl_divergence(mean, log_variance))
