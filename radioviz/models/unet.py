"""U-Net from half resolution down, whose blocks follow time or noise, and conditions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.errors import ModelError


class UNet(nn.Module):
    """From an image at half resolution down and up again; blocks follow ``given`` numbers.

    ``seen``, ``out``: channels of input and output; ``channels``: at 1/2, 1/4 and 1/8 of the
    resolution; ``embedding``: width of the embedding of the numbers. ``block(level, before,
    after)`` makes a block; level 0 is at half resolution.
    """

    def __init__(
        self,
        given: int,
        seen: int,
        out: int,
        channels: Sequence[int],
        embedding: int,
        block: Callable[[int, int, int], nn.Module],
    ) -> None:
        super().__init__()
        if not channels:
            raise ModelError("channels is empty; give at least one")
        self.embed = nn.Sequential(
            nn.Linear(given, embedding),
            nn.SiLU(),
            nn.Linear(embedding, embedding),
            nn.SiLU(),
        )
        # Four pixels at a time: at two pixels per beam they are correlated.
        self.start = nn.Conv2d(seen, channels[0], 3, padding=1)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        self.grow, self.up = nn.ModuleList(), nn.ModuleList()
        for level, (here, below) in enumerate(itertools.pairwise(channels)):
            self.down.append(block(level, here, here))
            self.shrink.append(nn.Conv2d(here, below, 3, stride=2, padding=1))
            self.grow.insert(0, nn.Conv2d(below, here, 1))
            self.up.insert(0, block(level, 2 * here, here))
        deepest = channels[-1]
        self.middle = nn.ModuleList(block(len(channels) - 1, deepest, deepest) for _ in range(2))
        self.last = nn.Conv2d(channels[0], out, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def passed(self, seen: Tensor, given: Tensor) -> Tensor:
        """Output at full resolution, ``(n, out / 4, ny, nx)``, float32.

        ``seen``: ``(n, seen, ny / 2, nx / 2)``; ``given``: ``(n, given)``.
        """
        e = self.embed(given)
        h = self.start(seen.contiguous(memory_format=torch.channels_last))
        kept: list[Tensor] = []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            h = block(h, e)
            kept.append(h)
            h = shrink(h)
        for block in self.middle:
            h = block(h, e)
        for grow, block in zip(self.grow, self.up, strict=True):
            above = F.interpolate(grow(h), scale_factor=2, mode="nearest")
            h = block(torch.cat([above, kept.pop()], 1), e)
        return F.pixel_shuffle(self.last(F.silu(h)), 2).float()


class FilmBlock(nn.Module):
    """Residual block whose scale and shift follow time and conditions (Perez et al. 2018).

    One activation and no normalisation: on a CPU they would cost more than the convolutions, and
    a block that starts as the identity does not need them at this depth.
    """

    def __init__(self, before: int, after: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * after)
        self.drop = nn.Dropout2d(dropout)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.around = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        return self.around(h) + self.change(h, e)

    def change(self, h: Tensor, e: Tensor) -> Tensor:
        """What the convolutions add."""
        scale, shift = self.film(e)[:, :, None, None].chunk(2, 1)
        inner = torch.addcmul(shift, self.first(h), 1 + scale)
        return self.second(self.drop(F.silu(inner)))
