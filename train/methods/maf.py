"""Train a flow over latents: ``python -m train maf --run maf-vae32|andrianomena2023-maf``.

Minimises -log p(z) in nats per galaxy (Andrianomena & Tang 2023, Sec. 5.2) over the latents of an
Atlas. A survey has few galaxies for a density of that many dimensions, so each is also encoded
rotated by right angles and mirrored: the sky has no preferred orientation.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radioviz.atlas.atlas import open_atlas
from radioviz.data.registry import open_data_set
from radioviz.models.artefact import ModelInfo
from radioviz.models.maf import MAF, STANDARDS
from radioviz.models.registry import list_models
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.scores.orientations import orientation_latents


@dataclass(frozen=True)
class MafConfig(RunConfig):
    """Settings of a flow, in addition to :class:`train.core.config.RunConfig`."""

    # Model whose latents the flow describes; its Atlases of ``data`` must exist.
    encoder: str = "vae32"
    # Arguments of :class:`radioviz.models.maf.MAF` other than ``features``.
    architecture: dict[str, Any] = field(default_factory=dict)
    standardise: str = "pca"  # ``pca`` (whitening) or ``scale`` (one factor per dimension)
    turned: bool = True  # train on each galaxy in all eight orientations
    # Classes excluded from training and validation, to test whether they score as outliers.
    without: tuple[str, ...] = ()
    batch: int = 128
    precision: str = "float32"
    optimiser: str = "adam"
    weight_decay: float = 0.0
    clip_norm: float = 5.0
    betas: tuple[float, ...] = (0.9, 0.999)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.standardise not in STANDARDS:
            raise TrainError(f"standardise is '{self.standardise}'; expected pca or scale")


class MafTask(Task[MafConfig, MAF]):
    """Loss, validation and description of a run of a flow."""

    method = "maf"
    config_class = MafConfig

    def __init__(self, config: MafConfig) -> None:
        super().__init__(config)
        self.encoder = list_models()[config.encoder]
        self.arguments = {"features": self.encoder.latent_dim, **config.architecture}
        self.module: MAF = MAF(**self.arguments)

    def load(self) -> Data:
        """Latents instead of images: ``(n, d, views, 1)``, with one view for validation."""
        config = self.config
        digests = {f"encoder {config.encoder}": self.encoder.weights_sha256[:16]}
        parts: dict[str, list[Part]] = {"train": [], "valid": []}
        for key in config.data:
            catalogue = open_data_set(key)
            table = catalogue.table
            atlas = open_atlas(key, config.encoder, info=self.encoder, catalogue=catalogue)
            digests[key] = catalogue.digest
            latents = np.asarray(atlas.latents, np.float32)
            kept = ~table["label"].isin(config.without).to_numpy()
            kept &= catalogue.images[:].reshape(len(table), -1).any(axis=1)
            for split, into in parts.items():
                rows = np.flatnonzero(kept & (table["split"].to_numpy() == split))
                rows = rows[: config.limit] if config.limit else rows
                found = torch.from_numpy(latents[rows])[:, :, None]
                if split == "train" and config.turned:
                    views = torch.from_numpy(orientation_latents(key, config.encoder)[rows, 1:])
                    found = torch.cat([found, views.transpose(1, 2)], dim=2)
                into.append(Part(found[..., None], table.iloc[rows].assign(data_set=key)))
        made = {name: _joined(found) for name, found in parts.items()}
        for name, part in made.items():
            if not len(part):
                raise TrainError(f"no galaxy of {', '.join(config.data)} is in the split '{name}'")
        return Data(made["train"], made["valid"], digests)

    def prepare(self, data: Data, device: torch.device) -> None:
        latents = data.train.images[..., 0].transpose(1, 2).reshape(-1, self.module.latent_dim)
        self.module.standardise(latents, self.config.standardise)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        n, _, count, _ = padded.shape
        view = torch.randint(count, (n,), device=padded.device)
        latents = padded[torch.arange(n, device=padded.device), :, view, 0]
        return -self.module.log_prob(latents).mean(), {}

    def validate(self, module: MAF, images: Tensor, rows: Tensor) -> dict[str, float]:
        latents = images[:, :, 0, 0]
        return {
            "loss": -float(module.log_prob(latents).mean()),
            "bits": float(module.bits_per_dimension(latents).mean()),
        }

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "maf",
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": ("log_prob",),
            "paper": "Papamakarios et al. 2017, arXiv:1705.07057; Andrianomena & Tang 2023, Sec. 5",
        }

    @torch.no_grad()
    def score(self, module: MAF, part: Part) -> dict[str, float]:
        return flow_scores(module.eval(), part.images[:, :, 0, 0])

    def card(self, info: ModelInfo, size: int) -> str:
        """Model card of a flow: what density it is and how well calibrated."""
        t, s = info.training, {k.removesuffix(".valid"): v for k, v in info.scores.items()}
        kept = info.architecture.get("components", info.latent_dim)
        views = ", each in eight orientations" if t["config"]["turned"] else ""
        left = f" without {', '.join(t['config']['without'])}" if t["config"]["without"] else ""
        return f"""# {info.title}

{info.paper}. A masked autoregressive flow of {info.architecture.get("blocks", 8)} blocks over the \
{info.latent_dim} latents of `{t["config"]["encoder"]}`, {size / 1e6:.2f} million weights. It \
gives the exact log p of a latent vector.

Arguments: `{json.dumps(info.architecture)}`

## Input

Latent vectors of `{t["config"]["encoder"]}` with the weights that `config.json` names; \
standardised by a stored linear map ({t["config"]["standardise"]}, {kept} dimensions kept).

## Training

{t["images"]["train"]} galaxies of the split `train` of {", ".join(t["data"])}{left}{views}, \
{t["epochs"]} epochs; epoch {t["best_epoch"]} is the best on the {t["images"]["valid"]} galaxies \
of the split `valid`. {t["seconds"] / 60:.1f} minutes on \
{t["machine"]}; seed {t["seed"]}, commit {t["commit"] or "unknown"}.

    {t["command"]}

## Scores

On the {t["images"]["valid"]} validation galaxies, with the shipped half-precision weights.

| | |
|---|---|
| log p, mean [nats] | {s["log_prob"]:.3f} |
| bits per standardised dimension | {s["bits_per_dimension"]:.3f} |
| the same for a normal distribution (standardisation only) | {s["normal_bits"]:.3f} |

Calibration: the flow should map latents to a standard normal distribution. Kolmogorov-Smirnov \
distance of its dimensions from it: median {s["ks_median"]:.3f}, worst {s["ks_worst"]:.3f}; \
{s["ks_rejected"]:.0%} of the dimensions are rejected at p < 0.01 (expected: 1 %).

## Limits

A likelihood favours simple images: compact sources have a higher log p than sources with \
structure, whether or not training contained such sources. It is also a density of latents, which \
do not encode many defects of an image. So the app ranks by two other scores. `strangeness` \
combines the shares of training galaxies that score higher by the encoder (log p over the eight \
orientations, distance to neighbours, reconstruction); `defect` those by the scene (position and \
islands of the light, neighbours, residuals) and by the texture (edges, islands, spectrum). They \
are fitted to training galaxies only, with the flow over `vae32`. \
`trained/tables/ood.csv` (`python -m train evaluate ood`) shows how well it detects planted \
artefacts of each kind, NVSS images among those of FIRST, and classes excluded from training. \
`config.json` contains the SHA-256 of the weights.
"""


def flow_scores(module: MAF, latents: Tensor) -> dict[str, float]:
    """Scores of a flow on held-out latents ``(n, d)``, for config and card.

    ``bits_per_dimension`` of the standardised latents; ``normal_bits``, the same for a standard
    normal distribution in their place; ``ks_median`` and ``ks_worst``, Kolmogorov-Smirnov
    distances of the dimensions of u from the standard normal; ``ks_rejected``, the fraction of
    dimensions with p < 0.01 (0.01 if calibrated).
    """
    from scipy.stats import kstest

    with torch.no_grad():
        u = np.asarray(module(latents).double())
        bits = float(module.bits_per_dimension(latents).mean())
        standard = np.asarray(module.standardised(latents).double())
        log_prob = float(module.log_prob(latents).mean())
    tests = [kstest(column, "norm") for column in u.T]
    distance = np.array([t.statistic for t in tests])
    normal = 0.5 * (np.square(standard).mean() + math.log(2 * math.pi)) / math.log(2)
    return {
        "log_prob": log_prob,
        "bits_per_dimension": bits,
        "normal_bits": float(normal),
        "ks_median": float(np.median(distance)),
        "ks_worst": float(distance.max()),
        "ks_rejected": float(np.mean([t.pvalue < 0.01 for t in tests])),
    }


def _joined(parts: list[Part]) -> Part:
    import pandas as pd

    return Part(
        torch.cat([p.images for p in parts]), pd.concat([p.table for p in parts], ignore_index=True)
    )
