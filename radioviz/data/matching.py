"""Find rows of the same source by position, within a data set and across data sets.

A k-d tree over unit vectors finds the pairs of a hundred thousand sources in a fraction of a
second.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.sky import ARCSEC, separation_arcsec, unit_vectors

REPEAT_ARCSEC = 10.0

SPLIT_ARCSEC = 60.0
"""Images of sources that are closer show each other, so that they share a split and a fold."""


def close_pairs(
    ra: np.ndarray,
    dec: np.ndarray,
    other_ra: np.ndarray | None = None,
    other_dec: np.ndarray | None = None,
    *,
    radius_arcsec: float = REPEAT_ARCSEC,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of positions closer than a radius.

    Parameters
    ----------
    ra, dec : numpy.ndarray
        Degrees, shape ``(n,)``; rows with NaN are never paired.
    other_ra, other_dec : numpy.ndarray, optional
        Second list, shape ``(m,)``. Without it the first is compared with itself and
        only pairs ``i < j`` are given.
    radius_arcsec : float

    Returns
    -------
    i, j : numpy.ndarray
        Row numbers in the first and second list, int64, shape ``(k,)``, ordered by ``i, j``.
    separation : numpy.ndarray
        Arcsec, shape ``(k,)``.
    """
    from scipy.spatial import cKDTree

    itself = other_ra is None or other_dec is None
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    good = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    tree = cKDTree(unit_vectors(ra[good], dec[good]))
    chord = 2.0 * np.sin(radius_arcsec * ARCSEC / 2.0)
    if itself:
        pairs = tree.query_pairs(chord, output_type="ndarray")
        i, j = good[pairs[:, 0]], good[pairs[:, 1]]
        ra2, dec2 = ra, dec
    else:
        ra2, dec2 = np.asarray(other_ra, float), np.asarray(other_dec, float)
        good2 = np.flatnonzero(np.isfinite(ra2) & np.isfinite(dec2))
        other = cKDTree(unit_vectors(ra2[good2], dec2[good2]))
        found = tree.sparse_distance_matrix(other, chord, output_type="ndarray")
        i, j = good[found["i"]], good2[found["j"]]
    order = np.lexsort((j, i))
    i, j = i[order].astype(np.int64), j[order].astype(np.int64)
    return i, j, separation_arcsec(ra[i], dec[i], ra2[j], dec2[j])


def sky_groups(ra: np.ndarray, dec: np.ndarray, radius_arcsec: float = SPLIT_ARCSEC) -> np.ndarray:
    """First row of the group of each row, int64 ``(n,)``: positions [deg] within a radius.

    Directly or in chains; by default what must not be divided between training and test.
    """
    i, j, _ = close_pairs(ra, dec, radius_arcsec=radius_arcsec)
    return first_of_group(len(ra), i, j)


def same_as(table: pd.DataFrame, radius_arcsec: float = REPEAT_ARCSEC) -> np.ndarray:
    """Identifier of the first row at the same position, '' for first or only rows.

    Rows within ``radius_arcsec`` of each other, directly or in a chain, are one group;
    all but its first row (in table order) name that first row.

    ``table``: with ``source_id``, ``ra`` and ``dec``; rows without a position stay ''. Returns
    strings, shape ``(n,)``.
    """
    first = sky_groups(table["ra"].to_numpy(), table["dec"].to_numpy(), radius_arcsec)
    ids = table["source_id"].to_numpy(dtype=object)
    return np.where(first == np.arange(len(table)), "", ids[first])


def first_of_group(n: int, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Lowest row number of each row's connected group, int64, shape ``(n,)``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(n, n))
    _, group = connected_components(graph, directed=False)
    first = np.full(group.max() + 1 if n else 0, n, dtype=np.int64)
    np.minimum.at(first, group, np.arange(n))
    return first[group]
