"""Charts that a reader can zoom, hover over and save as PNG: Plotly figures as plain dictionaries.

What is sent to the browser grows with the number of bins or points that are drawn, never with
the catalogue. Text, grid and background follow Streamlit's light or dark theme.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.ui.charts.figure_panel import offer_figure
from radioviz.ui.charts.html_bars import size_counts
from radioviz.ui.charts.scales import log_ticks
from radioviz.ui.palette import DATA_SET_COLOURS, MISSING_COLOUR, OTHERS, SELECTION_COLOUR

Figure = dict[str, Any]

MAX_TICKS, MAX_DOTS = 8, 40
"""A line with more points has no tick at each value, or no dot at each point."""

_GREY = "rgba(128,128,128,0.25)"


@dataclass(frozen=True, eq=False)
class CountSeries:
    """Counts of one sample, shape ``(bins,)``."""

    name: str
    counts: np.ndarray
    colour: str | Sequence[str] = MISSING_COLOUR  # of all bars, or of each
    line: str = ""  # Plotly's name of a dash ("dash", "solid") to draw a line in place of bars


@dataclass(frozen=True, eq=False)
class LineSeries:
    """A line through points ``(n,)``, and the band between ``low`` and ``high``."""

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    colour: str = ""


def histogram(
    edges: np.ndarray,
    samples: Sequence[CountSeries],
    *,
    x_title: str,
    y_title: str = "galaxies",
    log: bool = True,
    rules: Mapping[str, float] | None = None,
    chosen: tuple[float, float] | None = None,
) -> Figure:
    """Counts of several samples in the same bins, drawn over each other.

    Parameters
    ----------
    edges : numpy.ndarray
        Shape ``(bins + 1,)``, rising.
    log : bool
        Whether counts are on a log scale, which begins at half a galaxy.
    rules : mapping, optional
        Vertical lines: what each marks, and where it is; the first is dashed.
    chosen : (float, float), optional
        A range to shade.
    """
    traces: list[Figure] = []
    for sample in samples:
        counts = np.asarray(sample.counts, dtype=np.float64)
        trace: Figure = {
            "x": (edges[:-1] + edges[1:]) / 2,
            "y": np.where(counts >= 0.5, counts, np.nan) if log else counts,
            "name": html.escape(sample.name),
            "hovertemplate": "%{y:,.4~g}",
        }
        if sample.line:
            style = {"color": sample.colour, "dash": sample.line, "shape": "hvh", "width": 2}
            # Only a trace with markers can be clicked, and a click may hit this one.
            trace |= {"type": "scatter", "mode": "lines+markers", "line": style}
            trace |= {"marker": {"size": 1, "opacity": 0}}
        else:
            marker = {"color": sample.colour, "line": {"width": 0}}
            trace |= {"type": "bar", "width": np.diff(edges), "opacity": 0.6, "marker": marker}
        traces.append(trace)
    top = max([1.0, *(float(np.max(s.counts, initial=0)) for s in samples)])
    layout = _layout(x_title, y_title, legend=len(traces) > 1)
    layout["xaxis"] |= {"range": [float(edges[0]), float(edges[-1])], "hoverformat": ".4~g"}
    scale = {"type": "log", "range": [np.log10(0.5), np.log10(1.5 * top)], "dtick": 1}
    layout["yaxis"] |= scale if log else {"rangemode": "tozero"}
    # Hovering and clicking work anywhere above a bin, however low its bar is.
    layout |= {"barmode": "overlay", "hovermode": "x", "clickmode": "event+select"}
    layout["shapes"], layout["annotations"] = [], []
    for i, (text, at) in enumerate((rules or {}).items()):
        line = {"color": SELECTION_COLOUR, "width": 2, "dash": "solid" if i else "dash"}
        where = {"x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper"}
        layout["shapes"].append({"type": "line", **where, "line": line})
        note = {"x": at, "y": 1 - 0.09 * i, "yref": "paper", "text": html.escape(text)}
        side = "right" if at > edges[0] + 0.7 * (edges[-1] - edges[0]) else "left"
        layout["annotations"].append({**note, "showarrow": False, "xanchor": side})
    if chosen is not None:
        where = {"x0": chosen[0], "x1": chosen[1], "y0": 0, "y1": 1, "yref": "paper"}
        fill = {"fillcolor": SELECTION_COLOUR, "opacity": 0.15, "line": {"width": 0}}
        layout["shapes"].append({"type": "rect", **where, **fill})
    return {"data": traces, "layout": layout}


def size_histogram(
    sizes: Mapping[str, np.ndarray], limits: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """Angular sizes on a log axis, as the share of each sample in each bin.

    Upper limits stand hatched on top of the measured sizes.

    ``sizes``, ``limits``: as :func:`radioviz.ui.charts.html_bars.size_counts` takes them.
    """
    edges, counts, upper = size_counts(sizes, limits)
    if not len(edges):
        return empty("No angular sizes")
    samples: list[CountSeries] = []
    bases: list[np.ndarray | None] = []
    for i, (name, n) in enumerate(counts.items()):
        total = n + upper.get(name, 0)
        number, colour = max(total.sum(), 1), (MISSING_COLOUR, SELECTION_COLOUR)[i]
        samples.append(CountSeries(f"{name} ({total.sum():,})", n / number, colour))
        bases.append(None)
        if name in upper:
            words = f"{name}, upper limits ← ({upper[name].sum():,})"
            samples.append(CountSeries(words, upper[name] / number, colour))
            bases.append(n / number)
    title = "Largest angular size [arcsec], log scale"
    figure = histogram(edges, samples, x_title=title, y_title="share of sources", log=False)
    ticks = log_ticks(10 ** edges[0], 10 ** edges[-1])
    figure["layout"]["xaxis"] |= _tick_labels(np.log10(ticks), [f"{t:g}″" for t in ticks])
    figure["layout"]["yaxis"] |= {"tickformat": ".0%"}
    for trace, base, sample in zip(figure["data"], bases, samples, strict=True):
        trace["hovertemplate"] = "%{y:.1%}"
        if base is not None:
            trace |= {"base": base, "customdata": sample.counts}
            trace["hovertemplate"] = "%{customdata:.1%}"
            trace["marker"] |= {"pattern": {"shape": "/", "fillmode": "replace"}}
    return figure


def lines(
    series: Sequence[LineSeries],
    *,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    floor: float | None = None,
    reach: float | None = None,
) -> Figure:
    """Lines with error bands; values that are not finite are left out.

    ``floor``: the vertical axis begins here or lower; ``reach``: the horizontal axis runs from
    minus this to this.
    """
    traces: list[Figure] = []
    values = []
    for i, line in enumerate(series):
        keep = np.isfinite(line.x) & np.isfinite(line.y) & ((line.x > 0) | (not log_x))
        if not keep.any():
            continue
        x, y = line.x[keep], line.y[keep]
        values.append(x)
        colour = line.colour or OTHERS[i % len(OTHERS)]
        if line.low is not None and line.high is not None:
            outline = np.concatenate([line.high[keep], line.low[keep][::-1]])
            band = {"x": np.concatenate([x, x[::-1]]), "y": outline, "fill": "toself"}
            band |= {"fillcolor": colour, "opacity": 0.2, "mode": "none"}
            traces.append({"type": "scatter", **band, "hoverinfo": "skip", "showlegend": False})
        drawn = {"mode": "lines" if len(x) > MAX_DOTS else "lines+markers", "x": x, "y": y}
        look = {"line": {"color": colour, "width": 2}, "hovertemplate": "%{x:.4~g}: %{y:.4~g}"}
        traces.append({"type": "scatter", **drawn, **look, "name": html.escape(line.name)})
    if not traces:
        return empty("No values")
    layout = _layout(x_title, y_title, legend=len(values) > 1)
    at = np.unique(np.concatenate(values))
    if log_x:
        ticks = at if len(at) <= MAX_TICKS else log_ticks(float(at[0]), float(at[-1]))
        layout["xaxis"] |= {"type": "log", **_tick_labels(ticks, [f"{t:g}" for t in ticks])}
    if reach is not None:
        layout["xaxis"]["range"] = [-reach, reach]
    if floor is not None:
        bottoms = [np.nanmin(trace["y"]) for trace in traces]
        layout["yaxis"]["range"] = [min(floor, *bottoms), None]
    return {"data": traces, "layout": layout}


def matrix(
    values: pd.DataFrame,
    low: float,
    high: float,
    *,
    texts: pd.DataFrame | None = None,
    hover: pd.DataFrame | None = None,
    diverging: bool = False,
) -> Figure:
    """A table of numbers with shaded cells; rows from top to bottom, NaN left empty.

    ``low``, ``high``: values of the palest and the strongest shade; ``diverging``: orange and
    green. ``texts``, ``hover``: what stands in a cell (else its value to three decimals), and what
    hovering adds.
    """
    shown = values.map(lambda v: "–" if pd.isna(v) else f"{v:.3f}") if texts is None else texts
    columns, rows = (
        [html.escape(str(name).replace("_", " ")) for name in axis]
        for axis in (shown.columns, shown.index)
    )
    if len(columns) > 8:  # or they run into each other
        columns = ["<br>".join(textwrap.wrap(name, 12)) for name in columns]
    orange, none, green = "rgba(213,94,0,0.6)", "rgba(128,128,128,0.06)", "rgba(0,158,115,0.6)"
    two = [[0, none], [1, "rgba(31,136,210,0.6)"]]
    cells: Figure = {
        "type": "heatmap",
        "z": values.to_numpy(float),
        "x": columns,
        "y": rows,
        "zmin": low,
        "zmax": high,
        "colorscale": [[0, orange], [0.5, none], [1, green]] if diverging else two,
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
        "customdata": (shown if hover is None else hover).to_numpy(str),
        "hovertemplate": "%{y}, %{x}<br>%{customdata}<extra></extra>",
    }
    # The theme's text is a grey, too faint on the strong shades.
    dark = st.context.theme.type == "dark"
    labels: Figure = {
        "type": "scatter",
        "mode": "text",
        "x": columns * len(rows),
        "y": np.repeat(rows, len(columns)),
        "text": shown.to_numpy(str).ravel(),
        "hoverinfo": "skip",
        "textfont": {"color": "#fafafa" if dark else "#1a1c23"},
    }
    layout = _layout("", "", legend=False)
    layout["xaxis"] |= {"side": "top", "showgrid": False, "fixedrange": True, "type": "category"}
    layout["yaxis"] |= {"autorange": "reversed", "showgrid": False, "type": "category"}
    layout["yaxis"] |= {"fixedrange": True, "automargin": True}
    layout["height"] = 90 + (48 if texts is not None else 34) * len(values)
    return {"data": [cells, labels], "layout": layout}


def empty(text: str) -> Figure:
    """A chart of nothing, and why."""
    hidden = {"visible": False}
    note = {"text": html.escape(text), "showarrow": False, "xref": "paper", "yref": "paper"}
    layout = {"xaxis": hidden, "yaxis": hidden, "annotations": [{**note, "x": 0.5, "y": 0.5}]}
    return {"data": [{"type": "scatter", "x": [], "y": []}], "layout": layout}


def plain_axes(x_title: str, y_title: str, log_x: bool, log_y: bool) -> Figure:
    """A figure without traces, whose axes are linear or logarithmic."""
    layout = _layout(x_title, y_title, legend=False)
    layout["xaxis"] |= {"type": "log"} if log_x else {}
    layout["yaxis"] |= {"type": "log"} if log_y else {}
    return {"data": [], "layout": layout}


def _layout(x_title: str, y_title: str, *, legend: bool) -> Figure:
    above = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"}
    axis = {"gridcolor": _GREY, "zeroline": False}
    return {
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {**axis, "showgrid": False, "title": {"text": html.escape(x_title)}},
        "yaxis": {**axis, "title": {"text": html.escape(y_title)}},
        "showlegend": legend,
        "legend": above,
    }


def _tick_labels(at: np.ndarray, texts: Sequence[str]) -> Figure:
    return {"tickmode": "array", "tickvals": at, "ticktext": list(texts)}


def draw(
    figure: Figure,
    key: str,
    alt: str,
    *,
    height: int = 260,
    on_select: Callable[[Mapping[str, Any]], None] | None = None,
    brush: bool = False,
    both: bool = False,
) -> None:
    """Put a chart on the page, or a line of text where it has nothing to draw.

    Parameters
    ----------
    alt : str
        What the chart shows, for screen readers and as the name of its PNG.
    on_select : callable, optional
        Called before the next run with the event of a click on a bar, or of a brushed range; see
        :func:`selected_range`.
    brush : bool
        Whether dragging brushes from the start, as with the tool "Box select", or zooms.
        Streamlit reports clicks only while dragging zooms.
    both : bool
        Whether a brush has a range on either axis, or on the horizontal one alone.
    """
    if not figure["data"]:  # Plotly raises for it
        st.caption("There are no values to draw.")
        return
    select: dict[str, Any] = {}
    if on_select is not None:
        select["on_select"] = lambda: on_select(st.session_state.get(key) or {})
        select["selection_mode"] = ("points", "box")
        figure["layout"] |= {
            "dragmode": "select" if brush else "zoom",
            "selectdirection": "any" if both else "h",
        }
    figure["layout"].setdefault("height", height)
    name = "-".join(alt.lower().split())[:60]
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["autoScale2d", "lasso2d"],
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": name},
    }
    offer_figure(key, alt, figure)
    st.plotly_chart(figure, key=key, alt=alt, config=config, **select)


def selected_range(event: Mapping[str, Any], edges: np.ndarray) -> tuple[float, float] | None:
    """Range that was brushed or clicked on a histogram, in values of its axis.

    ``event``: as ``st.plotly_chart`` gives it: ``{"selection": {"points": [...], "box": [...]}}``;
    ``edges``: of the bins.
    """
    selection = event.get("selection") or {}
    for box in selection.get("box") or ():
        low, high = sorted(float(x) for x in box["x"][:2])
        return max(low, float(edges[0])), min(high, float(edges[-1]))
    rows = [int(p.get("point_index", -1)) for p in selection.get("points") or ()]
    rows = [row for row in rows if 0 <= row < len(edges) - 1]
    if not rows:
        return None
    return float(edges[min(rows)]), float(edges[max(rows) + 1])


def data_set_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each data set, the same in every chart."""
    return {key: DATA_SET_COLOURS[i % len(DATA_SET_COLOURS)] for i, key in enumerate(names)}
