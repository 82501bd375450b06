"""Train a VDVAE: ``python -m train vdvae --run vdvae-z0|vdvae|cvdvae|andrianomena2023-vdvae``.

Minimises -log p(x|z) + sum_k beta_k KL_k in nats per image over the levels k of latent variables
(Andrianomena & Tang 2023, Eq. 3.2). A level low in the hierarchy sees the image at full resolution
and can encode all of it, leaving z0 empty; this happens if all levels are trained from the start.
So z0 is trained alone first. Later runs start from its weights; a share of their steps still uses
z0 alone, while in the others the latent maps encode what z0 lacks. A run with an empty z0 is not
published.

After training, a prior of z0 (given class and size, if the model has these conditions) is fitted to
the posteriors of the training galaxies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radioviz.metrics.reconstruction import reconstruction_scores
from radioviz.models.registry import build
from radioviz.models.vdvae import VDVAE
from train.core import checkpoint
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import class_numbers, measured_sizes
from train.methods.latent_prior import fit_prior
from train.methods.vae import ACTIVE, warm_up

RUNS = Path("runs")
"""Folder of the runs and their checkpoints."""


@dataclass(frozen=True)
class VdvaeConfig(RunConfig):
    """Settings of a VDVAE, in addition to :class:`train.core.config.RunConfig`."""

    # Arguments of :class:`radioviz.models.vdvae.VDVAE`.
    architecture: dict[str, Any] = field(default_factory=dict)
    # Run in ``runs/`` whose weights to start from, of the same architecture except for the
    # likelihood; empty for none. The weight of z0 then has its final value from the start, and the
    # posteriors of the maps, unused in that run, are reinitialised.
    init: str = ""
    # Freeze everything between the image and z0, so that the latents of all galaxies stay; the
    # posteriors of the maps keep their weights from ``init``.
    keep_z0: bool = False
    # Natural logarithm of the initial scale (above its floor) of a likelihood with a learned scale,
    # if ``init`` has another likelihood. Trained decoders start better at a few hundredths of the
    # peak (-4 or -5) than at the tenth that suits untrained ones.
    log_sigma: float = -2.5
    # beta, beta_z0: weight of the KL terms of the latent maps, and of z0
    beta: float = 1.0
    beta_z0: float = 1.0
    beta_epochs: float = 10.0  # epochs over which the weight of z0 rises to its value
    maps_from: float = 0.0  # epoch from which the latent maps are used
    # Initial factor of ``beta`` at ``maps_from``; tends to 1 geometrically over ``beta_epochs``.
    # Above 1, the coarser maps are used first; below 1, maps are more easily used at all.
    coarse_first: float = 1.0
    alone: float = 0.0  # share of steps after that which use z0 alone
    # Least number of active dimensions of z0; with fewer the run counts as collapsed.
    smallest_z0: int = 8
    # Share of training images whose class is hidden, and independently their size, so that either,
    # both or neither can be requested.
    withheld: float = 0.2
    balance: float = 0.0  # 0 samples every galaxy equally often, 1 every class and size octave
    # prior_steps, prior_views: training steps of the prior of z0, and random views of each galaxy
    # to fit it to
    prior_steps: int = 2000
    prior_views: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coarse_first <= 0:
            raise TrainError(f"coarse_first is {self.coarse_first}; expected more than 0")
        if self.keep_z0 and not self.init:
            raise TrainError("keep_z0 is true, but there is no init whose z0 could be kept")

    def betas_at(self, epoch: float) -> tuple[float, float]:
        """Weights of the KL terms of z0 and of the latent maps."""
        factor = self.coarse_first ** (1 - warm_up(epoch - self.maps_from, self.beta_epochs))
        z0 = 1.0 if self.init else warm_up(epoch, self.beta_epochs)
        return self.beta_z0 * z0, self.beta * factor


class VdvaeTask(Task[VdvaeConfig, VDVAE]):
    """Loss, validation and description of a VDVAE run."""

    method = "vdvae"
    config_class = VdvaeConfig

    def __init__(self, config: VdvaeConfig) -> None:
        super().__init__(config)
        self.arguments = {"size": config.preprocess.size, **config.architecture}
        network = build("vdvae", self.arguments)
        assert isinstance(network, VDVAE)
        self.module: VDVAE = network
        if network.prior is not None:
            network.prior.requires_grad_(False)  # trained afterwards
        self.started = bool(config.init)
        if config.init:
            self._start_from(RUNS / config.init)
        if config.keep_z0:
            network.train_encoder(False)
        self.labels: dict[str, Tensor | None] = {"train": None, "valid": None}
        self.sizes: dict[str, Tensor | None] = {"train": None, "valid": None}

    def prepare(self, data: Data, device: torch.device) -> None:
        if not self.started:
            with torch.no_grad():
                some = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))
                self.module.start_from(self.view(data.train.images[some[:256]]).to(device))
            self.started = True
        for name, part in (("train", data.train), ("valid", data.valid)):
            label, size = self._conditions(part)
            self.labels[name] = None if label is None else label.to(device)
            self.sizes[name] = None if size is None else size.to(device)
        labels, sizes = self.labels["train"], self.sizes["train"]
        if labels is not None and sizes is not None:
            self.balance(labels, sizes, self.config.balance)

    def _start_from(self, folder: Path) -> None:
        """Load the averaged weights of a run; its prior of z0 is fitted again later."""
        best = checkpoint.under("best", checkpoint.read(folder)[0])
        found = checkpoint.under("module", best) or best
        own = self.module.state_dict()
        start = torch.tensor(self.config.log_sigma)
        scale = {k: start for k in own if k.startswith("likelihood.")}
        found = {k: v for k, v in found.items() if k in own or not k.startswith("likelihood.")}
        try:
            self.module.load_state_dict({**scale, **found})
        except RuntimeError as error:
            raise TrainError(f"init: {folder} has another architecture: {error}") from error
        if not self.config.keep_z0:
            self.module.reset_map_posteriors()

    def _conditions(self, part: Part) -> tuple[Tensor | None, Tensor | None]:
        """Classes and sizes of images, if the model has these conditions."""
        conditions = self.module.conditions
        return (
            class_numbers(part, conditions.classes) if conditions.classes else None,
            measured_sizes(part, self.config.preprocess) if conditions.size_range else None,
        )

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        images, label, size = self._view(padded, rows)
        terms = self.module.elbo(
            images,
            None,
            _withhold(label, -1, self.config),
            _withhold(size, np.nan, self.config),
            maps=self._maps(epoch),
        )
        kl = terms.kl.mean(0)
        beta_z0, beta = self.config.betas_at(epoch)
        nll = -terms.log_likelihood.mean()
        found = kl.detach()
        return nll + beta_z0 * kl[0] + beta * kl[1:].sum(), {
            "nll": nll.detach(),
            "kl": found.sum(),
            **{f"kl.{name}": v for name, v in zip(self.module.level_names, found, strict=True)},
        }

    def _maps(self, epoch: float) -> bool:
        """Whether a step uses the latent maps."""
        if epoch < self.config.maps_from:
            return False
        return not self.config.alone or float(torch.rand(())) >= self.config.alone

    def _view(self, padded: Tensor, rows: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Random views of training images, their classes and rescaled sizes."""
        config = self.config
        scale = (1 + config.augment.zoom) ** (2 * torch.rand(len(padded), device=padded.device) - 1)
        images = config.augment(padded, config.preprocess, scale)
        labels, sizes = self.labels["train"], self.sizes["train"]
        return (
            images.contiguous(memory_format=torch.channels_last),
            None if labels is None else labels[rows],
            None if sizes is None else sizes[rows] / scale,
        )

    def validate(self, module: VDVAE, images: Tensor, rows: Tensor) -> dict[str, float]:
        labels, sizes = self.labels["valid"], self.sizes["valid"]
        rows = rows.to(images.device)
        terms = module.elbo(
            images,
            None,
            None if labels is None else labels[rows],
            None if sizes is None else sizes[rows],
        )
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

    def finish(self, data: Data) -> None:
        """Fit the prior of z0, the latent box, class shares and size distributions."""
        module, config = self.module, self.config
        module.eval()
        self.started = True
        self.prepare(data, torch.device("cpu"))
        torch.manual_seed(config.seed)
        learned = [self._latents(data.train, True) for _ in range(config.prior_views)]
        latents = torch.cat([z for z, _, _ in learned])
        module.latent_low.copy_(latents.quantile(0.005, 0))
        module.latent_high.copy_(latents.quantile(0.995, 0))
        labels, sizes = self.labels["train"], self.sizes["train"]
        for number, name in enumerate(module.conditions.classes):
            rows = labels == number
            if not torch.any(torch.as_tensor(rows)):
                raise TrainError(f"no training image has the label '{name}'")
            module.class_shares[number] = torch.as_tensor(rows).float().mean()
            if sizes is not None:
                found = sizes[rows].clamp(*module.conditions.size_range)
                steps = torch.linspace(0, 1, module.size_quantiles.shape[1])
                module.size_quantiles[number] = found.nanquantile(steps)
        if module.prior is not None:
            fit_prior(module.prior, learned, self._latents(data.valid, False), config.prior_steps)

    @torch.no_grad()
    def _latents(self, part: Part, augmented: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Means and widths of q(z0|x) of one view of each galaxy, and its conditions."""
        name = "train" if augmented else "valid"
        labels, sizes = self.labels[name], self.sizes[name]
        found = []
        for rows in torch.arange(len(part)).split(128):
            if augmented:
                images, label, size = self._view(part.images[rows], rows)
            else:
                images = part.images[rows]
                label = None if labels is None else labels[rows]
                size = None if sizes is None else sizes[rows]
            mean, log_variance = self.module.posterior(images)
            given = self.module.conditions(len(rows), label, size)
            found.append((mean, (0.5 * log_variance).exp(), given))
        means, widths, conditions = (torch.cat(parts) for parts in zip(*found, strict=True))
        return means, widths, conditions

    @torch.no_grad()
    def score(self, module: VDVAE, part: Part) -> dict[str, float]:
        module.eval()
        generator = torch.Generator().manual_seed(1)
        batches = part.images.split(128)
        given = self._conditions(part)
        conditions = [[None] * len(batches) if v is None else v.split(128) for v in given]
        terms = [
            module.elbo(x, generator, label, size)
            for x, label, size in zip(batches, *conditions, strict=True)
        ]
        units = [torch.cat(u).mean(0) for u in zip(*(t.units for t in terms), strict=True)]
        levels = dict(zip(module.level_names, units, strict=True))
        active = {name: int((u > ACTIVE).sum()) for name, u in levels.items()}
        if active["z0"] < self.config.smallest_z0:
            raise TrainError(
                f"{self.config.name}: z0 has collapsed, {active['z0']} of its "
                f"{module.latent_dim} dimensions have more than {ACTIVE} nats; lower beta_z0 or "
                "raise maps_from"
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


def _withhold(values: Tensor | None, instead: float, config: VdvaeConfig) -> Tensor | None:
    if values is None:
        return None
    kept = torch.rand(len(values), device=values.device) >= config.withheld
    return torch.where(kept, values, torch.full_like(values, instead))
