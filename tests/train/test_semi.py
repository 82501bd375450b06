"""FixMatch: its loss by hand, whose images it may see, and a small run of the curve."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from radioviz.data import fetch
from radioviz.data.preprocess import Preprocess
from radioviz.data.registry import open_data_set
from radioviz.sky import separation_arcsec
from train.core.config import TrainError, read_run
from train.evaluate.representation.labelled_sets import positions
from train.methods import protocols, semi
from train.methods.semi import SemiConfig, fixmatch_loss


@pytest.fixture(scope="module")
def surveys(shared_data: Path) -> None:
    for name in ("mirabest", "fr-deep"):
        fetch.fetch(name, shared_data)


def test_only_sure_guesses_teach() -> None:
    weak = torch.tensor([[4.0, 0.0], [0.5, 0.0], [0.0, 5.0]], requires_grad=True)
    strong = torch.tensor([[0.0, 1.0], [9.0, 0.0], [0.0, 2.0]], requires_grad=True)
    loss, sure = fixmatch_loss(weak, strong, 0.95)
    # Guesses: FRI at 0.982, FRI at 0.62 (not sure), FRII at 0.993.
    expected = (np.log(1 + np.e) + np.log(1 + np.exp(-2))) / 3
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)
    assert float(sure) == pytest.approx(2 / 3)
    loss.backward()
    assert weak.grad is None  # a guess is taken as a label
    assert strong.grad is not None and not strong.grad[1].any()


def test_refused_settings() -> None:
    with pytest.raises(TrainError, match=r"threshold is 0\.3"):
        SemiConfig("x", threshold=0.3)
    with pytest.raises(TrainError, match="others = 0"):
        SemiConfig("x", others=0.5)


@pytest.mark.usefixtures("surveys")
def test_members_differ_in_nothing_but_labels_and_method() -> None:
    config = read_run(SemiConfig, "fixmatch")
    found = semi.semi_members(config)
    assert len(found) == len(config.numbers) * config.seeds * 2
    assert len({semi.folder_of(m, Path("x")) for m in found}) == len(found)
    for alone, both in zip(found[::2], found[1::2], strict=True):
        assert alone.unlabelled == 0 < both.unlabelled
        assert dataclasses.replace(alone, unlabelled=both.unlabelled) == both
    few = {m.labels: m.epochs for m in found}
    assert few[50] * 2 == config.steps  # steps of 32, the last one smaller
    with pytest.raises(TrainError, match="9999 labels"):
        semi.semi_members(dataclasses.replace(config, numbers=(9999,)))


@pytest.mark.usefixtures("surveys")
def test_no_test_galaxy_is_seen_even_without_its_label() -> None:
    chosen = protocols.protocol_rows("mbc", 0, 0, False)
    seen = protocols.unlabelled(chosen)
    assert set(seen) == {"first", "mirabest"}
    for key, rows in seen.items():
        table = open_data_set(key).table
        assert table["split"].iloc[rows].isin(["train", "valid"]).all()
        for part in (chosen.test, chosen.valid):
            far = open_data_set("mirabest").table
            ra, dec = (positions(table, axis)[rows] for axis in ("ra", "dec"))
            there = [positions(far, axis)[part["mirabest"]] for axis in ("ra", "dec")]
            apart = separation_arcsec(ra[:, None], dec[:, None], there[0][None], there[1][None])
            assert not (apart < 60).any()


@pytest.mark.usefixtures("surveys")
def test_a_small_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(tmp_path / "trained"))
    config = SemiConfig(
        "tiny",
        numbers=(20,),
        seeds=1,
        steps=2,
        batch=16,
        unlabelled_batch=8,
        preprocess=Preprocess(size=32, field_arcsec=172.8),
        architecture={"width": 4, "blocks": [1, 1]},
        precision="float32",
        limit=48,
    )
    table = semi.run(config, "tiny", tmp_path / "run", torch.device("cpu"))
    assert list(table["method"]) == sorted(semi.METHODS)
    assert (table["labels"] == 20).all() and table["value"].between(0, 1).all()
    kept = (tmp_path / "run" / "fixmatch-20-seed0" / "test.json").stat().st_mtime_ns
    again = semi.run(config, "tiny", tmp_path / "run", torch.device("cpu"))
    assert (tmp_path / "run" / "fixmatch-20-seed0" / "test.json").stat().st_mtime_ns == kept
    assert again.equals(table)
