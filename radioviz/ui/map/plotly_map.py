"""The map drawn by Plotly: WebGL scatter, lasso, box and click."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import streamlit as st

from radioviz.ui.charts.scales import log_ticks
from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.view import MapEvent, MapPoints
from radioviz.ui.palette import CONTINUOUS, MISSING_COLOUR

_CONFIG = {
    "displaylogo": False,
    "displayModeBar": True,
    "scrollZoom": True,
    "modeBarButtonsToRemove": ["autoScale2d", "zoomIn2d", "zoomOut2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "radioviz-map"},
}


def new_event(key: str) -> MapEvent | None:
    """See :func:`radioviz.ui.map.view.new_event`."""
    value = st.session_state.get(key)
    if value is None or _fingerprint(value) == st.session_state.get(f"{key}:seen"):
        return None
    st.session_state[f"{key}:seen"] = _fingerprint(value)
    traces: list[np.ndarray] = st.session_state.get(f"{key}:traces", [])
    selection = value["selection"]
    rows: list[int] = []
    for point in selection["points"]:
        curve = int(point.get("curve_number", 0))
        index = int(point.get("point_index", point.get("point_number", -1)))
        if curve < len(traces) and 0 <= index < len(traces[curve]):
            rows.append(int(traces[curve][index]))
    found = np.array(list(dict.fromkeys(rows)), dtype=np.int64)
    if not len(found):
        return MapEvent(found, "cleared")
    if selection.get("lasso"):
        return MapEvent(found, "lasso")
    return MapEvent(found, "box" if selection.get("box") else "click")


def _fingerprint(value: Mapping[str, Any]) -> str:
    selection = value["selection"]
    marks = [(p.get("curve_number"), p.get("point_index")) for p in selection["points"]]
    return hashlib.sha256(repr(marks).encode()).hexdigest()


def draw(points: MapPoints, *, key: str, height: int, own_marks: bool) -> None:
    """See :func:`radioviz.ui.map.view.scatter_map`."""
    marks = (points.selected, points.focus)
    content = _content(points)
    drawn = st.session_state.get(f"{key}:drawn")
    # A changed figure is a new chart to the browser: zoom is lost and the map blinks. What
    # the reader lassoed on this map is greyed by the browser, so the figure stays as it was.
    if own_marks and drawn is not None and drawn[0] == content:
        marks = drawn[1]
    st.session_state[f"{key}:drawn"] = (content, marks)
    figure, traces = _figure(points, *marks)
    figure["layout"]["height"] = height
    st.session_state[f"{key}:traces"] = traces
    value = st.plotly_chart(
        figure,
        key=key,
        on_select="rerun",
        selection_mode=("points", "box", "lasso"),
        config=_CONFIG,
        alt=points.description,
    )
    st.session_state[f"{key}:seen"] = _fingerprint(value)


def _content(points: MapPoints) -> str:
    """Digest of all but the marks."""
    digest = hashlib.sha256()
    colour = points.colour
    for array in (points.x, points.y, colour.values, colour.codes, points.group):
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    digest.update(repr((colour.title, colour.names, points.x_title, points.y_title)).encode())
    return digest.hexdigest()


def _figure(
    points: MapPoints, selected: np.ndarray | None, focus: int | None
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Plotly figure, and for each of its traces the rows that it holds."""
    traces, rows_of = [], []
    hover = np.array([html.escape(h).replace("\n", "<br>") for h in points.hover], dtype=object)
    size = 7.0 if len(points) <= 3000 else 5.0 if len(points) <= 20_000 else 3.0
    groups = points.group if points.group is not None else np.zeros(len(points), np.uint8)
    drawable = np.isfinite(points.x) & np.isfinite(points.y)
    for name, rows, marker in _parts(points.colour, groups, points.group_names, size):
        rows = rows[drawable[rows]]
        if not len(rows):
            continue
        if "color" in marker and isinstance(marker["color"], np.ndarray):
            marker = {**marker, "color": marker["color"][rows]}
        trace: dict[str, Any] = {
            "type": "scattergl",
            "mode": "markers",
            "x": points.x[rows].astype(np.float32),
            "y": points.y[rows].astype(np.float32),
            "marker": marker,
            "name": html.escape(name),
            "showlegend": bool(name),
            "hoverinfo": "text" if len(hover) else "skip",
            "unselected": {"marker": {"color": MISSING_COLOUR, "opacity": 0.22}},
        }
        if len(hover):
            trace["hovertext"] = hover[rows].tolist()
        if selected is not None:
            trace["selectedpoints"] = np.flatnonzero(selected[rows]).tolist()
        traces.append(trace)
        rows_of.append(rows)
    if focus is not None and drawable[focus]:
        traces.append(
            {
                "type": "scattergl",
                "mode": "markers",
                "x": points.x[[focus]],
                "y": points.y[[focus]],
                "marker": {
                    "size": 20,
                    "color": "rgba(0,0,0,0)",
                    "line": {"width": 3, "color": "#E11D74"},
                },
                "showlegend": False,
                "hoverinfo": "skip",
                "unselected": {"marker": {"opacity": 1}},
            }
        )
        rows_of.append(np.array([], dtype=np.int64))
    if not traces:  # a figure without any trace is refused
        traces.append({"type": "scatter", "x": [], "y": [], "showlegend": False})
        rows_of.append(np.array([], dtype=np.int64))
    axis = {"zeroline": False, "showgrid": True, "ticks": "", "showline": False}
    layout: dict[str, Any] = {
        "margin": {"l": 50, "r": 10, "t": 10, "b": 46},
        "dragmode": "lasso",
        "clickmode": "event+select",
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "uirevision": points.x_title,
        "xaxis": {"title": {"text": points.x_title}, **axis},
        "yaxis": {"title": {"text": points.y_title}, **axis},
        "legend": {
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "itemsizing": "constant",
            "traceorder": "reversed",  # of the drawing order, which puts the first class on top
        },
    }
    return {"data": traces, "layout": layout}, rows_of


def _parts(
    colour: Colour, groups: np.ndarray, group_names: tuple[str, ...], size: float
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Legend name, rows and marker of each trace; greys first, so that colours lie on top."""
    several = len(group_names) > 1
    for g, group_name in enumerate(group_names):
        inside = groups == g
        shape: dict[str, Any] = {"size": size, "opacity": 0.85}
        if g:
            shape |= {"symbol": "diamond-open", "size": size + 2, "line": {"width": 1.6}}
        if colour.codes is not None:
            for code, name in reversed(list(enumerate(colour.names))):
                label = name or "no value"
                rows = np.flatnonzero(inside & (colour.codes == code))
                yield (
                    f"{group_name}: {label}" if several else label,
                    rows,
                    {**shape, "color": colour.colours[code]},
                )
            continue
        values = np.asarray(colour.values, dtype=float)
        known = np.isfinite(values) & ((values > 0) if colour.log else True)
        unknown = np.flatnonzero(inside & ~known)
        yield (
            f"{group_name}: no value" if several else "no value",
            unknown,
            {**shape, "color": MISSING_COLOUR, "opacity": 0.5},
        )
        scale = continuous_scale(colour, values[known])
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = np.log10(values) if colour.log else values
        yield (
            group_name if several else "",
            np.flatnonzero(inside & known),
            {**shape, **scale, "color": drawn.astype(np.float32), "showscale": g == 0},
        )


def continuous_scale(colour: Colour, known: np.ndarray) -> dict[str, Any]:
    """``cmin``, ``cmax``, ``colorscale`` and ``colorbar`` for known values.

    The ends are the 0.5th and 99.5th percentile, so that one outlier does not take the
    whole scale; what lies beyond has the colour of the end.
    """
    if not len(known):
        return {"cmin": 0.0, "cmax": 1.0, "colorscale": list(CONTINUOUS)}
    low, high = np.percentile(known, [0.5, 99.5])
    if not high > low:
        low, high = float(known.min()), float(known.max())
    if not high > low:
        low, high = low - 0.5 * abs(low or 1), high + 0.5 * abs(high or 1)
    title = f"{colour.title}, log scale" if colour.log else colour.title
    bar: dict[str, Any] = {
        "title": {"text": html.escape(title), "side": "right"},
        "thickness": 12,
        "outlinewidth": 0,
        "x": 1.01,
        "xpad": 4,
    }
    if colour.log:
        ticks = log_ticks(low, high)
        bar |= {"tickvals": np.log10(ticks).tolist(), "ticktext": [f"{t:g}" for t in ticks]}
        low, high = float(np.log10(low)), float(np.log10(high))
    return {
        "cmin": float(low),
        "cmax": float(high),
        "colorscale": list(CONTINUOUS),
        "colorbar": bar,
    }
