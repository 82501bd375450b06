"""Decoded and generated images on the page and in files, always marked SYNTHETIC.

Decoded images have no noise, position or flux scale: pixels are 0..1 of the brightest one, and as
large on the sky as those of the training images.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from radioviz.data.datasets import first
from radioviz.jobs.progress import Progress, no_progress
from radioviz.morphology.upper_limits import size_words
from radioviz.ui.gallery import Cell
from radioviz.ui.image import sprites
from radioviz.ui.image.display import (
    ImageStyle,
    ScaleBar,
    lookup_table,
    palette_png,
    png,
    rgb_stops,
    scale_bar,
    scaled_picture_html,
)
from radioviz.ui.image.sky_image import STRETCHED
from radioviz.ui.image.sprites import Tile

if TYPE_CHECKING:
    from PIL.Image import Image

    from radioviz.models.artefact import ModelInfo

MARK = "SYNTHETIC"
DATA_SET = "synthetic"  # in place of the key of a data set, for cells of galleries

BEAM = first.INFO.beam or 5.4
"""Arcsec; models scale every survey by its beam, and decode images at the beam of FIRST."""

FLOOR = 0.03
"""Of the peak. Decoded images have no noise to define the edge of a source; this is the level of
3 sigma in a typical cutout, and sizes measured above it agree with those of real galaxies."""


def pixel_scale(info: ModelInfo) -> float:
    """Arcsec per pixel of decoded images."""
    return float(info.preprocess.output_scale_arcsec(first.INFO))


def decoded_field(info: ModelInfo) -> float:
    """Side of a decoded image in arcsec."""
    return pixel_scale(info) * info.preprocess.size


def measure_decoded(
    images: np.ndarray, info: ModelInfo, progress: Progress = no_progress
) -> pd.DataFrame:
    """Properties of decoded images, measured as in real ones.

    Pixels below :data:`FLOOR` are ignored, except in images that are zero in most pixels already.

    ``images``: shape ``(n, size, size)``; ``progress``: called as ``progress(done, total, what)``
    every hundred images. Returns the columns of :data:`radioviz.morphology.MEASURED`, and
    ``flux_over_peak``: the integrated flux over the peak brightness, in beams (1 for a point
    source).
    """
    from radioviz import morphology

    peak = images.max(axis=(1, 2), keepdims=True)
    open_ended = (images == 0).mean(axis=(1, 2), keepdims=True) < 0.5
    cut = np.where(open_ended & (images < FLOOR * peak), 0, images)
    scale = pixel_scale(info)
    table = morphology.measure(cut, scale, BEAM, progress=progress)
    beam_area = math.pi / (4 * math.log(2)) * (BEAM / scale) ** 2
    table["flux_over_peak"] = table["flux_sum"] / table["peak"] / beam_area
    return table


def levels(images: np.ndarray, style: ImageStyle) -> np.ndarray:
    """uint8 levels of images 0..1 under a stretch; row 0 stays south."""
    shown = STRETCHED[style.stretch](np.clip(images, 0, 1))
    return np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)


def draw_plane(images: np.ndarray, side: int, style: ImageStyle) -> bytes:
    """All cells of a plane in one palette PNG.

    ``images``: shape ``(side * side, ny, nx)`` in the order of :meth:`Plane.grid`: lowest row
    first.
    """
    _, ny, nx = images.shape
    grid = levels(images, style).reshape(side, side, ny, nx)
    # Rows of cells and rows of pixels start at the bottom; pictures start at the top.
    whole = grid.transpose(0, 2, 1, 3).reshape(side * ny, side * nx)[::-1]
    return palette_png(np.ascontiguousarray(whole), style.colour_map)


def tint_png(values: np.ndarray, low: float, high: float, colours: Sequence[str]) -> bytes:
    """A field ``(ny, nx)`` as a small RGBA picture, row 0 at the bottom; NaN is transparent."""
    from PIL import Image

    stops = rgb_stops(colours)
    at = np.clip((values - low) / ((high - low) or 1.0), 0, 1) * (len(stops) - 1)
    known = np.isfinite(at)
    index = np.where(known, at, 0.0)
    rgba = np.empty((*values.shape, 4), np.uint8)
    for channel in range(3):
        rgba[..., channel] = np.interp(index, np.arange(len(stops)), stops[:, channel])
    rgba[..., 3] = np.where(known, 255, 0)
    # Enlarged here, so that cells keep sharp edges in every browser.
    return _file(Image.fromarray(np.kron(rgba[::-1], np.ones((16, 16, 1), np.uint8))))


def synthetic_cells(
    images: np.ndarray,
    info: ModelInfo,
    style: ImageStyle,
    names: Sequence[str],
    notes: Sequence[str] = (),
    colours: Sequence[str] = (),
) -> list[Cell]:
    """Pictures for a gallery, each marked; ``pair`` is ``("synthetic", <number>)``."""
    if not len(images):
        return []
    whole = sprites.sheet(levels(images, style), style.colour_map)
    bar = scale_bar(decoded_field(info))
    return [
        Cell(
            (DATA_SET, str(i)),
            Tile(whole, i),
            name,
            notes[i] if notes else "",
            colours[i] if colours else "",
            bar,
            MARK,
        )
        for i, name in enumerate(names)
    ]


def picture_html(
    image: np.ndarray, field_arcsec: float, style: ImageStyle, *, alt: str, mark: str = MARK
) -> str:
    """One image with its scale bar and its mark; ``mark`` is empty for a real galaxy."""
    shown = STRETCHED[style.stretch](np.clip(image, 0, 1))
    payload = png(shown, style.colour_map)
    return scaled_picture_html(payload, scale_bar(field_arcsec), style, alt=alt, mark=mark)


def measurement_facts(row: pd.Series) -> list[tuple[str, str]]:
    """Measurements of one decoded image as text."""

    def text(name: str, pattern: str) -> str:
        value = float(row[name])
        return pattern.format(value) if math.isfinite(value) else "none measured"

    size = size_words(
        float(row["las_measured"]), not row["resolved"], float(row["las_measured_error"]), " arcsec"
    )
    return [
        ("Angular size", size or "none measured"),
        ("Flux over peak", text("flux_over_peak", "{:.2f} beams")),
        (
            "Position angle",
            text("position_angle", "{:.0f}°") if row["resolved"] else "none: unresolved",
        ),
        ("Axis ratio", text("axis_ratio", "{:.2f}")),
        ("Concentration", text("concentration", "{:.2f}")),
        ("Components", text("n_components", "{:.0f}")),
    ]


def size_notes(table: pd.DataFrame) -> list[str]:
    """Angular sizes of measured images as short notes."""
    return [
        size_words(size, not resolved) or "no source"
        for size, resolved in zip(table["las_measured"], table["resolved"], strict=True)
    ]


def marked(image: np.ndarray, style: ImageStyle, bar: ScaleBar | None, side: int = 384) -> Image:
    """One image for a file, enlarged, with scale bar and mark drawn into its pixels."""
    from PIL import Image, ImageDraw, ImageFont

    small = Image.fromarray(levels(image, style)[::-1].copy())
    picture = small.resize((side, side), Image.Resampling.BICUBIC)
    picture.putpalette(lookup_table(style.colour_map).tobytes())
    picture = picture.convert("RGB")
    draw = ImageDraw.Draw(picture)
    ink, halo = ("black", "white") if style.colour_map == "inverted" else ("white", "black")
    font = ImageFont.load_default(max(9, side // 26))
    edge = side // 24

    def write(place: tuple[float, float], text: str, anchor: str) -> None:
        draw.text(place, text, ink, font, anchor, stroke_fill=halo, stroke_width=1)

    write((side - edge, side - edge), MARK, "rs")
    if bar is not None:
        length = bar.fraction * side
        low = side - edge
        draw.rectangle((edge - 1, low - 4, edge + length + 1, low + 1), fill=halo)
        draw.rectangle((edge, low - 3, edge + length, low), fill=ink)
        # The font of Pillow has no prime signs.
        text = bar.text.replace("″", '"').replace("′", "'")
        write((edge, low - 8), text, "ls")
    return picture


def marked_png(image: np.ndarray, info: ModelInfo, style: ImageStyle) -> bytes:
    """PNG of one image with scale bar and mark."""
    return _file(marked(image, style, scale_bar(decoded_field(info))))


def sheet_png(images: np.ndarray, info: ModelInfo, style: ImageStyle, columns: int = 8) -> bytes:
    """PNG of many images in rows, each with its mark."""
    from PIL import Image

    bar, side = scale_bar(decoded_field(info)), 192
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    whole = Image.new("RGB", (columns * (side + 4) - 4, rows * (side + 4) - 4), "white")
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        whole.paste(marked(image, style, bar, side), (column * (side + 4), row * (side + 4)))
    return _file(whole)


def animation(
    images: np.ndarray,
    info: ModelInfo,
    style: ImageStyle,
    kind: str = "gif",
    milliseconds: int = 120,
) -> bytes:
    """The images forwards and backwards in a loop.

    ``kind``: an APNG keeps all colours.
    """
    bar = scale_bar(decoded_field(info))
    frames = [marked(image, style, bar, 320) for image in images]
    frames += frames[-2:0:-1]
    times = [milliseconds] * len(frames)
    # Pause at both ends.
    times[0] = times[len(images) - 1] = 5 * milliseconds
    if kind != "gif":
        return _file(
            frames[0], save_all=True, append_images=frames[1:], duration=times, loop=0,
            default_image=False,
        )  # fmt: skip
    from PIL.Image import Dither

    palette = frames[0].quantize(256) if len(frames) == 1 else _palette(frames)
    frames = [frame.quantize(palette=palette, dither=Dither.NONE) for frame in frames]
    return _file(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0,
        disposal=1,
    )  # fmt: skip


def _file(picture: Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _palette(frames: Sequence[Image]) -> Image:
    """One palette for all frames, so that colours do not flicker."""
    from PIL import Image

    some = frames[:: max(1, len(frames) // 8)]
    side = some[0].width
    strip = Image.new("RGB", (side * len(some), side))
    for i, frame in enumerate(some):
        strip.paste(frame, (i * side, 0))
    return strip.quantize(256)
