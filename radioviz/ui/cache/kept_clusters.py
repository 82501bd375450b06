"""Clusters of an Atlas that were found before, kept in the cache folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radioviz.atlas.clusters import Clusters
from radioviz.errors import AtlasError
from radioviz.paths import cache_folder
from radioviz.store.atomic import atomic_file, report_unwritable
from radioviz.ui.cache.data_sets import atlas_version, modified
from radioviz.ui.cache.shared import shared

_METHOD = 1  # grows when other clusters would be found


@dataclass(frozen=True)
class ClusterSearch:
    """What clusters were searched for: see :func:`radioviz.atlas.clusters.find_clusters`."""

    data_set: str
    model: str
    smallest: float
    components: int

    @property
    def path(self) -> Path:
        """The file of the clusters of this Atlas."""
        version = atlas_version(self.data_set, self.model)
        about = repr((version, self.smallest, self.components, _METHOD))
        digest = hashlib.sha256(about.encode()).hexdigest()[:24]
        return cache_folder() / "clusters" / f"{self.data_set}-{digest}.npz"


@shared(lambda search: (str(search.path), modified(search.path)), entries=8)
def clusters(search: ClusterSearch) -> Clusters:
    """Clusters that were found before.

    Raises AtlasError if they were not, or their file is damaged.
    """
    path = search.path
    try:
        with np.load(path, allow_pickle=False) as held:
            labels, agreement = np.asarray(held["labels"], np.int32), float(held["agreement"])
    except FileNotFoundError:
        raise AtlasError(
            "these clusters are no longer stored; search for them again in the menu Clusters of "
            "the latent map"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise AtlasError(f"{path} is damaged ({error}); delete it, and search again") from error
    return Clusters(labels, agreement)


def keep_clusters(search: ClusterSearch, found: Clusters) -> None:
    """Store clusters for other sessions and after a restart.

    Raises AtlasError if the cache folder cannot be written.
    """
    path = search.path
    with report_unwritable(path, AtlasError, setting="RADIOVIZ_CACHE"), atomic_file(path) as file:
        np.savez_compressed(file, labels=found.labels, agreement=found.agreement)
