"""Training and validation images of a run, as tensors. The test split is never opened here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from radioviz.data.registry import open_data_set
from train.config import RunConfig, TrainError


@dataclass(frozen=True, eq=False)
class Part:
    """Images of one split and their catalogue rows.

    Attributes
    ----------
    images : Tensor
        Float32, shape ``(n, 1, size, size)``; training images with the margin of
        :meth:`train.augment.Augment.padded`.
    table : pandas.DataFrame
        The catalogue rows, ``n`` of them, and the column ``data_set``.
    """

    images: Tensor
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True, eq=False)
class Data:
    """What a run learns from and what it is judged on, and the digest of each data set."""

    train: Part
    valid: Part
    digests: dict[str, str]


def load(config: RunConfig) -> Data:
    """Open, select and preprocess the data sets of a run.

    Raises
    ------
    TrainError
        If a split is empty.
    CatalogueError
        If a data set is unknown or not here.
    """
    digests = {}
    images: dict[str, list[np.ndarray]] = {"train": [], "valid": []}
    tables: dict[str, list[pd.DataFrame]] = {"train": [], "valid": []}
    chains = {"train": config.augment.padded(config.preprocess), "valid": config.preprocess}
    for key in config.data:
        catalogue = open_data_set(key)
        digests[key] = catalogue.digest
        split = catalogue.table["split"].to_numpy()
        for part, chain in chains.items():
            rows = np.flatnonzero(split == part)
            if config.limit:
                rows = rows[: config.limit]
            found = chain.apply(catalogue, rows)
            kept = found.max(axis=(1, 2), initial=0) > 0  # a blank image teaches nothing
            images[part].append(found[kept])
            tables[part].append(catalogue.table.iloc[rows[kept]].assign(data_set=key))
    parts = {}
    for part in chains:
        stack = np.concatenate(images[part])
        if not len(stack):
            raise TrainError(f"no image of {', '.join(config.data)} is in the split '{part}'")
        table = pd.concat(tables[part], ignore_index=True)
        parts[part] = Part(torch.from_numpy(stack)[:, None], table)
    return Data(parts["train"], parts["valid"], digests)
