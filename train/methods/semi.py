"""Semi-supervised classification with few labels: ``python -m train semi --run fixmatch``.

FixMatch (Sohn et al. 2020, arXiv:2001.07685) on the FR classes of MiraBest Confident: a confident
prediction for a weakly augmented view of an unlabelled galaxy is the target for a strongly
augmented one. Each number of labels is trained with and without the unlabelled galaxies, with the
same initial weights and number of steps. Every member resumes in its own folder.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from train.core.config import TrainError
from train.core.data import Data
from train.evaluate.benchmarks import record
from train.evaluate.csv_tables import write_table
from train.methods import protocols
from train.methods.finetune import FinetuneConfig, FinetuneTask, digests, part_of
from train.methods.finetune_members import RESULT, train_member
from train.methods.views import Views

TABLE = "semi_supervised"
METHODS = ("labels alone", "FixMatch")


@dataclass(frozen=True)
class SemiConfig(FinetuneConfig):
    """Settings of FixMatch, in addition to :class:`train.methods.finetune.FinetuneConfig`."""

    numbers: tuple[int, ...] = (50, 145, 400, 0)  # numbers of labels of the curve; 0 for all
    labels: int = 0  # number of labels of this member
    steps: int = 300  # training steps, for any number of labels
    unlabelled: float = 1.0  # weight of the unlabelled galaxies; 0 trains on labels only
    unlabelled_batch: int = 96  # unlabelled galaxies per step
    threshold: float = 0.95  # probability from which a prediction becomes a target
    others: float = 0.0
    mixup: float = 0.0
    # Strong augmentation.
    strong: Views = field(default_factory=lambda: Views(shift=3.0, zoom=0.15))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.protocol != "mbc" or self.others:
            raise TrainError(
                f"{self.name}: protocol is '{self.protocol}' and others {self.others}; expected "
                "the protocol 'mbc' with others = 0"
            )
        if not 0.5 <= self.threshold <= 1:
            raise TrainError(f"threshold is {self.threshold}; expected 0.5 to 1")


class SemiTask(FinetuneTask):
    """One number of labels, with or without the other galaxies."""

    method = "semi"
    config_class = SemiConfig
    config: SemiConfig

    def load(self) -> Data:
        config = self.config
        chosen = protocols.protocol_rows("mbc", 0, config.seed, False)
        train = chosen.train
        if config.labels:
            train = protocols.few(train, config.labels, config.seed)
        padded = config.strong.padded(config.preprocess)
        if config.unlabelled:
            rows = protocols.unlabelled(chosen)
            if config.limit:
                rows = {k: v[: config.limit] for k, v in rows.items()}
            self.pool = part_of(rows, padded).images
        valid = chosen.valid
        if config.limit:
            train, valid = ({k: v[: config.limit] for k, v in r.items()} for r in (train, valid))
        return Data(
            part_of(train, padded), part_of(valid, config.preprocess), digests(train, valid)
        )

    def prepare(self, data: Data, device: torch.device) -> None:
        super().prepare(data, device)
        if self.config.unlabelled:
            self.pool = self.pool.to(device)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        loss, found = super().loss(padded, rows, epoch)
        config = self.config
        if not config.unlabelled:
            return loss, found
        drawn = torch.randint(len(self.pool), (config.unlabelled_batch,), device=padded.device)
        images = self.pool[drawn]
        weak = self.view(images)
        strong = config.strong(images, config.preprocess).contiguous(
            memory_format=torch.channels_last
        )
        more, sure = fixmatch_loss(
            self._logits(weak, False), self._logits(strong), config.threshold
        )
        return loss + config.unlabelled * more, {**found, "sure": sure, "unlabelled": more.detach()}

    def _logits(self, images: Tensor, gradient: bool = True) -> Tensor:
        with torch.set_grad_enabled(gradient and torch.is_grad_enabled()):
            logits: Tensor = self.module.logits(images)
            return logits.float()


def fixmatch_loss(weak: Tensor, strong: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy of strong views with confident predictions (Sohn et al. 2020, Eq. 4).

    Parameters
    ----------
    weak, strong : Tensor
        Logits of the two views of the same galaxies, ``(n, classes)``.
    threshold : float
        Least probability of a prediction that becomes a target.

    Returns
    -------
    tuple of Tensor
        The mean over all ``n``, with 0 for predictions below the threshold; and the share above.
    """
    p, guess = weak.detach().softmax(1).max(1)
    sure = (p >= threshold).float()
    return (F.cross_entropy(strong, guess, reduction="none") * sure).mean(), sure.mean()


def semi_members(config: SemiConfig) -> list[SemiConfig]:
    """One configuration per number of labels, seed and method."""
    total = sum(len(rows) for rows in protocols.protocol_rows("mbc", 0, 0, False).train.values())
    out = []
    for number in config.numbers:
        if number > total:
            raise TrainError(f"{config.name}: numbers contains {number} labels; there are {total}")
        epochs = math.ceil(config.steps / math.ceil((number or total) / config.batch))
        out += [
            dataclasses.replace(
                config,
                labels=number,
                epochs=epochs,
                validate_every=epochs,
                seed=config.seed + seed,
                unlabelled=weight,
            )
            for seed in range(config.seeds)
            for weight in (0.0, config.unlabelled)
        ]
    return out


def folder_of(member: SemiConfig, root: Path) -> Path:
    """Folder of a member of a run."""
    kind = "fixmatch" if member.unlabelled else "labels"
    return root / f"{kind}-{member.labels or 'all'}-seed{member.seed}"


def run(config: SemiConfig, name: str, root: Path, device: torch.device) -> pd.DataFrame:
    """Train what is missing and write the curve, :data:`TABLE`."""
    for member in semi_members(config):
        train_member(SemiTask, member, folder_of(member, root), device)
    table = curve(semi_members(config), root)
    if not config.limit:
        command = f"python -m train semi --run {name}"
        write_table(TABLE, table)
        for line in table[table["labels"] == 145].to_dict("records"):
            kind = "fixmatch" if line["method"] == METHODS[1] else "supervised"
            value, low, high = (float(line[column]) for column in ("value", "low", "high"))
            record(
                f"mbc.semi145.{kind}.accuracy", (value, low, high), n=104,
                split="mirabest/test, MBC; range over seeds", seeds=list(range(config.seeds)),
                command=command,
            )  # fmt: skip
    return table


def curve(done: Sequence[SemiConfig], root: Path) -> pd.DataFrame:
    """Accuracy on the MBC test galaxies: ``method``, ``labels``, ``value``, ``std``, ``low``...

    ``low`` and ``high`` are the worst and the best seed.
    """
    rows = []
    for member in done:
        found = json.loads((folder_of(member, root) / RESULT).read_text())
        right = np.array(found["p"]).argmax(1) == np.array(found["truth"])
        number = member.labels or found["learned"]
        rows.append((METHODS[bool(member.unlabelled)], number, right.mean()))
    table = pd.DataFrame(rows, columns=["method", "labels", "value"])
    grouped = table.groupby(["method", "labels"])["value"]
    out = grouped.agg(value="mean", std="std", low="min", high="max", seeds="count").reset_index()
    return out.round(4)
