"""Codes of the galaxies of a data set, from its Atlases or from the baselines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.atlas.atlas import list_atlases, open_atlas
from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import PRESETS
from radioviz.errors import AtlasError
from radioviz.models.registry import list_models
from train.core.config import TrainError

VIEWS = " (8 views)"
"""Suffix of the name of an encoder for its codes of all eight dihedral views."""

JOIN = "+"
"""Between the names of encoders whose codes are joined."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of every galaxy of a data set."""

    name: str  # encoder (with :data:`VIEWS` for several views) or baseline
    values: np.ndarray  # shape ``(n, views, d)``
    version: str  # first digits of the hash of the weights; ``-`` for baselines
    components: int = 64  # principal components for the classifiers, 0 for no reduction


def names(data_set: str) -> list[str]:
    """Encoders with a valid Atlas of a data set, VAEs with their eight views, and baselines."""
    models = list_models()
    found = [model for key, model in list_atlases() if key == data_set and model in models]
    views = [m + VIEWS for m in found if models[m].can("decode") and models[m].latent_dim > 2]
    return [*BASELINES, *found, *views]


def version(name: str) -> str:
    """Identifies the weights behind the codes of an encoder."""
    model = name.removesuffix(VIEWS)
    return "-" if model in BASELINES else list_models()[model].weights_sha256[:12]


def codes(name: str, catalogue: Catalogue) -> Codes:
    """Codes of an encoder, or of a baseline, for all rows of a data set.

    Raises TrainError if the encoder is unknown, or its Atlas of the data set is missing or stale.
    """
    if name in BASELINES:
        function, components = BASELINES[name]
        found = function(images(catalogue, np.arange(len(catalogue))))
        return Codes(name, found[:, None], "-", components)
    if JOIN in name:
        return _joined(name, catalogue)
    model = name.removesuffix(VIEWS)
    models = list_models()
    if model not in models:
        raise TrainError(f"no encoder '{model}'; there are {', '.join(models)}")
    info = models[model]
    if name != model:
        from train.scores.orientations import orientation_latents  # needs torch

        views = orientation_latents(catalogue.info.key, model)
        return Codes(name, views, info.weights_sha256[:12])
    try:
        atlas = open_atlas(catalogue.info.key, model, info=info, catalogue=catalogue)
    except AtlasError as error:
        raise TrainError(str(error)) from error
    return Codes(name, np.asarray(atlas.latents, np.float32)[:, None], info.weights_sha256[:12])


def _joined(name: str, catalogue: Catalogue) -> Codes:
    """Codes of several encoders side by side, each with as much variance as the others in FIRST."""
    found = [codes(part, catalogue) for part in name.split(JOIN)]
    scaled = []
    for one in found:
        known = np.asarray(open_atlas("first", one.name).latents, np.float32)
        spread = known.std(axis=0) * np.sqrt(known.shape[1])
        scaled.append((one.values - known.mean(axis=0)) / np.maximum(spread, 1e-6))
    return Codes(name, np.concatenate(scaled, axis=2), JOIN.join(one.version for one in found))


# -- baselines: Fourier amplitudes of log-polar maps, and pixels ----------------------------------

RADII, ANGLES = 32, 64


def images(catalogue: Catalogue, rows: np.ndarray) -> np.ndarray:
    """The 64x64 crops of the encoders, float32 ``(n, 64, 64)``, 0..1."""
    return PRESETS["compact64"].apply(catalogue, rows)


def log_polar_amplitudes(maps: np.ndarray) -> np.ndarray:
    """Amplitudes of the angular Fourier modes at logarithmic radii; ``(n, 32 * 17)``.

    About the brightness-weighted centre. Rotations change only the phases of the modes, so the
    amplitudes depend neither on position angle nor on parity.

    ``maps``: shape ``(n, ny, nx)``.
    """
    from skimage.transform import warp_polar

    ny, nx = maps.shape[1:]
    y, x = np.mgrid[:ny, :nx]
    out = []
    for image in maps:
        total = max(float(image.sum()), 1e-12)
        centre = (float((y * image).sum()) / total, float((x * image).sum()) / total)
        polar = warp_polar(
            image,
            center=centre,
            radius=nx / 2,
            output_shape=(ANGLES, RADII),
            scaling="log",
            order=1,
        )
        modes = np.abs(np.fft.rfft(polar, axis=0))[:17]
        out.append(np.sqrt(modes).ravel())
    return np.asarray(out, np.float32)


def pixels(maps: np.ndarray) -> np.ndarray:
    """The pixels, ``(n, ny * nx)``; classifiers use 64 principal components."""
    return maps.reshape(len(maps), -1).astype(np.float32)


BASELINES = {"log-polar": (log_polar_amplitudes, 0), "pixels": (pixels, 64)}
"""Name to function and number of principal components (0: no reduction)."""
