"""The sky map of the Overview, as a Plotly figure (a plain dictionary)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.ui import coordinates
from radioviz.ui.charts.plotly_charts import Figure

MAX_SKY_POINTS = 4000

_GREY = "rgba(128,128,128,{})"
_MERIDIANS = (60.0, 120.0, 180.0, 240.0, 300.0)
_PARALLELS = (-60.0, -30.0, 30.0, 60.0)


@dataclass(frozen=True, eq=False)
class SkySample:
    """Right ascension and declination of one data set in degrees, shape ``(n,)``."""

    title: str
    ra: np.ndarray
    dec: np.ndarray
    colour: str


def all_sky(samples: Sequence[SkySample]) -> Figure:
    """Sources of each data set on the sky: Hammer-Aitoff, equal area, east to the left.

    A large data set is drawn as the cells that it occupies, larger where it has more sources, so
    that the figure does not grow with the catalogue.
    """
    traces = [_line(*line, width=0.8, opacity=0.35) for line in _graticule()]
    plane = _line(*coordinates.galactic_plane(), width=1.2, opacity=0.8)
    plane["line"]["dash"] = "dot"
    traces.append({**plane, "name": "Galactic plane", "showlegend": True})
    for sample in samples:
        known = np.isfinite(sample.ra) & np.isfinite(sample.dec)
        x, y = coordinates.hammer(sample.ra[known], sample.dec[known])
        sizes: Any = 3.5
        if len(x) > MAX_SKY_POINTS:
            x, y, count = _cells(x, y)
            sizes = np.clip(2 + 2 * np.log10(count), 2, 9)
        marker = {"size": sizes, "color": sample.colour, "opacity": 0.7, "line": {"width": 0}}
        traces.append({**_trace(x, y), "mode": "markers", "marker": marker})
        traces[-1] |= {"name": html.escape(sample.title), "showlegend": True}
    notes = [_note(ra, -30.0, f"{ra / 15:.0f}ʰ", yshift=9) for ra in _MERIDIANS]
    notes += [_note(359.99, dec, f"{dec:+.0f}°", xanchor="right", xshift=-4) for dec in _PARALLELS]
    axis = {"visible": False, "fixedrange": True}
    below = {"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0.5, "xanchor": "center"}
    layout = {
        "margin": {"l": 34, "r": 8, "t": 8, "b": 8},
        "xaxis": {**axis, "range": [-2.95, 2.95]},
        "yaxis": {**axis, "range": [-1.5, 1.5], "scaleanchor": "x"},
        "legend": {**below, "itemsizing": "constant"},
        "annotations": notes,
        "dragmode": False,
    }
    return {"data": traces, "layout": layout}


def _graticule() -> list[tuple[np.ndarray, np.ndarray]]:
    along, up = np.linspace(0.001, 359.999, 181), np.linspace(-90, 90, 91)
    lines = [(along, np.full_like(along, dec)) for dec in (*_PARALLELS, 0.0)]
    return lines + [(np.full_like(up, ra), up) for ra in (0.001, *_MERIDIANS, 359.999)]


def _cells(x: np.ndarray, y: np.ndarray, step: float = 0.025) -> tuple[np.ndarray, ...]:
    """Centres and counts of occupied cells of ``step`` in the projection (about 2 degrees²)."""
    cell = np.stack([np.floor(x / step), np.floor(y / step)], axis=1).astype(np.int32)
    found, count = np.unique(cell, axis=0, return_counts=True)
    return (found[:, 0] + 0.5) * step, (found[:, 1] + 0.5) * step, count


def _trace(x: np.ndarray, y: np.ndarray) -> Figure:
    single = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    return {"type": "scatter", **single, "hoverinfo": "skip", "showlegend": False}


def _line(ra: np.ndarray, dec: np.ndarray, *, width: float, opacity: float) -> Figure:
    """A line, broken where it leaves one edge of the map for the other."""
    x, y = coordinates.hammer(ra, dec)
    jump = np.flatnonzero(np.abs(np.diff(x)) > 1) + 1
    x, y = np.insert(x, jump, np.nan), np.insert(y, jump, np.nan)
    return {
        **_trace(x, y),
        "mode": "lines",
        "line": {"color": _GREY.format(opacity), "width": width},
    }


def _note(ra: float, dec: float, text: str, **place: Any) -> Figure:
    x, y = coordinates.hammer(np.array([ra]), np.array([dec]))
    font = {"size": 11, "color": _GREY.format(1)}
    return {
        "x": float(x[0]),
        "y": float(y[0]),
        "text": text,
        "showarrow": False,
        "font": font,
        **place,
    }
