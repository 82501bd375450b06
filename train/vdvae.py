"""Train a VDVAE: ``python -m train vdvae --run vdvae|andrianomena2023-vdvae``.

Minimises -log p(x|z) + sum_k beta_k KL_k in nats an image over the levels k of latent variables
(Andrianomena & Tang 2023, Eq. 3.2). A level low in the hierarchy sees the image at full
resolution and could describe it alone, leaving z0 empty: early in training its KL term counts
more and that of z0 less, so that z0 is filled first. A run whose z0 is empty is not published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radioviz.metrics.reconstruction import reconstruction_scores
from radioviz.models.registry import build
from radioviz.models.vdvae import VDVAE
from train.config import RunConfig, TrainError
from train.data import Part
from train.loop import Task
from train.vae import ACTIVE


@dataclass(frozen=True)
class VdvaeConfig(RunConfig):
    """What a VDVAE run sets beside :class:`train.config.RunConfig`.

    Attributes
    ----------
    architecture : dict
        Arguments of :class:`radioviz.models.vdvae.VDVAE`.
    beta, beta_z0 : float
        Weight of the KL terms of the latent maps, and of z0.
    beta_epochs : float
        Epochs over which the weights reach these values.
    coarse_first : float
        Factor of ``beta`` at the start; it falls geometrically to 1.
    smallest_z0 : int
        Active dimensions of z0 below which the run counts as collapsed.
    """

    architecture: dict[str, Any] = field(default_factory=dict)
    beta: float = 1.0
    beta_z0: float = 1.0
    beta_epochs: float = 10.0
    coarse_first: float = 1.0
    smallest_z0: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coarse_first < 1:
            raise TrainError(f"coarse_first is {self.coarse_first}; expected 1 or more")

    def betas_at(self, epoch: float) -> tuple[float, float]:
        """Weight of the KL terms of z0 and of the latent maps."""
        done = min(1.0, epoch / self.beta_epochs) if self.beta_epochs else 1.0
        return self.beta_z0 * done, self.beta * self.coarse_first ** (1 - done)


class VdvaeTask(Task[VdvaeConfig]):
    """Loss, validation and description of a VDVAE run."""

    method = "vdvae"
    config_class = VdvaeConfig

    def __init__(self, config: VdvaeConfig) -> None:
        super().__init__(config)
        self.arguments = {"size": config.preprocess.size, **config.architecture}
        network = build("vdvae", self.arguments)
        assert isinstance(network, VDVAE)
        self.module: VDVAE = network

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        terms = self.module.elbo(self.view(padded))
        kl = terms.kl.mean(0)
        beta_z0, beta = self.config.betas_at(epoch)
        nll = -terms.log_likelihood.mean()
        found = kl.detach()
        return nll + beta_z0 * kl[0] + beta * kl[1:].sum(), {
            "nll": nll.detach(),
            "kl": found.sum(),
            **{f"kl.{name}": v for name, v in zip(self.module.level_names, found, strict=True)},
        }

    def validate(self, module: nn.Module, images: Tensor, rows: Tensor) -> dict[str, float]:
        assert isinstance(module, VDVAE)
        terms = module.elbo(images)
        kl = terms.kl.mean(0)
        error = (module(images).float() - images).square().flatten(1).sum(1)
        alone = (module.decode(module.encode(images)).float() - images).square().flatten(1).sum(1)
        objective = (
            -terms.log_likelihood.mean()
            + self.config.beta_z0 * kl[0]
            + self.config.beta * kl[1:].sum()
        )
        return {
            "loss": float(objective),
            "elbo": float(terms.value.mean()),
            "kl": float(kl.sum()),
            "kl.z0": float(kl[0]),
            "active.z0": float((terms.units[0].mean(0) > ACTIVE).sum()),
            "error": float(error.mean()),
            "error.z0": float(alone.mean()),
        }

    def describe(self) -> dict[str, Any]:
        conditions = self.module.conditions
        return {
            "kind": "vdvae",
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": (
                "encode",
                "decode",
                *(("class",) if conditions.classes else ()),
                *(("size",) if conditions.size_range else ()),
            ),
            "paper": "Child 2020, arXiv:2011.10650; after Andrianomena & Tang 2023, "
            "arXiv:2311.08331",
        }

    @torch.no_grad()
    def score(self, module: nn.Module, part: Part) -> dict[str, float]:
        assert isinstance(module, VDVAE)
        module.eval()
        generator = torch.Generator().manual_seed(1)
        batches = part.images.split(128)
        terms = [module.elbo(x, generator) for x in batches]
        units = [torch.cat(u).mean(0) for u in zip(*(t.units for t in terms), strict=True)]
        levels = dict(zip(module.level_names, units, strict=True))
        active = {name: int((u > ACTIVE).sum()) for name, u in levels.items()}
        if active["z0"] < self.config.smallest_z0:
            raise TrainError(
                f"{self.config.name}: z0 has collapsed, {active['z0']} of its "
                f"{module.latent_dim} dimensions hold more than {ACTIVE} nats; lower beta_z0, or "
                "raise coarse_first or beta_epochs"
            )
        images = np.asarray(part.images[:, 0])
        guesses = torch.cat([module(x) for x in batches])
        alone = torch.cat([module.decode(module.encode(x)) for x in batches])
        of_z0 = reconstruction_scores(images, np.asarray(alone[:, 0]))
        return {
            "elbo": float(torch.cat([t.value for t in terms]).mean()),
            "kl": float(torch.cat([t.kl for t in terms]).sum(1).mean()),
            **reconstruction_scores(images, np.asarray(guesses[:, 0])),
            **{f"z0_{name}": value for name, value in of_z0.items()},
            **{f"kl.{name}": float(u.sum()) for name, u in levels.items()},
            **{f"active.{name}": float(count) for name, count in active.items()},
        }
