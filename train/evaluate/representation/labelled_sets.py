"""Training and test galaxies for classifiers of codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import SPLIT_ARCSEC, close_pairs
from radioviz.data.registry import open_data_set
from train.core.config import TrainError


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """A data set as a classification problem."""

    name: str  # as in Table 2: ``mbc``, ``frdeep-nvss``, ``first``
    catalogue: Catalogue
    classes: tuple[str, ...]  # names; of two, the second is the positive class
    # train, test: row numbers in the catalogue. No training source lies within 60 arcsec of a test
    # source of this problem.
    train: np.ndarray
    test: np.ndarray
    valid: np.ndarray  # rows of ``train`` that no encoder was trained on
    # Number of official training rows excluded because they are close to a test source.
    left_out: int

    @property
    def key(self) -> str:
        """Key of the data set."""
        return self.catalogue.info.key

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Number of the class of each row, int64 of shape ``(n,)``."""
        names = self.catalogue.table["label"].to_numpy(dtype=object)[rows]
        return pd.Index(self.classes).get_indexer(pd.Index(names)).astype(np.int64)


def mbc() -> LabelledSet:
    """MiraBest Confident: FRI against FRII, the official 729 and 104."""
    catalogue = open_data_set("mirabest")
    return _labelled("mbc", catalogue, catalogue.table["mbc"].to_numpy(bool), ("FRI", "FRII"))


def frdeep_nvss() -> LabelledSet:
    """FR-DEEP NVSS: FRI against FRII, the official 550 and 50."""
    catalogue = open_data_set("frdeep-nvss")
    return _labelled("frdeep-nvss", catalogue, np.ones(len(catalogue), bool), ("FRI", "FRII"))


def first() -> LabelledSet:
    """FIRST, four classes: its own training and test split of 200."""
    catalogue = open_data_set("first")
    classes = ("Bent", "Compact", "FRI", "FRII")
    return _labelled("first", catalogue, np.ones(len(catalogue), bool), classes)


SETS = {"mbc": mbc, "frdeep-nvss": frdeep_nvss, "first": first}


def _labelled(
    name: str, catalogue: Catalogue, chosen: np.ndarray, classes: tuple[str, ...]
) -> LabelledSet:
    table = catalogue.table
    official = table["official_split"].to_numpy()
    known = chosen & table["label"].isin(classes).to_numpy()
    test = np.flatnonzero(known & (official == "test"))
    candidates = np.flatnonzero(known & (official != "test"))
    near = beside(table, candidates, test)
    empty = (table["flag"] == "empty image").to_numpy()[candidates]
    train = candidates[~near & ~empty]
    if not len(train) or not len(test):
        raise TrainError(f"{catalogue.info.key} has no labelled sources to train and test on")
    valid = train[(table["split"] == "valid").to_numpy()[train]]
    return LabelledSet(name, catalogue, classes, train, test, valid, int(near.sum()))


def beside(table: pd.DataFrame, rows: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Which of ``rows`` lie within 60 arcsec of a row of ``test`` or are listed as the same.

    Positions come from the survey or, for FR-DEEP, from matching its images.
    """
    ra, dec = (positions(table, axis) for axis in ("ra", "dec"))
    i, _, _ = close_pairs(ra[rows], dec[rows], ra[test], dec[test], radius_arcsec=SPLIT_ARCSEC)
    near = np.zeros(len(rows), dtype=bool)
    near[i] = True
    ids, same = table["source_id"].to_numpy(dtype=object), table["same_as"].to_numpy(dtype=object)
    tested = {*ids[test], *(s for s in same[test] if s)}
    near |= np.array([ids[r] in tested or same[r] in tested for r in rows], dtype=bool)
    return near


def positions(table: pd.DataFrame, axis: str) -> np.ndarray:
    """``ra`` or ``dec`` in degrees, NaN where unknown, shape ``(n,)``."""
    own = table[axis].to_numpy(float)
    if f"matched_{axis}" not in table:
        return own
    return np.where(np.isfinite(own), own, table[f"matched_{axis}"].to_numpy(float))
