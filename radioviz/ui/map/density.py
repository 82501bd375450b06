"""Lines of equal density of points on a map."""

from __future__ import annotations

from typing import Any

import numpy as np

SHARES = (0.9, 0.7, 0.5, 0.3, 0.1)
"""Of the points, those inside of each line."""

_CELLS = 128  # along each axis
_MARGIN = 10  # cells beyond each side, so that lines close
_SMOOTH = 2.5  # cells; more where there are few points


def density_lines(
    x: np.ndarray, y: np.ndarray, bounds: tuple[float, float, float, float]
) -> list[np.ndarray]:
    """Lines that enclose the densest places with :data:`SHARES` of the points.

    Parameters
    ----------
    x, y : numpy.ndarray
        Shape ``(n,)``; those that are not finite are left out.
    bounds : (x0, x1, y0, y1)
        Of the map; points beyond are left out.

    Returns
    -------
    list of numpy.ndarray
        Each ``(k, 2)``, in the coordinates of the points; none for fewer than ten points.
    """
    from contourpy import contour_generator
    from scipy.ndimage import gaussian_filter

    x0, x1, y0, y1 = bounds
    cells = _CELLS + 2 * _MARGIN
    with np.errstate(invalid="ignore"):
        column = np.floor((np.asarray(x, np.float64) - x0) / (x1 - x0) * _CELLS)
        row = np.floor((np.asarray(y, np.float64) - y0) / (y1 - y0) * _CELLS)
        inside = (column >= 0) & (column <= _CELLS) & (row >= 0) & (row <= _CELLS)
    column = np.minimum(column[inside], _CELLS - 1).astype(np.int64) + _MARGIN
    row = np.minimum(row[inside], _CELLS - 1).astype(np.int64) + _MARGIN
    n = len(row)
    if n < 10:
        return []
    counts = np.bincount(row * cells + column, minlength=cells * cells).astype(np.float64)
    smooth = _SMOOTH * max(1.0, (5000 / n) ** (1 / 6))
    field = gaussian_filter(counts.reshape(cells, cells), smooth, mode="constant")
    ordered = np.sort(field, axis=None)[::-1]
    enclosed = np.cumsum(ordered) / ordered.sum()
    levels = np.unique([ordered[np.searchsorted(enclosed, share)] for share in SHARES])
    generator: Any = contour_generator(z=field)
    to_data = np.array([(x1 - x0) / _CELLS, (y1 - y0) / _CELLS])
    # The middle of the first cell is half a cell from the lower bound.
    return [
        np.asarray(line - _MARGIN + 0.5) * to_data + (x0, y0)
        for level in levels
        for line in generator.lines(level)
        if len(line) > 3
    ]
