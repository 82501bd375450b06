"""From the mean image of a decoder to one as sharp as the survey, by flow matching.

The mean image of a decoder averages over everything that its latent vector does not determine, so
it is blurred (Bastien et al. 2021, Sec. 7). A second, generative stage conditioned on that mean
samples one of the possible sharp images (DiffuseVAE, Pandey et al. 2022), here along straight
paths, which need few steps (Lipman et al. 2023, Eq. 23; Liu et al. 2023):

    loss = E |v(r_t, t, m) - (r - e)|^2,   r_t = (1 - t) e + t r,

with e normal noise and r the difference of the square roots of image and mean m, times
:data:`DETAIL`. The root makes faint lobes visible: noise of 0.05 in the root is 0.0025 of the peak,
below the clip.

Mean images of training galaxies are closer to the truth than those of new latent vectors. So
training disturbs latent vectors by a share ``level`` of their overall spread, which is an input of
the network (Ho et al. 2022, conditioning augmentation): at a higher level it adds more detail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.models.unet import FilmBlock, UNet

DETAIL = 8.0
"""Inverse spread, within sources, of the root of brightness about the root of the mean."""


class Refiner(UNet):
    """U-Net from half resolution down to an eighth that moves noise to detail.

    ``conditions``: condition numbers per image; ``channels``: at 1/2, 1/4 and 1/8 of the
    resolution; ``embedding``: width of the embedding of time, level and conditions; ``dropout``:
    fraction of channels dropped within residual blocks.
    """

    def __init__(
        self,
        conditions: int,
        channels: Sequence[int] = (48, 96, 160),
        embedding: int = 192,
        dropout: float = 0.0,
    ) -> None:
        def block(level: int, before: int, after: int) -> nn.Module:
            return FilmBlock(before, after, embedding, dropout)

        super().__init__(2 * 16 + 1 + conditions, 3 * 4, 4, channels, embedding, block)
        self.conditions = conditions

    def velocity(self, r: Tensor, t: Tensor, given: Tensor, maps: Tensor, level: Tensor) -> Tensor:
        """v at points ``r`` ``(n, 1, ny, nx)`` and times ``t`` ``(n,)``, float32, like ``r``.

        ``given``: conditions ``(n, conditions)``; ``maps``: mean brightness and probability of
        being above the clip, 0..1, ``(n, 2, ny, nx)``; ``level``: disturbance of the latent vectors
        of the maps, 0..1, ``(n,)``.
        """
        frequency = 2.0 ** torch.arange(8, device=r.device) * (math.pi / 2)
        phase = torch.cat([t[:, None] * frequency, level[:, None] * frequency / 8], 1)
        follow = torch.cat([phase.sin(), phase.cos(), level[:, None], given], 1)
        seen = torch.cat([r, 2 * _root(maps[:, :1]), maps[:, 1:]], 1)
        return self.passed(F.pixel_unshuffle(seen, 2), follow)

    def loss(
        self,
        x: Tensor,
        given: Tensor,
        maps: Tensor,
        level: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Flow matching loss of images ``x`` ``(n, 1, ny, nx)`` given their means, ``(n,)``.

        Mean over pixels. Times are denser in the middle, where paths cross (Esser et al. 2024).
        """
        target = detail(x, maps)
        t = torch.randn(len(x), generator=generator, device=x.device).sigmoid()
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        at = t[:, None, None, None]
        point = (1 - at) * noise + at * target
        error = self.velocity(point, t, given, maps, level) - (target - noise)
        return error.square().flatten(1).mean(1)

    def draw(self, noise: Tensor, given: Tensor, maps: Tensor, level: float, steps: int) -> Tensor:
        """Root of brightness, ``(n, 1, ny, nx)``, from normal numbers of the same shape.

        Equal steps of Heun's method, the last one of Euler's, which needs no slope at the end: 4
        steps (7 network calls) are as sharp as 20 of Euler's method.
        """
        r = noise
        ones = torch.ones(len(r), device=r.device)

        def v(r: Tensor, t: float) -> Tensor:
            return self.velocity(r, ones * t, given, maps, ones * level)

        step = 1.0 / steps
        for i in range(steps):
            slope = v(r, i * step)
            if i < steps - 1:
                slope = 0.5 * (slope + v(r + step * slope, (i + 1) * step))
            r = r + step * slope
        return _root(maps[:, :1]) + r / DETAIL


def detail(x: Tensor, maps: Tensor) -> Tensor:
    """Difference of images ``x`` from the mean of ``maps``, in units of its usual size."""
    return (_root(x) - _root(maps[:, :1])) * DETAIL


def _root(x: Tensor) -> Tensor:
    return x.clamp_min(0).sqrt()
