"""Runs: TOML files over dataclass defaults."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from radioviz.data.preprocess import PRESETS
from train.core.config import RUNS, RunConfig, TrainError, from_dict, read_run
from train.methods.classifier import ClassifierConfig
from train.methods.cvae import CvaeConfig
from train.methods.finetune import FinetuneConfig
from train.methods.flow import FlowConfig
from train.methods.maf import MafConfig
from train.methods.refine import RefineConfig
from train.methods.semi import SemiConfig
from train.methods.ssl import SslConfig
from train.methods.vae import VaeConfig, VaeTask
from train.methods.vdvae import VdvaeConfig

CONFIGS: list[type[RunConfig]] = [
    *(VaeConfig, CvaeConfig, RefineConfig, VdvaeConfig, ClassifierConfig, MafConfig, SslConfig),
    *(FinetuneConfig, FlowConfig, SemiConfig),
]
# Tables of many runs have files of their own kind, tested with train/evaluate/dimension_table.py.
ONE_RUN = [p for p in sorted(RUNS.glob("*.toml")) if "-table" not in p.stem]


def test_a_file_holds_only_differences(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("epochs = 7\n[augment]\nzoom = 0.1\n[architecture]\nlatent_dim = 4\n")
    config = read_run(VaeConfig, str(path))
    assert (config.name, config.epochs, config.augment.zoom) == ("mine", 7, 0.1)
    assert config.architecture == {"latent_dim": 4}
    assert config.batch == VaeConfig("x").batch
    assert read_run(VaeConfig, str(path), epochs=9, seed=None).epochs == 9


@pytest.mark.parametrize("path", ONE_RUN, ids=lambda p: p.stem)
def test_every_shipped_run_is_understood_by_a_method(path: Path) -> None:
    understood = 0
    for cls in CONFIGS:
        with contextlib.suppress(TrainError):
            config = read_run(cls, path.stem)
            assert config.title
            assert from_dict(cls, json.loads(json.dumps(config.to_dict()))) == config
            understood += 1
    assert understood


def test_a_preset_by_name_or_its_fields(tmp_path: Path) -> None:
    for text in ('preprocess = "bastien2021"', "[preprocess]\nfield_pixels = 100\nsize = 100"):
        (tmp_path / "x.toml").write_text(text)
        if text.startswith("["):
            with pytest.raises(TrainError, match="field_arcsec"):
                read_run(RunConfig, str(tmp_path / "x.toml"))
        else:
            found = read_run(RunConfig, str(tmp_path / "x.toml")).preprocess
            assert found == PRESETS["bastien2021"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", "'epoch' is unknown; expected one of name, title"),
        ("epochs = 'many'", "'epochs' is 'many', expected int"),
        ("epochs = true", "'epochs' is 'True', expected int"),
        ("epochs = 0", "epochs is 0; expected 1 or more"),
        ("precision = 'half'", "precision is 'half'"),
        ("ema = 1.0", "ema is 1.0"),
        ("preprocess = 'none'", "preprocess is 'none'; presets are compact64"),
        ("preprocess = 3", "preprocess is 3; expected a table"),
        ("[augment]\nspin = 1", "augment: 'spin' is unknown"),
        ("data = 'first'", "'data' is 'first', expected array"),
        ("data = [1]", "'data.*expected str"),
        ("select = 'luck'", "select is 'luck'"),
        ("epochs = ", "cannot be read"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(TrainError, match=words):
        read_run(VaeConfig, str(tmp_path / "x.toml"))


def test_an_unknown_run_lists_those_there_are() -> None:
    with pytest.raises(TrainError, match=r"no run 'vae3'.*vae2, vae32"):
        read_run(VaeConfig, "vae3")


def test_a_kind_that_is_no_vae_is_refused() -> None:
    from radioviz.errors import ModelError

    with pytest.raises(ModelError, match="kind 'gan' is unknown"):
        VaeTask(VaeConfig("x", kind="gan"))
