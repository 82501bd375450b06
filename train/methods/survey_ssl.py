"""Features that survive another telescope: ``python -m train survey-simclr|... --run NAME``.

SimCLR, BYOL and SimSiam as in :mod:`train.methods.ssl`, and VICReg (Bardes et al. 2022), over
several surveys at once (:mod:`train.methods.survey_data`) with views of
:class:`train.methods.survey_views.SurveyViews`. The second view is another telescope's image of the
same source where there is one. Small heads on the features predict size, axis ratio and position
angle of the undegraded view, so that the features keep them.

No class label is used: a run is selected by whether the features of a degraded image, and those of
another survey, find the source again among the held-out images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.models.resnet import ResNet
from train.core.augment import rescale
from train.core.config import TrainError
from train.core.data import Data, Part
from train.methods import ssl
from train.methods.survey_data import load_surveys
from train.methods.survey_views import SurveyViews

SURVEYS = (
    "first", "mirabest", "frdeep-first", "frdeep-nvss", "mgcls", "lotss", "vlass",
    "frdeep2-first", "frdeep2-nvss",
)  # fmt: skip
GEOMETRY = 4
"""Size, axis ratio, and cosine and sine of twice the position angle."""


@dataclass(frozen=True)
class SurveySslConfig(ssl.SslConfig):
    """Settings in addition to :class:`train.methods.ssl.SslConfig`."""

    data: tuple[str, ...] = SURVEYS
    augment: SurveyViews = field(default_factory=SurveyViews)  # how the views of a source differ
    # Share of the second views that show another image of the source, where there is one.
    pair_share: float = 0.5
    geometry: float = 0.2  # weight of the heads for size, axis ratio and position angle
    # crops, crop_size: further views that show a part of ``crop_size`` pixels (multi-crop)
    crops: int = 0
    crop_size: int = 40
    source_share: float = 1.0  # share of the training sources that are used, for a learning curve


class SurveyTask(ssl.SslTask):
    """What the methods share when they learn from several surveys; mixed into each of them."""

    config_class: ClassVar[type[ssl.SslConfig]] = SurveySslConfig
    config: SurveySslConfig

    def __init__(self, config: SurveySslConfig) -> None:
        super().__init__(config)
        self.nets["geometry"] = nn.Linear(self.nets["backbone"].latent_dim, GEOMETRY)

    def load(self) -> Data:
        return load_surveys(self.config, self.config.source_share)

    def order(self, data: Data) -> Tensor:
        """Each source once, by one of its images."""
        source = torch.tensor(data.train.table["source"].to_numpy())
        shuffled = torch.randperm(len(source))
        together = shuffled[source[shuffled].argsort(stable=True)]
        first = source[together].diff(prepend=source.new_tensor([-1])) != 0
        chosen = together[first]
        return chosen[torch.randperm(len(chosen))]

    def prepare(self, data: Data, device: torch.device) -> None:
        table = data.train.table
        self._images = data.train.images.to(device)
        self._beams = _floats(table["beam_pixels"])
        self._next = torch.tensor(_next_images(table["source"].to_numpy()))
        self._prepare_valid(data.valid, device)

    def _prepare_valid(self, part: Part, device: torch.device) -> None:
        size = self.config.preprocess.size
        margin = (part.images.shape[-1] - size) // 2
        inner = part.images[..., margin : margin + size, margin : margin + size]
        beams = _floats(part.table["beam_pixels"])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            views = [
                self.config.augment.views(x, self.config.preprocess, b)[1]
                for x, b in zip(part.images.split(256), beams.split(256), strict=True)
            ]
        self._clean = rescale(inner, self.config.preprocess).to(device)
        self._degraded = torch.cat(views).to(device)
        self._source = torch.tensor(part.table["source"].to_numpy())
        surveys = {name: i for i, name in enumerate(sorted(set(part.table["survey"])))}
        self._survey = torch.tensor(part.table["survey"].map(surveys).to_numpy())

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        other = self._partners(rows)
        both = torch.cat([padded, self._images[other]])
        beams = torch.cat([self._beams[rows], self._beams[other]]).to(padded.device)
        clean, views = config.augment.views(both, config.preprocess, beams)
        views = views.contiguous(memory_format=torch.channels_last)
        features = self.nets["backbone"](views)
        loss = self.compare_features(features, views, epoch)
        found = {}
        if config.geometry:
            error = F.smooth_l1_loss(self.nets["geometry"](features).float(), geometry_of(clean))
            loss = loss + config.geometry * error
            found["geometry"] = error.detach()
        if config.crops:
            crops = torch.cat([self._crop(clean[: len(rows)]) for _ in range(config.crops)])
            loss = loss + self._compare_crops(features, crops)
        return loss, found

    def _partners(self, rows: Tensor) -> Tensor:
        """Another image of each source for a share of the rows, the same for the others."""
        steps = torch.randint(1, 4, (len(rows),))
        other = rows
        for k in range(3):
            other = torch.where(steps > k, self._next[other], other)
        return torch.where(torch.rand(len(rows)) < self.config.pair_share, other, rows)

    def _crop(self, views: Tensor) -> Tensor:
        """Random squares of ``crop_size`` pixels that hold the centre."""
        size, crop = views.shape[-1], self.config.crop_size
        y, x = torch.randint(0, size - crop + 1, (2,)).tolist()
        return views[..., y : y + crop, x : x + crop]

    def _compare_crops(self, features: Tensor, crops: Tensor) -> Tensor:
        """Distance of the projections of parts from the mean one of both views."""
        project = self.nets["projector"]
        with torch.no_grad():
            first, second = F.normalize(project(features).float()).chunk(2)
            target = F.normalize(first + second).repeat(self.config.crops, 1)
        parts = project(self.nets["backbone"](crops)).float()
        return -F.cosine_similarity(parts, target).mean()

    def compare_features(self, features: Tensor, views: Tensor, epoch: float) -> Tensor:
        """Loss of the first half of the views with the second half, given their features."""
        raise NotImplementedError

    def compare(self, both: Tensor, epoch: float) -> Tensor:
        return self.compare_features(self.nets["backbone"](both), both, epoch)

    @torch.no_grad()
    def validate(self, module: Any, images: Tensor, rows: Tensor) -> dict[str, float]:
        if rows[0] == 0:  # the figures are of all validation images, not of a batch
            self._found = self._judge(module["backbone"])
        return self._found

    def _judge(self, backbone: ResNet) -> dict[str, float]:
        clean, degraded = (ssl.features_of(backbone, x) for x in (self._clean, self._degraded))
        again = reciprocal_rank(degraded, clean, self._source, None)
        across = reciprocal_rank(clean, clean, self._source, self._survey)
        return {
            "loss": 2 - again - across,
            "retrieval": again,
            "retrieval_surveys": across,
            **alignment(clean, degraded),
            **ssl.spread(clean),
        }

    @torch.no_grad()
    def finish(self, data: Data) -> None:
        """Average over the eight dihedral views if that finds more sources again."""
        self._prepare_valid(data.valid, torch.device("cpu"))
        backbone = self.published().eval()
        found = {}
        for dihedral in (False, True):
            backbone.dihedral = dihedral
            found[dihedral] = self._judge(backbone)["loss"]
        self.chosen = {"retrieval_upright": 2 - found[False], "retrieval_dihedral": 2 - found[True]}
        self.arguments["dihedral"] = found[True] < found[False]
        backbone.dihedral = self.arguments["dihedral"]

    def prepare_score(self, data: Data) -> None:
        self._prepare_valid(data.valid, torch.device("cpu"))

    @torch.no_grad()
    def score(self, module: Any, part: Part) -> dict[str, float]:
        module.eval()
        found = self._judge(module)
        found.pop("loss")
        if found["effective_rank"] < ssl.LEAST_RANK and not self.config.trial:
            raise TrainError(
                f"{self.config.name} has collapsed: features in {found['effective_rank']:.1f} "
                f"directions, expected at least {ssl.LEAST_RANK}; lower learning_rate or train "
                "longer"
            )
        return {**found, **self.chosen}


class SurveySimClrTask(SurveyTask, ssl.SimClrTask):
    """SimCLR over several surveys."""

    method = "survey-simclr"

    def compare_features(self, features: Tensor, views: Tensor, epoch: float) -> Tensor:
        loss: Tensor = self._contrast(*self.nets["projector"](features).float().chunk(2))
        return loss


class SurveySimSiamTask(SurveyTask, ssl.SimSiamTask):
    """SimSiam over several surveys."""

    method = "survey-simsiam"

    def compare_features(self, features: Tensor, views: Tensor, epoch: float) -> Tensor:
        projected = self.nets["projector"](features).float()
        predicted = self.nets["predictor"](projected).float()
        return ssl.symmetric_cosine_loss(predicted, projected.detach())


class SurveyByolTask(SurveyTask, ssl.ByolTask):
    """BYOL over several surveys."""

    method = "survey-byol"

    def compare_features(self, features: Tensor, views: Tensor, epoch: float) -> Tensor:
        self._epoch = epoch
        predicted = self.nets["predictor"](self.nets["projector"](features)).float()
        with torch.no_grad():
            target = self.nets["target_projector"](self.nets["target_backbone"](views)).float()
        return ssl.symmetric_cosine_loss(predicted, target)


class SurveyVicRegTask(SurveyTask):
    """Keep the variance of each feature and their covariance small (Bardes et al. 2022, Eq. 6)."""

    method = "survey-vicreg"
    paper = "VICReg, Bardes et al. 2022, arXiv:2105.04906"

    def heads(self, features: int) -> dict[str, nn.Module]:
        from lightly.loss import VICRegLoss
        from lightly.models.modules.heads import VICRegProjectionHead

        config = self.config
        self._balance = VICRegLoss()
        return {"projector": VICRegProjectionHead(features, config.hidden, config.projection, 2)}

    def compare_features(self, features: Tensor, views: Tensor, epoch: float) -> Tensor:
        loss: Tensor = self._balance(*self.nets["projector"](features).float().chunk(2))
        return loss


def geometry_of(clean: Tensor) -> Tensor:
    """Size, axis ratio and position angle of images ``(n, 1, size, size)``; shape ``(n, 4)``.

    The log of the major axis (sigma of second moments of the square root, in units of a tenth of
    the side), the axis ratio, and cosine and sine of twice the angle of the major axis from the
    rows, weighted by how elongated the source is.
    """
    weight = clean[:, 0].float().clamp_min(0).sqrt()
    size = weight.shape[-1]
    at = torch.arange(size, device=clean.device).float() - (size - 1) / 2
    total = weight.sum((1, 2)).clamp_min(1e-12)
    rows, columns = weight.sum(2), weight.sum(1)
    cy, cx = (rows @ at) / total, (columns @ at) / total
    yy = (rows @ at**2) / total - cy**2
    xx = (columns @ at**2) / total - cx**2
    xy = torch.einsum("nyx,y,x->n", weight, at, at) / total - cy * cx
    half, root = (xx + yy) / 2, torch.hypot((xx - yy) / 2, xy)
    major = (half + root).clamp_min(0.25).sqrt()
    minor = (half - root).clamp_min(0.25).sqrt()
    ratio = minor / major
    long = (1 - ratio) / root.clamp_min(1e-6)
    angle = torch.stack([long * (xx - yy) / 2, long * xy], 1)
    return torch.cat([(10 * major / size).log()[:, None], ratio[:, None], angle], 1)


def reciprocal_rank(
    queries: Tensor, gallery: Tensor, source: Tensor, survey: Tensor | None
) -> float:
    """Mean of 1 / rank of the same source among a gallery, by the cosine of centred features.

    With ``survey`` only images of other surveys count, and only queries that have one.
    """
    middle = gallery.mean(0)
    cosine = F.normalize(queries - middle) @ F.normalize(gallery - middle).T
    same = source[:, None] == source
    if survey is not None:
        other = survey[:, None] != survey
        cosine = cosine.masked_fill(~other, -2)
        same &= other
    best = cosine.masked_fill(~same, -2).amax(1)
    asked = same.any(1)
    if not asked.any():
        return 0.0
    ahead = (cosine > best[:, None]) & ~same
    return float((1 / (1 + ahead.sum(1).float()))[asked].mean())


def alignment(first: Tensor, second: Tensor) -> dict[str, float]:
    """Alignment and uniformity of normalised features (Wang & Isola 2020, Eq. 2 and 3)."""
    a, b = F.normalize(first), F.normalize(second)
    apart = torch.pdist(a[:2000]).square()
    return {
        "alignment": float((a - b).square().sum(1).mean()),
        "uniformity": float(apart.mul(-2).exp().mean().log()),
    }


def _floats(column: pd.Series) -> Tensor:
    return torch.tensor(column.to_numpy(), dtype=torch.float32)


def _next_images(source: np.ndarray) -> np.ndarray:
    """Row of the next image of the same source, round in a circle; its own row if it has one."""
    order = np.argsort(source, kind="stable")
    following = np.roll(order, -1)
    starts = np.flatnonzero(np.r_[True, source[order][1:] != source[order][:-1]])
    ends = np.r_[starts[1:] - 1, len(order) - 1]
    following[ends] = order[starts]
    out = np.empty(len(source), dtype=np.int64)
    out[order] = following
    return out
