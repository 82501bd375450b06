"""Arms of drawn sources: bends, ratios, peaks, and what makes an edge bright."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radioviz.morphology import measure
from radioviz.sky import FWHM

BEAM, SCALE = 5.4, 1.8
SIZE = 121
Point = tuple[float, float, float]


def drawn(points: list[Point], extra: np.ndarray | None = None) -> np.ndarray:
    """Points (east, north, brightness) seen by the beam, pixels from the middle, with noise."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    sigma = BEAM / SCALE / FWHM
    image = np.zeros((SIZE, SIZE)) if extra is None else extra.astype(float)
    for east, north, bright in points:
        image += bright * np.exp(-((x + east) ** 2 + (y - north) ** 2) / (2 * sigma**2))
    return (image + np.random.default_rng(0).normal(0, 0.01, image.shape)).astype(np.float32)


def row(points: list[Point]) -> pd.Series:
    return measure(drawn(points)[None], SCALE, BEAM, raw=True).iloc[0]


def line(angle: float, length: float, bright: float = 1.0, fade: float = 0.0) -> list[Point]:
    """An arm from the core, ``angle`` in degrees from north to east."""
    t = np.arange(0, length, 1.5)
    a = np.radians(angle)
    return [
        (float(s * np.sin(a)), float(s * np.cos(a)), bright * float(np.exp(-fade * s))) for s in t
    ]


@pytest.mark.parametrize("bend", [0, 30, 60, 90])
@pytest.mark.parametrize("position_angle", [0, 65])
def test_bending_angle_is_that_of_the_arms(bend: int, position_angle: int) -> None:
    arms = line(position_angle + bend / 2, 25) + line(position_angle + 180 - bend / 2, 25)
    found = row([*arms, (0, 0, 1)])
    assert abs(found["bending_angle"] - bend) < 9
    if bend > 20:
        assert found["bow"] > 2 * found["twist"]


def test_a_twist_is_no_bow() -> None:
    t = np.linspace(-1, 1, 60)
    found = row([(float(9 * np.sin(np.pi * s)), float(28 * s), 1.0) for s in t])
    assert found["twist"] > 3 * found["bow"]
    assert found["twist"] > 0.2


def test_lengths_and_fluxes_of_arms() -> None:
    found = row([(0, 30, 1.0), (0, -10, 4.0), (0, 0, 0.5)])
    assert found["arm_length_ratio"] == pytest.approx(1 / 3, abs=0.12)
    assert found["arm_flux_ratio"] == pytest.approx(1 / 4, abs=0.05)
    assert found["n_peaks"] == 3


def test_bright_edges_and_bright_centres() -> None:
    lobes = row([*line(10, 24, 0.2), *line(190, 24, 0.2), *[(4, 24, 2.0), (-4, -24, 2.0)]])
    fading = row(line(10, 26, 1.0, 0.12) + line(190, 26, 1.0, 0.12))
    assert lobes["edge_brightness"] > 0.8
    assert fading["edge_brightness"] < 0.35
    assert lobes["hot_spot_fraction"] > fading["hot_spot_fraction"]
    assert fading["core_fraction"] > 0.15 > lobes["core_fraction"]


def test_wings_cross_and_ring() -> None:
    bar = line(0, 25) + line(180, 25)
    crossed = row(bar + line(90, 18) + line(270, 18))
    assert crossed["cross_extent"] > 0.5 > 3 * row(bar)["cross_extent"]
    assert crossed["off_axis_flux"] > 0.15 > row(bar)["off_axis_flux"]
    circle = np.linspace(0, 2 * np.pi, 80)
    ring = row([(float(20 * np.sin(a)), float(20 * np.cos(a)), 0.5) for a in circle])
    assert ring["hollowness"] > 0.6
    assert row(bar)["hollowness"] == 0


def test_a_point_has_no_arms() -> None:
    found = row([(0, 0, 3.0)])
    assert np.isnan(found["bending_angle"])
    assert found["core_fraction"] > 0.8
    assert found["n_peaks"] == 1


def test_numbers_do_not_depend_on_unit_or_orientation() -> None:
    image = drawn(line(40, 25, 1.0, 0.05) + line(190, 18, 2.0, 0.02))
    plain = measure(image[None], SCALE, BEAM, raw=True).iloc[0]
    same = measure(1000 * np.rot90(image)[None], SCALE, BEAM, raw=True).iloc[0]
    for name in ("bending_angle", "bow", "arm_flux_ratio", "edge_brightness", "off_axis_flux"):
        assert same[name] == pytest.approx(plain[name], rel=0.02), name
