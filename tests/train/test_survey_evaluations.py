"""Measures across surveys: degraded images, folds by source, retrieval, votes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.data import splits
from radioviz.sky import FWHM
from tests.models.small import synthetic_catalogue
from train.core.config import TrainError
from train.evaluate.surveys import evaluations, features
from train.evaluate.surveys.degrade import degrade

SCALE, BEAM = 1.8, 5.4


def point(n: int = 1, side: int = 101) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - side // 2
    sigma = BEAM / FWHM / SCALE
    return np.repeat(200 * np.exp(-(x**2 + y**2) / (2 * sigma**2))[None], n, 0).astype(np.float32)


def centres(images: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: images.shape[1], : images.shape[2]] - images.shape[1] // 2
    total = images.sum((1, 2))
    return np.stack([(images * y).sum((1, 2)) / total, (images * x).sum((1, 2)) / total], 1)


def test_an_offset_is_seventeen_arcsec_in_every_direction() -> None:
    moved, beam, raw = degrade("offset17", point(40), SCALE, BEAM, 0)
    away = centres(moved) * SCALE
    np.testing.assert_allclose(np.hypot(*away.T), 17.0, atol=0.05)
    assert len(set(np.floor(np.degrees(np.arctan2(*away.T)) / 90))) == 4
    assert (beam, raw) == (BEAM, False)
    again = degrade("offset17", point(40), SCALE, BEAM, 0)[0]
    other = degrade("offset17", point(40), SCALE, BEAM, 1)[0]
    assert np.array_equal(moved, again) and not np.array_equal(moved, other)


def test_noise_is_a_tenth_of_the_peak_and_correlated() -> None:
    noisy, beam, raw = degrade("noise10", point(20), SCALE, BEAM, 0)
    assert (beam, raw) == (BEAM, True)
    noise = noisy - point(20)
    np.testing.assert_allclose(noise.std((1, 2)), 20, rtol=1e-4)
    lag = (noise[:, :, 1:] * noise[:, :, :-1]).mean() / noise.var()
    sigma = BEAM / FWHM / SCALE
    assert lag == pytest.approx(np.exp(-1 / (2 * sigma**2)), abs=0.05)


def test_a_wider_beam_is_stated_and_true() -> None:
    wide, beam, raw = degrade("beam3", point(1, 151), SCALE, BEAM, 0)
    assert (beam, raw) == (3 * BEAM, False)
    y, _ = np.mgrid[:151, :151] - 75
    variance = (wide[0] * y**2).sum() / wide[0].sum()
    assert np.sqrt(variance) * FWHM * SCALE == pytest.approx(3 * BEAM, rel=0.02)
    assert wide.sum() == pytest.approx(point(1, 151).sum(), rel=1e-3)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind is 'tilt'"):
        degrade("tilt", point(), SCALE, BEAM, 0)


def test_folds_keep_a_source_together_and_classes_even() -> None:
    table = pd.DataFrame({"ra": 10 + np.arange(100) * 0.1, "dec": 5.0})
    table.loc[1, "ra"] = table["ra"][0] + 5 / 3600
    truth = np.r_[np.zeros(80, int), np.ones(20, int)]
    fold = evaluations.source_folds(table, 10, seed=0, truth=truth)
    assert fold[0] == fold[1]
    counts = np.array([np.bincount(truth[fold == k], minlength=2) for k in range(10)])
    assert counts[:, 1].tolist() == [2] * 10
    assert np.ptp(counts[:, 0]) <= 2
    assert not np.array_equal(fold, evaluations.source_folds(table, 10, seed=1, truth=truth))
    table["ra"] = 10 + np.repeat(np.arange(50) * 0.1, 2) + np.tile([0, 40 / 3600], 50)
    pairs = evaluations.source_folds(table, 10, seed=0).reshape(50, 2)
    assert np.array_equal(pairs[:, 0], pairs[:, 1])
    table["ra"] = 10 + np.repeat(np.arange(50) * 0.1, 2) + np.tile([0, 70 / 3600], 50)
    apart = evaluations.source_folds(table, 10, seed=0).reshape(50, 2)
    assert not np.array_equal(apart[:, 0], apart[:, 1])


def test_votes_are_of_the_five_nearest_that_count() -> None:
    angle = np.radians([0, 5, 10, 15, 20, 25, 180, 185, 190, 195, 200, 205])
    bank = np.stack([np.cos(angle), np.sin(angle)], 1)
    truth = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert features.votes(bank[:1], bank, truth)[0] == pytest.approx(0.8)
    barred = np.zeros((1, 12), bool)
    barred[0, :2] = True
    assert features.votes(bank[:1], bank, truth, barred)[0] == pytest.approx(0.4)


def test_recall_counts_the_first_ten() -> None:
    gallery = np.eye(20)
    names = np.array([f"{i}.fits" for i in range(20)], dtype=object)
    queries = gallery[:2] + 0.0
    queries[1, 2:12] = 2.0  # ten others are nearer
    hit = evaluations.recall(queries, gallery, np.array(["0.fits", "1.fits"], dtype=object), names)
    assert hit.tolist() == [1.0, 0.0]


def test_figures_of_two_classes() -> None:
    pair = np.array([[0.8, 1], [0.6, 1], [0.7, 0], [0.1, 0], [0.2, 0], [0.0, 0]])
    assert evaluations.balanced(pair) == pytest.approx((1 + 0.75) / 2)
    assert evaluations.auc(pair) == pytest.approx(7 / 8)
    assert evaluations.auc(pair[:2]) == 0.5


def test_another_survey_of_this_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = synthetic_catalogue(8, "lotss")
    made.table["file"] = [f"mine-{i}.png" for i in range(8)]
    monkeypatch.setattr(features, "open_data_set", lambda key: made)
    with pytest.raises(TrainError, match="other files than the recorded split"):
        features.survey("lotss")
    record = splits.recorded("lotss")
    assert record is not None
    made.table["file"] = record["file"].to_numpy()[:8]
    assert features.survey("lotss")[1].tolist() == record["split"].tolist()[:8]
