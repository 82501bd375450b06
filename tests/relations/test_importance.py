"""Which columns matter: those that were made to."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.errors import RelationError
from radioviz.relations.formula import formula
from radioviz.relations.importance import importances, without_groups
from radioviz.relations.question import PropertyQuestion, question

NAMES = ("a", "b", "twin", "noise")


def asked(n: int = 600, log: bool = False) -> PropertyQuestion:
    """Mostly of ``a``, less of ``b``, which has a twin; nothing of ``noise``."""
    draw = np.random.default_rng(0)
    columns = draw.normal(size=(n, 4))
    columns[:, 2] = columns[:, 1] + 0.01 * draw.normal(size=n)
    values = 2 * columns[:, 0] + columns[:, 1] + 0.1 * draw.normal(size=n)
    return question("size", 10**values if log else values, NAMES, columns, log=log)


def test_the_order_of_importance() -> None:
    found = importances(asked())
    by = {one.name: one for one in found}
    assert found[0].name == "a"
    assert found[-1].name == "noise"
    # Shuffling a column of independent values costs twice its share of the variance.
    assert by["a"].permutation == pytest.approx(2 * 4 / 5.01, rel=0.2)
    assert abs(by["noise"].permutation) < 0.01
    assert sum(one.gain for one in found) == pytest.approx(1.0)
    assert by["a"].gain == pytest.approx(0.8, abs=0.08)
    assert 0 < by["a"].permutation_spread < 0.5


def test_columns_that_repeat_each_other_stand_in() -> None:
    groups = {"a": ["a"], "b": ["b"], "b and its twin": ["b", "twin"], "noise": ["noise"]}
    found = {one.name: one for one in without_groups(asked(), groups)}
    assert found["a"].loss == pytest.approx(0.8, abs=0.12)
    assert found["b and its twin"].loss == pytest.approx(0.2, abs=0.06)
    assert found["b"].loss < 0.02
    assert found["noise"].low < 0.003
    for one in found.values():
        assert one.low <= one.loss <= one.high


def test_progress_reaches_its_end() -> None:
    seen: list[tuple[int, int, str]] = []
    importances(asked(200), lambda *step: seen.append(step))
    assert all(done < total for done, total, _ in seen)
    assert seen[0][2] == "shuffling a, fold 1 of 5"


def test_a_formula_finds_the_polynomial_it_came_from() -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(loc=(5.0, -2.0), scale=(2.0, 0.5), size=(500, 2))
    u, v = ((x - x.mean(axis=0)) / x.std(axis=0)).T
    values = 1.5 + 0.8 * u - 0.6 * u * v + 0.3 * v**2
    found = formula(question("size", values, ("x", "y"), x), ("x", "y"))
    assert found.r2 > 0.9999
    terms = {powers: c for powers, c in found.terms if abs(c) > 0.01}
    assert terms == pytest.approx({(0, 0): 1.5, (1, 0): 0.8, (1, 1): -0.6, (0, 2): 0.3}, abs=0.01)
    assert found(x[:5]) == pytest.approx(values[:5], abs=0.01)
    assert str(found).startswith("size = 1.5")


def test_a_formula_of_chance_promises_nothing() -> None:
    draw = np.random.default_rng(4)
    pure = question("size", draw.normal(size=300), ("x", "y"), draw.normal(size=(300, 2)))
    assert formula(pure, ("x", "y")).r2 < 0.03


def test_a_formula_of_a_logarithm_says_so() -> None:
    assert str(formula(asked(log=True), ("a", "b"))).startswith("log10(size) = ")


@pytest.mark.parametrize(
    ("columns", "degree"), [((), 2), (NAMES, 2), (("a", "other"), 2), (("a",), 0), (("a",), 5)]
)
def test_formulas_that_are_not_possible(columns: tuple[str, ...], degree: int) -> None:
    with pytest.raises(RelationError, match="a formula takes one to three of the columns"):
        formula(asked(100), columns, degree)


def test_a_formula_needs_enough_galaxies() -> None:
    few = asked(60)
    with pytest.raises(RelationError, match="60 galaxies have size and all of a, b, noise; 100"):
        formula(few, ("a", "b", "noise"))
