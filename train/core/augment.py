"""Rotate, mirror, shift and scale whole batches on the training device.

The sky has no preferred direction, so every position angle and both parities are equally good
training images (Bastien et al. 2021, Sec. 3.4, rotate in steps of 1 deg). Images come with a
margin, so that a rotated square contains sky, not zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.data.preprocess import Preprocess


@dataclass(frozen=True)
class Augment:
    """Random changes of a training image."""

    rotate: bool = True  # rotate by any angle about the centre
    flip: bool = True  # mirror half of the images
    shift: float = 1.0  # largest shift along each axis, in result pixels
    zoom: float = 0.0  # largest change of scale, as a fraction; 0.1 draws from 1/1.1 to 1.1

    def padded(self, preprocess: Preprocess) -> Preprocess:
        """The linear preprocessing chain with the margin that :meth:`__call__` needs."""
        diagonal = math.sqrt(2) if self.rotate else 1.0
        side = preprocess.size * diagonal * (1 + self.zoom) + 2 * self.shift
        size = math.ceil((side - preprocess.size) / 2) * 2 + preprocess.size
        return preprocess.with_margin(size)

    def __call__(
        self, images: Tensor, preprocess: Preprocess, scale: Tensor | None = None
    ) -> Tensor:
        """Random views of padded images.

        Parameters
        ----------
        images : Tensor
            From :meth:`padded`, shape ``(n, 1, size + margin, size + margin)``.
        preprocess : Preprocess
            The chain that the views imitate.
        scale : Tensor, optional
            Change of scale of each image, ``(n,)``, above 1 for smaller galaxies; drawn within
            ``zoom`` by default.

        Returns
        -------
        Tensor
            Shape ``(n, 1, size, size)``, 0..1 like the result of the chain.
        """
        n, device = len(images), images.device
        padded, size = images.shape[-1], preprocess.size
        angle = torch.rand(n, device=device) * (2 * math.pi if self.rotate else 0.0)
        mirror = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0)
        if not self.flip:
            mirror = torch.ones_like(mirror)
        if scale is None:
            scale = (1 + self.zoom) ** (2 * torch.rand(n, device=device) - 1)
        # Positions run over -1..1 across the padded image, corners not aligned.
        shift = self._offsets(n, device) * (2 / padded)
        cos, sin = angle.cos() * scale, angle.sin() * scale
        theta = torch.stack(
            [
                torch.stack([mirror * cos, -sin, shift[:, 0]], 1),
                torch.stack([mirror * sin, cos, shift[:, 1]], 1),
            ],
            1,
        )
        theta[:, :, :2] *= size / padded
        grid = F.affine_grid(theta, [n, 1, size, size], align_corners=False)
        # At two pixels per beam, linear interpolation would blur the images.
        views = F.grid_sample(images, grid, mode="bicubic", align_corners=False)
        return rescale(views.clamp_min(0), preprocess)

    def _offsets(self, n: int, device: torch.device) -> Tensor:
        """Shifts ``(n, 2)`` in result pixels."""
        return (2 * torch.rand(n, 2, device=device) - 1) * self.shift


def rescale(images: Tensor, preprocess: Preprocess) -> Tensor:
    """Brightest pixel to 1, faintest to 0, then the stretch: the end of the chain in torch."""
    edge = preprocess.blank_edge
    if edge:
        images = F.pad(images[..., edge:-edge, edge:-edge], (edge, edge, edge, edge))
    low = images.amin((-2, -1), keepdim=True)
    span = images.amax((-2, -1), keepdim=True) - low
    out = torch.where(span > 0, (images - low) / span.clamp_min(1e-12), torch.zeros_like(images))
    if preprocess.stretch == "sqrt":
        return out.sqrt()
    if preprocess.stretch == "asinh":
        return (out * 10).asinh() / math.asinh(10)
    if preprocess.stretch == "log":
        return (out * 1000).log1p() / math.log1p(1000)
    return out
