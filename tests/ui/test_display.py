"""Pictures: orientation, stretch, colour, scale bar."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from radioviz.data.catalogue import SurveyInfo
from radioviz.data.preprocess import Preprocess
from radioviz.errors import ImageError
from radioviz.ui.image import display, sprites
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.image.sprites import LevelStore, Tile

INFO = SurveyInfo("test", "Test", 1.8, beam=5.4)


def opened(payload: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(payload)).convert("RGB"), dtype=int)


def drawn(images: np.ndarray, style: ImageStyle, size: int) -> list[bytes]:
    """The pictures of a gallery, one PNG each."""
    chain = display.chain(style, size)
    levels = LevelStore(None, len(images), size).levels(
        np.arange(len(images)), lambda rows: chain(images[rows], INFO.pixel_scale, beam=INFO.beam)
    )
    sheet = sprites.sheet(levels, style.colour_map)
    return [Tile(sheet, i).png for i in range(len(images))]


def test_north_is_up_and_east_is_left() -> None:
    images = np.zeros((1, 96, 96), np.float32)
    images[0, 80, 10] = 1  # north (high row) and east (low column)
    picture = opened(drawn(images, ImageStyle("linear", "grey"), 96)[0])
    y, x = np.unravel_index(picture.sum(axis=2).argmax(), (96, 96))
    assert (y, x) == (15, 10)


def test_fields_crop_about_the_centre() -> None:
    images = np.zeros((1, 300, 300), np.float32)
    images[0, 149:151, 149:151] = 1
    images[0, 149:151, 200] = 1  # 90 arcsec west of the centre: outside 90, inside 300
    narrow = opened(drawn(images, ImageStyle("linear", "grey", 90.0), 64)[0])
    wide = opened(drawn(images, ImageStyle("linear", "grey", 300.0), 64)[0])
    assert narrow[:, 50:].sum() == 0
    assert wide[:, 45:].sum() > 0


def test_empty_and_blank_images_are_dark_pictures() -> None:
    images = np.full((2, 128, 128), np.nan, np.float32)
    images[1] = 7
    for payload in drawn(images, ImageStyle("sqrt", "grey"), 32):
        assert opened(payload).shape == (32, 32, 3)
        assert opened(payload).max() == 0


@pytest.mark.parametrize("name", [n for n in display.COLOUR_MAPS if n != "inverted"])
def test_colour_maps_brighten_all_the_way(name: str) -> None:
    table = display.lookup_table(name).astype(float)
    luminance = table @ [0.2126, 0.7152, 0.0722]
    assert table.shape == (256, 3)
    assert (np.diff(luminance) > -0.8).all()
    assert luminance[-1] - luminance[0] > 150


def test_inverted_grey_is_white_where_empty() -> None:
    assert display.lookup_table("inverted")[0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("bad", [{"stretch": "cube"}, {"colour_map": "jet"}])
def test_unknown_looks_are_named(bad: dict[str, str]) -> None:
    with pytest.raises(ImageError, match=next(iter(bad.values()))):
        ImageStyle(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", [3.0, 90.0, 172.8, 300.0, 540.0, 1440.0, 9000.0])
def test_scale_bars_are_round_and_fit(field: float) -> None:
    bar = display.scale_bar(field)
    assert bar.fraction == pytest.approx(bar.arcsec / field)
    assert 0.1 < bar.fraction <= 0.36
    number, unit = float(bar.text[:-1]), bar.text[-1]
    assert number * {"″": 1, "′": 60, "°": 3600}[unit] == pytest.approx(bar.arcsec, rel=0.01)


@pytest.mark.parametrize("field", [0.0, -1.0, float("nan"), float("inf")])
def test_no_scale_bar_without_a_field(field: float) -> None:
    with pytest.raises(ImageError, match="scale bar"):
        display.scale_bar(field)


def test_field_is_that_of_the_preprocessing() -> None:
    nvss = SurveyInfo("nvss", "NVSS", 15.0, beam=45.0)
    assert display.field_arcsec(INFO, ImageStyle()) == pytest.approx(172.8)
    assert display.field_arcsec(nvss, ImageStyle()) == pytest.approx(
        Preprocess().output_scale_arcsec(nvss) * 64
    )
