"""What a run of the second stage learns from, and what it publishes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch

from radioviz.data.preprocess import Preprocess
from radioviz.encode import GenerationRequest, Generator
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.cvae_refined import RefinedCVAE
from radioviz.models.registry import build
from radioviz.paths import user_models_folder
from tests.models.small import CAPABILITIES, SMALL, batch
from train.core.config import TrainError
from train.core.data import Data, Part
from train.methods.refine import RefineConfig, RefineTask

CHAIN = Preprocess(size=16, field_arcsec=43.2)
CONFIG = RefineConfig(
    "x", preprocess=CHAIN, base="tiny-cvae", refiner={"channels": [8, 8], "embedding": 16}, views=2
)


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path))
    for kind in ("cvae", "vae"):
        torch.manual_seed(0)
        info = ModelInfo(
            name=f"tiny-{kind}",
            title="Tiny",
            kind=kind,
            capabilities=CAPABILITIES[kind],
            latent_dim=SMALL[kind]["latent_dim"],
            preprocess=CHAIN,
            architecture=SMALL[kind],
        )
        module = build(kind, SMALL[kind])
        weights.save(user_models_folder() / f"tiny-{kind}", module, info, "# Card\n")


def task_of(config: RefineConfig = CONFIG, n: int = 12) -> tuple[RefineTask, Data]:
    torch.manual_seed(0)
    task = RefineTask(config)
    table = pd.DataFrame({"label": ["FRI", "FRII", "Bent"] * (n // 3)})
    side = config.augment.padded(config.preprocess).size
    data = Data(Part(batch(n, side), table), Part(batch(n, 16, 1), table), {})
    task.prepare(data, torch.device("cpu"))
    return task, data


def test_only_the_second_stage_learns() -> None:
    task, data = task_of()
    before = {k: v.clone() for k, v in task.whole.state_dict().items()}
    optimiser = torch.optim.Adam(task.module.parameters(), 0.01)
    for _ in range(2):
        loss, _ = task.loss(data.train.images[:6], torch.arange(6), 1.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    changed = {k for k, v in task.whole.state_dict().items() if not torch.equal(v, before[k])}
    assert changed and all(k.startswith("refiner.") for k in changed)


def test_pairs_are_disturbed_by_their_level() -> None:
    task, _ = task_of(dataclasses.replace(CONFIG, most=0.0, level=0.0))
    rows, labels = torch.arange(12), task.labels["train"]
    view = task.bank[0]
    x, maps, level = task._pairs(view._replace(width=0 * view.width), rows, labels)
    assert torch.equal(x, view.images.float()) and not level.any()
    wanted = task.whole.decode_parameters(view.rest, labels, view.sizes).sigmoid()
    torch.testing.assert_close(maps, wanted)
    task, _ = task_of(dataclasses.replace(CONFIG, most=1.0))
    torch.manual_seed(1)
    _, other, level = task._pairs(task.bank[0], rows, labels)
    assert ((level > 0) & (level < 1)).all() and not torch.equal(other, maps)


def test_validation_is_the_same_each_time_and_training_repeats() -> None:
    found = []
    for _ in range(2):
        task, data = task_of()
        torch.manual_seed(3)
        with torch.no_grad():
            judged = task.validate(task.module, data.valid.images, torch.arange(12))["loss"]
        loss, _ = task.loss(data.train.images[:6], torch.arange(6), 1.0)
        found.append((judged, float(loss.detach())))
    assert found[0] == found[1]


def test_what_is_published_generates(tmp_path: Path) -> None:
    task, data = task_of()
    module = task.published()
    assert isinstance(module, RefinedCVAE)
    info = ModelInfo(name="sharp", title="Sharp", preprocess=CHAIN, **task.describe())
    weights.save(tmp_path / "sharp", module, info, "# Card\n")
    generator = Generator.load("sharp", tmp_path)
    made = generator.sample(GenerationRequest(n=3, seed=1, label="FRII", size=30.0))
    assert made.images.shape == (3, 16, 16)
    assert set(generator.twins(made.latents, 30.0)) == {"FRI", "FRII"}
    scores = task.score(module.eval(), data.valid)
    assert scores["sharpness"] > 0


def test_bases_that_cannot_be_refined() -> None:
    with pytest.raises(TrainError, match="'tiny-vae' of kind 'vae', not cvae"):
        RefineTask(dataclasses.replace(CONFIG, base="tiny-vae"))
    with pytest.raises(TrainError, match="other preprocessing"):
        RefineTask(dataclasses.replace(CONFIG, preprocess=Preprocess(size=16)))
    with pytest.raises(TrainError, match="expected 0 <= level <= most"):
        dataclasses.replace(CONFIG, level=0.9)
