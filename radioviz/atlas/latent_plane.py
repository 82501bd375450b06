"""A plane through a latent space: its cells, and the places of real galaxies on it.

Without torch: the decoder gets the latent vectors of :meth:`Plane.grid`. In two dimensions the
plane is the whole latent space (Bastien et al. 2021, Sec. 6.3: -4 to 4 in steps of 0.4); in more it
is spanned by two latent axes or by two principal axes of the real galaxies.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.errors import SelectionError

REACH, STEP = 4.0, 0.4  # Bastien et al. 2021, Sec. 6.3
MAX_CELLS = 41  # a side: a picture of 41 x 41 cells is 2,624 pixels wide


@dataclass(frozen=True, eq=False)
class Plane:
    """``z = origin + a u + b v`` for ``a``, ``b`` from ``-reach`` to ``reach``.

    Attributes
    ----------
    origin, u, v : numpy.ndarray
        Float64 of shape ``(d,)``; ``u`` and ``v`` are at right angles.
    titles : tuple of str
        Names of ``a`` and ``b``, with units where they have one.
    reach, step : float
        Of ``a`` and ``b``.
    """

    origin: np.ndarray
    u: np.ndarray
    v: np.ndarray
    titles: tuple[str, str]
    reach: float = REACH
    step: float = STEP

    def __post_init__(self) -> None:
        if not (self.step > 0 and self.reach >= self.step and math.isfinite(self.reach)):
            raise SelectionError(
                f"a plane to ±{self.reach:g} in steps of {self.step:g} has no cells; expected a "
                "positive step no longer than the range"
            )
        if self.side > MAX_CELLS:
            raise SelectionError(
                f"a plane to ±{self.reach:g} in steps of {self.step:g} has {self.side} cells a "
                f"side; at most {MAX_CELLS} are drawn: set a step of at least "
                f"{2 * self.reach / (MAX_CELLS - 1):.3g}"
            )

    @property
    def side(self) -> int:
        """Cells a side."""
        return 2 * math.floor(self.reach / self.step + 1e-9) + 1

    @property
    def values(self) -> np.ndarray:
        """Coordinates of the cells along one side, float64, symmetric about 0."""
        half = self.side // 2
        return np.round(np.arange(-half, half + 1) * self.step, 10)

    @property
    def digest(self) -> str:
        """Hash of everything that determines the decoded images."""
        content = np.concatenate([self.origin, self.u, self.v, [self.reach, self.step]])
        return hashlib.sha256(content.astype("<f8").tobytes()).hexdigest()[:16]

    def at(self, a: float | np.ndarray, b: float | np.ndarray) -> np.ndarray:
        """Latent vectors of points on the plane: float32 of shape ``(n, d)``."""
        first = np.atleast_1d(np.asarray(a, dtype=float))[:, None]
        second = np.atleast_1d(np.asarray(b, dtype=float))[:, None]
        return (self.origin + first * self.u + second * self.v).astype(np.float32)

    def grid(self) -> np.ndarray:
        """Latent vectors of all cells, float32 ``(side * side, d)``: rows of ``a``, ``b`` rising.

        Reshaped to ``(side, side)`` the first index is ``b``, row 0 lowest, as in images.
        """
        b, a = np.meshgrid(self.values, self.values, indexing="ij")
        return self.at(a.ravel(), b.ravel())

    def place(self, latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project latent vectors onto the plane.

        Parameters
        ----------
        latents : numpy.ndarray
            Shape ``(n, d)``.

        Returns
        -------
        places : numpy.ndarray
            ``a`` and ``b``, float32 of shape ``(n, 2)``.
        off : numpy.ndarray
            Distance from the plane in latent units, float32 of shape ``(n,)``.
        """
        away = np.asarray(latents, dtype=np.float64) - self.origin
        a = away @ self.u / (self.u @ self.u)
        b = away @ self.v / (self.v @ self.v)
        rest = away - a[:, None] * self.u - b[:, None] * self.v
        off = np.sqrt((rest**2).sum(axis=1))
        return np.stack([a, b], axis=1).astype(np.float32), off.astype(np.float32)


def axes_plane(
    rest: np.ndarray, first: int, second: int, reach: float = REACH, step: float = STEP
) -> Plane:
    """The plane of two latent axes (from 0); the others keep the values of ``rest`` ``(d,)``.

    Raises SelectionError if an axis does not exist, the axes are the same, or the cells are too
    many.
    """
    d = len(rest)
    if not (0 <= first < d and 0 <= second < d and first != second):
        raise SelectionError(
            f"axes {first + 1} and {second + 1} of {d} span no plane; choose two different ones"
        )
    origin = np.array(rest, dtype=np.float64)
    origin[[first, second]] = 0.0
    unit = np.eye(d)
    titles = (f"z{first + 1}", f"z{second + 1}")
    return Plane(origin, unit[first], unit[second], titles, reach, step)


def pca_plane(
    latents: np.ndarray,
    first: int = 0,
    second: int = 1,
    rest: np.ndarray | None = None,
    reach: float = REACH,
    step: float = STEP,
) -> Plane:
    """The plane of two principal axes of real latents ``(n, d)``, in units of standard deviations.

    ``rest``: a latent vector on the plane, shape ``(d,)``; the mean of the latents by default.
    Raises SelectionError if there are fewer than three latents, or they do not vary along an axis.
    """
    values = np.asarray(latents, dtype=np.float64)
    if len(values) < 3:
        raise SelectionError(f"{len(values)} galaxies have no principal axes; expected 3 or more")
    mean = values.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov(values - mean, rowvar=False))
    order = np.argsort(spread)[::-1]
    chosen = order[[first, second]]
    if not (spread[chosen] > 0).all():
        raise SelectionError(
            f"the galaxies do not vary along principal axes {first + 1} and {second + 1}"
        )
    u, v = (axes[:, i] * np.sign(axes[np.abs(axes[:, i]).argmax(), i]) for i in chosen)
    origin = mean
    if rest is not None:
        away = np.asarray(rest, dtype=np.float64) - mean
        origin = mean + away - (away @ u) * u - (away @ v) * v
    share = spread[chosen] / spread.sum()
    titles = tuple(
        f"PC{n + 1} ({s:.0%} of the variance) [σ]"
        for n, s in zip((first, second), share, strict=True)
    )
    scale = np.sqrt(spread[chosen])
    return Plane(origin, u * scale[0], v * scale[1], (titles[0], titles[1]), reach, step)


def path(start: np.ndarray, end: np.ndarray, frames: int) -> np.ndarray:
    """Points of the straight line between two latent vectors: float32 ``(frames, d)``.

    Raises SelectionError if there are fewer than two frames.
    """
    if frames < 2:
        raise SelectionError(f"a path of {frames} frames; expected two or more")
    at = np.linspace(0, 1, frames)[:, None]
    line = (1 - at) * np.asarray(start, np.float64) + at * np.asarray(end, np.float64)
    return line.astype(np.float32)


def contour(field: np.ndarray, level: float) -> np.ndarray:
    """Line segments along which a field equals a level.

    ``field``: shape ``(ny, nx)``; cells with a corner that is not finite get no line. Returns an
    array of shape ``(s, 2, 2)``: start and end of each segment, ``(x, y)`` in pixels.
    """
    from contourpy import contour_generator

    known = np.ma.masked_invalid(field)
    lines: Any = contour_generator(z=known, corner_mask=False).lines(level)
    segments = [np.stack([line[:-1], line[1:]], axis=1) for line in lines]
    return np.concatenate([np.zeros((0, 2, 2)), *segments])
