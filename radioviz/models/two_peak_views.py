"""What a model with two peaks sees of an image: one view for each question.

Without labels, a single latent coordinate follows what differs most between images. A view leaves
out what a question is not about: the angle of a source on the sky, its size or its brightness.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.models.frames import axis_angle, to_frame

SIDE = 16
"""Pixels of a side of every view: enough for the extent of a source and the brightness along it."""


def extent(x: Tensor) -> Tensor:
    """The source with its long axis along the rows, the mean of its four mirror images.

    Neither the angle nor the brighter end is left; the square root shows faint lobes.
    """
    frame = to_frame(x, axis_angle(x), *x.shape[-2:]).clamp(0, 1)
    mirrored = (frame + frame.flip(2) + frame.flip(3) + frame.flip(2, 3)) / 4
    return _pooled(mirrored.sqrt())


def along_the_axis(x: Tensor, faintest: float = 0.02) -> Tensor:
    """Brightness along the long axis of galaxies ``(n, 1, ny, nx)``, the same in every row.

    Summed across the axis, mirrored about the centroid and scaled to the length of the image and to
    one mean, so that neither size, angle, width nor brightness is left: only where along its axis
    a galaxy shines. ``faintest``: pixels above this fraction of the peak count as part of it.
    """
    n, _, ny, nx = x.shape
    frame = to_frame(x, axis_angle(x), ny, nx).clamp(0, 1)
    weight = frame[:, 0]
    total = weight.sum((1, 2)).clamp_min(1e-9)
    u, v = (torch.arange(m, device=x.device) - (m - 1) / 2 for m in (nx, ny))
    centre_x = (weight * u).sum((1, 2)) / total
    centre_y = (weight * v[:, None]).sum((1, 2)) / total
    seen = (weight > faintest).any(1)
    reach = ((u - centre_x[:, None]).abs() * seen).amax(1).clamp_min(nx / 16)
    scale, zero = 1.1 * reach / (nx / 2), torch.zeros_like(reach)
    theta = torch.stack(
        [
            torch.stack([scale, zero, centre_x / (nx / 2)], 1),
            torch.stack([zero, scale, centre_y / (ny / 2)], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, [n, 1, ny, nx], align_corners=False)
    along = F.grid_sample(frame, grid, align_corners=False).sum(2, keepdim=True)
    along = along + along.flip(3)
    bright = along / along.mean(3, keepdim=True).clamp_min(1e-9)
    return _pooled((bright / 4).clamp(0, 1).expand(n, 1, ny, nx))


def centre(x: Tensor) -> Tensor:
    """The central SIDE x SIDE pixels of any number of channels, each over its peak there.

    Without that a bright neighbour would make the object in the centre faint.
    """
    ny, nx = x.shape[-2:]
    y, x0 = (ny - SIDE) // 2, (nx - SIDE) // 2
    inner = x[..., y : y + SIDE, x0 : x0 + SIDE].clamp_min(0)
    return inner / inner.amax((2, 3), keepdim=True).clamp_min(1e-9)


def _pooled(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, SIDE).clamp(0, 1)


VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "extent": extent,
    "axis": along_the_axis,
    "centre": centre,
}
"""Views by name, each ``(n, channels, ny, nx)`` to ``(n, channels, SIDE, SIDE)``, 0..1."""
