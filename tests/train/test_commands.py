"""The command line from training to figure and Atlas, on real galaxies in seconds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from radioviz.atlas.atlas import open_atlas
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.encode import Encoder
from radioviz.models.registry import list_models
from tests.models.small import synthetic_catalogue
from train.__main__ import main

TINY = """
title = "Tiny"
epochs = 2
batch = 16
limit = 48
checkpoint_every = 1
[architecture]
latent_dim = 3
width = 8
multipliers = [1, 1, 1, 1]
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the command line trained a model, and published it."""
    folder = tmp_path_factory.mktemp("published")
    toml = folder / "tiny.toml"
    toml.write_text(TINY)
    run = str(folder / "run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADIOVIZ_TRAINED", str(folder / "trained"))
        arguments = ["vae", "--run", str(toml), "--out", run, "--device", "cpu", "--publish"]
        assert main(arguments) == 0
    # Numbers below 1e-38 are zero while a network runs, and no longer.
    assert np.float32(1e-39) * np.float32(1) > 0
    return folder


@pytest.fixture
def trained(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what was published, which a test may change."""
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    return tmp_path / "trained"


def test_from_training_to_a_model(trained: Path, tmp_path: Path) -> None:
    info = list_models()["tiny"]
    assert info.can("encode", "decode")
    assert info.training["images"] == {"train": 48, "valid": 48}
    assert info.training["epochs"] == 2
    assert info.data_titles == {"first": "FIRST (Griese et al. 2023)"}
    assert {"elbo.valid", "ssim.valid", "flux_ratio.valid"} <= set(info.scores)
    assert all(np.isfinite(v) for v in info.scores.values())
    card = (trained / "tiny" / "CARD.md").read_text()
    assert "python -m train figure tiny" in card
    assert f"{info.scores['ssim.valid']:.4g}" in card
    import socket

    host = socket.gethostname()
    if len(host) > 3:
        assert host not in card + (trained / "tiny" / "config.json").read_text()
    z = Encoder.load("tiny").encode_catalogue(open_data_set("first"), np.arange(5))
    assert z.shape == (5, 3)


def test_published_scores_can_be_had_again(trained: Path, tmp_path: Path) -> None:
    before = list_models()["tiny"]
    assert main(["publish", "tiny", "--out", str(tmp_path / "run")]) == 0
    assert list_models()["tiny"].scores == before.scores
    assert list_models()["tiny"].weights_sha256 == before.weights_sha256


def test_figure_and_figures(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs.png"
    assert main(["figure", "tiny", "--number", "4", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert main(["evaluate", "rec", "--model", "tiny"]) == 0
    found = json.loads((trained / "benchmarks.json").read_text())
    assert {"rec.flux_ratio", "rec.ssim", "rec.relative_error"} == set(found)
    assert found["rec.ssim"]["split"] == "first/test"
    assert found["rec.ssim"]["low"] <= found["rec.ssim"]["value"] <= found["rec.ssim"]["high"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_an_atlas_and_its_seed(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from train.scores import atlas

    catalogues = {"first": synthetic_catalogue(60, "first"), "other": synthetic_catalogue(20)}
    monkeypatch.setattr(atlas, "open_data_set", catalogues.__getitem__)
    built = atlas.build_atlas("first", "tiny")
    assert list(built.layouts) == ["tsne", "umap", "pca"]
    wanted = {"knn_distance", "isolation", "reconstruction_error", "flux_ratio", "elbo"}
    assert set(built.scores) == wanted
    first = {k: np.array(v) for k, v in built.layouts.items()}
    again = atlas.build_atlas("first", "tiny")
    for name, positions in again.layouts.items():
        np.testing.assert_allclose(positions, first[name], rtol=1e-4, atol=1e-4, err_msg=name)
    placed = atlas.build_atlas("other", "tiny").layouts
    assert {"umap_first", "pca_first"} <= set(placed)
    info = list_models()["tiny"]
    opened = open_atlas("first", "tiny", info=info, catalogue=catalogues["first"])
    np.testing.assert_array_equal(opened.latents, again.latents)


def test_mistakes_end_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
    for arguments, words in (
        (["vae", "--run", "nope"], "no run 'nope'"),
        (["vae", "--run", "vae2", "--device", "warp"], "device .warp. is unknown"),
        (["publish", "nope", "--out", str(tmp_path)], "train it first"),
        (["figure", "nope"], "no model 'nope'"),
        (["atlas", "--model", "nope"], "no model 'nope'"),
    ):
        assert main(arguments) == 1
        assert re.match(rf"error: .*{words}", capsys.readouterr().err)


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; from train.__main__ import _parser; _parser().format_help()\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "first" in DATA_SETS
