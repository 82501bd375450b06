"""Real galaxies to evaluate models on: one split of several data sets, each source once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import Preprocess
from radioviz.data.registry import open_data_set
from train.core.config import TrainError
from train.core.data import each_source_once

DATA = ("mirabest", "first")
"""For a source in both, MiraBest's class counts: FR results are quoted for it."""


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Preprocessed images ``(n, size, size)``, 0..1, and their catalogue rows."""

    images: np.ndarray
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @property
    def labels(self) -> np.ndarray:
        """Class of each galaxy, shape ``(n,)``."""
        return self.table["label"].to_numpy(object)

    def take(self, rows: np.ndarray) -> EvaluationSet:
        """Some rows, by number or mask."""
        chosen = np.arange(len(self))[rows]
        return EvaluationSet(self.images[chosen], self.table.iloc[chosen].reset_index(drop=True))


def evaluation_set(
    preprocess: Preprocess, split: str, classes: Sequence[str] = (), data: Sequence[str] = DATA
) -> EvaluationSet:
    """Galaxies of a split with one of ``classes`` (all by default), without blank images.

    Skips sources that an earlier data set contains too.

    Raises TrainError if there is no such galaxy.
    """
    images: list[np.ndarray] = []
    tables: list[pd.DataFrame] = []
    for key, catalogue, new in each_source_once(data):
        table = catalogue.table
        wanted = (table["split"].to_numpy() == split) & new
        if classes:
            wanted &= table["label"].isin(classes).to_numpy()
        rows = np.flatnonzero(wanted)
        found = preprocess.apply(catalogue, rows)
        seen = found.max(axis=(1, 2), initial=0) > 0
        images.append(found[seen])
        tables.append(table.iloc[rows[seen]].assign(data_set=key))
    out = EvaluationSet(np.concatenate(images), pd.concat(tables, ignore_index=True))
    if not len(out):
        raise TrainError(
            f"no image of {', '.join(data)} is in the split '{split}'"
            + (f" with a class of {', '.join(classes)}" if classes else "")
        )
    return out


@functools.cache
def measured_catalogue(key: str) -> Catalogue:
    """Data set with measured angular sizes ``las_isophotal`` [arcsec] and position angles."""
    return morphology.complete(open_data_set(key))
