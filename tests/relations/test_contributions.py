"""Contributions add up to the prediction, missing values included, and follow what made it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from radioviz.errors import RelationError
from radioviz.relations.contributions import MOST, contributions
from radioviz.relations.prediction import point_model
from radioviz.relations.question import FOLDS, PropertyQuestion, question


def asked(n: int = 600) -> PropertyQuestion:
    draw = np.random.default_rng(2)
    x = draw.normal(size=(n, 4)).astype(np.float32)
    x[draw.random((n, 4)) < 0.15] = np.nan
    values = 3 * np.nan_to_num(x[:, 0], nan=1.0) - np.nan_to_num(x[:, 1]) + draw.normal(0, 0.2, n)
    return question("size", values, ("a", "b", "noise", "more"), x)


def test_they_add_up_to_the_prediction_of_a_galaxy_that_was_not_learned_from() -> None:
    made = asked()
    seen: list[tuple[int, int, str]] = []
    found = contributions(made, lambda *step: seen.append(step))
    assert len(found.rows) == 600 and sorted(found.rows) == list(range(600))
    assert np.isnan(made.features[found.rows]).any()
    for k in range(FOLDS):
        fold = made.fold[found.rows] == k
        model = point_model(made.features[made.fold != k], made.target[made.fold != k])
        wanted = model.predict(made.features[found.rows[fold]])
        total = found.values[fold].sum(axis=1) + found.base[fold]
        np.testing.assert_allclose(total, wanted, atol=1e-6)
    sizes = dict(zip(found.names, found.sizes, strict=True))
    assert sizes["a"] > 2 * sizes["b"] > 4 * max(sizes["noise"], sizes["more"])
    # A missing value counts as what the trees learned of it: a is 1 where it is unknown.
    column = found.values[:, 0]
    unknown = np.isnan(made.features[found.rows, 0])
    assert column[unknown].mean() == pytest.approx(3.0, abs=0.8)
    assert seen[-1][0] < seen[-1][1]


def test_of_many_galaxies_some_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    from radioviz.relations import contributions as module

    monkeypatch.setattr(module, "MOST", 30)
    found = contributions(asked())
    assert len(found.rows) == 30 * FOLDS < MOST and len(np.unique(found.rows)) == 150


def test_it_can_be_cancelled_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int, total: int, what: str) -> None:
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        contributions(asked(), stop)
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(RelationError, match=r"need the package shap.*pip install shap"):
        contributions(asked())
