"""A map as a figure for a paper: PNG, SVG or PDF, its axes, names and lines as vectors.

Up to :data:`MOST_VECTORS` points are drawn one by one; more are added up into an image as the
browser does it, so that a million points make a file of a megabyte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("png", "svg", "pdf")
MOST_VECTORS = 20_000
DPI = 300

_INCHES = (7.2, 5.6)
_STEEP = 50.0  # opacity against weight, as on the screen
_FAINT = 0.06
_GREY = np.array([184, 189, 199]) / 255


@dataclass(frozen=True, eq=False)
class MapFigure:
    """What a figure of a map shows."""

    # x, y: shape ``(n,)``; points that are not finite are left out
    x: np.ndarray
    y: np.ndarray
    colours: np.ndarray  # float, shape ``(n, 3)``, 0 to 1
    # shown, selected: masks of shape ``(n,)``: what is drawn, and what is not greyed; None: all
    shown: np.ndarray | None = None
    selected: np.ndarray | None = None
    # Mask of points that lie behind the others, such as those without a value.
    behind: np.ndarray | None = None
    rings: np.ndarray | None = None  # mask of overlaid points, drawn as rings
    # (x0, x1, y0, y1): part of the map; None: all of it.
    area: tuple[float, float, float, float] | None = None
    x_title: str = ""
    y_title: str = ""
    title: str = ""
    # Name, colour and number of points of each category, and which of them are rings; what dots and
    # what rings are, where categories do not say it.
    legend: list[tuple[str, str, int]] = field(default_factory=list)
    ringed: list[bool] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)
    # (title, colours, low, high, log): a colour bar; ``low`` and ``high`` are logarithms where
    # ``log``.
    bar: tuple[str, list[str], float, float, bool] | None = None
    lines: list[np.ndarray] = field(default_factory=list)  # each ``(k, 2)``
    names: list[tuple[str, float, float]] = field(default_factory=list)
    # size, opacity: factor on the diameter of points, and their opacity
    size: float = 1.0
    opacity: float = 1.0
    below: bool = False  # overlaid points lie below the others, not above


def write_map_figure(file: IO[bytes], shown: MapFigure, kind: str) -> None:
    """Write a figure as one of :data:`KINDS`.

    Raises ValueError if the kind is another.
    """
    if kind not in KINDS:
        raise ValueError(f"a figure is one of {', '.join(KINDS)}, not '{kind}'")
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, dpi=DPI, layout="constrained")
    axes = figure.subplots()
    drawn = np.isfinite(shown.x) & np.isfinite(shown.y)
    if shown.shown is not None:
        drawn &= shown.shown
    area = shown.area or _whole(shown.x[drawn], shown.y[drawn])
    axes.set(xlim=area[:2], ylim=area[2:], xlabel=shown.x_title, ylabel=shown.y_title)
    axes.set_title(shown.title, fontsize=9)
    drawn &= (shown.x >= area[0]) & (shown.x <= area[1])
    drawn &= (shown.y >= area[2]) & (shown.y <= area[3])
    rows = np.flatnonzero(drawn)
    if len(rows) <= MOST_VECTORS:
        _vectors(axes, shown, rows)
    else:
        for part in _layers(shown, rows):
            if len(part):
                _raster(axes, shown, part, area)
    for line in shown.lines:
        axes.plot(line[:, 0], line[:, 1], color="black", linewidth=0.6, alpha=0.6)
    for text, x, y in shown.names:
        if area[0] <= x <= area[1] and area[2] <= y <= area[3]:
            axes.text(
                x, y, text.replace("$", r"\$"), ha="center", va="center", fontsize=8,
                bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75},
            )  # fmt: skip
    _legend(axes, shown)
    # Type 42 keeps text as text that other programs can edit.
    import matplotlib as mpl

    with mpl.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure.savefig(file, format=kind, metadata=undated(kind))


def undated(kind: str) -> dict[str, None]:
    """Without the time of writing: the same map is the same file."""
    return {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind, {})


def _whole(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    ends: list[float] = []
    for values in (x, y):
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        room = 0.04 * (high - low) or 0.5
        ends += [low - room, high + room]
    return ends[0], ends[1], ends[2], ends[3]


def _weights(shown: MapFigure, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour ``(k, 3)`` and weight ``(k,)`` of some points, as on the screen."""
    colours = np.array(shown.colours[rows], dtype=np.float64)
    weights = np.ones(len(rows))
    if shown.behind is not None:
        weights[shown.behind[rows]] = _FAINT
    if shown.selected is not None:
        other = ~shown.selected[rows]
        colours[other], weights[other] = _GREY, _FAINT
    return colours, weights


def _layers(shown: MapFigure, rows: np.ndarray) -> list[np.ndarray]:
    """Rows of the first survey and of overlaid ones, the lower ones first."""
    rings = np.zeros(len(rows), bool) if shown.rings is None else shown.rings[rows]
    return [rows[rings == (above != shown.below)] for above in (False, True)]


def _vectors(axes: Axes, shown: MapFigure, rows: np.ndarray) -> None:
    """Points one by one, faint ones first; overlaid ones as rings, above or below."""
    colours, weights = _weights(shown, rows)
    alpha = shown.opacity * np.log1p(_STEEP * weights) / np.log1p(_STEEP)
    diameter = shown.size * float(np.clip(140 / np.sqrt(max(1, len(rows))), 1.0, 6.0))
    order = np.argsort(weights, kind="stable")
    rings = np.zeros(len(rows), bool) if shown.rings is None else shown.rings[rows]
    for ringed in (shown.below, not shown.below):
        part = order[rings[order] == ringed]
        rgba = np.column_stack([colours, alpha])[part]
        axes.scatter(
            shown.x[rows[part]], shown.y[rows[part]], s=(diameter + 2 * ringed) ** 2,
            facecolors="none" if ringed else rgba, edgecolors=rgba if ringed else "none",
            linewidths=0.8 if ringed else 0,
        )  # fmt: skip


def _raster(
    axes: Axes, shown: MapFigure, rows: np.ndarray, area: tuple[float, float, float, float]
) -> None:
    """Points added up: mean colour, and opacity by the logarithm of the weight."""
    wide, high = int(_INCHES[0] * DPI * 0.8), int(_INCHES[1] * DPI * 0.8)
    colours, weights = _weights(shown, rows)
    column = (shown.x[rows] - area[0]) / (area[1] - area[0]) * wide
    row = (shown.y[rows] - area[2]) / (area[3] - area[2]) * high
    reach = max(1, round(2 * shown.size))
    sums = np.zeros((4, wide * high))
    for dy in range(reach):
        for dx in range(reach):
            at_x = np.clip(column.astype(np.int64) + dx - reach // 2, 0, wide - 1)
            at_y = np.clip(row.astype(np.int64) + dy - reach // 2, 0, high - 1)
            cell = at_y * wide + at_x
            for band in range(3):
                values = colours[:, band] * weights
                sums[band] += np.bincount(cell, values, minlength=wide * high)
            sums[3] += np.bincount(cell, weights, minlength=wide * high)
    weight = sums[3]
    lit = weight > 0
    full = max(1.0, float(np.percentile(weight[lit], 99))) if lit.any() else 1.0
    image = np.zeros((wide * high, 4))
    image[lit, :3] = (sums[:3, lit] / weight[lit]).T
    opacity = np.log1p(_STEEP * weight[lit]) / np.log1p(_STEEP * full)
    image[lit, 3] = shown.opacity * np.minimum(1.0, opacity)
    axes.imshow(
        np.clip(image, 0, 1).reshape(high, wide, 4), extent=area, origin="lower", aspect="auto",
        interpolation="nearest",
    )  # fmt: skip


def _legend(axes: Axes, shown: MapFigure) -> None:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
    from matplotlib.lines import Line2D

    entries = [
        (f"{name} ({count:,})", colour, shown.ringed[k : k + 1] == [True])
        for k, (name, colour, count) in enumerate(shown.legend)
    ]
    entries += [(name, "black", k > 0) for k, name in enumerate(shown.shapes)]
    if entries:
        handles = [
            Line2D(
                [], [], marker="o", linestyle="", color=colour, label=name,
                fillstyle="none" if ring else "full",
            )
            for name, colour, ring in entries
        ]  # fmt: skip
        axes.legend(handles=handles, fontsize=7, markerscale=0.7, framealpha=0.8)
    if shown.bar is not None:
        title, colours, low, high, log = shown.bar
        scale = LinearSegmentedColormap.from_list("map", colours)
        norm = LogNorm(10.0**low, 10.0**high) if log else Normalize(low, high)
        from matplotlib.cm import ScalarMappable

        axes.figure.colorbar(ScalarMappable(norm, scale), ax=axes, label=title.replace("$", r"\$"))
