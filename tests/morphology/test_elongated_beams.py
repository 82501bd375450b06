"""A beam that is not round makes no source longer, and turns none."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.morphology.measuring import measure
from radioviz.sky import FWHM

SCALE = 1.8  # arcsec
MAJOR, MINOR, ANGLE = 10.0, 5.0, 30.0
BEAM = (MAJOR * MINOR) ** 0.5


def seen(*places: tuple[float, float]) -> np.ndarray:
    """Points at offsets in arcsec, east and north, in noise of a 500th of each."""
    y, x = np.indices((128, 128)) - 63.5
    turn = np.radians(ANGLE)
    image = np.random.default_rng(1).normal(0, 0.002, y.shape)
    for east, north in places:
        de, dn = -x * SCALE - east, y * SCALE - north
        along = dn * np.cos(turn) + de * np.sin(turn)
        across = de * np.cos(turn) - dn * np.sin(turn)
        square = (along / MAJOR) ** 2 + (across / MINOR) ** 2
        image += np.exp(-(FWHM**2) / 2 * square)
    return image.astype(np.float32)


def measured(image: np.ndarray, axes: tuple[float, float, float] | None) -> dict[str, float]:
    given = None if axes is None else np.array([axes])
    table = measure(image[None], SCALE, BEAM, "Jy/beam", raw=True, beam_axes=given)
    return dict(table.loc[0])


def test_a_point_is_unresolved() -> None:
    found = measured(seen((0, 0)), (MAJOR, MINOR, ANGLE))
    assert not found["resolved"]
    assert found["las_measured"] == found["las_isophotal"] == pytest.approx(MAJOR / 2)
    assert np.isnan(found["position_angle"])  # not that across the beam
    # What the axes are for: by a round beam, or by a beam that is turned, it is resolved.
    for other in (None, (MAJOR, MINOR, ANGLE + 90), (MAJOR, MINOR, -ANGLE)):
        assert measured(seen((0, 0)), other)["resolved"]


@pytest.mark.parametrize("angle", [0, 30, 75, 120, 165])
def test_a_double_is_as_long_in_every_direction(angle: float) -> None:
    east, north = 25 * np.sin(np.radians(angle)), 25 * np.cos(np.radians(angle))
    found = measured(seen((east, north), (-east, -north)), (MAJOR, MINOR, ANGLE))
    assert found["resolved"]
    assert found["las_isophotal"] == pytest.approx(50, abs=4)
    assert abs((found["position_angle"] - angle + 90) % 180 - 90) < 1
    assert found["axis_ratio"] < 0.1
    assert found["flux_mjy"] == pytest.approx(2000, rel=0.05)


def test_a_round_beam_is_the_same_by_its_axes() -> None:
    """Axes of a round beam change nothing but the last digits."""
    image = seen((0, 0), (20, 10))
    plain, given = (
        measure(image[None], SCALE, 7.0, raw=True, beam_axes=axes)
        for axes in (None, np.array([[7.0, 7.0, 12.0]]))
    )
    for name in ("las_measured", "position_angle", "axis_ratio", "flux_sum"):
        assert given[name][0] == pytest.approx(plain[name][0], rel=1e-6), name
