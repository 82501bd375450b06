"""What a VAE run minimises, and the paper's preset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.preprocess import PRESETS, Preprocess
from radioviz.data.user_surveys import survey_folder
from radioviz.models.vae import DenseVAE
from radioviz.morphology.frame import SourceFrame
from tests.models.small import batch
from train.core.config import TrainError, read_run
from train.core.data import Part
from train.evaluate.unlabelled.ugriz import BANDS, stars_and_galaxies
from train.methods.vae import VaeConfig, VaeTask

CONFIG = VaeConfig(
    "x",
    preprocess=Preprocess(size=16),
    architecture={"latent_dim": 3, "width": 8, "multipliers": [1, 2]},
    beta=0.5,
    beta_epochs=10.0,
)


def task_of(config: VaeConfig) -> VaeTask:
    torch.manual_seed(0)
    return VaeTask(config)


def loss_at(config: VaeConfig, epoch: float) -> tuple[float, float, float]:
    """Loss, and the negative log-likelihood and KL term that it was made of."""
    task = task_of(config)
    padded = batch(8, config.augment.padded(config.preprocess).size)
    torch.manual_seed(1)
    loss, figures = task.loss(padded, torch.arange(8), epoch)
    return loss.item(), figures["nll"].item(), figures["kl"].item()


@pytest.mark.parametrize(("epoch", "beta"), [(0.0, 0.0), (5.0, 0.25), (10.0, 0.5), (99.0, 0.5)])
def test_the_kl_term_warms_up(epoch: float, beta: float) -> None:
    loss, nll, kl = loss_at(CONFIG, epoch)
    assert kl > 0
    assert loss == pytest.approx(nll + beta * kl, rel=1e-5)


def test_without_warm_up_the_kl_term_counts_at_once() -> None:
    loss, nll, kl = loss_at(dataclasses.replace(CONFIG, beta_epochs=0.0), 0.0)
    assert loss == pytest.approx(nll + 0.5 * kl, rel=1e-5)


def test_free_bits_cost_nothing() -> None:
    free = dataclasses.replace(CONFIG, free_bits=100.0, beta_epochs=0.0)
    loss, nll, _ = loss_at(free, 0.0)
    assert loss == pytest.approx(nll + 0.5 * 3 * 100.0, rel=1e-5)


def test_validation_judges_what_is_trained_or_the_error() -> None:
    x, rows = batch(8, 16), torch.arange(8)
    for select in ("objective", "error"):
        task = task_of(dataclasses.replace(CONFIG, select=select))
        task.module.eval()
        torch.manual_seed(2)
        with torch.no_grad():
            found = task.validate(task.module, x, rows)
        error = (task.module(x) - x).square().sum((1, 2, 3)).mean().item()
        assert found["error"] == pytest.approx(error, rel=1e-5)
        objective = -(found["elbo"] + found["kl"]) + 0.5 * found["kl"]
        wanted = objective if select == "objective" else error
        assert found["loss"] == pytest.approx(wanted, rel=1e-5)


def test_scores_do_not_depend_on_random_state() -> None:
    task = task_of(CONFIG)
    part = Part(batch(8, 16), pd.DataFrame(index=range(8)))
    torch.manual_seed(1)
    first = task.score(task.module, part)
    torch.manual_seed(2)
    assert task.score(task.module, part) == first
    assert first["active_dimensions"] <= 3


@pytest.mark.slow
def test_the_preset_of_bastien_2021_takes_a_step() -> None:
    config = read_run(VaeConfig, "bastien2021-d2")
    task = task_of(config)
    assert isinstance(task.module, DenseVAE)
    assert (task.module.size, task.module.latent_dim) == (100, 2)
    side = config.augment.padded(config.preprocess).size
    optimiser = torch.optim.SGD(task.module.parameters(), lr=1e-4)
    losses = []
    for _ in range(3):
        torch.manual_seed(1)
        loss, _ = task.loss(batch(4, side), torch.arange(4), 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[2] < losses[0]


def test_a_term_of_two_peaks_takes_the_place_of_the_kl() -> None:
    architecture = CONFIG.architecture | {"term": "sc"}
    config = dataclasses.replace(
        CONFIG, kind="vae-two-peaks", architecture=architecture, beta_epochs=0.0
    )
    task = task_of(config)
    loss, nll, cost = loss_at(config, 0.0)
    assert loss == pytest.approx(nll + 0.5 * cost, rel=1e-5)
    task.module.eval()
    with torch.no_grad():
        found = task.validate(task.module, batch(8, 16), torch.arange(8))
    assert found["loss"] > -(found["elbo"] + found["kl"]) + 0.5 * found["kl"] + 0.5  # sc > exact
    assert "Star Galaxy" in task.describe()["paper"]


@pytest.mark.slow
def test_the_preset_of_the_star_galaxy_paper_takes_a_step() -> None:
    config = read_run(VaeConfig, "two-peaks-paper")
    task = task_of(config)
    x = torch.cat([batch(16, 64, seed) for seed in range(5)], 1)
    optimiser = torch.optim.Adam(task.module.parameters(), lr=2e-4)
    losses = []
    for _ in range(6):
        torch.manual_seed(1)
        terms = task.module.elbo(x)
        loss = (terms.cost.sum(1) - terms.log_likelihood).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    task.module.eval()
    assert task.module.encode(x).shape == (16, 1)


def test_channels_are_planes_of_the_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path))
    sky = stars_and_galaxies(24, 1, 32)
    table = pd.DataFrame(
        {
            "source_id": [str(i) for i in range(24)], "ra": np.arange(24.0) * 10, "dec": 0.0,
            "split": ["train"] * 16 + ["valid"] * 8, "missing_planes": ["z", *[""] * 23],
        }
    )  # fmt: skip
    info = SurveyInfo("sky", "Sky", 0.4, raw=True)
    made = Catalogue(info, complete_columns(table), sky.images, planes=BANDS)
    made.save(survey_folder("sky"))
    chain = dataclasses.replace(PRESETS["bands64"], size=16, field_pixels=16)
    config = dataclasses.replace(CONFIG, data=("sky",), channels=("R", "u"), preprocess=chain)
    data = task_of(config).load()
    assert data.valid.images.shape == (8, 2, 16, 16)
    seen = chain.apply(made.of_plane("r"), np.array([23]))[0]
    np.testing.assert_allclose(data.valid.images[-1, 0], seen, atol=1e-5)
    with_z = dataclasses.replace(config, channels=("u", "z"))
    assert len(task_of(with_z).load().train) == 15
    assert "1 of 24 sources of 'sky' lack one of u, z: left out" in capsys.readouterr().out
    task = task_of(config)
    assert task.describe()["channels"] == ("R", "u")
    assert task.describe()["architecture"]["channels"] == 2
    loss, _ = task.loss(data.train.images, torch.arange(16), 0.0)
    assert torch.isfinite(loss)
    assert set(task.score(task.module, data.valid)) >= {"elbo", "ssim"}
    assert "channels" in config.to_dict() and "channels" not in CONFIG.to_dict()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channels": ("u", "U")}, "each may be there once"),
        ({"architecture": {"channels": 5}}, "architecture.channels is 5, but channels names 0"),
        ({"channels": ("u",), "preprocess": SourceFrame()}, "planes would show different sky"),
    ],
)
def test_channels_that_do_not_fit_are_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(TrainError, match=said):
        dataclasses.replace(CONFIG, **change)
