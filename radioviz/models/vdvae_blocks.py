"""Blocks and bound of the very deep VAE (Child 2020, arXiv:2011.10650, Sec. 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.models.tensors import bounded


class DeepElbo(NamedTuple):
    """Terms of the evidence lower bound, in nats."""

    log_likelihood: Tensor  # log p(x|z) of one posterior sample, shape ``(n,)``
    # KL(q || p) of every unit, one tensor per level from z0 down: ``(n, d, 1, 1)``, then ``(n,
    # channels, ny, nx)``.
    units: list[Tensor]

    @property
    def kl(self) -> Tensor:
        """KL of each level, shape ``(n, levels)``."""
        return torch.stack([u.flatten(1).sum(1) for u in self.units], 1)

    @property
    def value(self) -> Tensor:
        """The bound itself, shape ``(n,)``."""
        return self.log_likelihood - self.kl.sum(1)


def kl_between(
    mean: Tensor, log_variance: Tensor, prior_mean: Tensor, prior_log_variance: Tensor
) -> Tensor:
    """KL(N(mean, variance) || N(prior mean, prior variance)) per unit, in nats."""
    ratio = log_variance - prior_log_variance
    shift = (mean - prior_mean).square() * (-prior_log_variance).exp()
    return 0.5 * (ratio.exp() + shift - 1.0 - ratio)


class Bottleneck(nn.Module):
    """Convolutions 1x1, 3x3, 3x3, 1x1, a GELU before each; only 1x1 on maps of 2 pixels or less.

    ``residual``: add the input to the result; ``scale``: initial factor of the last weights: sqrt(1
    / blocks) preserves the variance of deep residual sums, 0 starts at zero (Child 2020, Sec. 3.2).
    """

    def __init__(
        self,
        inputs: int,
        middle: int,
        outputs: int,
        resolution: int,
        *,
        residual: bool = False,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.residual = residual
        kernel = 3 if resolution > 2 else 1
        widths = [(inputs, middle, 1), (middle, middle, kernel), (middle, middle, kernel)]
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, k, padding=k // 2) for a, b, k in [*widths, (middle, outputs, 1)]
        )
        # Preserves the variance; torch's default would remove two thirds of it per layer, with two
        # hundred layers between image and z0.
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.last.weight.mul_(scale)
            if not scale:
                self.last.bias.zero_()  # type: ignore[union-attr]

    @property
    def last(self) -> nn.Conv2d:
        """The last convolution."""
        return cast(nn.Conv2d, self.layers[-1])

    def forward(self, x: Tensor) -> Tensor:
        y = self.activated(F.gelu(x))
        return y.add_(x) if self.residual else y  # in place: nothing else needs y

    def activated(self, y: Tensor) -> Tensor:
        """Result for an input after its GELU, without the residual."""
        return self.last(self.inner(y))

    def inner(self, y: Tensor) -> Tensor:
        """Input of the last convolution, for an input after its GELU."""
        for layer in self.layers[:-1]:
            y = F.gelu(layer(y))
        return y


Pick = Callable[["TopDown", Tensor, Tensor, Tensor], Tensor]
"""Chooses a latent map: block, its input after GELU, mean and log-variance of its prior."""


class TopDown(nn.Module):
    """One latent map: prior, posterior, projection of the sample, residual block."""

    def __init__(
        self, width: int, middle: int, channels: int, resolution: int, scale: float
    ) -> None:
        super().__init__()
        self.channels = channels
        # Both start at N(0, 1): no KL, and gradients small enough not to be skipped.
        self.posterior_net = Bottleneck(2 * width, middle, 2 * channels, resolution, scale=0.0)
        self.prior_net = Bottleneck(width, middle, 2 * channels + width, resolution, scale=0.0)
        self.project = nn.Conv2d(channels, width, 1)
        with torch.no_grad():
            self.project.weight.mul_(scale)
        self.out = Bottleneck(width, middle, width, resolution, residual=True, scale=scale)

    def forward(self, h: Tensor, pick: Pick) -> Tensor:
        activated = F.gelu(h)  # the slowest step on a CPU; prior and posterior share it
        mean, log_variance, extra = self.prior_net.activated(activated).split(
            [self.channels, self.channels, h.shape[1]], 1
        )
        z = pick(self, activated, mean.float(), bounded(log_variance.float()))
        return self.out(h + extra + self.project(z))

    def at_mean(self, h: Tensor) -> Tensor:
        """Like :meth:`forward` with the latent map at the mean of its prior, in fewer steps.

        The map and the features are then linear in the input of the prior's last convolution, and
        both are added to ``h``: one 1x1 convolution with the summed weights.
        """
        last, c = self.prior_net.last, self.channels
        assert last.bias is not None and self.project.bias is not None
        project = self.project.weight.flatten(1)
        mean, extra = last.weight.flatten(1)[:c], last.weight.flatten(1)[2 * c :]
        weight = extra + project @ mean
        bias = last.bias[2 * c :] + project @ last.bias[:c] + self.project.bias
        inner = self.prior_net.inner(F.gelu(h))
        return self.out(F.conv2d(inner, weight[:, :, None, None], bias).add_(h))

    def posterior(
        self, h: Tensor, features: Tensor, prior_mean: Tensor, prior_log_variance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q, float32, from input and encoder's features after GELU.

        Relative to the prior (Vahdat & Kautz 2020, Sec. 3.2): where the network gives zero, as
        initially, the posterior is the prior.
        """
        found = self.posterior_net.activated(torch.cat([h, features], 1))
        mean, log_variance = found.float().chunk(2, 1)
        return prior_mean + mean, bounded(prior_log_variance + log_variance)


class Stage(nn.Module):
    """Top-down blocks of one resolution, and the step from the stage above."""

    def __init__(
        self,
        above: int,
        width: int,
        middle: int,
        channels: int,
        side: int,
        blocks: int,
        scale: float,
    ) -> None:
        super().__init__()
        self.side = side
        # At the step from a vector to a map, the gain varies each channel over the map; copies of
        # one vector would be uniform.
        self.gain = nn.Parameter(1 + 0.5 * torch.randn(1, above, side, side)) if side == 4 else None
        self.enter = nn.Conv2d(above, width, 1)
        self.bias = nn.Parameter(torch.zeros(1, width, side, side))
        self.blocks = nn.ModuleList(
            TopDown(width, middle, channels, side, scale) for _ in range(blocks)
        )

    def forward(self, h: Tensor, condition: Tensor | None) -> Tensor:
        if self.gain is not None:
            h = self.enter(F.interpolate(h, size=self.side) * self.gain.to(h.dtype))
        else:  # the 1x1 convolution commutes with copying and is cheaper before it
            h = F.interpolate(self.enter(h), size=self.side)
        # Keep half precision; adding a float32 bias would end it.
        h = h + self.bias.to(h.dtype)
        return h if condition is None else h + condition[:, :, None, None].to(h.dtype)
