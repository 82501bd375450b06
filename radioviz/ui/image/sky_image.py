"""One galaxy, large: offsets in arcsec, stretch, contours, pixel values under the cursor."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from radioviz.data.catalogue import SurveyInfo
from radioviz.data.noise_level import noise_level
from radioviz.morphology.measuring import Extent
from radioviz.morphology.noise import Noise
from radioviz.ui.image.contours import contour_traces, outline_trace
from radioviz.ui.image.display import ImageStyle, colour_stops, rgb_stops, scale_bar

Figure = dict[str, Any]

STRETCHED: dict[str, Callable[[Any], Any]] = {
    "linear": lambda v: v,
    "sqrt": np.sqrt,
    "asinh": lambda v: np.arcsinh(10 * v) / np.arcsinh(10),
    "log": lambda v: np.log1p(1000 * v) / np.log1p(1000),
}


LIMITS = {"minmax": "Min to max", "99.5": "99.5 %", "99": "99 %", "95": "95 %", "values": "Values"}
"""Ways to choose the pixel values that are drawn darkest and brightest, of the field in view."""


def field_in_view(shape: tuple[int, int], info: SurveyInfo, style: ImageStyle) -> float:
    """Side of the part of an image ``(ny, nx)`` that is shown at first, in arcsec."""
    wanted = style.field * (info.beam / 5.4 if info.beam else 1.0)
    return min(wanted, min(shape) * info.pixel_scale)


def colour_limits(
    image: np.ndarray, info: SurveyInfo, style: ImageStyle, how: str = "minmax"
) -> tuple[float, float]:
    """Pixel values drawn darkest and brightest: of the field in view, not of the whole image.

    The least is the sky's median in a raw image, whose noise would otherwise be stretched to half
    the range, else the faintest pixel. ``how`` is one of :data:`LIMITS`; a percentage is the share
    of pixels between the faintest and the greatest value.
    """
    half = field_in_view(image.shape, info, style) / info.pixel_scale / 2
    ends = [(max(round(n / 2 - half), 0), max(round(n / 2 + half), 1)) for n in image.shape]
    seen = image[tuple(slice(*e) for e in ends)]
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        seen = image[np.isfinite(image)]
    if not len(seen):
        return 0.0, 0.0
    low = noise_level(image)[0] if info.raw else float(seen.min())
    share = 100.0 if how in ("minmax", "values") else float(how)
    high = float(np.percentile(seen, share))
    return float(low), high if high > low else float(seen.max())


def stretched(image: np.ndarray, stretch: str, low: float, high: float) -> np.ndarray:
    """Levels 0..1 of an image for display, float32, NaN where it is blank.

    The stretches are those of :class:`radioviz.data.preprocess.Preprocess`.
    """
    span = high - low if high > low else 1.0
    with np.errstate(invalid="ignore"):
        levels = np.clip((image - low) / span, 0, 1)
    return STRETCHED[stretch](levels).astype(np.float32)


def sky_image(
    image: np.ndarray,
    info: SurveyInfo,
    style: ImageStyle,
    *,
    contours: Sequence[float] = (),
    noise: Noise | None = None,
    extent: Extent | None = None,
    limits: tuple[float, float] | None = None,
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
    contours : sequence of float
        Levels in sigma; they need ``noise``.
    extent : Extent, optional
        Outline the pixels of the source, and dashed those of others.
    limits : (float, float), optional
        Pixel values drawn darkest and brightest; by default :func:`colour_limits`.
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
    limits = colour_limits(image, info, style) if limits is None else limits
    unit = (info.bunit or "grey level") if unit is None else unit
    traces = [_heatmap(image, style, limits, unit) | grid]
    dark = style.colour_map != "inverted"
    if contours and noise is not None:
        colour = "#7DD3FC" if dark else "#B4005A"
        traces += contour_traces(image, noise, contours, grid, colour)
    if extent is not None:
        colour = "#FBBF24" if dark else "#0F766E"
        masks = ((extent.mask, "solid"), (extent.others, "dot"))
        traces += [outline_trace(m, grid, colour, dash) for m, dash in masks if m.any()]
    field = field_in_view(image.shape, info, style)
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
            "margin": {"l": 58, "r": 88, "t": 10, "b": 48},
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
    turn = "angle unknown" if math.isnan(angle) else f"{angle:.0f}°"
    return f"{major:.4g} × {minor:.4g}{unit}, {turn}"


def _heatmap(
    image: np.ndarray, style: ImageStyle, limits: tuple[float, float], unit: str
) -> Figure:
    levels = stretched(image, style.stretch, *limits)
    number = "%{customdata:.4g}"
    value = f"{unit} {number}" if unit == "grey level" else f"{number} {unit}"
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
        "showscale": limits[1] > limits[0],
        "colorbar": _colour_bar(style.stretch, limits, unit),
        "hovertemplate": f"ΔE %{{x:.1f}}″, ΔN %{{y:.1f}}″<br>{value}<extra></extra>",
    }


def _colour_bar(stretch: str, limits: tuple[float, float], unit: str) -> Figure:
    """Bar with pixel values at round numbers and at both ends."""
    low, high = limits
    span = high - low if high > low else 1.0
    shares = np.linspace(0, 1, 401)
    heights = STRETCHED[stretch](shares)
    # Values at even heights of the bar, rounded, so that every stretch has its labels apart.
    values = [low + span * float(np.interp(h, heights, shares)) for h in np.linspace(0, 1, 6)]
    inner = [float(f"{v:.2g}") for v in values[1:-1]]
    values = [low, *(v for v in inner if low < v < high), high]
    at = [255 * float(STRETCHED[stretch]((v - low) / span)) for v in values]
    kept = [i for i, a in enumerate(at) if i in (0, len(at) - 1) or 14 < a < 241]
    return {
        "title": {"text": html.escape(unit), "side": "right"},
        "tickmode": "array",
        "tickvals": [at[i] for i in kept],
        "ticktext": [f"{values[i]:.3g}" for i in kept],
        "thickness": 12,
        "len": 1.0,
        "outlinewidth": 0,
        "xpad": 6,
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
        if math.isnan(angle):  # the circle of the same area
            major, minor, angle = *[math.sqrt(major * minor)] * 2, 0.0
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
