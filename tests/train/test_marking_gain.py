"""What marks find: a simulated reader, and scores of MGCLS that teach the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.words.examples import ExampleSpace
from train.evaluate import marking_gain
from train.evaluate.marking_gain import MARKS, mgcls_unmarked, session
from train.metrics.calibration import reliability
from train.words.tag_heads import best_strength

N = 1200


def galaxies(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Latents of which a tenth lies apart, and which those are."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, 16)).astype(np.float32)
    good = rng.random(N) < 0.1
    z[good, :3] += 2.5
    return z, good


def test_a_reader_finds_what_the_first_marks_have_in_common() -> None:
    z, good = galaxies()
    plain = np.random.default_rng(1).permutation(N)  # a score that knows nothing
    order, marked = session(ExampleSpace.of(z, {}), plain, good)
    assert len(marked) == MARKS and sorted(order.tolist()) == list(range(N))
    assert good[order[:60]].mean() > 0.8 > 0.2 > good[plain[:60]].mean()
    ends = [int(i) for i in order if int(i) in marked]
    assert (np.diff(good[ends].astype(int)) <= 0).all()  # interesting ones first, boring ones last


def test_scores_of_some_rank_those_that_were_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    z, good = galaxies()
    table = complete_columns(pd.DataFrame({"source_id": [f"m{i}" for i in range(N)]}))
    table["author_ML_score"] = np.where(np.arange(N) < 300, np.where(good, 4.0, 3.0), np.nan)
    judged = np.where(good, 5.0, 2.0)
    table["evaluation_subset_author_ML_score"] = np.where(np.arange(N) >= 250, judged, np.nan)
    table["original_image"] = [f"field {i % 30}" for i in range(N)]
    info = SurveyInfo("mgcls", "MGCLS", pixel_scale=1.2, beam=8.0)
    catalogue = Catalogue(info, table, np.zeros((N, 2, 2), np.uint8))
    monkeypatch.setattr(marking_gain.morphology, "complete", lambda given: given)
    found, n = mgcls_unmarked(catalogue, z, 4, "test")
    assert n == N - 300  # those of the 300 that are judged, too, do not count
    assert found > 0.85 * min(good[300:].sum(), 100)
    share, n = mgcls_unmarked(catalogue, z, 4, "valid")
    assert n == 300 and share > 0.6
    assert mgcls_unmarked(catalogue, np.zeros_like(z), 4, "test")[0] < 0.3 * good[300:].sum()


def test_reliability_is_the_mean_gap_of_equal_bins() -> None:
    p = np.repeat([0.1, 0.9], 100)
    applies = np.concatenate([np.arange(100) < 30, np.arange(100) < 80])
    assert reliability(p, applies, 2) == pytest.approx((0.2 + 0.1) / 2)
    drawn = np.random.default_rng(0).random(20_000)
    assert reliability(drawn, np.random.default_rng(1).random(20_000) < drawn) < 0.02


def test_strength_of_regularisation_is_that_which_ranks_best() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal((160, 40)), np.zeros((160, 19))], axis=1)
    words = pd.DataFrame({"signal": x[:, 0] + 0.3 * rng.standard_normal(160) > 0.4})
    words["rare"] = np.arange(160) < 3  # too few to count
    assert best_strength(x, words, np.arange(160)) == 3.0
