"""RadioViz: walk through the latent space of radio galaxies.

In a script::

    import radioviz

    first = radioviz.open_data_set("first")              # table, images, WCS
    atlas = radioviz.open_atlas("first", "simclr")       # latents, layouts, scores
    found = radioviz.find_similar("first", galaxy="first-0")
    latents = radioviz.encode_images("my.fits", "simclr")
    made = radioviz.generate_galaxies("FRII", size=60, seed=1)
    radioviz.export_galaxies(found, "similar.fits")

Public are the names in ``radioviz.__all__`` with their parameters, and the attributes and methods
that the docstrings of what they return list. Everything else may change at any time. A public
name is kept for two minor releases after it first raises a ``DeprecationWarning``.

Importing the package is cheap: each name loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from radioviz.api.file_export import export_galaxies
    from radioviz.api.inference import encode_images, generate_galaxies
    from radioviz.api.latent_search import find_similar, nearest_galaxy
    from radioviz.api.samples import (
        GalaxySample,
        list_data_sets,
        open_atlas,
        open_data_set,
        outlier_scores,
    )
    from radioviz.errors import RadioVizError
    from radioviz.models.registry import list_models

__version__ = "0.1.0"

__all__ = [
    "GalaxySample",
    "RadioVizError",
    "encode_images",
    "export_galaxies",
    "find_similar",
    "generate_galaxies",
    "list_data_sets",
    "list_models",
    "nearest_galaxy",
    "open_atlas",
    "open_data_set",
    "outlier_scores",
]

_MODULES = {
    "RadioVizError": "errors",
    "encode_images": "api.inference",
    "export_galaxies": "api.file_export",
    "find_similar": "api.latent_search",
    "generate_galaxies": "api.inference",
    "list_models": "models.registry",
    "nearest_galaxy": "api.latent_search",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'radioviz' has no attribute '{name}'")
    module = importlib.import_module(f"radioviz.{_MODULES.get(name, 'api.samples')}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
