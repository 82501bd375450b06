"""What the browser receives of a map: addresses of binary columns, legend, colour bar, notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from radioviz.ui.charts.scales import log_ticks
from radioviz.ui.map import binary_columns as columns
from radioviz.ui.map.binary_columns import Coloured, PackedColumn, PackedPositions
from radioviz.ui.map.colour_scale import colour_ramp, colour_scale
from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.density import density_lines
from radioviz.ui.map.map_points import MapPoints

_STORE = columns.Store()


def describe_map(
    points: MapPoints, channel: str, serve: Callable[[PackedColumn, str], dict[str, str]]
) -> tuple[dict[str, Any], PackedPositions]:
    """``MapData`` of ``frontend/src/types.ts``, and the positions as they are sent.

    ``serve``: makes an address of a column, given its part in the map.
    """
    names = points.group_names
    group = points.group if len(names) > 1 else None
    base = points.places
    sent = _STORE.get(
        f"positions {base}", lambda: columns.pack_positions(points.x, points.y, group, len(names))
    )
    coloured = _STORE.get(f"colour {points.colour.digest} {base}", lambda: _colour(points, sent))

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
        "shapes": points.shapes,
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


def _colour(points: MapPoints, sent: PackedPositions) -> Coloured:
    """Legend or colour bar, and the code of every point."""
    colour = points.colour
    if colour.codes is None:
        return _colour_bar(colour, sent)
    numbers = np.asarray(colour.codes)
    description = {
        "kind": "categories",
        "title": colour.title,
        "unknown": colour.unknown,
        "names": list(colour.names),
        "colours": list(colour.colours),
        "rings": points.rings,
    }
    return Coloured(columns.categories(numbers, sent.order), description)


def _colour_bar(colour: Colour, sent: PackedPositions) -> Coloured:
    drawn, low, high = colour_scale(colour)
    ticks: list[tuple[float, str]] = []
    known = np.isfinite(drawn)
    if colour.log and known.any():
        ticks = [(float(np.log10(t)), f"{t:g}") for t in log_ticks(10.0**low, 10.0**high)]
    description = {
        "kind": "continuous",
        "title": f"{colour.title}, log scale" if colour.log else colour.title,
        "unknown": colour.unknown,
        "colours": colour_ramp(colour),
        "low": low,
        "high": high,
        "ticks": [[(value - low) / (high - low), text] for value, text in ticks],
        "known": bool(known.any()),
    }
    return Coloured(columns.scaled(drawn, low, high, sent.order), description)
