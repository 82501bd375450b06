"""A quarter of the FRI and FRII sources for a judge of generated galaxies: ``train judge-split``.

The judge learns from these sources alone, and no generator learns from them or is chosen on them.
They are drawn from the recorded training split, so that test and validation stay as they are.
Sources within 60 arcsec of each other, in chains over all data sets, are drawn together: with a
judge's source every image of it, or near it, is set aside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.judge_sources import FILE, KEYS, LEARNED
from radioviz.data.matching import sky_groups
from radioviz.data.registry import open_data_set
from radioviz.data.splits import FOLDER

SHARE = 0.25
CLASSES = ("FRI", "FRII")
SALT = "judge-1"


def record_judge_split() -> None:
    """Draw the split from the installed data sets and write it."""
    write_judge_split(draw_judge_split({key: open_data_set(key).table for key in KEYS}))


def draw_judge_split(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows that are set aside.

    ``tables``: tables of :data:`KEYS` with ``source_id``, ``ra``, ``dec``, ``label`` and ``split``;
    FR-DEEP has ``matched_ra`` and ``matched_dec`` in place of positions. Returns ``data_set``,
    ``source_id``, ``label``, ``use``: ``judge`` for what the judge learns from, ``aside`` for other
    images of these sources and their neighbours.
    """
    parts = []
    for key, table in tables.items():
        part = table[["source_id", "ra", "dec", "label", "split"]].assign(data_set=key)
        if "matched_ra" in table:
            part["ra"] = part["ra"].fillna(table["matched_ra"])
            part["dec"] = part["dec"].fillna(table["matched_dec"])
        parts.append(part)
    every = pd.concat(parts, ignore_index=True)
    ra, dec = every["ra"].to_numpy(float), every["dec"].to_numpy(float)
    group = sky_groups(ra, dec)
    good = every["label"].isin(CLASSES) & every["data_set"].isin(LEARNED)
    good &= (every["split"] == "train") & np.isfinite(ra)
    held = every["split"].isin(("test", "valid")).to_numpy()
    open_ = good.to_numpy() & ~np.isin(group, group[held])
    # A group has the class of its open source with the lowest hash: surveys disagree about some.
    rows = np.flatnonzero(open_)
    hashes = np.array([_hash(str(s)) for s in every["source_id"].to_numpy()[rows]])
    rows = rows[np.argsort(hashes)]
    _, first_rows = np.unique(group[rows], return_index=True)
    named = rows[np.sort(first_rows)]
    labels = every["label"].to_numpy(str)[named]
    drawn: list[int] = []
    for label in CLASSES:
        mine = named[labels == label]
        drawn += group[mine[: round(SHARE * len(mine))]].tolist()
    chosen = np.isin(group, drawn)
    out = every.loc[chosen, ["data_set", "source_id", "label"]]
    out = out.assign(use=np.where(good[chosen], "judge", "aside"))
    return out.sort_values(["data_set", "source_id"], ignore_index=True)


def write_judge_split(table: pd.DataFrame, folder: Path = FOLDER) -> None:
    """Record the split."""
    with (folder / FILE).open("w", encoding="utf-8", newline="\n") as file:
        file.write("# Made by: python -m train judge-split. Rules: train/splits/judge.py\n")
        table.to_csv(file, index=False, lineterminator="\n")


def _hash(text: str) -> str:
    return hashlib.sha256(f"{SALT} {text}".encode()).hexdigest()
