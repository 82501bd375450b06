"""A run of the flow: it learns, and what is chosen after training can be changed afterwards."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.models.small import batch
from train.core.config import TrainError
from train.core.data import Data, Part
from train.core.loop import fit, load_best
from train.methods import flow, seeded
from train.methods.flow import FlowConfig, FlowTask

CONFIG = FlowConfig(
    "tiny", epochs=3, batch=8, validate_every=1, checkpoint_every=1, draws=2, learning_rate=3e-3,
    precision="float32", architecture={"network": {"channels": [8, 8], "embedding": 16}},
)  # fmt: skip


@pytest.fixture
def data() -> Data:
    labels = ["FRI", "FRII", "Bent", "Compact"] * 6
    table = pd.DataFrame({"label": labels, "source_id": [f"s{i}" for i in range(24)]})
    part = Part(batch(24, 64, 1), table.assign(data_set="none"))
    fine = torch.nn.functional.interpolate(part.images, scale_factor=3.0, mode="nearest")
    return Data(Part(fine, part.table), part, {"none": "0"})


def test_a_run_learns_and_settings_of_drawing_may_change(data, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(flow, "signal_to_noise", lambda part: torch.full((len(part),), 60.0))
    task = seeded(FlowTask, CONFIG)
    found = fit(task, data, tmp_path, progress=False)
    first = seeded(FlowTask, CONFIG)
    first.prepare(data, torch.device("cpu"))
    rows = torch.arange(24)
    torch.manual_seed(0)
    with torch.no_grad():
        before = first.validate(first.module.eval(), data.valid.images, rows)["loss"]
    assert found.best_loss < 0.9 * before
    other = seeded(FlowTask, dataclasses.replace(CONFIG, steps=7, guidance=1.5))
    load_best(other, tmp_path)
    with pytest.raises(TrainError, match="balance"):
        load_best(seeded(FlowTask, dataclasses.replace(CONFIG, balance=0.1)), tmp_path)
