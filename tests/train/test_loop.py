"""The loop: learns, validates, logs, and goes on after a kill as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.models.small import galaxies
from train.__main__ import main
from train.core import checkpoint
from train.core.config import TrainError
from train.core.data import Data, Part
from train.core.loop import LOSSES, Outcome, fit, load_best
from train.core.optim import learning_rate
from train.methods.vae import VaeConfig, VaeTask

CONFIG = VaeConfig(
    "tiny",
    epochs=4,
    batch=8,
    checkpoint_every=1,
    architecture={"latent_dim": 2, "width": 8, "multipliers": [1, 1, 1, 1]},
)


def tiny_data(config: VaeConfig) -> Data:
    """Synthetic galaxies in place of a survey."""
    size = config.augment.padded(config.preprocess).size
    train = torch.from_numpy(galaxies(32, size))[:, None]
    valid = torch.from_numpy(galaxies(12, config.preprocess.size, seed=1))[:, None]
    return Data(
        Part(train, pd.DataFrame(index=range(32))),
        Part(valid, pd.DataFrame(index=range(12))),
        {"synthetic": "0"},
    )


def run(folder: Path, config: VaeConfig = CONFIG, **options: object) -> Outcome:
    torch.manual_seed(config.seed)
    task = VaeTask(config)
    return fit(task, tiny_data(config), folder, progress=False, **options)  # type: ignore[arg-type]


def test_it_learns_and_logs(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / LOSSES).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert {"nll", "kl", "valid_loss", "valid_elbo", "valid_active"} <= set(lines[0])
    assert outcome.best_loss == min(line["valid_loss"] for line in lines)
    assert outcome.images_per_second > 0


def test_stopped_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    run(tmp_path / "whole")
    run(tmp_path / "parts", stop=lambda epoch: epoch == 2)
    run(tmp_path / "parts", resume=True)
    same(tmp_path / "whole", tmp_path / "parts")


def same(one: Path, other: Path) -> None:
    """Weights, average, moments, random state and losses are equal bit for bit."""
    a, values_a = checkpoint.read(one)
    b, values_b = checkpoint.read(other)
    assert set(a) == set(b)
    for key in a:
        assert torch.equal(a[key], b[key]), key
    for timing in ("seconds", "train_seconds"):
        values_a["state"].pop(timing)
        values_b["state"].pop(timing)
    assert values_a == values_b
    assert (one / LOSSES).read_text() == (other / LOSSES).read_text()


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    toml = tmp_path / "tiny.toml"
    toml.write_text(
        "epochs = 8\nbatch = 8\nlimit = 64\ncheckpoint_every = 2\n"
        "[architecture]\nlatent_dim = 2\nwidth = 8\nmultipliers = [1, 1, 1, 1]\n"
    )

    def arguments(folder: Path, *more: str) -> list[str]:
        return ["vae", "--run", str(toml), "--threads", "1", "--device", "cpu",
                "--out", str(folder), *more]  # fmt: skip

    assert main(arguments(tmp_path / "whole")) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *arguments(tmp_path / "killed")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = tmp_path / "killed" / LOSSES
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        # After an odd epoch, so that work since the last checkpoint is lost.
        if log.exists() and len(log.read_text().splitlines()) >= 3:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    # A line that was being written when the process died.
    with log.open("a") as file:
        file.write('{"epoch": 9, "lo')
    assert main(arguments(tmp_path / "killed", "--resume")) == 0
    same(tmp_path / "whole", tmp_path / "killed")


def test_early_stopping(tmp_path: Path) -> None:
    class Worsening(VaeTask):
        def validate(self, module, images, rows):  # type: ignore[no-untyped-def]
            self.seen = getattr(self, "seen", 0) + 1
            return {"loss": float(self.seen)}

    config = VaeConfig(**{**vars(CONFIG), "epochs": 20, "patience": 3})
    torch.manual_seed(0)
    outcome = fit(Worsening(config), tiny_data(config), tmp_path, progress=False)
    assert (outcome.epochs, outcome.best_epoch, outcome.best_loss) == (4, 1, 1.0)


def test_the_best_weights_are_what_is_loaded(tmp_path: Path) -> None:
    run(tmp_path)
    task = VaeTask(CONFIG)
    outcome = load_best(task, tmp_path)
    tensors, _ = checkpoint.read(tmp_path)
    best = checkpoint.under("best.module", tensors)
    assert set(best) == set(task.module.state_dict())
    for key, value in task.module.state_dict().items():
        assert torch.equal(value, best[key]), key
    assert outcome.epochs == 4


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(TrainError, match="holds a run of tiny already"):
        run(tmp_path)


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(TrainError, match=r"batch = 8, now it is 16"):
        run(tmp_path, VaeConfig(**{**vars(CONFIG), "batch": 16}), resume=True)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="start the run without --resume"):
        run(tmp_path, resume=True)
    (tmp_path / checkpoint.FILE).write_bytes(b"\x00" * 100)
    with pytest.raises(TrainError, match="damaged"):
        run(tmp_path, resume=True)


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    class Broken(VaeTask):
        def loss(self, padded, rows, epoch):  # type: ignore[no-untyped-def]
            loss, figures = super().loss(padded, rows, epoch)
            return loss * float("nan"), figures

    with pytest.raises(TrainError, match="no step of epoch 1 had a gradient that is finite"):
        fit(Broken(CONFIG), tiny_data(CONFIG), tmp_path, progress=False)


def test_single_bad_steps_are_skipped_and_counted(tmp_path: Path) -> None:
    class Hiccup(VaeTask):
        def loss(self, padded, rows, epoch):  # type: ignore[no-untyped-def]
            loss, figures = super().loss(padded, rows, epoch)
            return loss * (float("nan") if epoch == 0.25 else 1.0), figures

    torch.manual_seed(0)
    fit(Hiccup(CONFIG), tiny_data(CONFIG), tmp_path, progress=False)
    lines = [json.loads(line) for line in (tmp_path / LOSSES).read_text().splitlines()]
    assert [line["skipped"] for line in lines] == [1, 0, 0, 0]
    tensors, _ = checkpoint.read(tmp_path)
    assert all(torch.isfinite(v).all() for k, v in tensors.items() if v.is_floating_point())


def test_the_learning_rate_rises_then_falls() -> None:
    config = VaeConfig("x", epochs=10, warmup_epochs=2.0, learning_rate=1.0)
    rates = np.array([learning_rate(config, e) for e in np.linspace(0, 10, 101)])
    assert rates.argmax() == 20
    assert rates[0] < 0.01
    assert rates.max() == pytest.approx(1, abs=0.02)
    assert rates[-1] == pytest.approx(0.02)
    assert (np.diff(rates[21:]) <= 0).all()


def test_without_averaging_the_weights_themselves_are_kept(tmp_path: Path) -> None:
    config = VaeConfig(**{**vars(CONFIG), "ema": 0.0, "epochs": 2})
    run(tmp_path, config)
    task = VaeTask(config)
    load_best(task, tmp_path)
    tensors, _ = checkpoint.read(tmp_path)
    assert set(checkpoint.under("best", tensors)) == set(task.module.state_dict())
