"""Contact sheet: what is where, and what it refuses."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.errors import ExportError
from radioviz.export import Group
from radioviz.export.contact_sheet import inferno
from tests.export.written import contact_sheet_png


def _picture(payload: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(payload)) as image:
        return np.asarray(image)


def test_north_is_up_and_east_is_left() -> None:
    image = np.zeros((1, 96, 96), np.uint8)
    image[0, 70:90, 5:25] = 255  # high row: north; low column: east
    table = complete_columns(pd.DataFrame({"source_id": ["a"]}))
    catalogue = Catalogue(SurveyInfo("s", "s", 1.8, 5.4), table, image)
    sheet = _picture(contact_sheet_png(Group(catalogue, np.array([0])), tile=96))
    bright = np.argwhere(sheet[..., 1] > 250)  # only the brightest colour; text is darker
    assert len(bright) > 300
    tile_top, tile_left = 24, 4
    y, x = np.median(bright, axis=0) - (tile_top, tile_left)
    assert y < 30
    assert x < 30


@pytest.mark.parametrize("n", [1, 2, 7, 100, 700])
def test_any_number_of_galaxies(first: Catalogue, n: int) -> None:
    payload = contact_sheet_png(Group(first, np.arange(n)), tile=32)
    sheet = _picture(payload)
    inner = sheet[24:]
    lit = (inner.reshape(-1, 3).max(axis=1) > 200).sum()
    assert lit >= n  # every galaxy has a bright pixel
    with Image.open(io.BytesIO(payload)) as image:
        assert "University of California" in image.info["Copyright"]
        assert image.info["Software"] == "RadioViz"


def test_data_sets_mix_and_names_are_harmless(groups: list[Group]) -> None:
    sheet = _picture(contact_sheet_png(groups, tile=80))
    assert sheet.shape[2] == 3


def test_sheet_stays_within_its_limit(first: Catalogue) -> None:
    rows = np.arange(9000) % 20
    sheet = _picture(contact_sheet_png(Group(first, rows)))
    assert 20_000_000 < sheet.shape[0] * sheet.shape[1] < 45_000_000


def test_inferno_runs_from_dark_to_bright() -> None:
    brightness = inferno().astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(brightness) > -0.6).all()
    assert brightness[0] < 10
    assert brightness[-1] > 230


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": 2}, "tile is 2 pixels; expected 8 or more"),
        ({"rows": np.zeros(600_000, int)}, "600,000 galaxies do not fit"),
        ({"rows": np.array([], int)}, "selection is empty"),
    ],
)
def test_bad_parameters(first: Catalogue, options: dict[str, Any], message: str) -> None:
    rows = options.pop("rows", np.arange(3))
    with pytest.raises(ExportError, match=message):
        contact_sheet_png(Group(first, rows), **options)
