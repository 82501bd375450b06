"""The map as a figure: what is in the file, with few points and with many."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from radioviz.export.map_figure import MOST_VECTORS, MapFigure, write_map_figure


def made(shown: MapFigure, kind: str) -> bytes:
    file = io.BytesIO()
    write_map_figure(file, shown, kind)
    return file.getvalue()


def figure(n: int, **changes: object) -> MapFigure:
    """Blue points on the left half, orange ones on the right."""
    rng = np.random.default_rng(1)
    x = rng.random(n)
    colours = np.where((x < 0.5)[:, None], [0.0, 0.0, 1.0], [1.0, 0.5, 0.0])
    content: dict[str, object] = {
        "x": x, "y": rng.random(n), "colours": colours, "area": (0.0, 1.0, 0.0, 1.0),
        "x_title": "UMAP 1", "y_title": "UMAP 2", "names": [("cost $5", 0.5, 0.5)],
        "legend": [("FRI", "#0000ff", 7)],
    }  # fmt: skip
    return MapFigure(**(content | changes))  # type: ignore[arg-type]


def coloured(payload: bytes) -> tuple[int, int]:
    """How many pixels are blue, and how many orange."""
    pixels = np.asarray(Image.open(io.BytesIO(payload)).convert("RGB")).astype(int)
    blue = (pixels[..., 2] > pixels[..., 0] + 80).sum()
    orange = (pixels[..., 0] > pixels[..., 2] + 80).sum()
    return int(blue), int(orange)


@pytest.mark.parametrize("n", [3000, 60_000])
def test_a_png_has_the_colours_of_what_is_shown(n: int) -> None:
    blue, orange = coloured(made(figure(n), "png"))
    assert 0.7 < blue / orange < 1.4
    left = figure(n).x < 0.5
    blue, orange = coloured(made(figure(n, shown=left, legend=[]), "png"))
    assert blue > 1000
    assert orange == 0
    blue, orange = coloured(made(figure(n, area=(0.5, 1.0, 0.0, 1.0), legend=[]), "png"))
    assert orange > 1000
    assert blue == 0


@pytest.mark.parametrize("n", [3000, 60_000])
def test_a_second_survey_lies_above_or_below(n: int) -> None:
    """All points in one small place: what lies above is what is seen."""
    rings = np.arange(n) % 2 == 0
    colours = np.where(rings[:, None], [1.0, 0.5, 0.0], [0.0, 0.0, 1.0])
    rng = np.random.default_rng(2)
    x, y = (0.5 + 0.02 * rng.standard_normal(n) for _ in range(2))
    parts = {"x": x, "y": y, "colours": colours, "rings": rings, "legend": [], "names": []}
    above, below = (coloured(made(figure(n, **parts, below=b), "png")) for b in (False, True))
    assert below[0] > 2 * above[0] and above[1] > 1.2 * below[1], (above, below)


def test_text_stays_text_and_few_points_are_vectors() -> None:
    svg = made(figure(300), "svg").decode()
    assert "UMAP 1" in svg and "cost" in svg and "FRI (7)" in svg
    assert svg.count("<use ") >= 300
    overlaid = made(figure(9, ringed=[True], shapes=["FIRST", "LoTSS, VLASS"]), "svg").decode()
    assert "LoTSS, VLASS" in overlaid
    assert "<image" not in svg


def test_many_points_become_an_image_of_bounded_size() -> None:
    n = 300_000
    assert n > MOST_VECTORS
    svg = made(figure(n), "svg")
    assert svg.count(b"<image") == 1
    assert len(svg) < 4e6
    pdf = made(figure(n), "pdf")
    assert pdf.startswith(b"%PDF")
    assert len(pdf) < 4e6


def test_the_same_map_is_the_same_file() -> None:
    assert made(figure(100), "pdf") == made(figure(100), "pdf")


def test_other_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="png, svg, pdf"):
        made(figure(3), "gif")
