"""Figures of merit of outlier scores, against independent formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from radioviz.models.maf import MAF
from train.core.config import TrainError
from train.evaluate import ood as evaluate_ood
from train.evaluate.ood import Question, answer, auroc, best_threshold, precision_at
from train.evaluate.ood_samples import MEASURED, Sample
from train.methods.maf import MafConfig, flow_scores
from train.scores.orientations import orientations
from train.scores.outlier_detector import COUNTED, DESCRIBED, MISSED, PLACED, detector, surprise
from train.scores.texture import NAMES


def test_auroc_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 60).astype(float), rng.integers(3, 12, 40).astype(float)
    truth = np.r_[np.zeros(60), np.ones(40)]
    assert auroc(a, b) == pytest.approx(roc_auc_score(truth, np.r_[a, b]))


def test_precision_counts_the_top_and_shares_ties() -> None:
    assert precision_at(np.array([0.0, 1, 2]), np.array([5.0, 6]), k=2) == 1
    assert precision_at(np.array([9.0, 1, 2]), np.array([5.0, 6]), k=2) == 0.5
    assert precision_at(np.ones(3), np.ones(1), k=2) == pytest.approx(0.25)


def test_the_threshold_of_the_largest_g_mean() -> None:
    ordinary, strange = pd.Series([0.0, 1, 2, 3]), pd.Series([2.5, 3.5, 4])
    threshold = best_threshold(ordinary, strange)
    found, kept = (strange >= threshold).mean(), (ordinary < threshold).mean()
    assert found * kept == pytest.approx(max(1.0 * 0.75, 2 / 3))


def test_an_interval_holds_its_value_and_unknown_counts_as_ordinary() -> None:
    question = Question(
        "x", pd.DataFrame({"s": [0.0, 1, 2, 3]}), pd.DataFrame({"s": [4.0, 5, np.nan]})
    )
    found = answer(question, "s", draws=50)
    assert found.auroc == pytest.approx(2 / 3)
    assert found.low <= found.auroc <= found.high
    assert (found.ordinary, found.strange) == (4, 3)


def test_another_split_is_refused() -> None:
    with pytest.raises(TrainError, match="expected valid or test"):
        evaluate_ood.ood("vae32", "train")


def test_eight_orientations_of_a_square() -> None:
    views = orientations(np.arange(9.0).reshape(1, 3, 3))
    assert len({v.tobytes() for v in views}) == 8
    assert np.array_equal(views[0], np.arange(9.0).reshape(1, 3, 3))


def sample(n: int, shift: float, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    latents = rng.standard_normal((n, 8, 4)).astype(np.float32) * 0.1
    latents += rng.standard_normal((n, 1, 4)).astype(np.float32) + shift
    names = dict.fromkeys([*MEASURED, *DESCRIBED, *COUNTED, *PLACED, *MISSED, *NAMES])
    figures = pd.DataFrame(rng.uniform(0.1, 1, (n, len(names))) + abs(shift), columns=list(names))
    return Sample(latents, figures, np.arange(n))


def test_a_detector_finds_what_lies_elsewhere() -> None:
    import torch

    torch.manual_seed(0)
    flow = MAF(4, 2, 16)
    learned = sample(150, 0.0, 0)
    flow.standardise(torch.from_numpy(learned.latents.reshape(-1, 4)))
    found = detector(flow, learned)
    ordinary, strange = found.scores(sample(60, 0.0, 1)), found.scores(sample(60, 4.0, 2))
    for score in (
        "log_prob",
        "turned",
        "knn",
        "isolation",
        "scene",
        "drawing",
        "strangeness",
        "defect",
    ):
        assert auroc(ordinary[score].to_numpy(), strange[score].to_numpy()) > 0.9, score
    assert np.isfinite(found.learned).all(axis=None)


def test_surprise_is_the_share_that_is_stranger_and_grows_past_all() -> None:
    learned = np.arange(100.0)
    found = surprise(np.array([49.5, 89.5, 99.0, 103.0, 107.0, np.nan, np.inf]), learned)
    np.testing.assert_allclose(found[:2], -np.log([0.5, 0.1]))
    # Past all by once and twice the length of the tail of a twentieth (95 to 99).
    np.testing.assert_allclose(found[3:5] + np.log(0.005), np.log([2.0, 3.0]))
    assert found[2] < found[3]
    assert (found[5:] == 0).all()  # a blank image: nothing is known


def test_own_views_are_no_neighbours() -> None:
    learned = sample(40, 0.0, 3)
    found = detector(MAF(4, 1, 8), learned).learned["knn"].to_numpy()
    points = learned.latents[:, :4]
    others = np.linalg.norm(points[7, :, None, None] - learned.latents[None], axis=-1)
    others[:, 7] = np.inf
    wanted = np.sort(others.reshape(4, -1), axis=1)[:, :3].mean()
    assert found[7] == pytest.approx(wanted, rel=1e-4)


def test_part_of_a_sample_by_mask_or_number() -> None:
    every = sample(5, 0.0, 4)
    mask = np.array([False, True, False, True, False])
    for which in (mask, np.array([1, 3])):
        part = every.take(which)
        assert part.rows.tolist() == [1, 3]
        np.testing.assert_array_equal(part.figures, every.figures.to_numpy()[[1, 3]])
        np.testing.assert_array_equal(part.latents, every.latents[[1, 3]])


def test_a_calibrated_flow_passes_its_own_test() -> None:
    import torch

    torch.manual_seed(0)
    flow = MAF(3, 1, 8, last_scale=0.0)
    x = torch.randn(4000, 3)
    figures = flow_scores(flow, x)
    assert figures["ks_rejected"] == 0
    assert figures["bits_per_dimension"] == pytest.approx(figures["normal_bits"], abs=0.01)
    assert flow_scores(flow, 3 * x + 1)["ks_rejected"] == 1


def test_a_standardisation_that_is_unknown() -> None:
    with pytest.raises(TrainError, match="expected pca or scale"):
        MafConfig("x", standardise="zca")
