"""Correlations of latent axes with properties, against scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from radioviz.ui.pages.grid_walk import correlations
from radioviz.ui.pages.grid_walk.correlations import (
    correlate,
    html_table,
    properties,
    standard_errors,
    strongest,
)


def test_coefficients_and_p_values_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(200, 2))
    size = np.exp(axes[:, 0] + 0.4 * rng.normal(size=200))
    ties = np.round(axes[:, 1] + rng.normal(size=200))
    size[:15] = np.nan
    found = correlate({"size": size, "ties": ties}, axes, ["z1", "z2"])
    assert found.n.tolist() == [185, 200]
    for i, values in enumerate((size, ties)):
        known = np.isfinite(values)
        for j in range(2):
            expected = spearmanr(values[known], axes[known, j])
            assert found.rho[i, j] == pytest.approx(expected.statistic, abs=1e-12)
            assert found.p_value[i, j] == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.best.tolist() == [0, 1]
    assert found.significant[0, 0]
    assert not found.significant[0, 1]
    assert (found.low < found.rho).all()
    assert (found.rho < found.high).all()


@pytest.mark.parametrize("case", ["normal", "scatter grows", "not rising", "ties", "few values"])
def test_the_error_is_that_of_a_bootstrap(case: str) -> None:
    rng = np.random.default_rng(5)
    n = 500
    axes = rng.normal(size=(n, 2))
    x, noise = axes[:, 0], rng.normal(size=n)
    size = {
        "normal": 0.7 * x + noise,
        "scatter grows": x + noise * np.exp(1.5 * x),
        "not rising": x**2 + 0.3 * noise,
        "ties": np.round(x + noise),
        "few values": (x + noise > 1).astype(float),
    }[case]
    found = correlate({"size": size}, axes, ["z1", "z2"])
    drawn = []
    for _ in range(600):
        rows = rng.integers(n, size=n)
        drawn.append([spearmanr(size[rows], axes[rows, k]).statistic for k in range(2)])
    spread = np.std(drawn, axis=0)
    ranks = [pd.Series(v).rank().to_numpy() for v in (size, *axes.T)]
    first, *second = [(r - r.mean()) / n for r in ranks]
    error = standard_errors(first, np.stack(second, axis=1), found.rho[0])
    np.testing.assert_allclose(error, spread, rtol=0.1)
    assert (found.high - found.low)[0] == pytest.approx(3.92 * spread, rel=0.11)
    usual = np.sqrt((1 + found.rho[0, 0] ** 2 / 2) / (n - 3)) * (1 - found.rho[0, 0] ** 2)
    if case == "not rising":  # by the formula for normal variables the interval is too narrow
        assert usual < 0.8 * spread[0]


def test_the_error_of_many_galaxies_is_that_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    axes = rng.normal(size=(6000, 1))
    size = {"size": axes[:, 0] ** 2 + axes[:, 0] + rng.normal(size=6000)}
    whole = correlate(size, axes, ["z1"])
    monkeypatch.setattr(correlations, "_MOST", 2000)
    part = correlate(size, axes, ["z1"])
    assert part.rho == whole.rho
    assert part.high - part.low == pytest.approx(whole.high - whole.low, rel=0.05)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    # Spearman's rho of a bivariate normal is 6/pi arcsin(r/2).
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)
    inside = 0
    for _ in range(300):
        x, e = rng.normal(size=(2, 80))
        y = 0.6 * x + 0.8 * e
        found = correlate({"y": y}, x[:, None], ["x"])
        inside += int(found.low[0, 0] <= truth <= found.high[0, 0])
    assert 0.91 < inside / 300 < 0.985


def test_what_says_nothing_is_left_out() -> None:
    axes = np.random.default_rng(2).normal(size=(50, 1))
    few = np.full(50, np.nan)
    few[: correlations.MIN_GALAXIES - 1] = 1.0 + np.arange(correlations.MIN_GALAXIES - 1)
    found = correlate({"few": few, "constant": np.ones(50)}, axes, ["z1"])
    assert found.properties == []
    assert found.rho.shape == (0, 1)
    assert strongest(found) == ""
    assert found.frame().empty


def test_position_angles_wrap_and_classes_count_members() -> None:
    table = pd.DataFrame(
        {
            "source_id": ["a", "b", "c"],
            "label": ["FRI", "", "FRII"],
            "las": [10.0, 20.0, np.nan],
            "position_angle": [0.0, 90.0, 179.9],
            "ra": [1.0, 2.0, 3.0],
        }
    )
    found = properties(table)
    assert "Angular size [arcsec]" in found
    assert not any("ight ascension" in name or name == "ra" for name in found)
    cosine = next(v for k, v in found.items() if k.startswith("cos 2 PA"))
    np.testing.assert_allclose(cosine, [1, -1, 1], atol=1e-4)
    np.testing.assert_array_equal(found["Class FRI"], [1, np.nan, 0])


def test_table_is_escaped_sorted_and_marks_the_closer_axis() -> None:
    rng = np.random.default_rng(3)
    axes = rng.normal(size=(100, 2))
    values = {"weak": axes[:, 1] + 3 * rng.normal(size=100), "<b>strong": axes[:, 0]}
    found = correlate(values, axes, ["z1", "z2"])
    page = html_table(found)
    assert "&lt;b&gt;strong" in page
    assert page.index("strong") < page.index("weak")
    assert "font-weight:700" in page
    assert "+1.00" in page
    assert strongest(found) == "z1 mainly traces <b>strong (ρ = 1.00)."
    frame = found.frame()
    assert list(frame.columns[:3]) == ["property", "n", "z1 rho"]
    assert len(frame) == 2
