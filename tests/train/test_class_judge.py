"""The judge of classes from outside: what it learns from, keeps, and refuses to judge."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from radioviz.data import judge_sources
from radioviz.data.preprocess import Preprocess
from radioviz.models.registry import list_models
from tests.models.small import galaxies
from train.core.config import RunConfig, TrainError
from train.evaluate import class_judge, judged_generation
from train.evaluate.class_judge import to_native
from train.evaluate.judged_generation import over_seeds, shared_sources

CHAIN = Preprocess()


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Twenty sources in pairs half an arcminute apart, in place of those of the split."""
    images = to_native(galaxies(20, 64, 1), CHAIN)
    ra = np.repeat(np.arange(10.0), 2) + np.tile([0, 30 / 3600], 10)
    table = pd.DataFrame({"ra": ra, "dec": 0.0, "label": ["FRI", "FRII"] * 10})
    monkeypatch.setattr(class_judge, "judge_sources", lambda chain: (images, images, table))
    return table


def test_neighbours_are_left_out_together_and_networks_are_kept(
    sources: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = class_judge.class_judge(CHAIN, home=tmp_path, epochs=1)
    assert sorted(np.concatenate(first.folds)) == list(range(20))
    for rows in first.folds:
        assert set(rows // 2 * 2) <= set(rows) and set(rows // 2 * 2 + 1) <= set(rows)
    seen = first.judged_as(galaxies(3, 64, 2))
    assert set(seen) <= {0, 1} and first.unseen().shape == (20, 2)

    def fit(*arguments: object, **options: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(class_judge, "fit", fit)
    again = class_judge.class_judge(CHAIN, home=tmp_path, epochs=1)
    assert again.digest == first.digest
    np.testing.assert_array_equal(again.judged_as(galaxies(3, 64, 2)), seen)
    again.networks[0].head.bias.data += 1e-3
    changed = class_judge.ClassJudge(
        again.networks, again.folds, again.seen, again.table, again.chain
    )
    assert changed.digest != first.digest


def test_images_come_back_to_survey_pixels() -> None:
    image = np.zeros((1, 64, 64), np.float32)
    image[0, 32, 20], image[0, 32, 44] = 1.0, 0.5
    out = to_native(image, CHAIN)
    assert out.shape == (1, 150, 150) and out.max() == 1
    peaks = np.sort(np.argsort(out[0].max(0))[-6:])
    # 24 pixels of 2.7 arcsec are 36 of 1.8.
    assert peaks[-3:].mean() - peaks[:3].mean() == pytest.approx(36, abs=1)
    assert not out[:, :27].any() and not out[:, :, 123:].any()
    with pytest.raises(TrainError, match="field_arcsec is 400"):
        to_native(image, Preprocess(field_arcsec=400.0))


def test_a_generator_that_saw_the_judge_is_refused_by_name(
    first_catalogue, mirabest_catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each image of the judge is called FRI; only the generator that left it out has a ratio."""
    surveys = {"first": first_catalogue, "mirabest": mirabest_catalogue}
    monkeypatch.setattr(judged_generation, "open_data_set", surveys.__getitem__)
    info = list_models()["cvae-sharp"]
    assert shared_sources(info) > 400
    free = SimpleNamespace(
        name="free", training={"set_aside": {"judge": judge_sources.judge_digest()}}
    )
    other = SimpleNamespace(name="other", training={"set_aside": {"judge": "0"}, "data": ["first"]})
    assert shared_sources(free) == 0 and 100 < shared_sources(other) < shared_sources(info)
    fake = SimpleNamespace(judged_as=lambda images: np.zeros(len(images), int))
    names = np.array(["FRI"] * 4 + ["FRII"] * 4, object)
    measured = pd.DataFrame({"las_measured": np.full(8, 100.0)})
    some = SimpleNamespace(images=np.zeros((8, 4, 4)), labels=names, measured=measured)
    found = {}
    for each in (info, free):
        generator = SimpleNamespace(info=each, classes=("FRI", "FRII"))
        found[each.name] = judged_generation._classes(
            generator, fake, some, some, np.tile([0, 1], 4), (1, 2), 2
        )
    ratio = found["free"]["fri_ratio"]
    assert ratio.value == 1 and "fri_ratio_shared" not in found["free"]
    refused = found["cvae-sharp"]["fri_ratio"]
    assert refused.value is None and "cvae-sharp learned from" in refused.why
    assert found["cvae-sharp"]["fri_ratio_shared"].value == 1


def test_intervals_hold_the_figure_of_each_seed() -> None:
    made, seed_of = np.array([0.0] * 40 + [1.0] * 40), np.repeat([0, 1], 40)
    found = over_seeds(np.mean, [], made, seed_of)
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.0, 1.0, 80)


def test_the_flow_learns_from_no_source_of_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    from train.core import data
    from train.methods import task_of

    seen: dict[str, object] = {}

    def load(config: RunConfig, training: object, aside: object) -> None:
        seen["aside"] = aside

    monkeypatch.setattr(data, "load", load)
    task = task_of("flow", "galaxy-flow-0")
    task.load()
    names = pd.DataFrame({"source_id": ["first-1000", "first-0", "nobody"]})
    recorded = judge_sources.judge_rows("first", names)
    np.testing.assert_array_equal(seen["aside"]("first", names), recorded)  # type: ignore[operator]
    assert recorded[0] and not recorded[2]
    assert judge_sources.learned_aside({"set_aside": task.set_aside()})
    assert not judge_sources.learned_aside({}) and task_of("cvae", "cvae").set_aside() == {}
