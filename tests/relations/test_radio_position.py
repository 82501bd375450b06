"""Cores and midpoints of sources drawn with a known place, on the sky."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.relations.hosts import offsets
from radioviz.relations.radio_position import radio_positions

BEAM = 3.0  # pixels


def drawn(first_catalogue: Catalogue, places: list[tuple[float, float, float]]) -> Catalogue:
    """The first FIRST galaxy with an image of point sources: rows, columns and peaks."""
    one = first_catalogue.subset(np.array([0]))
    ny, nx = one.images.shape[1:]
    y, x = np.mgrid[:ny, :nx]
    image = np.zeros((ny, nx))
    for row, column, peak in places:
        width = BEAM / 2.3548
        image += peak * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    image[image < 0.03] = 0
    return dataclasses.replace(
        one, images=(255 * image / image.max()).astype(one.images.dtype)[None]
    )


def test_the_core_of_a_double_and_its_midpoint(first_catalogue: Catalogue) -> None:
    # Lobes 40 pixels apart along a position angle of 45 degrees, the core off the middle.
    sample = drawn(first_catalogue, [(135.0, 135.0, 1.0), (163.0, 163.0, 0.8), (146.4, 146.4, 0.4)])
    places = {p.kind: p for p in radio_positions(sample, 0)}
    assert list(places) == ["core", "midpoint", "catalogue"]
    wcs = sample.wcs(0)
    core = wcs.pixel_to_world(146.4, 146.4).icrs
    apart, _, _ = offsets(places["core"], np.array([core.ra.deg]), np.array([core.dec.deg]))
    assert apart[0] < 0.4
    middle = wcs.pixel_to_world(149.0, 149.0).icrs
    apart, _, _ = offsets(places["midpoint"], np.array([middle.ra.deg]), np.array([middle.dec.deg]))
    assert apart[0] < 1.5
    assert places["midpoint"].along > 3 * places["core"].along
    # Row and column grow together, to the north and to the west.
    assert places["midpoint"].angle == pytest.approx(135.0, abs=6)


def test_without_a_compact_peak_there_is_no_core(first_catalogue: Catalogue) -> None:
    two = drawn(first_catalogue, [(130.0, 150.0, 1.0), (170.0, 150.0, 0.9)])
    assert [p.kind for p in radio_positions(two, 0)] == ["midpoint", "catalogue"]
    bridge = [(float(r), 150.0, 0.5) for r in range(130, 171)]
    smooth = drawn(first_catalogue, [(130.0, 150.0, 1.0), (170.0, 150.0, 0.9), *bridge])
    assert "core" not in [p.kind for p in radio_positions(smooth, 0)]
