"""The same source on the sky."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.data import matching as links
from radioviz.data.catalogue import Catalogue
from radioviz.sky import separation_arcsec


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 359.999),
    st.floats(-90, 90),
    st.floats(0.001, 5000),
    st.floats(0, 359.9),
)
def test_separation_is_that_of_astropy(ra: float, dec: float, away: float, angle: float) -> None:
    a = SkyCoord(ra, dec, unit=u.deg)
    b = a.directional_offset_by(angle * u.deg, away * u.arcsec)
    found = separation_arcsec(
        np.array([ra]), np.array([dec]), np.array([b.ra.deg]), np.array([b.dec.deg])
    )
    assert found[0] == pytest.approx(a.separation(b).arcsec, rel=1e-6, abs=1e-6)


def test_pairs_across_zero_and_at_the_pole() -> None:
    ra = np.array([359.9995, 0.0005, 10.0, 190.0, 50.0, np.nan])
    dec = np.array([5.0, 5.0, 89.9995, 89.9995, -30.0, 5.0])
    i, j, separation = links.close_pairs(ra, dec, radius_arcsec=10.0)
    assert list(zip(i, j, strict=True)) == [(0, 1), (2, 3)]
    assert separation == pytest.approx([3.5863, 3.6], abs=1e-3)


def test_pairs_of_two_lists_agree_with_astropy() -> None:
    generator = np.random.default_rng(0)
    ra, dec = generator.uniform(100, 102, 600), generator.uniform(20, 22, 600)
    a, b = SkyCoord(ra[:400], dec[:400], unit=u.deg), SkyCoord(ra[400:], dec[400:], unit=u.deg)
    i, j, separation = links.close_pairs(ra[:400], dec[:400], ra[400:], dec[400:], radius_arcsec=90)
    k, m, expected, _ = b.search_around_sky(a, 90 * u.arcsec)
    order = np.lexsort((m, k))
    assert (i.tolist(), j.tolist()) == (k[order].tolist(), m[order].tolist())
    assert separation == pytest.approx(expected.arcsec[order])


def test_nothing_pairs_with_nothing() -> None:
    empty = np.zeros(0)
    i, _, _ = links.close_pairs(empty, empty, radius_arcsec=60)
    assert len(i) == 0
    nan = np.full(3, np.nan)
    assert len(links.close_pairs(nan, nan, radius_arcsec=60)[0]) == 0
    assert len(links.close_pairs(nan, nan, np.zeros(2), np.zeros(2), radius_arcsec=60)[0]) == 0


def test_repeats_name_the_first_of_a_chain() -> None:
    table = pd.DataFrame(
        {
            "source_id": list("abcdef"),
            "ra": [10.0, 50.0, 10.0, 10.0, np.nan, np.nan],
            "dec": [0.0, 0.0, 8 / 3600, 16 / 3600, 0.0, 0.0],
        }
    )
    assert links.same_as(table).tolist() == ["", "", "a", "a", "", ""]
    assert links.same_as(table, radius_arcsec=5.0).tolist() == [""] * 6
    assert links.same_as(table.iloc[:0]).tolist() == []


def test_a_hundred_thousand_sources_take_a_moment() -> None:
    generator = np.random.default_rng(0)
    n = 100_000
    table = pd.DataFrame(
        {
            "source_id": np.arange(n).astype(str),
            "ra": generator.uniform(110, 260, n),
            "dec": generator.uniform(-10, 65, n),
        }
    )
    start = time.process_time()
    links.same_as(table)
    assert time.process_time() - start < 3.0


RADEC = ("ra", "dec")


def test_links_across_data_sets(first_catalogue: Catalogue, mirabest_catalogue: Catalogue) -> None:
    position = [c.table[k].to_numpy() for c in (mirabest_catalogue, first_catalogue) for k in RADEC]
    i, j, separation = links.close_pairs(*position)
    assert len(np.unique(i)) == 806  # of the 1,256 MiraBest sources
    assert separation.max() < 10.0
    same = first_catalogue.table["origin"].to_numpy()[j] == "MiraBest"
    assert (separation[same] < 0.01).mean() > 0.98
