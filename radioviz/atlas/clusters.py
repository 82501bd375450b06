"""Clusters of galaxies in latent space: HDBSCAN of a sample, the others joined to it.

Clusters are found among the latents, not on a layout, which pulls groups apart and together.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioviz.errors import AtlasError

MOST_ROWS = 10_000
"""Galaxies among which clusters are found; the others join their neighbours."""
MOST_COMPONENTS = 16
"""Principal components that are compared."""
NEIGHBOURS = 5
"""Nearest galaxies of the sample whose majority another galaxy joins."""
LIMIT_S = 20.0
_JOINED_AT_ONCE = 65_536
_CORE = 3  # neighbours that make a place dense
_COMPARED = 50_000  # galaxies over which two samples are compared


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of the galaxies of an Atlas."""

    # int32 of shape ``(n,)``: 1 for the largest cluster, 2 for the next; 0 for galaxies in none.
    labels: np.ndarray
    # Adjusted Rand index between the clusters of two random samples, compared over galaxies that
    # join both: 1 where they are the same, 0 where they agree as chance has it.
    agreement: float

    def __len__(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max(initial=0))

    @property
    def share(self) -> float:
        """Share of the galaxies that are in a cluster."""
        return float(np.count_nonzero(self.labels) / max(1, len(self.labels)))


def find_clusters(
    latents: np.ndarray,
    smallest: float = 0.01,
    components: int = 8,
    *,
    limit_s: float = LIMIT_S,
) -> Clusters:
    """Clusters by HDBSCAN (Campello et al. 2013) in the first principal components.

    Parameters
    ----------
    latents : numpy.ndarray
        Shape ``(n, d)``; may be memory-mapped.
    smallest : float
        Share of all galaxies that a cluster holds at least, 0.001 to 0.5.
    components : int
        Principal components that are compared, 1 to 16; fewer give more and looser clusters.
    limit_s : float
        Seconds after which the search ends with an error.

    Raises
    ------
    AtlasError
        If ``smallest`` or ``components`` is out of range, there are fewer than 20 galaxies, or
        time ran out.
    """
    if not 0.001 <= smallest <= 0.5:
        raise AtlasError(f"the smallest cluster is {smallest:g} of all; expected 0.001 to 0.5")
    if not 1 <= components <= MOST_COMPONENTS:
        raise AtlasError(f"{components} principal components; expected 1 to {MOST_COMPONENTS}")
    n = len(latents)
    if n < 20:
        raise AtlasError(f"{n} galaxies are too few for clusters; 20 or more are needed")
    began = time.monotonic()

    def look_at_the_clock() -> None:
        if time.monotonic() - began > limit_s:
            raise AtlasError(
                f"no clusters within {limit_s:g} s; the computer may be busy, so try again later"
            )

    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(n, min(n, MOST_ROWS), replace=False))
    again = np.sort(rng.choice(n, min(MOST_ROWS, int(np.ceil(0.8 * n))), replace=False))
    centre, axes = _principal_axes(np.asarray(latents[rows], np.float32), components)
    look_at_the_clock()

    def reduced(which: np.ndarray | slice) -> np.ndarray:
        return (np.asarray(latents[which], np.float32) - centre) @ axes

    sample = reduced(rows)
    found = _hdbscan(sample, smallest)
    look_at_the_clock()
    second = reduced(again)
    other = _hdbscan(second, smallest)
    look_at_the_clock()
    labels = np.empty(n, np.int32)
    for start in range(0, n, _JOINED_AT_ONCE):
        part = slice(start, start + _JOINED_AT_ONCE)
        labels[part] = _joined(sample, found, reduced(part))
        look_at_the_clock()
    labels[rows] = found
    compared = np.sort(rng.choice(n, min(n, _COMPARED), replace=False))
    agreement = _agreement(labels[compared], _joined(second, other, reduced(compared)))
    return Clusters(_by_size(labels), agreement)


def find_clusters_in(path: Path, smallest: float, components: int) -> Clusters:
    """:func:`find_clusters` of the latents in a ``.npy`` file.

    For a process of its own, which may be ended at any time: HDBSCAN itself does not stop.
    """
    import faiss

    faiss.omp_set_num_threads(min(4, os.cpu_count() or 1))
    return find_clusters(np.load(path, mmap_mode="r"), smallest, components)


def _principal_axes(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean ``(d,)``, and the axes of the largest variances as columns ``(d, k)``."""
    centre = x.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((x - centre).T).reshape(x.shape[1], x.shape[1]))
    order = np.argsort(values)[::-1][:k]
    return centre, np.ascontiguousarray(vectors[:, order], dtype=np.float32)


def _hdbscan(x: np.ndarray, smallest: float) -> np.ndarray:
    """Cluster of each row from 0 on, -1 for none."""
    from sklearn.cluster import HDBSCAN

    size = max(5, round(smallest * len(x)))
    made = HDBSCAN(min_cluster_size=size, min_samples=_CORE, copy=True)
    return np.asarray(made.fit_predict(x), np.int32)


def _joined(sample: np.ndarray, labels: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What most of the nearest neighbours in a sample belong to; the nearest, where they tie."""
    import faiss

    index = faiss.IndexFlatL2(sample.shape[1])
    index.add(np.ascontiguousarray(sample, np.float32))
    _, nearest = index.search(np.ascontiguousarray(x, np.float32), min(NEIGHBOURS, len(sample)))
    near = labels[nearest]
    votes = (near[:, :, None] == near[:, None]).sum(axis=2)
    return np.asarray(near[np.arange(len(near)), votes.argmax(axis=1)])


def _agreement(first: np.ndarray, second: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(first, second))


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Clusters numbered from 1 on, the largest first; 0 for none."""
    counts = np.bincount(labels[labels >= 0])
    rank = np.empty(len(counts) + 1, np.int32)
    rank[np.argsort(-counts, kind="stable")] = np.arange(1, len(counts) + 1)
    rank[-1] = 0  # of label -1
    return rank[labels]


_WORDS = {
    "las": ("small", "large"),
    "flux": ("faint", "bright"),
    "axis_ratio": ("elongated", "round"),
    "n_components": ("single", "several components"),
    "concentration": ("diffuse", "concentrated"),
}
"""What galaxies are that have less, or more, of a column than most others."""
_APART = 0.22  # of the ranks of all, for a word
_MOST_WORDS = 2


def typical_rows(latents: np.ndarray, labels: np.ndarray, number: int, most: int) -> np.ndarray:
    """Rows of a cluster nearest to its middle, the nearest first; int64, at most ``most``.

    ``latents``: ``(n, d)``; of a large cluster a sample is compared. ``labels``: of
    :class:`Clusters`, ``(n,)``.
    """
    rows = np.flatnonzero(labels == number)
    rows = rows[:: max(1, len(rows) // MOST_ROWS)]
    points = np.asarray(latents[rows], np.float32)
    known = np.isfinite(points).all(axis=1)
    rows, points = rows[known], points[known]
    away = np.linalg.norm(points - np.median(points, axis=0), axis=1) if len(rows) else rows
    return rows[np.argsort(away, kind="stable")[:most]]


def cluster_names(
    labels: np.ndarray,
    classes: np.ndarray,
    numbers: Mapping[str, np.ndarray],
    tags: Sequence[Sequence[str]] = (),
) -> list[str]:
    """A name for each cluster: its number and what sets it apart from all galaxies.

    Parameters
    ----------
    labels : numpy.ndarray
        Of :class:`Clusters`, shape ``(n,)``.
    classes : numpy.ndarray
        Class of each galaxy as text, empty where unknown; shape ``(n,)``.
    numbers : mapping
        Columns by name, each of shape ``(n,)``.
    tags : sequence of sequence of str, optional
        Words in plain English that set each cluster apart; they come first.
    """
    words, codes = np.unique(np.asarray(classes, dtype=str), return_inverse=True)
    whole = np.bincount(codes, minlength=len(words)) / max(1, len(codes))
    ranks = {
        name: _ranks(np.asarray(numbers[name], np.float64)) for name in _WORDS if name in numbers
    }
    names = []
    for number in range(1, int(labels.max(initial=0)) + 1):
        inside = labels == number
        own = np.bincount(codes[inside], minlength=len(words)) / max(1, inside.sum())
        best = int(np.argmax(np.where(words == "", 0.0, own)))
        apart_by = list(tags[number - 1]) if number <= len(tags) else []
        common = own[best] >= 0.4 and own[best] >= 1.25 * whole[best]
        if words[best] and common and str(words[best]).lower() not in apart_by:
            apart_by.insert(0, str(words[best]))
        apart = []
        for name, rank in ranks.items():
            known = rank[inside]
            known = known[np.isfinite(known)]
            if 2 * len(known) >= inside.sum() and len(known):
                apart.append((float(np.median(known)) - 0.5, name))
        apart.sort(key=lambda one: -abs(one[0]))
        room = max(_MOST_WORDS - len(tags[number - 1]), 0) if number <= len(tags) else _MOST_WORDS
        apart_by += [_WORDS[name][by > 0] for by, name in apart[:room] if abs(by) >= _APART]
        names.append(f"{number}: {', '.join(apart_by)}" if apart_by else str(number))
    return names


def _ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value among all, 0 to 1, the same for equal ones; NaN where unknown."""
    known = np.isfinite(values)
    ordered = np.sort(values[known])
    out = np.full(len(values), np.nan)
    low, high = (np.searchsorted(ordered, values[known], side) for side in ("left", "right"))
    out[known] = (low + high) / 2 / max(1, len(ordered))
    return out
