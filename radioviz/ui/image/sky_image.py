"""One galaxy, large: offsets in arcsec, stretch, contours, pixel values under the cursor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from radioviz.data.catalogue import SurveyInfo
from radioviz.data.preprocess import noise_level
from radioviz.ui.image.display import ImageStyle, colour_stops, rgb_stops, scale_bar

Figure = dict[str, Any]

STRETCHED: dict[str, Callable[[Any], Any]] = {
    "linear": lambda v: v,
    "sqrt": np.sqrt,
    "asinh": lambda v: np.arcsinh(10 * v) / np.arcsinh(10),
    "log": lambda v: np.log1p(1000 * v) / np.log1p(1000),
}


def stretched(
    image: np.ndarray, stretch: str, raw: bool = False
) -> tuple[np.ndarray, float, float]:
    """Levels 0..1 of an image for display, and the pixel values drawn as 0 and 1.

    The brightest pixel is 1; 0 is the faintest, or the sky's median in a raw image, whose
    noise would otherwise be stretched to half the range.
    The stretches are those of :class:`radioviz.data.preprocess.Preprocess`.
    """
    finite = image[np.isfinite(image)]
    if not len(finite):
        return np.full(image.shape, np.nan, np.float32), 0.0, 0.0
    low = noise_level(image)[0] if raw else float(finite.min())
    high = float(finite.max())
    span = high - low if high > low else 1.0
    with np.errstate(invalid="ignore"):
        levels = np.clip((image - low) / span, 0, 1)
    return STRETCHED[stretch](levels).astype(np.float32), float(low), high


def contour_levels(image: np.ndarray, raw: bool) -> tuple[float, int]:
    """Lowest level and number of levels, each twice the one before.

    Raw images start at 3 sigma of the sky. Images that were clipped already start at
    1/32 of their brightest pixel.
    """
    finite = image[np.isfinite(image)]
    peak = float(finite.max()) if len(finite) else 0.0
    if peak <= 0:
        return 0.0, 0
    background, sigma = noise_level(image)
    base = background + 3 * sigma if raw and sigma > 0 else peak / 32
    if base <= 0 or base >= peak:
        return 0.0, 0
    return base, 1 + int(np.log2(peak / base))


def sky_image(
    image: np.ndarray,
    info: SurveyInfo,
    style: ImageStyle,
    *,
    contours: bool = False,
    height: int = 560,
    unit: str | None = None,
    beam_shape: tuple[float, float, float] | None = None,
) -> Figure:
    """An image with axes in arcsec from its centre, north up and east left.

    Parameters
    ----------
    image : numpy.ndarray
        Shape ``(ny, nx)``, row 0 south, column 0 east; NaN is left blank.
    style : ImageStyle
        ``style.field`` [arcsec at a 5.4" beam] sets the initial zoom.
    unit : str, optional
        Unit of pixel values, ``info.bunit`` by default.
    beam_shape : tuple of float, optional
        Major and minor axis of the beam [arcsec] and its position angle [deg]; by default a circle
        of ``info.beam``.
    """
    ny, nx = image.shape
    step = info.pixel_scale
    grid = {
        "x": (((nx - 1) / 2 - np.arange(nx)) * step).astype(np.float32),
        "y": ((np.arange(ny) - (ny - 1) / 2) * step).astype(np.float32),
    }
    traces = [_heatmap(image, info, style, unit) | grid]
    dark = style.colour_map != "inverted"
    base, number = contour_levels(image, info.raw)
    if contours and number:
        with np.errstate(invalid="ignore", divide="ignore"):
            octaves = np.log2(np.clip(image / base, 0.25, None))
        traces.append(
            grid
            | {
                "type": "contour",
                "z": octaves.astype(np.float32),
                "autocontour": False,
                "contours": {"start": 0, "end": number - 1, "size": 1, "coloring": "none"},
                "line": {"color": "#7DD3FC" if dark else "#B4005A", "width": 1.1},
                "showscale": False,
                "hoverinfo": "skip",
            }
        )
    field = min(style.field * (info.beam / 5.4 if info.beam else 1.0), min(nx, ny) * step)
    half = field / 2
    if beam_shape is None and info.beam:
        beam_shape = (info.beam, info.beam, 0.0)
    shapes, notes = _scale_and_beam(field, beam_shape, "#FFFFFF" if dark else "#000000")
    axis = {
        "showgrid": False,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "constrain": "domain",
    }
    east = {"title": {"text": "East offset [arcsec]"}, "range": [half, -half]}
    north = {"title": {"text": "North offset [arcsec]"}, "range": [-half, half]}
    return {
        "data": traces,
        "layout": {
            "height": height,
            "margin": {"l": 58, "r": 10, "t": 10, "b": 48},
            "xaxis": axis | east,
            "yaxis": axis | north | {"scaleanchor": "x", "scaleratio": 1},
            "shapes": shapes,
            "annotations": notes,
            "dragmode": "pan",
            "showlegend": False,
        },
    }


def beam_text(beam: tuple[float, float, float] | None, unit: str = " arcsec") -> str:
    """Size of a beam (major, minor, position angle); one number where it is circular."""
    if beam is None:
        return "unknown"
    major, minor, angle = beam
    if major / minor < 1.01:
        return f"{major:.4g}{unit}"
    return f"{major:.4g} × {minor:.4g}{unit}, {angle:.0f}°"


def _heatmap(image: np.ndarray, info: SurveyInfo, style: ImageStyle, unit: str | None) -> Figure:
    levels, _, _ = stretched(image, style.stretch, info.raw)
    unit = info.bunit if unit is None else unit
    value = f"%{{customdata:.4g}} {unit}" if unit else "grey level %{customdata:.4g}"
    stops = rgb_stops(colour_stops(style.colour_map)).astype(int).tolist()
    z: np.ndarray = np.rint(levels * 255)
    return {
        "type": "heatmap",
        "z": z.astype(np.float32) if np.isnan(levels).any() else z.astype(np.uint8),
        "zmin": 0,
        "zmax": 255,
        "customdata": image.astype(np.float32),
        # As rgb(): Streamlit replaces some hexadecimal colours (#000004) by those of its theme.
        "colorscale": [[i / (len(stops) - 1), f"rgb{tuple(c)}"] for i, c in enumerate(stops)],
        "showscale": False,
        "hovertemplate": f"ΔE %{{x:.1f}}″, ΔN %{{y:.1f}}″<br>{value}<extra></extra>",
    }


def _scale_and_beam(
    field: float, beam: tuple[float, float, float] | None, ink: str
) -> tuple[list[Figure], list[Figure]]:
    """Shapes and texts of the scale bar, and of the beam where it is known."""
    bar = scale_bar(field, 0.28)
    left, low, right = 0.45 * field, -0.44 * field, -0.45 * field
    ends = {"x0": left, "x1": left - bar.arcsec, "y0": low, "y1": low}
    shapes = [{"type": "line", **ends, "line": {"color": ink, "width": 3}}]
    text = {"showarrow": False, "font": {"color": ink, "size": 13}}
    notes = [text | {"x": left - bar.arcsec / 2, "y": low, "text": bar.text, "yshift": 12}]
    if beam:
        major, minor, angle = beam
        turn, around = math.radians(angle), np.linspace(0, 2 * np.pi, 65)
        along, across = major / 2 * np.cos(around), minor / 2 * np.sin(around)
        east = right + major / 2 + along * math.sin(turn) + across * math.cos(turn)
        north = low + along * math.cos(turn) - across * math.sin(turn)
        points = " L ".join(f"{x:.5g} {y:.5g}" for x, y in zip(east, north, strict=True))
        line = {"color": ink, "width": 1}
        shapes.append({"type": "path", "path": f"M {points} Z", "line": line})
        notes.append(
            {
                "x": right + major / 2,
                "y": low + float(np.ptp(north)) / 2,
                "text": f"beam {beam_text(beam, '″')}",
                "showarrow": False,
                "yshift": 10,
                "xanchor": "right",
                "xshift": 12,
                "font": {"color": ink, "size": 11},
            }
        )
    return shapes, notes
