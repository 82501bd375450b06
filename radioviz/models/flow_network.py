"""U-Net with residual attention blocks, which predicts an image from its noisy form.

The blocks follow the description of GalCatDiff (arXiv:2506.16255): convolutions keep local
features, attention sees the whole source, and a gate, which depends on image, noise and conditions,
weighs them for each channel. Attention costs little at a quarter and an eighth of the resolution;
above, where its cost grows with the fourth power of the side, blocks are convolutions alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.errors import ModelError
from radioviz.models.unet import FilmBlock, UNet

FREQUENCIES = 8


class AttentionBlock(FilmBlock):
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
        super().__init__(before, after, embedding, dropout)
        if after % heads:
            raise ModelError(f"{after} channels do not divide among {heads} heads of attention")
        self.heads = heads
        self.norm = nn.LayerNorm(after)
        self.query = nn.Linear(after, 3 * after)
        self.join = nn.Linear(after, after)
        self.gate = nn.Linear(after + embedding, after)
        nn.init.zeros_(self.join.weight)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        local = self.change(h, e)
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


class FlowNetwork(UNet):
    """From a noisy image, its noise, conditions and maps to the clean image.

    ``conditions``: condition numbers per image; ``maps``: maps at half resolution that it sees
    beside the image; ``channels``: at 1/2, 1/4 and 1/8 of the resolution; ``embedding``: width of
    the embedding of noise and conditions; ``dropout``: fraction of channels dropped within blocks;
    ``attention``: false for convolutions alone, to measure what attention is worth.
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
        def block(level: int, before: int, after: int) -> nn.Module:
            made = AttentionBlock if attention and level else FilmBlock
            return made(before, after, embedding, dropout)

        super().__init__(2 * FREQUENCIES + conditions, 4 + maps, 8, channels, embedding, block)

    def forward(
        self, x: Tensor, noise: Tensor, given: Tensor, maps: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What to add, and which share of the noisy image to keep, both ``(n, 1, ny, nx)``.

        ``x``: noisy images of unit variance, ``(n, 1, ny, nx)``; ``noise``: logarithm of the noise
        over the signal, ``(n,)``; ``given``: conditions ``(n, conditions)``; ``maps``:
        ``(n, maps, ny / 2, nx / 2)``.
        """
        frequency = 2.0 ** torch.arange(FREQUENCIES, device=x.device) * (math.pi / 32)
        phase = noise[:, None] * frequency
        follow = torch.cat([phase.sin(), phase.cos(), given], 1)
        out = self.passed(torch.cat([F.pixel_unshuffle(x, 2), maps], 1), follow)
        return out[:, :1], out[:, 1:].sigmoid()
