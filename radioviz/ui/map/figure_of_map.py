"""A map on the screen as a figure to save."""

from __future__ import annotations

import numpy as np

from radioviz.export.map_figure import MapFigure
from radioviz.ui.image.display import rgb_stops
from radioviz.ui.map.colour_scale import colour_ramp, colour_scale
from radioviz.ui.map.density import density_lines
from radioviz.ui.map.map_points import MapPoints, SeenMap


def figure_of(points: MapPoints, seen: SeenMap) -> MapFigure:
    """What a map shows now: its area, and without the categories hidden in its legend."""
    colour, shown = points.colour, points.visible
    legend: list[tuple[str, str, int]] = []
    ringed: list[bool] = []
    bar = None
    if colour.codes is not None:
        codes = np.asarray(colour.codes)
        table = rgb_stops(colour.colours or ["#808080"]) / 255
        if seen.hidden:
            free = ~np.isin(codes, seen.hidden)
            shown = free if shown is None else shown & free
        counted = codes if shown is None else codes[shown]
        numbers = np.bincount(counted, minlength=len(colour.names)).tolist()
        legend = [
            (name or colour.unknown, own, count)
            for name, own, count in zip(colour.names, colour.colours, numbers, strict=True)
            if count
        ]
        ringed = [ring for ring, count in zip(points.rings, numbers, strict=True) if count]
    else:
        drawn, low, high = colour_scale(colour)
        ramp = colour_ramp(colour)
        with np.errstate(invalid="ignore"):
            place = np.clip((drawn - low) / (high - low), 0, 1)
        codes = np.where(np.isfinite(drawn), 1.5 + 254 * np.nan_to_num(place), 0).astype(np.int64)
        table = rgb_stops(ramp) / 255
        if np.isfinite(drawn).any():
            bar = (colour.title, ramp[1::8], low, high, colour.log)
    lines = []
    if points.contours:
        x, y = (v if points.visible is None else v[points.visible] for v in (points.x, points.y))
        known = np.isfinite(points.x) & np.isfinite(points.y)
        if known.any():
            ends = [(float(v[known].min()), float(v[known].max())) for v in (points.x, points.y)]
            if all(high > low for low, high in ends):
                lines = density_lines(x, y, (*ends[0], *ends[1]))
    return MapFigure(
        points.x,
        points.y,
        table[codes],
        shown=shown,
        selected=points.selected,
        behind=~colour.known if points.marks.missing == "behind" else None,
        rings=None if points.group is None else points.ringed,
        area=seen.area,
        x_title=points.x_title,
        y_title=points.y_title,
        title=points.description,
        legend=legend,
        ringed=ringed,
        shapes=points.shapes,
        bar=bar,
        lines=lines,
        names=points.names,
        size=points.marks.size,
        opacity=points.marks.opacity,
        below=points.marks.below,
    )
