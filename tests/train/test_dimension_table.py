"""The table of latent dimensions: resumable, chosen on validation, tested once a dimension."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radioviz.data.preprocess import Preprocess
from tests.models.small import batch, galaxies
from train.core.config import TrainError, read_run
from train.core.data import Data, Part
from train.evaluate import dimension_table
from train.evaluate.dimension_table import TableConfig, fit_task, record_table

CONFIG = TableConfig(
    "tiny",
    dimensions=(2, 3),
    rates=(1e-3, 2e-3),
    search_epochs=1,
    epochs=2,
    samples=40,
    run={
        "preprocess": dataclasses.asdict(Preprocess(size=16)),
        "batch": 8,
        "architecture": {"width": 8, "multipliers": [1, 2]},
    },
)


class Judge:
    """Calls bright maps FRII: enough to count with."""

    classes = ("FRI", "FRII")
    info = type("Info", (), {"preprocess": Preprocess(size=16), "name": "judge"})()

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        p = (images.mean(axis=(1, 2)) > 0.1).astype(np.float32) * 0.8 + 0.1
        return np.stack([1 - p, p], 1)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Data:
    """Synthetic galaxies in place of the surveys."""
    padded = batch(24, CONFIG_SIDE)
    labels = ["FRI", "FRII"] * 12
    train = Part(padded, pd.DataFrame({"label": labels}))
    valid = Part(batch(8, 16, seed=1), pd.DataFrame({"label": labels[:8]}))
    found = Data(train, valid, {"synthetic": "0"})
    monkeypatch.setattr("train.core.data.load", lambda config, **_: found)
    monkeypatch.setattr("train.core.task.training_data.load", lambda config, **_: found)
    held_out = type("Held", (), {"images": galaxies(8, 16, 2), "__len__": lambda self: 8})()
    held_out.labels = np.array(labels[:8], object)
    monkeypatch.setattr(dimension_table, "evaluation_set", lambda *_: held_out)
    monkeypatch.setattr(dimension_table.Classifier, "load", lambda name: Judge())
    return found


CONFIG_SIDE = fit_task(CONFIG, 2, 1e-3, 1).config.augment.padded(Preprocess(size=16)).size

TOML = """
dimensions = [2, 3]
rates = [1e-3, 2e-3]
search_epochs = 1
epochs = 2
samples = 40
[run]
batch = 8
[run.preprocess]
size = 16
[run.architecture]
width = 8
multipliers = [1, 2]
"""


def test_a_row_a_dimension_and_nothing_twice(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    toml = tmp_path / "tiny.toml"
    toml.write_text(TOML)
    first = dimension_table.dimension_table(str(toml), tmp_path / "fits")
    assert first["d"].tolist() == [2, 3]
    assert set(first["learning_rate"]) <= {1e-3, 2e-3}
    assert np.isfinite(first[["train_loss", "valid_loss", "test_loss", "ramis"]]).all(axis=None)
    assert (first["test_loss_low"] <= first["test_loss"]).all()
    written = pd.read_csv(tmp_path / "trained" / "tables" / "tiny.csv")
    np.testing.assert_allclose(written["test_loss"], first["test_loss"], rtol=1e-5)

    logs = {p: p.read_text() for p in (tmp_path / "fits").rglob("losses.jsonl")}
    assert len(logs) == 2 * (2 + 1)
    again = dimension_table.dimension_table(str(toml), tmp_path / "fits")
    assert logs == {p: p.read_text() for p in (tmp_path / "fits").rglob("losses.jsonl")}
    pd.testing.assert_frame_equal(first, again)


def test_the_test_split_is_opened_for_the_chosen_alone(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    opened: list[str] = []
    held_out = dimension_table.evaluation_set

    def counted(preprocess: Preprocess, split: str, *others: object) -> object:
        opened.append(split)
        return held_out(preprocess, split, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(dimension_table, "evaluation_set", counted)
    toml = tmp_path / "tiny.toml"
    toml.write_text(TOML)
    dimension_table.dimension_table(str(toml), tmp_path / "fits")
    assert opened == ["test", "test"]


def test_a_conditional_model_is_asked_for_each_class(data: Data) -> None:
    run = {**CONFIG.run, "kind": "cvae-dense", "architecture": {"hidden": [16, 8]}}
    config = dataclasses.replace(CONFIG, method="cvae", run=run)
    task = fit_task(config, 2, 1e-3, 1)
    found = dimension_table.tested(task, config, Judge())  # type: ignore[arg-type]
    # Untrained maps are dark, so all are called FRI.
    assert (found["fri_fraction"], found["frii_fraction"]) in {(1.0, 0.0), (0.0, 1.0)}
    assert found["ramis"] == pytest.approx(1.0)
    with torch.no_grad():
        assert np.isfinite(found["test_loss"])


def test_figures_have_the_names_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
    row = {"d": 2, "test_loss": 60.0, "test_loss_low": 58.0, "test_loss_high": 61.0, "test_n": 9}
    row |= {"ramis": 1.2, "ramis_low": 1.1, "ramis_high": 1.3}
    record_table(CONFIG, pd.DataFrame([row]), "tiny")
    from train.evaluate.benchmarks import read

    figures = read()
    assert figures["tiny.d2.test_loss"]["value"] == 60.0
    assert figures["tiny.d2.ramis"]["n"] == 40
    assert figures["tiny.d2.ramis"]["command"] == "python -m train table --run tiny"


@pytest.mark.parametrize("name", ["bastien2021-table3", "bastien2021-table4"])
def test_the_tables_of_the_paper(name: str) -> None:
    config = read_run(TableConfig, name)  # type: ignore[type-var]
    assert config.dimensions == (2, 4, 8, 16, 32, 64)
    assert (min(config.rates), max(config.rates)) == (5e-4, 1.5e-3)
    assert fit_task(config, 8, 1e-3, 1).module.latent_dim == 8


def test_refusals() -> None:
    with pytest.raises(TrainError, match="method is 'gan'"):
        TableConfig("x", method="gan")
    with pytest.raises(TrainError, match="dimensions or rates is empty"):
        TableConfig("x", rates=())
