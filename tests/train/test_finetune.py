"""Protocols keep test sources apart; members train, resume and score."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from radioviz.data import fetch
from radioviz.data.preprocess import Preprocess
from radioviz.data.registry import open_data_set
from radioviz.sky import separation_arcsec
from train.core.config import TrainError, read_run
from train.evaluate.representation.labelled_sets import SETS, positions
from train.methods import finetune_members
from train.methods.finetune import FinetuneConfig, FinetuneTask, member_folder, members
from train.methods.protocols import PROTOCOLS, protocol_rows

RUNS = ("mbc", "mbc-cv", "mbc145", "first4", "frdeep-nvss", "finetuned")


@pytest.fixture(scope="module")
def surveys(shared_data: Path) -> None:
    for name in ("mirabest", "fr-deep"):
        fetch.fetch(name, shared_data)


@pytest.mark.usefixtures("surveys")
@pytest.mark.parametrize("name", sorted(PROTOCOLS))
@pytest.mark.parametrize("others", [False, True])
def test_nothing_near_a_test_source_is_learned_from(name: str, others: bool) -> None:
    chosen = protocol_rows(name, 0, 0, others)
    assert chosen.train and chosen.valid and chosen.test
    for key, rows in chosen.train.items():
        table = open_data_set(key).table
        for other, tested in chosen.test.items():
            far = open_data_set(other).table
            ra, dec = (positions(table, axis)[rows] for axis in ("ra", "dec"))
            there = [positions(far, axis)[tested] for axis in ("ra", "dec")]
            apart = separation_arcsec(ra[:, None], dec[:, None], there[0][None], there[1][None])
            assert not (apart < 60).any()  # NaN, an unknown position, is not below
        watched = chosen.valid.get(key, np.array([], int))
        assert not np.isin(rows, watched).any() or name == "mbc-cv"
        assert len(np.unique(rows)) == len(rows)


@pytest.mark.usefixtures("surveys")
def test_the_official_numbers() -> None:
    problem = SETS["mbc"]()
    assert (len(problem.train), len(problem.test)) == (729, 104)
    nvss = SETS["frdeep-nvss"]()
    assert (len(nvss.train) + nvss.left_out, len(nvss.test)) == (550, 50)
    assert len(protocol_rows("mbc", 0, 0, False).test["mirabest"]) == 104
    assert len(protocol_rows("mbc145", 0, 3, False).train["mirabest"]) == 145
    folds = [protocol_rows("mbc-cv", k, 0, False).test["mirabest"] for k in range(10)]
    assert len(np.unique(np.concatenate(folds))) == 833
    assert len(protocol_rows("first4", 0, 0, False).test["first"]) == 400


def test_unknown_protocols_and_folds_are_named() -> None:
    with pytest.raises(TrainError, match="protocol is 'all'"):
        FinetuneConfig("x", protocol="all")
    with pytest.raises(TrainError, match="folds 0 to 4"):
        protocol_rows("first4", 5, 0, False)


@pytest.mark.parametrize("name", RUNS)
def test_runs_have_members(name: str) -> None:
    config = read_run(FinetuneConfig, name)
    found = members(config)
    folds = PROTOCOLS[config.protocol].members
    assert len(found) == (folds or config.seeds)
    assert len({member_folder(m, Path("x")) for m in found}) == len(found)


def test_a_run_trains_its_members_and_records_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    config = FinetuneConfig(
        "tiny",
        protocol="first4",
        preprocess=Preprocess(size=32, field_arcsec=172.8),
        architecture={"width": 4, "blocks": [1, 1]},
        epochs=1,
        batch=64,
        others=0.0,
        precision="float32",
        limit=64,
    )
    root = tmp_path / "run"
    monkeypatch.setattr("train.methods.finetune_members.members", lambda c: members(c)[:2])
    finetune_members.run_members(config, "tiny", root, torch.device("cpu"))
    kept = json.loads((root / "fold0" / "test.json").read_text())
    assert kept["classes"] == ["Bent", "Compact", "FRI", "FRII"]
    written = (root / "fold0" / "test.json").stat().st_mtime_ns
    finetune_members.run_members(config, "tiny", root, torch.device("cpu"))
    assert (root / "fold0" / "test.json").stat().st_mtime_ns == written
    found = finetune_members.record_results(config, root, "tiny")
    assert set(found) >= {"first4.accuracy", "first4.bent_f1", "first4.brier"}
    figures = json.loads((tmp_path / "trained" / "benchmarks.json").read_text())
    assert "2 of 5 folds" in figures["first4.accuracy"]["split"]


def test_figures_against_hand_counts() -> None:
    p = np.array([[[0.7, 0.1, 0.1, 0.1], [0.2, 0.6, 0.1, 0.1], [0.6, 0.0, 0.4, 0.0]]])
    results = [{"truth": [0, 1, 2], "p": p[0].tolist()}]
    found = {f[0]: f[1] for f in finetune_members.test_results("first4", results)}
    assert found["first4.accuracy"] == pytest.approx(2 / 3)
    assert found["first4.bent_f1"] == pytest.approx(2 / 3)  # one hit, one false alarm
    brier = (0.09 + 3 * 0.01) + (0.04 + 0.16 + 0.02) + (0.36 + 0.36)
    assert found["first4.brier"] == pytest.approx(brier / 3)
    two = [{"truth": [0, 1, 1], "p": [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]}]
    assert finetune_members.test_results("mbc145", two)[0][1] == pytest.approx(1 / 3)


def test_the_head_is_taught_and_predictions_are_averaged_over_views() -> None:
    config = FinetuneConfig(
        "x",
        protocol="mbc",
        preprocess=Preprocess(size=32),
        architecture={"width": 4, "blocks": [1, 1]},
    )
    torch.manual_seed(0)
    task = FinetuneTask(config)
    x = torch.rand(4, 1, 32, 32)
    from train.methods.finetune import predict

    p = predict(task.module, x)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        predict(task.module, torch.rot90(x, 1, (-2, -1))), p, rtol=1e-3, atol=1e-4
    )
    assert not task.module.dihedral
    assert dataclasses.replace(config, seed=1) != config


@pytest.mark.usefixtures("surveys")
def test_every_class_weighs_the_same() -> None:
    task = FinetuneTask(FinetuneConfig("x", architecture={"width": 4, "blocks": [1]}, others=0.5))
    data = task.load()
    task.prepare(data, torch.device("cpu"))
    total = [float(task.weights[task.truth["train"] == k].sum()) for k in (0, 1)]
    assert total[0] == pytest.approx(total[1], rel=1e-4)
    doubted = (data.train.table["confidence"] == "uncertain").to_numpy()
    sure = (data.train.table["data_set"] == "mirabest").to_numpy() & ~doubted
    first = (task.truth["train"] == 0).numpy()
    assert float(task.weights[sure & first][0]) == pytest.approx(
        2 * float(task.weights[doubted & first][0])
    )
