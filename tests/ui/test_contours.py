"""Contours in sigma: their text, their pixel values, and where they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import ImageError
from radioviz.morphology import noise_of
from radioviz.morphology.noise import Noise
from radioviz.ui.image.contours import (
    DEFAULT,
    contour_traces,
    contours_text,
    parse_levels,
    pixel_value,
    sky_contours,
)
from tests.skies import SIGMA, clipped, double, sky, stretched

GRID = {"x": np.arange(150.0), "y": np.arange(150.0)}


@pytest.mark.parametrize(
    ("text", "highest", "levels"),
    [
        (DEFAULT, 50, (-3, 3, 6, 12, 24, 48)),
        ("3 4.5 6", 1000, (3, 4.5, 6)),
        ("5; 10; …", 45, (5, 10, 20, 40)),
        ("-6,-3,3,9...", 100, (-6, -3, 3, 9, 27, 81)),
        ("6, 3, 3", 10, (3, 6)),
        ("−3, 3", 10, (-3, 3)),
        ("4...", 70, (4, 16, 64)),
        ("1e1", 70, (10,)),
    ],
)
def test_levels_are_read(text: str, highest: float, levels: tuple[float, ...]) -> None:
    assert parse_levels(text, highest) == levels


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "expected numbers"),
        ("3, six", "'six'"),
        ("3, 0", "hold 0"),
        ("nan", "'nan'"),
        ("1e999", "infinite"),
        ("6, 3, ...", "from 6 to 3"),
        ("-3...", "positive"),
    ],
)
def test_what_is_no_level_is_named(text: str, names: str) -> None:
    with pytest.raises(ImageError, match=names):
        parse_levels(text, 100)


def test_the_dots_end() -> None:
    assert len(parse_levels("3, 3.1, ...", 1e12)) <= 30


def _one(image: np.ndarray, raw: bool = False, others: list[np.ndarray] | None = None) -> Catalogue:
    import pandas as pd

    images = np.stack([image, *(others or [])])
    table = complete_columns(pd.DataFrame({"source_id": [f"s{i}" for i in range(len(images))]}))
    return Catalogue(SurveyInfo("toy", "Toy", 1.8, beam=5.4, raw=raw), table, images)


def _outline(traces: list[dict], level: int) -> np.ndarray:
    """Pixels at or above the numbered level of the last trace."""
    return np.asarray(traces[-1]["z"]) >= level


def test_contours_of_a_raw_image_are_at_multiples_of_its_noise() -> None:
    image = sky(double(50, 30), seed=2) + np.float32(0.01)
    noise = noise_of(_one(image, raw=True), 0)
    assert noise.sigma == pytest.approx(SIGMA, rel=0.05)
    levels = parse_levels(DEFAULT, 70)
    negative, positive = contour_traces(image, noise, levels, GRID, "#fff")
    assert negative["line"]["dash"] == "dot" and positive["line"]["dash"] == "solid"
    assert positive["contours"]["end"] == len([v for v in levels if v > 0]) - 1
    for number, k in enumerate(v for v in levels if v > 0):
        wanted = image >= 0.01 + k * SIGMA
        assert (_outline([positive], number) != wanted).mean() < 0.004
    below = np.asarray(negative["z"]) <= 0
    assert (below != (image <= 0.01 - 3 * SIGMA)).mean() < 0.002 and below.any()


@pytest.mark.parametrize("kind", ["clipped", "stretched"])
def test_contours_of_eight_bits_are_at_the_same_places(kind: str) -> None:
    """Neither has a pixel below 3 sigma; in the second, that level is at grey level 0."""
    raw = [sky(double(50, 20 * i, peak=60), n=150, seed=i) for i in range(12)]
    made = [clipped(r) if kind == "clipped" else stretched(r) for r in raw]
    catalogue = _one(made[0], others=made[1:])
    noise = noise_of(catalogue, 0)
    image = catalogue.image(0)
    (traces,) = (contour_traces(image, noise, (-3.0, 3.0, 6.0, 12.0, 24.0), GRID, "#fff"),)
    assert [t["line"]["dash"] for t in traces] == ["solid"]
    near = np.hypot(*(np.indices((150, 150)) - 74.5)) < 30
    for number, k in enumerate((3, 6, 12)):
        mine, true = ((m & near).sum() for m in (_outline(traces, number), raw[0] >= k * SIGMA))
        # The noise of a stretched image is known to some 20 %.
        assert mine == pytest.approx(true, rel=0.15 if kind == "clipped" else 0.3), k
    assert np.isnan(pixel_value(-3, noise)) and np.isnan(pixel_value(2, noise))
    assert "nothing below 3σ" in contours_text(image, noise, (-3.0, 3.0, 6.0), "grey levels")


def test_the_page_says_the_levels_and_the_noise() -> None:
    image = sky(double(50, 30, peak=40), seed=2)
    noise = Noise(0.0, SIGMA, False)
    text = contours_text(image, noise, parse_levels(DEFAULT, 45), "Jy/beam")
    assert text == "Contours at -3, 3, 6, 12, 24σ; 1σ = 0.00015 Jy/beam."
    assert "No pixel" in contours_text(image, noise, (500.0,), "Jy/beam")
    assert "unknown" in contours_text(image, Noise(0.0, 0.0, True), (3.0,), "Jy/beam")
    assert contour_traces(image, Noise(0.0, 0.0, True), (3.0,), GRID, "#fff") == []


def test_contours_on_the_sky_lie_where_the_image_has_that_value(first_catalogue: Catalogue) -> None:
    from astropy.coordinates import SkyCoord
    from astropy.wcs.utils import skycoord_to_pixel
    from scipy.ndimage import map_coordinates

    noise = noise_of(first_catalogue, 3)
    found = sky_contours(first_catalogue, 3, "6, 12, 24")
    assert {level for level, _ in found} == {6.0, 12.0, 24.0}
    image, wcs = first_catalogue.image(3), first_catalogue.wcs(3)
    for level, line in found:
        x, y = skycoord_to_pixel(SkyCoord(*line.T, unit="deg"), wcs, origin=0)
        inside = (x > 1) & (y > 1) & (x < image.shape[1] - 2) & (y < image.shape[0] - 2)
        here = map_coordinates(image, [y[inside], x[inside]], order=1)
        # Linear between pixels along their sides, as contours are; NaN nowhere.
        np.testing.assert_allclose(
            here, pixel_value(level, noise), atol=0.02 * level * noise.sigma + 0.5
        )
    # East is at larger right ascension: the image's left.
    _, line = max(found, key=lambda part: len(part[1]))
    x, _ = skycoord_to_pixel(SkyCoord(*line.T, unit="deg"), wcs)
    assert np.corrcoef(x, line[:, 0])[0, 1] < -0.99
