"""Train the second stage of a CVAE: ``python -m train refine --run cvae-sharp``.

Minimises the flow matching loss of :mod:`radioviz.models.refiner` on pairs of a random view of a
training image (rotated, mirrored, rescaled) and the mean image that the frozen CVAE decodes from a
sample of its posterior. The sample is mixed with one of the distribution of all latent vectors; the
network receives the random share as ``level``, because means of new latent vectors are worse than
those of training images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from radioviz.metrics.reconstruction import reconstruction_scores
from radioviz.models import weights
from radioviz.models.cvae import ConvCVAE
from radioviz.models.cvae_refined import RefinedCVAE
from radioviz.models.registry import build, model_folder
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import class_numbers, measured_sizes
from train.metrics.image_statistics import sharpness

KIND = "cvae-refined"


@dataclass(frozen=True)
class RefineConfig(RunConfig):
    """Settings of the second stage, in addition to :class:`train.core.config.RunConfig`."""

    base: str = "cvae"  # the trained CVAE to refine
    # Arguments of :class:`radioviz.models.refiner.Refiner`.
    refiner: dict[str, Any] = field(default_factory=dict)
    zoom: float = 0.15  # largest change of scale of training images, as a fraction
    balance: float = 0.5  # 0 samples every galaxy equally often, 1 every class and size octave
    unlabelled: float = 0.15  # share of training images whose class is hidden
    views: int = 12  # random views of each galaxy
    most: float = 0.6  # largest level of disturbance
    # steps, level, clear: when generating: steps of the flow, its level, and the probability of the
    # requested class at which a latent vector is accepted. Stored with the weights; publish again
    # to change them.
    steps: int = 4
    level: float = 0.3
    clear: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.level <= self.most <= 1:
            raise TrainError(
                f"level is {self.level}, most is {self.most}; expected 0 <= level <= most <= 1"
            )


class View(NamedTuple):
    """One view of each galaxy of a split, and its code under the CVAE."""

    images: Tensor
    """Half precision, ``(n, 1, size, size)``."""
    mean: Tensor
    width: Tensor
    """Of the posterior of the shape, ``(n, d)``."""
    rest: Tensor
    """Latent vectors whose shape part is replaced, ``(n, latent_dim)``."""
    sizes: Tensor
    """Arcsec, ``(n,)``."""


class RefineTask(Task[RefineConfig, Any]):
    """Loss, validation and description of a run of the second stage."""

    method = "refine"
    config_class = RefineConfig

    def __init__(self, config: RefineConfig) -> None:
        super().__init__(config)
        base, self.base_info = weights.load(model_folder(config.base))
        if self.base_info.kind != "cvae" or not isinstance(base, ConvCVAE):
            raise TrainError(f"base is '{config.base}' of kind '{self.base_info.kind}', not cvae")
        if self.base_info.preprocess != config.preprocess:
            raise TrainError(f"base '{config.base}' needs images of other preprocessing")
        self.arguments = {**self.base_info.architecture, "refiner": config.refiner}
        whole = build(KIND, self.arguments)
        assert isinstance(whole, RefinedCVAE)
        whole.load_state_dict(base.state_dict(), strict=False)
        whole.steps.fill_(config.steps)
        whole.level.fill_(config.level)
        whole.clear.fill_(config.clear)
        self.whole = whole.eval().requires_grad_(False)
        self.module = whole.refiner.train().requires_grad_(True)

    def prepare(self, data: Data, device: torch.device) -> None:
        config = self.config
        self.labels = {
            name: class_numbers(part, self.whole.classes).to(device)
            for name, part in (("train", data.train), ("valid", data.valid))
        }
        self.whole.to(device)
        kept = torch.get_rng_state()
        torch.manual_seed(config.seed)
        self.bank = [self._random_view(data.train, device) for _ in range(config.views)]
        torch.set_rng_state(kept)
        sizes = self._sizes(data.valid, torch.ones(len(data.valid))).to(device)
        self.held_out = self._view(data.valid.images.to(device), self.labels["valid"], sizes)
        sizes = self._sizes(data.train, torch.ones(len(data.train)))
        self.balance(self.labels["train"].cpu(), sizes, config.balance)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        view = self.bank[int(torch.randint(len(self.bank), ()))]
        labelled = torch.rand(len(rows)).to(rows.device) >= self.config.unlabelled
        labels = torch.where(labelled, self.labels["train"][rows], -1)
        x, maps, level = self._pairs(view, rows, labels)
        # The sky has no up: rotate and mirror image and mean together.
        quarters = int(torch.randint(4, ()))
        pair = torch.cat([x, maps], 1).rot90(quarters, (2, 3))
        if torch.rand(()) < 0.5:
            pair = pair.flip(3)
        given = self.whole.class_condition(len(rows), labels, x.device)
        return self.module.loss(pair[:, :1], given, pair[:, 1:], level).mean(), {}

    def validate(self, module: Any, images: Tensor, rows: Tensor) -> dict[str, float]:
        rows = rows.to(images.device)
        labels = self.labels["valid"][rows]
        given = self.whole.class_condition(len(rows), labels, images.device)
        losses = []
        for _ in range(4):
            x, maps, level = self._pairs(self.held_out, rows, labels)
            losses.append(module.loss(x, given, maps, level).mean())
        return {"loss": float(torch.stack(losses).mean())}

    def published(self) -> nn.Module:
        return self.whole

    def describe(self) -> dict[str, Any]:
        return {
            "kind": KIND,
            "architecture": self.arguments,
            "latent_dim": self.whole.latent_dim,
            "capabilities": self.base_info.capabilities,
            "paper": f"{self.base_info.paper}; second stage after Pandey et al. 2022, "
            "arXiv:2201.00308, by flow matching",
        }

    @torch.no_grad()
    def score(self, module: Any, part: Part) -> dict[str, float]:
        labels = class_numbers(part, module.classes)
        real, found = np.asarray(part.images[:, 0]), []
        for x, known in zip(part.images.split(64), labels.split(64), strict=True):
            found.append(module.decode(module.encode(x, known), known))
        guesses = np.asarray(torch.cat(found)[:, 0])
        out = reconstruction_scores(real, guesses)
        return {**out, "sharpness": float(sharpness(real, guesses))}

    def _pairs(self, view: View, rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images, the means that the CVAE decodes from disturbed codes, and the level of each."""
        level = torch.rand(len(rows), device=rows.device) * self.config.most
        shape = view.mean[rows] + view.width[rows] * torch.randn_like(view.mean[rows])
        prior = self.whole.prior
        centred = (shape - prior.mean) * (1 - level.square()).sqrt()[:, None]
        other = prior.scale * torch.randn_like(shape) * level[:, None]
        z = view.rest[rows].clone()
        z[:, : self.whole.shape_dim] = prior.mean + centred + other
        with torch.no_grad():
            maps = self.whole.decode_parameters(z, labels, view.sizes[rows]).sigmoid()
        return view.images[rows].float(), maps, level

    def _random_view(self, part: Part, device: torch.device) -> View:
        config = self.config
        scale = (1 + config.zoom) ** (2 * torch.rand(len(part)) - 1)
        images = torch.cat(
            [
                config.augment(x, config.preprocess, s)
                for x, s in zip(part.images.split(256), scale.split(256), strict=True)
            ]
        )
        sizes = self._sizes(part, scale).to(device)
        return self._view(images.to(device), self.labels["train"], sizes)

    @torch.no_grad()
    def _view(self, images: Tensor, labels: Tensor, sizes: Tensor) -> View:
        whole, parts = self.whole, []
        for x, label in zip(images.split(256), labels.split(256), strict=True):
            frame, angle = whole.framed(x)
            features = whole.body(frame)
            mean, log_variance = whole.posterior(features, label)
            rest = whole.join(mean, whole.measured(features), angle)
            parts.append((mean, (0.5 * log_variance).exp(), rest))
        mean, width, rest = (torch.cat(p) for p in zip(*parts, strict=True))
        return View(images.half(), mean, width, rest, sizes)

    def _sizes(self, part: Part, scale: Tensor) -> Tensor:
        if not hasattr(self, "_measured"):
            self._measured: dict[int, Tensor] = {}
        low, high = self.whole.conditions.size_range
        if len(part) not in self._measured:
            self._measured[len(part)] = measured_sizes(part, self.config.preprocess).nan_to_num(low)
        return (self._measured[len(part)] / scale).clamp(low, high)
