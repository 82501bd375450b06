"""A learned prior of latent vectors, p(z | class, size), by flow matching.

The codes of real galaxies do not fill the standard normal prior of a VAE (Dai & Wipf 2019); a prior
fitted to the aggregate posterior, given the conditions, samples only where galaxies are. A network
v moves points from a normal distribution at t = 0 along straight lines to latent vectors at t = 1
(Lipman et al. 2023, Eq. 23),

    loss = E |v(z_t, t, c) - (z_1 - z_0)|^2,   z_t = (1 - t) z_0 + t z_1,

and samples follow dz/dt = v from t = 0 to 1 in :data:`STEPS` steps of Heun's method. Some training
examples lack the conditions, so that their influence can be scaled (classifier-free guidance, Ho &
Salimans 2022): v = v(none) + w (v(c) - v(none)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

STEPS = 16


class _Block(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.given = nn.Linear(width, 2 * width)
        last = nn.Linear(width, width)
        nn.init.zeros_(last.weight)
        self.body = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), last)

    def forward(self, h: Tensor, given: Tensor) -> Tensor:
        scale, shift = self.given(given).chunk(2, 1)
        return h + self.body(self.norm(h) * (1 + scale) + shift)


class LatentPrior(nn.Module):
    """Flow of ``dim`` numbers, given ``conditions`` numbers.

    ``mean``, ``scale``: standardisation of latent vectors, ``(dim,)``, from the training galaxies.
    """

    def __init__(
        self, dim: int, conditions: int, width: int = 256, blocks: int = 3, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.dim, self.conditions = dim, conditions
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.start = nn.Linear(dim, width)
        # One more number flags whether conditions are given.
        self.given = nn.Sequential(
            nn.Linear(conditions + 1 + 16, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.blocks = nn.ModuleList(_Block(width, dropout) for _ in range(blocks))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dim))

    def velocity(self, z: Tensor, t: Tensor, conditions: Tensor, given: Tensor) -> Tensor:
        """v at standardised points ``(n, dim)`` and times ``(n,)``; ``given`` is 0 or 1, (n,)."""
        frequency = 2.0 ** torch.arange(8, device=z.device) * (math.pi / 2)
        phase = t[:, None] * frequency
        known = given[:, None].to(z.dtype)
        h = torch.cat([conditions * known, known, phase.sin(), phase.cos()], 1)
        h = self.given(h)
        x = self.start(z)
        for block in self.blocks:
            x = block(x, h)
        return self.last(x)

    def loss(
        self, z: Tensor, conditions: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Flow matching loss of latent vectors ``(n, dim)``, mean over dimensions, ``(n,)``."""
        target = (z - self.mean) / self.scale
        n, device = len(z), z.device
        t = torch.rand(n, generator=generator, device=device)
        noise = torch.randn(z.shape, generator=generator, device=device)
        given = torch.rand(n, generator=generator, device=device) > 0.1
        point = (1 - t)[:, None] * noise + t[:, None] * target
        error = self.velocity(point, t, conditions, given) - (target - noise)
        return error.square().mean(1)

    def draw(self, noise: Tensor, conditions: Tensor, guidance: float = 1.0) -> Tensor:
        """Latent vectors ``(n, dim)`` from normal numbers ``(n, dim)``."""
        z = noise
        ones = torch.ones(len(z), device=z.device)
        both, known = torch.cat([conditions, conditions]), torch.cat([ones, 0 * ones])

        def v(z: Tensor, t: float) -> Tensor:
            if guidance == 1.0:
                return self.velocity(z, ones * t, conditions, ones)
            given, free = self.velocity(torch.cat([z, z]), known * 0 + t, both, known).chunk(2)
            return free + guidance * (given - free)

        step = 1.0 / STEPS
        for i in range(STEPS):
            slope = v(z, i * step)
            z = z + 0.5 * step * (slope + v(z + step * slope, (i + 1) * step))
        return self.mean + self.scale * z
