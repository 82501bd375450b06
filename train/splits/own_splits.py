"""Splits of a user's survey, recorded in it once, so that every run uses the same.

A survey with a column ``split`` keeps it, and one whose splits are recorded under its key (MGCLS,
LoTSS, VLASS, FR-DEEP v2: :mod:`train.splits.surveys`) gets those. Any other is divided
80 : 10 : 10 by these rules: sources within 60 arcsec of each other, in chains, share a split; a
group within 60 arcsec of a test source of a data set of RadioViz is test; the others are drawn by
a hash of their identifiers, so that their order and other sources do not matter.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import SPLIT_ARCSEC, close_pairs, sky_groups
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.data.splits import recorded_by_file
from radioviz.data.user_surveys import survey_lock
from radioviz.store.atomic import atomic_file, report_unwritable
from train.core.config import TrainError

SHARES = {"test": 0.1, "valid": 0.1}


def record_own_splits(key: str) -> dict[str, int]:
    """Divide an imported survey, if it has no splits yet; the number of sources in each split.

    Raises CatalogueError if there is no such survey, or it is being imported or removed; TrainError
    if it cannot be written, or is too small to divide.
    """
    with survey_lock(key):
        catalogue = open_data_set(key)
        given = catalogue.table["split"].to_numpy()
        if (given != "").any():
            return dict(Counter(given.tolist()))
        drawn = recorded_by_file(catalogue.table, key)
        if drawn is None:
            drawn = draw_own_splits(catalogue, test_positions())
        counts = Counter(drawn.tolist())
        for split in ("train", "valid"):
            if not counts[split]:
                raise TrainError(
                    f"survey '{key}' has {len(catalogue)} sources, too few for a split '{split}'; "
                    "add more, or a column 'split' of your own"
                )
        if catalogue.folder is None:
            raise TrainError(f"survey '{key}' has no folder to record its splits in")
        path = catalogue.folder / "table.parquet"
        with report_unwritable(path, TrainError), atomic_file(path, parents=False) as scratch:
            catalogue.table.assign(split=drawn).to_parquet(scratch, index=False)
        return dict(counts)


def test_positions() -> np.ndarray:
    """RA and Dec [deg] of all test sources of the installed data sets, shape ``(n, 2)``."""
    found = [np.empty((0, 2))]
    for data_set in DATA_SETS.values():
        if data_set.is_here:
            table = open_data_set(data_set.key).table
            test = table[(table["split"] == "test") & table["ra"].notna()]
            found.append(test[["ra", "dec"]].to_numpy(float))
    return np.concatenate(found)


def draw_own_splits(catalogue: Catalogue, tests: np.ndarray) -> np.ndarray:
    """Draw the split of each source; shape ``(n,)``.

    ``tests``: RA and Dec [deg] of test sources, whose neighbours are test, too; shape ``(m, 2)``.
    """
    key, table = catalogue.info.key, catalogue.table
    ra, dec = table["ra"].to_numpy(), table["dec"].to_numpy()
    group = sky_groups(ra, dec)
    first = table["source_id"].astype(object).groupby(group).transform("min")
    number = np.array([_number(key, name) for name in first])
    near, _, _ = close_pairs(ra, dec, tests[:, 0], tests[:, 1], radius_arcsec=SPLIT_ARCSEC)
    bounds = np.cumsum(list(SHARES.values()))
    drawn = np.array([*SHARES, "train"], dtype=object)[np.searchsorted(bounds, number, "right")]
    split: np.ndarray = np.where(np.isin(group, group[near]), "test", drawn)
    return split


def _number(key: str, source_id: str) -> float:
    """A reproducible number in 0..1."""
    digest = hashlib.sha256(f"{key}/{source_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
