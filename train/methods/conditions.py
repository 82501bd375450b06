"""Class and angular size of training images: the conditions of conditional models."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from radioviz.data.preprocess import Preprocess
from radioviz.morphology import measure
from train.core.augment import rescale
from train.core.data import Part


def measured_sizes(part: Part, preprocess: Preprocess, column: str = "las_isophotal") -> Tensor:
    """Angular size [arcsec] of each image, ``(n,)``, measured by :mod:`radioviz.morphology`.

    Measured on the training images themselves, without their margin, so that generated galaxies
    have the requested size when measured the same way; NaN if no source is found.
    """
    size = preprocess.size
    margin = (part.images.shape[-1] - size) // 2
    inner = part.images[..., margin : margin + size, margin : margin + size]
    scale = preprocess.field_arcsec / size if preprocess.field_arcsec else math.nan
    images = rescale(inner, preprocess)[:, 0].numpy()
    found = measure(images, scale, beam=5.4)[column]
    return torch.from_numpy(found.to_numpy(np.float32, copy=True))


def class_numbers(part: Part, classes: Sequence[str]) -> Tensor:
    """Number of the class of each image, int64 ``(n,)``; -1 for classes not in the list."""
    index = {name: i for i, name in enumerate(classes)}
    return torch.tensor([index.get(label, -1) for label in part.table["label"]])
