"""Labels for classifiers: softened, and mixed between images (Zhang et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def softened(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """One-hot targets ``(n, classes)`` with ``smoothing`` spread over all classes."""
    target = F.one_hot(labels, classes).float()
    return target * (1 - smoothing) + smoothing / classes


def mixed(
    images: Tensor, target: Tensor, weights: Tensor, alpha: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Images ``(n, 1, ny, nx)``, targets ``(n, k)`` and weights ``(n,)`` blended pairwise.

    The share of each image is Beta(alpha, alpha), the larger part its own; 0 leaves all as it is.
    """
    if not alpha:
        return images, target, weights
    # One share an image rather than a batch: gradients of small batches vary less.
    beta = torch.distributions.Beta(alpha, alpha)
    share = beta.sample((len(images),)).to(images.device)
    share = torch.maximum(share, 1 - share)
    other = torch.randperm(len(images), device=images.device)
    return (
        torch.lerp(images[other], images, share[:, None, None, None]),
        torch.lerp(target[other], target, share[:, None]),
        torch.lerp(weights[other], weights, share),
    )


def weighted_loss(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy with soft targets, averaged over images with their weights."""
    return (F.cross_entropy(logits, target, reduction="none") * weights).sum() / weights.sum()
