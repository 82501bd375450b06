"""The large image: axes, stretch, contours."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from radioviz.data.catalogue import SurveyInfo
from radioviz.data.preprocess import STRETCHES
from radioviz.morphology.noise import Noise
from radioviz.ui.image.display import COLOUR_MAPS, ImageStyle
from radioviz.ui.image.sky_image import colour_limits, sky_image, stretched

INFO = SurveyInfo("test", "Test", 1.8, beam=5.4)
RAW = SurveyInfo("raw", "Raw", 1.8, beam=5.4, bunit="Jy/beam", raw=True)


def test_axes_are_offsets_with_east_left_and_north_up() -> None:
    image = np.zeros((101, 101), np.float32)
    image[60, 30] = 5  # 10 pixels north, 20 pixels east of the centre
    figure = go.Figure(sky_image(image, INFO, ImageStyle()))
    heat = figure.data[0]
    y, x = np.unravel_index(np.asarray(heat.z).argmax(), (101, 101))
    assert heat.x[x] == pytest.approx(36.0) and heat.y[y] == pytest.approx(18.0)
    left, right = figure.layout.xaxis.range
    assert left > right
    assert "arcsec" in figure.layout.xaxis.title.text
    assert np.asarray(heat.customdata).max() == 5


@pytest.mark.parametrize("stretch", STRETCHES)
def test_stretches_keep_order_and_ends(stretch: str) -> None:
    image = np.linspace(0, 8, 64, dtype=np.float32).reshape(8, 8)
    assert colour_limits(image, INFO, ImageStyle()) == (0.0, 8.0)
    levels = stretched(image, stretch, 0.0, 8.0)
    assert levels.min() == 0 and levels.max() == pytest.approx(1, abs=1e-6)
    assert (np.diff(levels.ravel()) > 0).all()


def test_blank_pixels_stay_blank() -> None:
    image = np.ones((8, 8), np.float32)
    image[0] = np.nan
    image[4, 4] = 3
    levels = stretched(image, "asinh", *colour_limits(image, INFO, ImageStyle()))
    assert np.isnan(levels[0]).all() and np.isfinite(levels[1:]).all()
    go.Figure(sky_image(image, INFO, ImageStyle()))
    blank, noise = np.full((8, 8), np.nan, np.float32), Noise(0.0, 1.0, False)
    go.Figure(sky_image(blank, INFO, ImageStyle(), contours=(3.0,), noise=noise))


def test_colours_are_those_of_the_field_in_view() -> None:
    """A neighbour of 900 outside of the 60 arcsec that are shown does not darken a source of 5."""
    image = np.zeros((300, 300), np.float32)
    image[150, 150], image[20, 20] = 5, 900
    near = ImageStyle(field=60.0)
    assert colour_limits(image, INFO, near) == (0.0, 5.0)
    assert colour_limits(image, INFO, ImageStyle(field=540.0)) == (0.0, 900.0)
    heat = sky_image(image, INFO, near)["data"][0]
    assert heat["z"][150, 150] == 255
    # The field grows with the beam, as what is shown does: ten times as wide here.
    wide = SurveyInfo("wide", "Wide", 1.8, beam=54.0)
    assert colour_limits(image, wide, near) == (0.0, 900.0)


def test_percentages_leave_out_the_brightest_pixels_of_the_field() -> None:
    image = np.arange(10000, dtype=np.float32).reshape(100, 100)
    whole = ImageStyle(field=540.0)
    assert colour_limits(image, INFO, whole, "99") == (0.0, pytest.approx(9899, abs=1))
    assert colour_limits(image, INFO, whole, "95") == (0.0, pytest.approx(9499, abs=1))
    sky = np.random.default_rng(0).normal(3, 0.1, (100, 100)).astype(np.float32)
    sky[50, 50] = 9
    low, high = colour_limits(sky, RAW, whole)
    assert low == pytest.approx(3, abs=0.01) and high == 9


@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize(("low", "high"), [(0.0, 255.0), (-1.2e-4, 0.034), (2.0, 3.0)])
def test_the_colour_bar_says_pixel_values(stretch: str, low: float, high: float) -> None:
    image = np.linspace(low, high, 4096, dtype=np.float32).reshape(64, 64)
    figure = go.Figure(sky_image(image, RAW, ImageStyle(stretch), limits=(low, high)))
    bar = figure.data[0].colorbar
    assert figure.data[0].showscale and bar.title.text == "Jy/beam"
    values = [float(t) for t in bar.ticktext]
    assert values[0] == pytest.approx(low, rel=0.01) and values[-1] == pytest.approx(high, rel=0.01)
    assert len(values) >= 3 and values == sorted(values)
    for value, at in zip(values, bar.tickvals, strict=True):
        wanted = 255 * stretched(np.array([value]), stretch, low, high)[0]
        assert at == pytest.approx(wanted, abs=3)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_colours_are_not_those_that_the_theme_replaces(name: str) -> None:
    figure = sky_image(np.eye(8, dtype=np.float32), RAW, ImageStyle("linear", name))
    assert all(colour.startswith("rgb(") for _, colour in figure["data"][0]["colorscale"])
    assert "Jy/beam" in figure["data"][0]["hovertemplate"]
