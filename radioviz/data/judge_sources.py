"""Sources that were set aside for a judge of generated galaxies: no generator learned from them.

``python -m train judge-split`` drew and recorded them; this module reads the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.datasets import first, frdeep, mirabest
from radioviz.data.matching import SPLIT_ARCSEC, close_pairs
from radioviz.data.registry import open_data_set
from radioviz.data.splits import FOLDER
from radioviz.errors import CatalogueError

FILE = "judge.csv"
KEYS = (first.INFO.key, mirabest.INFO.key, frdeep.FIRST.key, frdeep.NVSS.key)
LEARNED = KEYS[:2]
"""Data sets whose images the judge learns from; those of the others are only set aside."""

LATER = ("frdeep-first-config-fr2-224",)
"""Images that were found to show a judge's source after the split was drawn. The record stays as it
is: models that leave it out name its hash."""


def judge_rows(key: str, table: pd.DataFrame, use: str = "") -> np.ndarray:
    """Rows of a data set that are set aside for the judge, bool ``(n,)``.

    ``use``: ``judge`` for those that the judge learns from; by default all, which no generator
    may see. Raises CatalogueError if the record is missing.
    """
    path = FOLDER / FILE
    if not path.exists():
        raise CatalogueError(f"{path} is missing; reinstall RadioViz")
    record = pd.read_csv(path, comment="#", dtype="str")
    mine = record[(record["data_set"] == key) & ((record["use"] == use) | (use == ""))]
    later = () if use else LATER
    return table["source_id"].isin([*mine["source_id"], *later]).to_numpy(bool)


def rows_aside(key: str, table: pd.DataFrame) -> np.ndarray:
    """Rows of any data set that no generator may see, bool ``(n,)``.

    Of the data sets that the split names those that it names; of others, such as a survey of raw
    FITS images, all within 60 arcsec of a judge's source.
    """
    if key in KEYS:
        return judge_rows(key, table)
    out = np.zeros(len(table), bool)
    ra, dec = table["ra"].to_numpy(float), table["dec"].to_numpy(float)
    for known in LEARNED:
        own = open_data_set(known).table
        judged = own[judge_rows(known, own)]
        rows, _, _ = close_pairs(
            ra, dec, judged["ra"].to_numpy(float), judged["dec"].to_numpy(float),
            radius_arcsec=SPLIT_ARCSEC,
        )  # fmt: skip
        out[rows] = True
    return out


def judge_digest() -> str:
    """First digits of the hash of the recorded split, which a model that leaves it out names."""
    return hashlib.sha256((FOLDER / FILE).read_bytes()).hexdigest()[:12]


def learned_aside(training: Mapping[str, Any]) -> bool:
    """Whether a model, by what its ``config.json`` says of its training, saw no judge's source."""
    return training.get("set_aside") == {"judge": judge_digest()}
