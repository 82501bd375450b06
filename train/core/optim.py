"""Optimiser and learning rate of a run."""

from __future__ import annotations

import math

import torch
from torch import nn

from train.core.config import RunConfig


def build_optimiser(module: nn.Module, config: RunConfig) -> torch.optim.Optimizer:
    """Optimiser of a run; weight decay applies to weight matrices, not to biases and scales.

    LARS (You et al. 2017) uses plain momentum for parameters without weight decay.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    matrices = {"params": [p for p in parameters if p.ndim > 1]}
    vectors = {"params": [p for p in parameters if p.ndim <= 1]}
    groups = [{**matrices, "weight_decay": config.weight_decay}, {**vectors, "weight_decay": 0.0}]
    rate = config.learning_rate
    if config.optimiser == "lars":
        from lightly.utils.lars import LARS

        lars: torch.optim.Optimizer = LARS(groups, lr=rate, momentum=config.momentum)
        return lars
    betas = (config.betas[0], config.betas[1])
    if config.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=betas)
    if config.optimiser == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=betas)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups, lr=rate, momentum=config.momentum)
    if config.optimiser == "adagrad":
        return torch.optim.Adagrad(groups, lr=rate)
    return torch.optim.SGD(groups, lr=rate, momentum=config.momentum)


def learning_rate(config: RunConfig, epoch: float) -> float:
    """Linear warm-up, then ``config.schedule``; the loop itself handles ``plateau``."""
    if epoch < config.warmup_epochs:
        return config.learning_rate * (epoch + 0.01) / config.warmup_epochs
    if config.schedule != "cosine":
        return config.learning_rate
    done = (epoch - config.warmup_epochs) / max(config.epochs - config.warmup_epochs, 1e-9)
    return config.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
