"""Sizes as the pages give them: error, limit, doubts, disagreement; and thumbnails of noise."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.morphology import complete
from radioviz.ui import galaxies
from radioviz.ui.image import display, sprites
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.map import colouring
from tests.skies import BEAM, SCALE, double, sky

IMAGES = {
    "point": sky([(0, 0, 90)]),
    "double": sky(double(60, 20)),
    "speck": sky([(0, 0, 5.6)], seed=5),
    "larger in the catalogue": sky(double(60, 20), seed=2),
    "point with a large size": sky([(0, 0, 90)], seed=3),
    "agrees": sky(double(60, 20), seed=4),
    "limit of the catalogue": sky([(0, 0, 90)], seed=6),
    "a third larger in the catalogue": sky(double(75, 20), seed=7),
}
GIVEN = [np.nan, np.nan, np.nan, 107.2, 30.0, 66.0, 5.0, 107.2]


DISAGREE = ("larger in the catalogue", "a third larger in the catalogue", "point with a large size")


@pytest.fixture(scope="module")
def measured() -> Catalogue:
    table = complete_columns(
        pd.DataFrame(
            {
                "source_id": list(IMAGES),
                "las": GIVEN,
                "las_origin": np.where(np.isfinite(GIVEN), "catalogue", ""),
                "las_limit": [False] * 6 + [True, False],
            }
        )
    )
    info = SurveyInfo("toy", "Toy", SCALE, beam=BEAM, bunit="Jy/beam", raw=True)
    return complete(Catalogue(info, table, np.stack(list(IMAGES.values()))))


def facts(catalogue: Catalogue, name: str) -> dict[str, str]:
    return dict(galaxies.galaxy_facts(catalogue, list(IMAGES).index(name)))


def test_a_size_has_its_error_or_is_a_limit(measured: Catalogue) -> None:
    assert facts(measured, "point")["Angular size"] == "<2.7 arcsec (upper limit, measured)"
    assert "Position angle" not in facts(measured, "point")
    size = facts(measured, "double")["Angular size"]
    assert size.endswith("arcsec (measured)") and "±" in size
    value, error = (float(v) for v in size.split(" arcsec")[0].split(" ± "))
    assert value == pytest.approx(60, abs=2) and error == pytest.approx(7.9, abs=0.6)
    assert facts(measured, "limit of the catalogue")["Angular size"] == (
        "<5.0 arcsec (upper limit, catalogue)"
    )
    assert facts(measured, "larger in the catalogue")["Angular size"] == "107 arcsec (catalogue)"


def test_doubts_are_in_words(measured: Catalogue) -> None:
    assert "the peak is below 7 sigma" in facts(measured, "speck")["Angular size, measured"]
    assert "below" not in facts(measured, "double")["Angular size, measured"]


@pytest.mark.parametrize("name", [*DISAGREE])
def test_a_disagreement_is_said_with_both_sizes(measured: Catalogue, name: str) -> None:
    said = galaxies.size_disagreement(measured, list(IMAGES).index(name))
    assert said.startswith("The sizes disagree: the catalogue gives ")
    assert ("107 arcsec" if "larger" in name else "30 arcsec") in said
    assert ("±" in said) == ("larger" in name)


@pytest.mark.parametrize("name", ["agrees", "point", "double", "limit of the catalogue"])
def test_agreement_and_measured_sizes_are_silent(measured: Catalogue, name: str) -> None:
    assert galaxies.size_disagreement(measured, list(IMAGES).index(name)) == ""


def test_measurements_have_three_digits(measured: Catalogue) -> None:
    found = facts(measured, "double")
    for title in ("Position angle", "Signal to noise", "Axis ratio", "Sum of the source's pixels"):
        digits = found[title].split()[0].replace(".", "").lstrip("0-")
        assert len(digits) <= 3 or float(found[title].split()[0]).is_integer(), title
    assert found["Peak brightness"].endswith(" Jy/beam")


def test_a_table_that_was_not_measured_has_nothing_to_say(measured: Catalogue) -> None:
    table = complete_columns(pd.DataFrame({"source_id": ["a"], "las": [9.0]}))
    bare = Catalogue(measured.info, table, measured.images[:1])
    assert galaxies.size_disagreement(bare, 0) == ""
    assert dict(galaxies.galaxy_facts(bare, 0))["Angular size"] == "9.0 arcsec"


def test_the_colour_bar_says_how_many_sizes_are_limits(measured: Catalogue) -> None:
    for name, share in (("las", "38% upper limits"), ("las_measured", "50% upper limits")):
        choice = colouring.Choice(name, *colouring.title_of(name))
        found = colouring.colour_by(choice, measured.table, pd.DataFrame(), np.zeros((8, 0)))
        assert found.title.endswith(f"[arcsec], {share}")
    plain = measured.table.assign(las_limit=False)
    choice = colouring.Choice("las", *colouring.title_of("las"))
    title = colouring.colour_by(choice, plain, pd.DataFrame(), np.zeros((8, 0))).title
    assert title == "Angular size [arcsec]"


@pytest.mark.parametrize("stretch", ["sqrt", "asinh", "log"])
def test_thumbnails_of_raw_images_are_dark_where_there_is_no_source(stretch: str) -> None:
    """Noise of 1 and a source of 200: most of the sky has the darkest level."""
    noise = np.random.default_rng(0).normal(0, 1, (1, 150, 150)).astype(np.float32)
    noise[0, 70:80, 70:80] += 200
    style = ImageStyle(stretch)
    table = complete_columns(pd.DataFrame({"source_id": ["a"]}))
    brightness = {}
    for raw in (True, False):
        info = SurveyInfo("toy", "Toy", SCALE, beam=BEAM, raw=raw)
        levels = display.chain(style, 96).for_rows(Catalogue(info, table, noise), np.array([0]))
        sheet = sprites.sheet(np.rint(255 * levels).astype(np.uint8), "grey")
        with Image.open(io.BytesIO(sheet.payload)) as image:
            grey = np.asarray(image.convert("L"))
        brightness[raw] = float(np.median(grey)), float(grey[:30].mean())
    # Noise without a clip would fill the sky; what was clipped already is not clipped again.
    assert brightness[True][0] == 0 and brightness[False][0] > 12
    assert brightness[True][1] < 0.5 * brightness[False][1]
