"""A slider changes its own clause of a filter and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.workspace.clauses import clause_of, with_range, with_words, without
from radioviz.workspace.evaluation import matching_rows
from radioviz.workspace.table_columns import TableColumns


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
    values = np.array([20.0, 80.0, 90.0, np.nan])
    assert with_range(before, "las", 20, 80, values) == after
    if clause_of(after, "las"):
        assert with_range(after, "las", 20, 80, values) == after


@pytest.mark.parametrize(
    ("values", "low", "high", "text"),
    [
        ([2459000.5, 2459004.5, 2459010.5], 2459000.5, 2459004.5, "2.459e+06 and 2459004.5"),
        ([1.0, 1.2345643e27, 1.2346e27], 0.0, 1.2345643e27, "0 and 1.2345643e+27"),
        ([-0.12345678, 0.5], -0.12345678, 0.123456789, "-0.123457 and 0.123457"),
        ([0.1 + 0.2, 0.3], 0.1 + 0.2, 1.0, "0.30000000000000004 and 1"),
        ([20.0, 80.0], 12.3456789, 70.0, "12.3457 and 70"),
        (np.array([30.1, 30.2], np.float32), float(np.float32(30.1)), 30.15, "30.1 and 30.15"),
    ],
)
def test_a_range_has_the_digits_that_keep_its_galaxies(
    values: list[float], low: float, high: float, text: str
) -> None:
    column = np.asarray(values)
    made = with_range("", "x", low, high, column)
    assert made == f"x between {text}"
    kept = matching_rows(made, TableColumns(pd.DataFrame({"x": column})))
    assert kept.tolist() == ((column >= low) & (column <= high)).tolist()


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
