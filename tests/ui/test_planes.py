"""Several images of a source on the pages: chosen, in colour, with facts of their own."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.user_surveys import survey_folder
from radioviz.morphology import complete, complete_plane
from radioviz.ui import galaxies
from radioviz.ui.cache import picture_sheet
from radioviz.ui.image.composite import CompositeStyle, composite, usual_colours
from radioviz.ui.image.display import ImageStyle, has_colours, shown_plane
from radioviz.ui.image.sprites import Tile
from radioviz.ui.pages.inspect.galaxy_panels import noise_text
from tests.skies import BEAM, SCALE, double, sky

PLANES = ("L", "S", "C")


def catalogue(key: str = "bands", **columns: object) -> Catalogue:
    """Two galaxies in three bands: a point in the first, doubles of 40 and 60 arcsec in others."""
    seen = [sky([(0, 0, 90)]), sky(double(40, 30), seed=1), sky(double(60, 30), seed=2)]
    cube = np.stack([np.stack(seen)] * 2).astype(np.float32)
    given = {
        "source_id": ["one", "two"], "ra": [10.0, 20.0], "dec": 5.0, "frequency": 1.4,
        "frequency_2": 3.0, "frequency_3": 5.0, "beam_major_3": 2 * BEAM, "beam_minor_3": 2 * BEAM,
        **columns,
    }  # fmt: skip
    info = SurveyInfo(key, "Bands", SCALE, beam=BEAM, bunit="Jy/beam", raw=True)
    return Catalogue(info, complete_columns(pd.DataFrame(given)), cube, planes=PLANES)


def test_facts_are_those_of_the_plane() -> None:
    made = complete(catalogue())
    first = dict(galaxies.galaxy_facts(made, 0))
    third = dict(galaxies.galaxy_facts(complete_plane(made, 0, 2), 0))
    assert first["Angular size"].startswith("<")
    assert third["Angular size"].endswith("arcsec (measured)")
    assert (first["Observing frequency"], third["Observing frequency"]) == ("1.4 GHz", "5 GHz")
    assert not [title for title in (*first, *third) if title.endswith((" 1", " 2", " 3"))]


def test_what_is_stated_is_said() -> None:
    given = {"primary_beam": "uncorrected", "primary_beam_response": [0.5, np.nan]}
    made = complete(catalogue(rms=[3e-4, np.nan], **given))
    stated, measured = (dict(galaxies.galaxy_facts(made, row)) for row in (0, 1))
    assert stated["Noise"] == "0.0003 Jy/beam (stated, and measured with)"
    assert "stated" not in measured["Noise"]
    flux = [f["Flux density"] for f in (stated, measured)]
    assert flux[0].endswith("(measured, primary beam: divided by the response)")
    assert flux[1].endswith("(measured, primary beam: not corrected: response unknown)")
    from radioviz.morphology import noise_of

    text = noise_text(made, 0, noise_of(made, 0))
    assert text.startswith("0.0003 Jy/beam, as stated with the image, where ")
    assert noise_text(made, 1, noise_of(made, 1)).endswith("measured in the image")
    wrong = complete(catalogue(rms=1e-3))
    assert "differ by more than a factor of 2" in noise_text(wrong, 0, noise_of(wrong, 0))


def test_thumbnails_are_of_the_chosen_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    made = catalogue()
    monkeypatch.setattr("radioviz.ui.cache.pictures.data_set_version", lambda key: (key, "x", 0))
    sheets = {p: picture_sheet(made, np.array([0]), ImageStyle(plane=p)).digest for p in PLANES}
    assert len(set(sheets.values())) == 3
    assert picture_sheet(made, np.array([0]), ImageStyle()).digest == sheets["L"]
    assert picture_sheet(made, np.array([0]), ImageStyle(plane="none")).digest == sheets["L"]
    assert shown_plane(made, ImageStyle(plane="S")).plane == 1


def test_thumbnails_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    made = catalogue()
    monkeypatch.setattr("radioviz.ui.cache.pictures.data_set_version", lambda key: (key, "x", 0))
    style = ImageStyle(composite=True)
    sheet = picture_sheet(made, np.array([0, 1]), style, 64)
    for row in (0, 1):
        with Image.open(io.BytesIO(Tile(sheet, row).png)) as picture:
            seen = np.asarray(picture.convert("RGB"))
        expected = composite(made, row, style, CompositeStyle(usual_colours(made, row)), 64)
        np.testing.assert_array_equal(seen[::-1], expected)
    one = Catalogue(made.info, made.table, made.images)
    assert picture_sheet(one, np.array([0]), style).digest == (
        picture_sheet(one, np.array([0]), ImageStyle()).digest
    )


def test_colours_follow_the_frequency() -> None:
    assert usual_colours(catalogue(), 0) == ("L", "S", "C")
    reversed_bands = catalogue(frequency=5.0, frequency_3=1.4)
    assert usual_colours(reversed_bands, 0) == ("C", "S", "L")
    made = catalogue()
    optical = Catalogue(
        SurveyInfo("o", "O", SCALE), complete_columns(made.table[["source_id", "ra", "dec"]]),
        np.zeros((2, 5, 8, 8), np.float32), planes=("u", "g", "r", "i", "z"),
    )  # fmt: skip
    assert usual_colours(optical, 0) == ("i", "r", "g")
    pair = Catalogue(made.info, made.table, made.cube[:, :2], planes=("L", "S"))
    assert usual_colours(pair, 0) == ("L", "S", "S")
    assert has_colours(pair.planes) and not has_colours(("L",)) and not has_colours(("a", "rgb"))


def test_a_source_of_one_band_has_the_colour_of_that_band() -> None:
    made = catalogue()
    cube = np.random.default_rng(0).normal(0, 1, made.cube.shape).astype(np.float32)
    middle = cube.shape[-1] // 2
    cube[0, 0, middle - 2 : middle + 3, middle - 2 : middle + 3] += 300
    one = Catalogue(made.info, made.table, cube, planes=PLANES)
    size = 121
    for planes, channel in ((("L", "S", "C"), 0), (("S", "L", "C"), 1), (("C", "S", "L"), 2)):
        picture = composite(one, 0, ImageStyle(), CompositeStyle(planes), size)
        assert picture.shape == (size, size, 3) and picture.dtype == np.uint8
        at = picture[size // 2, size // 2].astype(int)
        assert at.argmax() == channel and at[channel] > 200
        assert np.delete(at, channel).max() < 60
    # The same source in all bands is white, whatever their units are: each is in its own noise.
    white = cube.copy()
    white[0, 1:] = cube[0, 0] * np.array([1e-3, 1e3])[:, None, None]
    grey = Catalogue(made.info, made.table, white, planes=PLANES)
    at = composite(grey, 0, ImageStyle(), CompositeStyle(PLANES), size)[size // 2, size // 2]
    assert np.ptp(at.astype(int)) <= 2 and at.min() > 150


def test_a_missing_band_is_black_in_colour() -> None:
    made = catalogue(missing_planes=["C", ""])
    cube = made.cube.copy()
    cube[0, 2] = np.nan
    lacking = Catalogue(made.info, made.table, cube, planes=PLANES)
    picture = composite(lacking, 0, ImageStyle(), CompositeStyle(PLANES), 64)
    assert not picture[..., 2].any() and picture[..., 0].any()


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    made = catalogue("mybands", missing_planes=["", "S"])
    cube = made.cube.copy()
    cube[1, 1] = np.nan
    lacking = Catalogue(made.info, made.table, cube, planes=PLANES)
    return lacking.save(survey_folder("mybands"))


def test_inspect_shows_the_plane_of_the_link(
    survey: Catalogue, open_page: Callable[..., AppTest]
) -> None:
    app = open_page("inspect_galaxy", data="mybands", source="one", plane="C")
    assert not app.exception and not app.error
    assert app.session_state["inspect_plane"] == "C"
    html = " ".join(element.proto.body for element in app.get("html"))
    assert "5 GHz" in html and "Band or epoch" in html
    app = open_page("inspect_galaxy", data="mybands", source="one", plane="RGB")
    assert not app.exception and not app.error
    assert (app.session_state["inspect_plane"], app.session_state["plane"]) == ("RGB", "RGB")
    assert any("Red L, green S, blue C" in c.value for c in app.caption)
    app = open_page("inspect_galaxy", data="mybands", source="two", plane="S")
    assert not app.exception
    assert any("This source has no S" in c.value for c in app.caption)
    assert any("empty" in w.value for w in app.warning)
