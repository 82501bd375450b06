"""Indexes of latents that a test writes down."""

from __future__ import annotations

from typing import Any

import numpy as np

from radioviz.similarity import LatentIndex


def ids_of(n: int, prefix: str = "s") -> np.ndarray:
    return np.array([f"{prefix}{i}" for i in range(n)], dtype=object)


def index_of(
    latents: np.ndarray, key: str = "a", positions: np.ndarray | None = None, **options: Any
) -> LatentIndex:
    """Sources ``a0``, ``a1``, ... of data set ``a`` at ``positions`` ``(n, 2)`` [deg]."""
    if positions is not None:
        options |= {"ra": positions[:, 0], "dec": positions[:, 1]}
    return LatentIndex.create(key, ids_of(len(latents), key), latents, **options)
