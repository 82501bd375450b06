"""Contact sheet: every selected galaxy as a captioned thumbnail in one PNG."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from radioviz.data.preprocess import Preprocess
from radioviz.errors import ExportError
from radioviz.export.groups import (
    Group,
    Groups,
    ascii_text,
    count,
    filled,
    provenance,
    terms,
)
from radioviz.jobs.progress import Progress, no_progress
from radioviz.morphology.upper_limits import limits_of, size_words
from radioviz.store.mapped import release_pages

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

# Limit for any number of galaxies: 40 million pixels need 120 MB, and image viewers open them.
_LARGEST_SHEET = 40_000_000
_SMALLEST_TILE, _CAPTION_FROM = 8, 64
_BATCH = 256
_FIELD = 172.8  # arcsec at the beam of FIRST
_PAPER, _INK, _FAINT = (16, 16, 20), (240, 240, 240), (165, 165, 175)
_BARS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


def write_contact_sheet(
    file: IO[bytes],
    groups: Groups | Group,
    *,
    tile: int = 128,
    progress: Progress = no_progress,
) -> None:
    """Write a PNG of all galaxies, north up, each to its brightest pixel with a root stretch.

    ``tile``: side of a thumbnail in pixels, reduced where the sheet would exceed 40 million pixels;
    captions need at least 64. Raises ExportError if the selection is empty or too large for one
    sheet, or the thumbnails are too small.
    """
    from PIL import Image, ImageDraw
    from PIL.PngImagePlugin import PngInfo

    groups = filled(groups)
    n = count(groups)
    if tile < _SMALLEST_TILE:
        raise ExportError(f"tile is {tile} pixels; expected {_SMALLEST_TILE} or more")
    gap = 4 if tile >= _CAPTION_FROM else 1
    tile = min(tile, math.isqrt(_LARGEST_SHEET // n) - gap)
    while tile >= _CAPTION_FROM and n * (tile + gap) * (tile + gap + _caption(tile)) > (
        _LARGEST_SHEET
    ):
        tile -= 1
    if tile < _SMALLEST_TILE:
        most = _LARGEST_SHEET // (_SMALLEST_TILE + gap) ** 2
        raise ExportError(f"{n:,} galaxies do not fit one contact sheet; it holds {most:,}")
    width, height = tile + gap, tile + gap + _caption(tile)
    across = min(n, max(1, round(math.sqrt(1.5 * n * height / width))))  # about 3:2
    down = -(-n // across)

    footer = list(dict.fromkeys(_credit(g) for g in groups))
    line = 16
    head, foot = line + 8, line * len(footer) + 8
    room = max(across * width + gap, 420)
    sheet = np.empty((head + down * height + foot, room, 3), dtype=np.uint8)
    sheet[:] = _PAPER
    corners = [(gap + (i % across) * width, head + (i // across) * height) for i in range(n)]
    lut = inferno()
    drawn = _levels(groups, tile, progress)
    for (x, y), levels in zip(corners, drawn, strict=True):
        sheet[y : y + tile, x : x + tile] = lut[levels]
    picture = Image.fromarray(sheet)
    draw = ImageDraw.Draw(picture)
    _write(draw, (gap, 5), f"{n:,} galaxies", room - 2 * gap, 12, _INK)
    if tile >= _CAPTION_FROM:
        _captions(draw, groups, corners, tile)
    for i, text in enumerate(footer):
        at = (gap, head + down * height + 4 + i * line)
        _write(draw, at, text, room - 2 * gap, 10, _FAINT)
    about = PngInfo()
    about.add_text("Software", "RadioViz")
    about.add_text("Description", "\n".join(ascii_text(text) for text in provenance(groups)))
    about.add_text("Copyright", "\n".join(ascii_text(text) for text in footer))
    picture.save(file, "PNG", compress_level=1, pnginfo=about)


def _levels(groups: Groups, tile: int, progress: Progress) -> Iterator[np.ndarray]:
    """Each image as uint8 levels ``(tile, tile)``, first row north."""
    from threadpoolctl import threadpool_limits

    done, total = 0, count(groups)
    chain = Preprocess(clip_sigma=2.0, field_arcsec=_FIELD, size=tile, stretch="sqrt")
    for group in groups:
        for start in range(0, len(group), _BATCH):
            rows = group.rows[start : start + _BATCH]
            # Resampling uses many small matrix products; waking a second thread for each costs
            # ten times the product on a busy machine.
            with threadpool_limits(1, user_api="blas"):
                batch = chain.for_rows(group.catalogue, rows)
            yield from np.rint(np.clip(batch[:, ::-1], 0, 1) * 255).astype(np.uint8)
            done += len(rows)
            progress(done, total, "images")
        release_pages(group.catalogue.images)


def _caption(tile: int) -> int:
    return 28 if tile >= _CAPTION_FROM else 0


def _credit(group: Group) -> str:
    info = group.catalogue.info
    return f"{info.title}. " + " ".join(text for text in terms(info) if "Origin" not in text)


def _captions(draw: ImageDraw, groups: Groups, corners: list[tuple[int, int]], tile: int) -> None:
    place = iter(corners)
    for group in groups:
        table = group.catalogue.table
        beams = group.catalogue.beams[group.rows]
        fields = _FIELD * np.where(np.isnan(beams), 1.0, beams / 5.4)
        wanted = {c: table[c].to_numpy()[group.rows] for c in ("name", "source_id", "las", "label")}
        limits = limits_of(table)[group.rows]
        simulated = table.get("simulated", pd.Series("", table.index)).to_numpy()[group.rows]
        for field, limit, made, name, source_id, las, label in zip(
            fields, limits, simulated, *wanted.values(), strict=True
        ):
            bar = max((b for b in _BARS if b <= field / 3), default=field / 3)
            text = f"{bar / 60:g}'" if bar >= 60 else f'{bar:g}"'
            length = tile * bar / field
            x, y = next(place)
            draw.line([(x + 4, y + tile - 5), (x + 4 + length, y + tile - 5)], fill=_INK, width=1)
            _write(draw, (x + 4, y + tile - 17), text, tile, 9, _INK)
            _write(draw, (x, y + tile + 1), str(name or source_id), tile, 10, _INK)
            facts = [size_words(las, limit, unit='"')] if np.isfinite(las) else []
            facts += [str(label)] if label else []
            facts += ["SYNTHETIC"] if made else []
            _write(draw, (x, y + tile + 13), "  ".join(facts), tile, 9, _FAINT)


def _write(
    draw: ImageDraw,
    at: tuple[float, float],
    text: str,
    room: float,
    size: int,
    colour: tuple[int, int, int],
) -> None:
    """One line of text, shortened with dots to ``room`` pixels."""
    font = _font(size)
    text = ascii_text(text, 400)
    if font.getlength(text) > room:
        while text and font.getlength(text + "...") > room:
            text = text[: max(0, min(len(text) - 1, int(len(text) * 0.95)))]
        text += "..."
    draw.text(at, text, font=font, fill=colour)


@functools.cache
def _font(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def inferno() -> np.ndarray:
    """The perceptually uniform colour map inferno, uint8 of shape ``(256, 3)``."""
    from plotly.colors import sequential

    stops = np.array(
        [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in sequential.Inferno], dtype=float
    )
    at = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(at, np.arange(len(stops)), stops[:, i]) for i in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
