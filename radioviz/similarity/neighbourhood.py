"""Ranking by diffusion: neighbours of the query's neighbours score high, too.

The cosine is reliable between close neighbours only. Ranking on manifolds (Zhou et al. 2004)
spreads scores along a graph of mutual neighbours,

    f = (1 - a) (I - a S)^-1 y,   S = D^-1/2 W D^-1/2,

from the query's own nearest entries ``y``; ``W`` holds the cubes of the cosines of mutual
neighbours (Iscen et al. 2017), and ``a`` = 0.9 sets how far scores spread. No labels are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.errors import SimilarityError
from radioviz.similarity.index import LatentIndex, blocks

FLOW = 0.9
POWER = 3.0
MOST_COMPARED = 100_000
"""Galaxies that are compared pair by pair: minutes; a million would take hours."""
_STEPS = 60  # 0.9^60 is 2e-3: the series has converged to the third digit


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """A graph over the latents of one data set."""

    graph: Any  # normalised weights ``S``, float32, shape ``(n, n)``
    neighbours: int  # edges per galaxy before one-way edges are dropped

    @classmethod
    def of(cls, unit: np.ndarray, neighbours: int = 30) -> Neighbourhood:
        """Graph over latents of length 1, float32 of shape ``(n, d)``.

        Raises SimilarityError if there are fewer galaxies than neighbours.
        """
        from scipy.sparse import coo_array

        n = len(unit)
        if not 1 <= neighbours < n:
            raise SimilarityError(
                f"a neighbourhood of {neighbours} in a data set of {n} galaxies; expected 1 to "
                f"{n - 1}"
            )
        found, weights = [], []
        for part in blocks(n, 2048):
            cosines = unit[part] @ unit.T
            rows = np.arange(part.start, part.stop)
            cosines[rows - part.start, rows] = -np.inf
            near = np.argpartition(-cosines, neighbours - 1, axis=1)[:, :neighbours]
            found.append(near)
            weights.append(np.take_along_axis(cosines, near, axis=1))
        at = np.concatenate(found)
        w = np.clip(np.concatenate(weights), 0, None) ** POWER
        rows = np.repeat(np.arange(n), neighbours)
        one_way = coo_array((w.ravel(), (rows, at.ravel())), shape=(n, n)).tocsr()
        mutual = one_way.multiply(one_way.T).sqrt()
        degree = np.asarray(mutual.sum(axis=1)).ravel()
        scale = 1 / np.sqrt(np.where(degree > 0, degree, 1))
        graph = mutual.multiply(scale[:, None]).multiply(scale[None]).tocsr()
        return cls(graph.astype(np.float32), neighbours)

    @classmethod
    def of_index(cls, index: LatentIndex, neighbours: int = 30) -> Neighbourhood:
        """Graph over a data set; fewer neighbours where it has fewer galaxies.

        Raises SimilarityError if the data set is too large to compare all pairs.
        """
        if len(index) > MOST_COMPARED:
            raise SimilarityError(
                f"data set '{index.data_set}' has {len(index):,} galaxies: a graph of all their "
                f"neighbours is made of at most {MOST_COMPARED:,}; choose another measure"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            unit = index.latents * index.inverse_norms[:, None]
        unit[index.inverse_norms == 0] = 0.0  # connected to nothing
        return cls.of(unit, max(1, min(neighbours, len(index) - 1)))

    def diffuse(self, cosines: np.ndarray) -> np.ndarray:
        """Scores after diffusion, float32 of shape ``(q, n)``.

        ``cosines``: of each query with each galaxy, ``(q, n)``; -1 excludes a galaxy as a start.
        """
        k = self.neighbours
        start = np.zeros(cosines.shape, dtype=np.float32)
        near = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        value = np.clip(np.take_along_axis(cosines, near, axis=1), 0, None) ** POWER
        np.put_along_axis(start, near, value.astype(np.float32), axis=1)
        flow = start.copy()
        for _ in range(_STEPS):
            flow = start + FLOW * (self.graph @ flow.T).T
        # Galaxies that the diffusion does not reach keep the order of their cosines.
        return (1 - FLOW) * flow + 1e-4 * cosines.astype(np.float32)
