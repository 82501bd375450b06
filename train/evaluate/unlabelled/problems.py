"""Populations of two classes whose labels only judge: compact, FR class, stars and galaxies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radioviz.data.preprocess import PRESETS
from radioviz.models.two_peak_views import VIEWS
from train.evaluate.evaluation_set import evaluation_set
from train.evaluate.unlabelled.ugriz import stars_and_galaxies, to_unit

PARTS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class TwoClasses:
    """One population."""

    name: str  # part of the names of its figures
    images: dict[str, Tensor]  # part to what the methods see, ``(n, channels, SIDE, SIDE)``, 0..1
    # Part to 1 for the first class and 0 for the other, ``(n,)``. Training does not see it.
    truth: dict[str, np.ndarray]
    data: str  # where the images are from
    view: str  # a name of :data:`radioviz.models.two_peak_views.VIEWS`
    classes: tuple[str, str]  # names of the other class and of the first


def compact(parts: Sequence[str] = PARTS) -> TwoClasses:
    """FIRST: compact sources against extended ones, along and across their axis."""
    extended = ("Bent", "FRI", "FRII")
    return _first("compact", parts, ("Compact",), extended, "extent", ("extended", "compact"))


def fanaroff_riley(parts: Sequence[str] = PARTS) -> TwoClasses:
    """FIRST: FRII against FRI, the brightness along the long axis."""
    return _first("fr", parts, ("FRII",), ("FRI",), "axis", ("FRI", "FRII"))


def stars(parts: Sequence[str] = PARTS) -> TwoClasses:
    """Synthetic galaxies against stars in five bands; the central quarter of 64x64 pixels."""
    images, truth = {}, {}
    for part in parts:
        sky = stars_and_galaxies(_STARS[part], PARTS.index(part))
        images[part] = VIEWS["centre"](torch.from_numpy(to_unit(sky.images)))
        truth[part] = sky.galaxy.astype(int)
    classes = ("star", "galaxy")
    return TwoClasses("stars", images, truth, "synthetic ugriz", "centre", classes)


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
    view: str,
    classes: tuple[str, str],
) -> TwoClasses:
    images, truth = {}, {}
    for part in parts:
        found = evaluation_set(PRESETS["compact64"], part, (*one, *other), ("first",))
        images[part] = VIEWS[view](torch.from_numpy(found.images)[:, None])
        truth[part] = np.isin(found.labels, one).astype(int)
    return TwoClasses(name, images, truth, "first", view, classes)
