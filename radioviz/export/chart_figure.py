"""A chart of the app as a figure for a paper: PDF, SVG or PNG by matplotlib.

Charts are Plotly's descriptions: ``{"data": traces, "layout": {...}}``. Of these the kinds are
drawn that the app uses: lines, points, areas, bars, boxes, images and contours.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from radioviz.errors import ExportError
from radioviz.export.map_figure import DPI, KINDS, undated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

Chart = Mapping[str, Any]

WIDTHS = {"column": 88.0, "page": 180.0}
"""Millimetres: one column and the page, of A&A; MNRAS and ApJ differ by less than 5 mm."""
PALETTES = ("screen", "okabe-ito", "grey")
"""Colours as in the app; those of Okabe & Ito (2008) and cividis; greys."""
LARGEST = 60_000_000
"""Bytes of a chart in a file."""

_OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442",
              "#000000")  # fmt: skip
_GREYS = ("#000000", "#6E6E6E", "#A8A8A8", "#444444", "#8A8A8A", "#C4C4C4")
_MAPS = {"okabe-ito": "cividis", "grey": "Greys"}
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_MARKERS = {"circle": "o", "square": "s", "diamond": "D", "cross": "P", "x": "X", "cross-thin": "+",
            "triangle-left": "<", "triangle-up": "^", "triangle-down": "v"}  # fmt: skip
_MOST_VECTORS = 20_000
_TAGS = re.compile(r"<br\s*/?>")
_RGB = re.compile(r"rgba?\(([^)]*)\)")


@dataclass(frozen=True)
class ChartLook:
    """How a chart is drawn for a paper."""

    width: str = "column"  # one of :data:`WIDTHS`
    serif: bool = False
    palette: str = "screen"  # one of :data:`PALETTES`

    def __post_init__(self) -> None:
        for name, known in (("width", WIDTHS), ("palette", PALETTES)):
            if getattr(self, name) not in known:
                raise ExportError(
                    f"the {name} of a figure is '{getattr(self, name)}'; expected "
                    f"{', '.join(known)}"
                )


def write_chart(file: IO[bytes], chart: Chart, kind: str, look: ChartLook | None = None) -> None:
    """Draw a chart and write it as one of :data:`radioviz.export.map_figure.KINDS`.

    Raises ExportError if the kind is another, or the chart has nothing that can be drawn.
    """
    look = look or ChartLook()
    if kind not in KINDS:
        raise ExportError(f"a figure is one of {', '.join(KINDS)}, not '{kind}'")
    if not isinstance(chart, Mapping) or not chart.get("data"):
        raise ExportError('the chart has nothing to draw; expected {"data": [...], "layout": {}}')
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Type 42 keeps text as text that other programs can edit.
    settings: Any = {
        "pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "radioviz", "font.size": 8,
        "axes.linewidth": 0.6, "font.family": "serif" if look.serif else "sans-serif",
        "mathtext.fontset": "dejavuserif" if look.serif else "dejavusans",
        "xtick.direction": "in", "ytick.direction": "in", "xtick.top": True, "ytick.right": True,
    }  # fmt: skip
    with mpl.rc_context(settings):
        wide = WIDTHS[look.width] / 25.4
        figure = Figure(figsize=(wide, _height(chart, wide)), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        _Drawing(axes, chart, look).draw()
        figure.savefig(file, format=kind, metadata=undated(kind))


def _height(chart: Chart, wide: float) -> float:
    layout = chart.get("layout", {})
    if layout.get("yaxis", {}).get("scaleanchor"):
        return 0.9 * wide
    rows = max((len(t["y"]) for t in chart["data"] if t.get("orientation") == "h"), default=0)
    if layout.get("yaxis", {}).get("type") == "category":
        rows = max(rows, *(len(set(map(str, t.get("y", ())))) for t in chart["data"]))
    return max(0.68 * min(wide, 5.0), 0.17 * rows + 0.6)


class _Drawing:
    """One chart on one pair of axes."""

    def __init__(self, axes: Axes, chart: Chart, look: ChartLook) -> None:
        self.axes, self.look = axes, look
        self.traces = [t for t in chart["data"] if t.get("visible", True) is True]
        self.layout: Mapping[str, Any] = chart.get("layout", {})
        self._colours: dict[str, str] = {}
        self.categories: dict[str, dict[str, int]] = {"x": {}, "y": {}}

    def draw(self) -> None:
        for axis in "xy":
            if self.layout.get(f"{axis}axis", {}).get("type") == "log":
                getattr(self.axes, f"set_{axis}scale")("log")
        for number, trace in enumerate(self.traces):
            kind = str(trace.get("type", "scatter")).removesuffix("gl")
            method = getattr(self, f"_draw_{kind}", None)
            if method is None:
                raise ExportError(f"a chart of the kind '{kind}' cannot be drawn for a paper")
            method(trace, number)
        for shape in self.layout.get("shapes", ()):
            self._draw_shape(shape)
        for note in self.layout.get("annotations", ()):
            self._draw_note(note)
        self._finish()

    # Values and colours.

    def _values(self, trace: Chart, axis: str) -> np.ndarray:
        """Numbers of a trace along an axis; names become places."""
        given = trace.get(axis)
        if given is None:
            other = trace.get("y" if axis == "x" else "x")
            return np.arange(0 if other is None else len(other), dtype=float)
        values = np.asarray(given)
        if values.dtype.kind in "OU" or self.layout.get(f"{axis}axis", {}).get("type") == (
            "category"
        ):
            held = self.categories[axis]
            return np.array([held.setdefault(str(v), len(held)) for v in values], float)
        return values.astype(float)

    def _colour(self, text: Any, opacity: float = 1.0) -> tuple[float, ...]:
        from matplotlib.colors import to_rgba

        name = str(text or "#1F88D2")
        found = _RGB.fullmatch(name.replace(" ", ""))
        if found:
            parts = [float(v) for v in found[1].split(",")]
            rgba: tuple[float, ...] = tuple(v / 255 for v in parts[:3])
            alpha = parts[3] if len(parts) > 3 else 1.0
        else:
            full = to_rgba(name)
            rgba, alpha = full[:3], full[3]
        if self.look.palette != "screen" and np.ptp(rgba) > 0.08:  # greys stay grey
            list_of = _OKABE_ITO if self.look.palette == "okabe-ito" else _GREYS
            key = ",".join(f"{v:.3f}" for v in rgba)
            swap = self._colours.setdefault(key, list_of[len(self._colours) % len(list_of)])
            rgba = to_rgba(swap)[:3]
        elif min(rgba) > 0.93 and not self._has_image:
            rgba = (0.0, 0.0, 0.0)  # white ink of the dark theme
        return (*rgba, alpha * opacity)

    @property
    def _has_image(self) -> bool:
        return any(t.get("type") == "heatmap" for t in self.traces)

    def _map(self, trace: Chart) -> Colormap:
        import matplotlib as mpl
        from matplotlib.colors import LinearSegmentedColormap

        stops = trace.get("colorscale", "Viridis")
        if self.look.palette in _MAPS:
            return mpl.colormaps[_MAPS[self.look.palette]]
        if isinstance(stops, str):
            return mpl.colormaps[stops.lower()]
        return LinearSegmentedColormap.from_list(
            "chart", [(float(at), self._colour(colour)) for at, colour in stops], 256
        )

    def _name(self, trace: Chart) -> str | None:
        shown = trace.get("showlegend", True) and self.layout.get("showlegend")
        return plain(trace.get("name", "")) or None if shown else None

    # Traces.

    def _draw_scatter(self, trace: Chart, number: int) -> None:
        x, y = self._values(trace, "x"), self._values(trace, "y")
        mode, name = str(trace.get("mode", "lines")), self._name(trace)
        opacity = float(trace.get("opacity", 1.0))
        line, marker = trace.get("line", {}), trace.get("marker", {})
        if trace.get("fill") == "toself":
            self.axes.fill(x, y, color=self._colour(trace.get("fillcolor"), opacity), linewidth=0)
        if "lines" in mode:
            self.axes.plot(
                x, y, color=self._colour(line.get("color"), opacity), zorder=2 + number,
                linewidth=0.6 * float(line.get("width", 2)), label=name,
                linestyle=_DASHES.get(line.get("dash", "solid"), "-"),
            )  # fmt: skip
            name = None
        if "text" in mode:
            for at, up, text in zip(x, y, np.ravel(trace.get("text", [])), strict=False):
                self.axes.text(at, up, plain(text), ha="center", va="center", fontsize=7)
        self._errors(trace, x, y, number)
        if "markers" in mode:
            self._points(trace, marker, x, y, opacity, name, number)

    def _errors(self, trace: Chart, x: np.ndarray, y: np.ndarray, number: int) -> None:
        bars: dict[str, Any] = {}
        for axis in "xy":
            about = trace.get(f"error_{axis}")
            if about and about.get("array") is not None:
                up = np.asarray(about["array"], float)
                bars[f"{axis}err"] = np.abs([np.asarray(about.get("arrayminus", up), float), up])
        if bars:
            self.axes.errorbar(x, y, fmt="none", color="#444444", elinewidth=0.7, capsize=1.5,
                               zorder=3 + number, **bars)  # fmt: skip

    def _points(
        self, trace: Chart, marker: Chart, x: np.ndarray, y: np.ndarray, opacity: float,
        name: str | None, number: int,
    ) -> None:  # fmt: skip
        opacity *= float(np.mean(marker.get("opacity", 1.0)))
        given, symbols = marker.get("color"), marker.get("symbol", "circle")
        symbol = np.broadcast_to(np.asarray(symbols, str), len(x))
        size = np.broadcast_to(np.asarray(marker.get("size", 6), float), len(x))
        values = None if given is None or isinstance(given, str) else np.asarray(given)
        for kind in dict.fromkeys(symbol.tolist()):
            at = symbol == kind
            thin, hollow = kind.endswith("-thin"), kind.endswith("-open")
            shape = _MARKERS.get(kind.removesuffix("-open"), "o")
            look: dict[str, Any] = {"s": (0.75 * size[at]) ** 2, "marker": shape, "label": name}
            if values is not None and values.dtype.kind in "if":
                look |= {"c": values[at], "cmap": self._map(marker), "alpha": opacity}
            else:
                colour: Any = self._colour(given, opacity)
                if values is not None:
                    colour = [self._colour(c, opacity) for c in values[at]]
                look |= {"facecolors": "none" if hollow else colour,
                         "edgecolors": colour if hollow or thin else "none"}  # fmt: skip
                if thin:
                    look |= {"color": self._colour(marker.get("line", {}).get("color"), opacity)}
                    del look["facecolors"], look["edgecolors"]
            self.axes.scatter(x[at], y[at], zorder=2 + number, rasterized=len(x) > _MOST_VECTORS,
                              linewidths=0.8 if hollow or thin else 0, **look)  # fmt: skip
            name = None

    def _draw_bar(self, trace: Chart, number: int) -> None:
        flat = trace.get("orientation") == "h"
        at, length = (self._values(trace, a) for a in ("yx" if flat else "xy"))
        base = trace.get("base")
        marker = trace.get("marker", {})
        given, opacity = marker.get("color"), float(trace.get("opacity", 1.0))
        colour = (self._colour(given, opacity) if given is None or isinstance(given, str)
                  else [self._colour(c, opacity) for c in given])  # fmt: skip
        width = np.asarray(trace.get("width", 0.8), float)
        start = np.zeros(len(at)) if base is None else np.asarray(base, float)
        hatch = "////" if marker.get("pattern", {}).get("shape") else None
        look: dict[str, Any] = {
            "color": colour,
            "label": self._name(trace),
            "zorder": 2 + number,
            "hatch": hatch,
        }
        if flat:
            self.axes.barh(at, length, width, left=start, **look)
            self._errors(trace, length + start, at, number)
        else:
            self.axes.bar(at, length, width, bottom=start, **look)
            self._errors(trace, at, length + start, number)

    def _draw_heatmap(self, trace: Chart, number: int) -> None:
        z = np.asarray(trace["z"], float)
        x, y = (self._values(trace, a) if trace.get(a) is not None else np.arange(n, dtype=float)
                for a, n in (("x", z.shape[1]), ("y", z.shape[0])))  # fmt: skip
        mesh = self.axes.pcolormesh(
            x, y, np.ma.masked_invalid(z), cmap=self._map(trace), shading="nearest",
            vmin=trace.get("zmin"), vmax=trace.get("zmax"), rasterized=True, zorder=1,
        )  # fmt: skip
        if trace.get("showscale", True):
            about = trace.get("colorbar", {})
            bar = self.axes.figure.colorbar(mesh, ax=self.axes, pad=0.02, aspect=28)
            bar.set_label(plain(_text(about.get("title", ""))))
            if about.get("tickvals") is not None:
                bar.set_ticks([float(v) for v in about["tickvals"]],
                              labels=[plain(t) for t in about["ticktext"]])  # fmt: skip

    def _draw_contour(self, trace: Chart, number: int) -> None:
        about = trace.get("contours", {})
        start, end, size = (float(about[k]) for k in ("start", "end", "size"))
        levels = np.arange(start, end + size / 2, size)
        colour = trace.get("line", {}).get("color")
        if colour is None:
            colour = trace.get("colorscale", [[0, "#444444"]])[0][1]
        ink = self._colour(colour)
        self.axes.contour(self._values(trace, "x"), self._values(trace, "y"),
                          np.asarray(trace["z"], float), levels=levels, colors=[ink],
                          linewidths=0.6 * float(trace.get("line", {}).get("width", 1.5)),
                          zorder=2 + number)  # fmt: skip
        if self._name(trace):
            self.axes.plot([], [], color=ink, label=self._name(trace))

    def _draw_box(self, trace: Chart, number: int) -> None:
        names = ("q1", "med", "q3", "whislo", "whishi")
        parts = [np.asarray(trace[n], float)
                 for n in ("q1", "median", "q3", "lowerfence", "upperfence")]  # fmt: skip
        stats = [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]
        places = self._values(trace, "x").tolist()
        self.axes.bxp(stats, positions=places, showfliers=False, manage_ticks=False)

    # Shapes, words and axes.

    def _draw_shape(self, shape: Chart) -> None:
        from matplotlib.patches import Polygon, Rectangle

        line = shape.get("line", {})
        ink = self._colour(line.get("color"), float(shape.get("opacity", 1)))
        look: dict[str, Any] = {"color": ink,
                "linewidth": 0.6 * float(line.get("width", 1)),
                "linestyle": _DASHES.get(line.get("dash", "solid"), "-")}  # fmt: skip
        paper = shape.get("yref") == "paper"
        place = self.axes.get_xaxis_transform() if paper else self.axes.transData
        if shape["type"] == "path":
            points = [[float(v) for v in part.replace(",", " ").split()]
                      for part in re.split(r"[MLZ]", shape["path"]) if part.strip()]  # fmt: skip
            self.axes.add_patch(Polygon(points, fill=False, closed=True, **look))
            return
        x0, x1, y0, y1 = (shape[k] for k in ("x0", "x1", "y0", "y1"))
        if shape["type"] == "line":
            self.axes.plot([x0, x1], [y0, y1], transform=place, scalex=False, scaley=False, **look)
            return
        filled = shape.get("fillcolor")
        if filled:
            look = {"facecolor": self._colour(filled, float(shape.get("opacity", 1))),
                    "linewidth": 0}  # fmt: skip
        self.axes.add_patch(
            Rectangle((x0, y0), x1 - x0, y1 - y0, fill=bool(filled), transform=place, **look)
        )

    def _draw_note(self, note: Chart) -> None:
        x, y = note.get("x", 0.5), note.get("y", 0.5)
        across, up = note.get("xref", "x"), note.get("yref", "y")
        place = self.axes.get_xaxis_transform() if up == "paper" else self.axes.transData
        if across == "paper":
            place = self.axes.transAxes
        ink = self._colour(note.get("font", {}).get("color") or "#000000")
        self.axes.annotate(
            plain(note.get("text", "")), (x, y), xycoords=place, color=ink, fontsize=7,
            xytext=(0.6 * float(note.get("xshift", 0)), 0.6 * float(note.get("yshift", 0))),
            textcoords="offset points", ha=note.get("xanchor", "center"), va="center",
        )  # fmt: skip

    def _finish(self) -> None:
        axes = self.axes
        for axis in "xy":
            about = self.layout.get(f"{axis}axis", {})
            getattr(axes, f"set_{axis}label")(plain(_text(about.get("title", ""))))
            log = about.get("type") == "log"
            ends = about.get("range")
            if ends is not None and all(v is not None for v in ends):
                getattr(axes, f"set_{axis}lim")([10.0**v if log else v for v in ends])
            if held := self.categories[axis]:
                getattr(axes, f"set_{axis}ticks")(
                    list(held.values()), labels=[plain(v) for v in held], minor=False
                )
            elif about.get("tickvals") is not None:
                getattr(axes, f"set_{axis}ticks")(
                    [float(v) for v in about["tickvals"]],
                    labels=[plain(t) for t in about["ticktext"]],
                )
            if about.get("autorange") == "reversed":
                getattr(axes, f"invert_{axis}axis")()
            if str(about.get("tickformat", "")).endswith("%"):
                from matplotlib.ticker import PercentFormatter

                getattr(axes, f"{axis}axis").set_major_formatter(PercentFormatter(1.0, 0))
        if self.layout.get("yaxis", {}).get("scaleanchor"):
            axes.set_aspect("equal", adjustable="box")
        if any(axes.get_legend_handles_labels()[0]):
            axes.legend(fontsize=6.5, framealpha=0.8, handlelength=1.5)


def _text(title: Any) -> str:
    return str(title.get("text", "") if isinstance(title, Mapping) else title or "")


def plain(text: Any) -> str:
    """Text of a chart without its markup, as matplotlib takes it."""
    return html.unescape(_TAGS.sub("\n", str(text))).replace("$", r"\$")
