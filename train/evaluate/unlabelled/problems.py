"""Populations of two classes whose labels only judge: compact, FR class, stars and galaxies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.data.preprocess import PRESETS
from radioviz.models.frames import axis_angle, to_frame
from train.evaluate.evaluation_set import evaluation_set
from train.evaluate.unlabelled.ugriz import stars_and_galaxies, to_unit

SIDE = 16
"""Pixels of the images that the methods see. Ten seeds of every method take minutes at this size;
it holds the extent of a source and the brightness along it."""

PARTS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class TwoClasses:
    """One population.

    Attributes
    ----------
    name : str
        Part of the names of its figures.
    images : dict
        Part to images ``(n, channels, SIDE, SIDE)``, 0..1.
    truth : dict
        Part to 1 for the first class and 0 for the other, ``(n,)``. Training does not see it.
    data : str
        Where the images are from.
    """

    name: str
    images: dict[str, Tensor]
    truth: dict[str, np.ndarray]
    data: str


def compact(parts: Sequence[str] = PARTS) -> TwoClasses:
    """FIRST: compact sources against extended ones, north up; the root shows faint lobes."""
    return _first("compact", parts, ("Compact",), ("Bent", "FRI", "FRII"), torch.sqrt)


def fanaroff_riley(parts: Sequence[str] = PARTS) -> TwoClasses:
    """FIRST: FRII against FRI, the brightness along the long axis."""
    return _first("fr", parts, ("FRII",), ("FRI",), along_the_axis)


def stars(parts: Sequence[str] = PARTS) -> TwoClasses:
    """Synthetic galaxies against stars in five bands; the central quarter of 64x64 pixels."""
    images, truth = {}, {}
    for part in parts:
        sky = stars_and_galaxies(_STARS[part], PARTS.index(part))
        middle = torch.from_numpy(to_unit(sky.images))[..., 16:48, 16:48]
        images[part] = F.avg_pool2d(middle, 32 // SIDE)
        truth[part] = sky.galaxy.astype(int)
    return TwoClasses("stars", images, truth, "synthetic ugriz")


_STARS = {"train": 1000, "valid": 400, "test": 1000}

PROBLEMS: dict[str, Callable[[Sequence[str]], TwoClasses]] = {
    "compact": compact,
    "fr": fanaroff_riley,
    "stars": stars,
}


def _first(
    name: str,
    parts: Sequence[str],
    one: tuple[str, ...],
    other: tuple[str, ...],
    view: Callable[[Tensor], Tensor],
) -> TwoClasses:
    images, truth = {}, {}
    for part in parts:
        found = evaluation_set(PRESETS["compact64"], part, (*one, *other), ("first",))
        seen = view(torch.from_numpy(found.images)[:, None])
        images[part] = F.avg_pool2d(seen, seen.shape[-1] // SIDE).clamp(0, 1)
        truth[part] = np.isin(found.labels, one).astype(int)
    return TwoClasses(name, images, truth, "first")


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
    u, v = torch.arange(nx) - (nx - 1) / 2, torch.arange(ny) - (ny - 1) / 2
    centre_x = (weight * u).sum((1, 2)) / total
    centre_y = (weight * v[:, None]).sum((1, 2)) / total
    seen = (weight > faintest).any(1)
    reach = ((u - centre_x[:, None]).abs() * seen).amax(1).clamp_min(nx / 16)
    scale, zero = 1.1 * reach / (nx / 2), torch.zeros(n)
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
    return (bright / 4).clamp(0, 1).expand(n, 1, ny, nx)
