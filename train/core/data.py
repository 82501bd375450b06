"""Training and validation images of a run, as tensors. Nothing here opens the test split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import lacking_planes, model_images
from radioviz.data.preprocess import Preprocess
from radioviz.data.registry import open_data_set
from train.core.config import RunConfig, TrainError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

SAME = 10.0
"""Arcsec within which two positions belong to the same source."""


@dataclass(frozen=True, eq=False)
class Part:
    """Images of one split and their catalogue rows."""

    # Float32, shape ``(n, channels, size, size)``; training images with the margin of
    # :meth:`train.core.augment.Augment.padded`.
    images: Tensor
    table: pd.DataFrame  # the catalogue rows, ``n`` of them, and the column ``data_set``

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True, eq=False)
class Data:
    """Training and validation part of a run; ``digests`` identify each data set and its splits."""

    train: Part
    valid: Part
    digests: dict[str, str]


def load(
    config: RunConfig,
    training: Preprocess | None = None,
    aside: Callable[[str, pd.DataFrame], np.ndarray] | None = None,
    channels: Sequence[str] = (),
) -> Data:
    """Open, select and preprocess the data sets of a run.

    ``training`` is the chain of training images, by default that of the run with the margin of its
    augmentation; ``aside`` gives the rows of a data set's table, bool ``(n,)``, that are left out.

    Skips sources of a later data set within :data:`SAME` of a source of an earlier one: the
    surveys overlap, and a galaxy should count once. With ``channels``, the names of planes that are
    seen together, sources that lack one of them are left out, and counted in a line of output.

    Raises TrainError if a split is empty; CatalogueError if a data set is unknown or not
    downloaded, or lacks a channel.
    """
    digests = {}
    images: dict[str, list[np.ndarray]] = {"train": [], "valid": []}
    tables: dict[str, list[pd.DataFrame]] = {"train": [], "valid": []}
    padded = config.augment.padded(config.preprocess)
    chains = {"train": training or padded, "valid": config.preprocess}
    for key, catalogue, new in each_source_once(config.data):
        split = catalogue.table["split"].to_numpy()
        if channels:
            new &= _with_all(catalogue, channels)
        recorded = hashlib.sha256("\n".join(split.tolist()).encode()).hexdigest()[:16]
        digests[key] = f"{catalogue.digest}-{recorded}"
        if aside is not None:
            new = new & ~aside(key, catalogue.table)
        for part, chain in chains.items():
            rows = np.flatnonzero((split == part) & new)
            if config.limit:
                rows = rows[: config.limit]
            found = model_images(chain, channels, catalogue, rows)
            # A blank image teaches nothing.
            kept = found.max(axis=tuple(range(1, found.ndim)), initial=0) > 0
            images[part].append(found[kept])
            tables[part].append(catalogue.table.iloc[rows[kept]].assign(data_set=key))
    parts = {}
    for part in chains:
        stack = np.concatenate(images[part])
        if not len(stack):
            raise TrainError(f"no image of {', '.join(config.data)} is in the split '{part}'")
        table = pd.concat(tables[part], ignore_index=True)
        seen = torch.from_numpy(stack)
        parts[part] = Part(seen if channels else seen[:, None], table)
    return Data(parts["train"], parts["valid"], digests)


def _with_all(catalogue: Catalogue, channels: Sequence[str]) -> np.ndarray:
    """Sources that have all channels, bool ``(n,)``."""
    wanted = {name.lower() for name in channels}
    whole = np.array(
        [
            wanted.isdisjoint(name.lower() for name in lacking_planes(catalogue, row))
            for row in range(len(catalogue))
        ]
    )
    if not whole.all():
        lost = f"{(~whole).sum():,} of {len(whole):,} sources of '{catalogue.info.key}'"
        print(f"{lost} lack one of {', '.join(channels)}: left out")
    return whole


def each_source_once(keys: Iterable[str]) -> Iterator[tuple[str, Catalogue, np.ndarray]]:
    """Data sets by key, and which of their sources ``(n,)`` none of the earlier ones has."""
    earlier: list[SkyCoord] = []
    for key in keys:
        catalogue = open_data_set(key)
        new = np.ones(len(catalogue), dtype=bool)
        placed = np.isfinite(catalogue.table["ra"].to_numpy())
        for known in earlier:
            if placed.any() and len(known):
                _, separation, _ = catalogue.positions[placed].match_to_catalog_sky(known)
                new[placed] &= separation.arcsec >= SAME
        earlier.append(catalogue.positions[placed])
        yield key, catalogue, new
