"""Shards by one process and by several: the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from radioviz import importing
from radioviz.atlas.atlas import open_atlas
from radioviz.encode import shards
from radioviz.encode.__main__ import main
from radioviz.encode.shards import ShardPlan, WorkerPool
from radioviz.encode.survey import encode_data_set
from radioviz.errors import CatalogueError
from radioviz.models import weights
from radioviz.models.registry import build
from tests.models.small import SMALL, galaxies, small_info


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An imported survey of 50 galaxies, and one tiny model."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    torch.manual_seed(0)
    weights.save(tmp_path / "trained/tiny", build("vae", SMALL["vae"]), small_info("vae"), "# Card")
    np.save(tmp_path / "mine.npy", (255 * galaxies(50, 40)).astype(np.uint8))
    answers = {"key": "mine", "pixel_scale": 2.0, "survey": "mine"}
    importing.import_survey(importing.Source(tmp_path / "mine.npy"), answers)
    return "mine"


def encoded(**how: object) -> tuple[np.ndarray, np.ndarray]:
    result = encode_data_set(
        "mine", "tiny", umap=False, again=True, batch=4, shard=10, **how  # type: ignore[arg-type]
    )  # fmt: skip
    assert result.atlas is not None
    atlas = open_atlas("mine", "tiny")
    return np.array(atlas.latents), atlas.scores.to_numpy()


@pytest.mark.slow
@pytest.mark.timeout(240)
# Dask itself forks for its resource tracker, and closes its loop late.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_two_processes_give_the_bits_of_one(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    alone = encoded()
    command = ["--data", "mine", "--model", "tiny", "--no-umap", "--again", "--workers", "2"]
    assert main([*command, "--batch", "4", "--shard", "10"]) == 0
    assert "50 images at" in capsys.readouterr().out
    together = open_atlas("mine", "tiny")
    np.testing.assert_array_equal(together.latents, alone[0])
    np.testing.assert_array_equal(together.scores.to_numpy(), alone[1])


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_scheduler_that_does_not_answer_is_reported(
    mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr("radioviz.encode.shards.ANSWER", 2.0)
    with pytest.raises(CatalogueError, match="does not answer"):
        encode_data_set(
            "mine", "tiny", umap=False, workers=WorkerPool(scheduler="tcp://127.0.0.1:9")
        )  # fmt: skip


def test_a_worker_that_sees_another_survey_is_refused(mine: str, tmp_path: Path) -> None:
    from radioviz.errors import RadioVizError

    with pytest.raises(RadioVizError, match="on a shared disk"):
        shards._encode_one(ShardPlan("mine", "other", "tiny", "sha", tmp_path, 10, 4), 0, 1)


def test_batches_begin_with_their_shard(mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a shard is the same by itself and in a row of shards."""
    seen: list[int] = []
    through = shards._latents_and_scores
    monkeypatch.setattr(
        shards,
        "_latents_and_scores",
        lambda e, images: seen.append(len(images)) or through(e, images),
    )
    encoded()
    assert seen == [4, 4, 2] * 5
