"""Fine-tune a backbone with labels: ``python -m train finetune --run mbc|first4|finetuned|...``.

The backbone starts from self-supervised features or from random weights, and gets a linear head.
The loss is cross-entropy with label smoothing and mixup, over random rotations, mirrorings, shifts
and changes of scale; the averaged weights at the end of the schedule are kept. A run has members
(seeds or folds), each resumable in its own folder; predictions are means over the eight dihedral
views and over the members.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.data.preprocess import Preprocess
from radioviz.data.registry import open_data_set
from radioviz.models.resnet import ResNet
from train.core.augment import Augment
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import class_numbers
from train.methods.mixup import supervised_loss
from train.methods.protocols import PROTOCOLS, Rows, protocol_rows
from train.methods.ssl import load_backbone


@dataclass(frozen=True)
class FinetuneConfig(RunConfig):
    """Settings of fine-tuning, in addition to :class:`train.core.config.RunConfig`."""

    # Training and test galaxies, a name of :data:`train.methods.protocols.PROTOCOLS`.
    protocol: str = "mbc"
    fold: int = 0  # member of a protocol with folds
    seeds: int = 3  # members of a protocol without folds
    init: str = ""  # published model whose backbone to start from; empty for random weights
    # Arguments of :class:`radioviz.models.resnet.ResNet`; must fit ``init``.
    architecture: dict[str, Any] = field(default_factory=dict)
    augment: Augment = field(default_factory=lambda: Augment(shift=3.0, zoom=0.15))
    # Weight of labelled galaxies of other data sets and of uncertain ones of MiraBest; 0 excludes
    # them.
    others: float = 0.5
    # smoothing, mixup: as for :class:`train.methods.classifier.ClassifierConfig`
    smoothing: float = 0.05
    mixup: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.protocol not in PROTOCOLS:
            raise TrainError(
                f"protocol is '{self.protocol}'; expected one of {', '.join(PROTOCOLS)}"
            )


class FinetuneTask(Task[FinetuneConfig, ResNet]):
    """One member of a fine-tuned run."""

    method = "finetune"
    config_class = FinetuneConfig

    def __init__(self, config: FinetuneConfig) -> None:
        super().__init__(config)
        self.classes = PROTOCOLS[config.protocol].classes
        self.arguments = {
            "size": config.preprocess.size,
            **config.architecture,
            "dihedral": False,
            "classes": list(self.classes),
        }
        self.module = load_backbone(config.init, self.arguments)
        self._epoch = 0.0

    def load(self) -> Data:
        config = self.config
        chosen = protocol_rows(config.protocol, config.fold, config.seed, config.others > 0)
        train, valid = (
            {k: v[: config.limit] if config.limit else v for k, v in rows.items()}
            for rows in (chosen.train, chosen.valid)
        )
        padded = config.augment.padded(config.preprocess)
        return Data(
            part_of(train, padded), part_of(valid, config.preprocess), digests(train, valid)
        )

    def prepare(self, data: Data, device: torch.device) -> None:
        self.truth = {
            "train": class_numbers(data.train, self.classes).to(device),
            "valid": class_numbers(data.valid, self.classes).to(device),
        }
        # MiraBest's uncertain galaxies, and FRI and FRII of other surveys, have a lower weight.
        main = {
            "first4": ["first"],
            "shipped": ["first", "mirabest"],
            "frdeep-nvss": ["frdeep-nvss"],
        }
        own = data.train.table["data_set"].isin(main.get(self.config.protocol, ["mirabest"]))
        uncertain = data.train.table.get("confidence", pd.Series("")).eq("uncertain")
        sure = own.to_numpy() & ~uncertain.to_numpy()
        weights = np.where(sure, 1.0, self.config.others).astype(np.float32)
        # Test sets are about balanced between classes; training sets are not.
        numbers = self.truth["train"].cpu().numpy()
        total = np.bincount(numbers, weights, minlength=len(self.classes))
        weights *= (weights.sum() / len(self.classes) / np.maximum(total, 1e-6))[numbers]
        self.weights = torch.from_numpy(weights).to(device)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        self._epoch = epoch
        images, labels, weights = self.view(padded), self.truth["train"][rows], self.weights[rows]
        config = self.config
        return supervised_loss(self.module, images, labels, weights, config.smoothing, config.mixup)

    def validate(self, module: ResNet, images: Tensor, rows: Tensor) -> dict[str, float]:
        logits = module.logits(images).float()
        truth = self.truth["valid"][rows.to(logits.device)]
        return {
            # Keep the last weights: a few dozen galaxies would choose an epoch by chance.
            "loss": -self._epoch,
            "nll": float(F.cross_entropy(logits, truth)),
            "accuracy": float((logits.argmax(1) == truth).float().mean()),
        }

    def describe(self) -> dict[str, Any]:
        self.arguments["dihedral"] = True
        return {
            "kind": "resnet",
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": ("encode",),
            "paper": "He et al. 2016, arXiv:1512.03385; fine-tuned as Slijepcevic et al. 2023",
        }

    def score(self, module: ResNet, part: Part) -> dict[str, float]:
        p = predict(module, part.images)
        truth = class_numbers(part, self.classes).numpy()
        likelihood = p[np.arange(len(p)), truth]
        return {
            "accuracy": float((p.argmax(axis=1) == truth).mean()),
            "nll": float(-np.log(likelihood.clip(1e-6)).mean()),
        }


@torch.no_grad()
def predict(module: ResNet, images: Tensor) -> np.ndarray:
    """p(class) from the mean features over eight views, shape ``(n, classes)``."""
    module.eval()
    before, module.dihedral = module.dihedral, True
    found = torch.cat([module.logits(x).softmax(1) for x in images.split(256)])
    module.dihedral = before
    return np.asarray(found)


def part_of(rows: Rows, chain: Preprocess) -> Part:
    """Images and catalogue rows, preprocessed by ``chain``."""
    images, tables = [], []
    for key, chosen in rows.items():
        catalogue = open_data_set(key)
        images.append(chain.apply(catalogue, chosen))
        tables.append(catalogue.table.iloc[chosen].assign(data_set=key))
    table = pd.concat(tables, ignore_index=True)
    return Part(torch.from_numpy(np.concatenate(images))[:, None], table)


def digests(train: Rows, valid: Rows) -> dict[str, str]:
    """Digest of the galaxies of a run, by data set."""
    out = {}
    for key in {**train, **valid}:
        parts = [np.asarray(r.get(key, []), np.int64).tobytes() for r in (train, valid)]
        out[key] = hashlib.sha256(b"|".join(parts)).hexdigest()[:16]
    return out


def members(config: FinetuneConfig) -> list[FinetuneConfig]:
    """One configuration per fold, or per seed."""
    folds = PROTOCOLS[config.protocol].members
    if folds:
        return [dataclasses.replace(config, fold=k) for k in range(folds)]
    return [dataclasses.replace(config, seed=config.seed + k) for k in range(config.seeds)]


def member_folder(config: FinetuneConfig, root: Path) -> Path:
    """Folder of a member of a run."""
    folds = PROTOCOLS[config.protocol].members
    return root / (f"fold{config.fold}" if folds else f"seed{config.seed}")
