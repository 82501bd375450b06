"""Positions as text and back, distances, links, the all-sky projection."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st_

from radioviz.errors import SelectionError
from radioviz.sky import separation_arcsec
from radioviz.ui import coordinates as sky

RA = st_.floats(0, 359.999999)
DEC = st_.floats(-90, 90)


@given(RA, DEC)
def test_sexagesimal_reads_back(ra: float, dec: float) -> None:
    read = sky.parse_position(sky.sexagesimal(ra, dec))
    assert read is not None
    # Half of a hundredth of a second of time, and of a tenth of an arcsec.
    assert abs((read[0] - ra + 180) % 360 - 180) * 3600 <= 0.0751
    assert abs(read[1] - dec) * 3600 <= 0.0501


def test_sexagesimal_carries_over() -> None:
    assert sky.sexagesimal(359.99999999, -0.00000001) == "00:00:00.00 -00:00:00.0"
    assert sky.sexagesimal(14.99999999, 9.99999999) == "01:00:00.00 +10:00:00.0"


@pytest.mark.parametrize(
    "text",
    [
        "123.2510 +43.7970",
        "123.2510, 43.7970",
        "123.2510; 43.797",
        "08:13:00.24 +43:47:49.2",
        "08 13 00.24 43 47 49.2",
        "08h13m00.24s +43d47m49.2s",
        "08h13m00.24s, +43°47′49.2″",
        "J081300.24+434749.2",
        "FIRST J081300.24+434749.2",
        "081300.24+434749.2",
        "  123.2510   +43.7970 ",
    ],
)
def test_ways_to_write_a_position(text: str) -> None:
    read = sky.parse_position(text)
    assert read is not None
    assert read == pytest.approx((123.251, 43.797), abs=2e-5)


def test_minus_signs_of_either_kind() -> None:
    for text in ("10.5 -20.25", "10.5 −20.25", "00:42:00 −20:15:00", "J004200.0−201500"):
        assert sky.parse_position(text) == pytest.approx((10.5, -20.25), abs=1e-9)


@pytest.mark.parametrize("text", ["", "3C 296", "first-12", "12", "NGC 315", "J0747"])
def test_names_are_no_positions(text: str) -> None:
    assert sky.parse_position(text) is None


@pytest.mark.parametrize("text", ["400 10", "10 95", "J251300+434749", "J081300-954749"])
def test_outside_the_sky_is_said(text: str) -> None:
    with pytest.raises(SelectionError, match=re.escape(text)):
        sky.parse_position(text)


@given(RA, DEC, RA, DEC)
def test_separation_agrees_with_astropy(a: float, b: float, c: float, d: float) -> None:
    ours = separation_arcsec(a, b, np.array([c]), np.array([d]))[0]
    theirs = SkyCoord(a * u.deg, b * u.deg).separation(SkyCoord(c * u.deg, d * u.deg)).arcsec
    assert ours == pytest.approx(theirs, rel=1e-6, abs=0.02)


def test_separation_of_a_missing_position_is_nan() -> None:
    assert np.isnan(separation_arcsec(1.0, 2.0, np.array([np.nan]), np.array([2.0]))).all()


def test_links_carry_the_position() -> None:
    ned = parse_qs(urlparse(sky.ned_url(123.251, -43.797)).query)
    assert ned["ra"] == ["123.251000d"] and ned["dec"] == ["-43.797000d"]
    simbad = parse_qs(urlparse(sky.simbad_url(123.251, 43.797)).query)
    assert simbad["Coord"] == ["123.251000 +43.797000"]


def test_hammer_is_equal_area_with_east_to_the_left() -> None:
    x, y = sky.hammer(np.array([180.0, 190.0, 170.0]), np.zeros(3))
    assert x[0] == pytest.approx(0) and x[1] < 0 < x[2]
    assert y == pytest.approx(np.zeros(3))
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 360, 200_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 200_000)))
    x, y = sky.hammer(ra, dec)
    assert ((x / (2 * np.sqrt(2))) ** 2 + (y / np.sqrt(2)) ** 2 <= 1 + 1e-9).all()
    # The ellipse has area 4 pi: a uniform sky has the same density wherever one looks.
    for cx, cy in ((0, 0), (1.5, 0.4), (-2, -0.5)):
        inside = (np.abs(x - cx) < 0.2) & (np.abs(y - cy) < 0.2)
        assert inside.mean() * 4 * np.pi == pytest.approx(0.16, rel=0.06)


def test_galactic_plane_agrees_with_astropy() -> None:
    ra, dec = sky.galactic_plane(37)
    assert np.abs(SkyCoord(ra * u.deg, dec * u.deg).galactic.b.deg).max() < 1e-4


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("J0747+1717", [0]),
        ("FIRST 0747+1717", [0]),
        ("J0747+17", [0, 1]),
        ("j074708+1717", [0]),
        ("J0002−0030", [2]),  # negative although the degrees are 0
        ("J2359-0059", [3]),
        ("J0000-0100", [3]),  # rounded: 23h59m40s becomes 24h, which is 0h
        ("J07+17", None),
        ("J1200+1200", []),
        ("B0747+1717", None),
        ("0747+17", None),  # of 1950, without the J
        ("0747+171", None),
        ("PKS 0747+17", None),
        ("J2400+1200", None),
        ("J0760+1200", None),
        ("Cygnus A", None),
    ],
)
def test_shortened_names(text: str, rows: list[int] | None) -> None:
    ra = np.array([116.785, 116.9, 0.5, 359.9167, np.nan])
    dec = np.array([17.2908, 17.9, -0.5, -0.9917, np.nan])
    found = sky.in_short_name(text.upper(), ra, dec)
    assert (None if found is None else np.flatnonzero(found).tolist()) == rows


# Names of 1950, and where their sources are in J2000 (NED).
_OF_1950 = {
    "B2251+158": (343.490616, 16.148211),  # 3C 454.3
    "2251+158": (343.490616, 16.148211),
    "PKS 2251+15": (343.490616, 16.148211),
    "B1253-055": (194.046527, -5.789312),  # 3C 279
    "PKS B1253−055": (194.046527, -5.789312),
    "PKS 1253-05": (194.046527, -5.789312),
    "1641+399": (250.745042, 39.810276),  # 3C 345
    "b0923+392": (141.762558, 39.039126),  # 4C 39.25
    "0316+413": (49.950667, 41.511696),  # 3C 84
    "B2 0923+39": (141.762558, 39.039126),
    "B0316+4119": (49.950667, 41.511696),
}


@pytest.mark.parametrize("text", list(_OF_1950))
def test_names_of_1950_find_their_source(text: str) -> None:
    places = np.array([*sorted(set(_OF_1950.values())), (np.nan, np.nan)]).T
    assert sky.is_b1950_name(text)
    found = sky.in_b1950_name(text, *places)
    assert [tuple(p) for p in places.T[found]] == [_OF_1950[text]]
    # The same digits as J2000 are another place, and none of these.
    plain = sky.in_short_name("J" + text.upper().split()[-1].lstrip("B"), *places)
    assert plain is None or not plain.any()


@pytest.mark.parametrize(
    "text", ["J2253+1608", "FIRST 0747+1717", "2251+1548", "J0747+17", "074708+1717", "3C 31",
             "B3", "B2500+10", "0747", "081300.24+434749.2"]
)  # fmt: skip
def test_what_is_no_name_of_1950(text: str) -> None:
    assert not sky.is_b1950_name(text)


def test_a_long_name_of_1950_is_no_position_of_2000() -> None:
    assert sky.parse_position("FIRST 081300.24+434749.2") is not None
    assert sky.parse_position("PKS 081300.24+434749.2") is None
    assert sky.parse_position("B081300.24+434749.2") is None


@given(RA, st_.floats(-89, 89))
def test_every_position_has_its_name_of_1950(ra: float, dec: float) -> None:
    from astropy.coordinates import FK4

    old = SkyCoord(ra * u.deg, dec * u.deg).transform_to(FK4(equinox="B1950"))
    hours, degrees = old.ra.deg / 15, abs(old.dec.deg)
    minutes = int(hours * 60 + 1e-6)
    name = (
        f"B{minutes // 60 % 24:02d}{minutes % 60:02d}"
        f"{'-' if old.dec.deg < 0 else '+'}{int(degrees * 10 + 1e-6):03d}"
    )
    assert sky.in_b1950_name(name, np.array([ra]), np.array([dec])).all()
