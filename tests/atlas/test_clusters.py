"""Clusters in latent space: made-up groups are found again, joined, compared and named."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from radioviz.atlas import clusters
from radioviz.atlas.clusters import cluster_names, find_clusters
from radioviz.errors import AtlasError, CancelledError
from radioviz.jobs.reader_process import read_confined
from radioviz.jobs.sandbox import Limits

SIZES = (900, 500, 250)


def groups(rng: np.random.Generator, dim: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Three tight groups far apart, and a tenth of noise: latents, and the group (0: noise)."""
    centres = 12 * np.eye(3, dim)
    truth = np.repeat([1, 2, 3], SIZES)
    x = centres[truth - 1] + 0.5 * rng.standard_normal((len(truth), dim))
    noise = rng.uniform(-60, 60, (165, dim))
    x, truth = np.concatenate([x, noise]), np.concatenate([truth, np.zeros(165, int)])
    order = rng.permutation(len(x))
    return x[order].astype(np.float32), truth[order]


@pytest.mark.parametrize("most", [10_000, 600])
def test_groups_are_found_by_size_and_the_rest_joins(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sample of 600, two thirds of the galaxies join the clusters of their neighbours."""
    monkeypatch.setattr(clusters, "MOST_ROWS", most)
    x, truth = groups(np.random.default_rng(1))
    found = find_clusters(x, 0.05, 3)
    assert len(found) == 3
    real = truth > 0
    assert (found.labels[real] == truth[real]).mean() > 0.97
    assert found.agreement > 0.9
    assert 0.85 < found.share < 1


def test_noise_has_no_clusters_and_little_agreement() -> None:
    x = np.random.default_rng(2).standard_normal((1500, 16)).astype(np.float32)
    found = find_clusters(x, 0.02)
    assert found.share < 0.5
    assert len(find_clusters(x, 0.4)) == 0


def test_a_search_ends_at_once_when_it_is_cancelled(tmp_path: Path) -> None:
    """In the midst of HDBSCAN, which needs some seconds for this and does not stop itself."""
    path = tmp_path / "latents.npy"
    np.save(path, np.random.default_rng(3).standard_normal((10_000, 16)).astype(np.float32))
    began = time.monotonic()
    cancelled_at = 0.0

    def look() -> bool:
        nonlocal cancelled_at
        if time.monotonic() - began > 2.0:
            cancelled_at = time.monotonic()
            raise CancelledError("stopped")
        return False

    with pytest.raises(CancelledError):
        read_confined(
            "radioviz.atlas.clusters:find_clusters_in", path, 0.01, 16, read=(path,),
            classes=(clusters.Clusters,), limits=Limits(mapped_files=True), cancelled=look,
        )  # fmt: skip
    assert time.monotonic() - cancelled_at < 3


def test_a_search_has_a_limit() -> None:
    x, _ = groups(np.random.default_rng(3))
    with pytest.raises(AtlasError, match="no clusters within 0 s"):
        find_clusters(x, limit_s=0)


@pytest.mark.parametrize(
    ("smallest", "components", "rows"),
    [(0.0, 8, 100), (0.6, 8, 100), (0.01, 17, 100), (0.01, 8, 9)],
)
def test_what_cannot_be_searched_is_refused(smallest: float, components: int, rows: int) -> None:
    with pytest.raises(AtlasError, match=r"expected|too few"):
        find_clusters(np.zeros((rows, 20), np.float32), smallest, components)


def test_names_say_what_sets_a_cluster_apart() -> None:
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    classes = np.array(["FRI"] * 50 + ["FRII"] * 50 + ["FRII"] * 60 + ["FRI", ""] * 20)
    las = np.concatenate([np.linspace(10, 90, 100), np.full(60, 200.0), np.linspace(20, 80, 40)])
    assert cluster_names(labels, classes, {"las": las}) == ["1: FRII, large", "2: FRI"]
