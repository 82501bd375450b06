"""Figures of classifiers against scikit-learn, the paper's table, the scaling of codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

from train.evaluate.representation.classifiers import (
    CLASSIFIERS,
    METRICS,
    Scaler,
    bootstrap_weights,
    classifier,
    probabilities,
    scores,
)
from train.evaluate.representation.table2 import paper_value, published_values


def two_clouds(n: int = 120, d: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, d)) + 3 * y[:, None] * (np.arange(d) == 0), y


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(8, 80), decimals=st.sampled_from([1, 8]))
def test_scores_are_those_of_scikit_learn(seed: int, n: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    second = rng.random(n).round(decimals)  # with ties
    p = np.stack([1 - second, second], axis=1)
    guess = p.argmax(axis=1)
    expected = [
        accuracy_score(y, guess),
        roc_auc_score(y, second),
        recall_score(y, guess, pos_label=0),
        recall_score(y, guess),
    ]
    assert scores(p, y)[0] == pytest.approx(expected)


def test_weights_count_objects_as_often() -> None:
    rng = np.random.default_rng(0)
    y, p = np.arange(30) % 2, rng.dirichlet([1, 1], 30)
    weights = bootstrap_weights(30, 5)
    assert (weights.sum(axis=1) == 30).all()
    found = scores(p, y, weights)
    for w, row in zip(weights, found, strict=True):
        again = np.repeat(np.arange(30), w)
        assert row == pytest.approx(scores(p[again], y[again])[0])


def test_four_classes_are_means_over_each_against_the_rest() -> None:
    rng = np.random.default_rng(1)
    y, p = np.arange(40) % 4, rng.dirichlet(np.ones(4), 40)
    found = dict(zip(METRICS, scores(p, y)[0], strict=True))
    assert found["auc"] == pytest.approx(roc_auc_score(y, p, multi_class="ovr"))
    assert found["recall"] == pytest.approx(recall_score(y, p.argmax(1), average="macro"))


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_every_classifier_gives_probabilities(name: str, classes: int) -> None:
    x, y = two_clouds()
    y = np.where(x[:, 1] > 1, 2, y) if classes == 3 else y
    p = probabilities(name, 0, x[:60], y[:60], x[60:])
    assert p.shape == (60, classes)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    # knn of 20 among 60 is a blunt one
    assert (p.argmax(axis=1) == y[60:]).mean() > 0.6


def test_the_settings_of_table_1() -> None:
    assert classifier("knn", 0).n_neighbors == 20
    assert classifier("rf", 3).n_estimators == 260
    svc = classifier("svc", 0)
    assert (svc.kernel, svc.gamma, svc.C) == ("rbf", 0.2, 100)
    assert classifier("lr", 0).max_iter == 1000
    assert classifier("grad", 0).n_estimators == 250
    assert (classifier("ext", 7).n_estimators, classifier("ext", 7).random_state) == (400, 7)


@pytest.mark.parametrize("most", [0, 3, 64])
def test_scaled_codes_have_the_variance_that_gamma_is_for(most: int) -> None:
    x = np.random.default_rng(0).normal(size=(50, 8)) * np.arange(1, 9) + 100
    scaler = Scaler(most).fit(x)
    z = scaler(x)
    assert z.shape == (50, 3 if most == 3 else 8)
    assert z.var(axis=0).sum() == pytest.approx(5.0, rel=1e-4)
    assert z.mean(axis=0) == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(scaler(x[:4]), z[:4], rtol=1e-5)


def test_the_table_of_the_paper() -> None:
    assert len(published_values()) == 2 * 4 * 6 * 4
    assert paper_value("mbc", "vdvae", "ext", "accuracy") == 0.82
    assert paper_value("mbc", "simsiam", "ext", "recall") == 0.84
    assert paper_value("frdeep-nvss", "byol", "svc", "auc") == 0.88
    assert paper_value("frdeep-nvss", "simclr", "lr", "specificity") == 0.77
    assert np.isnan(paper_value("mbc", "log-polar", "ext", "accuracy"))
