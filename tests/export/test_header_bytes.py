"""Headers and pixels to the byte, read back by astropy."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from radioviz.data.catalogue import IMAGE_COLUMNS, Catalogue, SurveyInfo, complete_columns
from radioviz.export.cards import (
    BLOCK,
    block,
    commentary,
    image_bytes,
    long_card,
    primary,
    structure,
    survey_cards,
)


@pytest.mark.parametrize(
    ("kind", "stored", "bitpix"),
    [
        ("?", ">u1", 8),
        ("u1", ">u1", 8),
        ("i1", ">i2", 16),
        ("i2", ">i2", 16),
        ("u2", ">i4", 32),
        ("i4", ">i4", 32),
        ("u4", ">i8", 64),
        ("i8", ">i8", 64),
        ("u8", ">f8", -64),
        ("f2", ">f4", -32),
        ("f4", ">f4", -32),
        ("f8", ">f8", -64),
        ("g", ">f8", -64),
        ("c8", ">f4", -32),
    ],
)
@pytest.mark.filterwarnings("ignore:Casting complex values")
def test_pixels_are_kept_or_become_the_next_wider_kind(kind: str, stored: str, bitpix: int) -> None:
    image = np.array([[0, 1], [1, 0], [1, 1]], dtype=kind)
    data, said = image_bytes(image)
    assert said == bitpix
    assert len(data) == BLOCK
    size = np.dtype(stored).itemsize * 6
    assert data[:size] == np.array([0, 1, 1, 0, 1, 1], dtype=stored).tobytes()
    assert data[size:] == b"\0" * (BLOCK - size)


@pytest.mark.parametrize("number", [35, 36])
def test_a_header_fills_whole_blocks(number: int) -> None:
    cards = "".join(f"KEY{i:<5}= {i:>20}".ljust(80) for i in range(number))
    made = block(cards)
    assert len(made) == BLOCK * (1 if number == 35 else 2)  # 36 cards a block, one of them END
    text = made.decode("ascii")
    assert text[: len(cards)] == cards
    assert text[len(cards) :].strip() == "END"


def test_sentences_are_wrapped_at_72() -> None:
    assert commentary("HISTORY", ["a" * 72]) == "HISTORY " + "a" * 72
    made = commentary("COMMENT", ["a" * 73, "", "two words"])
    assert [made[i : i + 80].rstrip() for i in range(0, len(made), 80)] == [
        "COMMENT " + "a" * 72,
        "COMMENT a",
        "COMMENT",
        "COMMENT two words",
    ]
    assert len(made) == 4 * 80


def test_long_text_goes_on_without_its_comment() -> None:
    for length, comment in ((56, "said"), (57, ""), (60, "")):  # less room than for a word: none
        short = fits.Header.fromstring(long_card("SHORT", "s" * length, "said"))
        assert (short["SHORT"], short.comments["SHORT"]) == ("s" * length, comment)
    made = long_card("LONG", "l" * 61, "left out")
    assert fits.Header.fromstring(made)["LONG"] == "l" * 61
    assert "left out" not in made
    assert fits.Header.fromstring(long_card("LONG", "x" * 200, ""))["LONG"] == "x" * 200
    assert fits.Header.fromstring(long_card("N", 3, "a number")).comments["N"] == "a number"


def test_the_first_hdu_of_a_file() -> None:
    from radioviz import __version__

    made = primary(["one", "two"], dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), 7)
    assert b"HISTORY one " in made
    header = fits.Header.fromstring(made.decode("ascii"))
    found = [(c.keyword, c.value, c.comment) for c in header.cards]
    assert found == [
        ("SIMPLE", True, "conforms to FITS standard 4.0"),
        ("BITPIX", 8, ""),
        ("NAXIS", 0, ""),
        ("EXTEND", True, ""),
        ("ORIGIN", "RadioViz", ""),
        ("CREATOR", f"RadioViz {__version__}", ""),
        ("DATE", "2026-01-02T03:04:05", "UTC of writing"),
        ("NSOURCES", 7, "sources in this file"),
        ("HISTORY", "one", ""),
        ("HISTORY", "two", ""),
    ]


@pytest.mark.parametrize("extension", [False, True])
def test_mandatory_cards_come_first_and_in_order(extension: bool) -> None:
    made = fits.Header.fromstring(structure((3, 4), -32, extension=extension))
    begin = ("XTENSION", "IMAGE") if extension else ("SIMPLE", True)
    end = [("PCOUNT", 0), ("GCOUNT", 1)] if extension else [("EXTEND", True)]
    axes = [("NAXIS", 2), ("NAXIS1", 4), ("NAXIS2", 3)]
    assert list(made.items()) == [begin, ("BITPIX", -32), *axes, *end]
    comment = "image extension" if extension else "conforms to FITS standard 4.0"
    assert made.comments[0] == comment


def of_survey(**about: object) -> str:
    info = SurveyInfo(key="mine", title="Mine", pixel_scale=1.8, **about)  # type: ignore[arg-type]
    table = complete_columns(pd.DataFrame({"source_id": ["a"]}))
    made = Catalogue(info, table, np.zeros((1, 4, 4), np.uint8))
    return survey_cards(made.info, made.table[list(IMAGE_COLUMNS)].iloc[0].to_dict())


def test_what_holds_for_a_survey() -> None:
    text = of_survey(bunit="Jy/beam", beam=5.4, frequency=1.4, licence="Free to look at.")
    assert text.endswith("HISTORY Licence: Free to look at.".ljust(80))
    header = fits.Header.fromstring(text)
    found = {c.keyword: (c.value, c.comment) for c in header.cards if c.keyword != "HISTORY"}
    assert found == {
        "DATASET": ("mine", "data set within RadioViz"),
        "PIXSCALE": (1.8, "[arcsec] size of a pixel"),
        "BUNIT": ("Jy/beam", ""),
        "BMAJ": (5.4 / 3600, "[deg] beam FWHM, 5.4 arcsec"),
        "BMIN": (5.4 / 3600, "[deg] beam FWHM"),
        "BPA": (0.0, "[deg] the beam is taken as circular"),
        "OBSFREQ": (1.4e9, "[Hz] observing frequency"),
        "ORIGIN": ("RadioViz", ""),
    }


def test_what_is_not_known_of_a_survey_is_not_said() -> None:
    header = fits.Header.fromstring(of_survey())
    assert not {"BUNIT", "BMAJ", "BMIN", "BPA", "OBSFREQ"} & set(header)
    assert str(header["COMMENT"]) == (
        "Pixel values are uncalibrated grey levels, so there is no BUNIT."
    )


def test_the_angle_of_a_beam_is_said_where_it_is_known() -> None:
    table = pd.DataFrame(
        {
            "source_id": ["a", "b", "c"],
            "beam_major": [10.0, 10.0, 10.0],
            "beam_minor": [5.0, 5.0, 10.0],
            "beam_pa": [np.nan, 30.0, np.nan],
        }
    )
    info = SurveyInfo(key="mine", title="Mine", pixel_scale=1.8)
    made = Catalogue(info, complete_columns(table), np.zeros((3, 4, 4), np.uint8))
    headers = [
        fits.Header.fromstring(
            survey_cards(info, made.table[list(IMAGE_COLUMNS)].iloc[i].to_dict())
        )
        for i in range(3)
    ]
    assert [h.get("BPA") for h in headers] == [None, 30.0, 0.0]
    assert all(h["BMAJ"] == 10 / 3600 for h in headers)
