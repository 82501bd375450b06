"""Matching by position: against separations computed one by one, at the poles and across RA 0."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, angular_separation
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.errors import CatalogueError
from radioviz.workspace import crossmatch
from radioviz.workspace.crossmatch import match_positions, moved, usual_shifts


def apart(ra: np.ndarray, dec: np.ndarray, ra2: np.ndarray, dec2: np.ndarray) -> np.ndarray:
    """Every separation in arcsec, by the formula of Vincenty."""
    a, b, c, d = (np.radians(v) for v in (ra[:, None], dec[:, None], ra2[None], dec2[None]))
    return np.degrees(angular_separation(a, b, c, d)) * 3600


PLACES = {"RA 0": (0.0, 30.0), "north": (10.0, 90.0), "south": (200.0, -89.999), "usual": (150, 2)}


@given(st.sampled_from(sorted(PLACES)), st.integers(0, 2**32 - 1), st.floats(1.0, 40.0))
@settings(max_examples=40, deadline=None)
def test_pairs_are_those_within_the_radius(place: str, seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    centre = SkyCoord(*PLACES[place], unit="deg")

    def field(n: int) -> tuple[np.ndarray, np.ndarray]:
        c = centre.directional_offset_by(
            rng.uniform(0, 360, n) * u.deg, 60 * np.sqrt(rng.uniform(0, 1, n)) * u.arcsec
        )
        return c.ra.deg, c.dec.deg

    (ra, dec), (ra2, dec2) = field(25), field(30)
    ra[3] = np.nan
    dec2[5] = np.nan
    s = apart(ra, dec, ra2, dec2)
    inside = np.nan_to_num(s, nan=np.inf) <= radius
    every = match_positions(ra, dec, ra2, dec2, radius, "all", ())
    assert set(zip(every.galaxy.tolist(), every.row.tolist(), strict=True)) == {
        (int(i), int(j)) for i, j in np.argwhere(inside)
    }
    np.testing.assert_array_equal(every.within, inside.sum(axis=1))
    np.testing.assert_allclose(every.separation, s[every.galaxy, every.row], atol=1e-6)
    nearest = match_positions(ra, dec, ra2, dec2, radius, "nearest", ())
    wanted = np.flatnonzero(inside.any(axis=1))
    np.testing.assert_array_equal(nearest.galaxy, wanted)
    if len(wanted):
        filled = np.where(inside, s, np.inf)
        np.testing.assert_array_equal(nearest.row, filled[wanted].argmin(axis=1))
    best = match_positions(ra, dec, ra2, dec2, radius, "mutual", ())
    assert len(set(best.galaxy.tolist())) == len(best.galaxy) == len(set(best.row.tolist()))
    left = np.where(inside, s, np.inf)
    pairs = set()
    while np.isfinite(left).any():  # the closest of all, again and again
        i, j = np.unravel_index(left.argmin(), left.shape)
        pairs.add((int(i), int(j)))
        left[i, :] = left[:, j] = np.inf
    assert set(zip(best.galaxy.tolist(), best.row.tolist(), strict=True)) == pairs


def test_offset_is_catalogue_minus_galaxy_on_the_sky() -> None:
    ra, dec = np.linspace(100, 101, 11), np.full(11, 60.0)
    found = match_positions(ra, dec, ra + 2.0 / 3600 / 0.5, dec - 1.0 / 3600, 5.0, shifts=())
    assert found.offset == pytest.approx((2.0, -1.0), abs=1e-3)


def test_chance_matches_are_those_of_the_density() -> None:
    rng = np.random.default_rng(4)

    def sky(n: int) -> tuple[np.ndarray, np.ndarray]:
        return rng.uniform(150, 152, n), np.degrees(
            np.arcsin(rng.uniform(0, np.sin(np.pi / 90), n))
        )

    (ra, dec), (ra2, dec2) = sky(2000), sky(20_000)
    area = 2.0 * 2.0 * 3600**2
    expected = 2000 * (1 - np.exp(-20_000 * np.pi * 10**2 / area))
    ra2[:500], dec2[:500] = ra[:500], dec[:500]  # true counterparts are not chance
    found = match_positions(ra, dec, ra2, dec2, 10.0)
    assert 200 < expected < 260
    assert abs(found.chance - expected) < 0.12 * expected
    assert found.chance_error < 0.1 * expected
    assert len(found.galaxy) == pytest.approx(500 + expected * 0.75, rel=0.1)


def test_moves_are_on_the_sphere_and_larger_than_the_radius() -> None:
    for shift in usual_shifts(100.0):
        assert shift[0] == 1000.0
        for ra, dec in ((0.0, 89.99), (359.99, -89.999), (30.0, 0.0)):
            there = moved(np.array([ra]), np.array([dec]), shift)
            assert apart(np.array([ra]), np.array([dec]), *there)[0, 0] == pytest.approx(1000.0)
    assert usual_shifts(5.0)[0][0] == crossmatch.SHIFT


def test_what_cannot_be_matched_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    place = np.array([10.0]), np.array([20.0])
    for radius in (0.0, -1.0, np.nan, 4000.0):
        with pytest.raises(CatalogueError, match="expected more than 0 and at most 3600"):
            match_positions(*place, *place, radius)
    with pytest.raises(CatalogueError, match="how is 'best'"):
        match_positions(*place, *place, 1.0, "best")
    monkeypatch.setattr(crossmatch, "MOST_PAIRS", 99)
    many = np.full(10, 10.0), np.full(10, 20.0)
    with pytest.raises(CatalogueError, match="100 pairs lie within 1 arcsec; at most 99"):
        match_positions(*many, *many, 1.0)
    nothing = match_positions(*place, np.empty(0), np.empty(0), 1.0)
    assert (len(nothing.galaxy), nothing.within.tolist(), nothing.chance) == (0, [0], 0.0)
