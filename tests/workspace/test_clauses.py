"""A slider changes its own clause of a filter and nothing else."""

from __future__ import annotations

import pytest

from radioviz.workspace.clauses import clause_of, with_range, with_words, without


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "las between 20 and 80"),
        ('label == "FRI"', 'label == "FRI" and las between 20 and 80'),
        ("las between 1 and 2", "las between 20 and 80"),
        ("z < 1 and las between -1 and 2 and not (x > 3)",
         "z < 1 and las between 20 and 80 and not (x > 3)"),
        ("z < 1 or x > 2", "(z < 1 or x > 2) and las between 20 and 80"),
        ("las not between 1 and 2", "las not between 1 and 2 and las between 20 and 80"),
        ("las > ", "(las >) and las between 20 and 80"),
    ],
)  # fmt: skip
def test_a_range_replaces_the_one_before(before: str, after: str) -> None:
    assert with_range(before, "las", 20, 80) == after
    if clause_of(after, "las"):
        assert with_range(after, "las", 20, 80) == after


@pytest.mark.parametrize("brightest", [1.2345643e27, 241.1344, -0.12345678, 20.0])
def test_the_ends_of_a_range_are_in_it(brightest: float) -> None:
    found = clause_of(with_range("", "luminosity", brightest - 7e-5, brightest), "luminosity")
    assert found is not None
    assert found.low is not None and found.high is not None
    assert found.low <= brightest - 7e-5 <= brightest <= found.high
    assert found.high == pytest.approx(brightest, rel=1e-5)


def test_words() -> None:
    text = with_words("", "my label", ["FRI", 'say "x"'])
    assert text == '`my label` in ("FRI", "say \\"x\\"")'
    found = clause_of(text, "my label")
    assert found is not None
    assert found.words == ("FRI", 'say "x"')
    assert (
        with_words(text + " and z < 1", "my label", ["Bent"]) == '`my label` in ("Bent") and z < 1'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("las between 1 and 2", ""),
        ("z < 1 and las between 1 and 2", "z < 1"),
        ("las between 1 and 2 and z < 1", "z < 1"),
        ("z < 1 and las between 1 and 2 AND x > 3", "z < 1 and x > 3"),
        ("z < 1", "z < 1"),
    ],
)
def test_a_clause_is_removed(before: str, after: str) -> None:
    assert without(before, "las") == after
