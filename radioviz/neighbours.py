"""Nearest neighbours in latent space by exact Euclidean distance, a block of rows at a time."""

from __future__ import annotations

import numpy as np

_ROWS = 16_384  # of a large survey in memory at a time


def nearest_of(base: np.ndarray, others: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and rows of the ``k`` nearest in ``base``, in no order.

    ``base``, ``others``: float32, shapes ``(n, d)`` and ``(m, d)``; the matrix of their distances
    must fit in memory. Returns ``squared``: float32, shape ``(m, min(k, n))``; ``rows``: int64, of
    the same shape.
    """
    k = min(k, len(base))
    distance = np.square(base).sum(axis=1) - 2 * (others @ base.T)
    rows = np.argpartition(distance, k - 1, axis=1)[:, :k]
    # Again for these few: the difference of large numbers is not exact.
    squared = np.square(base[rows] - others[:, None]).sum(axis=2)
    return squared, rows


def nearest_to(
    point: np.ndarray, latents: np.ndarray, number: int, skip: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the ``number`` nearest latents to one point, and their distances, nearest first.

    ``point``, ``latents``: shapes ``(d,)`` and ``(n, d)``; latents may be memory-mapped. ``skip``:
    row to leave out, such as that of the point itself. Returns ``rows``: int64, at most ``number``;
    ``distance``: float32, of the same shape.
    """
    here = np.asarray(point, dtype=np.float32)
    distance = np.empty(len(latents), dtype=np.float32)
    for start in range(0, len(latents), _ROWS):
        part = slice(start, start + _ROWS)
        distance[part] = np.linalg.norm(np.asarray(latents[part], np.float32) - here, axis=1)
    number = min(number, len(distance))
    if skip is not None:
        distance[skip] = np.inf
        number = min(number, len(distance) - 1)
    rows = np.argpartition(distance, number - 1)[:number] if number else np.array([], int)
    rows = rows[np.argsort(distance[rows], kind="stable")]
    return rows, distance[rows]
