"""The sky map of the Overview, as a Plotly figure (a plain dictionary)."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from radioviz.ui import coordinates as sky

Figure = dict[str, Any]

_GRATICULE = "rgba(128,128,128,0.35)"
MOST_SKY_POINTS = 4000


def all_sky(
    positions: Mapping[str, tuple[np.ndarray, np.ndarray]], colours: Sequence[str]
) -> Figure:
    """Where the sources of each data set are: Hammer-Aitoff, equal area, east to the left.

    Large data sets are drawn as the cells that they occupy, larger where fuller, so that
    what is sent to the browser does not grow with the catalogue.

    Parameters
    ----------
    positions : mapping
        Data set title to right ascension and declination in degrees.
    """
    traces = [_line(*sky.hammer(*line), _GRATICULE, 0.8) for line in _graticule()]
    plane_x, plane_y = sky.hammer(*sky.galactic_plane())
    jump = np.flatnonzero(np.abs(np.diff(plane_x)) > 1)
    plane_x, plane_y = np.insert(plane_x, jump + 1, np.nan), np.insert(plane_y, jump + 1, np.nan)
    plane = _line(plane_x, plane_y, "rgba(128,128,128,0.8)", 1.2, dash="dot")
    traces.append({**plane, "name": "Galactic plane", "showlegend": True})
    for (title, (ra, dec)), colour in zip(positions.items(), colours, strict=False):
        known = np.isfinite(ra) & np.isfinite(dec)
        x, y = sky.hammer(ra[known], dec[known])
        sizes: Any = 3.5
        if len(x) > MOST_SKY_POINTS:
            x, y, count = _cells(x, y)
            sizes = np.clip(2 + 2 * np.log10(count), 2, 9)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": x.astype(np.float32),
                "y": y.astype(np.float32),
                "marker": {"size": sizes, "color": colour, "opacity": 0.7, "line": {"width": 0}},
                "name": html.escape(title),
                "hoverinfo": "skip",
            }
        )
    annotations = [
        _note(*sky.hammer(np.array([ra]), np.array([-30.0])), f"{ra / 15:.0f}ʰ")
        for ra in (60.0, 120.0, 180.0, 240.0, 300.0)
    ]
    for parallel in (-60.0, -30.0, 30.0, 60.0):
        edge = sky.hammer(np.array([359.99]), np.array([parallel]))
        annotations.append(
            {**_note(*edge, f"{parallel:+.0f}°"), "xanchor": "right", "xshift": -4, "yshift": 0}
        )
    axis = {"visible": False, "fixedrange": True}
    return {
        "data": traces,
        "layout": {
            "margin": {"l": 34, "r": 8, "t": 8, "b": 8},
            "xaxis": {**axis, "range": [-2.95, 2.95]},
            "yaxis": {**axis, "range": [-1.5, 1.5], "scaleanchor": "x"},
            "legend": {
                "orientation": "h",
                "y": -0.02,
                "yanchor": "top",
                "x": 0.5,
                "xanchor": "center",
                "itemsizing": "constant",
            },
            "annotations": annotations,
            "dragmode": False,
        },
    }


def _graticule() -> list[tuple[np.ndarray, np.ndarray]]:
    along = np.linspace(0.001, 359.999, 181)
    up = np.linspace(-90, 90, 91)
    lines = [(along, np.full_like(along, dec)) for dec in (-60, -30, 0, 30, 60)]
    lines += [(np.full_like(up, ra), up) for ra in (0.001, 60, 120, 180, 240, 300, 359.999)]
    return lines


def _cells(x: np.ndarray, y: np.ndarray, step: float = 0.025) -> tuple[np.ndarray, ...]:
    """Centres and counts of occupied cells of ``step`` in the projection (about 2 degrees²)."""
    cell = np.stack([np.floor(x / step), np.floor(y / step)], axis=1).astype(np.int32)
    found, count = np.unique(cell, axis=0, return_counts=True)
    return (found[:, 0] + 0.5) * step, (found[:, 1] + 0.5) * step, count


def _line(x: np.ndarray, y: np.ndarray, colour: str, width: float, **line: Any) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x.astype(np.float32),
        "y": y.astype(np.float32),
        "line": {"color": colour, "width": width, **line},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _note(x: np.ndarray, y: np.ndarray, text: str) -> Figure:
    return {
        "x": float(x[0]),
        "y": float(y[0]),
        "text": text,
        "showarrow": False,
        "font": {"size": 11, "color": "rgba(128,128,128,1)"},
        "yshift": 9,
    }
