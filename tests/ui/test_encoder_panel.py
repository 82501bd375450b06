"""Inspect: the square of sky that an encoder sees, and how well it knows such galaxies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from radioviz.atlas.scores import read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import Preprocess
from radioviz.morphology.frame import Framed, SourceFrame, framed_galaxy
from radioviz.ui.pages.inspect.encoder_panel import frame_text, outline, outside_text
from radioviz.ui.pages.inspect.explanation import probability_bar, probability_text
from tests.models.small import synthetic_catalogue


def test_the_outline_is_where_the_square_was_cut() -> None:
    """Row 0 is south and column 0 east: a source at larger x lies to the west."""
    shape = outline(Framed(y=10.0, x=20.0, field=60.0, extent=0.0, beyond=False), 2.0)
    assert (shape["x0"], shape["x1"]) == (-40.0 + 30.0, -40.0 - 30.0)
    assert (shape["y0"], shape["y1"]) == (20.0 - 30.0, 20.0 + 30.0)


def test_a_fixed_square_grows_with_the_beam_and_says_where_the_image_ends() -> None:
    catalogue = synthetic_catalogue(4)
    beam, scale = 10.8, catalogue.info.pixel_scale
    catalogue.table[["beam_major", "beam_minor"]] = beam
    side = min(catalogue.images.shape[1:])
    for share, beyond in ((0.9, False), (1.1, True)):
        chain = Preprocess(field_arcsec=share * side * scale * 5.4 / beam, size=32)
        image, frame = framed_galaxy(chain, catalogue, 0)
        assert frame.field == pytest.approx(share * side * scale)
        assert frame.beyond == beyond
        assert np.array_equal(image, chain.for_rows(catalogue, np.array([0]))[0])
        assert "about the centre of the image" in frame_text(chain, frame)


def test_a_square_that_fits_the_source_says_what_it_found() -> None:
    chain = SourceFrame(size=32, outside="mask others")
    text = frame_text(chain, Framed(0.0, 0.0, 115.2, 41.6, False))
    assert text == (
        "A square of 115″ on the sky, 32 × 32 pixels, centred on the emission; the source found "
        "there measures 42″. Islands of other sources are left out."
    )


def test_what_lies_outside_of_the_image_is_named_as_it_is_seen() -> None:
    """Where emission fills a raw image, its mean level is 0, and its darkest pixels lie below."""
    y, x = np.mgrid[:64, :64]
    filled = (np.sin(x / 9) * np.cos(y / 7)).astype(np.float32)
    double = np.where(np.hypot(x - 32, y - 32) < 3, 200, 0).astype(np.uint8)
    chain = SourceFrame(size=32, field_arcsec=240.0)
    grey = chain(filled[None], 1.8, beam=5.4, raw=True)[0]
    assert "is grey to the encoder" in outside_text(grey)
    assert f"{grey[0, 0]:.0%} of the brightest pixel" in outside_text(grey)
    assert "is empty to the encoder" in outside_text(chain(double[None], 1.8, beam=5.4)[0])


def test_inspect_shows_it(open_page: Callable[..., AppTest], first: Catalogue) -> None:
    app = open_page(
        "inspect_galaxy", data="first", encoder="simclr", source="first-17", tab="Encoder's view"
    )
    assert not app.exception
    said = " ".join(element.value for element in (*app.markdown, *app.caption))
    assert "A square of 173″ on the sky, 64 × 64 pixels, about the centre of the image." in said
    assert "Further from what SimCLR learned from than" in said
    assert "galaxies of the same surveys that it has not seen" in said


def test_a_probability_says_where_it_holds(open_page: Callable[..., AppTest]) -> None:
    assert "FRII 97%" in probability_bar(0.97, True, False)
    assert "nearly certain" in probability_bar(0.97, True, False)
    elsewhere = probability_bar(0.97, False, False)
    assert "not calibrated for this survey" in elsewhere
    assert "certain" not in elsewhere
    unknown = probability_bar(0.97, True, True)
    assert "I do not know" in unknown
    assert "FRII 97%" not in unknown
    assert probability_text("LoTSS", False, False).endswith("not calibrated for LoTSS.")
    assert "no class is given" in probability_text("FIRST", True, True)
    app = open_page("inspect_galaxy", data="first", source="first-17", tab="FR class")
    assert "P(FRII): 0 = FRI, 1 = FRII (calibrated on FIRST)" in {c.value for c in app.caption}


def test_no_class_is_given_whatever_encoder_is_in_view(open_page: Callable[..., AppTest]) -> None:
    classes = read_scores("first").table["fr_class"]
    assert 0 < (classes == "unknown").sum() < 0.02 * len(classes)
    strange = str(classes.index[classes == "unknown"][0])
    for encoder in ("vae32", "survey-simclr"):
        app = open_page(
            "inspect_galaxy", data="first", encoder=encoder, source=strange, tab="FR class"
        )
        assert "I do not know" in " ".join(str(e.proto) for e in app.get("html"))
