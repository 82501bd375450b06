"""What a model sees of sources with several images: one plane, or a channel of each plane."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.magnitudes import MAGNITUDE, asinh_magnitudes
from radioviz.data.noise_level import noise_level
from radioviz.data.preprocess import Preprocess, resampling
from radioviz.data.source_planes import MISSING
from radioviz.errors import CatalogueError


def model_images(
    chain: Preprocess,
    channels: Sequence[str],
    catalogue: Catalogue,
    rows: np.ndarray,
    batch: int = 512,
) -> np.ndarray:
    """Preprocessed images of rows as a model of these channels takes them.

    Parameters
    ----------
    chain : Preprocess
    channels : sequence of str
        Names of the planes that the model learned from; empty for a model of one channel, which
        sees the plane that the catalogue is in.
    rows : numpy.ndarray
        Row numbers.

    Returns
    -------
    numpy.ndarray
        Float32 of shape ``(n, size, size)``, or ``(n, channels, size, size)``. All channels of a
        source show the same piece of the sky: the field follows from the beam of the first, and
        centres are those of the first, to a fraction of a pixel.

    Raises
    ------
    CatalogueError
        If the data set lacks a channel, or a source does.
    """
    if not channels:
        return chain.apply(catalogue, rows, batch)
    views = [catalogue.of_plane(k) for k in planes_of_model(catalogue, channels)]
    for view in views:
        view.require_images(rows)
    out = np.empty((len(rows), len(views), chain.size, chain.size), np.float32)
    first = views[0]
    beams, scales = first.beams[rows], first.pixel_scales[rows]
    for k, view in enumerate(views):
        own = view.pixel_scales[rows]
        shifts = centre_offsets(first, view, rows)
        for i, row in enumerate(rows):
            beam = float(beams[i]) if np.isfinite(beams[i]) else None
            field = chain.field_in_pixels(float(scales[i]), beam) * scales[i] / own[i]
            out[i, k] = _channel(chain, view, int(row), field, shifts[i] / own[i])
    return out


def _channel(
    chain: Preprocess, view: Catalogue, row: int, field: float, centre: np.ndarray
) -> np.ndarray:
    """One image as ``(size, size)``: ``field`` pixels about a point ``centre`` of its middle."""
    image = np.asarray(view.images[row], dtype=np.float32)
    clips = chain.clip_sigma if view.info.raw else None
    background = sigma = 0.0
    if clips is not None or chain.stretch == MAGNITUDE:
        background, sigma = noise_level(image)
    if clips is not None and sigma > 0:
        image = np.where(image < background + clips * sigma, np.float32(0), image)
    if chain.nan == "zero":
        image = np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0)
    (y0, y1, along_y), (x0, x1, along_x) = (
        resampling(n, field, chain.size, float(at))
        for n, at in zip(image.shape, centre, strict=True)
    )
    square = along_y @ (image[y0:y1, x0:x1] @ along_x.T)
    stretch = chain.stretch
    if stretch == MAGNITUDE:
        square = asinh_magnitudes(square[None], np.array([background]), np.array([sigma]))[0]
        stretch = "linear"
    # What is left of the chain: blank the edge, rescale, stretch.
    rest = dataclasses.replace(
        chain, clip_sigma=None, field_arcsec=None, field_pixels=chain.size, stretch=stretch
    )
    return rest(square[None], 1.0)[0]


def planes_of_model(catalogue: Catalogue, channels: Sequence[str]) -> list[int]:
    """Numbers of the planes that are the channels of a model, by their names.

    Raises CatalogueError if the data set has one image of each source, or no plane of such a name.
    """
    key, wanted = catalogue.info.key, ", ".join(channels)
    if not catalogue.planes:
        raise CatalogueError(
            f"data set '{key}' has one image of each source; the model needs {len(channels)} "
            f"({wanted})"
        )
    lower = {name.lower(): k for k, name in enumerate(catalogue.planes)}
    lacking = [name for name in channels if name.lower() not in lower]
    if lacking:
        raise CatalogueError(
            f"data set '{key}' has no plane '{lacking[0]}'; the model needs {wanted}, the planes "
            f"are {', '.join(catalogue.planes)}: name them so at the import (bands)"
        )
    return [lower[name.lower()] for name in channels]


def centre_offsets(first: Catalogue, view: Catalogue, rows: np.ndarray) -> np.ndarray:
    """Where the centres of the first plane's images lie in those of another, arcsec ``(n, 2)``.

    North and west of its centre, as the axes of images run; 0 without positions.
    """
    at = [_centres(catalogue, rows) for catalogue in (first, view)]
    north = (at[0][:, 1] - at[1][:, 1]) * 3600
    east = (at[0][:, 0] - at[1][:, 0] + 180) % 360 - 180
    west = -east * 3600 * np.cos(np.radians(at[0][:, 1]))
    return np.nan_to_num(np.stack([north, west], axis=1))


def _centres(catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
    table = catalogue.table
    centres = table[["ra", "dec"]].to_numpy(float)[rows]
    if {"image_ra", "image_dec"} <= set(table.columns):
        own = table[["image_ra", "image_dec"]].to_numpy(float)[rows]
        centres = np.where(np.isfinite(own).all(axis=1, keepdims=True), own, centres)
    return centres


def lacking_planes(catalogue: Catalogue, row: int) -> list[str]:
    """Names of the planes that a source lacks."""
    if MISSING not in catalogue.table:
        return []
    return [name for name in str(catalogue.table[MISSING].iat[row]).split(", ") if name]
