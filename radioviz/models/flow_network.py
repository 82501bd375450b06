"""U-Net with residual attention blocks, which predicts an image from its noisy form.

The blocks follow the description of GalCatDiff (arXiv:2506.16255): convolutions keep local
features, attention sees the whole source, and a gate, which depends on image, noise and conditions,
weighs them for each channel. Attention costs little at a quarter and an eighth of the resolution;
above, where its cost grows with the fourth power of the side, blocks are convolutions alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.errors import ModelError
from radioviz.models.refiner import FilmBlock

FREQUENCIES = 8


class AttentionBlock(nn.Module):
    """Residual block whose gate mixes convolution and attention, channel by channel.

    Parameters
    ----------
    before, after : int
        Channels of input and output.
    embedding : int
        Width of the embedding of noise and conditions.
    dropout : float
        Fraction of channels dropped within the convolution.
    heads : int
        Of the attention; a divisor of ``after``.
    """

    def __init__(
        self, before: int, after: int, embedding: int, dropout: float = 0.0, heads: int = 4
    ) -> None:
        super().__init__()
        if after % heads:
            raise ModelError(f"{after} channels do not divide among {heads} heads of attention")
        self.heads = heads
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * after)
        self.drop = nn.Dropout2d(dropout)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.around = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.norm = nn.LayerNorm(after)
        self.query = nn.Linear(after, 3 * after)
        self.join = nn.Linear(after, after)
        self.gate = nn.Linear(after + embedding, after)
        for layer in (self.second, self.join):
            nn.init.zeros_(layer.weight)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        scale, shift = self.film(e)[:, :, None, None].chunk(2, 1)
        inner = torch.addcmul(shift, self.first(h), 1 + scale)
        local = self.second(self.drop(F.silu(inner)))
        base = self.around(h)
        n, channels, ny, nx = base.shape
        tokens = self.norm(base.flatten(2).transpose(1, 2))
        q, k, v = (
            part.reshape(n, -1, self.heads, channels // self.heads).transpose(1, 2)
            for part in self.query(tokens).chunk(3, 2)
        )
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        overall = self.join(seen).transpose(1, 2).reshape(n, channels, ny, nx)
        share = self.gate(torch.cat([tokens.mean(1), e.to(tokens)], 1)).sigmoid()[:, :, None, None]
        return base + share * local + (1 - share) * overall


class FlowNetwork(nn.Module):
    """From a noisy image, its noise, conditions and maps to the clean image.

    Parameters
    ----------
    conditions : int
        Condition numbers per image.
    maps : int
        Maps at half resolution that it sees beside the image.
    channels : sequence of int
        At 1/2, 1/4 and 1/8 of the resolution.
    embedding : int
        Width of the embedding of noise and conditions.
    dropout : float
        Fraction of channels dropped within blocks.
    attention : bool
        False for convolutions alone, to measure what attention is worth.
    """

    def __init__(
        self,
        conditions: int,
        maps: int,
        channels: Sequence[int] = (32, 64, 128),
        embedding: int = 128,
        dropout: float = 0.0,
        attention: bool = True,
    ) -> None:
        super().__init__()
        if not channels:
            raise ModelError("channels is empty; give at least one")

        def block(level: int, before: int) -> nn.Module:
            made = AttentionBlock if attention and level else FilmBlock
            return made(before, channels[level], embedding, dropout)

        self.embed = nn.Sequential(
            nn.Linear(2 * FREQUENCIES + conditions, embedding),
            nn.SiLU(),
            nn.Linear(embedding, embedding),
            nn.SiLU(),
        )
        # Four pixels at a time: at two pixels per beam they are correlated.
        self.start = nn.Conv2d(4 + maps, channels[0], 3, padding=1)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        self.grow, self.up = nn.ModuleList(), nn.ModuleList()
        for level, (here, below) in enumerate(itertools.pairwise(channels)):
            self.down.append(block(level, here))
            self.shrink.append(nn.Conv2d(here, below, 3, stride=2, padding=1))
            self.grow.insert(0, nn.Conv2d(below, here, 1))
            self.up.insert(0, block(level, 2 * here))
        deepest = len(channels) - 1
        self.middle = nn.ModuleList(block(deepest, channels[-1]) for _ in range(2))
        self.last = nn.Conv2d(channels[0], 8, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def forward(
        self, x: Tensor, noise: Tensor, given: Tensor, maps: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What to add, and which share of the noisy image to keep, both ``(n, 1, ny, nx)``.

        Parameters
        ----------
        x : Tensor
            Noisy images of unit variance, ``(n, 1, ny, nx)``.
        noise : Tensor
            Logarithm of the noise over the signal, ``(n,)``.
        given : Tensor
            Conditions ``(n, conditions)``.
        maps : Tensor
            ``(n, maps, ny / 2, nx / 2)``.
        """
        frequency = 2.0 ** torch.arange(FREQUENCIES, device=x.device) * (math.pi / 32)
        phase = noise[:, None] * frequency
        e = self.embed(torch.cat([phase.sin(), phase.cos(), given], 1))
        seen = torch.cat([F.pixel_unshuffle(x, 2), maps], 1)
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
        out = F.pixel_shuffle(self.last(F.silu(h)), 2).float()
        return out[:, :1], out[:, 1:].sigmoid()
