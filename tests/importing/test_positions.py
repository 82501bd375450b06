"""RA and Dec as people write them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import Angle
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.errors import CatalogueError
from radioviz.importing.positions import read_positions


def _read(ra, dec, **options):
    return read_positions(pd.Series(ra), pd.Series(dec), **options)


# -- formats -----------------------------------------------------------------------------

_FORMS = {
    "colons": ("{}{:02d}:{:02d}:{:07.4f}", "{}{:02d}:{:02d}:{:06.3f}"),
    "blanks": ("{}{:02d} {:02d} {:07.4f}", "{}{:02d} {:02d} {:06.3f}"),
    "letters": ("{}{:02d}h{:02d}m{:07.4f}s", "{}{:02d}d{:02d}m{:06.3f}s"),
    "signs": ("{}{:02d}h {:02d}′ {:07.4f}″", "{}{:02d}°{:02d}'{:06.3f}\""),
}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 23), st.integers(0, 59), st.floats(0, 59.99),
            st.sampled_from("+-"), st.integers(0, 89), st.integers(0, 59), st.floats(0, 59.99),
        ),
        min_size=1, max_size=5,
    ),
    st.sampled_from(sorted(_FORMS)),
)  # fmt: skip
def test_sexagesimal_agrees_with_astropy(rows, form):
    ra_form, dec_form = _FORMS[form]
    ra = [ra_form.format("", h, m, s) for h, m, s, *_ in rows]
    dec = [dec_form.format(sign, d, m, s) for *_, sign, d, m, s in rows]
    got = _read(ra, dec)
    plain = [r.replace("′", "m").replace("″", "s") for r in ra]
    np.testing.assert_allclose(got.ra, Angle(plain, unit="hourangle").deg, atol=1e-9)
    np.testing.assert_allclose(got.dec, Angle(dec, unit="deg").deg, atol=1e-9)
    assert not got.problems


def test_minus_zero_is_south():
    got = _read(["10:00:00", "10:00:00"], ["-00:30:00", "−00:00:36"])
    np.testing.assert_allclose(got.dec, [-0.5, -0.01])


def test_without_seconds():
    got = _read(["10:30", "10 30.5"], ["-05:15", "+05 15.5"])
    np.testing.assert_allclose(got.ra, [157.5, 157.625])
    np.testing.assert_allclose(got.dec, [-5.25, 5.2583333333])


def test_degrees_in_sexagesimal_by_letter_and_range():
    assert _read(["150d30m00s"], ["+02d00m00s"]).ra[0] == pytest.approx(150.5)
    assert _read(["150:30:00"], ["+02:00:00"]).ra[0] == pytest.approx(150.5)


# -- units and ranges --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("deg", 1), ("degrees", 1), ("°", 1), ("hour", 15), ("h", 15), ("hourangle", 15), ("hr", 15),
     ("rad", 180 / np.pi), ('"h:m:s"', 15), ("arcsec", 1 / 3600)],
)  # fmt: skip
def test_units(unit, factor):
    got = _read([2.0, 3.0], [0.1, 0.2], ra_unit=unit)
    np.testing.assert_allclose(got.ra, np.array([2.0, 3.0]) * factor)


def test_unit_that_is_no_angle():
    with pytest.raises(CatalogueError, match=r"unit 'Jy', which is not an angular unit"):
        _read([1.0], [1.0], ra_unit="Jy")


def test_degrees_by_range():
    got = _read([150.0, 10.0], [2.0, 3.0])
    np.testing.assert_allclose(got.ra, [150.0, 10.0])


def test_negative_right_ascensions_are_wrapped():
    got = _read([-170.0, 170.0], [2.0, 3.0])
    np.testing.assert_allclose(got.ra, [190.0, 170.0])


@pytest.mark.parametrize(
    "ra",
    [
        [5.1, 6.0, 23.9],  # hours, or a field near RA 0
        [*np.linspace(0.1, 23.9, 40), 25.0],  # one slip does not make a column of degrees
    ],
)
def test_ambiguous_right_ascensions_are_asked_for(ra):
    got = _read(ra, np.zeros(len(ra)))
    assert [q.key for q in got.needed] == ["ra_unit"]
    assert got.needed[0].required
    assert "degrees or hours" in got.needed[0].text
    assert np.isnan(got.ra).all()


def test_sexagesimal_degrees_of_a_table_are_asked_for():
    """Many tables call hours, minutes and seconds degrees."""
    got = _read(["10:30:00", "23:10:00"], ["+1:0:0", "+2:0:0"], ra_unit="deg", ra_given=False)
    assert [q.key for q in got.needed] == ["ra_unit"]
    got = _read(["10:30:00", "23:10:00"], ["+1:0:0", "+2:0:0"], ra_unit="deg")
    np.testing.assert_allclose(got.ra, [10.5, 23 + 1 / 6])
    got = _read(["10:30:00", "123:10:00"], ["+1:0:0", "+2:0:0"], ra_unit="deg", ra_given=False)
    np.testing.assert_allclose(got.ra, [10.5, 123 + 1 / 6])


def test_answer_settles_the_ambiguity():
    got = _read([5.0, 6.0], [1.0, 2.0], ra_unit="hour")
    np.testing.assert_allclose(got.ra, [75.0, 90.0])


def test_one_sexagesimal_slip_beyond_24_hours_is_refused_alone():
    ra = [f"{i % 24:02d}:10:00" for i in range(40)] + ["25:10:00"]
    got = _read(ra, ["+01:00:00"] * 41)
    assert got.ra[1] == pytest.approx(17.5)
    assert list(got.problems) == [40]


# -- swapped -----------------------------------------------------------------------------


def test_swapped_columns_are_named():
    with pytest.raises(CatalogueError, match="'dec' is used as Dec but contains 150") as caught:
        _read([12.0, -13.0], [150.0, 200.0])
    assert "swapped" in str(caught.value)
    assert "ra from 'dec'" in str(caught.value)


def test_swapped_sexagesimal_columns_are_named():
    with pytest.raises(CatalogueError, match="swapped"):
        _read(["+12:00:00", "-13:00:00"], ["10:00:00", "11:00:00"])
    with pytest.raises(CatalogueError, match="is in hours"):
        _read(["12d00m00s"], ["10h00m00s"])


def test_one_bad_declination_is_refused_alone():
    got = _read([150.0] * 30, [1.0] * 29 + [95.0])
    assert got.problems == {29: "dec is 95 deg, outside -90 to 90 deg; are RA and Dec swapped?"}
    assert np.isnan(got.ra[29])
    assert np.isfinite(got.ra[:29]).all()


# -- rows --------------------------------------------------------------------------------


def test_rows_are_refused_one_by_one_with_reasons():
    ra = ["150.1", "abc", "", "nan", "400", "151"]
    dec = ["1", "2", "3", "4", "5", "masked"]
    got = _read(ra, dec)
    assert got.problems[1] == "ra 'abc' is not a number"
    assert got.problems[2] == "ra is empty"
    assert got.problems[3] == "ra is empty"
    assert "outside 0 to 360" in got.problems[4]
    assert got.problems[5] == "dec is empty"
    assert np.isfinite(got.ra).tolist() == [True, False, False, False, False, False]


def test_impossible_minutes():
    got = _read(["10:61:00", "10:00:00"], ["+01:00:00", "+01:00:61"])
    assert "more than 60 minutes" in got.problems[0]
    assert "more than 60 seconds" in got.problems[1]


def test_mixed_formats_keep_the_most_frequent():
    got = _read(["10:00:00", "11:00:00", "150.5"], ["+1:0:0", "+1:0:0", "+1:0:0"])
    assert "not sexagesimal" in got.problems[2]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.lists(st.text(max_size=12)))
def test_any_text_gives_positions_or_reasons(ra, dec):
    dec = (dec + ["0"] * len(ra))[: len(ra)]
    try:
        got = _read(ra, dec)
    except CatalogueError:
        return
    if not got.needed:
        bad = ~(np.isfinite(got.ra) & np.isfinite(got.dec))
        assert set(np.flatnonzero(bad)) == set(got.problems)
        assert ((got.ra[~bad] >= 0) & (got.ra[~bad] < 360)).all()
        assert (np.abs(got.dec[~bad]) <= 90).all()
