"""Real galaxies to judge models by: one split of several data sets, each source once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz.data.preprocess import Preprocess
from radioviz.data.registry import open_data_set
from train.core.config import TrainError
from train.core.data import repeated

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

DATA = ("mirabest", "first")
"""Where a source is in both, MiraBest's class counts: it is the one that FR figures are quoted
for."""


@dataclass(frozen=True, eq=False)
class Galaxies:
    """Preprocessed images ``(n, size, size)``, 0..1, and their catalogue rows."""

    images: np.ndarray
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @property
    def labels(self) -> np.ndarray:
        """Class of each, shape ``(n,)``."""
        return self.table["label"].to_numpy(object)

    def take(self, rows: np.ndarray) -> Galaxies:
        """Some rows, by number or mask."""
        chosen = np.arange(len(self))[rows]
        return Galaxies(self.images[chosen], self.table.iloc[chosen].reset_index(drop=True))


def galaxies(
    preprocess: Preprocess,
    split: str,
    classes: Sequence[str] = (),
    data: Sequence[str] = DATA,
) -> Galaxies:
    """Galaxies of a split that have one of ``classes`` (all where none are given).

    A source of a later data set that an earlier one holds too is left out, and so are blank
    images.

    Raises
    ------
    TrainError
        If there is none.
    """
    images: list[np.ndarray] = []
    tables: list[pd.DataFrame] = []
    earlier: list[SkyCoord] = []
    for key in data:
        catalogue = open_data_set(key)
        table = catalogue.table
        wanted = (table["split"].to_numpy() == split) & ~repeated(catalogue, earlier)
        if classes:
            wanted &= table["label"].isin(classes).to_numpy()
        rows = np.flatnonzero(wanted)
        found = preprocess.apply(catalogue, rows)
        seen = found.max(axis=(1, 2), initial=0) > 0
        images.append(found[seen])
        tables.append(table.iloc[rows[seen]].assign(data_set=key))
        earlier.append(catalogue.positions)
    out = Galaxies(np.concatenate(images), pd.concat(tables, ignore_index=True))
    if not len(out):
        raise TrainError(
            f"no image of {', '.join(data)} is in the split '{split}'"
            + (f" with a class of {', '.join(classes)}" if classes else "")
        )
    return out
