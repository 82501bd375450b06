"""The data sets that RadioViz knows, one line each."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from radioviz.data.catalogue import FORMAT_VERSION, Catalogue
from radioviz.errors import CatalogueError
from radioviz.paths import cache_folder

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class DataSet:
    """One entry: where its reader lives and whether it works without a download."""

    key: str
    title: str
    module: str
    embedded: bool


DATA_SETS: dict[str, DataSet] = {
    d.key: d
    for d in (DataSet("first", "FIRST (Griese et al. 2023)", "radioviz.data.first", True),)
}


def open_data_set(
    key: str, progress: Progress = lambda done, total, what: None
) -> Catalogue:
    """Catalogue of a registered data set; built on first use, then memory-mapped.

    Raises
    ------
    CatalogueError
        If the key is unknown, or the data are neither here nor installed.
    """
    if key not in DATA_SETS:
        raise CatalogueError(f"no data set '{key}'; known: {', '.join(DATA_SETS)}")
    folder = cache_folder() / "catalogues" / f"{key}-v{FORMAT_VERSION}"
    if (folder / "catalogue.json").exists():
        return Catalogue.open(folder)
    module = importlib.import_module(DATA_SETS[key].module)
    catalogue: Catalogue = module.read(progress)
    try:
        return catalogue.save(folder)
    except CatalogueError:
        return catalogue  # a cache that cannot be written costs time, not the data
