"""Steps that several networks share: shape checks, inputs, bounds, posterior samples."""

from __future__ import annotations

import torch
from torch import Tensor

from radioviz.errors import ModelError


def check_images(x: Tensor, size: int, channels: int = 1) -> None:
    """Raise :class:`ModelError` unless images have shape ``(n, channels, size, size)``."""
    if x.shape[1:] != (channels, size, size):
        raise ModelError(
            f"images have shape {tuple(x.shape)}; this model takes (n, {channels}, {size}, {size})"
        )


def check_latents(z: Tensor, dim: int) -> None:
    """Raise :class:`ModelError` unless latent vectors have shape ``(n, dim)``."""
    if z.ndim != 2 or z.shape[1] != dim:
        raise ModelError(f"latent vectors have shape {tuple(z.shape)}; this model takes (n, {dim})")


def image_and_root(x: Tensor) -> Tensor:
    """Channels and their square roots: lobes are 10 to 100 times fainter than the peak.

    The root has a finite slope at zero, which explanations need.
    """
    return torch.cat([x, (x.clamp_min(0) + 1e-6).sqrt()], dim=1)


def bounded(log_variance: Tensor) -> Tensor:
    """Log-variance bounded smoothly to +-10, far beyond what training reaches.

    A wild step stays finite, and unlike a hard bound this has a gradient to recover by.
    """
    return 10.0 * torch.tanh(log_variance / 10.0)


def sample_normal(
    mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Reparametrised sample, mean + sigma * noise (Kingma & Welling 2014)."""
    noise = torch.randn(mean.shape, generator=generator, device=mean.device)
    return mean + (0.5 * log_variance).exp() * noise
