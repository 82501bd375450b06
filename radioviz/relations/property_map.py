"""A property over a plane: its smoothed mean with counts and error, its gradient, and classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.errors import RelationError

FEWEST = 5.0
"""Galaxies within the kernel, below which a place on the map says nothing."""
_CELLS = 3
"""Cells by standard deviation of the kernel: enough for the sum of its squares."""


@dataclass(frozen=True, eq=False)
class PropertyMap:
    """A property on a grid over a plane."""

    # x, y: centres of the cells, ``(nx,)`` and ``(ny,)``
    x: np.ndarray
    y: np.ndarray
    # Mean weighted by the kernel, ``(ny, nx)``; NaN where fewer than :data:`FEWEST` count.
    mean: np.ndarray
    error: np.ndarray  # standard error of the mean
    count: np.ndarray  # galaxies that the mean rests on: the effective number of the weights
    # Slope of the mean along x and y in units of the property by units of the plane, ``(2, ny,
    # nx)``.
    gradient: np.ndarray
    # Standard deviation of the kernel along x and y in units of the plane.
    width: tuple[float, float]


def property_map(positions: np.ndarray, values: np.ndarray, smoothing: float = 0.04) -> PropertyMap:
    """Smooth a property over a plane by a Gaussian kernel.

    Parameters
    ----------
    positions : numpy.ndarray
        Shape ``(n, 2)``; what is not finite is left out.
    values : numpy.ndarray
        Shape ``(n,)``; NaN where unknown.
    smoothing : float
        Standard deviation of the kernel along each axis, as a share of the range that holds 98 %
        of the galaxies.

    Returns
    -------
    PropertyMap
        ``x`` and ``y``: centres of the cells; ``mean``, ``error`` and ``count`` of shape
        ``(ny, nx)``; ``gradient``, ``(2, ny, nx)``.

    Raises
    ------
    RelationError
        If the shapes differ, fewer than 20 galaxies have a value, they lie on a line, or the
        smoothing is not 0.005 to 0.5.

    Examples
    --------
    >>> import radioviz
    >>> places = radioviz.map_positions("first", "simclr", "umap")
    >>> sizes = radioviz.open_data_set("first").table["las"].to_numpy(float)
    >>> radioviz.property_map(places, sizes).mean.shape
    (93, 93)
    """
    from scipy.ndimage import gaussian_filter

    if not 0.005 <= smoothing <= 0.5:
        raise RelationError(f"the smoothing is {smoothing:g}; expected 0.005 to 0.5 of the plane")
    places, numbers = np.asarray(positions, float), np.asarray(values, float)
    if numbers.ndim != 1 or places.shape != (len(numbers), 2):
        raise RelationError(
            f"positions have shape {places.shape} and values {numbers.shape}; expected (n, 2), (n,)"
        )
    known = np.isfinite(places).all(axis=1) & np.isfinite(numbers)
    if known.sum() < 20:
        raise RelationError(
            f"the property is known for {int(known.sum())} galaxies of this plane; at least 20 are "
            "needed"
        )
    places, numbers = places[known], numbers[known]
    low, high = np.percentile(places, (1, 99), axis=0)
    if not (high > low).all():
        raise RelationError("the galaxies lie on a line, not on a plane; choose another layout")
    width = (smoothing * (high[0] - low[0]), smoothing * (high[1] - low[1]))
    number = int(np.ceil(_CELLS / smoothing)) + 6 * _CELLS
    edges = [
        a - 3 * w + w / _CELLS * np.arange(number + 1) for a, w in zip(low, width, strict=True)
    ]
    step = [e[1] - e[0] for e in edges]
    centred = numbers - numbers.mean()  # or the variance is a difference of large numbers

    def summed(weights: np.ndarray, factor: float = 1.0) -> np.ndarray:
        grid, _, _ = np.histogram2d(places[:, 1], places[:, 0], bins=edges[::-1], weights=weights)
        sigma = _CELLS * factor
        # Over the peak of the kernel, so that a galaxy in the middle counts as one.
        out: np.ndarray = gaussian_filter(grid, sigma, mode="constant", truncate=5.0)
        return out * 2 * np.pi * sigma**2

    one = np.ones(len(numbers))
    total, squared = summed(one), summed(one, 0.5**0.5)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = summed(centred) / total
        variance = np.maximum(summed(centred**2) / total - mean**2, 0.0)
        count = np.where(squared > 1e-9, total**2 / squared, 0.0)
        error = np.sqrt(variance / np.maximum(count - 1, 1e-9))
    # The effective number is that of independent galaxies under a kernel that falls off.
    seen = (count >= FEWEST) & (total > 1.0)
    mean = np.where(seen, mean + numbers.mean(), np.nan)
    rows, columns = np.gradient(mean, step[1], step[0])
    centres = [(e[:-1] + e[1:]) / 2 for e in edges]
    return PropertyMap(
        centres[0], centres[1], mean, np.where(seen, error, np.nan), np.where(seen, count, np.nan),
        np.stack([columns, rows]), (float(width[0]), float(width[1])),
    )  # fmt: skip


def class_density(
    positions: np.ndarray, members: np.ndarray, like: PropertyMap, share: float = 0.68
) -> tuple[np.ndarray, float]:
    """Density of some galaxies on the grid of a map, and the level that encloses a share of them.

    Parameters
    ----------
    members : numpy.ndarray
        Mask, shape ``(n,)``.

    Returns
    -------
    density : numpy.ndarray
        Shape ``(ny, nx)``.
    level : float
        The contour at this density holds ``share`` of them.
    """
    from scipy.ndimage import gaussian_filter

    places = np.asarray(positions, float)[members]
    places = places[np.isfinite(places).all(axis=1)]
    step = like.x[1] - like.x[0], like.y[1] - like.y[0]
    edges = [np.append(c - s / 2, c[-1] + s / 2) for c, s in zip((like.x, like.y), step,
                                                                 strict=True)]  # fmt: skip
    grid, _, _ = np.histogram2d(places[:, 1], places[:, 0], bins=edges[::-1])
    density = gaussian_filter(grid, 1.5 * _CELLS, mode="constant")
    order = np.sort(density, axis=None)[::-1]
    inside = np.cumsum(order)
    at = int(np.searchsorted(inside, share * inside[-1])) if inside[-1] > 0 else 0
    return density, float(order[min(at, len(order) - 1)])
