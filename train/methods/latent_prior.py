"""Train the prior p(z | condition) of a VAE where the encoder puts the training galaxies."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from radioviz.models.latent_prior import LatentPrior

Posterior = tuple[Tensor, Tensor, Tensor]
"""Means and widths ``(n, d)`` of q(z | x), and conditions ``(n, k)``."""


def fit_prior(
    prior: LatentPrior,
    train: list[Posterior],
    valid: Posterior,
    steps: int,
    batch: int = 512,
    every: int = 200,
) -> None:
    """Train a prior and keep the weights that are best on the validation galaxies."""
    means, widths, given = (torch.cat(parts) for parts in zip(*train, strict=True))
    prior.mean.copy_(means.mean(0))
    prior.scale.copy_((means.var(0) + widths.square().mean(0)).sqrt())
    prior.requires_grad_(True)
    optimiser = torch.optim.AdamW(prior.parameters(), lr=1e-3, weight_decay=0.01)
    average = copy.deepcopy(prior).eval()
    best, best_loss, running = copy.deepcopy(prior.state_dict()), math.inf, 0.0
    order = _endless(len(means), batch)
    for step in range(1, steps + 1):
        rate = 1e-3 * min(1.0, step / 200) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        rows = next(order)
        z = means[rows] + widths[rows] * torch.randn(len(rows), means.shape[1])
        prior.train()
        loss = prior.loss(z, given[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        running += float(loss.detach()) / every
        with torch.no_grad():
            memory = min(0.999, (1 + step) / (10 + step))
            for slow, fast in zip(average.parameters(), prior.parameters(), strict=True):
                slow.lerp_(fast, 1 - memory)
        if step % every == 0 or step == steps:
            found = prior_loss(average, valid)
            print(f"prior: step {step}, loss {running:.4f}, validation {found:.4f}")
            running = 0.0
            if found < best_loss:
                best, best_loss = copy.deepcopy(average.state_dict()), found
    prior.load_state_dict(best)
    prior.requires_grad_(False).eval()


@torch.no_grad()
def prior_loss(prior: LatentPrior, valid: Posterior, draws: int = 16) -> float:
    """Loss of a prior on validation galaxies, with the same draws each time."""
    generator = torch.Generator().manual_seed(1)
    mean, width, given = valid
    losses = []
    for _ in range(draws):
        z = mean + width * torch.randn(mean.shape, generator=generator)
        losses.append(prior.loss(z, given, generator).mean())
    return float(torch.stack(losses).mean())


def _endless(n: int, batch: int) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(n)
        yield from (rows for rows in order.split(batch) if len(rows) == min(batch, n))
