"""Splits of a user's survey, recorded in it once, so that every run keeps to the same.

A survey that brings a column ``split`` keeps it. Any other is divided 80 : 10 : 10 by these rules:
sources within 60 arcsec of each other, in chains, go together; a group within 60 arcsec of a test
source of a data set of RadioViz is test; the others are drawn by a hash of their identifiers, so
that neither their order nor sources added elsewhere move them.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.data.user_surveys import survey_lock
from radioviz.store.atomic import atomic_file, report_unwritable
from train.core.config import TrainError

RADIUS = 60.0
"""Arcsec within which sources share a split."""

SHARES = {"test": 0.1, "valid": 0.1}


def record(key: str) -> dict[str, int]:
    """Divide an imported survey, if it is not divided yet, and return how many are in each split.

    Raises
    ------
    CatalogueError
        If there is no such survey, or it is being imported or removed.
    TrainError
        If it cannot be written, or is too small to be divided.
    """
    with survey_lock(key):
        catalogue = open_data_set(key)
        given = catalogue.table["split"].to_numpy()
        if (given != "").any():
            return dict(Counter(given.tolist()))
        drawn = draw(catalogue, test_positions())
        counts = Counter(drawn.tolist())
        for split in ("train", "valid"):
            if not counts[split]:
                raise TrainError(
                    f"survey '{key}' has {len(catalogue)} sources, too few for a split '{split}'; "
                    "add more, or a column 'split' of your own"
                )
        if catalogue.folder is None:
            raise TrainError(f"survey '{key}' has no folder that its splits could be recorded in")
        path = catalogue.folder / "table.parquet"
        with report_unwritable(path, TrainError), atomic_file(path, parents=False) as scratch:
            catalogue.table.assign(split=drawn).to_parquet(scratch, index=False)
        return dict(counts)


def test_positions() -> np.ndarray:
    """RA and Dec [deg] of every test source of the data sets that are here, shape ``(n, 2)``."""
    found = [np.empty((0, 2))]
    for data_set in DATA_SETS.values():
        if data_set.is_here:
            table = open_data_set(data_set.key).table
            test = table[(table["split"] == "test") & table["ra"].notna()]
            found.append(test[["ra", "dec"]].to_numpy(float))
    return np.concatenate(found)


def draw(catalogue: Catalogue, tests: np.ndarray) -> np.ndarray:
    """Split of each source; shape ``(n,)``.

    Parameters
    ----------
    tests : numpy.ndarray
        RA and Dec [deg] near which everything is test, shape ``(m, 2)``.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(catalogue)
    ids = catalogue.table["source_id"].to_numpy()
    placed = np.flatnonzero(np.isfinite(catalogue.table["ra"].to_numpy()))
    pairs = np.empty((2, 0), np.int64)
    near = np.zeros(n, bool)
    if len(placed):
        sky = catalogue.positions[placed]
        a, b, _, _ = sky.search_around_sky(sky, RADIUS * u.arcsec)
        pairs = np.stack([placed[a], placed[b]])
        if len(tests):
            known = SkyCoord(tests[:, 0], tests[:, 1], unit=u.deg)
            _, apart, _ = sky.match_to_catalog_sky(known)
            near[placed] = apart.arcsec < RADIUS
    graph = coo_array((np.ones(pairs.shape[1], bool), (pairs[0], pairs[1])), shape=(n, n))
    count, group = connected_components(graph, directed=False)
    first = np.full(count, "", dtype=object)
    for name, g in zip(ids, group, strict=True):
        first[g] = name if not first[g] else min(first[g], name)
    number = np.array([_number(catalogue.info.key, name) for name in first])
    split = np.full(count, "train", dtype=object)
    bound = 0.0
    for name, share in SHARES.items():
        split[(number >= bound) & (number < bound + share)] = name
        bound += share
    split[np.unique(group[near])] = "test"
    result: np.ndarray = split[group]
    return result


def _number(key: str, source_id: str) -> float:
    """A number in 0..1 that a source keeps."""
    digest = hashlib.sha256(f"{key}/{source_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
