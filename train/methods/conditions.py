"""Class and angular size of training images, as conditional models are asked for them."""

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


def measured_sizes(part: Part, preprocess: Preprocess) -> Tensor:
    """Angular size in arcsec of each image, ``(n,)``, as :mod:`radioviz.morphology` measures it.

    Measured on the very images, without their margin, so that what is asked for is what will be
    measured; NaN where nothing is found.
    """
    size = preprocess.size
    margin = (part.images.shape[-1] - size) // 2
    inner = part.images[..., margin : margin + size, margin : margin + size]
    scale = preprocess.field_arcsec / size if preprocess.field_arcsec else math.nan
    images = rescale(inner, preprocess)[:, 0].numpy()
    found = measure(images, scale, beam=5.4)["las_measured"]
    return torch.from_numpy(found.to_numpy(np.float32, copy=True))


def class_numbers(part: Part, classes: Sequence[str]) -> Tensor:
    """Number of the class of each image, long ``(n,)``; -1 for a class that is not in the list."""
    index = {name: i for i, name in enumerate(classes)}
    return torch.tensor([index.get(label, -1) for label in part.table["label"]])


def balanced_weights(labels: Tensor, sizes: Tensor, balance: float) -> Tensor:
    """How often each galaxy is shown, ``(n,)``: 0 equally often, 1 every class and size octave."""
    octave = sizes.nan_to_num(1.0).clamp_min(1.0).log2().round().long()
    _, group, counts = torch.unique(
        torch.stack([labels, octave]), dim=1, return_inverse=True, return_counts=True
    )
    return counts[group].double() ** -balance
