"""The frame of a radio galaxy: its long axis along the rows, its longer tail to the right.

A galaxy can have any position angle; in this frame a network needs to learn each shape only once,
not at every angle. The frame is wider than high, since the diagonal of a square cutout is longer
than its side. Angles are in radians from the first axis of the array's
columns towards its rows: of the direction ``(cos, sin)`` in ``(x, y)`` pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def axis_angle(x: Tensor) -> Tensor:
    """Direction of the long axis of images ``(n, 1, ny, nx)``, towards the longer tail; ``(n,)``.

    From second moments about the centroid; the third moment gives the end. 0 for blank images.
    """
    weight = x[:, 0].float().clamp_min(0)
    ny, nx = weight.shape[-2:]
    v = torch.arange(ny, device=x.device).float()[:, None] - (ny - 1) / 2
    u = torch.arange(nx, device=x.device).float()[None, :] - (nx - 1) / 2
    total = weight.sum((1, 2)).clamp_min(1e-12)
    du = u - ((weight * u).sum((1, 2)) / total)[:, None, None]
    dv = v - ((weight * v).sum((1, 2)) / total)[:, None, None]
    uu, vv, uv = ((weight * m).sum((1, 2)) for m in (du * du, dv * dv, du * dv))
    angle = 0.5 * torch.atan2(2 * uv, uu - vv)
    along = du * angle.cos()[:, None, None] + dv * angle.sin()[:, None, None]
    skew = (weight * along**3).sum((1, 2))
    return torch.where(skew < 0, angle + torch.pi, angle)


def to_frame(x: Tensor, angle: Tensor, height: int, width: int) -> Tensor:
    """Images in their frame, ``(n, c, height, width)``; sky beyond the image is zero."""
    return _rotate(x, angle, height, width, "zeros", "bicubic")


def from_frame(maps: Tensor, angle: Tensor, size: int) -> Tensor:
    """Maps of the frame at an angle on the sky, ``(n, c, size, size)``; edges are extended."""
    return _rotate(maps, -angle, size, size, "border", "bicubic")


def _rotate(maps: Tensor, angle: Tensor, height: int, width: int, beyond: str, mode: str) -> Tensor:
    n, channels, ny, nx = maps.shape
    cos, sin = angle.float().cos(), angle.float().sin()
    zero = torch.zeros_like(cos)
    theta = torch.stack(
        [
            torch.stack([cos * width / nx, -sin * height / nx, zero], 1),
            torch.stack([sin * width / ny, cos * height / ny, zero], 1),
        ],
        1,
    )
    with torch.autocast(maps.device.type, enabled=False):  # half precision would shift pixels
        grid = F.affine_grid(theta, [n, channels, height, width], align_corners=False)
        return F.grid_sample(
            maps.float(), grid, mode=mode, padding_mode=beyond, align_corners=False
        )
