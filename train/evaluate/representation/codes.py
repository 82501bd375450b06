"""Codes of the galaxies of a data set: from its Atlases, or the baselines' own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.atlas.atlas import list_atlases, open_atlas
from radioviz.data.catalogue import Catalogue
from radioviz.errors import AtlasError
from radioviz.models.registry import list_models
from radioviz.paths import cache_folder
from train.core.config import TrainError
from train.evaluate.representation.baselines import BASELINES, images

VIEWS = " (8 views)"
"""Ending of the name of an encoder whose codes are those of all eight dihedral views."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of every galaxy of a data set.

    Attributes
    ----------
    name : str
        Encoder, :data:`VIEWS` behind it where there are several views, or baseline.
    values : numpy.ndarray
        Shape ``(n, views, d)``.
    version : str
        First digits of the hash of the weights; ``-`` for baselines.
    components : int
        Principal components that classifiers get, 0 for all as it is.
    """

    name: str
    values: np.ndarray
    version: str
    components: int = 64


def names(data_set: str) -> list[str]:
    """Encoders with a valid Atlas of a data set, VAEs with their eight views, and baselines."""
    models = list_models()
    found = [model for key, model in list_atlases() if key == data_set and model in models]
    turned = [
        name + VIEWS for name in found if models[name].can("decode") and models[name].latent_dim > 2
    ]
    return [*BASELINES, *found, *turned]


def version(name: str) -> str:
    """What tells the codes of now from those of other weights."""
    model = name.removesuffix(VIEWS)
    return "-" if model in BASELINES else list_models()[model].weights_sha256[:12]


def codes(name: str, catalogue: Catalogue) -> Codes:
    """Codes of an encoder, or of a baseline, for all rows of a data set.

    Raises
    ------
    TrainError
        If there is no such encoder, or its Atlas of the data set is missing or stale.
    """
    if name in BASELINES:
        function, components = BASELINES[name]
        found = function(images(catalogue, np.arange(len(catalogue))))
        return Codes(name, found[:, None], "-", components)
    model = name.removesuffix(VIEWS)
    models = list_models()
    if model not in models:
        raise TrainError(f"no encoder '{model}'; there are {', '.join(models)}")
    info = models[model]
    if name != model:
        return Codes(name, _views(model, catalogue), info.weights_sha256[:12])
    try:
        atlas = open_atlas(catalogue.info.key, model, info=info, catalogue=catalogue)
    except AtlasError as error:
        raise TrainError(str(error)) from error
    return Codes(name, np.asarray(atlas.latents, np.float32)[:, None], info.weights_sha256[:12])


def _views(model: str, catalogue: Catalogue) -> np.ndarray:
    """Codes of the eight dihedral views, ``(n, 8, d)``, encoded once and kept in the cache.

    The one place here that needs torch.
    """
    from radioviz.images.dihedral import dihedral_views

    info = list_models()[model]
    name = f"views-{catalogue.info.key}-{catalogue.digest}-{info.weights_sha256[:12]}.npy"
    path = cache_folder() / name
    if path.exists():
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
    from radioviz.encode import Encoder

    encoder = Encoder.load(model)
    found = []
    for rows in np.array_split(np.arange(len(catalogue)), max(1, len(catalogue) // 128)):
        turned = dihedral_views(info.preprocess.apply(catalogue, rows))
        flat = turned.reshape(-1, *turned.shape[2:])
        found.append(encoder.encode(flat).reshape(len(rows), 8, -1))
    out = np.concatenate(found).astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, out)
    return out.astype(np.float32)
