"""FR classes from the features of an encoder over several surveys, calibrated for each survey.

A probability is the softmax of the logits times a slope, plus an offset for each class, of the
survey (Platt 1999). The slope grows with how much faint emission an image shows: where noise hides
it, the same logit means less. All are stored with the weights, since a probability is valid for its
survey only. A survey may have another linear head than the first: what parts the classes in sharp
images is not what parts them in wide ones.

>>> model = SurveyFr(surveys=("FIRST", "NVSS"), width=8, blocks=(1, 1))
>>> model.of_survey("NVSS").probabilities(torch.rand(3, 1, 64, 64)).shape
torch.Size([3, 2])
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from radioviz.errors import ModelError
from radioviz.models.resnet import ResNet
from radioviz.models.tensors import check_images

BRIGHT, FAINT, LEAST = 0.25, 0.02, 0.03
"""Shares of the peak between which emission is faint, and the least share of such pixels."""


def faintness(x: Tensor) -> Tensor:
    """Log10 of faint pixels for each bright one, of images ``(n, 1, size, size)``; ``(n,)``.

    Relative to the peak of each image, so that it does not change with its brightness.
    """
    share = x / x.amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    bright = (share >= BRIGHT).sum((1, 2, 3)).clamp_min(1)
    faint = ((share > FAINT) & (share < BRIGHT)).sum((1, 2, 3))
    return (faint / bright + LEAST).log10()


class SurveyFr(nn.Module):
    """A residual network with a linear head, and a calibration for each survey.

    Parameters
    ----------
    classes : sequence of str
        Names, in the order of the outputs.
    surveys : sequence of str
        Surveys with a calibration of their own; any other has that of all images together.
    heads : sequence of int
        Number of the linear head of each of these surveys, and, last, of any other; by default 0
        for all.
    size : int
        Side of the images in pixels.
    network : dict
        Further arguments of :class:`radioviz.models.resnet.ResNet`.
    """

    def __init__(
        self,
        classes: Sequence[str] = ("FRI", "FRII"),
        surveys: Sequence[str] = (),
        heads: Sequence[int] = (),
        size: int = 64,
        **network: Any,
    ) -> None:
        super().__init__()
        if len(classes) < 2 or len(set(classes)) != len(classes):
            raise ModelError(f"classes are {tuple(classes)}; expected two or more different names")
        if len(set(surveys)) != len(surveys):
            raise ModelError(f"surveys are {tuple(surveys)}; expected different names")
        self.heads = tuple(heads) or (0,) * (len(surveys) + 1)
        n, used = len(surveys) + 1, sorted(set(self.heads))
        if len(self.heads) != n or used != list(range(len(used))):
            raise ModelError(f"heads are {self.heads}; expected {n} numbers, from 0 on without gap")
        self.classes, self.surveys, self.size = tuple(classes), tuple(surveys), size
        self.network = ResNet(size=size, classes=classes, **network)
        self.further = nn.ModuleList(
            nn.Linear(self.network.latent_dim, len(classes)) for _ in range(max(self.heads))
        )
        self.slope: Tensor
        self.offset: Tensor
        # Log of the slope where the faintness is 0, and how it grows with it.
        self.register_buffer("slope", torch.zeros(len(surveys) + 1, 2))
        self.register_buffer("offset", torch.zeros(len(surveys) + 1, len(classes)))
        self._survey = len(surveys)

    def of_survey(self, name: str) -> Self:
        """This network with the calibration of a survey, or that of all; shares the weights."""
        other = copy.copy(self)
        other._survey = self.surveys.index(name) if name in self.surveys else len(self.surveys)
        return other

    def fold(self) -> None:
        """See :meth:`radioviz.models.resnet.ResNet.fold`."""
        self.network.fold()

    def logits(self, x: Tensor) -> Tensor:
        """Unnormalised log-probabilities before calibration, shape ``(n, classes)``.

        Raises ModelError if the images have another shape.
        """
        check_images(x, self.size)
        return self._logits_of(self.network.encode(x))

    def _logits_of(self, features: Tensor) -> Tensor:
        number = self.heads[self._survey]
        head = self.further[number - 1] if number else self.network.head
        assert isinstance(head, nn.Module)
        return head(features).float()

    def _calibrated(self, x: Tensor, logits: Tensor) -> Tensor:
        level, growth = self.slope[self._survey]
        slope = (level + growth * faintness(x)).exp()
        return logits * slope[:, None] + self.offset[self._survey]

    def forward(self, x: Tensor) -> Tensor:
        """Calibrated logits, shape ``(n, classes)``, which explanations differentiate."""
        return self._calibrated(x, self.logits(x))

    def probabilities(self, x: Tensor) -> Tensor:
        """Calibrated p(class | x), rows sum to 1, shape ``(n, classes)``."""
        return self(x).softmax(1)

    def judged(self, x: Tensor) -> Tensor:
        """:meth:`probabilities`, then the features they follow from: ``(n, classes + d)``.

        The features are those of the encoder that the heads were put on.
        """
        check_images(x, self.size)
        features = self.network.encode(x)
        p = self._calibrated(x, self._logits_of(features)).softmax(1)
        return torch.cat((p, features.float()), 1)
