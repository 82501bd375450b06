"""Predictions of a property: honest folds, intervals that hold, limits that are no values."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.errors import RelationError
from radioviz.relations.prediction import COVERAGE, first_look, predict
from radioviz.relations.question import FOLDS, PropertyQuestion, question


def sample(n: int = 800, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns, and a property of two of them with noise that grows with the first."""
    draw = np.random.default_rng(seed)
    columns = draw.normal(size=(n, 4)).astype(np.float32)
    noise = draw.normal(size=n) * (0.1 + 0.4 / (1 + np.exp(-3 * columns[:, 0])))
    return columns, np.sin(2 * columns[:, 0]) + columns[:, 1] ** 2 / 2 + noise


NAMES = ("a", "b", "c", "d")


def asked(n: int = 800, **options: object) -> PropertyQuestion:
    columns, values = sample(n)
    return question("size", values, NAMES, columns, **options)  # type: ignore[arg-type]


def test_no_galaxy_is_predicted_by_a_model_that_saw_it() -> None:
    """A property of pure chance is not predictable, however many columns there are."""
    draw = np.random.default_rng(1)
    chance = question("size", draw.normal(size=400), [f"c{i}" for i in range(40)],
                      draw.normal(size=(400, 40)))  # fmt: skip
    found = predict(chance)
    assert -0.15 < found.r2 < 0.05
    assert -0.2 < first_look(chance) < 0.1


def test_what_can_be_predicted_is() -> None:
    found = predict(asked(2000))
    columns, values = sample(2000)
    perfect = np.sin(2 * columns[:, 0]) + columns[:, 1] ** 2 / 2
    best = 1 - np.var(values - perfect) / np.var(values)
    assert best - 0.06 < found.r2 <= best + 0.01
    low, high = found.r2_interval()
    assert low < found.r2 < high
    assert high - low < 0.1
    assert found.scatter == pytest.approx(np.std(values - perfect), rel=0.35)


def test_intervals_hold_their_share_everywhere() -> None:
    found = predict(asked(3000))
    assert found.coverage == pytest.approx(COVERAGE, abs=0.02)
    columns, values = sample(3000)
    inside = (values >= found.low) & (values <= found.high)
    for part in (columns[:, 0] < -0.5, columns[:, 0] > 0.5):
        assert inside[part].mean() == pytest.approx(COVERAGE, abs=0.06)
    width = found.high - found.low
    assert width[columns[:, 0] > 1].mean() > 1.7 * width[columns[:, 0] < -1].mean()


def test_limits_are_not_learned_from() -> None:
    columns, values = sample()
    limit = np.arange(len(values)) % 4 == 0
    first = predict(question("size", values, NAMES, columns, limit=limit))
    other = predict(question("size", np.where(limit, 50.0, values), NAMES, columns, limit=limit))
    assert np.array_equal(first.predicted, other.predicted)
    assert np.isnan(first.residual[limit]).all()
    assert other.limits_met == 1.0
    assert np.isnan(predict(asked()).limits_met)


def test_unknown_values_are_predicted_and_not_learned_from() -> None:
    columns, values = sample()
    true = values.copy()
    values[::5] = np.nan
    columns[3, 1] = np.inf
    found = predict(question("size", values, NAMES, columns))
    assert np.isfinite(found.predicted).all()
    assert np.corrcoef(found.predicted[::5], true[::5])[0, 1] > 0.8


def test_one_source_in_two_surveys_does_not_give_itself_away() -> None:
    """Each row twice, with columns that only recognise the source."""
    draw = np.random.default_rng(2)
    columns, values = np.repeat(draw.normal(size=(200, 8)), 2, axis=0), draw.normal(size=200)
    twice, group = np.repeat(values, 2), np.repeat(np.arange(200), 2)
    names = [f"c{i}" for i in range(8)]
    apart = question("size", twice, names, columns)
    together = question("size", twice, names, columns, group=group)
    assert (together.fold[::2] == together.fold[1::2]).all()
    assert np.bincount(together.fold).tolist() == [400 // FOLDS] * FOLDS
    assert predict(together).r2 < 0.1 < predict(apart).r2


def test_a_logarithm_has_residuals_in_dex() -> None:
    columns, values = sample()
    sizes = 10**values
    sizes[0] = -1.0
    found = predict(question("size", sizes, NAMES, columns, log=True))
    assert found.question.log
    assert found.question.known.sum() == len(values) - 1
    assert found.residual[5] == pytest.approx(found.predicted[5] - np.log10(sizes[5]))


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        (np.array(["a", "b"] * 100), NAMES, "size is text, not numbers"),
        (np.full(200, 3.5), NAMES, "size is 3.5 for every galaxy; there is nothing to predict"),
        (np.r_[np.arange(20.0), np.full(180, np.nan)], NAMES, "size is known for 20 of 200"),
        (np.full(200, np.nan), NAMES, "size is known for 0 of 200 galaxies; at least 50"),
        (np.arange(200.0), (), "no column to predict size from"),
        (np.arange(199.0), NAMES, r"size has 199 rows; the 4 columns have shape \(200, 4\)"),
    ],
)
def test_questions_without_an_answer(values: np.ndarray, names: tuple[str, ...], message: str) -> (
    None
):  # fmt: skip
    columns = sample(200)[0][:, : len(names)]
    with pytest.raises(RelationError, match=message):
        question("size", values, names, columns)


@pytest.mark.parametrize("change", [lambda v: v, lambda v: -5 * v + 3, lambda v: np.exp(v)])
def test_a_copy_of_the_property_is_named(change: object) -> None:
    columns, values = sample(300)
    columns[:, 2] = change(values)  # type: ignore[operator]
    with pytest.raises(RelationError, match="the column c is size itself"):
        question("size", values, NAMES, columns)


@pytest.mark.parametrize("log", [False, True])
def test_a_column_that_holds_the_property_in_part_is_named(log: bool) -> None:
    """Such as measured sizes, where those fill in for catalogued ones."""
    columns, values = sample(300)
    sizes = 10**values if log else values
    columns[::3, 2] = sizes[::3]
    with pytest.raises(RelationError, match="the column c equals size for 33% of the galaxies"):
        question("size", sizes, NAMES, columns, log=log)
    few = columns.copy()
    few[10:, 2] = 0.1
    assert question("size", sizes, NAMES, few, log=log).names == NAMES


def test_columns_that_are_hardly_known_are_left_out_and_named() -> None:
    columns, values = sample(300)
    columns[:, 1] = np.nan
    columns[20:, 3] = np.nan
    made = question("size", values, NAMES, columns)
    assert (made.names, made.unused) == (("a", "c"), ("b", "d"))
    assert np.isfinite(predict(made).predicted).all()
    with pytest.raises(RelationError, match="a, b, c, d are unknown for nearly all galaxies"):
        question("size", values, NAMES, np.full_like(columns, np.nan))


def test_the_property_itself_is_no_predictor() -> None:
    columns, values = sample(300)
    with pytest.raises(RelationError, match="the column size is size itself"):
        question("size", values, ("a", "b", "size", "d"), columns)


def test_cancel_ends_the_work() -> None:
    def stop(done: int, total: int, what: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(asked(), stop)


def test_without_columns() -> None:
    fewer = asked().without("a", "c")
    assert fewer.names == ("b", "d")
    assert np.array_equal(fewer.features, asked().features[:, [1, 3]])
    with pytest.raises(RelationError, match="nothing is left"):
        asked().without(*NAMES)
