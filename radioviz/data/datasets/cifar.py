"""Galaxies in CIFAR-style batches: flattened images with lists of labels and names.

The format of MiraBest, FR-DEEP and RGZ DR1: files ``data_batch_1`` ... ``data_batch_N`` and
``test_batch``, each a pickled dict that :mod:`~radioviz.data.datasets.pickled_batches` reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.datasets.pickled_batches import MAX_BYTES, read_pickle
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress

_PER_IMAGE = ("labels", "filenames", "src_ids", "mb_flag", "LAS")


@dataclass(frozen=True)
class Batch:
    """One batch file: ``n`` images and their columns."""

    path: Path
    images: np.ndarray  # uint8, shape ``(n, side, side)``, rows as in the file
    # Every entry with one value per image: ``labels``, ``filenames``, ...
    columns: dict[str, np.ndarray]

    def column(self, name: str) -> np.ndarray:
        """A required entry, shape ``(n,)``.

        Raises CatalogueError if the batch lacks it.
        """
        if name not in self.columns:
            raise CatalogueError(
                f"{self.path} has no entry '{name}' of {len(self.images)} values; "
                f"it has {', '.join(self.columns) or 'none'}"
            )
        return self.columns[name]


def batch_files(folder: Path, fetch: str) -> list[Path]:
    """Training batches in the order of their numbers, then the test batch.

    ``fetch``: what to do if it is missing, for the message. Raises CatalogueError if there are no
    batches, or one is missing from the sequence.
    """
    numbered = {
        int(match[1]): file
        for file in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if (match := re.fullmatch(r"data_batch_(\d+)", file.name))
    }
    test = folder / "test_batch"
    if not numbered and not test.exists():
        raise CatalogueError(f"no batches in {folder}; {fetch}")
    missing = [
        f"data_batch_{k}" for k in range(1, max(numbered, default=0) + 1) if k not in numbered
    ]
    missing += [] if test.exists() else ["test_batch"]
    if missing:
        raise CatalogueError(f"{folder} lacks {', '.join(missing)}; {fetch}")
    return [numbered[k] for k in sorted(numbered)] + [test]


def read_batch(path: Path, side: int = 150) -> Batch:
    """One batch: a dict with ``data``, ``n`` flattened images, and lists as long.

    Parameters
    ----------
    path : pathlib.Path
    side : int
        Pixels along an edge of the square images.

    Raises
    ------
    CatalogueError
        As :func:`~radioviz.data.datasets.pickled_batches.read_pickle`; also if it is not a
        dict, its images have another size or type, or a list of theirs has another length.
    """
    path = Path(path)
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise CatalogueError(f"{path} holds a {type(content).__name__}; a batch is a dict")
    # Files written by Python 2 may have bytes as keys.
    content = {
        k.decode("latin-1") if isinstance(k, bytes) else str(k): v for k, v in content.items()
    }
    if "data" not in content:
        raise CatalogueError(f"{path} has no entry 'data'; it has {', '.join(content) or 'none'}")
    images = _stack(path, content.pop("data"), side)
    columns: dict[str, np.ndarray] = {}
    for name, value in content.items():
        values = _values(value)
        if values is not None and len(values) == len(images):
            columns[name] = values
        elif name in _PER_IMAGE:
            count = "no list" if values is None else f"{len(values)} entries"
            raise CatalogueError(f"{path}: {len(images)} images but {count} in '{name}'")
    return Batch(path, images, columns)


def read_batches(
    files: Sequence[Path],
    decode: Callable[[Batch], pd.DataFrame],
    what: str,
    progress: Progress = no_progress,
) -> tuple[pd.DataFrame, np.ndarray]:
    """All batches of a data set in memory.

    Parameters
    ----------
    files : sequence of pathlib.Path
        As :func:`batch_files` gives them.
    decode : callable
        Table of one batch, a row per image.
    what : str
        Name of the data set, for ``progress(done, total, what)``.

    Returns
    -------
    pandas.DataFrame
        The tables, with ``official_split`` ('train' or 'test', by the batch) and ``flag``.
    numpy.ndarray
        uint8, shape ``(n, side, side)``.
    """
    tables, images = [], []
    for k, file in enumerate(files):
        batch = read_batch(file)
        split = "test" if file.name == "test_batch" else "train"
        tables.append(decode(batch).assign(official_split=split))
        images.append(batch.images)
        progress(k + 1, len(files), f"reading {what} batches")
    stacked = np.concatenate(images)
    return pd.concat(tables, ignore_index=True).assign(flag=empty_flags(stacked)), stacked


def empty_flags(images: np.ndarray) -> np.ndarray:
    """'empty image' for each image without a value other than 0, else ''."""
    return np.where(images.any(axis=(1, 2)), "", "empty image")


def _stack(path: Path, data: Any, side: int) -> np.ndarray:
    """Images of a batch, uint8, shape ``(n, side, side)``; ``data`` is one array or many."""
    parts = list(data) if isinstance(data, list | tuple) else [data]
    if not parts or not all(isinstance(part, np.ndarray) for part in parts):
        raise CatalogueError(
            f"{path}: 'data' is a {type(data).__name__} that holds no arrays; "
            f"expected uint8 images of {side}x{side} pixels"
        )
    for part in parts:
        if part.dtype != np.uint8 or not part.size or part.size % (side * side):
            raise CatalogueError(
                f"{path}: 'data' is {part.dtype} of shape {part.shape}; "
                f"expected uint8, (n, {side * side})"
            )
    # An array may be listed many times, so the size of the file does not limit the total.
    if sum(part.size for part in parts) > MAX_BYTES:
        raise CatalogueError(f"{path}: its images are larger than {MAX_BYTES} bytes")
    return np.concatenate([part.reshape(-1, side, side) for part in parts])


def _values(value: Any) -> np.ndarray | None:
    """One-dimensional array of numbers or text (bytes become text); None for anything else."""
    if isinstance(value, list | tuple):
        plain = str | bytes | int | float | bool | np.generic
        if not value or not all(isinstance(v, plain) for v in value):
            return None
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return None
    value = value.reshape(-1) if value.ndim == 2 and 1 in value.shape else value
    if value.ndim != 1:
        return None
    return np.char.decode(value, "latin-1") if value.dtype.kind == "S" else value
