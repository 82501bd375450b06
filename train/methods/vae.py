"""Train a VAE: ``python -m train vae --run vae2|vae32|bastien2021-d2|two-peaks-paper``.

Minimises -log p(x|z) + beta KL(q(z|x) || p(z)) in nats per image (Kingma & Welling 2014). beta
rises from 0 over the first epochs (Bowman et al. 2016), so that the decoder learns to use z before
the KL term suppresses it. Each latent dimension has ``free_bits`` nats without a penalty (Kingma et
al. 2016), so that none collapses early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radioviz.metrics.reconstruction import reconstruction_scores
from radioviz.models.registry import build
from radioviz.models.vae import Elbo, GaussianVAE
from radioviz.morphology.frame import SourceFrame
from train.core import data as training_data
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task

_TWO_PEAKS = "A Robust Hierarchical VAE for Unsupervised Star Galaxy Classification"
PAPERS = {
    "vae": "Kingma & Welling 2014, arXiv:1312.6114; after Bastien et al. 2021",
    "vae-dense": "Bastien et al. 2021, arXiv:2102.01007",
    "vae-two-peaks": f"{_TWO_PEAKS}, Sec. 3",
    "vae-hierarchy": f"{_TWO_PEAKS}, Sec. 4",
}
"""Kind of network to the source of the method."""

ACTIVE = 0.05
"""Nats of KL above which a latent dimension counts as active."""


@dataclass(frozen=True)
class VaeConfig(RunConfig):
    """Settings of a VAE, in addition to :class:`train.core.config.RunConfig`."""

    # ``vae`` (convolutional), ``vae-dense`` (Bastien et al. 2021), ``vae-two-peaks`` or
    # ``vae-hierarchy`` (:mod:`radioviz.models.two_peak_vae`).
    kind: str = "vae"
    # Arguments of the network (:mod:`radioviz.models.vae`).
    architecture: dict[str, Any] = field(default_factory=dict)
    # Names of the planes (bands) of each source that the network sees together; empty for one
    # image.
    channels: tuple[str, ...] = ()
    # beta, beta_epochs: weight of the KL term, and epochs over which it rises from 0
    beta: float = 1.0
    beta_epochs: float = 10.0
    free_bits: float = 0.0  # nats per latent dimension without a penalty
    # What validation minimises: ``objective`` (the training objective) or ``error`` (squared error
    # of the mean image).
    select: str = "objective"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.select not in ("objective", "error"):
            raise TrainError(f"select is '{self.select}'; expected objective or error")
        if len({name.lower() for name in self.channels}) < len(self.channels):
            raise TrainError(f"channels are {', '.join(self.channels)}; each may be there once")
        if self.channels and isinstance(self.preprocess, SourceFrame):
            raise TrainError(
                f"channels are {', '.join(self.channels)} and preprocess fits the square to the "
                "source: planes would show different sky; use field_arcsec or field_pixels alone"
            )
        count = self.architecture.get("channels", max(1, len(self.channels)))
        if count != max(1, len(self.channels)):
            raise TrainError(
                f"architecture.channels is {count}, but channels names {len(self.channels)} "
                "plane(s); leave the number out and name the planes, such as channels = "
                '["u", "g", "r", "i", "z"]'
            )

    def to_dict(self) -> dict[str, Any]:
        """As :meth:`RunConfig.to_dict`; runs of one image are described as ever."""
        values = super().to_dict()
        if not self.channels:
            del values["channels"]
        return values


def warm_up(epoch: float, epochs: float) -> float:
    """Factor that rises linearly from 0 to 1 over ``epochs``."""
    return min(1.0, max(0.0, epoch) / epochs) if epochs else 1.0


def elbo_scores(terms: Sequence[Elbo], images: Tensor, guesses: Tensor) -> dict[str, float]:
    """Scores of batches of ELBO terms, and of all images and reconstructions.

    Both are ``(n, channels, ny, nx)``; each channel counts as an image of its own.
    """
    kl = torch.cat([t.kl for t in terms])
    return {
        "elbo": float(torch.cat([t.value for t in terms]).mean()),
        "kl": float(kl.sum(1).mean()),
        "active_dimensions": float((kl.mean(0) > ACTIVE).sum()),
        **reconstruction_scores(*(np.asarray(x.flatten(0, 1)) for x in (images, guesses))),
    }


class VaeTask(Task[VaeConfig, GaussianVAE]):
    """Loss, validation and description of a VAE run."""

    method = "vae"
    config_class = VaeConfig

    def __init__(self, config: VaeConfig) -> None:
        super().__init__(config)
        arguments = {"size": config.preprocess.size, **config.architecture}
        if config.channels:
            arguments["channels"] = len(config.channels)
        network = build(config.kind, arguments)
        if not isinstance(network, GaussianVAE):
            raise TrainError(f"kind '{config.kind}' is not a VAE; expected {', '.join(PAPERS)}")
        self.arguments = arguments
        self.module = network

    def load(self) -> Data:
        return training_data.load(self.config, channels=self.config.channels)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        terms = self.module.elbo(self.view(padded))
        kl = terms.cost.mean(0)
        beta = config.beta * warm_up(epoch, config.beta_epochs)
        loss = -terms.log_likelihood.mean() + beta * kl.clamp_min(config.free_bits).sum()
        return loss, {"nll": -terms.log_likelihood.detach().mean(), "kl": kl.detach().sum()}

    def validate(self, module: GaussianVAE, images: Tensor, rows: Tensor) -> dict[str, float]:
        terms = module.elbo(images)
        error = (module(images).float() - images).square().flatten(1).sum(1)
        kl = terms.kl.sum(1).mean()
        cost = terms.cost.sum(1).mean()
        objective = -terms.log_likelihood.mean() + self.config.beta * cost
        return {
            "loss": float(objective if self.config.select == "objective" else error.mean()),
            "elbo": float(terms.value.mean()),
            "kl": float(kl),
            "active": float((terms.kl.mean(0) > ACTIVE).sum()),
            "error": float(error.mean()),
        }

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.config.kind,
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": ("encode", "decode"),
            "paper": PAPERS[self.config.kind],
            "channels": self.config.channels,
        }

    @torch.no_grad()
    def score(self, module: GaussianVAE, part: Part) -> dict[str, float]:
        module.eval()
        generator = torch.Generator().manual_seed(1)
        terms = [module.elbo(x, generator) for x in part.images.split(256)]
        guesses = torch.cat([module(x) for x in part.images.split(256)])
        return elbo_scores(terms, part.images, guesses)
