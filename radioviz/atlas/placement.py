"""Place galaxies on a map that was made without them, next to their latent neighbours.

On held-out FIRST galaxies (``python -m train evaluate placement``) this keeps latent neighbours
together at least as well as the transform of UMAP itself. It takes milliseconds and needs only the
latents and positions that the Atlas holds.
"""

from __future__ import annotations

import numpy as np

from radioviz.atlas.atlas import Atlas
from radioviz.neighbours import nearest_of

NEIGHBOURS = 15
"""As many as UMAP uses for the maps."""

_CELLS = 1 << 23  # distances in memory at a time: 32 MB


def place_among_neighbours(
    latents: np.ndarray, positions: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """Positions of ``others`` from those of their nearest neighbours in latent space.

    A map separates some neighbours of the latent space, so the mean position of all neighbours
    often falls into the gap between two groups. Therefore the neighbour to which the others are
    nearest on the map is the centre, the half that lies closest to it is kept, and the galaxy is
    placed at the mean of that half, weighted by inverse squared distance in latent space. A galaxy
    of the map keeps its position.

    ``latents``, ``positions``: of the galaxies on the map, shapes ``(n, d)`` and ``(n, 2)``, ``n``
    at least 1; ``others``: shape ``(m, d)``. Returns float32, shape ``(m, 2)``.
    """
    base = np.asarray(latents, np.float32)
    positions = np.asarray(positions, np.float32)
    placed = np.empty((len(others), 2), np.float32)
    step = min(4096, max(1, _CELLS // max(1, len(base))))
    for start in range(0, len(others), step):
        part = np.asarray(others[start : start + step], np.float32)
        squared, nearest = nearest_of(base, part, NEIGHBOURS)
        weight = 1 / np.maximum(squared, 1e-6)
        weight /= weight.sum(axis=1, keepdims=True)
        spots = positions[nearest]  # (m, k, 2)
        apart = np.sqrt(np.square(spots[:, :, None] - spots[:, None]).sum(axis=-1))
        centre = (apart * weight[:, None]).sum(axis=2).argmin(axis=1)
        to_centre = np.take_along_axis(apart, centre[:, None, None], axis=1)[:, 0]
        weight = weight * (to_centre <= np.median(to_centre, axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        placed[start : start + step] = (weight[..., None] * spots).sum(axis=1)
    return placed


def positions_on(base: Atlas, layout: str, other: Atlas) -> tuple[np.ndarray, bool]:
    """Positions of another data set on a layout of ``base``; whether they are of the same fit.

    ``base``, ``other``: of one model; ``layout``: one of ``base.layouts``. Returns ``positions``:
    shape ``(m, 2)``, row by row of ``other``; ``fitted``.
    """
    parameters = base.meta["layouts"].get(layout, {}).get("parameters", {})
    reference = str(parameters.get("fitted_on", base.data_set))
    method = layout.removesuffix(f"_{reference}")
    name = method if other.data_set == reference else f"{method}_{reference}"
    if layout == "latent":
        name = layout  # the latent plane is the same for all
    if name in other.layouts:
        return other.layouts[name], True
    latents, fixed = np.asarray(base.latents), base.layouts[layout]
    return place_among_neighbours(latents, fixed, np.asarray(other.latents)), False
