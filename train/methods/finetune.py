"""Fine-tune a backbone with labels: ``python -m train finetune --run mbc|first4|finetuned|...``.

The backbone starts from features learned without labels, or anew; a linear head is put on top.
Cross-entropy with label smoothing and mixup, every turn, both parities, shifts and changes of
scale; the moving average of the weights at the end of the schedule is kept. A run has members,
seeds or folds, each in a folder of its own and each resumable; predictions are means over the
eight dihedral views and over the members.
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
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.data.preprocess import Preprocess
from radioviz.data.registry import open_data_set
from radioviz.models.resnet import ResNet
from train.core.augment import Augment
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.mixup import mixed, softened, weighted_loss
from train.methods.protocols import PROTOCOLS, Rows, choose
from train.methods.ssl import started


@dataclass(frozen=True)
class FinetuneConfig(RunConfig):
    """What a fine-tuned run sets beside :class:`train.core.config.RunConfig`.

    Attributes
    ----------
    protocol : str
        Which galaxies, a name of :data:`train.methods.protocols.PROTOCOLS`.
    fold : int
        Member of a protocol with folds.
    seeds : int
        Members of a protocol without folds.
    init : str
        Published model whose backbone the network starts from; empty to start anew.
    architecture : dict
        Arguments of :class:`radioviz.models.resnet.ResNet`, those of ``init`` if it is given.
    others : float
        Weight of labelled galaxies of other data sets, and of uncertain ones of MiraBest; 0
        leaves them out.
    smoothing, mixup : float
        As for :class:`train.methods.classifier.ClassifierConfig`.
    """

    protocol: str = "mbc"
    fold: int = 0
    seeds: int = 3
    init: str = ""
    architecture: dict[str, Any] = field(default_factory=dict)
    augment: Augment = field(default_factory=lambda: Augment(shift=3.0, zoom=0.15))
    others: float = 0.5
    smoothing: float = 0.05
    mixup: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.protocol not in PROTOCOLS:
            raise TrainError(
                f"protocol is '{self.protocol}'; expected one of {', '.join(PROTOCOLS)}"
            )


class FinetuneTask(Task[FinetuneConfig]):
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
        self.module = started(config.init, self.arguments)
        self._epoch = 0.0

    def load(self) -> Data:
        config = self.config
        chosen = choose(config.protocol, config.fold, config.seed, config.others > 0)
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
            "train": self._numbers(data.train).to(device),
            "valid": self._numbers(data.valid).to(device),
        }
        # MiraBest's uncertain galaxies count less, and so does what other surveys call FRI or FRII.
        main = {
            "first4": ["first"],
            "shipped": ["first", "mirabest"],
            "frdeep-nvss": ["frdeep-nvss"],
        }
        at_home = data.train.table["data_set"].isin(main.get(self.config.protocol, ["mirabest"]))
        doubted = data.train.table.get("confidence", pd.Series("")).eq("uncertain")
        sure = at_home.to_numpy() & ~doubted.to_numpy()
        weights = np.where(sure, 1.0, self.config.others).astype(np.float32)
        # What is tested is about as often of each class; what is learned from is not.
        numbers = self.truth["train"].cpu().numpy()
        total = np.bincount(numbers, weights, minlength=len(self.classes))
        weights *= (weights.sum() / len(self.classes) / np.maximum(total, 1e-6))[numbers]
        self.weights = torch.from_numpy(weights).to(device)

    def _numbers(self, part: Part) -> Tensor:
        index = pd.Index(self.classes).get_indexer(pd.Index(part.table["label"]))
        return torch.from_numpy(index.astype(np.int64))

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        self._epoch = epoch
        images = self.view(padded)
        target = softened(self.truth["train"][rows], len(self.classes), config.smoothing)
        images, target, weights = mixed(images, target, self.weights[rows], config.mixup)
        logits = self.module.logits(images).float()  # type: ignore[operator]
        loss = weighted_loss(logits, target, weights)
        return loss, {"accuracy": (logits.argmax(1) == target.argmax(1)).float().mean()}

    def validate(self, module: nn.Module, images: Tensor, rows: Tensor) -> dict[str, float]:
        logits = module.logits(images).float()  # type: ignore[operator]
        truth = self.truth["valid"][rows.to(logits.device)]
        return {
            # The last weights are kept: a few dozen galaxies choose an epoch by chance.
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

    def score(self, module: nn.Module, part: Part) -> dict[str, float]:
        p = predict(module, part.images)
        truth = self._numbers(part).numpy()
        likelihood = p[np.arange(len(p)), truth]
        return {
            "accuracy": float((p.argmax(axis=1) == truth).mean()),
            "nll": float(-np.log(likelihood.clip(1e-6)).mean()),
        }


@torch.no_grad()
def predict(module: nn.Module, images: Tensor) -> np.ndarray:
    """p(class) from the mean features over eight views, shape ``(n, classes)``."""
    assert isinstance(module, ResNet)
    module.eval()
    before, module.dihedral = module.dihedral, True
    found = torch.cat([module.logits(x).softmax(1) for x in images.split(256)])
    module.dihedral = before
    result: np.ndarray = found.numpy()
    return result


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
    """What tells the galaxies of this run from others, by data set."""
    out = {}
    for key in {**train, **valid}:
        parts = [np.asarray(r.get(key, []), np.int64).tobytes() for r in (train, valid)]
        out[key] = hashlib.sha256(b"|".join(parts)).hexdigest()[:16]
    return out


def members(config: FinetuneConfig) -> list[FinetuneConfig]:
    """One configuration for each fold, or for each seed."""
    folds = PROTOCOLS[config.protocol].members
    if folds:
        return [dataclasses.replace(config, fold=k) for k in range(folds)]
    return [dataclasses.replace(config, seed=config.seed + k) for k in range(config.seeds)]


def member_folder(config: FinetuneConfig, root: Path) -> Path:
    """Where a member of a run is kept."""
    folds = PROTOCOLS[config.protocol].members
    return root / (f"fold{config.fold}" if folds else f"seed{config.seed}")
