"""Histogram of similarity scores against what unrelated galaxies score, as SVG text.

Counts are on a log scale: what matters is whether a few galaxies stand out at the right end.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from radioviz.ui.charts.svg_charts import SELECTION_COLOUR
from radioviz.ui.palette import MISSING_COLOUR

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 30, 42
BINS = 60
_NULL_COLOUR = "#D55E00"


def edges_of(scores: np.ndarray, nulls: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Edges of equal bins over scores and null scores; -inf (unusable) is left out."""
    known = scores[np.isfinite(scores)]
    parts = [known, *nulls]
    low = min((float(p.min()) for p in parts if len(p)), default=-1.0)
    high = max((float(p.max()) for p in parts if len(p)), default=1.0)
    if high - low < 1e-6:
        low, high = low - 0.05, high + 0.05
    edges: np.ndarray = np.linspace(low, high, BINS + 1)
    edges[0] -= 1e-6
    edges[-1] += 1e-6
    return edges


def chart(
    scores: np.ndarray,
    expected: np.ndarray | None,
    edges: np.ndarray,
    *,
    best: float | None,
    last: float | None,
    title: str,
) -> str:
    """SVG of how many galaxies score how much.

    Parameters
    ----------
    scores : numpy.ndarray
        Of every galaxy that was compared.
    expected : numpy.ndarray, optional
        Number that unrelated galaxies would give, one for each bin.
    edges : numpy.ndarray
        As :func:`edges_of` gives them.
    best, last : float, optional
        Highest and lowest score among the results that are shown.
    title : str
        Below the axis.
    """
    counts = np.histogram(scores[np.isfinite(scores)], edges)[0]
    top = float(max(counts.max(initial=1), 1 if expected is None else expected.max(initial=1), 10))
    floor, half = HEIGHT - BOTTOM, 0.5  # a bar of one galaxy has a height

    def x_of(value: float) -> float:
        share = (value - edges[0]) / (edges[-1] - edges[0])
        return float(LEFT + share * (WIDTH - LEFT - RIGHT))

    def y_of(count: float) -> float:
        share = np.log10(max(count, half) / half) / np.log10(1.15 * top / half)
        return float(floor - share * (floor - TOP))

    parts = []
    for power in range(int(np.ceil(np.log10(top))) + 1):
        if 10**power <= top * 1.1:
            y = y_of(10.0**power)
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                'stroke="currentColor" stroke-opacity="0.15"/>'
                f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end" opacity="0.75">'
                f"{10**power:,}</text>"
            )
    for i in np.flatnonzero(counts):
        x0, x1, y = x_of(edges[i]), x_of(edges[i + 1]), y_of(float(counts[i]))
        shown = last is not None and edges[i + 1] > last
        parts.append(
            f'<rect x="{x0:.1f}" y="{y:.1f}" width="{max(x1 - x0 - 0.8, 0.6):.1f}" '
            f'height="{floor - y:.1f}" fill="{SELECTION_COLOUR if shown else MISSING_COLOUR}" '
            f'opacity="{0.85 if shown else 0.6}">'
            f"<title>{edges[i]:.3f} to {edges[i + 1]:.3f}: {counts[i]:,}</title></rect>"
        )
    if expected is not None:
        points = [
            f"{x_of((edges[i] + edges[i + 1]) / 2):.1f},{y_of(float(e)):.1f}"
            for i, e in enumerate(expected)
            if e >= half
        ]
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{_NULL_COLOUR}" '
            'stroke-width="2"/>'
        )
    if best is not None:
        x = x_of(best)
        anchor = "end" if x > WIDTH / 2 else "start"
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{floor}" stroke="currentColor" '
            'stroke-width="1.5" stroke-dasharray="4 3"/>'
            f'<text x="{x + (-4 if anchor == "end" else 4):.1f}" y="{TOP + 8}" '
            f'text-anchor="{anchor}" font-weight="600">best {best:.3f}</text>'
        )
    for tick in _ticks(float(edges[0]), float(edges[-1])):
        parts.append(
            f'<text x="{x_of(tick):.1f}" y="{floor + 15}" text-anchor="middle" opacity="0.75">'
            f"{tick:g}</text>"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{html.escape(title)}</text>"
        f'<text x="{WIDTH - RIGHT}" y="13" text-anchor="end" opacity="0.6">galaxies, log scale'
        "</text>"
    )
    legend = [("searched", MISSING_COLOUR), ("shown", SELECTION_COLOUR)]
    legend += [("unrelated galaxies", _NULL_COLOUR)] if expected is not None else []
    x = float(LEFT)
    for text, colour in legend:
        parts.append(
            f'<rect x="{x:.0f}" y="4" width="10" height="10" fill="{colour}"/>'
            f'<text x="{x + 15:.0f}" y="13" opacity="0.85">{text}</text>'
        )
        x += 15 + 6.4 * len(text) + 14
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" '
        f'aria-label="{html.escape(title, quote=True)}" fill="currentColor" font-size="12.5" '
        f'style="display:block">{"".join(parts)}</svg>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two values, four to nine of them."""
    span = high - low
    step = 10 ** np.floor(np.log10(span))
    for factor in (1.0, 0.5, 0.2, 0.1):
        if span / (step * factor) >= 4:
            step *= factor
            break
    first = np.ceil(low / step - 1e-9) * step
    return [round(float(t), 10) + 0.0 for t in np.arange(first, high + step * 1e-6, step)]
