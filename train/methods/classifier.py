"""Train an FR classifier: ``python -m train classifier --run frcnn|bastien2021-frcnn``.

Cross-entropy over FRI and FRII, optionally with label smoothing (Szegedy et al. 2016) and mixup
(Zhang et al. 2018). After training, one temperature is fitted to the validation images (Guo et al.
2017), so that a probability of 0.8 is right in 80 of 100 cases; it is stored with the weights.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.models.fr_cnn import FrClassifier
from radioviz.models.registry import build
from train.core import data as training_data
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import class_numbers
from train.methods.mixup import supervised_loss
from train.metrics.calibration import (
    best_temperature,
    calibration_error,
    negative_log_likelihood,
    softmax,
)


@dataclass(frozen=True)
class ClassifierConfig(RunConfig):
    """Settings of a classifier, in addition to :class:`train.core.config.RunConfig`."""

    kind: str = "fr-resnet"  # ``fr-resnet`` or ``fr-cnn`` (Bastien et al. 2021)
    # Arguments of the network (:mod:`radioviz.models.fr_cnn`).
    architecture: dict[str, Any] = field(default_factory=dict)
    # Labels to distinguish; sources with another label are not used.
    classes: tuple[str, ...] = ("FRI", "FRII")
    smoothing: float = 0.0  # label smoothing: probability spread over all classes
    mixup: float = 0.0  # parameter of the Beta distribution of mixup; 0 mixes none
    # Weight of training images with an uncertain class in the catalogue (MiraBest); others have 1.
    uncertain: float = 1.0
    # noise, contrast: largest added Gaussian noise, in units of the peak, and largest g of a change
    # of contrast, x to the power of 1 - g to 1 + g; 0 disables them
    noise: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.smoothing < 1:
            raise TrainError(f"smoothing is {self.smoothing}; expected 0 to below 1")


class ClassifierTask(Task[ClassifierConfig, FrClassifier]):
    """Loss, validation, calibration and description of a run of a classifier."""

    method = "classifier"
    config_class = ClassifierConfig

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        self.arguments = {
            "classes": list(config.classes),
            "size": config.preprocess.size,
            **config.architecture,
        }
        network = build(config.kind, self.arguments)
        if not isinstance(network, FrClassifier):
            raise TrainError(
                f"kind '{config.kind}' is not a classifier; expected fr-resnet or fr-cnn"
            )
        self.module = network

    def load(self) -> Data:
        data = training_data.load(self.config)
        parts = {n: only(getattr(data, n), self.config.classes) for n in ("train", "valid")}
        return Data(parts["train"], parts["valid"], data.digests)

    def prepare(self, data: Data, device: torch.device) -> None:
        self.labels = {
            name: class_numbers(part, self.config.classes).to(device)
            for name, part in (("train", data.train), ("valid", data.valid))
        }
        confidence = data.train.table.get("confidence")
        weights = np.ones(len(data.train), np.float32)
        if confidence is not None:
            weights[(confidence == "uncertain").to_numpy()] = self.config.uncertain
        self.weights = torch.from_numpy(weights).to(device)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        images = self._disturbed(self.view(padded))
        labels, weights = self.labels["train"][rows], self.weights[rows]
        config = self.config
        return supervised_loss(self.module, images, labels, weights, config.smoothing, config.mixup)

    def _disturbed(self, images: Tensor) -> Tensor:
        config = self.config
        n = (len(images), 1, 1, 1)
        if config.contrast:
            power = 1 + config.contrast * (2 * torch.rand(n, device=images.device) - 1)
            images = images.clamp_min(0) ** power
        if config.noise:
            sigma = config.noise * torch.rand(n, device=images.device)
            images = images + sigma * torch.randn_like(images)
        return images

    def validate(self, module: FrClassifier, images: Tensor, rows: Tensor) -> dict[str, float]:
        logits = module.logits(images)
        truth = self.labels["valid"][rows.to(logits.device)]
        return {
            "loss": float(F.cross_entropy(logits, truth)),
            "accuracy": float((logits.argmax(1) == truth).float().mean()),
        }

    def finish(self, data: Data) -> None:
        """Fit the temperature to the validation images."""
        truth = class_numbers(data.valid, self.config.classes).numpy()
        found = best_temperature(logits_of(self.module, data.valid), truth)
        self.module.temperature.fill_(found)

    def describe(self) -> dict[str, Any]:
        paper = "Bastien et al. 2021, arXiv:2102.01007, Sec. 4; after Tang et al. 2019"
        other = "He et al. 2016, arXiv:1512.03385; in place of the classifier of " + paper
        return {
            "kind": self.config.kind,
            "architecture": self.arguments,
            "latent_dim": self.module.feature_dim,
            "capabilities": ("classify", "features"),
            "paper": paper if self.config.kind == "fr-cnn" else other,
        }

    def score(self, module: FrClassifier, part: Part) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        truth = class_numbers(part, self.config.classes).numpy()
        probabilities = softmax(logits_of(module, part) / float(module.temperature))
        scores = {
            "accuracy": float((probabilities.argmax(1) == truth).mean()),
            "nll": negative_log_likelihood(probabilities, truth),
            "calibration_error": calibration_error(probabilities, truth),
            "temperature": float(module.temperature),
        }
        if len(self.config.classes) == 2:
            scores["auc"] = float(roc_auc_score(truth, probabilities[:, 1]))
        return scores


def only(part: Part, classes: tuple[str, ...]) -> Part:
    """The rows of a part with one of these labels.

    Raises TrainError if no row has one of the labels.
    """
    labels = part.table["label"]
    for name in classes:
        if not (labels == name).any():
            raise TrainError(f"no image has the label '{name}'; there are {sorted(set(labels))}")
    rows = np.flatnonzero(labels.isin(classes))
    return dataclasses.replace(
        part, images=part.images[rows], table=part.table.iloc[rows].reset_index(drop=True)
    )


@torch.no_grad()
def logits_of(module: FrClassifier, part: Part) -> np.ndarray:
    """Uncalibrated logits of all images of a part, float32 of shape ``(n, classes)``."""
    module.eval()
    device = module.head.weight.device
    found = [module.logits(x.to(device)).cpu() for x in part.images.split(256)]
    return torch.cat(found).numpy()
