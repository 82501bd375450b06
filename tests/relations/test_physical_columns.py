"""Sizes and luminosities as columns of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.relations.cosmology import linear_size, luminosity
from radioviz.relations.physical_columns import PHYSICAL, physical_columns


def table(**changes: object) -> pd.DataFrame:
    values = {
        "redshift": [0.1, np.nan, 0.0, -1.0, 1.2],
        "las": [30.0, 40.0, 50.0, 60.0, 2.0],
        "las_limit": [False, False, False, False, True],
        "flux": [12.0, 5.0, 7.0, 8.0, np.nan],
        "frequency": [1.4, 1.4, 1.4, 0.144, 0.144],
    }
    return pd.DataFrame(values | changes)


def test_rows_without_a_redshift_have_none() -> None:
    found = physical_columns(table())
    assert found is not None
    assert np.isfinite(found["linear_size"]).tolist() == [True, False, False, False, True]
    assert np.isfinite(found["luminosity"]).tolist() == [True, False, False, False, False]
    assert found["linear_size"][0] == linear_size(np.array([30.0]), np.array([0.1]))[0]
    assert found["luminosity"][0] == luminosity(np.array([12.0]), np.array([0.1]), 1.4)[0]
    assert set(PHYSICAL) <= set(found)


def test_the_size_of_an_unresolved_source_is_a_limit() -> None:
    found = physical_columns(table())
    assert found is not None
    assert found["linear_size_limit"].tolist() == [False, False, False, False, True]


def test_each_source_has_its_own_frequency() -> None:
    found = physical_columns(table(redshift=[0.1] * 5, flux=[10.0] * 5))
    assert found is not None
    ratio = found["luminosity"][4] / found["luminosity"][0]
    assert ratio == pytest.approx((0.144 / 1.4) ** 0.7)


@pytest.mark.parametrize("redshift", [np.nan, 0.0, -0.5])
def test_a_survey_without_redshifts_has_no_such_columns(redshift: float) -> None:
    assert physical_columns(table(redshift=redshift)) is None


def test_a_column_of_that_name_stays_the_users_own() -> None:
    found = physical_columns(table(linear_size=1.0))
    assert found is not None
    assert "linear_size" not in found
