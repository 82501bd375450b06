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
from radioviz.ui.map.map_points import MapPoints
from radioviz.ui.palette import CONTINUOUS, CYCLIC, MISSING_COLOUR

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
    base = columns.content_hash(points.x, points.y, group, str(len(names)))
    sent = _STORE.get(
        f"positions {base}", lambda: columns.pack_positions(points.x, points.y, group, len(names))
    )
    coloured = _colour(points.colour, sent, base)
    selected = None
    if points.selected is not None:
        mask = np.asarray(points.selected, dtype=bool)
        packed = _STORE.get(
            f"bits {columns.content_hash(mask)} {base}", lambda: columns.bits(mask, sent.order)
        )
        selected = serve(packed, "selected") | {"count": int(mask.sum())}
    focus = None
    if points.focus is not None and (place := sent.place_of(points.focus)) >= 0:
        row = int(sent.order[place])
        x0, x1, y0, y1 = sent.bounds
        focus = [
            (float(points.x[row]) - x0) / (x1 - x0) * 65536,
            (float(points.y[row]) - y0) / (y1 - y0) * 65536,
        ]
    notes = []
    if points.colour.log and points.colour.values is not None:
        low = int(np.count_nonzero(np.asarray(points.colour.values) <= 0))
        if low:
            notes.append(f"{low:,} values of zero or below have the lowest colour.")
    filtered = 0 if points.shown is None else int((~points.shown).sum())
    if filtered:
        notes.append(f"{filtered:,} of {len(points):,} points do not pass the filter.")
    if sent.left_out > filtered:
        lost = sent.left_out - filtered
        notes.append(f"{lost:,} of {len(points):,} points have no position: not drawn.")
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
        "selected": selected,
        "focus": focus,
        "titles": {"x": points.x_title, "y": points.y_title},
        "description": points.description,
        "channel": channel,
        "notes": notes,
    }
    return data, sent


def _colour(colour: Colour, sent: PackedPositions, base: str) -> Coloured:
    """Legend or colour bar, and the code of every point."""
    held = colour.codes if colour.codes is not None else colour.values
    about = repr((colour.title, colour.log, colour.names, colour.colours))
    key = f"colour {columns.content_hash(None if held is None else np.asarray(held), about)} {base}"
    make = _categories if colour.codes is not None else _colour_bar
    return _STORE.get(key, lambda: make(colour, sent))


def _categories(colour: Colour, sent: PackedPositions) -> Coloured:
    numbers = np.asarray(colour.codes)
    shown = np.clip(numbers[sent.order], 0, columns.MAX_CATEGORIES)
    description = {
        "kind": "categories",
        "title": colour.title,
        "names": list(colour.names),
        "colours": list(colour.colours),
        "counts": np.bincount(shown, minlength=len(colour.names)).tolist(),
    }
    return Coloured(columns.categories(numbers, sent.order), description)


def _colour_bar(colour: Colour, sent: PackedPositions) -> Coloured:
    values = np.asarray(colour.values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.log10(values) if colour.log else values
    shown = values[np.isfinite(drawn)]
    low, high = (0.0, 180.0) if colour.cyclic else colour_range(shown)
    ticks: list[tuple[float, str]] = []
    if colour.log and len(shown):
        ticks = [(float(np.log10(t)), f"{t:g}") for t in log_ticks(low, high)]
        low, high = float(np.log10(low)), float(np.log10(high))
    if colour.log and len(shown):
        drawn = np.where(values <= 0, low, drawn)  # below the scale is not the same as unknown
    known = np.isfinite(drawn)
    description = {
        "kind": "continuous",
        "title": f"{colour.title}, log scale" if colour.log else colour.title,
        "colours": _ramp(CYCLIC if colour.cyclic else CONTINUOUS),
        "low": low,
        "high": high,
        "ticks": [[(value - low) / (high - low), text] for value, text in ticks],
        "missing": int(len(sent.order) - np.count_nonzero(known[sent.order])),
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


@cache
def _ramp(colours: tuple[str, ...]) -> list[str]:
    """Colour of no value, then 255 colours from low to high."""
    return [
        MISSING_COLOUR,
        *(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in interpolate_colours(colours, 255)),
    ]
