"""Train a VAE: ``python -m train vae --run vae2|vae32|bastien2021-d2``.

Minimises -log p(x|z) + beta KL(q(z|x) || p(z)) in nats an image (Kingma & Welling 2014); beta
rises from 0 over the first epochs (Bowman et al. 2016), so that the decoder finds a use for z
before the prior pulls it in, and each latent dimension may keep ``free_bits`` nats for nothing
(Kingma et al. 2016), so that none is dropped early.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radioviz.metrics.reconstruction import reconstruction_scores
from radioviz.models.registry import build
from radioviz.models.vae import GaussianVAE
from train.core.config import RunConfig, TrainError
from train.core.data import Part
from train.core.task import Task

ACTIVE = 0.05
"""Nats of KL above which a latent dimension counts as used."""


@dataclass(frozen=True)
class VaeConfig(RunConfig):
    """What a VAE run sets beside :class:`train.core.config.RunConfig`.

    Attributes
    ----------
    kind : str
        ``vae`` (convolutional) or ``vae-dense`` (Bastien et al. 2021).
    architecture : dict
        Arguments of the network, see :mod:`radioviz.models.vae`.
    beta, beta_epochs : float
        Weight of the KL term, and epochs over which it rises to it.
    free_bits : float
        Nats a latent dimension that cost nothing.
    select : str
        What validation minimises: ``objective`` (that of training, on the validation images)
        or ``error`` (squared error of the mean).
    """

    kind: str = "vae"
    architecture: dict[str, Any] = field(default_factory=dict)
    beta: float = 1.0
    beta_epochs: float = 10.0
    free_bits: float = 0.0
    select: str = "objective"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.select not in ("objective", "error"):
            raise TrainError(f"select is '{self.select}'; expected objective or error")


class VaeTask(Task[VaeConfig]):
    """Loss, validation and description of a VAE run."""

    method = "vae"
    config_class = VaeConfig

    def __init__(self, config: VaeConfig) -> None:
        super().__init__(config)
        arguments = {"size": config.preprocess.size, **config.architecture}
        network = build(config.kind, arguments)
        if not isinstance(network, GaussianVAE):
            raise TrainError(f"kind '{config.kind}' is no VAE; expected vae or vae-dense")
        self.arguments = arguments
        self.module = network

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        terms = self.module.elbo(self.view(padded))  # type: ignore[operator]
        kl = terms.kl.mean(0)
        beta = (
            config.beta * min(1.0, epoch / config.beta_epochs)
            if config.beta_epochs
            else config.beta
        )
        loss = -terms.log_likelihood.mean() + beta * kl.clamp_min(config.free_bits).sum()
        return loss, {"nll": -terms.log_likelihood.detach().mean(), "kl": kl.detach().sum()}

    def validate(self, module: nn.Module, images: Tensor, rows: Tensor) -> dict[str, float]:
        assert isinstance(module, GaussianVAE)
        terms = module.elbo(images)
        error = (module(images).float() - images).square().flatten(1).sum(1)
        kl = terms.kl.sum(1).mean()
        objective = -terms.log_likelihood.mean() + self.config.beta * kl
        return {
            "loss": float(objective if self.config.select == "objective" else error.mean()),
            "elbo": float(terms.value.mean()),
            "kl": float(kl),
            "active": float((terms.kl.mean(0) > ACTIVE).sum()),
            "error": float(error.mean()),
        }

    def describe(self) -> dict[str, Any]:
        dense = self.config.kind == "vae-dense"
        return {
            "kind": self.config.kind,
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": ("encode", "decode"),
            "paper": "Bastien et al. 2021, arXiv:2102.01007"
            if dense
            else "Kingma & Welling 2014, arXiv:1312.6114; after Bastien et al. 2021",
        }

    @torch.no_grad()
    def score(self, module: nn.Module, part: Part) -> dict[str, float]:
        assert isinstance(module, GaussianVAE)
        module.eval()
        generator = torch.Generator().manual_seed(1)
        terms = [module.elbo(x, generator) for x in part.images.split(256)]
        guesses = torch.cat([module(x) for x in part.images.split(256)])
        kl = torch.cat([t.kl for t in terms])
        images = np.asarray(part.images[:, 0])
        return {
            "elbo": float(torch.cat([t.value for t in terms]).mean()),
            "kl": float(kl.sum(1).mean()),
            "active_dimensions": float((kl.mean(0) > ACTIVE).sum()),
            **reconstruction_scores(images, np.asarray(guesses[:, 0])),
        }
