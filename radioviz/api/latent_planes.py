"""Planes through the latent space of a decoder, as on the page Grid walk."""

from __future__ import annotations

import numpy as np

from radioviz.api.samples import open_atlas
from radioviz.atlas.latent_plane import REACH, STEP, Plane, axes_plane, pca_plane
from radioviz.errors import SelectionError
from radioviz.models.registry import decoders, list_models


def latent_plane(
    model: str = "",
    axes: tuple[int, int] = (1, 2),
    *,
    principal: bool = False,
    through: str | tuple[str, str] = "zero",
    data_set: str = "first",
    reach: float = REACH,
    step: float = STEP,
) -> Plane:
    """A plane of two axes through the latent space of a decoder.

    Parameters
    ----------
    model : str
        Decoder; by default the one that the app opens first.
    axes : (int, int)
        Numbers of the axes, from 1.
    principal : bool
        Principal axes of the galaxies of ``data_set``, in standard deviations, instead of latent
        ones.
    through : str or (str, str)
        Values of the other coordinates: ``zero``, ``mean`` of the galaxies of ``data_set``, or
        those of a galaxy ``(data_set, source_id)``.
    reach, step : float
        Cells from ``-reach`` to ``reach`` in steps of ``step``.

    Returns
    -------
    Plane
        ``grid()``: latent vectors of all cells ``(side * side, d)``, the first coordinate running
        fastest; ``at(a, b)``: those of places; ``place(latents)``: places ``(n, 2)`` of latent
        vectors, and their distances from the plane; ``values`` and ``side``: of its cells.

    Raises
    ------
    SelectionError
        If an axis does not exist, or the cells are too many.
    ModelError, AtlasError
        If there is no such model, or it has not encoded the data set.

    Examples
    --------
    >>> import radioviz
    >>> plane = radioviz.latent_plane("vae2")
    >>> plane.side, plane.at(0.4, -1.2).tolist()
    (21, [[0.4000000059604645, -1.2000000476837158]])
    """
    info = list_models()[model or next(iter(decoders()), "")]
    values = np.zeros(info.latent_dim)
    first, second = (number - 1 for number in axes)
    if through == "mean":
        latents = np.asarray(open_atlas(data_set, info.name).latents, np.float32)
        values = latents.mean(axis=0, dtype=np.float64)
    elif not isinstance(through, str):
        atlas = open_atlas(through[0], info.name)
        row = int(atlas.rows_of([through[1]])[0])
        if row < 0:
            raise SelectionError(f"'{info.name}' has not encoded '{through[1]}' of {through[0]}")
        values = np.asarray(atlas.latents[row], np.float32).astype(np.float64)
    elif through != "zero":
        raise SelectionError(f"through is '{through}'; expected zero, mean or a galaxy")
    if principal:
        latents = np.asarray(open_atlas(data_set, info.name).latents, np.float32)
        return pca_plane(latents, first, second, values, reach, step)
    return axes_plane(values, first, second, reach, step)
