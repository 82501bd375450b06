"""The large image: axes, stretch, contours."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from radioviz.data.catalogue import SurveyInfo
from radioviz.data.preprocess import STRETCHES
from radioviz.ui.image.display import COLOUR_MAPS, ImageStyle
from radioviz.ui.image.sky_image import contour_levels, sky_image, stretched

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
    levels, low, high = stretched(image, stretch)
    assert (low, high) == (0.0, 8.0)
    assert levels.min() == 0 and levels.max() == pytest.approx(1, abs=1e-6)
    assert (np.diff(levels.ravel()) > 0).all()


def test_blank_pixels_stay_blank() -> None:
    image = np.ones((8, 8), np.float32)
    image[0] = np.nan
    image[4, 4] = 3
    levels, _, _ = stretched(image, "asinh")
    assert np.isnan(levels[0]).all() and np.isfinite(levels[1:]).all()
    go.Figure(sky_image(image, INFO, ImageStyle()))
    go.Figure(sky_image(np.full((8, 8), np.nan, np.float32), INFO, ImageStyle(), contours=True))


def test_contours_start_at_three_sigma_of_raw_images() -> None:
    image = np.random.default_rng(0).normal(0, 0.1, (200, 200)).astype(np.float32)
    image[100, 100] = 9.6
    base, number = contour_levels(image, raw=True)
    assert base == pytest.approx(0.3, rel=0.05)
    assert number == 6  # 0.3, 0.6, ... 9.6
    assert base * 2 ** (number - 1) <= 9.7


def test_contours_of_clipped_and_of_empty_images() -> None:
    image = np.zeros((32, 32), np.float32)
    assert contour_levels(image, raw=False) == (0.0, 0)
    image[16, 16] = 64
    assert contour_levels(image, raw=False) == (2.0, 6)
    figure = go.Figure(sky_image(image, INFO, ImageStyle(), contours=True))
    assert [t.type for t in figure.data] == ["heatmap", "contour"]


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_colours_are_not_those_that_the_theme_replaces(name: str) -> None:
    figure = sky_image(np.eye(8, dtype=np.float32), RAW, ImageStyle("linear", name))
    assert all(colour.startswith("rgb(") for _, colour in figure["data"][0]["colorscale"])
    assert "Jy/beam" in figure["data"][0]["hovertemplate"]
