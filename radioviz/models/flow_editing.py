"""Change real images with a flow: fill a masked part, or move a galaxy to another class or size.

Filling starts from noise and keeps the pixels that are known at every level of noise; each level is
passed several times, with new noise between, so that both parts fit (Lugmayr et al. 2022). Moving
follows the path of an image up to some level of noise, as what it is, and down again as what is
asked for: the lower the level, the more of the galaxy stays (Song et al. 2021, Sec. 4.3; Meng et
al. 2022).
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.models.galaxy_flow import (
    CLEANEST,
    FAINTEST,
    NOISIEST,
    Ask,
    GalaxyFlow,
    brightness,
    stretch,
)

ROUNDS = 3
"""Passes through each level above :data:`REPEATED` when filling."""

REPEATED = 0.2
LEAST = 0.1
"""Noise at which nothing visible changes."""


def level_of(change: float) -> float:
    """Noise up to which an image is followed, for a change of 0 (none) to 1 (all)."""
    return LEAST * (NOISIEST / LEAST) ** min(max(change, 0.0), 1.0)


def filled(flow: GalaxyFlow, x: Tensor, known: Tensor, ask: Ask, source: torch.Generator) -> Tensor:
    """Images ``(n, 1, ny, nx)`` whose unknown pixels are drawn, brightness in units of the peak.

    Parameters
    ----------
    x : Tensor
        Images; values of unknown pixels have no effect.
    known : Tensor
        Bool, like ``x``.
    source : torch.Generator
        Of the noise, on the CPU.
    """
    target = torch.where(known, stretch(x), 0.0)
    given, maps = flow.given(len(x), ask), flow.places(ask)
    at = NOISIEST * torch.randn(x.shape, generator=source).to(x)
    for here, there in itertools.pairwise(flow.sigmas()):
        rounds = ROUNDS if there > REPEATED else 1
        for k in range(rounds):
            level = torch.full((len(x),), here, device=x.device)
            clean = torch.where(known, target, flow.denoise(at, level, given, maps))
            at = there / here * at + (1 - there / here) * clean
            if k + 1 < rounds:
                fresh = torch.randn(x.shape, generator=source).to(x)
                at = at + math.sqrt(here**2 - there**2) * fresh
    return torch.where(known, x, _visible(at))


def moved(
    flow: GalaxyFlow, x: Tensor, before: Ask, after: Ask, change: float, guidance: float = 1.0
) -> Tensor:
    """Images ``(n, 1, ny, nx)`` of galaxies ``x`` moved to what is asked for, with peak 1.

    Parameters
    ----------
    before, after : Ask
        What they are, and what is asked for. For another size, images are scaled first.
    change : float
        0 keeps the scaled images, 1 all but forgets them.
    """
    ratio = after.sizes / before.sizes
    start = rescaled(x, ratio)
    top = level_of(change)
    steps = max(int(flow.steps), 2)
    ends = CLEANEST ** (1 / 5), top ** (1 / 5)
    rising = [(ends[0] + (ends[1] - ends[0]) * i / steps) ** 5 for i in range(steps + 1)]
    here = before._replace(sizes=after.sizes)
    noisy = flow.follow(stretch(start), here, rising, 1.0)
    out = _visible(flow.follow(noisy, after, rising[::-1], guidance))
    return out / out.amax((2, 3), keepdim=True).clamp_min(1e-6)


def rescaled(x: Tensor, ratio: Tensor) -> Tensor:
    """Images scaled about their centre by ``ratio`` ``(n,)``, above 1 larger."""
    zero = torch.zeros_like(ratio)
    theta = torch.stack(
        [torch.stack([1 / ratio, zero, zero], 1), torch.stack([zero, 1 / ratio, zero], 1)], 1
    )
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def _visible(stretched: Tensor) -> Tensor:
    out = brightness(stretched)
    return torch.where(out > FAINTEST / 2, out, 0.0).clamp_max(1.0)
