"""Learning from several surveys: who is a pair, what a view is, what selects a run."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from radioviz.data.catalogue import Catalogue
from radioviz.models import weights
from radioviz.morphology.frame import SourceFrame
from tests.models.small import batch, synthetic_catalogue
from train.core.config import TrainError, read_run
from train.core.data import Data, Part
from train.core.loop import fit
from train.methods import METHODS, task_class
from train.methods import survey_data as surveys_of
from train.methods.survey_ssl import (
    SurveySslConfig,
    SurveyTask,
    alignment,
    geometry_of,
    reciprocal_rank,
)
from train.methods.survey_views import SurveyViews
from train.publish import publish_task

CHAIN = SourceFrame(size=32, field_arcsec=57.6, fit="fixed")
CONFIG = SurveySslConfig(
    "tiny",
    preprocess=CHAIN,
    augment=SurveyViews(shift=3.0),
    architecture={"width": 4, "blocks": [1, 1, 1]},
    hidden=16,
    projection=8,
    batch=8,
    epochs=2,
    precision="float32",
    crops=1,
    crop_size=20,
    trial=True,
)
SURVEY_METHODS = [name for name in METHODS if name.startswith("survey-")]


def task_of(method: str, config: SurveySslConfig = CONFIG) -> Any:
    torch.manual_seed(0)
    return task_class(method)(config)


def part(n: int, seed: int = 0) -> Part:
    """Sources of one, two and three images."""
    source = np.repeat(np.arange(n), [1 + k % 3 for k in range(n)])[:n]
    table = pd.DataFrame(
        {
            "source": np.searchsorted(source, source),
            "survey": ["FIRST", "NVSS", "LoTSS"] * (n // 3) + ["FIRST"] * (n % 3),
            "beam_pixels": 2.0,
            "data_set": "synthetic",
            "label": "",
        }
    )
    side = CONFIG.augment.padded(CHAIN).size
    return Part(batch(n, side, seed=seed), table)


DATA = Data(part(24), part(12, 1), {"synthetic": "x"})


@pytest.mark.parametrize("method", SURVEY_METHODS)
def test_every_method_trains_resumes_and_publishes(method: str, tmp_path: Path) -> None:
    whole, split = task_of(method), task_of(method)
    outcome = fit(whole, DATA, tmp_path / "a", progress=False)
    assert outcome.epochs == 2 and math.isfinite(outcome.best_loss)
    fit(split, DATA, tmp_path / "b", stop=lambda epoch: epoch == 1, progress=False)
    again = task_of(method)
    fit(again, DATA, tmp_path / "b", resume=True, progress=False)
    for key, value in whole.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[key]), key
    if method == "survey-vicreg":
        whole.load = lambda: DATA
        info = publish_task(whole, tmp_path / "a", tmp_path / "model")
        assert info.preprocess == CHAIN
        assert {"retrieval.valid", "uniformity.valid", "effective_rank.valid"} <= set(info.scores)
        module, _ = weights.load(tmp_path / "model")
        assert module.encode(batch(2, 32)).shape == (2, 16)


def test_an_epoch_visits_each_source_once() -> None:
    task = task_of("survey-simclr")
    source = DATA.train.table["source"].to_numpy()
    chosen = []
    for seed in range(20):
        torch.manual_seed(seed)
        order = task.order(DATA).numpy()
        assert sorted(source[order]) == sorted(set(source))
        chosen.append(set(order.tolist()))
    assert set.union(*chosen) == set(range(24))  # any of its images


def test_partners_show_the_same_source() -> None:
    task = task_of("survey-simclr", dataclasses.replace(CONFIG, pair_share=1.0))
    task.prepare(DATA, torch.device("cpu"))
    source = torch.tensor(DATA.train.table["source"].to_numpy())
    rows = torch.arange(24)
    torch.manual_seed(0)
    met = torch.stack([task._partners(rows) for _ in range(60)])
    assert (source[met] == source[rows]).all()
    for row in rows.tolist():
        images = set(torch.nonzero(source == source[row]).flatten().tolist())
        assert set(met[:, row].tolist()) == images if len(images) > 1 else {row}
    alone = task_of("survey-simclr", dataclasses.replace(CONFIG, pair_share=0.0))
    alone.prepare(DATA, torch.device("cpu"))
    assert torch.equal(alone._partners(rows), rows)


def ellipse(major: float, minor: float, angle: float, side: int = 64) -> Tensor:
    """Gaussian with its major axis at an angle [rad] from the rows towards higher rows."""
    y, x = torch.meshgrid(*[torch.arange(side) - (side - 1) / 2] * 2, indexing="ij")
    u, v = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
    return torch.exp(-(u**2) / (2 * major**2) - v**2 / (2 * minor**2))[None, None]


def test_geometry_is_that_of_an_ellipse() -> None:
    for angle in (0.0, 0.5, 2.0):
        # The square root of a Gaussian is wider by the square root of 2.
        log_size, ratio, cos, sin = geometry_of(ellipse(5, 2, angle))[0].tolist()
        assert math.exp(log_size) == pytest.approx(10 * 5 * math.sqrt(2) / 64, rel=0.02)
        assert ratio == pytest.approx(0.4, rel=0.02)
        expected = 0.6 * math.cos(2 * angle), 0.6 * math.sin(2 * angle)
        assert (cos, sin) == pytest.approx(expected, abs=0.02)


def test_reciprocal_rank_counts_what_comes_first() -> None:
    gallery = torch.eye(4)
    source = torch.arange(4)
    queries = gallery.clone()
    queries[1] = torch.tensor([0.9, 0.5, 0.0, 0.0])  # source 0 is nearer: rank 2
    assert reciprocal_rank(queries, gallery, source, None) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    pairs, survey = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    features = torch.tensor([[1.0, 0], [0, 1], [0.9, 0.1], [0.8, 0.3]])
    # 0 finds 2; 1 finds 3; 2 finds 0; 3 finds 0 first, 1 second.
    assert reciprocal_rank(features, features, pairs, survey) <= 1
    nobody = reciprocal_rank(features, features, torch.arange(4), survey)
    assert nobody == 0


def test_alignment_of_equal_and_of_opposite_features() -> None:
    x = torch.randn(50, 8)
    assert alignment(x, 3 * x)["alignment"] == pytest.approx(0, abs=1e-6)
    assert alignment(x, -x)["alignment"] == pytest.approx(4, abs=1e-5)
    assert alignment(torch.ones(9, 4), torch.ones(9, 4))["uniformity"] == pytest.approx(0, abs=1e-5)


STILL = SurveyViews(
    rotate=False, flip=False, shift=0, zoom=0, contrast=0, beam_share=0, noise_share=0,
    stripes_share=0, neighbours=0,
)  # fmt: skip


def views(change: dict[str, float], x: Tensor, beam: float = 3.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    chain = SourceFrame(size=x.shape[-1])
    found = dataclasses.replace(STILL, **change)
    return found.views(x, chain, torch.full((len(x),), beam))


def test_views_change_what_they_are_asked_to() -> None:
    point = ellipse(2, 2, 0).repeat(64, 1, 1, 1)
    clean, plain = views({}, point)
    torch.testing.assert_close(clean, point / point.max(), atol=1e-3, rtol=0)
    torch.testing.assert_close(plain, clean, atol=1e-3, rtol=0)

    fwhm = 2 * math.sqrt(8 * math.log(2))
    _, wide = views({"beam_share": 1.0, "beam": 3.0, "clip_share": 0.0}, point, fwhm)
    half = (wide > 0.5).sum((1, 2, 3)).float().div(math.pi).sqrt() * 2  # FWHM in pixels
    assert half.min() >= fwhm * 0.95 and fwhm * 2.2 < half.max() < fwhm * 3.1

    change = {"noise_share": 1.0, "noise": 0.1, "clip_share": 0.0}
    noisy = views(change, point)[1][:, 0, :20]
    rms = noisy.std((1, 2))
    assert 0.05 < rms.max() < 0.1  # 0 is now the deepest pixel
    lag = (noisy[:, :, 1:] - noisy.mean()) * (noisy[:, :, :-1] - noisy.mean())
    assert lag.mean() / noisy.var() > 0.5  # correlated by the beam
    clipped = views({**change, "clip_share": 1.0}, point)[1][:, 0, :20]
    assert (clipped > 0).float().mean() < 0.03

    assert views({"stripes_share": 1.0, "clip_share": 0.0}, point)[1][:, 0, :20].std() > 0.005
    beside = views({"neighbours": 1.0}, point)[1]
    y, x = torch.meshgrid(*[torch.arange(64.0) - 31.5] * 2, indexing="ij")
    outer = torch.hypot(y, x) > 12
    assert (beside[..., outer].amax((1, 2)) > 0.03).float().mean() > 0.5
    moved = views({"shift": 8.0}, point)[0]
    at = torch.arange(64.0) - 31.5
    away = torch.hypot((moved.sum((1, 2)) @ at) / moved.sum((1, 2, 3)),
                       (moved.sum((1, 3)) @ at) / moved.sum((1, 2, 3)))  # fmt: skip
    assert 4 < away.max() < 8.2 and away.median() < 3


@pytest.fixture
def two_surveys(monkeypatch: pytest.MonkeyPatch) -> dict[str, Catalogue]:
    """The second repeats five sources of the first, 5 arcsec off, at another beam."""
    ra = 150.0 + np.arange(20) * 0.1
    found = {}
    for key, start, beam in (("first", 0.0, 5.4), ("second", 1.5 + 5 / 3600, 10.8)):
        made = synthetic_catalogue(20, key)
        table = made.table.assign(
            ra=ra + start, dec=0.0, survey=key, beam_major=beam, beam_minor=beam
        )
        found[key] = dataclasses.replace(made, table=table)
    monkeypatch.setattr(surveys_of, "open_data_set", found.__getitem__)
    monkeypatch.setattr(surveys_of, "record_own_splits", lambda key: {})
    return found


def test_images_of_one_source_share_a_number(two_surveys: dict[str, Catalogue]) -> None:
    config = dataclasses.replace(CONFIG, data=("first", "second"))
    data = surveys_of.load_surveys(config)
    table = data.train.table
    assert len(data.train.images) == len(table)
    repeated = table[table.duplicated("source", keep=False)]
    assert len(repeated) and repeated.groupby("source")["data_set"].nunique().eq(2).all()
    scale = 57.6 / 32
    assert table.groupby("data_set")["beam_pixels"].first().to_dict() == pytest.approx(
        {"first": 5.4 / scale, "second": 10.8 / scale}
    )
    again = surveys_of.load_surveys(config)  # from the cache folder
    assert torch.equal(again.train.images, data.train.images)
    assert again.train.table.equals(table)
    half = surveys_of.load_surveys(config, 0.5).train
    assert 0 < half.table["source"].nunique() < table["source"].nunique()
    assert set(half.table["source_id"]) < set(table["source_id"])


def test_a_chain_without_a_frame_is_refused() -> None:
    from radioviz.data.preprocess import Preprocess

    config = dataclasses.replace(CONFIG, preprocess=Preprocess())
    with pytest.raises(TrainError, match="frame that fits the source"):
        surveys_of.load_surveys(config)


@pytest.mark.parametrize("method", SURVEY_METHODS)
def test_the_shipped_runs_can_be_read(method: str) -> None:
    config = read_run(SurveySslConfig, method)
    assert isinstance(config.preprocess, SourceFrame)
    assert issubclass(task_class(method), SurveyTask)
    values = config.to_dict()
    from train.core.config import from_dict

    assert from_dict(SurveySslConfig, values) == config
