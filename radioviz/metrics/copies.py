"""Is a generated image a copy? Distance to the nearest training image in any orientation.

Images are reduced to a coarse grid and unit length, so a distance is between 0 (equal except for
brightness) and sqrt(2) (no pixel in common); the eight dihedral views, and rotations between them,
count as the same image.
"""

from __future__ import annotations

import numpy as np

from radioviz.images.dihedral import dihedral_views
from radioviz.jobs.progress import Progress, no_progress

GRID = 32
"""Side of the coarse grid: copies still agree there, and noise of single pixels averages out."""


def _dihedral(images: np.ndarray) -> np.ndarray:
    return np.moveaxis(dihedral_views(images), 1, 0)


def views(images: np.ndarray, angles: int = 1) -> np.ndarray:
    """Dihedral views of images rotated by ``angles`` equal steps within 90 degrees.

    Returns an array of shape ``(8 * angles, n, s, s)``.
    """
    from scipy.ndimage import rotate

    out = [_dihedral(images)]
    for i in range(1, angles):
        angle = 90 * i / angles
        out.append(_dihedral(rotate(images, angle, axes=(2, 1), reshape=False, order=1)))
    return np.concatenate(out)


def _vectors(images: np.ndarray) -> np.ndarray:
    """Unit vectors ``(n, GRID**2)`` of square images; zero for blank ones."""
    n, side = images.shape[0], images.shape[-1]
    step = max(1, side // GRID)
    kept = side // step * step
    coarse = images[:, :kept, :kept].reshape(n, kept // step, step, kept // step, step)
    flat = coarse.mean(axis=(2, 4)).reshape(n, -1).astype(np.float32)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.where(length > 0, length, 1)


def nearest(
    images: np.ndarray,
    training: np.ndarray,
    angles: int = 1,
    same: bool = False,
    progress: Progress = no_progress,
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest training image of each image, over all views of the image.

    Parameters
    ----------
    images, training : numpy.ndarray
        Shapes ``(n, s, s)`` and ``(m, s, s)``, 0..1.
    angles : int
        See :func:`views`; 1 uses only the eight dihedral views.
    same : bool
        ``images`` are the training images themselves, and an image is not its own neighbour.
    progress : callable
        Called after each view.

    Returns
    -------
    distances : numpy.ndarray
        Shape ``(n,)``, 0 to sqrt(2).
    rows : numpy.ndarray
        Rows of the nearest training images, int64 of shape ``(n,)``.
    """
    known = _vectors(training)
    best = np.full(len(images), -np.inf, np.float32)
    rows = np.zeros(len(images), np.int64)
    for number, view in enumerate(views(images, angles), 1):
        likeness = _vectors(view) @ known.T
        if same:
            np.fill_diagonal(likeness, -np.inf)
        at = likeness.argmax(axis=1)
        value = likeness[np.arange(len(at)), at]
        better = value > best
        best[better], rows[better] = value[better], at[better]
        progress(number, 8 * angles, "views")
    return np.sqrt(np.maximum(2 - 2 * best, 0)), rows


def image_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of two images ``(s, s)`` as they are, without turning them: 0 to sqrt(2)."""
    a, b = _vectors(np.stack([first, second]))
    return float(np.sqrt(max(2 - 2 * float(a @ b), 0.0)))


def copy_threshold(training: np.ndarray, percentile: float = 1.0, angles: int = 1) -> float:
    """Percentile of the distances of training images to their nearest other training image.

    A generated image nearer than this to a training image is practically a copy of it. Each source
    must be in ``training`` once; repeats would make the threshold 0.
    """
    return float(np.percentile(nearest(training, training, angles, same=True)[0], percentile))
