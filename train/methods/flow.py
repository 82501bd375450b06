"""Train a flow from noise to galaxies: ``python -m train flow --run galaxy-flow``.

Minimises the flow matching loss of :mod:`radioviz.models.galaxy_flow` on random views of training
images (rotated, mirrored, rescaled) without small islands, which are noise for the most part: the
network learns sources, and the model draws the sky. Sources that are set aside for the judge of
generated galaxies (:mod:`train.splits.judge`) are left out. Raw FITS images, whose noise is known,
are learned from where they come first in ``data``, such as an imported survey before ``mirabest``
and ``first``: a source that both have counts as the first has it.

Views are sampled at twice the resolution and averaged over 2x2 pixels. Together with the bilinear
interpolation this smooths as much as the preprocessing does, so that views are as sharp as images.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.data.judge_sources import judge_digest, rows_aside
from radioviz.data.registry import open_data_set
from radioviz.encode.editor import parted
from radioviz.models import weights
from radioviz.models.frames import axis_angle
from radioviz.models.galaxy_flow import SNR_RANGE, Ask, GalaxyFlow
from radioviz.models.registry import build, model_folder
from radioviz.morphology.measuring import stated_noise
from radioviz.morphology.noise import is_shifted, measure_noise
from train.core import data as training_data
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import class_numbers, measured_sizes
from train.metrics.image_statistics import distribution_distance, sharpness

KIND = "galaxy-flow"
SMALL = 6
"""Pixels of an island that counts as noise."""


@dataclass(frozen=True)
class FlowConfig(RunConfig):
    """Settings of a flow, in addition to :class:`train.core.config.RunConfig`."""

    # Arguments of :class:`radioviz.models.galaxy_flow.GalaxyFlow`.
    architecture: dict[str, Any] = field(default_factory=dict)
    init: str = ""  # a flow that ships, or of the user, whose network this one starts from
    # ``source``: sizes are measured without small islands, as the network sees images; ``image``:
    # with them.
    measured: str = "source"
    balance: float = 0.5  # 0 samples every galaxy equally often, 1 every class and size octave
    # unlabelled, unmeasured: shares of training images whose class, and whose signal to noise, is
    # hidden
    unlabelled: float = 0.15
    unmeasured: float = 0.1
    draws: int = 8  # noises of each validation image
    steps: int = 20  # of a path when generating; stored with the weights, like ``guidance``
    # Classifier-free guidance when generating: 1 is what was learned. Publish again to change
    # ``steps``, ``guidance`` or ``class_guidance``.
    guidance: float = 1.0
    # Shares of ``guidance - 1`` that classes take, 1 for those that are not named.
    class_guidance: dict[str, float] = field(default_factory=dict)
    compiled: bool = False  # compile the network, for GPUs

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(not 0 <= share <= 1 for share in self.class_guidance.values()):
            raise TrainError(f"class_guidance is {self.class_guidance}; expected shares of 0 to 1")
        if self.measured not in ("source", "image"):
            raise TrainError(f"measured is '{self.measured}'; expected source or image")


class FlowTask(Task[FlowConfig, GalaxyFlow]):
    """Loss, validation, tables and description of a run of the flow."""

    method = "flow"
    config_class = FlowConfig
    chosen_later = ("steps", "guidance", "class_guidance")

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config)
        if config.preprocess.stretch != "linear" or config.preprocess.field_arcsec is None:
            raise TrainError("preprocess: a flow needs a linear stretch and field_arcsec")
        scale = config.preprocess.field_arcsec / config.preprocess.size
        self.arguments = {
            "size": config.preprocess.size,
            "pixel_arcsec": scale,
            "size_scale": "catalogue",
            **config.architecture,
        }
        module = build(KIND, self.arguments)
        assert isinstance(module, GalaxyFlow)
        self.module = module
        self.arguments["classes"] = list(module.classes)
        self.arguments["size_range"] = list(module.conditions.size_range)
        if unknown := set(config.class_guidance) - set(module.classes):
            raise TrainError(
                f"class_guidance names {', '.join(sorted(unknown))}; the classes are "
                f"{', '.join(module.classes)}"
            )
        if config.init:
            start, info = weights.load(model_folder(config.init))
            if not isinstance(start, GalaxyFlow):
                raise TrainError(f"init is '{config.init}' of kind '{info.kind}', not {KIND}")
            module.network.load_state_dict(start.network.state_dict())
        if config.compiled:
            module.network.compile()

    def load(self) -> Data:
        config = self.config
        fine = dataclasses.replace(config.preprocess, size=2 * config.preprocess.size)
        return training_data.load(config, config.augment.padded(fine), rows_aside)

    def set_aside(self) -> dict[str, str]:
        return {"judge": judge_digest()}

    def prepare(self, data: Data, device: torch.device) -> None:
        size = self.module.size
        self.asks: dict[str, Ask] = {}
        self.clean: dict[str, Tensor] = {}
        for name, part in (("train", data.train), ("valid", data.valid)):
            fine = part.images.shape[-1] // size > 1
            labels = class_numbers(part, self.module.classes)
            images = without_small_islands(part.images, SMALL * (4 if fine else 1))
            seen = images if self.config.measured == "source" else part.images
            if fine:
                seen = F.avg_pool2d(_middle(seen, 2 * size), 2)
            low, high = self.module.conditions.size_range
            of = Part(seen, part.table)
            sizes = measured_sizes(of, self.config.preprocess, "las_measured")
            snr = signal_to_noise(part)
            self.clean[name] = images.to(device)
            angle = axis_angle(images)
            ask = Ask(labels, sizes.nan_to_num(low).clamp(low, high), angle, snr)
            self.asks[name] = Ask(*(t.to(device) for t in ask if t is not None))
        ask = self.asks["train"]
        assert ask.label is not None
        self.balance(ask.label.cpu(), ask.sizes.cpu(), self.config.balance)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        config, n = self.config, len(rows)
        rows = rows.to(padded.device)
        scale = (1 + config.augment.zoom) ** (2 * torch.rand(n, device=padded.device) - 1)
        x = self.random_view(self.clean["train"][rows], scale)
        known = self.asks["train"]
        assert known.label is not None
        labelled = torch.rand(n, device=x.device) >= config.unlabelled
        measured = torch.rand(n, device=x.device) >= config.unmeasured
        ask = Ask(
            torch.where(labelled, known.label[rows], -1),
            (known.sizes[rows] / scale).clamp(*self.module.conditions.size_range),
            axis_angle(x),
            torch.where(measured, known.snr[rows], torch.nan),
        )
        return self.module.loss(x, ask).mean(), {}

    def random_view(self, fine: Tensor, scale: Tensor) -> Tensor:
        """Images with peak 1, ``(n, 1, size, size)``, of padded ones at twice the resolution.

        ``scale`` ``(n,)`` above 1 makes galaxies smaller.
        """
        augment, n, device = self.config.augment, len(fine), fine.device
        angle = torch.rand(n, device=device) * (2 * math.pi if augment.rotate else 0.0)
        mirror = torch.where(torch.rand(n, device=device) < 0.5 * augment.flip, -1.0, 1.0)
        shift = (2 * torch.rand(n, 2, device=device) - 1) * augment.shift * 4 / fine.shape[-1]
        cos, sin = angle.cos() * scale, angle.sin() * scale
        theta = torch.stack(
            [torch.stack([mirror * cos, -sin], 1), torch.stack([mirror * sin, cos], 1)], 1
        )
        side = 2 * self.module.size
        theta = torch.cat([theta * (side / fine.shape[-1]), shift[:, :, None]], 2)
        grid = F.affine_grid(theta, [n, 1, side, side], align_corners=False)
        views = F.avg_pool2d(F.grid_sample(fine, grid, align_corners=False), 2)
        return views / views.amax((2, 3), keepdim=True).clamp_min(1e-6)

    def validate(self, module: GalaxyFlow, images: Tensor, rows: Tensor) -> dict[str, float]:
        rows = rows.to(images.device)
        known = self.asks["valid"]
        ask = Ask(*(t[rows] for t in known if t is not None))
        x = self.clean["valid"][rows]
        found = [module.loss(x, ask).mean() for _ in range(self.config.draws)]
        return {"loss": float(torch.stack(found).mean())}

    def finish(self, data: Data) -> None:
        """Shares of the classes, sizes and signal to noise of the training galaxies."""
        module = self.module.cpu()
        self.prepare(data, torch.device("cpu"))
        known = self.asks["train"]
        assert known.label is not None
        log_size, log_snr = known.sizes.log(), known.snr.log()
        steps = torch.linspace(0, 1, module.size_quantiles.shape[1])
        for i, name in enumerate((*module.classes, "")):
            rows = known.label == i if name else torch.ones(len(log_size), dtype=torch.bool)
            if rows.sum() < 3:
                raise TrainError(f"fewer than three training images have the label '{name}'")
            centred = log_size[rows] - log_size[rows].mean()
            slope = (centred * log_snr[rows]).sum() / centred.square().sum().clamp_min(1e-6)
            middle = log_snr[rows].mean() - slope * log_size[rows].mean()
            module.snr_line[i] = torch.stack([middle, slope])
            rest = log_snr[rows] - middle - slope * log_size[rows]
            module.snr_quantiles[i] = rest.quantile(steps)
            if name:
                module.class_shares[i] = rows.float().mean()
                module.size_quantiles[i] = known.sizes[rows].quantile(steps)
        keys = data.train.table["data_set"]
        sets = {key: open_data_set(key) for key in keys.unique()}
        shifted = {k: not c.info.raw and is_shifted(c.images) for k, c in sets.items()}
        module.shifted.fill_(float(keys.map(shifted).mean()))
        module.steps.fill_(self.config.steps)
        module.guidance.fill_(self.config.guidance)
        for name, share in self.config.class_guidance.items():
            module.class_guidance[module.classes.index(name)] = share

    def published(self) -> nn.Module:
        return self.module

    def describe(self) -> dict[str, Any]:
        return {
            "kind": KIND,
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": ("decode", "class", "size", "edit"),
            "paper": "Residual attention blocks after GalCatDiff, arXiv:2506.16255; flow matching "
            "after Lipman et al. 2023",
        }

    @torch.no_grad()
    def score(self, module: GalaxyFlow, part: Part) -> dict[str, float]:
        """Sharpness and flux over peak of one galaxy for each of a split, like it."""
        labels = class_numbers(part, module.classes)
        low, high = module.conditions.size_range
        sizes = measured_sizes(part, self.config.preprocess, "las_measured").nan_to_num(low)
        source = torch.Generator().manual_seed(1)
        made = []
        for label, size in zip(labels.split(64), sizes.clamp(low, high).split(64), strict=True):
            z = module.draw(torch.randn(len(label), 3, generator=source), 1.0, label, size)
            noise = torch.randn(len(label), module.extra_noise, generator=source)
            made.append(module.generate(z, noise, 1.0, label, size))
        real, found = np.asarray(part.images[:, 0]), np.asarray(torch.cat(made)[:, 0])
        flux = distribution_distance(real.sum((1, 2)), found.sum((1, 2)))
        return {"sharpness": sharpness(real, found), "flux_distance": flux}


def signal_to_noise(part: Part) -> Tensor:
    """Peak over noise of each image as the survey has it, ``(n,)``."""
    out = np.empty(len(part), np.float32)
    for key in part.table["data_set"].unique():
        catalogue = open_data_set(key)
        raw, stated = catalogue.info.raw, stated_noise(catalogue)
        shifted = not raw and is_shifted(catalogue.images)
        row_of = {name: row for row, name in enumerate(catalogue.table["source_id"])}
        for i in np.flatnonzero(part.table["data_set"] == key):
            row = row_of[part.table["source_id"].iloc[i]]
            image = catalogue.images[row]
            noise = measure_noise(image, raw, shifted, float(stated[row]))
            peak = float(np.nanmax(image)) - noise.background + noise.pedestal
            out[i] = peak / max(noise.sigma, 1e-12)
    return torch.from_numpy(out).clamp(*SNR_RANGE)


def without_small_islands(images: Tensor, pixels: int) -> Tensor:
    """Images ``(n, 1, ny, nx)`` without islands of no more than ``pixels``, but the brightest."""
    return torch.from_numpy(np.stack([parted(x, pixels)[0] for x in images[:, 0].numpy()]))[:, None]


def _middle(images: Tensor, side: int) -> Tensor:
    margin = (images.shape[-1] - side) // 2
    return images[..., margin : margin + side, margin : margin + side]
