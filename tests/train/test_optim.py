"""Optimisers by name, schedules, accumulation, skipping, resuming: through the loop itself."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

from tests.train.test_loop import CONFIG, run, same, tiny_data
from train.core import checkpoint
from train.core.config import OPTIMISERS, TrainError
from train.core.loop import LOSSES, fit
from train.core.optim import build_optimiser
from train.methods.vae import VaeConfig, VaeTask

RATES = {"adamw": 1e-3, "adam": 1e-3, "rmsprop": 1e-4, "adagrad": 1e-3, "sgd": 1e-5, "lars": 0.5}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_optimiser_learns_and_resumes_exactly(name: str, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, optimiser=name, learning_rate=RATES[name], epochs=3)
    run(tmp_path / "whole", config)
    run(tmp_path / "parts", config, stop=lambda epoch: epoch == 2)
    run(tmp_path / "parts", config, resume=True)
    same(tmp_path / "whole", tmp_path / "parts")
    lines = (tmp_path / "whole" / LOSSES).read_text().splitlines()
    losses = [json.loads(line)["valid_loss"] for line in lines]
    assert losses[-1] < losses[0]


def test_a_step_of_lars_by_hand() -> None:
    """You et al. 2017, Eq. 6: rate scaled by 0.001 |w| / (|g| + decay |w|); biases plainly."""
    layer = torch.nn.Linear(3, 2)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    config = VaeConfig("x", optimiser="lars", learning_rate=0.5, momentum=0.9, weight_decay=0.01)
    optimiser = build_optimiser(layer, config)
    layer(torch.ones(4, 3)).square().sum().backward()
    assert layer.weight.grad is not None and layer.bias.grad is not None
    optimiser.step()
    g = layer.weight.grad
    local = 0.001 * weight.norm() / (g.norm() + 0.01 * weight.norm() + 1e-8)
    torch.testing.assert_close(layer.weight, weight - 0.5 * local * (g + 0.01 * weight))
    torch.testing.assert_close(layer.bias, bias - 0.5 * layer.bias.grad)


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path: Path) -> None:
    class Plain(VaeTask):
        def loss(self, padded, rows, epoch):  # type: ignore[no-untyped-def]
            kept = padded[:, :, 14:78, 14:78]
            return (self.module(kept) - kept).square().mean(), {}

    found = []
    for parts in (1, 4):
        config = dataclasses.replace(
            CONFIG, accumulate=parts, epochs=1, precision="float32", ema=0, clip_norm=0.0
        )
        torch.manual_seed(0)
        task = Plain(config)
        torch.manual_seed(0)
        fit(task, tiny_data(config), tmp_path / str(parts), progress=False)
        found.append(json.loads((tmp_path / str(parts) / LOSSES).read_text())["loss"])
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_plateau_lowers_the_rate_when_validation_stalls(tmp_path: Path) -> None:
    class Stuck(VaeTask):
        def validate(self, module, images, rows):  # type: ignore[no-untyped-def]
            return {"loss": 1.0}

    config = dataclasses.replace(
        CONFIG, schedule="plateau", plateau_patience=1, plateau_factor=0.5, epochs=5
    )
    torch.manual_seed(0)
    fit(Stuck(config), tiny_data(config), tmp_path, progress=False)
    _, values = checkpoint.read(tmp_path)
    # First validation is the best; stalls at 2 and 3, lowered; 4 and 5, lowered again.
    assert values["state"]["rate_factor"] == 0.25


def test_steps_with_too_large_gradients_are_skipped(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="skip_norm"):
        run(tmp_path, dataclasses.replace(CONFIG, skip_norm=1e-9))


@pytest.mark.parametrize(
    ("field", "value"), [("optimiser", "adamx"), ("schedule", "saw"), ("accumulate", 3)]
)
def test_bad_values_are_named(field: str, value: object) -> None:
    with pytest.raises(TrainError, match=f"{field} is '?{value}"):
        dataclasses.replace(CONFIG, **{field: value})


def test_batches_in_an_order_of_the_task(tmp_path: Path) -> None:
    class Twice(VaeTask):
        def order(self, data):  # type: ignore[no-untyped-def]
            return torch.randint(0, 32, (64,))

    torch.manual_seed(0)
    outcome = fit(Twice(CONFIG), tiny_data(CONFIG), tmp_path, progress=False)
    _, values = checkpoint.read(tmp_path)
    assert values["state"]["images"] == outcome.epochs * 64
    assert math.isfinite(outcome.best_loss)
