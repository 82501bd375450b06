"""Whitening, dihedral views, neighbourhoods, and what unrelated galaxies score under them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.atlas.atlas import Atlas
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import SimilarityError
from radioviz.similarity import (
    LatentIndex,
    NullDistribution,
    Query,
    Whitening,
    dihedral_views,
    scores,
)
from radioviz.similarity.neighbourhood import FLOW, POWER, Neighbourhood
from tests.similarity.indexes import index_of


def test_whitened_latents_have_the_covariance_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 4)) * [10.0, 3.0, 1.0, 0.1] + [5.0, 0.0, -2.0, 1.0]
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    for power in (0.0, 0.5, 1.0):
        y = Whitening.of(x @ turn, power=power)((x @ turn).astype(np.float32))
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=2e-3)
        spread = np.sort(y.std(axis=0))[::-1]
        expected = np.array([10.0, 3.0, 1.0, 0.1]) ** (1 - power)
        np.testing.assert_allclose(spread, expected, rtol=0.05)
        off = np.corrcoef(y.T) - np.eye(4)
        assert np.abs(off).max() < 0.01


def test_whitening_drops_axes_without_variance_and_keeps_as_many_as_asked() -> None:
    x = np.random.default_rng(0).normal(size=(100, 3)) @ np.ones((3, 6))  # rank 1 of 6
    assert Whitening.of(x).matrix.shape == (6, 1)
    y = np.random.default_rng(0).normal(size=(100, 6))
    assert Whitening.of(y, components=4).matrix.shape == (6, 4)


def test_an_unusable_latent_stays_unusable() -> None:
    x = np.random.default_rng(0).normal(3, 1, size=(20, 5)).astype(np.float32)
    x[4] = 0.0
    index = index_of(x)
    white = Whitening.of(x).index(index)
    assert np.flatnonzero(white.inverse_norms == 0).tolist() == [4]
    assert white.source_ids is index.source_ids
    assert np.isneginf(scores(white, Query(white.latents[:1]))[4])


def test_whitening_refuses_what_has_no_meaning() -> None:
    x = np.random.default_rng(0).normal(size=(20, 5))
    for bad, message in (
        ({"power": 2.0}, "power 2.0"),
        ({"components": 0}, "onto 0 axes"),
    ):
        with pytest.raises(SimilarityError, match=message):
            Whitening.of(x, **bad)  # type: ignore[arg-type]
    with pytest.raises(SimilarityError, match="1 usable latents"):
        Whitening.of(np.array([[1.0, 2.0], [np.nan, 0.0]]))
    with pytest.raises(SimilarityError, match="of 3 dimensions under a whitening of 5"):
        Whitening.of(x)(np.zeros((2, 3)))
    with pytest.raises(SimilarityError, match="expected \\(n, d\\)"):
        Whitening.of(np.zeros(5))


def test_dihedral_views_are_the_eight_symmetries_of_the_square() -> None:
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    views = dihedral_views(image)[0]
    assert views.shape == (8, 4, 4)
    np.testing.assert_array_equal(views[0], image[0])
    assert len({v.tobytes() for v in views}) == 8
    # Views of any view are the same eight.
    again = dihedral_views(views[5][None])[0]
    assert {v.tobytes() for v in again} == {v.tobytes() for v in views}


def test_null_of_views_is_that_of_the_best_view() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 5)).astype(np.float32)
    index = index_of(x)
    rows = np.arange(40)
    views = rng.normal(size=(40, 8, 5)).astype(np.float32)
    views[:, 0] = x[rows]
    null = NullDistribution.of_views(index, rows, views, trials=100_000)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    turned = views / np.linalg.norm(views, axis=2, keepdims=True)
    best = np.stack([(turned[i] @ unit.T).max(axis=0) for i in range(40)])
    best = best[np.arange(40)[:, None] != np.arange(300)[None]]
    for score in (0.2, 0.5, 0.8):
        assert null.chance(score) == pytest.approx((best >= score).mean(), abs=0.01)
    plain = NullDistribution.of(index)
    assert null.chance(0.5) > plain.chance(0.5)


def test_null_of_views_refuses_what_does_not_fit() -> None:
    index = index_of(np.random.default_rng(0).normal(size=(10, 4)))
    with pytest.raises(SimilarityError, match=r"expected \(3, r, 4\)"):
        NullDistribution.of_views(index, np.arange(3), np.ones((3, 8, 5)))
    with pytest.raises(SimilarityError, match="0 galaxies of 'a' with usable views"):
        NullDistribution.of_views(index, np.arange(2), np.zeros((2, 8, 4)))


def test_best_matches_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    x[10] = x[11]  # a repeat of one source is no match
    same_as = np.full(60, "", dtype=object)
    same_as[11] = "a10"
    index = index_of(x, same_as=same_as)
    null = NullDistribution.of_best_matches(index)
    cosines = (x @ x.T) / np.linalg.norm(x, axis=1) / np.linalg.norm(x, axis=1)[:, None]
    cosines[np.arange(60), np.arange(60)] = cosines[10, 11] = cosines[11, 10] = -1
    best = cosines.max(axis=1)
    assert null.trials == 60
    for level in (0.1, 0.5, 0.9):
        got = np.interp(level, null.levels, null.quantiles)
        assert got == pytest.approx(np.quantile(best, level), abs=1e-5)


def test_density_adds_up() -> None:
    null = NullDistribution.of(index_of(np.random.default_rng(0).normal(size=(50, 4))))
    edges = np.linspace(-1.01, 1.01, 41)
    assert null.density(edges).sum() == pytest.approx(1.0)
    assert (null.density(edges) >= 0).all()
    constant = NullDistribution("a", "", np.array([0.0, 1.0]), np.array([0.5, 0.5]), 10)
    assert constant.density(edges).sum() > 0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(8, 40), k=st.integers(1, 6))
def test_the_walk_is_the_closed_form(seed: int, n: int, k: int) -> None:
    """f = (1 - a) (I - a S)^-1 y, dense, with a loop over pairs."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    graph = Neighbourhood.of(x, k)
    cosines = x @ x.T
    nearest = [
        sorted((j for j in range(n) if j != i), key=lambda j: -cosines[i, j])[:k] for i in range(n)
    ]
    w = np.zeros((n, n))
    for i in range(n):
        for j in nearest[i]:
            if i in nearest[j]:
                w[i, j] = max(cosines[i, j], 0) ** POWER
    degree = w.sum(axis=1)
    scale = 1 / np.sqrt(np.where(degree > 0, degree, 1))
    s = w * scale[:, None] * scale[None]
    np.testing.assert_allclose(graph.graph.toarray(), s, atol=1e-5)
    query = rng.normal(size=4)
    asked = (x @ (query / np.linalg.norm(query)))[None].astype(np.float32)
    start = np.zeros(n)
    top = np.argsort(-asked[0])[:k]
    start[top] = np.clip(asked[0, top], 0, None) ** POWER
    exact = (1 - FLOW) * np.linalg.solve(np.eye(n) - FLOW * s, start)
    np.testing.assert_allclose(graph.diffuse(asked)[0], exact + 1e-4 * asked[0], atol=3e-3)


def test_neighbourhoods_larger_than_the_data_set_are_refused() -> None:
    with pytest.raises(SimilarityError, match="neighbourhood of 5 in a data set of 5"):
        Neighbourhood.of(np.eye(5, dtype=np.float32), 5)


def test_sources_recognised_by_their_image_have_a_place(tmp_path: Path) -> None:
    """FR-DEEP has no positions; those that were matched are left out of results all the same."""
    ids = ["x-1", "x-2"]
    table = complete_columns(pd.DataFrame({"source_id": ids}))
    table = table.assign(matched_ra=[150.0, np.nan], matched_dec=[30.0, np.nan])
    catalogue = Catalogue(SurveyInfo("x", "X", 1.8), table, np.zeros((2, 4, 4), np.uint8))
    latents = np.eye(2, dtype=np.float32)
    atlas = Atlas("x", "m", np.array(ids, dtype=object), latents, {}, {}, tmp_path)
    np.testing.assert_array_equal(LatentIndex.of(catalogue, atlas).ra, [150.0, np.nan])


def test_class_axes_part_what_labels_part() -> None:
    """Two classes that differ along a faint axis: plain cosines miss it, class axes show it."""
    rng = np.random.default_rng(0)
    n = 400
    labels = np.array(["FRI", "FRII"] * (n // 2), dtype=object)
    x = rng.normal(size=(n, 5)) * [10, 5, 5, 1, 1]
    x[:, 4] += np.where(labels == "FRI", 3.0, -3.0)
    axes = Whitening.of_classes(x, np.where(np.arange(n) < 200, labels, ""))
    assert axes.matrix.shape == (5, 1)
    y = axes(x)[200:, 0]
    assert (np.sign(y) == np.sign(y[0])).mean() == pytest.approx(0.5, abs=0.1)
    assert ((y > 0) == (labels[200:] == "FRI")).mean() in (
        pytest.approx(0.0, abs=0.02),
        pytest.approx(1.0, abs=0.02),
    )
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.02).fit(x[:200], labels[:200])
    assert abs(np.corrcoef(lda.transform(x[200:])[:, 0], y)[0, 1]) > 0.99


def test_class_axes_need_classes() -> None:
    x = np.random.default_rng(0).normal(size=(10, 3))
    one = np.array(["FRI"] * 9 + ["FRII"], dtype=object)
    with pytest.raises(SimilarityError, match="1 classes with two or more"):
        Whitening.of_classes(x, one)
    with pytest.raises(SimilarityError, match="a shrinkage of 0"):
        Whitening.of_classes(x, one, shrinkage=0)
