"""Features of images of several surveys, and nearest neighbours of them."""

from __future__ import annotations

import numpy as np

from radioviz.data import splits
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS, open_data_set
from train.core.config import TrainError

NEIGHBOURS = 5


def survey(key: str) -> tuple[Catalogue, np.ndarray]:
    """An imported survey and the recorded split of each of its rows.

    Raises CatalogueError if it has not been imported under this key; TrainError if its files are
    not those of the recorded split.
    """
    catalogue = open_data_set(key)
    if key in DATA_SETS:
        return catalogue, catalogue.table["split"].to_numpy(dtype=object)
    split = splits.recorded_by_file(catalogue.table, key)
    if split is None:
        raise TrainError(
            f"survey '{key}' has other files than the recorded split of this name; import the "
            "images and the table that docs/training.md names"
        )
    return catalogue, split


def unit(x: np.ndarray) -> np.ndarray:
    """Vectors ``(..., d)`` scaled to unit length; zeros stay."""
    scaled: np.ndarray = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
    return scaled


def votes(
    queries: np.ndarray, bank: np.ndarray, truth: np.ndarray, barred: np.ndarray | None = None
) -> np.ndarray:
    """Share of the five nearest of a bank, by cosine, that are of class 1; ``(n,)``.

    ``queries``, ``bank``: features, shapes ``(n, d)`` and ``(m, d)``; centred on the bank.
    ``truth``: 0 or 1 for each of the bank, ``(m,)``. ``barred``: bool ``(n, m)``: pairs that do not
    count.
    """
    middle = bank.mean(axis=0)
    cosine = unit(queries - middle) @ unit(bank - middle).T
    if barred is not None:
        cosine = np.where(barred, -2.0, cosine)
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :NEIGHBOURS]
    share: np.ndarray = truth[nearest].mean(axis=1)
    return share
