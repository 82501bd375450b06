"""Training images of several surveys: each source once, with all its images.

:func:`train.core.data.load` drops a source that an earlier data set has. Here every image is kept,
and rows of one source (within 10 arcsec) share a number, so that an epoch visits each source once
and two telescopes' images of it can be a pair.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import torch

from radioviz import morphology
from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import sky_groups
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.morphology.frame import SourceFrame
from radioviz.paths import cache_folder
from radioviz.store import records
from radioviz.store.atomic import atomic_folder
from train.core.config import RunConfig, TrainError
from train.core.data import SAME, Data, Part
from train.splits.own_splits import record_own_splits

VERSION = 2  # of the files in the cache folder

DEFAULT_BEAM = 3.0
"""Pixels of the image, where the beam is unknown."""


def load_surveys(config: RunConfig, share: float = 1.0) -> Data:
    """Images with margin of both parts, in the tables also ``source`` and ``beam_pixels``.

    ``share``: of the training sources that are used, drawn by a hash of their first position.
    Raises TrainError if a split is empty, or the chain is no :class:`SourceFrame`; CatalogueError
    if a data set is unknown or not here.
    """
    if not isinstance(config.preprocess, SourceFrame):
        raise TrainError(f"{config.name}: preprocess must be a frame that fits the source")
    chain = config.augment.padded(config.preprocess)
    assert isinstance(chain, SourceFrame)
    digests = {}
    images: dict[str, list[np.ndarray]] = {"train": [], "valid": []}
    tables: dict[str, list[pd.DataFrame]] = {"train": [], "valid": []}
    for key in config.data:
        if key not in DATA_SETS:
            record_own_splits(key)
        catalogue = open_data_set(key)
        split = catalogue.table["split"].to_numpy()
        recorded = hashlib.sha256("\n".join(split.tolist()).encode()).hexdigest()[:16]
        digests[key] = f"{catalogue.digest}-{recorded}"
        for part in images:
            rows = np.flatnonzero(split == part)[: config.limit or None]
            found, table = _kept(catalogue, rows, chain)
            images[part].append(found)
            tables[part].append(table.assign(data_set=key))
    parts = {}
    for part, stacks in images.items():
        stack = np.concatenate(stacks)
        if not len(stack):
            raise TrainError(f"no image of {', '.join(config.data)} is in the split '{part}'")
        table = pd.concat(tables[part], ignore_index=True)
        table["source"] = source_numbers(table)
        if part == "train" and share < 1:
            kept = _drawn(table, share)
            stack, table = stack[kept], table[kept].reset_index(drop=True)
            table["source"] = source_numbers(table)
        parts[part] = Part(torch.from_numpy(stack)[:, None], table)
    return Data(parts["train"], parts["valid"], digests)


def _kept(
    catalogue: Catalogue, rows: np.ndarray, chain: SourceFrame
) -> tuple[np.ndarray, pd.DataFrame]:
    """:func:`_framed` from the cache folder; made first if it is not there.

    Finding the sources of all surveys takes a minute, which each start of a run would repeat.
    """
    stamp = hashlib.sha256(rows.tobytes())
    stamp.update(f"{catalogue.digest} {chain.digest} {morphology.VERSION} {VERSION}".encode())
    folder = cache_folder() / "training" / f"{catalogue.info.key}-{stamp.hexdigest()[:16]}"
    try:
        return records.read_npy(folder / "images.npy"), records.read_parquet(
            folder / "table.parquet"
        )
    except (OSError, ValueError):
        found, table = _framed(catalogue, rows, chain)
    if not folder.exists():
        with atomic_folder(folder) as scratch:
            np.save(scratch / "images.npy", found)
            table.to_parquet(scratch / "table.parquet", index=False)
    return found, table


def _framed(
    catalogue: Catalogue, rows: np.ndarray, chain: SourceFrame
) -> tuple[np.ndarray, pd.DataFrame]:
    """Images of rows that are not blank, and their table with the beam in result pixels."""
    found, frames = chain.framed_rows(catalogue, rows)
    kept = found.max(axis=(1, 2), initial=0) > 0  # a blank image teaches nothing
    table = catalogue.table.iloc[rows]
    scale = np.array([frame.field for frame in frames]) / chain.size
    beam = catalogue.beams[rows]
    beam = np.where(np.isnan(beam), DEFAULT_BEAM * catalogue.pixel_scales[rows], beam) / scale
    columns = ["source_id", "ra", "dec", "label", "las", "survey"]
    # FR-DEEP has no positions of its own; the record has those of the galaxies that it matched.
    near = "matched_" if "matched_ra" in table else ""
    plain = table[columns].assign(ra=table[near + "ra"], dec=table[near + "dec"], beam_pixels=beam)
    return found[kept], plain[kept].reset_index(drop=True)


def source_numbers(table: pd.DataFrame) -> np.ndarray:
    """Number of the source of each row: the lowest row within :data:`SAME` arcsec, in chains."""
    return sky_groups(table["ra"].to_numpy(float), table["dec"].to_numpy(float), SAME)


def _drawn(table: pd.DataFrame, share: float) -> np.ndarray:
    names = table["source_id"].to_numpy(dtype=object)[table["source"]]
    numbers = [int.from_bytes(hashlib.sha256(str(n).encode()).digest()[:8], "big") for n in names]
    drawn: np.ndarray = np.array(numbers, dtype=np.float64) < share * 2.0**64
    return drawn
