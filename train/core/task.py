"""What a training method supplies to the loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from train.core import data as training_data
from train.core.config import RunConfig
from train.core.data import Data, Part

C = TypeVar("C", bound=RunConfig)
M = TypeVar("M", bound=nn.Module)


class Task(ABC, Generic[C, M]):
    """A training method; ``train/methods/<method>.py`` implements it."""

    method: ClassVar[str]
    config_class: ClassVar[type[RunConfig]] = RunConfig
    chosen_later: ClassVar[tuple[str, ...]] = ()
    """Settings that training does not depend on: publishing takes them from the file of the run."""

    def __init__(self, config: C) -> None:
        self.config = config
        self.module: M
        self._sampling: Tensor | None = None

    def load(self) -> Data:
        """Images of the run. Default: the splits ``train`` and ``valid`` of its data sets."""
        return training_data.load(self.config)

    def set_aside(self) -> dict[str, str]:
        """Splits whose sources :meth:`load` leaves out, and the hashes of their records."""
        return {}

    def order(self, data: Data) -> Tensor:
        """Rows of the training images in the order of one epoch, from torch's generator.

        Default: each once, or as often as :meth:`balance` says. May be of any length.
        """
        if self._sampling is None:
            return torch.randperm(len(data.train))
        return torch.multinomial(self._sampling, len(data.train), replacement=True)

    def balance(self, labels: Tensor, sizes: Tensor, balance: float) -> None:
        """Sample galaxies by class and angular size [arcsec], both ``(n,)``; for :meth:`prepare`.

        ``balance`` 0 samples every galaxy equally often, 1 every class and size octave.
        """
        if balance:
            octave = sizes.nan_to_num(1.0).clamp_min(1.0).log2().round().long()
            _, group, counts = torch.unique(
                torch.stack([labels, octave]), dim=1, return_inverse=True, return_counts=True
            )
            self._sampling = counts[group].double() ** -balance

    def after_step(self) -> None:
        """Called after each optimiser step, e.g. to move a momentum encoder. Default: nothing."""

    def prepare(self, data: Data, device: torch.device) -> None:
        """Read labels, sizes and the like from the tables. Default: nothing."""

    def prepare_score(self, data: Data) -> None:
        """Prepare :meth:`score` for weights that ship already. Default: nothing."""

    def finish(self, data: Data) -> None:
        """Complete the best weights in ``self.module`` before publishing, e.g. calibrate them.

        Default: nothing.
        """

    def view(self, padded: Tensor) -> Tensor:
        """Random view of padded training images, ``(n, 1, size, size)`` in 0..1."""
        images = self.config.augment(padded, self.config.preprocess)
        return images.contiguous(memory_format=torch.channels_last)

    @abstractmethod
    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of one step (a scalar) and metrics to log (scalars, detached).

        ``padded`` are training images with margin, ``rows`` their rows in ``data.train.table``,
        ``epoch`` counts from 0 and grows within an epoch.
        """

    @abstractmethod
    def validate(self, module: M, images: Tensor, rows: Tensor) -> dict[str, float]:
        """Metrics of a batch of validation images; the lowest ``loss`` decides what is kept."""

    def published(self) -> nn.Module:
        """The network that is published. Default: all that was trained."""
        return self.module

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Fields of ModelInfo that the method sets: kind, capabilities, latent_dim, paper..."""

    @abstractmethod
    def score(self, module: M, part: Part) -> dict[str, float]:
        """Scores of the published model on validation images, for its config and card."""


AnyTask = Task[Any, Any]
