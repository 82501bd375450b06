"""Marks re-rank the rest."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.errors import LikelihoodError
from radioviz.models.registry import ModelList, list_models
from radioviz.outliers.marking import PRIOR, WEIGHT, MarkSpace, space_encoders, stack_latents


def clusters(n: int = 3000, rare: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Latents of ordinary galaxies and of a rare kind, and which is which."""
    rng = np.random.default_rng(seed)
    latents = rng.standard_normal((n, 8)).astype(np.float32)
    kind = np.zeros(n, bool)
    kind[rng.choice(n, rare, replace=False)] = True
    latents[kind] = 0.4 * latents[kind] + np.array([2.0, -1.5, 1.0, 0, 0, 0, 0, 0], np.float32)
    return latents, kind


def test_without_marks_the_list_stays_as_it_was() -> None:
    latents, _ = clusters(200, 10)
    strange = np.random.default_rng(1).random(200)
    found = MarkSpace.of(latents, strange).rerank([], [])
    assert np.array_equal(found.rank, strange)
    assert (found.sigma == PRIOR).all()


def test_marks_bring_up_what_is_like_the_interesting_ones() -> None:
    latents, kind = clusters()
    strange = np.random.default_rng(1).random(len(latents))  # a score that knows nothing
    marked = np.concatenate([np.flatnonzero(kind)[:15], np.flatnonzero(~kind)[:35]])
    found = MarkSpace.of(latents, strange).rerank(marked, np.where(kind[marked], 5, 0))
    rest = [i for i in found.order() if i not in set(marked)]
    assert kind[rest[:40]].sum() > 20
    before = [i for i in np.argsort(-strange) if i not in set(marked)]
    assert kind[before[:40]].sum() < 5


def test_far_from_every_mark_the_strangeness_orders() -> None:
    latents = np.random.default_rng(0).standard_normal((1003, 3)).astype(np.float32)
    latents[1000:] = 10 * np.eye(3)
    strange = np.where(np.arange(1003) < 1000, 0.5, 0.9)
    marked = np.arange(60)
    found = MarkSpace.of(latents, strange).rerank(marked, np.zeros(60))
    known = 1 - (found.sigma / PRIOR) ** 2  # 0 where no mark is near, 1 at a mark
    assert known[1000:].max() < 0.01
    assert known[:1000].mean() > 0.3
    assert found.rank[1000:] == pytest.approx(WEIGHT * strange[1000:] / (1 + WEIGHT), abs=0.02)
    assert found.sigma[marked].max() < found.sigma[1000:].min()
    assert set(found.order()[:3]) == {1000, 1001, 1002}


def test_galaxies_are_compared_by_a_decoder_and_a_pure_encoder() -> None:
    assert space_encoders(list_models()) == ["vae32", "survey-simclr"]
    assert space_encoders(ModelList({}, {})) == []


def test_encoders_side_by_side_weigh_the_same() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.standard_normal((50, 3)) * 0.01 + 7, rng.standard_normal((50, 5)) * 1000
    both = stack_latents([small, large])
    assert both.shape == (50, 8)
    for part in (both[:, :3], both[:, 3:]):
        assert np.linalg.norm(part, axis=1).mean() == pytest.approx(1, rel=1e-3)
    assert np.isfinite(stack_latents([np.ones((4, 2))])).all()
    with pytest.raises(LikelihoodError, match="same galaxies"):
        stack_latents([small, large[:10]])
    with pytest.raises(LikelihoodError, match="no galaxies"):
        stack_latents([])


def test_a_marked_galaxy_gets_about_its_mark() -> None:
    latents, _ = clusters(400, 20)
    marks = np.array([5.0, 0, 3, 1])
    found = MarkSpace.of(latents, np.full(400, 0.5)).rerank([3, 40, 77, 200], marks)
    assert found.mark[[3, 40, 77, 200]] == pytest.approx(marks, abs=0.6)


def test_blocks_and_numbers_agree_with_the_regressor(monkeypatch: pytest.MonkeyPatch) -> None:
    latents, kind = clusters(900, 60)
    space = MarkSpace.of(latents, np.full(900, 0.5))
    rows = np.arange(30)
    marks = np.where(kind[:30], 5.0, 1.0)
    monkeypatch.setattr("radioviz.outliers.marking._BLOCK", 128)
    found = space.rerank(rows, marks)
    process = space._fitted(rows, marks)
    mean, sigma = process.predict(space.points, return_std=True)
    assert found.mark == pytest.approx(np.clip(mean, 0, 5), abs=2e-3)
    assert found.sigma == pytest.approx(sigma, abs=5e-3)


def test_latents_all_the_same_and_unknown_values() -> None:
    found = MarkSpace.of(np.ones((5, 4), np.float32), np.full(5, np.nan)).rerank([0], [5])
    assert np.isfinite(found.rank).all()


@pytest.mark.parametrize(
    ("rows", "marks", "message"),
    [
        ([1], [6], "a mark of 6 to 6; expected 0 to 5"),
        ([1], [float("nan")], "expected 0 to 5"),
        ([900], [1], "a mark of row 900; the list has 100"),
        ([1, 1], [1, 2], "marked twice"),
        ([1, 2], [1], "expected one mark for each row"),
        (list(range(100)) * 11, [1] * 1100, "1100 marks; re-ranking uses at most 1000"),
    ],
)
def test_marks_that_make_no_sense(rows: list[int], marks: list[float], message: str) -> None:
    space = MarkSpace.of(np.random.default_rng(0).standard_normal((100, 3)), np.zeros(100))
    with pytest.raises(LikelihoodError, match=message):
        space.rerank(rows, marks)


def test_a_space_needs_galaxies() -> None:
    with pytest.raises(LikelihoodError, match="expected as many"):
        MarkSpace.of(np.zeros((3, 2)), np.zeros(4))
