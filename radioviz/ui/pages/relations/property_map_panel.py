"""Relations: a property over a latent plane or layout, and its correlation with each latent."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.errors import RelationError
from radioviz.relations.property_map import PropertyMap, class_density, property_map
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, filtering
from radioviz.ui.cache import Located
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.plotly_charts import Figure
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.map import layers
from radioviz.ui.pages.grid_walk.correlations import correlate
from radioviz.ui.pages.relations.power_panel import numeric_names
from radioviz.ui.pages.relations.relation_question import USUALLY_LOG
from radioviz.ui.pages.table.column_charts import numbers_of
from radioviz.ui.palette import LABEL_COLOURS, OTHERS
from radioviz.workspace.table_columns import TableColumns

SHOWN = ("Mean", "Error of the mean", "Galaxies")
_PLANE = "latents"
_ARROWS = 15  # along each side
_MOST_DRAWN = 5_000
_STRONGEST = 15
_FEWEST_OF_CLASS = 10


def draw_property_map(view: View, columns: TableColumns) -> None:
    """The controls, the map, and the table of correlations."""
    if not controls.has_map(view) or view.model is None:
        return
    located = cache.located(view.data_set, view.model)
    numeric = numeric_names(columns)
    first, second, third, fourth = st.columns([1.5, 1.5, 1, 0.9], vertical_alignment="bottom")
    name = str(first.selectbox(
        "Property", numeric, index=numeric.index("las") if "las" in numeric else 0,
        format_func=columns.title, key="property_map_name",
    ))  # fmt: skip
    layouts = {**layers.layouts_of(located), _PLANE: "Two latents"}
    layout = str(second.selectbox("Plane", list(layouts), format_func=layouts.__getitem__,
                                  key="property_map_plane"))  # fmt: skip
    shown = str(third.selectbox("Show", SHOWN, key="property_map_shown"))
    log = fourth.toggle("Logarithm", value=name in USUALLY_LOG, key=f"property_map_log_{name}")
    pair = _two_latents(located) if layout == _PLANE else (0, 1)
    labels = sorted({str(v) for v in located.table["label"].unique()} - {""})
    fifth, sixth, seventh, eighth = st.columns([1.5, 1.5, 1, 0.9], vertical_alignment="bottom")
    classes = fifth.multiselect("Contours of classes", labels, key="property_map_classes",
                                placeholder="None",
                                help="Each line encloses 68 % of a class.")  # fmt: skip
    others = sixth.multiselect(
        "Project", controls.overlays(view), format_func=controls.data_set_title,
        key="property_map_others", placeholder="No other data set",
        help="Galaxies of other surveys or classes, encoded by the same encoder and placed on this "
        "plane.",
    )  # fmt: skip
    smoothing = seventh.slider("Smoothing", 0.01, 0.15, 0.04, key="property_map_smoothing",
                               help="Width of the kernel as a share of the plane.")  # fmt: skip
    arrows = eighth.toggle("Gradient", value=True, key="property_map_arrows",
                           help="Arrows point to larger values.")  # fmt: skip
    positions, places, titles = _positions(view, located, layout, pair, others)
    values = numbers_of(columns, name)
    if log:
        values = np.log10(np.where(values > 0, values, np.nan))
    mask = filtering.passing(view.data_set, view.model)
    if mask is not None:
        values = np.where(mask, values, np.nan)
    values = values[located.rows]
    found = property_map(positions, values, float(smoothing))
    title = f"log10 {columns.title(name)}" if log else columns.title(name)
    figure = map_figure(found, shown, title, titles, arrows)
    for label in classes:
        _draw_class(figure, found, positions, located, str(label), mask)
    for i, (key, at) in enumerate(places.items()):
        _draw_other(figure, at, controls.data_set_title(key), OTHERS[i % len(OTHERS)])
    plotly_charts.draw(figure, "property_map", f"{shown} of {title} over {titles[0]}", height=560)
    seen = int(np.isfinite(values).sum())
    limits = ""
    if f"{name}_limit" in columns:
        upper = numbers_of(columns, f"{name}_limit")[located.rows] > 0
        limits = f", {int((upper & np.isfinite(values)).sum()):,} of them upper limits"
    st.caption(
        f"{seen:,} galaxies with a value{limits}. Gaussian kernel of {found.width[0]:.3g} by "
        f"{found.width[1]:.3g} (1σ); places with fewer than five galaxies within it are blank."
        + (f" {_projection(located, layout)}" if places else "")
    )
    _draw_correlations(view, located, columns, name, title, values)


def _projection(located: Located, layout: str) -> str:
    if layout == _PLANE:
        return "Projected galaxies lie where the encoder puts them."
    return (
        f"Projected galaxies lie near their neighbours in latent space, unless they were in the "
        f"{located.atlas.layout_title(layout)} fit."
    )


def _two_latents(located: Located) -> tuple[int, int]:
    d = located.atlas.latents.shape[1]
    first, second = st.columns(2)
    x = first.number_input("Latent along x", 0, d - 1, 0, key="property_map_x")
    y = second.number_input("Latent along y", 0, d - 1, min(1, d - 1), key="property_map_y")
    if x == y:
        raise RelationError(f"both axes are latent {x}; choose two")
    return int(x), int(y)


def _positions(
    view: View, located: Located, layout: str, pair: tuple[int, int], others: list[str]
) -> tuple[np.ndarray, dict[str, np.ndarray], tuple[str, str]]:
    """Positions ``(n, 2)`` of this data set and of others, and titles of the axes."""
    assert view.model is not None
    for key in others:
        controls.open_with_progress(key)
    if layout == _PLANE:
        chosen = list(pair)
        here = np.asarray(located.atlas.latents[:, chosen], float)
        there = {
            key: np.asarray(cache.located(key, view.model).atlas.latents[:, chosen], float)
            for key in others
        }
        return here, there, (f"latent {pair[0]}", f"latent {pair[1]}")
    shown = layers.map_view([view.data_set, *others], view.model, layout)
    parts = [layer.positions for layer in shown.layers]
    title = located.atlas.layout_title(layout)
    return parts[0], dict(zip(others, parts[1:], strict=True)), (f"{title} x", f"{title} y")


def map_figure(
    found: PropertyMap, shown: str, title: str, titles: tuple[str, str], arrows: bool
) -> Figure:
    """The map as a heat map, with arrows of the gradient."""
    z = dict(zip(SHOWN, (found.mean, found.error, found.count), strict=True))[shown]
    figure = plotly_charts.plain_axes(*titles, False, False)
    name = {"Mean": title, "Error of the mean": f"error of {title}", "Galaxies": "galaxies"}[shown]
    figure["data"] = [
        {
            "type": "heatmap", "x": found.x, "y": found.y, "z": z.astype(np.float32),
            "colorscale": "Viridis", "hoverongaps": False,
            "colorbar": {"title": {"text": html.escape(name), "side": "right"}, "thickness": 14},
            "customdata": np.dstack([found.error, found.count]).astype(np.float32),
            "hovertemplate": "%{z:.4~g}<br>error %{customdata[0]:.2~g}, "
            "%{customdata[1]:.0f} galaxies<extra></extra>",
        }
    ]  # fmt: skip
    if arrows:
        figure["data"] += _arrows(found)
    figure["layout"]["yaxis"]["showgrid"] = False
    return figure


def _arrows(found: PropertyMap) -> list[Figure]:
    """Arrows towards larger values, the steepest as long as the space between them."""
    rows, columns = (np.linspace(0, n - 1, min(_ARROWS, n)).astype(int)
                     for n in found.mean.shape)  # fmt: skip
    at = np.ix_(rows, columns)
    # In units of the sides, so that an arrow has its direction on the screen.
    side = np.array([np.ptp(found.x), np.ptp(found.y)])
    slope = found.gradient[:, at[0], at[1]] * side[:, None, None]
    size = np.hypot(*slope)
    if not np.isfinite(size).any() or not np.nanmax(size) > 0:
        return []
    step = slope / np.nanpercentile(size, 95) / _ARROWS
    length = np.hypot(*step)
    step = step / np.maximum(length * _ARROWS, 1)
    x0, y0 = np.meshgrid(found.x[columns], found.y[rows])
    known = np.isfinite(step).all(axis=0) & (length * _ARROWS > 0.1)
    x0, y0 = x0[known], y0[known]
    dx, dy = step[0][known], step[1][known]
    lines: list[np.ndarray] = []
    blank = np.full(len(dx), np.nan)
    for turn in (0.0, 2.6, -2.6):  # the shaft and both sides of the head
        part = 1.0 if turn == 0 else 0.35
        ax, ay = (
            part * (dx * np.cos(turn) - dy * np.sin(turn)),
            part * (dx * np.sin(turn) + dy * np.cos(turn)),
        )
        start = (x0, y0) if turn == 0 else (x0 + dx * side[0], y0 + dy * side[1])
        lines.append(np.stack([
            [start[0], start[0] + ax * side[0], blank], [start[1], start[1] + ay * side[1], blank]
        ]))  # fmt: skip
    joined = np.concatenate(lines, axis=2)
    x, y = (part.T.ravel() for part in joined)
    line = {"color": "rgba(255,255,255,0.85)", "width": 1.5}
    return [{"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line,
             "hoverinfo": "skip", "showlegend": False, "connectgaps": False}]  # fmt: skip


def _draw_class(
    figure: Figure, found: PropertyMap, positions: np.ndarray, located: Located, label: str,
    mask: np.ndarray | None,
) -> None:  # fmt: skip
    members = located.table["label"].to_numpy(str) == label
    if mask is not None:
        members &= mask[located.rows]
    if members.sum() < _FEWEST_OF_CLASS:
        st.caption(f"{controls.escape(label)}: {int(members.sum())} galaxies, too few to outline.")
        return
    density, level = class_density(positions, members, found)
    colour = LABEL_COLOURS.get(label, "#FFFFFF")
    figure["layout"]["showlegend"] = True
    figure["data"].append(
        {
            "type": "contour", "x": found.x, "y": found.y, "z": density.astype(np.float32),
            "contours": {"start": level, "end": level, "size": 1, "coloring": "lines"},
            "colorscale": [[0, colour], [1, colour]], "showscale": False, "hoverinfo": "skip",
            "line": {"width": 2.5}, "name": f"{html.escape(label)} ({int(members.sum()):,})",
            "showlegend": True,
        }
    )  # fmt: skip


def _draw_other(figure: Figure, at: np.ndarray, title: str, colour: str) -> None:
    at = at[np.isfinite(at).all(axis=1)]
    drawn = at
    if len(at) > _MOST_DRAWN:
        drawn = np.random.default_rng(0).choice(at, _MOST_DRAWN, replace=False)
    figure["layout"]["showlegend"] = True
    figure["data"].append(
        {
            "type": "scattergl", "mode": "markers", "x": drawn[:, 0], "y": drawn[:, 1],
            "name": f"{html.escape(title)} ({len(at):,})", "hoverinfo": "skip",
            "marker": {"size": 5, "color": colour, "opacity": 0.8,
                       "line": {"width": 0.5, "color": "#FFFFFF"}},
        }
    )  # fmt: skip


def _draw_correlations(
    view: View, located: Located, columns: TableColumns, name: str, title: str, values: np.ndarray
) -> None:
    """Rank correlation of the property with every latent, the strongest first."""
    st.subheader("Correlation with each latent", divider="gray")
    d = located.atlas.latents.shape[1]
    axes = [f"z{i}" for i in range(d)]
    found = correlate({title: values}, np.asarray(located.atlas.latents, np.float32), axes)
    if not found.properties:
        st.caption(f"{controls.escape(title)} has too few different values here.")
        return
    table = pd.DataFrame(
        {"latent": axes, "rho": found.rho[0], "low": found.low[0], "high": found.high[0],
         "p": np.minimum(found.p_value[0] * d, 1.0)}
    )  # fmt: skip
    table = table.iloc[np.argsort(-np.abs(found.rho[0]), kind="stable")]
    top = table.head(_STRONGEST).iloc[::-1]
    figure = plotly_charts.plain_axes(f"Spearman's ρ with {title}", "", False, False)
    figure["data"] = [
        {
            "type": "scatter", "mode": "markers", "x": top["rho"].to_numpy(),
            "y": top["latent"].tolist(), "marker": {"size": 9, "color": "#1F88D2"},
            "error_x": {
                "type": "data", "symmetric": False,
                "array": (top["high"] - top["rho"]).to_numpy(),
                "arrayminus": (top["rho"] - top["low"]).to_numpy(),
            },
            "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
        }
    ]  # fmt: skip
    figure["layout"]["yaxis"] |= {"type": "category"}
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        plotly_charts.draw(figure, "property_map_rho", f"Correlation of {title} with the latents",
                           height=70 + 24 * len(top))  # fmt: skip
    with right:
        st.dataframe(
            table, hide_index=True, height=300, key="property_map_table",
            column_config={
                "rho": st.column_config.NumberColumn("ρ", format="%+.3f"),
                "low": st.column_config.NumberColumn("95 % from", format="%+.3f"),
                "high": st.column_config.NumberColumn("to", format="%+.3f"),
                "p": st.column_config.NumberColumn(
                    "p", format="%.1g", help=f"Two-sided, times {d} for as many latents"
                ),
            },
        )  # fmt: skip
        file = f"{view.data_set}-{view.model}-{name}-correlations.csv"
        export_button("CSV", file, whole(lambda: safe_csv(table)),
                      key="property_map_csv")  # fmt: skip
