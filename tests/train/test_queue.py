"""Plans of resumable trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from radioviz.store.records import read_json_object
from train import queue
from train.core import checkpoint
from train.core.config import TrainError, read_run
from train.methods import survey_ssl

PLAN = """
hours = 2
[[runs]]
name = "a"
method = "survey-simclr"
run = "survey-simclr-0"
seed = 3
[[runs]]
name = "b"
method = "survey-vicreg"
run = "survey-vicreg"
changes = { source_share = 0.5 }
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan whose runs see a few synthetic images, through a tiny network."""
    from tests.train.test_survey_ssl import part
    from train.core.data import Data

    def small(self: Any) -> Data:
        data = Data(part(40), part(12, 1), {"synthetic": "x"})
        side = self.config.augment.padded(self.config.preprocess).size
        for each in (data.train, data.valid):
            object.__setattr__(each, "images", each.images.new_zeros(len(each), 1, side, side))
            each.images[..., side // 2, side // 2] = 1
        return data

    monkeypatch.setattr(survey_ssl.SurveyTask, "load", small)
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_runs_train_in_order_and_are_not_repeated(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert queue.queue(plan, out, quick=True, device="cpu") == {"a": 2, "b": 2}
    configs = [checkpoint.read(out / name)[1]["identity"]["config"] for name in "ab"]
    assert [c["name"] for c in configs] == ["a", "b"]
    assert [c["seed"] for c in configs] == [3, 0]
    assert [c["source_share"] for c in configs] == [1.0, 0.5]
    assert queue.core_hours(out / "a") > 0
    assert read_json_object(out / "b" / queue.CPU)["epoch"] == 2
    capsys.readouterr()
    assert queue.queue(plan, out, quick=True, device="cpu") == {"a": 2, "b": 2}
    assert "started" not in capsys.readouterr().out


def test_spent_hours_and_a_second_process_stop_a_plan(plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "b"
    folder.mkdir(parents=True)
    (folder / queue.CPU).write_text('{"core_hours": 2.5}')
    with pytest.raises(TrainError, match=r"2\.5 of 2 core-hours"):
        queue.queue(plan, tmp_path / "out", quick=True, device="cpu")
    with (
        FileLock(tmp_path / "out" / ".queue.lock"),
        pytest.raises(TrainError, match="another process trains a plan into"),
    ):
        queue.queue(plan, tmp_path / "out", quick=True, device="cpu")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs = 3", "hours = a number"),
        (PLAN.replace("survey-vicreg", "vicreg"), "run 2 has method 'vicreg'"),
        (PLAN.replace("seed", "sed"), "'sed' is unknown"),
        (PLAN.replace('"b"', '"a"'), "same name"),
        ("hours = [", "cannot be read"),
    ],
)
def test_a_wrong_plan_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(TrainError, match=message):
        queue.read_queue(tmp_path / "plan.toml")


@pytest.mark.parametrize("name", ["surveys.toml", "surveys-short.toml", "surveys-gpu.toml"])
def test_the_plans_of_the_surveys_are_complete(name: str) -> None:
    hours, runs = queue.read_queue(queue.PLAN.with_name(name))
    for entry in runs:  # every setting is accepted
        read_run(survey_ssl.SurveySslConfig, entry.run, **entry.changes)
    assert hours <= 40
    seeds = {m: [r.changes["seed"] for r in runs if r.run == m] for m in {r.run for r in runs}}
    assert sorted(set(seeds["survey-simclr-0"])) == sorted(seeds["survey-vicreg"]) == [0, 1, 2]
    assert len(seeds["survey-byol"]) == len(seeds["survey-simsiam"]) == 1
