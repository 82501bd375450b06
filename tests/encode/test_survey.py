"""A survey through an encoder: shards, resume, the Atlas in the user's folder, its maps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from radioviz import importing
from radioviz.atlas import layouts
from radioviz.atlas.atlas import atlas_folder, list_atlases, open_atlas
from radioviz.atlas.latent_scores import latent_outlier_scores
from radioviz.encode import Encoder
from radioviz.encode.__main__ import main
from radioviz.encode.survey import encode_data_set, is_encoded, list_encoders
from radioviz.errors import AtlasError, CatalogueError
from radioviz.models import weights
from radioviz.models.registry import build, list_models
from radioviz.paths import user_models_folder
from tests.data.survey_locks import locked_elsewhere
from tests.models.small import SMALL, galaxies, small_info


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder and a folder of shipped models with one tiny model."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    torch.manual_seed(0)
    weights.save(tmp_path / "trained/tiny", build("vae", SMALL["vae"]), small_info("vae"), "# Card")
    return tmp_path / "home"


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """An imported survey of thirty galaxies."""
    np.save(tmp_path / "mine.npy", (255 * galaxies(30, 40)).astype(np.uint8))
    answers = {"key": "mine", "pixel_scale": 2.0, "survey": "mine"}
    result = importing.import_survey(importing.Source(tmp_path / "mine.npy"), answers)
    assert result.catalogue is not None
    return "mine"


class After:
    """True after it was called ``times`` times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_the_atlas_is_written_to_the_user_folder(mine: str, home: Path) -> None:
    result = encode_data_set(mine, "tiny", batch=7, shard=10, umap=False)
    assert result.atlas is not None
    assert result.atlas.folder == home / "atlas" / "mine" / "tiny" == atlas_folder("mine", "tiny")
    assert list_atlases() == [("mine", "tiny")]
    catalogue = importing.open_survey(mine)
    info = list_models()["tiny"]
    opened = open_atlas(mine, "tiny", info=info, catalogue=catalogue)
    expected = Encoder.load("tiny").encode_catalogue(catalogue)
    np.testing.assert_allclose(opened.latents, expected, rtol=2e-3, atol=2e-3)  # half precision
    assert set(opened.scores) == {
        "knn_distance", "isolation", "reconstruction_error", "flux_ratio",
    }  # fmt: skip
    assert np.isfinite(opened.scores.to_numpy()).all()
    assert is_encoded(catalogue, info)
    assert not list(home.glob("atlas/mine/.*.part"))
    again = encode_data_set(mine, "tiny")
    assert (again.resumed, again.n) == (30, 30)


def test_removing_a_survey_removes_its_atlas(mine: str, home: Path) -> None:
    encode_data_set(mine, "tiny", umap=False)
    importing.remove_survey(mine)
    assert not list((home / "atlas").iterdir())
    assert list_atlases() == []


def test_shards_are_resumed(mine: str, home: Path) -> None:
    stopped = encode_data_set(mine, "tiny", batch=5, shard=10, umap=False, cancelled=After(3))
    assert stopped.atlas is None
    assert not is_encoded(importing.open_survey(mine), list_models()["tiny"])
    part = home / "atlas" / "mine" / ".tiny.part"
    assert len(list(part.glob("shard-*.npy"))) == 2
    assert list_atlases() == []
    seen: list[int] = []
    result = encode_data_set(
        mine, "tiny", batch=5, shard=10, umap=False, progress=lambda d, t, w: seen.append(d)
    )
    assert (result.resumed, seen[0]) == (20, 20)
    assert result.atlas is not None
    once = np.array(result.atlas.latents)
    again = encode_data_set(mine, "tiny", again=True, umap=False)
    assert again.atlas is not None and again.resumed == 0
    np.testing.assert_allclose(again.atlas.latents, once, atol=2e-3)


def test_a_run_killed_during_its_umap_draws_it_later(tmp_path: Path, home: Path) -> None:
    np.save(tmp_path / "few.npy", (255 * galaxies(5, 40)).astype(np.uint8))
    importing.import_survey(
        importing.Source(tmp_path / "few.npy"), {"key": "few", "pixel_scale": 2.0}
    )

    def killed(done: int, total: int, what: str) -> None:
        if "UMAP" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_data_set("few", "tiny", progress=killed)
    assert list_atlases() == [("few", "tiny")], "finished maps can be opened"
    said: list[str] = []
    result = encode_data_set("few", "tiny", progress=lambda d, t, w: said.append(w))
    assert result.atlas is not None and result.resumed == 5
    assert any("UMAP" in w for w in said)
    assert not list((home / "atlas" / "few").glob(".*.part"))


def test_shards_of_another_model_or_size_are_not_resumed(
    mine: str, home: Path, tmp_path: Path
) -> None:
    encode_data_set(mine, "tiny", batch=5, shard=10, cancelled=After(3))
    torch.manual_seed(1)
    weights.save(tmp_path / "trained/tiny", build("vae", SMALL["vae"]), small_info("vae"), "# Card")
    result = encode_data_set(mine, "tiny", batch=5, shard=10, umap=False)
    assert result.resumed == 0


def test_a_survey_cannot_be_removed_while_it_is_encoded(mine: str) -> None:
    refused = []

    def progress(done: int, total: int, what: str) -> None:
        if not refused:
            pool = ThreadPoolExecutor(1)  # the thread that encodes holds the lock
            with pytest.raises(CatalogueError, match="being imported, encoded or removed"):
                pool.submit(importing.remove_survey, mine).result()
            pool.shutdown()
            refused.append(what)

    encode_data_set(mine, "tiny", umap=False, progress=progress)
    assert refused
    importing.remove_survey(mine)
    with pytest.raises(AtlasError):
        open_atlas(mine, "tiny")


def test_maps_of_the_survey_and_of_first(mine: str, home: Path, tmp_path: Path) -> None:
    from radioviz.atlas.atlas import Layout, write_atlas
    from tests.models.small import synthetic_catalogue

    first = synthetic_catalogue(50, "first")
    encoder = Encoder.load("tiny")
    latents = encoder.encode_catalogue(first)
    plane = (latents[:, :2] * 3).astype(np.float32)
    projected = (latents @ np.array([[1, 0], [2, 1], [0, -1]]) + 4).astype(np.float32)
    write_atlas(first, encoder.info, latents,
                {"umap": (plane, Layout("UMAP")), "pca": (projected, Layout("PCA"))})  # fmt: skip
    atlas = encode_data_set(mine, "tiny", umap=False).atlas
    assert atlas is not None
    assert list(atlas.layouts) == ["umap_first", "pca", "pca_first"]
    assert atlas.layout_title("umap_first") == "UMAP of FIRST"
    # The first galaxies of both are the same images: they are placed at the same position.
    np.testing.assert_allclose(atlas.layouts["umap_first"][:5], plane[:5], atol=0.05)
    np.testing.assert_allclose(atlas.layouts["pca_first"][:5], projected[:5], atol=0.05)


@pytest.fixture
def threads() -> Iterator[int]:
    """Threads of torch: another number than numba sets by itself."""
    before, number = torch.get_num_threads(), (os.cpu_count() or 1) + 1
    torch.set_num_threads(number)
    yield number
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_map_of_its_own_from_a_sample(threads: int) -> None:
    rng = np.random.default_rng(0)
    latents = np.concatenate([rng.normal(0, 1, (60, 4)), rng.normal(12, 1, (60, 4))])
    found = layouts.fit_umap_layout(latents, sample=70)
    assert torch.get_num_threads() == threads
    assert found is not None
    positions, layout = found
    assert positions.shape == (120, 2) and layout.parameters["fitted_to"] == 70
    a, b = positions[:60], positions[60:]
    apart = np.linalg.norm(np.median(a, axis=0) - np.median(b, axis=0))
    assert apart > 2 * np.median(np.linalg.norm(a - np.median(a, axis=0), axis=1))
    assert layouts.fit_umap_layout(latents[:5]) is None


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_small_surveys_have_a_map(tmp_path: Path, n: int) -> None:
    np.save(tmp_path / "few.npy", (255 * galaxies(n, 40)).astype(np.uint8))
    importing.import_survey(
        importing.Source(tmp_path / "few.npy"), {"key": "few", "pixel_scale": 2.0}
    )
    atlas = encode_data_set("few", "tiny").atlas
    assert atlas is not None
    assert len(atlas) == n and atlas.layouts
    assert len(atlas.scores) == n


def test_outlier_scores_find_an_isolated_galaxy() -> None:
    rng = np.random.default_rng(2)
    latents = rng.normal(size=(300, 6)).astype(np.float32)
    latents[17] += 9
    found = latent_outlier_scores(latents)
    assert found["knn_distance"].argmax() == found["isolation"].argmax() == 17
    from sklearn.neighbors import NearestNeighbors

    distance, _ = NearestNeighbors(n_neighbors=20).fit(latents).kneighbors()
    np.testing.assert_allclose(found["knn_distance"], distance.mean(axis=1), rtol=1e-4)
    # Many that are strange in one way are strange to the others still.
    alike = latents[17] + rng.normal(scale=0.1, size=(50, 6)).astype(np.float32)
    usual = np.delete(latents, 17, axis=0)
    among = latent_outlier_scores(np.concatenate([alike, usual]), np.arange(50, 349))
    assert all(score[:50].min() > score[50:].max() for score in among.values())


def test_models_of_the_user_are_listed_with_the_shipped_ones(home: Path) -> None:
    weights.save(
        user_models_folder() / "own", build("vae", SMALL["vae"]), small_info("vae", "own"), "# Card"
    )
    assert list_encoders() == ["own", "tiny"]
    assert Encoder.load("own").info.name == "own"


def test_the_command(mine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", "mine", "--no-umap", "--shard", "8", "--batch", "8"]) == 0
    said = capsys.readouterr().out
    assert "30 images at" in said and "peak memory" in said
    assert main(["--data", "mine", "--model", "tiny"]) == 0
    assert "already encoded" in capsys.readouterr().out
    assert main(["--data", "nowhere"]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert main(["--data", "mine", "--model", "nobody"]) == 1
    assert "tiny" in capsys.readouterr().err


def test_a_locked_data_set_does_not_keep_the_next_from_being_encoded(
    mine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"key": "other", "pixel_scale": 2.0, "survey": "other"}
    importing.import_survey(importing.Source(tmp_path / "mine.npy"), answers)
    command = ["--model", "tiny", "--no-umap"]
    with locked_elsewhere(mine):
        assert main(["--data", f"{mine},nothing,other", *command]) == 1
    assert list_atlases() == [("other", "tiny")]
    said = capsys.readouterr().err
    assert "mine: survey 'mine' is being imported, encoded or removed" in said
    assert "nothing: " in said and "2 of 3 data sets were not encoded" in said
    assert main(["--data", f"{mine},other", *command]) == 0
    assert list_atlases() == [("mine", "tiny"), ("other", "tiny")]
