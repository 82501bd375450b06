"""What a VDVAE run minimises, when it counts as collapsed, and the paper's preset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch

from radioviz.data.preprocess import PRESETS, Preprocess
from tests.models.small import SMALL, batch
from train.core import checkpoint
from train.core.config import TrainError, read_run
from train.core.data import Part
from train.core.optim import build_optimiser
from train.methods.vdvae import VdvaeConfig, VdvaeTask

CONFIG = VdvaeConfig(
    "x",
    preprocess=Preprocess(size=16),
    architecture=SMALL["vdvae"],
    beta=0.5,
    beta_z0=0.2,
    beta_epochs=10.0,
    coarse_first=16.0,
)


def task_of(config: VdvaeConfig = CONFIG) -> VdvaeTask:
    torch.manual_seed(0)
    task = VdvaeTask(config)
    with torch.no_grad():
        for parameter in task.module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return task


@pytest.mark.parametrize(
    ("epoch", "z0", "maps"),
    [(0.0, 0.0, 8.0), (5.0, 0.1, 8.0), (20.0, 0.2, 8.0), (25.0, 0.2, 2.0), (99.0, 0.2, 0.5)],
)
def test_z0_is_filled_before_the_maps(epoch: float, z0: float, maps: float) -> None:
    config = dataclasses.replace(CONFIG, maps_from=20.0)
    assert config.betas_at(epoch) == pytest.approx((z0, maps))
    task = task_of(config)
    padded = batch(8, CONFIG.augment.padded(CONFIG.preprocess).size)
    torch.manual_seed(1)
    loss, figures = task.loss(padded, torch.arange(8), epoch)
    found = {k.removeprefix("kl."): float(v) for k, v in figures.items() if k.startswith("kl.")}
    assert list(found) == task.module.level_names
    below = sum(v for k, v in found.items() if k != "z0")
    assert (below > 0) == (epoch >= 20)
    assert figures["kl"].item() == pytest.approx(found["z0"] + below, rel=1e-5)
    expected = figures["nll"].item() + z0 * found["z0"] + maps * below
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_validation_judges_the_final_weights_of_the_terms() -> None:
    task = task_of()
    with torch.no_grad():
        figures = task.validate(task.module.eval(), batch(8, 16), torch.arange(8))
    assert figures["kl.z0"] < figures["kl"]
    nll = -figures["elbo"] - figures["kl"]
    expected = nll + 0.2 * figures["kl.z0"] + 0.5 * (figures["kl"] - figures["kl.z0"])
    assert figures["loss"] == pytest.approx(expected, rel=1e-4)


def test_scores_count_the_active_units_of_every_level() -> None:
    task = task_of(dataclasses.replace(CONFIG, smallest_z0=0))
    part = Part(batch(8, 16), pd.DataFrame(index=range(8)))
    scores = task.score(task.module, part)
    for name, shape in zip(
        task.module.level_names, [(6, 1, 1), *task.module.level_shapes], strict=True
    ):
        assert 0 <= scores[f"active.{name}"] <= torch.Size(shape).numel()
    kl = sum(v for k, v in scores.items() if k.startswith("kl."))
    assert scores["kl"] == pytest.approx(kl, rel=1e-4)


def test_a_collapsed_run_is_refused() -> None:
    torch.manual_seed(0)
    task = VdvaeTask(CONFIG)
    with torch.no_grad():  # the posterior of z0 equals its prior
        last = task.module.z0_posterior.layers[-1]
        last.weight.zero_()  # type: ignore[operator, union-attr]
        last.bias.zero_()  # type: ignore[operator, union-attr]
    part = Part(batch(8, 16), pd.DataFrame(index=range(8)))
    with pytest.raises(TrainError, match="z0 has collapsed, 0 of its 6 dimensions"):
        task.score(task.module, part)


def test_the_paper_preset_is_the_paper() -> None:
    config = read_run(VdvaeConfig, "andrianomena2023-vdvae")
    assert config.preprocess == PRESETS["andrianomena2023"]
    assert config.optimiser == "rmsprop"
    assert (config.learning_rate, config.momentum, config.weight_decay) == (2e-5, 0.9, 1e-4)
    assert (config.batch, config.epochs) == (32, 100)
    assert (config.schedule, config.plateau_factor, config.plateau_patience) == ("plateau", 0.5, 10)
    assert config.architecture["encoder_blocks"] == [3, 3, 2, 2, 2, 1]
    assert config.architecture["decoder_blocks"] == [5, 5, 4, 3, 2, 1]
    assert config.architecture["latent_dim"] == 256


def test_the_paper_preset_makes_a_step() -> None:
    config = read_run(VdvaeConfig, "andrianomena2023-vdvae")
    narrow = {**config.architecture, "widths": [8] * 6, "latent_channels": [2] * 5}
    task = VdvaeTask(dataclasses.replace(config, architecture=narrow))
    optimiser = build_optimiser(task.module, config)
    before = [p.detach().clone() for p in task.module.parameters()]
    loss, _ = task.loss(batch(2, 64), torch.arange(2), 0.0)
    loss.backward()
    optimiser.step()
    assert any(not torch.equal(a, b) for a, b in zip(before, task.module.parameters(), strict=True))


def run_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> VdvaeTask:
    """A task whose weights lie there as those of the run ``before``."""
    monkeypatch.setattr("train.methods.vdvae.RUNS", folder)
    first = task_of()
    (folder / "before").mkdir()
    weights = checkpoint.prefixed("best.module", first.module.state_dict())
    checkpoint.write(folder / "before", weights, {})
    return first


def test_a_second_run_starts_from_the_first_with_maps_that_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_before(tmp_path, monkeypatch)
    config = dataclasses.replace(CONFIG, init="before", coarse_first=0.1)
    assert config.betas_at(0.0) == pytest.approx((0.2, 0.05))
    torch.manual_seed(1)
    task = VdvaeTask(config)
    x = batch(4, 16)
    assert torch.equal(task.module.encode(x), first.module.encode(x))
    with torch.no_grad():
        kl = task.module.elbo(x, torch.Generator().manual_seed(0)).kl
    assert (kl[:, 1:] > 0.1).all()
    other = {**CONFIG.architecture, "widths": [4, 8, 8, 16]}
    with pytest.raises(TrainError, match="before has another architecture"):
        VdvaeTask(dataclasses.replace(config, architecture=other))


def test_a_later_run_takes_another_likelihood_and_keeps_z0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_before(tmp_path, monkeypatch)
    laplace = {**CONFIG.architecture, "likelihood": "laplace"}
    config = dataclasses.replace(CONFIG, init="before", keep_z0=True, architecture=laplace)
    task = VdvaeTask(config)
    x = batch(8, 16)
    z, image = task.module.encode(x), task.module.reconstruct(x)
    optimiser = build_optimiser(task.module, config)
    for _ in range(3):
        optimiser.zero_grad()
        task.loss(batch(8, 20), torch.arange(8), 20.0)[0].backward()
        optimiser.step()
    assert torch.equal(task.module.encode(x), z)
    assert not torch.equal(task.module.reconstruct(x), image)
    with pytest.raises(TrainError, match="no init whose z0 could be kept"):
        dataclasses.replace(CONFIG, keep_z0=True)


def test_a_share_of_the_steps_goes_through_z0_alone() -> None:
    task = task_of(dataclasses.replace(CONFIG, alone=0.25, maps_from=2.0))
    torch.manual_seed(0)
    assert not any(task._maps(1.0) for _ in range(50))
    found = [task._maps(3.0) for _ in range(400)]
    assert sum(found) / len(found) == pytest.approx(0.75, abs=0.06)
