"""Loss of classifiers: label smoothing, and mixup of images (Zhang et al. 2018)."""

from __future__ import annotations

from typing import Any

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

    The share follows Beta(alpha, alpha), with the larger part for the image itself; 0 blends none.
    """
    if not alpha:
        return images, target, weights
    # One share per image instead of per batch: gradients of small batches vary less.
    beta = torch.distributions.Beta(alpha, alpha)
    share = beta.sample((len(images),)).to(images.device)
    share = torch.maximum(share, 1 - share)
    other = torch.randperm(len(images), device=images.device)
    return (
        torch.lerp(images[other], images, share[:, None, None, None]),
        torch.lerp(target[other], target, share[:, None]),
        torch.lerp(weights[other], weights, share),
    )


def supervised_loss(
    module: Any, images: Tensor, labels: Tensor, weights: Tensor, smoothing: float, alpha: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted cross-entropy of ``module.logits`` after smoothing and mixup, and the accuracy."""
    target = softened(labels, len(module.classes), smoothing)
    images, target, weights = mixed(images, target, weights, alpha)
    logits = module.logits(images).float()
    loss = (F.cross_entropy(logits, target, reduction="none") * weights).sum() / weights.sum()
    return loss, {"accuracy": (logits.argmax(1) == target.argmax(1)).float().mean()}
