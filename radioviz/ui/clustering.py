"""Clusters of the workspace: what was searched for in each data set, as a column and as names."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pandas as pd

from radioviz.atlas.clusters import Clusters, cluster_names
from radioviz.data.catalogue import Column
from radioviz.errors import AtlasError, ModelError
from radioviz.ui import cache, session_workspace
from radioviz.ui.cache.data_sets import modified
from radioviz.ui.cache.kept_clusters import ClusterSearch, clusters
from radioviz.ui.cache.shared import shared
from radioviz.words.description import group_names
from radioviz.words.vocabulary import read_vocabulary
from radioviz.workspace.table_columns import Numbers

NAME = "cluster"
"""Of the column, and of the colour."""

_FIELD = "clusters"


def current_search(data_set: str) -> ClusterSearch | None:
    """The clusters that this workspace shows of a data set."""
    held = session_workspace.value(_FIELD, {}).get(data_set)
    if not isinstance(held, list) or len(held) != 3:
        return None
    return ClusterSearch(data_set, str(held[0]), float(held[1]), int(held[2]))


def show_clusters(search: ClusterSearch) -> None:
    """Have the workspace show clusters that were found."""
    held = dict(session_workspace.value(_FIELD, {}))
    held[search.data_set] = [search.model, search.smallest, search.components]
    session_workspace.put(_FIELD, held, f"find clusters of {search.data_set}")


def forget_clusters(data_set: str) -> None:
    """Show no clusters of a data set."""
    held = {k: v for k, v in session_workspace.value(_FIELD, {}).items() if k != data_set}
    session_workspace.put(_FIELD, held, f"remove the clusters of {data_set}")


def version(data_set: str) -> tuple[object, ...]:
    """Changes when :func:`cluster_column` does."""
    search = current_search(data_set)
    with suppress(AtlasError):
        return () if search is None else (search, modified(search.path))
    return ()


def found_clusters(data_set: str) -> Clusters | None:
    """Clusters of a data set, row by row of their Atlas; None where there are none."""
    search = current_search(data_set)
    with suppress(AtlasError, ModelError):
        if search is not None:
            return clusters(search)
    return None


def labels_by_row(data_set: str) -> np.ndarray | None:
    """Number of the cluster of each row of a catalogue, 0 for none; None where there are none."""
    search, found = current_search(data_set), found_clusters(data_set)
    if search is None or found is None:
        return None
    with suppress(AtlasError, ModelError):
        located = cache.located(data_set, search.model)
        labels = np.zeros(len(cache.data_set(data_set)), np.int32)
        labels[located.rows] = found.labels
        return labels
    return None


def cluster_column(data_set: str) -> tuple[Numbers, Column] | None:
    """The clusters as a column of numbers, unknown for galaxies in none."""
    search, labels = current_search(data_set), labels_by_row(data_set)
    if search is None or labels is None:
        return None
    about = f"Cluster among the latents of {search.model}; 1 is the largest"
    return Numbers(labels, labels == 0), Column("float64", "", "meta.code.class", about)


def names_of(data_set: str) -> list[str]:
    """Names of the clusters of a data set, the largest first; none where there are none."""
    search = current_search(data_set)
    with suppress(AtlasError, ModelError):
        if search is not None and found_clusters(data_set) is not None:
            return _names(search)
    return []


@shared(lambda search: (str(search.path), modified(search.path)), entries=8)
def _names(search: ClusterSearch) -> list[str]:
    table = cache.located(search.data_set, search.model).table
    numbers = {
        str(name): table[name].to_numpy(float)
        for name in ("las", "flux", "axis_ratio", "n_components", "concentration")
        if name in table
    }
    labels = clusters(search).labels
    words = group_names(labels, tags_in_view(search.data_set, search.model), read_vocabulary())
    return cluster_names(labels, table["label"].to_numpy(str), numbers, words)


def tags_in_view(data_set: str, model: str) -> pd.DataFrame:
    """Probabilities of tags, row by row of an Atlas; no columns where none are stored."""
    scores = cache.located(data_set, model).scores
    return scores[[c for c in read_vocabulary().columns if c in scores]]
