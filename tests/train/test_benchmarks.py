"""The file of figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from radioviz.models.registry import list_models
from train.core.config import TrainError
from train.evaluate.benchmarks import Estimate, bootstrap, read, record


def test_figures_are_recorded_sorted_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "benchmarks.json"
    assert read(path) == {}
    for name, value in (("rec.ssim", 0.8), ("gen.kid", 0.1), ("rec.ssim", 0.85)):
        record(name, (value, 0.0, 1.0), n=10, split="first/test", command="c", path=path)
    found = json.loads(path.read_text())
    assert list(found) == ["gen.kid", "rec.ssim"]
    keys = {"value", "low", "high", "n", "split", "seeds", "command", "commit", "machine"}
    keys |= {"weights"}
    assert set(found["rec.ssim"]) == keys
    assert found["rec.ssim"]["value"] == 0.85


def test_figures_name_the_weights_that_ship_and_a_clean_commit(tmp_path: Path) -> None:
    """Figures of before hashes were recorded name neither; nothing new may lack them."""
    shipped = {n: info.weights_sha256[:12] for n, info in list_models().items()}
    command = "python -m train evaluate size --model survey-simclr+simclr,nothing"
    entry = record("x", 1.0, n=1, split="-", command=command, path=tmp_path / "b.json")
    both = ("survey-simclr", "simclr")
    assert entry["weights"] == ", ".join(f"{name} {shipped[name]}" for name in both)
    for name, entry in read().items():
        if "weights" in entry:
            assert not entry["commit"].endswith("+"), f"{name} is from a changed tree"
            for named in filter(None, entry["weights"].split(", ")):
                model, _, digest = named.partition(" ")
                assert shipped[model] == digest, f"{name} is of other weights of {model}"


def test_a_missing_figure_says_why(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    with pytest.raises(TrainError, match="say why"):
        record("x", None, n=0, split="-", command="c", path=path)
    entry = record("x", None, n=0, split="-", command="c", why="no GPU", path=path)
    assert (entry["value"], entry["why"]) == (None, "no GPU")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "value is nan"),
        ((1.0, None, float("inf")), "high is inf"),
        ((1.0, 1.5, None), "outside its interval"),
    ],
)
def test_impossible_figures_are_refused(
    tmp_path: Path, value: float | Estimate, words: str
) -> None:
    with pytest.raises(TrainError, match=words):
        record("x", value, n=1, split="-", command="c", path=tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_a_damaged_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text("{")
    with pytest.raises(TrainError, match="cannot be read"):
        record("x", 1.0, n=1, split="-", command="c", path=path)
    assert path.read_text() == "{"


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        value, low, high = bootstrap(rng.normal(3.0, 1.0, 50), np.mean, draws=300)
        assert low <= value <= high
        hits += low <= 3.0 <= high
    assert 0.88 <= hits / 200 <= 0.99
