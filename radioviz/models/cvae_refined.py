"""Conditional VAE with a second stage that generates the detail its mean image lacks.

Latent space, prior and encoder are those of a trained, frozen
:class:`radioviz.models.cvae.ConvCVAE`; :mod:`radioviz.models.refiner` sharpens the images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from radioviz.models.cvae import FAINTEST, ConvCVAE
from radioviz.models.precision import half_where_fast
from radioviz.models.refiner import Refiner

STEPS = 4
LEVEL = 0.3
CERTAIN = 0.75


class RefinedCVAE(ConvCVAE):
    """CVAE whose images a flow generates, given its mean image and the class.

    ``refiner``: arguments of the :class:`~radioviz.models.refiner.Refiner` but ``conditions``;
    ``cvae``: arguments of the CVAE.
    """

    def __init__(self, refiner: Mapping[str, Any] | None = None, **cvae: Any) -> None:
        super().__init__(**cvae)
        self.refiner = Refiner(len(self.classes), **(refiner or {}))
        # Chosen on validation after training: steps of the flow, level of disturbance, and class
        # probability at which a candidate of the prior is accepted. Images without given noise
        # share one noise, so that they change smoothly with the latent vector.
        self.steps: Tensor
        self.level: Tensor
        self.clear: Tensor
        self.still: Tensor
        self.register_buffer("steps", torch.tensor(STEPS))
        self.register_buffer("level", torch.tensor(LEVEL))
        self.register_buffer("clear", torch.tensor(CERTAIN))
        still = torch.randn(1, 1, self.size, self.size, generator=torch.Generator().manual_seed(0))
        self.register_buffer("still", still)

    @property
    def extra_noise(self) -> int:
        """Normal numbers that the flow starts from, one per pixel."""
        return self.size**2

    def certain(self) -> float:
        return float(self.clear)

    def decode(self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None) -> Tensor:
        """Image at each latent vector, ``(n, 1, ny, nx)``, with the same noise for all."""
        maps = self.decode_parameters(z, label, size)
        return self.refined(maps, self.still.expand(len(z), -1, -1, -1), label)

    def draft(self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None) -> Tensor:
        """Mean image at each latent vector, the result of :meth:`ConvCVAE.decode`."""
        return super().decode(z, label, size)

    def generate(
        self,
        z: Tensor,
        noise: Tensor,
        temperature: float = 1.0,
        label: Tensor | None = None,
        size: Tensor | None = None,
    ) -> Tensor:
        """Images at latent vectors, peak 1, from normal numbers ``(n, extra_noise)``."""
        maps = self.decode_parameters(z, label, size)
        image = self.refined(maps, noise.reshape(-1, 1, self.size, self.size), label)
        return image / image.amax((2, 3), keepdim=True).clamp_min(1e-6)

    def refined(self, maps: Tensor, noise: Tensor, label: Tensor | None = None) -> Tensor:
        """Images generated from two logit maps and noise ``(n, 1, ny, nx)``.

        Pixels fainter than a grey level are zero, as below the sigma clip. A galaxy without any
        brighter pixel keeps its mean image.
        """
        given = self.class_condition(len(maps), label, maps.device)
        seen = maps.sigmoid()
        with half_where_fast(maps.device, self.training):
            root = self.refiner.draw(noise, given, seen, float(self.level), int(self.steps))
        image = root.float().clamp(0, 1).square()
        image = torch.where(image > FAINTEST, image, 0.0)
        found = image.amax((2, 3), keepdim=True) > 0
        return torch.where(found, image, seen[:, :1])

    def class_condition(self, n: int, label: Tensor | None, device: torch.device) -> Tensor:
        """One-hot class for the refiner, ``(n, classes)``; zeros for no class."""
        return self.conditions(n, label, device=device)[:, : len(self.classes)]
