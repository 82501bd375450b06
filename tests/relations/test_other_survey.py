"""A prediction applied to another survey: values, shift, and what is said of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.api.property_prediction import predict_property
from radioviz.errors import RelationError
from radioviz.relations.other_survey import UNLIKE, apply_to, survey_shift
from radioviz.relations.question import question

DRAW = np.random.default_rng(4)


def survey(n: int, offset: float = 0.0, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    columns = DRAW.normal(offset, 1, (n, 3)).astype(np.float32)
    return columns, 2 * columns[:, 0] + np.sin(columns[:, 1]) + DRAW.normal(0, noise, n)


def test_a_survey_alike_is_predicted_with_intervals_that_hold() -> None:
    columns, values = survey(1500)
    asked = question("size", values, ("a", "b", "c"), columns)
    others, truth = survey(1200)
    found = apply_to(asked, others)
    residual = found.predicted - truth
    assert 1 - residual.var() / truth.var() > 0.95
    inside = (truth >= found.low) & (truth <= found.high)
    assert 0.86 < inside.mean() < 0.95
    assert found.shift == pytest.approx(0.5, abs=0.05)


def test_a_survey_unlike_is_seen() -> None:
    columns, values = survey(1500)
    asked = question("size", values, ("a", "b", "c"), columns)
    others, _ = survey(800, offset=1.5)
    assert survey_shift(asked, others) > max(UNLIKE, 0.9)
    # Values that one survey alone lacks give it away as well.
    lacking = survey(800)[0]
    lacking[:, 2] = np.nan
    assert survey_shift(asked, lacking) > 0.95


def test_the_table_is_in_the_units_of_the_property() -> None:
    columns, values = survey(600)
    here = pd.DataFrame(columns, columns=["a", "b", "c"]).assign(
        source_id=[f"x{i}" for i in range(600)], data_set="x", size=10**values
    )
    others, truth = survey(300)
    there = pd.DataFrame(others, columns=["a", "b", "c"]).assign(
        source_id=[f"y{i}" for i in range(300)], data_set="y", size=10**truth
    )
    ask = {"columns": ["a", "b", "c"], "log": True}
    table = predict_property(here, "size", others=there, **ask)
    assert table["source_id"].tolist() == there["source_id"].tolist()
    assert np.median(np.abs(np.log10(table["predicted"]) - truth)) < 0.3
    assert table.attrs["r2"] > 0.9 and table.attrs["shift"] < 0.6
    assert (table["fold"] == -1).all()
    unknown = predict_property(here, "size", others=there.drop(columns="size"), **ask)
    assert np.isnan(unknown.attrs["r2"]) and unknown["size"].isna().all()
    np.testing.assert_array_equal(unknown["predicted"], table["predicted"])
    with pytest.raises(RelationError, match="have no column 'c'"):
        predict_property(here, "size", others=there.drop(columns="c"), **ask)
