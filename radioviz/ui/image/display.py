"""Galaxies as pictures: stretch, colour map, PNG, and how long the scale bar is."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radioviz.data.catalogue import Catalogue, SurveyInfo
from radioviz.data.preprocess import STRETCHES, Preprocess
from radioviz.errors import ImageError

# Perceptually uniform, plus the two greys that astronomers print.
COLOUR_MAPS = {
    "inferno": "Inferno",
    "viridis": "Viridis",
    "cividis": "Cividis",
    "magma": "Magma",
    "grey": "Grey",
    "inverted": "Inverted grey",
}
# Fields of view in arcsec at FIRST's beam; they grow with the beam of a survey, as the
# models' own crop does, so that NVSS shows as many beams.
FIELDS = (30.0, 90.0, 172.8, 300.0, 540.0)

RGB = "RGB"
"""What links and selectors call the images of a source in colour."""

_BAR_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600)


@dataclass(frozen=True)
class ImageStyle:
    """How images are drawn: ``stretch``, ``colour_map``, ``field`` [arcsec at a 5.4" beam].

    ``plane`` names the one of several images of a source that is shown; empty for the first.
    ``composite`` shows them together, in colour, where a source has several.
    """

    stretch: str = "sqrt"
    colour_map: str = "inferno"
    field: float = 172.8
    plane: str = ""
    composite: bool = False

    def __post_init__(self) -> None:
        if self.stretch not in STRETCHES:
            raise ImageError(f"no stretch '{self.stretch}'; there are {', '.join(STRETCHES)}")
        if self.colour_map not in COLOUR_MAPS:
            raise ImageError(
                f"no colour map '{self.colour_map}'; there are {', '.join(COLOUR_MAPS)}"
            )


def shown_plane(catalogue: Catalogue, style: ImageStyle) -> Catalogue:
    """A catalogue in the plane that is shown; in its first where it has no such plane."""
    return catalogue.of_plane(style.plane) if style.plane in catalogue.planes else catalogue


def colour_stops(name: str) -> list[str]:
    """Colours of a map, dark to bright, as ``#rrggbb`` (also a colour scale of Plotly)."""
    if name == "grey":
        return ["#000000", "#ffffff"]
    if name == "inverted":
        return ["#ffffff", "#000000"]
    from plotly.colors import sequential

    return getattr(sequential, name.capitalize())


def rgb_stops(colours: Sequence[str]) -> np.ndarray:
    """``#rrggbb`` colours as float64 of shape ``(n, 3)``, 0 to 255."""
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], dtype=float)


def interpolate_colours(colours: Sequence[str], n: int) -> np.ndarray:
    """``n`` evenly spaced colours of a scale: uint8 of shape ``(n, 3)``."""
    stops = rgb_stops(colours)
    at = np.linspace(0, len(stops) - 1, n)
    table = np.stack([np.interp(at, np.arange(len(stops)), stops[:, i]) for i in range(3)], axis=1)
    return np.rint(table).astype(np.uint8)


@lru_cache(maxsize=len(COLOUR_MAPS))
def lookup_table(name: str) -> np.ndarray:
    """256 colours of a colour map, uint8 of shape ``(256, 3)``."""
    return interpolate_colours(colour_stops(name), 256)


def palette_png(index: np.ndarray, colour_map: str) -> bytes:
    """Palette PNG of levels 0 to 255 (uint8, ``(ny, nx)``), row 0 at the top."""
    from PIL import Image

    image = Image.fromarray(index)
    image.putpalette(lookup_table(colour_map).tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def png(levels: np.ndarray, colour_map: str) -> bytes:
    """Palette PNG of one image.

    ``levels``: shape ``(ny, nx)``, 0..1, row 0 is south (drawn at the bottom).
    """
    index = np.rint(np.clip(levels[::-1], 0, 1) * 255).astype(np.uint8)
    return palette_png(index, colour_map)


def chain(style: ImageStyle, size: int) -> Preprocess:
    """Preprocessing that gives the levels of a picture, before its colour map."""
    # Only raw images, which still contain noise, are clipped.
    return Preprocess(clip_sigma=2.0, field_arcsec=style.field, size=size, stretch=style.stretch)


def data_uri(payload: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(payload).decode("ascii")


def field_arcsec(info: SurveyInfo, style: ImageStyle) -> float:
    """Side of a picture on the sky, in arcsec."""
    chain = Preprocess(field_arcsec=style.field)
    return chain.field_in_pixels(info.pixel_scale, info.beam) * info.pixel_scale


@dataclass(frozen=True)
class ScaleBar:
    """``fraction`` of the picture's width, and its ``text``."""

    arcsec: float
    fraction: float
    text: str


def scale_bar(field: float, largest: float = 0.36) -> ScaleBar:
    """The longest round bar of at most ``largest`` times ``field`` arcsec.

    >>> scale_bar(172.8).text
    '60″'
    >>> scale_bar(90).text
    '30″'
    """
    if not (math.isfinite(field) and field > 0):
        raise ImageError(
            f"a field of {field!r} arcsec has no scale bar; expected a positive number"
        )
    fitting = [step for step in _BAR_STEPS if step <= largest * field]
    length = float(fitting[-1]) if fitting else field * largest
    if length >= 3600:
        text = f"{length / 3600:g}°"
    elif length >= 600:
        text = f"{length / 60:g}′"
    else:
        text = f"{length:.3g}″"
    return ScaleBar(length, length / field, text)


def has_colours(planes: Sequence[str]) -> bool:
    """Whether images of these planes can be joined in colour: from two on."""
    return len(planes) >= 2 and RGB.lower() not in map(str.lower, planes)


def rgb_png(rgb: np.ndarray) -> bytes:
    """PNG of colours 0 to 255 of shape ``(ny, nx, 3)``, row 0 at the bottom."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.rint(rgb[::-1]).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def scaled_picture_html(
    payload: bytes, bar: ScaleBar, style: ImageStyle, *, alt: str, mark: str = ""
) -> str:
    """A PNG with its scale bar, and a mark in the lower right corner."""
    ink, halo = ("#000", "#fff") if style.colour_map == "inverted" else ("#fff", "#000")
    text = f"position:absolute;color:{ink};line-height:1;text-shadow:0 0 3px {halo},0 0 2px {halo}"
    return (
        '<div class="picture" '
        'style="position:relative;border-radius:8px;overflow:hidden;line-height:0">'
        f'<img src="{data_uri(payload)}" alt="{html.escape(alt, quote=True)}" '
        'style="width:100%;aspect-ratio:1;display:block">'
        f'<div style="{text};left:4%;bottom:7.5%;font-size:13px">{bar.text}</div>'
        '<div style="position:absolute;left:4%;bottom:4%;height:3px;'
        f'width:{100 * bar.fraction:.2f}%;background:{ink};box-shadow:0 0 3px {halo}"></div>'
        f'<div style="{text};right:4%;bottom:4%;font-size:11px;letter-spacing:.12em">{mark}</div>'
        "</div>"
    )
