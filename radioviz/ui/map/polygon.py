"""Which points lie in a polygon, by the even-odd rule, without a Python object a point."""

from __future__ import annotations

import numpy as np


def inside(x: np.ndarray, y: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Rows of the points in a polygon.

    An edge can only be crossed by the rays of points between its two ends in y. With the
    points sorted by y these are one slice, so the work is the number of points times the
    number of edges at their height (two to four for a lasso), not times all edges.

    ``x``, ``y``: positions of shape ``(n,)``; those that are not finite lie in no polygon.
    ``polygon``: corners of shape ``(m, 2)``, closed from the last to the first; it may cross
    itself. Fewer than three corners hold nothing. Returns int64 of shape ``(k,)``, ascending.
    """
    corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        return np.zeros(0, dtype=np.int64)
    (left, bottom), (right, top) = corners.min(axis=0), corners.max(axis=0)
    # Comparisons with NaN are false, and infinities are beyond any finite corner.
    near = np.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
    if not len(near):
        return near.astype(np.int64)
    order = np.argsort(y[near], kind="stable")
    near = near[order]
    px, py = x[near].astype(np.float64), y[near].astype(np.float64)
    odd = np.zeros(len(near), dtype=bool)
    following = np.roll(corners, -1, axis=0)
    low = np.minimum(corners[:, 1], following[:, 1])
    high = np.maximum(corners[:, 1], following[:, 1])
    # Half-open in y, so that a ray through a corner meets one of its two edges.
    first = np.searchsorted(py, low, side="left")
    last = np.searchsorted(py, high, side="left")
    for (ax, ay), (bx, by), i, j in zip(corners, following, first, last, strict=True):
        if j > i:
            at = ax + (py[i:j] - ay) * ((bx - ax) / (by - ay))
            odd[i:j] ^= px[i:j] < at
    return np.sort(near[odd]).astype(np.int64)
