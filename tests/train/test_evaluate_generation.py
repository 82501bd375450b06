"""Results of generators on samples whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz import morphology
from tests.models.small import galaxies as synthetic
from train.evaluate.csv_tables import table_file, write_row
from train.evaluate.evaluation_set import EvaluationSet
from train.evaluate.generation import record_results
from train.evaluate.generation_measures import (
    DescribedImages,
    Result,
    appearance_results,
    class_results,
    copy_results,
    equal_parts,
    set_results,
    size_results,
)

RNG = np.random.default_rng(0)


def sample(n: int, sure: float = 0.9, asked: bool = False, seed: int = 0) -> DescribedImages:
    rng = np.random.default_rng(seed)
    images = synthetic(n, 64, seed)
    labels = np.array(["FRI", "FRII"] * (n // 2), object)
    p = np.where(labels[:, None] == np.array(["FRI", "FRII"]), sure, 1 - sure)
    measured = morphology.measure(images, 2.7, beam=5.4)
    wanted = measured["las_measured"].to_numpy(float) * rng.uniform(0.95, 1.05, n)
    return DescribedImages(
        images,
        labels,
        wanted if asked else np.full(n, np.nan),
        p,
        rng.normal(size=(n, 6)),
        measured,
    )


REAL, MADE = sample(60), sample(180, asked=True, seed=1)


def test_class_results() -> None:
    found = class_results(REAL, MADE, ("FRI", "FRII"), conditional=True)
    assert found["ramis_ratio"].value == pytest.approx(1)
    assert found["ramis"].value == pytest.approx(2 * 0.9**0.9 * 0.1**0.1)
    assert found["fri_fraction"].value == found["frii_fraction"].value == 1
    assert found["fri_fraction"].n == 90
    assert found["fri_fraction_real"].n == 30
    unasked = class_results(REAL, sample(60), ("Compact",), conditional=False)
    assert unasked["compact_fraction"].value is None


def test_size_results() -> None:
    found = size_results(REAL, MADE)
    assert found["size_spearman"].value == pytest.approx(1, abs=0.05)
    assert found["size_median_rel_error"].value == pytest.approx(0.025, abs=0.01)
    assert found["size_ks"].value is not None and found["size_ks"].value < 0.3
    without = size_results(REAL, sample(60))
    assert (
        without["size_spearman"].value is None and "no angular size" in without["size_spearman"].why
    )


def test_set_results_of_one_distribution() -> None:
    pytest.importorskip("prdc")
    pytest.importorskip("torchmetrics")
    found = set_results(REAL, MADE)
    assert abs(found["kid_sigmas"].value or 0) < 4
    assert found["coverage"].value == pytest.approx(0.97, abs=0.1)
    for name in ("coverage", "density", "kid", "kid_floor"):
        figure = found[name]
        assert figure.low <= figure.value <= figure.high  # type: ignore[operator]


def test_equal_parts_hold_each_class_as_often_as_it_is_real() -> None:
    parts = equal_parts(REAL, MADE)
    assert [len(p) for p in parts] == [60, 60, 60]
    assert len(np.unique(np.concatenate(parts))) == 180
    for rows in parts:
        assert (MADE.labels[rows] == "FRI").sum() == 30


def test_copies_are_found() -> None:
    training = EvaluationSet(REAL.images, pd.DataFrame({"label": REAL.labels}))
    copied = MADE.take(np.arange(20))
    copied.images[:10] = np.rot90(REAL.images[:10], axes=(1, 2))
    found = copy_results(copied, training)
    assert found["copies_fraction"].value is not None
    assert found["copies_fraction"].value >= 0.5


def test_look_of_the_same_images() -> None:
    found = appearance_results(REAL, REAL)
    assert found["sharpness"].value == pytest.approx(1)
    assert found["gap_pixels"].value == found["gap_pixels_real"].value


def test_figures_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
    figures = {
        "fri_fraction": Result(0.9, 0.8, 0.95, 90),
        "tstr_ratio": Result(None, why="not asked"),
    }
    record_results("cvae", figures, "first/test", "python -m train evaluate gen --model cvae")
    record_results(
        "vae32", {"fri_fraction": Result(None, why="no class")}, "first/test", "the command"
    )
    from train.evaluate.benchmarks import read

    recorded = read()
    assert recorded["gen.fri_fraction"]["value"] == 0.9
    assert recorded["gen.fri_fraction"]["n"] == 90
    assert recorded["gen.tstr_ratio"]["why"] == "not asked"
    table = pd.read_csv(table_file("generators"))
    assert list(table["model"]) == ["cvae", "vae32"]
    assert np.isnan(table["fri_fraction"].iat[1])


def test_a_row_replaces_its_former_self(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
    write_row("t", {"model": "b", "x": 1.0}, keys=("model",))
    write_row("t", {"model": "a", "x": 2.0, "y": 5}, keys=("model",))
    write_row("t", {"model": "b", "x": 3.0}, keys=("model",))
    table = pd.read_csv(table_file("t"))
    assert table["model"].tolist() == ["a", "b"]
    assert table["x"].tolist() == [2.0, 3.0]
