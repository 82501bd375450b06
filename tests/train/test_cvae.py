"""What a CVAE run minimises, how it balances, what it learns afterwards, the paper's preset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radioviz.data.preprocess import Preprocess
from radioviz.encode import Encoder, GenerationRequest, Generator
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.cvae import ConvCVAE
from radioviz.models.cvae_dense import DenseCVAE
from tests.models.small import SMALL, batch
from train.core.augment import Augment
from train.core.config import TrainError, read_run
from train.core.data import Data, Part
from train.methods.cvae import CvaeConfig, CvaeTask

CONFIG = CvaeConfig(
    "x",
    preprocess=Preprocess(size=16, field_arcsec=43.2),
    architecture={k: v for k, v in SMALL["cvae"].items() if k != "size"},
    beta=0.5,
    beta_epochs=10.0,
    zoom=0.1,
    views=2,
    prior_steps=40,
)


def data_of(config: CvaeConfig, n: int = 24) -> Data:
    side = config.augment.padded(config.preprocess).size
    table = pd.DataFrame({"label": ["FRI", "FRII", "Bent"] * (n // 3)})
    train = Part(batch(n, side), table)
    return Data(train, Part(batch(n, config.preprocess.size, 1), table), {})


def task_of(config: CvaeConfig) -> tuple[CvaeTask, Data]:
    torch.manual_seed(0)
    task, data = CvaeTask(config), data_of(config)
    task.prepare(data, torch.device("cpu"))
    return task, data


@pytest.mark.parametrize(("epoch", "beta"), [(0.0, 0.0), (5.0, 0.25), (99.0, 0.5)])
def test_the_loss_is_made_of_its_parts(epoch: float, beta: float) -> None:
    task, data = task_of(CONFIG)
    torch.manual_seed(1)
    loss, figures = task.loss(data.train.images[:8], torch.arange(8), epoch)
    parts = {k: v.item() for k, v in figures.items()}
    wanted = parts["nll"] + beta * parts["kl"] + 20 * parts["size_error"] + parts["class_error"]
    assert parts["kl"] > 0 and parts["size_error"] > 0
    assert loss.item() == pytest.approx(wanted, rel=1e-4)


def test_sizes_change_with_the_scale_of_the_view() -> None:
    task, _ = task_of(CONFIG)
    low, high = CONFIG.architecture["size_range"]
    assert ((task.sizes["train"] >= low) & (task.sizes["train"] <= high)).all()
    assert task.labels["train"].tolist()[:3] == [0, 1, -1]
    assert len(task.bank) == 2
    for frames, scale in task.bank:
        assert frames.shape[0] == len(scale) == 24
        assert ((scale > 1 / 1.11) & (scale < 1.11)).all()
        assert scale.std() > 0.01


def test_balance_shows_rare_galaxies_as_often() -> None:
    task, data = task_of(dataclasses.replace(CONFIG, balance=1.0))
    octave = task.sizes["train"].log2().round()
    group = [f"{label} {o}" for label, o in zip(task.labels["train"], octave, strict=True)]
    torch.manual_seed(0)
    drawn = np.concatenate([task.order(data).numpy() for _ in range(300)])
    share = pd.Series(np.array(group)[drawn]).value_counts(normalize=True)
    np.testing.assert_allclose(share, 1 / len(share), atol=0.02)
    task, data = task_of(CONFIG)
    assert sorted(task.order(data).tolist()) == list(range(24))


def test_after_training_all_modes_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task, data = task_of(CONFIG)
    task.finish(data)
    module = task.module
    assert isinstance(module, ConvCVAE)
    assert capsys.readouterr().out.count("prior: step 40") == 1
    np.testing.assert_allclose(module.class_shares, [1 / 3, 1 / 3])
    assert (module.size_quantiles.diff(dim=1) >= 0).all()
    assert (module.latent_high > module.latent_low).all()
    info = ModelInfo(name="tiny", title="Tiny", preprocess=CONFIG.preprocess, **task.describe())
    weights.save(tmp_path / "tiny", module, info, "# Card\n")
    generator = Generator.load("tiny", tmp_path)
    assert (generator.classes, generator.size_range) == (("FRI", "FRII"), (5.0, 60.0))
    made = generator.sample(GenerationRequest(n=40, seed=1))
    assert set(made.labels) == {"FRI", "FRII"}
    assert (made.sizes >= 5).all() and (made.sizes <= 60).all()
    asked = generator.sample(GenerationRequest(n=3, seed=1, label="FRII", size=30.0))
    assert asked.conditions() == [{"class": "FRII", "size": 30.0}] * 3
    twins = generator.twins(asked.latents, 30.0)
    assert set(twins) == {"FRI", "FRII"}
    assert not np.array_equal(twins["FRI"], twins["FRII"])
    scores = task.score(module, data.valid)
    assert scores["size_error"] >= 0 and scores["active_dimensions"] <= 3
    z = Encoder.load("tiny", tmp_path).encode(data.valid.images[:2, 0].numpy())
    assert z.shape == (2, 6)


def test_the_same_run_learns_the_same_prior() -> None:
    found = []
    for _ in range(2):
        task, data = task_of(CONFIG)
        torch.rand(3)
        task.finish(data)
        found.append(torch.cat([p.flatten() for p in task.module.parameters()]))
    assert torch.equal(*found)


def test_what_a_run_cannot_be() -> None:
    with pytest.raises(TrainError, match="set zoom"):
        CvaeConfig("x", augment=Augment(zoom=0.1))
    with pytest.raises(TrainError, match="kind 'vae' is not a CVAE"):
        CvaeTask(
            dataclasses.replace(
                CONFIG, kind="vae", architecture={"width": 8}, preprocess=Preprocess()
            )
        )
    task, data = task_of(CONFIG)
    table = data.train.table.replace({"label": {"FRII": "Bent"}})
    with pytest.raises(TrainError, match="no training image has the label 'FRII'"):
        task.finish(Data(Part(data.train.images, table), data.valid, {}))


@pytest.mark.slow
def test_the_preset_of_bastien_2021_takes_a_step() -> None:
    config = read_run(CvaeConfig, "bastien2021-cvae-d32")
    torch.manual_seed(0)
    task = CvaeTask(config)
    assert isinstance(task.module, DenseCVAE)
    assert (task.module.size, task.module.latent_dim) == (100, 32)
    data = data_of(config, 6)
    task.prepare(data, torch.device("cpu"))
    optimiser = torch.optim.SGD(task.module.parameters(), lr=1e-4)
    losses = []
    for _ in range(3):
        torch.manual_seed(1)
        loss, _ = task.loss(data.train.images, torch.arange(6), 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    task.finish(data)
    assert task.describe()["capabilities"] == ("encode", "decode", "class")
    with torch.no_grad():
        judged = task.validate(task.module, data.valid.images, torch.arange(6))
    assert np.isfinite(list(judged.values())).all()
