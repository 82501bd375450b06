"""The WCS and identity cards of exported images, word for word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.export.cards import ImageHeaders, card, image_centres, linear_cards, wcs_cards
from radioviz.export.groups import Group

SHAPE = (20, 30)
INFO = SurveyInfo(key="toy", title="A toy survey", pixel_scale=1.8)


def catalogue(**columns: object) -> Catalogue:
    first = {"source_id": ["s"], "name": ["J0102+03"], "ra": [15.5], "dec": [3.25]}
    table = pd.DataFrame({**first, **{k: [v] for k, v in columns.items()}})
    return Catalogue(INFO, complete_columns(table), np.zeros((1, *SHAPE), np.float32))


def header_of(made: Catalogue) -> fits.Header:
    return fits.Header.fromstring(ImageHeaders(Group(made, np.arange(1))).cards(0))


def own(projection: str, **cards: object) -> str:
    """Header of an image that came with a WCS."""
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{projection}", f"DEC--{projection}"
    header["CRPIX1"], header["CRPIX2"] = 15.25, 10.75
    header["CRVAL1"], header["CRVAL2"] = 210.123456789012, 54.3210987654321
    header["CDELT1"], header["CDELT2"] = -0.0005, 0.0005
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["RADESYS"] = "FK5"
    for key, value in cards.items():
        header[key] = value
    return header.tostring(sep="\n")


def place(header: fits.Header | str, x: float, y: float) -> np.ndarray:
    if isinstance(header, str):
        header = fits.Header.fromstring(header, sep="\n")
    return np.array(WCS(header).celestial.all_pix2world([[x, y]], 0)[0])


def test_a_cutout_says_its_plane_and_nothing_twice() -> None:
    header = header_of(catalogue(image_ra=15.123456789012345, image_dec=-3.987654321098765))
    plane = {
        "WCSAXES": 2, "CRPIX1": 15.5, "CRPIX2": 10.5,
        "CDELT1": -1.8 / 3600, "CDELT2": 1.8 / 3600, "CUNIT1": "deg", "CUNIT2": "deg",
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "RADESYS": "FK5", "EQUINOX": 2000.0,
    }  # fmt: skip
    for key, value in plane.items():
        expected = pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
        assert header[key] == expected, key
    # All digits, where astropy would write twelve.
    assert header["CRVAL1"] == 15.123456789012345
    assert header["CRVAL2"] == -3.987654321098765
    assert header.comments["CRVAL1"] == "[deg] right ascension at reference pixel"
    assert header.comments["CRVAL2"] == "[deg] declination at reference pixel"
    assert header.comments["CRPIX1"] == "Pixel coordinate of reference point"
    # What the standard has by default, and times that no image here has, are not said.
    for key in ("LONPOLE", "LATPOLE", "MJDREF", "MJDREFI", "MJDREFF", "MJD-OBS", "DATEREF"):
        assert key not in header
    assert all(
        n == 1 for k, n in pd.Series(list(header)).value_counts().items() if k[:5] == "CRVAL"
    )
    assert (header["RA_OBJ"], header["DEC_OBJ"]) == (15.5, 3.25)


def test_without_a_centre_the_image_is_about_its_source() -> None:
    header = header_of(catalogue())
    assert (header["CRVAL1"], header["CRVAL2"]) == (15.5, 3.25)
    table = pd.DataFrame(
        {
            "ra": [1.0, 2.0, 3.0, np.nan],
            "dec": [4.0, 5.0, 6.0, np.nan],
            "image_ra": [7.0, np.nan, 8.0, np.nan],
            "image_dec": [9.0, 9.0, np.nan, np.nan],
        }
    )
    found = image_centres(table)
    np.testing.assert_array_equal(found, [[7, 9], [2, 5], [3, 6], [np.nan, np.nan]])
    np.testing.assert_array_equal(image_centres(table[["ra", "dec"]])[:3], [[1, 4], [2, 5], [3, 6]])
    # One of the two alone is none.
    np.testing.assert_array_equal(image_centres(table.drop(columns="image_dec"))[0], [1, 4])


@pytest.mark.parametrize(
    ("projection", "more", "kept"),
    [
        ("TAN", {}, {"LONPOLE": None, "LATPOLE": None}),
        ("TAN", {"LONPOLE": 90.0}, {"LONPOLE": 90.0, "LATPOLE": None}),
        ("TAN", {"PC1_1": 0.6, "PC1_2": -0.8, "PC2_1": 0.8, "PC2_2": 0.6}, {"PC1_2": -0.8}),
        ("SIN", {}, {"LONPOLE": 180.0}),
        ("SIN", {"PV2_1": 0.01, "PV2_2": -0.02}, {"PV2_1": 0.01, "PV2_2": -0.02}),
        ("CAR", {}, {"LONPOLE": 0.0}),
        ("TAN", {"MJD-OBS": 51544.5}, {"MJD-OBS": 51544.5, "MJDREF": None}),
    ],
)
@pytest.mark.filterwarnings("ignore::astropy.wcs.FITSFixedWarning")
def test_a_wcs_of_its_own_is_kept(
    projection: str, more: dict[str, float], kept: dict[str, float | None]
) -> None:
    text = own(projection, **more)
    header = header_of(catalogue(wcs_header=text))
    assert header["CTYPE1"] == f"RA---{projection}"
    assert header["CRVAL1"] == 210.123456789012
    assert header["CRVAL2"] == 54.3210987654321
    for key, value in kept.items():
        assert header.get(key) == value, key
    for x, y in ((0, 0), (29, 19), (14.25, 9.75)):
        np.testing.assert_allclose(place(header, x, y), place(text, x, y), rtol=0, atol=1e-11)
    assert not any(key in header for key in ("MJDREFI", "MJDREFF"))


def test_distortions_and_comments_of_a_wcs_are_kept() -> None:
    text = own("TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=1e-4, B_0_2=-2e-4, A_1_1=0.0, B_1_1=0.0)
    made = catalogue(wcs_header=text)
    header = header_of(made)
    assert (header["CTYPE1"], header["A_ORDER"], header["A_2_0"]) == ("RA---TAN-SIP", 2, 1e-4)
    np.testing.assert_allclose(place(header, 29, 0), place(text, 29, 0), rtol=0, atol=1e-11)
    cards = {key: (value, comment) for key, value, comment in wcs_cards(made, 0)}
    assert cards["CRPIX2"] == (10.75, "Pixel coordinate of reference point")
    assert cards["CDELT1"] == (-0.0005, "[deg] Coordinate increment at reference point")


def test_a_source_without_a_position_has_axes_in_arcsec() -> None:
    header = header_of(catalogue(ra=np.nan, dec=np.nan))
    assert header["WCSAXES"] == 2
    for axis, name, middle in ((1, "XOFFSET", 15.5), (2, "YOFFSET", 10.5)):
        assert header[f"CTYPE{axis}"] == name
        assert header.comments[f"CTYPE{axis}"] == "linear, from the image centre"
        assert header[f"CUNIT{axis}"] == "arcsec"
        assert header[f"CRPIX{axis}"] == middle
        assert header[f"CRVAL{axis}"] == 0.0
        assert header[f"CDELT{axis}"] == 1.8
        assert header.comments[f"CDELT{axis}"] == "[arcsec] pixel scale"
    assert "The position of this source on the sky is unknown." in str(header["COMMENT"])
    assert "RA_OBJ" not in header and "DEC_OBJ" not in header
    assert len(linear_cards((3, 4), 2.0)) % 80 == 0


def test_what_is_known_of_a_source_is_said_and_nothing_else() -> None:
    full = header_of(catalogue(las=42.5, label="FRII", redshift=0.25, survey="FIRST"))
    assert (full["OBJECT"], full["SRCID"], full["SURVEY"]) == ("J0102+03", "s", "FIRST")
    assert (full["LAS"], full["CLASS"], full["REDSHIFT"]) == (42.5, "FRII", 0.25)
    assert full.comments["LAS"] == "[arcsec] largest angular size"
    assert full.comments["CLASS"] == "morphological class"
    assert full.comments["RA_OBJ"] == "[deg] J2000 right ascension of the source"
    assert full.comments["DEC_OBJ"] == "[deg] J2000 declination of the source"
    bare = header_of(catalogue(name="", survey="", las=np.nan, redshift=np.nan, label=""))
    assert (bare["OBJECT"], bare["SURVEY"]) == ("s", "A toy survey")
    for key in ("LAS", "CLASS", "REDSHIFT"):
        assert key not in bare
    half = header_of(catalogue(dec=np.nan, image_ra=1.0, image_dec=2.0))
    assert "RA_OBJ" not in half and half["CRVAL2"] == 2.0


@pytest.mark.parametrize(
    ("value", "comment", "image"),
    [
        ("x", "why", "KEY     = 'x       '           / why"),
        (1.5, "why", "KEY     =                  1.5 / why"),
        (np.float32(0.5), "", "KEY     =                  0.5"),
        ("a'b", "", "KEY     = 'a''b    '"),
        ("tail   ", "", "KEY     = 'tail    '"),
    ],
)
def test_a_card_is_eighty_characters(value: object, comment: str, image: str) -> None:
    assert card("KEY", value, comment) == image.ljust(80)


@pytest.mark.parametrize("length", [1, 8, 50, 57, 58, 59, 67, 68, 69, 200])
@pytest.mark.parametrize("text", ["x", "'"])
def test_text_and_comment_are_cut_so_that_they_fit(length: int, text: str) -> None:
    made = card("KEY", text * length, "c" * 99)
    assert len(made) == 80
    read = fits.Card.fromstring(made)
    read.verify("exception")
    assert (text * length).startswith(read.value)
    assert len(read.value) == min(length, 68 if text == "x" else 34)
    room = 80 - 10 - max(20, 2 + len(read.value) * len(text.replace("'", "''"))) - 3
    assert read.comment == ("c" * room if room > 8 else "")


def test_a_map_of_the_pole_keeps_its_orientation() -> None:
    """The default of LONPOLE is 0 where the reference is the pole, and 180 elsewhere."""
    for pole in (180.0, 0.0):
        header = own("TAN", CRVAL1=0.0, CRVAL2=90.0, CRPIX1=-400.0, LONPOLE=pole)
        written = header_of(catalogue(wcs_header=header))
        assert place(written, 5, 5) == pytest.approx(place(header, 5, 5), abs=1e-9), pole
    written = header_of(catalogue(dec=90.0, ra=10.0))
    truth = catalogue(dec=90.0, ra=10.0).wcs(0).all_pix2world([[3, 17]], 0)[0]
    assert place(written, 3, 17) == pytest.approx(truth, abs=1e-9)
