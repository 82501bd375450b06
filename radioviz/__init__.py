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

__all__ = [
    "GalaxySample",
    "RadioVizError",
    "benchmark_table",
    "benchmarks",
    "cite",
    "decode_latents",
    "draw_chart",
    "encode_images",
    "export_galaxies",
    "field_recovery",
    "fill_galaxy",
    "find_hosts",
    "find_similar",
    "find_sources",
    "generate_galaxies",
    "import_survey",
    "inject_galaxies",
    "latent_plane",
    "list_data_sets",
    "list_models",
    "map_positions",
    "mock_field",
    "move_galaxy",
    "nearest_galaxy",
    "open_atlas",
    "open_data_set",
    "outlier_scores",
    "predict_property",
    "property_map",
    "rank_outliers",
    "reconstruct_galaxies",
    "search_recovery",
    "search_words",
    "select_galaxies",
    "selection_function",
]

_MODULES = {
    "RadioVizError": "errors",
    "benchmark_table": "api.benchmark_figures",
    "benchmarks": "api.benchmark_figures",
    "cite": "api.citations",
    "decode_latents": "api.inference",
    "draw_chart": "api.chart_files",
    "encode_images": "api.inference",
    "export_galaxies": "api.file_export",
    "field_recovery": "api.field_simulation",
    "fill_galaxy": "api.editing",
    "find_hosts": "api.many_hosts",
    "find_similar": "api.latent_search",
    "find_sources": "api.field_simulation",
    "generate_galaxies": "api.inference",
    "import_survey": "api.surveys",
    "inject_galaxies": "api.field_simulation",
    "latent_plane": "api.latent_planes",
    "list_models": "models.registry",
    "mock_field": "api.field_simulation",
    "move_galaxy": "api.editing",
    "nearest_galaxy": "api.latent_search",
    "predict_property": "api.property_prediction",
    "property_map": "relations.property_map",
    "rank_outliers": "api.outlier_ranking",
    "reconstruct_galaxies": "api.inference",
    "search_recovery": "api.field_simulation",
    "search_words": "api.sentence_search",
    "select_galaxies": "api.selection",
    "selection_function": "api.field_simulation",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'radioviz' has no attribute '{name}'")
    module = importlib.import_module(f"radioviz.{_MODULES.get(name, 'api.samples')}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
