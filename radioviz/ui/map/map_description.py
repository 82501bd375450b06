"""What the browser receives of a map: addresses of binary columns, legend, colour bar, notes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from radioviz.ui.charts.scales import log_ticks
from radioviz.ui.image.display import interpolate_colours
from radioviz.ui.map import binary_columns as columns
from radioviz.ui.map.binary_columns import Coloured, PackedColumn, PackedPositions
from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.density import density_lines
from radioviz.ui.map.map_points import MapPoints
from radioviz.ui.palette import MISSING_COLOUR, PALETTES

_STORE = columns.Store()


def describe_map(
    points: MapPoints, channel: str, serve: Callable[[PackedColumn, str], dict[str, str]]
) -> tuple[dict[str, Any], PackedPositions]:
    """``MapData`` of ``frontend/src/types.ts``, and the positions as they are sent.

    Parameters
    ----------
    serve : callable
        Makes an address of a column, given its part in the map.
    """
    names = points.group_names
    group = points.group if len(names) > 1 else None
    base = points.places
    sent = _STORE.get(
        f"positions {base}", lambda: columns.pack_positions(points.x, points.y, group, len(names))
    )
    coloured = _colour(points.colour, sent, base)

    def masked(mask: np.ndarray | None, place: str) -> dict[str, Any] | None:
        if mask is None:
            return None
        packed = _STORE.get(
            f"bits {columns.content_hash(mask)} {base}", lambda: columns.bits(mask, sent.order)
        )
        return serve(packed, place) | {"count": int(np.count_nonzero(mask))}

    focus = None
    if points.focus is not None and (place := sent.place_of(points.focus)) >= 0:
        row = int(sent.order[place])
        focus = list(_on_grid(points.x[row], points.y[row], sent.bounds))
    notes = []
    if points.colour.log and points.colour.values is not None:
        low = int(np.count_nonzero(np.asarray(points.colour.values) <= 0))
        if low:
            notes.append(f"{low:,} values of zero or below have the lowest colour.")
    if points.shown is not None and (filtered := int(np.count_nonzero(~points.shown))):
        notes.append(f"{filtered:,} of {len(points):,} points do not pass the filter.")
    if sent.left_out:
        notes.append(f"{sent.left_out:,} of {len(points):,} points have no position: not drawn.")
    if len(sent.order) > 1 and sent.single:
        notes.append(f"All {len(sent.order):,} points lie in one place.")
    data = {
        "n": len(sent.order),
        "coarse": serve(sent.coarse, "coarse"),
        "fine": serve(sent.fine, "fine"),
        "bounds": sent.bounds,
        "extent": sent.extent,
        "codes": serve(coloured.column, "codes"),
        "colour": coloured.description,
        "groups": [
            {"name": name, "start": start, "end": end}
            for name, (start, end) in zip(names, sent.ends, strict=False)
        ],
        "selected": masked(points.selected, "selected"),
        "shown": masked(points.visible, "shown"),
        "contours": _contours(points, sent),
        "names": [
            {"text": text, "x": x, "y": y}
            for text, (x, y) in ((t, _on_grid(x, y, sent.bounds)) for t, x, y in points.names)
        ],
        "area": points.area,
        "focus": focus,
        "titles": {"x": points.x_title, "y": points.y_title},
        "description": points.description,
        "channel": channel,
        "notes": notes,
    }
    return data, sent


def _on_grid(x: float, y: float, bounds: tuple[float, float, float, float]) -> tuple[float, float]:
    """Place in units of the coarse grid."""
    x0, x1, y0, y1 = bounds
    return (float(x) - x0) / (x1 - x0) * 65536, (float(y) - y0) / (y1 - y0) * 65536


def _contours(points: MapPoints, sent: PackedPositions) -> list[list[int]]:
    """Lines of equal density of what is drawn, as the browser takes them."""
    if not points.contours:
        return []
    mask = points.visible
    x, y = (v if mask is None else v[mask] for v in (points.x, points.y))
    x0, x1, y0, y1 = sent.bounds
    lines = density_lines(x, y, sent.bounds)
    scale, low = 65536 / np.array([x1 - x0, y1 - y0]), np.array([x0, y0])
    return [np.rint((line - low) * scale).astype(int).ravel().tolist() for line in lines]


def _colour(colour: Colour, sent: PackedPositions, base: str) -> Coloured:
    """Legend or colour bar, and the code of every point."""
    make = _categories if colour.codes is not None else _colour_bar
    return _STORE.get(f"colour {colour.digest} {base}", lambda: make(colour, sent))


def _categories(colour: Colour, sent: PackedPositions) -> Coloured:
    numbers = np.asarray(colour.codes)
    description = {
        "kind": "categories",
        "title": colour.title,
        "names": list(colour.names),
        "colours": list(colour.colours),
    }
    return Coloured(columns.categories(numbers, sent.order), description)


def _colour_bar(colour: Colour, sent: PackedPositions) -> Coloured:
    values = np.asarray(colour.values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.log10(values) if colour.log else values
    shown = values[np.isfinite(drawn)]
    low, high = colour_ends(colour, shown)
    ticks: list[tuple[float, str]] = []
    if colour.log and len(shown):
        ticks = [(float(np.log10(t)), f"{t:g}") for t in log_ticks(low, high)]
        low, high = float(np.log10(low)), float(np.log10(high))
        drawn = np.where(values <= 0, low, drawn)  # below the scale is not the same as unknown
    known = np.isfinite(drawn)
    description = {
        "kind": "continuous",
        "title": f"{colour.title}, log scale" if colour.log else colour.title,
        "colours": colour_ramp(colour.palette or ("cyclic" if colour.cyclic else "")),
        "low": low,
        "high": high,
        "ticks": [[(value - low) / (high - low), text] for value, text in ticks],
        "known": bool(known.any()),
    }
    return Coloured(columns.scaled(drawn, low, high, sent.order), description)


def colour_range(values: np.ndarray) -> tuple[float, float]:
    """Ends of a colour scale for finite values of shape ``(n,)``; 0 and 1 for none.

    The 0.5th and 99.5th percentile, so that one outlier does not take the whole scale; values
    beyond have the colour of the end.
    """
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, [0.5, 99.5])
    if not high > low:
        low, high = values.min(), values.max()
    if not high > low:
        low, high = low - 0.5 * abs(low or 1), high + 0.5 * abs(high or 1)
    return float(low), float(high)


def colour_ends(colour: Colour, values: np.ndarray) -> tuple[float, float]:
    """Ends of the scale of a colouring: as the reader set them, else by its finite ``values``."""
    low, high = (0.0, 180.0) if colour.cyclic else colour_range(values)
    own_low, own_high = colour.limits
    low = low if own_low is None or (colour.log and own_low <= 0) else own_low
    high = high if own_high is None or (colour.log and own_high <= 0) else own_high
    if not high > low:  # one end was set beyond the other
        high = low * 10 if colour.log else low + (abs(low) or 1.0)
    return low, high


@cache
def colour_ramp(palette: str) -> list[str]:
    """Colour of no value, then 255 colours from low to high."""
    colours = PALETTES.get(palette, PALETTES["viridis"])
    return [
        MISSING_COLOUR,
        *(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in interpolate_colours(colours, 255)),
    ]
