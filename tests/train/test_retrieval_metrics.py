"""Figures of a search against counting by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from train.evaluate import retrieval_metrics


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(3, 60))
def test_average_precision_is_that_of_scikit_learn(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permutation(n).astype(float)[None]  # no ties, which sklearn treats as one
    relevant = rng.random((1, n)) < 0.4
    allowed = rng.random((1, n)) < 0.8
    if not (relevant & allowed).any():
        return
    order = retrieval_metrics.ranking(scores, allowed)
    ours = retrieval_metrics.average_precision(order, relevant, allowed)[0]
    theirs = average_precision_score(relevant[allowed], scores[allowed])
    assert ours == pytest.approx(theirs)


def test_a_query_without_anything_relevant_has_no_average_precision() -> None:
    allowed = np.ones((1, 4), bool)
    order = retrieval_metrics.ranking(np.zeros((1, 4)), allowed)
    assert np.isnan(retrieval_metrics.average_precision(order, np.zeros((1, 4), bool), allowed))[0]


def test_precision_counts_the_first_results() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.1]])
    relevant = np.array([[True, False, True, True]])
    allowed = np.array([[False, True, True, True]])
    order = retrieval_metrics.ranking(scores, allowed)
    assert list(order[0]) == [1, 2, 3, 0]
    assert retrieval_metrics.precision(order, relevant, 2)[0] == 0.5


def test_sizes_agree_within_a_fifth_of_the_query() -> None:
    found = retrieval_metrics.similar_size(
        np.array([50.0, np.nan]), np.array([40.0, 39.9, 60.0, 60.1, np.nan])
    )
    assert found.tolist() == [[True, False, True, False, False], [False] * 5]


def test_inclination_is_one_along_and_minus_one_across() -> None:
    order = np.array([[0, 1, 2, 3]])
    database = np.array([10.0, 190.0, 100.0, np.nan])
    query = np.array([10.0])
    assert retrieval_metrics.inclination(order, query, database, 2)[0] == pytest.approx(1.0)
    assert retrieval_metrics.inclination(order, query, database, 4)[0] == pytest.approx(1 / 3)
    assert retrieval_metrics.inclination(order, query, database[[2, 2, 2, 2]], 4)[
        0
    ] == pytest.approx(-1.0)
    assert np.isnan(retrieval_metrics.inclination(order, np.array([np.nan]), database, 4)[0])


def test_the_task_never_shows_the_query_or_a_repeat_of_it(cache_folder_of_the_run: object) -> None:
    from radioviz.sky import separation_arcsec
    from train.evaluate.evaluation_set import measured_catalogue
    from train.evaluate.retrieval_tasks import task
    from train.evaluate.similarity import PLAIN, RANDOM, measure, similarity_scores

    job = task("first4", "valid")
    first = measured_catalogue("first").table
    assert not job.allowed[np.arange(len(job.rows)), job.rows].any()
    ra, dec = first["ra"].to_numpy(), first["dec"].to_numpy()
    for i, row in enumerate(job.rows[:20]):
        apart = separation_arcsec(ra[row], dec[row], ra, dec)
        assert not job.allowed[i][apart < 10.0].any()
    random = measure(job, similarity_scores(RANDOM, job, PLAIN))
    share = job.relevant.mean()
    assert random["precision10"].mean() == pytest.approx(share, abs=0.05)
    held_out = task("first4-heldout", "valid")
    inside = (first["split"] == "valid").to_numpy()
    assert not held_out.allowed[:, ~inside].any()
