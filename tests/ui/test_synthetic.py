"""Decoded images: measured like real ones, marked on every picture."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from radioviz.data.catalogue import Catalogue
from radioviz.data.preprocess import PRESETS
from radioviz.encode.generation import sigma_clipped
from radioviz.export import Group, contact_sheet
from radioviz.models.artefact import ModelInfo
from radioviz.ui import detail, galaxies, synthetic
from radioviz.ui.image import sprites
from radioviz.ui.image.display import ImageStyle
from tests.data.test_image_columns import mixed
from tests.export.written import contact_sheet_png


@pytest.fixture
def info() -> ModelInfo:
    return ModelInfo("m", "A model", "vae", ("decode",), 2, PRESETS["compact64"], {})


def pair(separation: float, faint: float = 0.0) -> np.ndarray:
    """Two beams so many arcsec apart on 64 pixels of 2.7 arcsec, with a wide faint halo."""
    y, x = (np.mgrid[:64, :64] - 32) * 2.7  # peaks lie on pixels
    sigma = 5.4 / 2.3548
    spots = sum(np.exp(-((x - s * separation / 2) ** 2 + y**2) / (2 * sigma**2)) for s in (-1, 1))
    halo = faint * np.exp(-(x**2 + y**2) / (2 * 40.0**2))
    return ((spots + halo) / (spots + halo).max()).astype(np.float32)


def test_pixels_are_as_large_as_those_that_the_model_learned_from(info: ModelInfo) -> None:
    assert synthetic.pixel_scale(info) == pytest.approx(2.7)
    assert synthetic.decoded_field(info) == pytest.approx(172.8)


def test_sizes_are_measured_above_the_floor(info: ModelInfo) -> None:
    images = np.stack([pair(59.4), pair(59.4, faint=0.02), pair(0.0)])
    table = synthetic.measure_decoded(images, info)
    # A decoder's faint wings do not count: without the floor the second would fill the image.
    np.testing.assert_allclose(table["las_measured"][:2], 59.4, rtol=0.12)
    assert not table["resolved"][2]
    # A point source holds one beam of flux, two of them two.
    assert table["flux_over_peak"][2] == pytest.approx(1, rel=0.15)
    assert table["flux_over_peak"][0] == pytest.approx(2, rel=0.15)
    notes = synthetic.size_notes(table)
    assert notes[2] == "<2.7″"
    assert notes[0].endswith("″")


def test_a_blank_image_has_no_source(info: ModelInfo) -> None:
    table = synthetic.measure_decoded(np.zeros((1, 64, 64), np.float32), info)
    assert synthetic.size_notes(table) == ["no source"]
    assert dict(synthetic.measurement_facts(table.iloc[0]))["Axis ratio"] == "none measured"


def test_sigma_clip_takes_the_noise_and_leaves_the_source() -> None:
    rng = np.random.default_rng(0)
    image = pair(40.0)
    noisy = (image + 0.01 * np.abs(rng.normal(size=image.shape)) + 1e-4).astype(np.float32)
    clipped = sigma_clipped(noisy[None])[0]
    assert (clipped[:8] == 0).mean() > 0.95
    assert clipped.max() == noisy.max()
    assert noisy[0, 0] > 0  # what was given is not changed


def test_plane_png_has_the_highest_row_on_top() -> None:
    # Cells in the order of Plane.grid(): rows of b rising, a fastest. Cell (b high, a low) bright.
    images = np.zeros((4, 8, 8), np.float32)
    images[2] = 1.0
    with Image.open(
        io.BytesIO(synthetic.draw_plane(images, 2, ImageStyle(colour_map="grey")))
    ) as png:
        pixels = np.array(png.convert("L"))
    assert pixels.shape == (16, 16)
    assert (pixels[:8, :8] == 255).all()
    assert (pixels[8:] == 0).all()
    assert (pixels[:8, 8:] == 0).all()


def test_north_is_up_in_every_picture(info: ModelInfo) -> None:
    image = np.zeros((64, 64), np.float32)
    image[-16:] = 1.0  # the last rows are north
    with Image.open(io.BytesIO(synthetic.draw_plane(image[None], 1, ImageStyle()))) as png:
        assert np.array(png.convert("L"))[0].mean() > 200
    marked = np.array(synthetic.marked(image, ImageStyle(colour_map="grey"), None).convert("L"))
    assert marked[10].mean() > 200


def lower_right(picture: Image.Image) -> np.ndarray:
    side = picture.width
    return np.array(picture.convert("L").crop((side // 2, int(side * 0.86), side, side)))


@pytest.mark.parametrize("colour_map", ["inferno", "grey", "inverted"])
def test_the_mark_is_in_the_pixels(info: ModelInfo, colour_map: str) -> None:
    image = np.zeros((64, 64), np.float32)
    with Image.open(
        io.BytesIO(synthetic.marked_png(image, info, ImageStyle(colour_map=colour_map)))
    ) as png:
        corner = lower_right(png)
    assert int(corner.max()) - int(corner.min()) > 150


def frames(payload: bytes) -> Iterator[Image.Image]:
    with Image.open(io.BytesIO(payload)) as film:
        for i in range(getattr(film, "n_frames", 1)):
            film.seek(i)
            yield film.convert("RGB")


@pytest.mark.parametrize("kind", ["gif", "apng"])
def test_animations_go_there_and_back_with_the_mark_on_every_frame(
    info: ModelInfo, kind: str
) -> None:
    images = np.stack([pair(s) for s in (0.0, 20.0, 40.0, 60.0)])
    film = list(frames(synthetic.animation(images, info, ImageStyle(), kind)))
    assert len(film) == 6
    for frame in film:
        corner = lower_right(frame)
        assert int(corner.max()) - int(corner.min()) > 150
    middle = [np.array(f.convert("L"))[160].astype(float) for f in film]
    assert np.abs(middle[1] - middle[5]).mean() < 8
    assert np.abs(middle[0] - middle[3]).mean() > 8


def test_contact_sheet_of_all(info: ModelInfo) -> None:
    with Image.open(
        io.BytesIO(synthetic.sheet_png(np.stack([pair(30.0)] * 9), info, ImageStyle(), columns=4))
    ) as png:
        assert png.size == (4 * 196 - 4, 3 * 196 - 4)


def test_gallery_cells_are_marked(info: ModelInfo) -> None:
    cells = synthetic.synthetic_cells(
        np.stack([pair(30.0)] * 2), info, ImageStyle(), ["0", "1"], ["a", "b"]
    )
    assert [c.mark for c in cells] == ["SYNTHETIC"] * 2
    assert [c.pair for c in cells] == [("synthetic", "0"), ("synthetic", "1")]
    assert (
        synthetic.synthetic_cells(np.zeros((0, 64, 64), np.float32), info, ImageStyle(), []) == []
    )


def test_picture_escapes_its_words(info: ModelInfo) -> None:
    page = synthetic.picture_html(pair(30.0), 172.8, ImageStyle(), alt='"><script>')
    assert "<script>" not in page
    assert "SYNTHETIC" in page
    assert "60″" in page
    assert "SYNTHETIC" not in synthetic.picture_html(pair(1.0), 90, ImageStyle(), alt="", mark="")


def test_tint_is_clear_where_nothing_is_known() -> None:
    values = np.array([[0.0, np.nan], [1.0, 0.5]])
    with Image.open(io.BytesIO(synthetic.tint_png(values, 0, 1, ("#000000", "#ffffff")))) as png:
        pixels = np.array(png)
    assert pixels.shape == (32, 32, 4)
    assert pixels[20, 20, 3] == 0  # low row is at the bottom, second column
    assert pixels[20, 4].tolist() == [0, 0, 0, 255]
    assert pixels[4, 4].tolist() == [255, 255, 255, 255]


def test_simulated_galaxies_of_a_data_set_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """In galleries, headings, pictures and on contact sheets; the others are not."""
    made = mixed()
    words = ["", "cvae, seed 7, index 3", "", ""]
    catalogue = Catalogue(made.info, made.table.assign(simulated=words), made.images)
    monkeypatch.setattr(galaxies.cache, "data_set", lambda key: catalogue)
    monkeypatch.setattr(galaxies, "given_words", lambda key, rows: [()] * len(rows))
    blank = np.zeros((4, 8, 8), np.uint8)
    monkeypatch.setattr(galaxies.cache, "picture_sheet", lambda *_: sprites.sheet(blank, "inferno"))
    ids = catalogue.table["source_id"].tolist()
    cells = galaxies.galaxy_cells([("x", s) for s in ids], ImageStyle())
    assert [cell.mark for cell in cells] == ["", synthetic.MARK, "", ""]
    headings = [detail.galaxy_heading(catalogue, row) for row in range(4)]
    pictures = [detail.galaxy_picture(catalogue, row, ImageStyle()) for row in range(4)]
    for marked in (headings, pictures):
        assert [synthetic.MARK in text for text in marked] == [False, True, False, False]
    written: list[str] = []
    monkeypatch.setattr(contact_sheet, "_write", lambda draw, at, text, *rest: written.append(text))
    contact_sheet_png(Group(catalogue, np.arange(4)))
    assert sum("SYNTHETIC" in text for text in written) == 1
    assert galaxies.synthetic_mark(made.table, 1) == ""
