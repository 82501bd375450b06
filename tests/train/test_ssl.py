"""SimCLR, BYOL and SimSiam: losses against closed forms, monitors, what is published."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from radioviz.data.preprocess import Preprocess
from radioviz.models import weights
from radioviz.models.resnet import ResNet
from tests.models.small import batch
from train.core.config import TrainError, read_run
from train.core.data import Data, Part
from train.core.loop import fit
from train.methods.ssl import (
    ByolTask,
    SimClrTask,
    SimSiamTask,
    SslConfig,
    SslTask,
    agreement,
    spread,
    symmetric_cosine_loss,
)
from train.methods.views import Views
from train.publish import publish_task

CONFIG = SslConfig(
    "tiny",
    preprocess=Preprocess(size=32),
    architecture={"width": 4, "blocks": [1, 1, 1]},
    hidden=16,
    projection=8,
    batch=16,
    epochs=2,
    precision="float32",
    optimiser="lars",
    learning_rate=0.1,
    weight_decay=1e-6,
)
TASKS = pytest.mark.parametrize("cls", [SimClrTask, ByolTask, SimSiamTask])


def task_of(cls: type[SslTask], config: SslConfig = CONFIG) -> Any:
    torch.manual_seed(0)
    return cls(config)


def parts(n: int = 32) -> Data:
    labels = ["FRI", "FRII", "Bent", "FRI"] * (n // 4)
    table = pd.DataFrame({"label": labels, "data_set": "synthetic"})
    side = CONFIG.augment.padded(CONFIG.preprocess).size
    return Data(Part(batch(n, side), table), Part(batch(n, 32, seed=1), table), {"synthetic": "x"})


def test_contrast_is_the_cross_entropy_of_the_right_partner() -> None:
    """NT-Xent as in Chen et al. 2020, Eq. 1, written out over the 2n x 2n similarities."""
    task = task_of(SimClrTask)
    task.module.eval()
    x = batch(12, 32)
    with torch.no_grad():
        found = task.compare(x, 0.0)
        z = F.normalize(task.project(x))
        logits = z @ z.T / CONFIG.temperature
        logits.fill_diagonal_(-torch.inf)
        partner = torch.arange(12).roll(6)
        expected = F.cross_entropy(logits, partner)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_prediction_loss_is_the_mean_cosine_across() -> None:
    p, z = torch.randn(6, 8), torch.randn(6, 8)
    expected = -sum(float(F.cosine_similarity(p[i], z[(i + 3) % 6], dim=0)) for i in range(6)) / 6
    assert float(symmetric_cosine_loss(p, z)) == pytest.approx(expected, rel=1e-5)
    same = torch.randn(3, 8).repeat(2, 1)
    assert float(symmetric_cosine_loss(same, 5 * same)) == pytest.approx(-1.0)


def test_simsiam_takes_its_aims_as_constant() -> None:
    task = task_of(SimSiamTask)
    x = batch(16, 32)
    task.compare(x, 0.0).backward()
    with_stop = task.module["backbone"].stem[0].weight.grad.clone()
    task.module.zero_grad()
    projected = task.project(x)
    symmetric_cosine_loss(task.module["predictor"](projected).float(), projected).backward()
    assert not torch.allclose(with_stop, task.module["backbone"].stem[0].weight.grad)


def test_byols_copy_moves_slowly_and_learns_nothing_by_itself() -> None:
    task = task_of(ByolTask, dataclasses.replace(CONFIG, target_momentum=0.9))
    nets = task.module
    task.compare(batch(16, 32), 0.0).backward()
    assert all(p.grad is None for p in nets["target_backbone"].parameters())
    with torch.no_grad():
        for p in nets["backbone"].parameters():
            p.add_(1.0)
    before = nets["target_backbone"].stem[0].weight.clone()
    task.after_step()
    moved = nets["target_backbone"].stem[0].weight - before
    torch.testing.assert_close(moved, torch.full_like(moved, 0.1), rtol=1e-4, atol=1e-5)
    task._epoch = float(CONFIG.epochs)
    before = nets["target_backbone"].stem[0].weight.clone()
    task.after_step()
    torch.testing.assert_close(nets["target_backbone"].stem[0].weight, before)


@TASKS
def test_two_views_of_each_galaxy_are_compared(cls: type[SslTask]) -> None:
    task = task_of(cls)
    seen: list[torch.Tensor] = []
    task.compare = lambda both, epoch: seen.append(both) or both.sum()
    task.loss(parts().train.images[:4], torch.arange(4), 0.0)
    assert seen[0].shape == (8, 1, 32, 32)
    assert not torch.equal(seen[0][:4], seen[0][4:])


def test_spread_tells_a_collapse() -> None:
    torch.manual_seed(0)
    sphere = spread(torch.randn(512, 32))
    assert sphere["feature_std"] == pytest.approx(1.0, abs=0.05)
    assert sphere["effective_rank"] == pytest.approx(32, rel=0.1)
    point = spread(torch.ones(512, 32) + 1e-4 * torch.randn(512, 32))
    assert point["feature_std"] < 0.01
    line = spread(torch.randn(512, 1) * torch.ones(1, 32))
    assert line["effective_rank"] == pytest.approx(1.0, abs=0.01)


def test_agreement_of_neighbours() -> None:
    torch.manual_seed(0)
    bank = torch.cat([torch.randn(30, 4) * 0.1 + 5, torch.randn(30, 4) * 0.1 - 5])
    classes = torch.arange(60) // 30
    right = agreement(bank, classes, bank, classes)
    assert right["accuracy"] == 1.0
    assert right["nll"] == pytest.approx(0.01, abs=0.005)
    wrong = agreement(bank, 1 - classes, bank, classes)
    assert wrong["accuracy"] == 0.0
    unknown = agreement(bank, torch.full((60,), -1), bank, classes)
    assert unknown["nll"] == pytest.approx(0.693, abs=1e-3)


@TASKS
def test_a_run_trains_and_publishes_its_backbone(cls: type[SslTask], tmp_path: Path) -> None:
    task = task_of(cls)
    data = parts()
    task.load = lambda: data
    fit(task, data, tmp_path / "run", progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.methods.ssl.LEAST_STD", 0.0)
        patch.setattr("train.methods.ssl.LEAST_RANK", 0.0)
        info = publish_task(task, tmp_path / "run", tmp_path / "tiny")
    network, _ = weights.load(tmp_path / "tiny")
    assert isinstance(network, ResNet)
    assert info.capabilities == ("encode",)
    assert info.latent_dim == 16
    better = (
        info.scores["neighbour_nll_dihedral.valid"] < info.scores["neighbour_nll_upright.valid"]
    )
    assert network.dihedral is better is info.architecture["dihedral"]


def test_a_collapsed_run_is_not_published(tmp_path: Path) -> None:
    task = task_of(SimClrTask)
    data = parts()
    task.load = lambda: data
    fit(task, data, tmp_path / "run", progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.methods.ssl.LEAST_RANK", 1e6)
        with pytest.raises(TrainError, match="has collapsed"):
            publish_task(task, tmp_path / "run", tmp_path / "tiny")
    assert not (tmp_path / "tiny").exists()


def test_another_init_than_a_fitting_resnet_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path))
    task = task_of(SimClrTask)
    data = parts()
    task.load = lambda: data
    fit(task, data, tmp_path / "run", progress=False)
    monkeypatch.setattr("train.methods.ssl.LEAST_STD", 0.0)
    monkeypatch.setattr("train.methods.ssl.LEAST_RANK", 0.0)
    publish_task(task, tmp_path / "run", tmp_path / "tiny")
    started = task_of(ByolTask, dataclasses.replace(CONFIG, init="tiny"))
    torch.testing.assert_close(
        started.module["backbone"].stem[0].weight,
        task.published().stem[0].weight,
        rtol=1e-3,
        atol=1e-4,
    )
    wider = dataclasses.replace(CONFIG, init="tiny", architecture={"width": 8, "blocks": [1, 1, 1]})
    with pytest.raises(TrainError, match="do not fit"):
        task_of(ByolTask, wider)


@pytest.mark.parametrize(
    ("name", "cls", "rate"),
    [("simclr", SimClrTask, 1e-3), ("byol", ByolTask, 5e-4), ("simsiam", SimSiamTask, 5e-4)],
)
def test_the_presets_of_the_paper(name: str, cls: type[SslTask], rate: float) -> None:
    """Andrianomena & Tang 2023, Sec. 3.2 to 3.4."""
    config = read_run(SslConfig, f"andrianomena2023-{name}")
    assert (config.optimiser, config.learning_rate) == ("lars", rate)
    assert (config.batch, config.epochs) == (1024, 1000)
    views = config.augment
    assert isinstance(views, Views)
    assert views.flip and not views.rotate
    assert views.blur > 0 and views.contrast > 0 and views.brightness > 0
    task = task_of(cls, config)
    assert task.module["backbone"].latent_dim == 512
    side = views.padded(config.preprocess).size
    loss, _ = task.loss(batch(4, side), torch.arange(4), 0.0)
    loss.backward()
    assert torch.isfinite(loss)
