"""Sky, and sources of two classes: masks and a model with two peaks together.

After "A Robust Hierarchical Variational Auto-encoder for Unsupervised Star Galaxy Classification",
Section 6.3.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import find_objects, label
from torch import Tensor

from radioviz.errors import ModelError
from radioviz.models.two_peak_side import TwoPeakSide
from radioviz.models.two_peak_vae import TwoPeaks

_EIGHT = np.ones((3, 3))


@torch.no_grad()
def three_classes(masks: Tensor, images: Tensor, model: TwoPeaks | TwoPeakSide) -> Tensor:
    """0 for sky, 1 for sources at the peak -m of the model, 2 for those at m; ``(n, ny, nx)``.

    The model sees each island of a mask alone, in its own square of ``model.size`` pixels about the
    middle of the island, the brightest pixel 1. What an island has beyond that square is cut off.

    ``masks``: true where a pixel is source, shape ``(n, ny, nx)``; ``images``: brightness above the
    background, shape ``(n, channels, ny, nx)``; ``model``: in evaluation mode, for images of these
    channels. Raises ModelError if masks and images are not of the same size.
    """
    if masks.shape != (len(images), *images.shape[2:]):
        raise ModelError(
            f"masks have shape {tuple(masks.shape)}, images {tuple(images.shape)}; expected "
            "(n, ny, nx) and (n, channels, ny, nx)"
        )
    out = torch.zeros(masks.shape, dtype=torch.uint8)
    for mask, image, classes in zip(masks.numpy(), images, out, strict=True):
        islands, n = label(mask, _EIGHT)
        if not n:
            continue
        alone = [
            _alone(image, torch.from_numpy(islands == number), place, model.size)
            for number, place in enumerate(find_objects(islands), 1)
        ]
        found = 1 + (model.side(torch.stack(alone)).flatten() > 0).to(torch.uint8)
        classes[mask] = found[torch.from_numpy(islands[mask] - 1)]
    return out


def _alone(image: Tensor, own: Tensor, place: tuple[slice, slice], size: int) -> Tensor:
    """One island in a square of ``size`` pixels, ``(channels, size, size)``, 0..1."""
    out = torch.zeros(len(image), size, size)
    source, target = [slice(None)], [slice(None)]
    for axis, length in zip(place, own.shape, strict=True):
        first = (axis.start + axis.stop - size) // 2  # of the square, in pixels of the image
        low, high = max(first, 0), min(first + size, length)
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    out[tuple(target)] = (image * own)[tuple(source)].clamp_min(0)
    return out / out.max().clamp_min(1e-12)
