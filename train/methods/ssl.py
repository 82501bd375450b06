"""Learn features without labels: ``python -m train simclr|byol|simsiam --run NAME``.

All three make the features of two random views of a galaxy (:mod:`train.methods.views`) agree.
SimCLR (Chen et al. 2020) separates those of different galaxies; BYOL (Grill et al. 2020) predicts a
slowly moving copy of itself; SimSiam (Chen & He 2021) predicts itself and stops the gradient. Heads
and losses come from lightly; the backbone is published.

Such a run can collapse to the same features for all galaxies and still have a low loss. So each
validation logs the spread and the effective rank of the features, and a run is selected by whether
the nearest training galaxies have the same FR class.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.models import weights
from radioviz.models.registry import build
from radioviz.models.resnet import ResNet
from radioviz.paths import trained_folder
from train.core import distributed
from train.core.augment import rescale
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import class_numbers
from train.methods.views import Views

NEIGHBOURS = 20
LEAST_STD, LEAST_RANK = 0.1, 4.0
"""A run below either counts as collapsed and is not published, unless it is a trial."""


@dataclass(frozen=True)
class SslConfig(RunConfig):
    """Settings of self-supervised runs, in addition to :class:`train.core.config.RunConfig`."""

    data: tuple[str, ...] = ("first", "mirabest", "frdeep-first", "frdeep-nvss")
    augment: Views = field(default_factory=Views)  # how the two views of a galaxy differ
    # Arguments of :class:`radioviz.models.resnet.ResNet`.
    architecture: dict[str, Any] = field(default_factory=dict)
    init: str = ""  # published model whose backbone to start from; empty for random weights
    # hidden, projection: units of the hidden and of the last layer of the heads
    hidden: int = 512
    projection: int = 128
    temperature: float = 0.2  # of SimCLR's loss
    # Initial decay rate of BYOL's moving copy; rises to 1 along half a cosine.
    target_momentum: float = 0.99
    trial: bool = False  # publish collapsed features too, to test a run of one epoch


class SslTask(Task[SslConfig, Any]):
    """Base of the three methods: two views, monitors, and the backbone as the result."""

    config_class: ClassVar[type[SslConfig]] = SslConfig
    paper: ClassVar[str]

    def __init__(self, config: SslConfig) -> None:
        super().__init__(config)
        self.arguments = {"size": config.preprocess.size, **config.architecture}
        backbone = load_backbone(config.init, self.arguments)
        self.module = nn.ModuleDict({"backbone": backbone, **self.heads(backbone.latent_dim)})
        self.chosen: dict[str, float] = {}

    @property
    def nets(self) -> Any:
        """The networks by name: ``backbone``, ``projector`` and those of the method."""
        return self.module

    @abstractmethod
    def heads(self, features: int) -> dict[str, nn.Module]:
        """Networks on top of the features, by name; not published."""

    @abstractmethod
    def compare(self, both: Tensor, epoch: float) -> Tensor:
        """Loss of the first half of the views ``(2 n, 1, size, size)`` with the second half."""

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        both = self.view(torch.cat([padded, padded]))
        return self.compare(both, epoch), {}

    def project(self, both: Tensor) -> Tensor:
        """Features through the projection head, float32."""
        result: Tensor = self.nets["projector"](self.nets["backbone"](both)).float()
        return result

    def prepare(self, data: Data, device: torch.device) -> None:
        """Keep the labelled training galaxies, unrotated, to search neighbours among."""
        side, size = data.train.images.shape[-1], self.config.preprocess.size
        margin = (side - size) // 2
        inner = data.train.images[..., margin : margin + size, margin : margin + size]
        classes = fr_classes(data.train)
        known = classes >= 0
        self._bank = rescale(inner[known], self.config.preprocess).to(device)
        self._bank_classes = classes[known]
        self._valid_classes = fr_classes(data.valid)

    def prepare_score(self, data: Data) -> None:
        self.prepare(data, torch.device("cpu"))

    def validate(self, module: Any, images: Tensor, rows: Tensor) -> dict[str, float]:
        backbone = module["backbone"]
        if rows[0] == 0:
            parts = self._bank.split(256)
            self._bank_features = torch.cat([backbone(x).float() for x in parts])
        features = backbone(images).float()
        found = agreement(
            features, self._valid_classes[rows], self._bank_features, self._bank_classes
        )
        return {"loss": found["nll"], "accuracy": found["accuracy"], **spread(features)}

    def published(self) -> ResNet:
        backbone: ResNet = self.nets["backbone"]
        return backbone

    @torch.no_grad()
    def finish(self, data: Data) -> None:
        """Average over the eight dihedral views if that is better on the validation galaxies."""
        self.prepare_score(data)
        backbone = self.published().eval()
        nll = {}
        for dihedral in (False, True):
            backbone.dihedral = dihedral
            bank, found = (features_of(backbone, x) for x in (self._bank, data.valid.images))
            scores = agreement(found, self._valid_classes, bank, self._bank_classes)
            nll[dihedral] = scores["nll"]
        self.chosen = {"neighbour_nll_upright": nll[False], "neighbour_nll_dihedral": nll[True]}
        self.arguments["dihedral"] = nll[True] < nll[False]
        backbone.dihedral = self.arguments["dihedral"]

    def describe(self) -> dict[str, Any]:
        return {
            "kind": "resnet",
            "architecture": self.arguments,
            "latent_dim": self.published().latent_dim,
            "capabilities": ("encode",),
            "paper": self.paper,
        }

    @torch.no_grad()
    def score(self, module: Any, part: Part) -> dict[str, float]:
        """Spread and agreement of the shipped weights.

        Raises TrainError if the features have collapsed.
        """
        module.eval()
        features = features_of(module, part.images)
        found = spread(features)
        collapsed = found["feature_std"] < LEAST_STD or found["effective_rank"] < LEAST_RANK
        if collapsed and not self.config.trial:
            raise TrainError(
                f"{self.config.name} has collapsed: features spread by "
                f"{found['feature_std']:.3f} in {found['effective_rank']:.1f} directions, expected "
                f"at least {LEAST_STD} and {LEAST_RANK}; lower learning_rate or train longer"
            )
        rotated = features_of(module, torch.rot90(part.images, 1, (-2, -1)))
        bank = features_of(module, self._bank)
        near = agreement(features, self._valid_classes, bank, self._bank_classes)
        return {
            **found,
            "neighbour_accuracy": near["accuracy"],
            **self.chosen,
            "quarter_turn_cosine": float(F.cosine_similarity(features, rotated).mean()),
        }


class SimClrTask(SslTask):
    """Contrast with the other galaxies of the batch (NT-Xent; Chen et al. 2020, Eq. 1)."""

    method = "simclr"
    paper = "SimCLR, Chen et al. 2020, arXiv:2002.05709; Andrianomena & Tang 2023, Sec. 3.2"

    def heads(self, features: int) -> dict[str, nn.Module]:
        from lightly.loss import NTXentLoss
        from lightly.models.modules.heads import SimCLRProjectionHead

        config = self.config
        # Separate all galaxies of the batch, including those of other processes.
        together = distributed.processes().size > 1
        self._contrast = NTXentLoss(config.temperature, gather_distributed=together)
        return {"projector": SimCLRProjectionHead(features, config.hidden, config.projection)}

    def compare(self, both: Tensor, epoch: float) -> Tensor:
        loss: Tensor = self._contrast(*self.project(both).chunk(2))
        return loss


class SimSiamTask(SslTask):
    """Predict the other view's projection, without its gradient (Chen & He 2021, Alg. 1)."""

    method = "simsiam"
    paper = "SimSiam, Chen & He 2021, arXiv:2011.10566; Andrianomena & Tang 2023, Sec. 3.4"

    def heads(self, features: int) -> dict[str, nn.Module]:
        from lightly.models.modules.heads import SimSiamPredictionHead, SimSiamProjectionHead

        config = self.config
        return {
            "projector": SimSiamProjectionHead(features, config.hidden, config.projection),
            "predictor": SimSiamPredictionHead(
                config.projection, max(config.projection // 4, 1), config.projection
            ),
        }

    def compare(self, both: Tensor, epoch: float) -> Tensor:
        projected = self.project(both)
        predicted = self.nets["predictor"](projected).float()
        return symmetric_cosine_loss(predicted, projected.detach())


class ByolTask(SslTask):
    """Predict the projection of a moving copy of itself (Grill et al. 2020, Eq. 1 and 2)."""

    method = "byol"
    paper = "BYOL, Grill et al. 2020, arXiv:2006.07733; Andrianomena & Tang 2023, Sec. 3.3"

    def heads(self, features: int) -> dict[str, nn.Module]:
        from lightly.models.modules.heads import BYOLPredictionHead, BYOLProjectionHead

        config = self.config
        return {
            "projector": BYOLProjectionHead(features, config.hidden, config.projection),
            "predictor": BYOLPredictionHead(config.projection, config.hidden, config.projection),
        }

    def __init__(self, config: SslConfig) -> None:
        from lightly.models.utils import deactivate_requires_grad

        super().__init__(config)
        self._epoch = 0.0
        for name in ("backbone", "projector"):
            target = copy.deepcopy(self.nets[name])
            deactivate_requires_grad(target)
            self.nets[f"target_{name}"] = target

    def compare(self, both: Tensor, epoch: float) -> Tensor:
        self._epoch = epoch
        nets = self.nets
        predicted = nets["predictor"](nets["projector"](nets["backbone"](both))).float()
        with torch.no_grad():
            target = nets["target_projector"](nets["target_backbone"](both)).float()
        return symmetric_cosine_loss(predicted, target)

    def after_step(self) -> None:
        from lightly.models.utils import update_momentum
        from lightly.utils.scheduler import cosine_schedule

        config = self.config
        memory = cosine_schedule(
            round(self._epoch * 100), config.epochs * 100, config.target_momentum, 1.0
        )
        for name in ("backbone", "projector"):
            update_momentum(self.nets[name], self.nets[f"target_{name}"], memory)


def load_backbone(init: str, arguments: dict[str, Any]) -> ResNet:
    """Backbone with the weights of a published one, or with random weights.

    ``init``: name of the published model, empty for random weights. ``arguments``: of
    :class:`radioviz.models.resnet.ResNet`; a head always starts at random. Raises TrainError if the
    published model is not a ResNet or has another architecture.
    """
    network = build("resnet", arguments)
    assert isinstance(network, ResNet)
    if not init:
        return network
    found, info = weights.load(trained_folder() / init)
    if not isinstance(found, ResNet):
        raise TrainError(f"init is '{init}', a {info.kind}; expected a resnet")
    state = {k: v for k, v in found.state_dict().items() if not k.startswith("head.")}
    try:
        network.load_state_dict({**network.state_dict(), **state})
    except RuntimeError as error:
        raise TrainError(
            f"init is '{init}', built from {info.architecture}; its weights do not fit {arguments}"
        ) from error
    return network


def symmetric_cosine_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Negative cosine of each half's predictions with the other half's targets; -1 is perfect."""
    from lightly.loss import NegativeCosineSimilarity

    cosine = NegativeCosineSimilarity()
    (p0, p1), (z0, z1) = predicted.chunk(2), target.chunk(2)
    loss: Tensor = 0.5 * (cosine(p0, z1) + cosine(p1, z0))
    return loss


def spread(features: Tensor) -> dict[str, float]:
    """Measures of collapse of features ``(n, d)``.

    ``feature_std``: standard deviation of the normalised features times sqrt(d), 1 if they fill
    the sphere, 0 if all are equal (Chen & He 2021, Sec. 4.1). ``effective_rank``: exp
    of the entropy of the singular values of the centred features (Roy & Vetterli 2007).
    """
    from lightly.utils.debug import std_of_l2_normalized

    features = features.float()
    values = torch.linalg.svdvals(F.normalize(features - features.mean(0)))
    share = values / values.sum().clamp_min(1e-12)
    entropy = -(share * share.clamp_min(1e-12).log()).sum()
    return {
        "feature_std": float(std_of_l2_normalized(features)) * features.shape[1] ** 0.5,
        "effective_rank": float(entropy.exp()),
    }


def agreement(
    features: Tensor, classes: Tensor, bank: Tensor, bank_classes: Tensor
) -> dict[str, float]:
    """Whether the nearest galaxies of a bank, by cosine, have the same FR class.

    The votes of the 20 nearest are weighted by exp(cosine / 0.1) (Wu et al. 2018, Sec. 3.4).
    Galaxies of class -1 are skipped.

    Returns ``accuracy`` and ``nll``, the mean negative log of the share of correct votes.
    """
    features, classes = features[classes >= 0], classes[classes >= 0]
    if not len(classes):
        return {"accuracy": 0.0, "nll": float(np.log(2))}
    # Centred: what all galaxies share does not separate neighbours.
    middle = bank.mean(0)
    with torch.autocast(features.device.type, enabled=False):
        cosine = F.normalize(features - middle) @ F.normalize(bank - middle).T
    nearest = cosine.topk(min(NEIGHBOURS, len(bank)), dim=1)
    weights = (nearest.values / 0.1).softmax(1)
    second = (weights * bank_classes[nearest.indices]).sum(1)
    right = torch.where(classes == 1, second, 1 - second)
    return {
        "accuracy": float((right > 0.5).float().mean()),
        "nll": float(-(0.98 * right + 0.01).log().mean()),
    }


def fr_classes(part: Part) -> Tensor:
    """0 for FRI, 1 for FRII, -1 for all others, shape ``(n,)``."""
    return class_numbers(part, ("FRI", "FRII"))


def features_of(backbone: Any, images: Tensor) -> Tensor:
    """Features ``(n, d)`` of images, in batches, float32 and without gradients."""
    with torch.no_grad():
        return torch.cat([backbone.encode(x).float() for x in images.split(256)])
