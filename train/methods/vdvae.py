"""Train a VDVAE: ``python -m train vdvae --run vdvae-z0|vdvae|cvdvae|andrianomena2023-vdvae``.

Minimises -log p(x|z) + sum_k beta_k KL_k in nats an image over the levels k of latent variables
(Andrianomena & Tang 2023, Eq. 3.2). A level low in the hierarchy sees the image at full
resolution and can describe it alone, leaving z0 empty, which is what happens when all levels are
trained from the start. So z0 is trained alone first; a second run (``vdvae``) starts from
its weights, and a share of its steps goes on through z0 alone while in the others the maps learn
what it left unsaid. A run whose z0 is empty nevertheless is not published.

After training, a prior of z0 (given class and size, where the model takes them) is learned from
where the encoder puts the training galaxies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from radioviz.metrics.reconstruction import reconstruction_scores
from radioviz.models.registry import build
from radioviz.models.vdvae import VDVAE
from train.core import checkpoint
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import balanced_weights, class_numbers, measured_sizes
from train.methods.cvae import fit_prior
from train.methods.vae import ACTIVE

RUNS = Path("runs")
"""Where runs leave their checkpoints."""


@dataclass(frozen=True)
class VdvaeConfig(RunConfig):
    """What a VDVAE run sets beside :class:`train.core.config.RunConfig`.

    Attributes
    ----------
    architecture : dict
        Arguments of :class:`radioviz.models.vdvae.VDVAE`.
    init : str
        Run of the same architecture but for the likelihood, in ``runs/``, whose weights to start
        from; empty for none. The weight of z0 is then its final one from the start, and posteriors
        of the maps, which had nothing to say in it, start anew.
    keep_z0 : bool
        Leave what reads z0 off an image as it is in ``init``, so that the latents of all galaxies
        stay; posteriors of the maps go on from what they say already.
    log_sigma : float
        Natural logarithm of what a likelihood with a learned scale starts at above its floor,
        where ``init`` has another one. Decoders that can draw already start better at a few
        hundredths of the peak (-4 or -5) than at the tenth of untrained ones.
    beta, beta_z0 : float
        Weight of the KL terms of the latent maps, and of z0.
    beta_epochs : float
        Epochs over which the weight of z0 rises to its value.
    maps_from : float
        Epoch from which the latent maps take part.
    coarse_first : float
        Factor of ``beta`` then, which goes geometrically to 1 over ``beta_epochs``: above 1 the
        coarser maps are used first, below 1 maps come to be used at all.
    alone : float
        Share of steps that go through z0 alone thereafter.
    smallest_z0 : int
        Active dimensions of z0 below which the run counts as collapsed.
    withheld : float
        Share of training images whose class is withheld, and likewise their size, so that the
        model can be asked for either, both or none.
    balance : float
        0 shows every galaxy equally often, 1 every class and size (in octaves).
    prior_steps, prior_views : int
        Steps of training the prior of z0, and random views of each galaxy that it learns from.
    """

    architecture: dict[str, Any] = field(default_factory=dict)
    init: str = ""
    keep_z0: bool = False
    log_sigma: float = -2.5
    beta: float = 1.0
    beta_z0: float = 1.0
    beta_epochs: float = 10.0
    maps_from: float = 0.0
    coarse_first: float = 1.0
    alone: float = 0.0
    smallest_z0: int = 8
    withheld: float = 0.2
    balance: float = 0.0
    prior_steps: int = 2000
    prior_views: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coarse_first <= 0:
            raise TrainError(f"coarse_first is {self.coarse_first}; expected more than 0")
        if self.keep_z0 and not self.init:
            raise TrainError("keep_z0 is true, but there is no init whose z0 could be kept")

    def betas_at(self, epoch: float) -> tuple[float, float]:
        """Weight of the KL terms of z0 and of the latent maps."""

        def risen(since: float) -> float:
            return min(1.0, max(0.0, since) / self.beta_epochs) if self.beta_epochs else 1.0

        factor = self.coarse_first ** (1 - risen(epoch - self.maps_from))
        return self.beta_z0 * (1.0 if self.init else risen(epoch)), self.beta * factor


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
        if network.prior is not None:
            network.prior.requires_grad_(False)  # learned afterwards
        self.started = bool(config.init)
        if config.init:
            self._start_from(RUNS / config.init)
        if config.keep_z0:
            network.reads_z0(False)
        self.labels: dict[str, Tensor | None] = {"train": None, "valid": None}
        self.sizes: dict[str, Tensor | None] = {"train": None, "valid": None}

    def prepare(self, data: Data, device: torch.device) -> None:
        if not self.started:
            with torch.no_grad():
                some = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))
                self.module.start_from(self.view(data.train.images[some[:256]]).to(device))
            self.started = True
        for name, part in (("train", data.train), ("valid", data.valid)):
            label, size = self._asked(part)
            self.labels[name] = None if label is None else label.to(device)
            self.sizes[name] = None if size is None else size.to(device)

    def _start_from(self, folder: Path) -> None:
        """Take the averaged weights of a run, but not its prior of z0, which is learned anew."""
        best = checkpoint.under("best", checkpoint.read(folder)[0])
        found = checkpoint.under("module", best) or best
        own = self.module.state_dict()
        start = torch.tensor(self.config.log_sigma)
        scale = {k: start for k in own if k.startswith("likelihood.")}
        found = {k: v for k, v in found.items() if k in own or not k.startswith("likelihood.")}
        try:
            self.module.load_state_dict({**scale, **found})
        except RuntimeError as error:
            raise TrainError(f"init: {folder} is of another architecture: {error}") from error
        if not self.config.keep_z0:
            self.module.wake()

    def _asked(self, part: Part) -> tuple[Tensor | None, Tensor | None]:
        """Classes and sizes of images, where the model takes them."""
        asked = self.module.conditions
        return (
            class_numbers(part, asked.classes) if asked.classes else None,
            measured_sizes(part, self.config.preprocess) if asked.size_range else None,
        )

    def order(self, data: Data) -> Tensor:
        labels, sizes = self.labels["train"], self.sizes["train"]
        if not self.config.balance or labels is None or sizes is None:
            return super().order(data)
        weights = balanced_weights(labels, sizes, self.config.balance)
        return torch.multinomial(weights, len(data.train), replacement=True)

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
        """Whether latent maps take part in a step."""
        if epoch < self.config.maps_from:
            return False
        return not self.config.alone or float(torch.rand(())) >= self.config.alone

    def _view(self, padded: Tensor, rows: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Random views of training images, their classes, and their sizes as they are now."""
        config = self.config
        scale = (1 + config.augment.zoom) ** (2 * torch.rand(len(padded), device=padded.device) - 1)
        images = config.augment(padded, config.preprocess, scale)
        labels, sizes = self.labels["train"], self.sizes["train"]
        return (
            images.contiguous(memory_format=torch.channels_last),
            None if labels is None else labels[rows],
            None if sizes is None else sizes[rows] / scale,
        )

    def validate(self, module: nn.Module, images: Tensor, rows: Tensor) -> dict[str, float]:
        assert isinstance(module, VDVAE)
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
        """Learn the prior of z0, and what else the generator needs to know of the galaxies."""
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
            fit_prior(
                cast(Any, module), learned, self._latents(data.valid, False), cast(Any, config)
            )

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
    def score(self, module: nn.Module, part: Part) -> dict[str, float]:
        assert isinstance(module, VDVAE)
        module.eval()
        generator = torch.Generator().manual_seed(1)
        batches = part.images.split(128)
        asked = [[None] * len(batches) if v is None else v.split(128) for v in self._asked(part)]
        terms = [
            module.elbo(x, generator, label, size)
            for x, label, size in zip(batches, *asked, strict=True)
        ]
        units = [torch.cat(u).mean(0) for u in zip(*(t.units for t in terms), strict=True)]
        levels = dict(zip(module.level_names, units, strict=True))
        active = {name: int((u > ACTIVE).sum()) for name, u in levels.items()}
        if active["z0"] < self.config.smallest_z0:
            raise TrainError(
                f"{self.config.name}: z0 has collapsed, {active['z0']} of its "
                f"{module.latent_dim} dimensions hold more than {ACTIVE} nats; lower beta_z0 or "
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
