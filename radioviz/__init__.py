"""RadioViz: walk through the latent space of radio galaxies.

In a script::

    import radioviz

    first = radioviz.open_data_set("first")              # table, images, WCS
    atlas = radioviz.open_atlas("first", "simclr")       # latents, layouts, scores
    bent = radioviz.select_galaxies("first", 'label == "Bent" and las > 80')
    found = radioviz.find_similar("first", galaxy="first-0")
    found = radioviz.search_words("bent double with a bright core, larger than 80 arcsec")
    latents = radioviz.encode_images("my.fits", "simclr")
    made = radioviz.generate_galaxies("FRII", size=60, seed=1)
    radioviz.export_galaxies(found, "similar.fits")

The app writes such lines itself: **Show as code** on every page.

Public are the names in ``radioviz.__all__`` with their parameters, and the attributes and methods
that the docstrings of what they return list. Everything else may change at any time. A public
name is kept for two minor releases after it first raises a ``DeprecationWarning``.

Importing the package is cheap: each name loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from radioviz.api.benchmark_figures import benchmark_table, benchmarks
    from radioviz.api.chart_files import draw_chart
    from radioviz.api.citations import cite
    from radioviz.api.editing import fill_galaxy, move_galaxy
    from radioviz.api.field_simulation import (
        field_recovery,
        find_sources,
        inject_galaxies,
        mock_field,
        search_recovery,
        selection_function,
    )
    from radioviz.api.file_export import export_galaxies
    from radioviz.api.inference import (
        decode_latents,
        encode_images,
        generate_galaxies,
        reconstruct_galaxies,
    )
    from radioviz.api.latent_planes import latent_plane
    from radioviz.api.latent_search import find_similar, nearest_galaxy
    from radioviz.api.many_hosts import find_hosts
    from radioviz.api.outlier_ranking import rank_outliers
    from radioviz.api.property_prediction import predict_property
    from radioviz.api.samples import (
        GalaxySample,
        list_data_sets,
        map_positions,
        open_atlas,
        open_data_set,
        outlier_scores,
    )
    from radioviz.api.selection import select_galaxies
    from radioviz.api.sentence_search import search_words
    from radioviz.api.surveys import import_survey
    from radioviz.errors import RadioVizError
    from radioviz.models.registry import list_models
    from radioviz.relations.property_map import property_map

__version__ = "0.1.0"

_OFFERED = {
    "api.benchmark_figures": ("benchmark_table", "benchmarks"),
    "api.chart_files": ("draw_chart",),
    "api.citations": ("cite",),
    "api.editing": ("fill_galaxy", "move_galaxy"),
    "api.field_simulation": (
        "field_recovery",
        "find_sources",
        "inject_galaxies",
        "mock_field",
        "search_recovery",
        "selection_function",
    ),
    "api.file_export": ("export_galaxies",),
    "api.inference": (
        "decode_latents",
        "encode_images",
        "generate_galaxies",
        "reconstruct_galaxies",
    ),
    "api.latent_planes": ("latent_plane",),
    "api.latent_search": ("find_similar", "nearest_galaxy"),
    "api.many_hosts": ("find_hosts",),
    "api.outlier_ranking": ("rank_outliers",),
    "api.property_prediction": ("predict_property",),
    "api.samples": (
        "GalaxySample",
        "list_data_sets",
        "map_positions",
        "open_atlas",
        "open_data_set",
        "outlier_scores",
    ),
    "api.selection": ("select_galaxies",),
    "api.sentence_search": ("search_words",),
    "api.surveys": ("import_survey",),
    "errors": ("RadioVizError",),
    "models.registry": ("list_models",),
    "relations.property_map": ("property_map",),
}
_MODULES = {name: module for module, names in _OFFERED.items() for name in names}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'radioviz' has no attribute '{name}'")
    module = importlib.import_module(f"radioviz.{_MODULES[name]}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
