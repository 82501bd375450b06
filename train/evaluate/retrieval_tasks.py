"""Queries of ``python -m train evaluate sim`` and their relevant results."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.data.matching import close_pairs
from train.evaluate import retrieval_metrics
from train.evaluate.evaluation_set import measured_catalogue

CLASSES = ("FRI", "FRII", "Compact", "Bent")
ELONGATED = 20.0  # arcsec: four beams, enough for a position angle


@dataclass(frozen=True, eq=False)
class RetrievalTask:
    """Queries, allowed results and relevant results."""

    name: str
    data: str  # data set of the queries
    rows: np.ndarray  # rows of the queries in it
    allowed: np.ndarray  # bool ``(q, n)``: entries of FIRST that may be results
    # relevant, sized: bool ``(q, n)``: same class; angular size within 20 %
    relevant: np.ndarray
    sized: np.ndarray
    angles: np.ndarray
    labels: np.ndarray


@functools.cache
def task(name: str, split: str) -> RetrievalTask:
    """Queries of a split and their allowed results.

    ``first4``; ``first4-heldout``, with results of the same split only; ``mbc_to_first``; and
    ``mbc_to_first-fr``, with FRI and FRII results only: MiraBest calls bent tails FRI, FIRST calls
    them Bent, so ``mbc_to_first`` counts a Bent result for an FRI query as wrong.
    """
    first = measured_catalogue("first").table
    key = "mirabest" if name.startswith("mbc") else "first"
    table = measured_catalogue(key).table
    wanted = table["label"].isin(CLASSES) & (table["split"] == split)
    if key == "mirabest":
        wanted &= table["mbc"].astype(bool)
    # An empty image shows no class.
    wanted &= table["peak"].to_numpy(float) > 0
    rows = np.flatnonzero(wanted)
    some = table.iloc[rows]
    allowed = np.ones((len(rows), len(first)), dtype=bool)
    ra, dec = (some[c].to_numpy(float) for c in ("ra", "dec"))
    i, j, _ = close_pairs(ra, dec, first["ra"].to_numpy(float), first["dec"].to_numpy(float))
    allowed[i, j] = False
    if key == "first":
        allowed[np.arange(len(rows)), rows] = False
    if name == "first4-heldout":
        allowed &= (first["split"] == split).to_numpy()
    if name == "mbc_to_first-fr":
        allowed &= first["label"].isin(["FRI", "FRII"]).to_numpy()
    allowed &= (first["peak"].to_numpy(float) > 0)[None]
    labels = some["label"].to_numpy(dtype=object)
    return RetrievalTask(
        name,
        key,
        rows,
        allowed,
        labels[:, None] == first["label"].to_numpy(dtype=object)[None],
        retrieval_metrics.similar_size(some["las"].to_numpy(float), first["las"].to_numpy(float)),
        angles(some),
        labels,
    )


def angles(table: pd.DataFrame) -> np.ndarray:
    """Position angles in degrees; NaN for sources that are not elongated."""
    long = table["las_isophotal"].to_numpy(float) >= ELONGATED
    return np.where(long, table["position_angle"].to_numpy(float), np.nan)
