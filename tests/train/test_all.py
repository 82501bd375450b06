"""Train all: the plan, the splits of a user's survey, a survey trained, published and mapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz import importing
from radioviz.atlas.atlas import list_atlases, open_atlas
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import CatalogueError
from radioviz.models.registry import list_models
from radioviz.paths import trained_folder, user_models_folder
from tests.models.small import galaxies
from train.__main__ import main
from train.all import PLAN, read_plan, train_all
from train.core.config import TrainError, read_run
from train.splits import own_splits

TINY = """
[[models]]
method = "vae"
run = "{run}"

[[models]]
method = "classifier"
run = "frcnn"
"""
RUN = """
title = "Tiny"
epochs = 2
batch = 16
checkpoint_every = 1
[architecture]
latent_dim = 3
width = 8
multipliers = [1, 1, 1, 1]
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def mine(tmp_path: Path) -> str:
    np.save(tmp_path / "mine.npy", (255 * galaxies(80, 80)).astype(np.uint8))
    importing.import_survey(
        importing.Source(tmp_path / "mine.npy"), {"key": "mine", "pixel_scale": 1.8}
    )
    return "mine"


def test_the_shipped_plan_names_runs_that_there_are() -> None:
    from train.methods import task_class

    plan = read_plan(PLAN)
    assert [e.run for e in plan][:2] == ["vae2", "vae32"]
    for entry in plan:
        assert read_run(task_class(entry.method).config_class, entry.run).title


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("models = 1", "list"),
        ("x = ", "cannot be read"),
        ('[[models]]\nmethod = "magic"\nrun = "vae2"', "magic"),
        ('[[models]]\nmethod = "vae"', "None"),
        ('[[models]]\nmethod = "vae"\nrun = "vae2"\nname = "x"', "'name' is set"),
        ('[[models]]\nmethod = "vae"\nrun = "a"\n[[models]]\nmethod = "vae"\nrun = "a"', "twice"),
    ],
)
def test_plans_of_no_use(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "all.toml"
    path.write_text(text)
    with pytest.raises(TrainError, match=why):
        read_plan(path)


def survey(ra: list[float], dec: list[float], key: str = "s") -> Catalogue:
    table = pd.DataFrame(
        {"source_id": [f"{key}-{i}" for i in range(len(ra))], "ra": ra, "dec": dec}
    )
    images = np.zeros((len(ra), 4, 4), np.uint8)
    return Catalogue(
        SurveyInfo(key=key, title="S", pixel_scale=1.8), complete_columns(table), images
    )


def test_near_sources_share_a_split_and_test_sources_stay_test() -> None:
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, 600), rng.uniform(-60, 60, 600)
    close = 40 / 3600  # arcsec, in chains
    catalogue = survey([*ra, *ra, *ra, np.nan], [*dec, *(dec + close), *(dec + 2 * close), np.nan])
    tests = np.stack([ra[:5], dec[:5] - 50 / 3600], axis=1)
    split = own_splits.draw_own_splits(catalogue, tests)
    a, b, c = split[:600], split[600:1200], split[1200:1800]
    assert (a == b).all() and (b == c).all()
    assert (a[:5] == "test").all()
    shares = {name: (a[5:] == name).mean() for name in ("train", "valid", "test")}
    assert 0.75 < shares["train"] < 0.85
    assert 0.06 < shares["valid"] < 0.14
    # Neither order nor what lies elsewhere moves a source.
    some = np.concatenate([np.arange(0, 1800, 3)[::-1], [1800]])
    np.testing.assert_array_equal(
        own_splits.draw_own_splits(catalogue.subset(some), tests), split[some]
    )


def test_splits_are_recorded_once(mine: str) -> None:
    counts = own_splits.record_own_splits(mine)
    assert sum(counts.values()) == 80 and counts["train"] > 50
    table = importing.open_survey(mine).table
    assert own_splits.record_own_splits(mine) == counts
    pd.testing.assert_frame_equal(importing.open_survey(mine).table, table)
    with pytest.raises(CatalogueError, match="nowhere"):
        own_splits.record_own_splits("nowhere")


@pytest.mark.slow
@pytest.mark.timeout(1200)  # it maps FIRST too, and the first UMAP of a machine is compiled
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_survey_gets_its_models(
    mine: str, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.toml").write_text(RUN)
    plan = tmp_path / "all.toml"
    plan.write_text(TINY.format(run=tmp_path / "tiny.toml"))
    arguments = ["all", "--data", mine, "--config", str(plan), "--out", str(tmp_path / "runs")]
    before = set(trained_folder().glob("*"))
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "mine-tiny: trained on" in said
    assert "mine-frcnn: left out" in said
    assert set(trained_folder().glob("*")) == before
    info = list_models()["mine-tiny"]
    assert info.training["data"] == ["mine"]
    assert (
        "python -m train all --data mine"
        in (user_models_folder() / "mine-tiny/CARD.md").read_text()
    )
    found = {pair for pair in list_atlases() if pair[1] == "mine-tiny"}
    assert found == {("first", "mine-tiny"), ("mine", "mine-tiny")}
    catalogue = importing.open_survey(mine)
    assert "umap_first" in open_atlas(mine, "mine-tiny", info=info, catalogue=catalogue).layouts

    assert "was here already" in train_all(mine, plan, tmp_path / "runs")["mine-tiny"]
    from radioviz.data.__main__ import main as data

    assert data(["remove-models", mine]) == 0
    assert "mine-tiny" not in list_models()
    assert not any(model == "mine-tiny" for _, model in list_atlases())
    assert data(["remove-models", mine]) == 1
