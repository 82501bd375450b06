"""Galaxies placed among their neighbours on a map."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.atlas.placement import place_among_neighbours
from radioviz.neighbours import nearest_of


def test_galaxies_of_the_map_keep_their_positions() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(400, 8)).astype(np.float32)
    positions = (latents[:, :2] * [2, 3]).astype(np.float32)
    np.testing.assert_allclose(
        place_among_neighbours(latents, positions, latents[:50]), positions[:50], atol=1e-3
    )
    others = rng.normal(size=(200, 8)).astype(np.float32)
    placed = place_among_neighbours(latents, positions, others)
    assert np.corrcoef(placed[:, 0], others[:, 0])[0, 1] > 0.5
    assert np.isfinite(placed).all()


def test_nothing_is_placed_between_two_groups_that_the_map_separates() -> None:
    rng = np.random.default_rng(1)
    latents = rng.normal(size=(300, 5)).astype(np.float32)
    side = rng.random(300) < 0.5  # neighbours in latent space lie at either end of the map
    positions = np.where(side[:, None], [0.0, 0.0], [100.0, 0.0]) + rng.normal(0, 1, (300, 2))
    placed = place_among_neighbours(
        latents, positions, rng.normal(size=(100, 5)).astype(np.float32)
    )
    between = (placed[:, 0] > 10) & (placed[:, 0] < 90)
    assert between.mean() < 0.15  # of plain means of 15 neighbours, nearly all lie there


@pytest.mark.parametrize("n", [1, 2, 5])
def test_maps_of_very_few(n: int) -> None:
    rng = np.random.default_rng(2)
    latents, positions = rng.normal(size=(n, 3)), rng.normal(size=(n, 2))
    placed = place_among_neighbours(latents, positions, rng.normal(size=(4, 3)))
    assert placed.shape == (4, 2)
    low, high = positions.min(axis=0) - 1e-5, positions.max(axis=0) + 1e-5
    assert ((placed >= low) & (placed <= high)).all()


def test_nothing_to_place() -> None:
    assert place_among_neighbours(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((0, 2))).shape == (
        0,
        2,
    )


def test_nearest_are_the_nearest() -> None:
    rng = np.random.default_rng(3)
    base, others = rng.normal(size=(90, 4)), rng.normal(size=(7, 4))
    squared, rows = nearest_of(base.astype(np.float32), others.astype(np.float32), 6)
    exact = np.square(base[None] - others[:, None]).sum(axis=2)
    for i in range(7):
        assert set(rows[i]) == set(np.argsort(exact[i])[:6])
        np.testing.assert_allclose(squared[i], exact[i][rows[i]], rtol=1e-4)
