"""Latents of galaxies in the eight orientations of a square, kept in the cache folder.

The sky has no preferred direction, so a density of galaxies must not have one either; a score
that has one can be averaged over orientations.
"""

from __future__ import annotations

import hashlib

import numpy as np

from radioviz.atlas.atlas import list_atlases, open_atlas
from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.images.dihedral import dihedral_views
from radioviz.models.registry import list_models
from radioviz.paths import cache_folder
from radioviz.store.atomic import atomic_file

ORIENTATIONS = 8


def orientations(images: np.ndarray) -> list[np.ndarray]:
    """The eight views, ``(n, ny, nx)`` each, a mirrored one after each rotation."""
    views = dihedral_views(images)
    return [np.ascontiguousarray(views[:, k]) for k in (0, 4, 1, 5, 2, 6, 3, 7)]


def encode_orientations(model: Encoder, images: np.ndarray) -> np.ndarray:
    """Latents of preprocessed images in every orientation, float32 of shape ``(n, 8, d)``."""
    if model.info.architecture.get("dihedral"):  # it averages over them
        return np.repeat(model.encode(images)[:, None], ORIENTATIONS, axis=1)
    return np.stack([model.encode(x) for x in orientations(images)], axis=1)


def orientation_latents(key: str, encoder: str) -> np.ndarray:
    """Latents of a whole data set in every orientation, float32 of shape ``(n, 8, d)``."""
    catalogue = open_data_set(key)
    info = list_models()[encoder]
    if info.architecture.get("dihedral") and (key, encoder) in list_atlases():
        latents = open_atlas(key, encoder, info=info, catalogue=catalogue).latents
        return np.repeat(np.asarray(latents, np.float32)[:, None], ORIENTATIONS, axis=1)
    weights = info.weights_sha256
    stamp = hashlib.sha256(f"{catalogue.digest}-{weights}".encode()).hexdigest()[:16]
    path = cache_folder() / "orientations" / f"{key}-{encoder}-{stamp}.npy"
    if not path.exists():
        model = Encoder.load(encoder)
        parts = np.array_split(np.arange(len(catalogue)), max(1, len(catalogue) // 512))
        images = (model.info.preprocess.apply(catalogue, rows) for rows in parts)
        made = np.concatenate([encode_orientations(model, x) for x in images])
        with atomic_file(path) as scratch:
            np.save(scratch, made.astype(np.float16))
    return np.load(path, allow_pickle=False).astype(np.float32)
