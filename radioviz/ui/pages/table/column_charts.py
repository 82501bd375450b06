"""Charts of any columns as Plotly figures: histogram, scatter, box by class, sky."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radioviz.errors import SelectionError
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import CountSeries, Figure
from radioviz.ui.charts.scales import counts_between
from radioviz.ui.palette import SELECTION_COLOUR, category_colours
from radioviz.workspace.table_columns import Numbers, TableColumns, Text, Truth

BINS = 40
MOST_POINTS = 20_000
"""Points of a scatter drawn one by one; more are drawn as a density."""
MOST_CLASSES = 12
KINDS = {
    "histogram": "Histogram",
    "scatter": "Scatter",
    "box": "Box by class",
    "sky": "Sky",
}


@dataclass(frozen=True)
class Chart:
    """A chart of the workspace: its kind, its columns, and which axes are logarithmic."""

    kind: str = "histogram"
    x: str = "las"
    y: str = ""
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True, eq=False)
class DrawnSubset:
    """A named subset in the charts: its colour, and the mask ``(n,)`` of its galaxies."""

    name: str
    colour: str
    mask: np.ndarray


def numbers_of(columns: TableColumns, name: str) -> np.ndarray:
    """A column as floats, NaN where unknown.

    Raises SelectionError if it is text.
    """
    values = columns.values(name)
    if isinstance(values, Numbers):
        return values.floats().astype(np.float64)
    if isinstance(values, Truth):
        return values.values.astype(np.float64)
    raise SelectionError(f"'{name}' is text; choose a column of numbers for this axis")


def _limits_of(columns: TableColumns, name: str) -> np.ndarray | None:
    """Mask of the values of a column that are upper limits; None if there are none."""
    if f"{name}_limit" not in columns:
        return None
    mask = numbers_of(columns, f"{name}_limit") > 0
    return mask if mask.any() else None


def chart_edges(values: np.ndarray, log: bool) -> np.ndarray:
    """Edges of the bins of a histogram, ``(bins + 1,)``; of logarithms where ``log``."""
    drawn = _drawn(values, log)
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return np.array([0.0, 1.0])
    low, high = float(known.min()), float(known.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _drawn(values: np.ndarray, log: bool) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values) if log else values


def histogram_figure(
    columns: TableColumns,
    chart: Chart,
    passing: np.ndarray,
    selected: np.ndarray,
    subsets: Sequence[DrawnSubset] = (),
) -> tuple[Figure, np.ndarray]:
    """Counts of what passes the filter, of upper limits, of each subset as a line, and of the
    selection; and the edges.
    """
    values = numbers_of(columns, chart.x)
    edges = chart_edges(values[passing], chart.log_x)
    drawn = _drawn(values, chart.log_x)
    limits = _limits_of(columns, chart.x)
    exact = passing if limits is None else passing & ~limits
    samples = [CountSeries("Galaxies", counts_between(drawn[exact], edges))]
    if limits is not None:
        counts = counts_between(drawn[passing & limits], edges)
        samples.append(CountSeries("← upper limits", counts, "#C9A000"))
    for subset in subsets:
        counts = counts_between(drawn[passing & subset.mask], edges)
        samples.append(CountSeries(subset.name, counts, subset.colour, line="solid"))
    if selected.any():
        counts = counts_between(drawn[passing & selected], edges)
        samples.append(CountSeries("Selection", counts, SELECTION_COLOUR))
    title = columns.title(chart.x)
    figure = plotly_charts.histogram(
        edges, samples, x_title=f"log10 {title}" if chart.log_x else title, log=chart.log_y
    )
    return figure, edges


def scatter_figure(
    columns: TableColumns,
    chart: Chart,
    passing: np.ndarray,
    selected: np.ndarray,
    subsets: Sequence[DrawnSubset] = (),
) -> tuple[Figure, np.ndarray]:
    """Two columns against each other, subsets and selection in their colours; and the rows drawn
    one by one.
    """
    x, y = numbers_of(columns, chart.x), numbers_of(columns, chart.y)
    known = passing & np.isfinite(_drawn(x, chart.log_x)) & np.isfinite(_drawn(y, chart.log_y))
    rows = np.flatnonzero(known)
    figure = plotly_charts.plain_axes(
        columns.title(chart.x), columns.title(chart.y), chart.log_x, chart.log_y
    )
    if len(rows) > MOST_POINTS:
        figure["data"].append(_density(x[rows], y[rows], chart))
        marked = np.any([selected, *(s.mask for s in subsets)], axis=0)
        rows = np.flatnonzero(known & marked)[:MOST_POINTS]
    colour = np.full(len(rows), "#1F88D2", dtype=object)
    for subset in subsets:  # the last one is above, as on the map
        colour[subset.mask[rows]] = subset.colour
    colour[selected[rows]] = SELECTION_COLOUR
    symbols = _symbols(columns, chart, rows)
    figure["data"].append(
        {
            "type": "scattergl",
            "mode": "markers",
            "x": x[rows],
            "y": y[rows],
            "marker": {"color": colour, "size": 5, "opacity": 0.7, "symbol": symbols},
            "hovertemplate": "%{x:.4~g}, %{y:.4~g}<extra></extra>",
        }
    )
    for subset in subsets:  # empty traces, for the legend
        figure["data"].append(
            {"type": "scatter", "mode": "markers", "x": [None], "y": [None],
             "name": html.escape(subset.name), "showlegend": True,
             "marker": {"color": subset.colour, "size": 8}}
        )  # fmt: skip
    if subsets:
        figure["data"][-1 - len(subsets)]["showlegend"] = False
        figure["layout"] |= {"showlegend": True, "legend": {"orientation": "h", "y": 1.12}}
    return figure, rows


def _symbols(columns: TableColumns, chart: Chart, rows: np.ndarray) -> Any:
    """Arrows for upper limits, circles for the rest."""
    symbols = np.full(len(rows), "circle", dtype=object)
    for name, arrow in ((chart.x, "triangle-left"), (chart.y, "triangle-down")):
        limits = _limits_of(columns, name)
        if limits is not None:
            symbols[limits[rows]] = arrow
    return symbols


def _density(x: np.ndarray, y: np.ndarray, chart: Chart) -> Figure:
    edges = [chart_edges(x, chart.log_x), chart_edges(y, chart.log_y)]
    counts = np.histogram2d(_drawn(x, chart.log_x), _drawn(y, chart.log_y), edges)[0]
    middle = [(e[:-1] + e[1:]) / 2 for e in edges]
    logs = (chart.log_x, chart.log_y)
    return {
        "type": "heatmap",
        "x": 10.0 ** middle[0] if logs[0] else middle[0],
        "y": 10.0 ** middle[1] if logs[1] else middle[1],
        "z": np.where(counts.T > 0, np.log10(np.maximum(counts.T, 1)), np.nan),
        "text": counts.T.astype(int),
        "hovertemplate": "%{text:,} galaxies<extra></extra>",
        "colorscale": "Viridis",
        "showscale": False,
    }


def box_figure(
    columns: TableColumns,
    chart: Chart,
    passing: np.ndarray,
    subsets: Sequence[DrawnSubset] = (),
) -> Figure:
    """A column by class: median, quartiles and whiskers of 1.5 times their distance.

    Raises SelectionError if the second column is not text or has too many values, or there is
    nothing to draw.
    """
    values = numbers_of(columns, chart.x)
    groups = columns.values(chart.y)
    if not isinstance(groups, Text) or len(groups.words) > MOST_CLASSES:
        raise SelectionError(
            f"'{chart.y}' has no classes; choose a column of text with at most {MOST_CLASSES} "
            "different values"
        )
    words = [str(word) for word in groups.words.to_pylist()]
    figure = plotly_charts.plain_axes(chart.y, columns.title(chart.x), False, chart.log_x)
    boxes = [
        (word, colour, groups.codes == code)
        for code, (word, colour) in enumerate(zip(words, category_colours(words), strict=True))
    ]
    boxes += [(s.name, s.colour, s.mask) for s in subsets]
    for word, colour, mask in boxes:
        part = values[passing & mask]
        part = part[np.isfinite(part)]
        if not len(part):
            continue
        low, middle, high = np.percentile(part, [25, 50, 75])
        reach = 1.5 * (high - low)
        figure["data"].append(
            {
                "type": "box",
                "name": f"{word} ({len(part):,})",
                "x": [f"{word} ({len(part):,})"],
                "q1": [low],
                "median": [middle],
                "q3": [high],
                "lowerfence": [part[part >= low - reach].min()],
                "upperfence": [part[part <= high + reach].max()],
                "marker": {"color": colour},
                "showlegend": False,
            }
        )
    if not figure["data"]:
        raise SelectionError(
            f"no galaxy that passes the filter has both a '{chart.x}' and a '{chart.y}'"
        )
    return figure


def sky_figure(
    columns: TableColumns,
    passing: np.ndarray,
    selected: np.ndarray,
    subsets: Sequence[DrawnSubset] = (),
) -> tuple[Figure, np.ndarray]:
    """Right ascension to the left against declination; and the rows drawn."""
    chart = Chart("scatter", "ra", "dec")
    figure, rows = scatter_figure(columns, chart, passing, selected, subsets)
    figure["layout"]["xaxis"]["autorange"] = "reversed"
    return figure, rows


def chart_numbers(
    columns: TableColumns, chart: Chart, passing: np.ndarray
) -> dict[str, list[Any] | np.ndarray]:
    """The numbers behind a chart, by column."""
    if chart.kind == "histogram":
        values = numbers_of(columns, chart.x)
        edges = chart_edges(values[passing], chart.log_x)
        counts = counts_between(_drawn(values[passing], chart.log_x), edges)
        ends = 10.0**edges if chart.log_x else edges
        return {"from": ends[:-1], "to": ends[1:], "galaxies": counts}
    names = ("ra", "dec") if chart.kind == "sky" else (chart.x, chart.y)
    rows = np.flatnonzero(passing)
    out: dict[str, list[Any] | np.ndarray] = {}
    for name in ("source_id", *names):
        values_of = columns.values(name)
        out[name] = (
            values_of.texts(rows)
            if isinstance(values_of, Text)
            else numbers_of(columns, name)[rows]
        )
    return out
