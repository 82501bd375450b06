"""Lines with error bands as SVG text, like :mod:`radioviz.ui.charts.svg_charts`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radioviz.ui.charts.scales import log_ticks
from radioviz.ui.charts.svg_charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from radioviz.ui.palette import OTHERS

MOST_LABELS, MOST_DOTS = 8, 40
"""More values than this are not all labelled, and not all given a dot."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points ``(n,)``, and the band between ``low`` and ``high``."""

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def lines(
    series: Sequence[Line],
    *,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    rule: tuple[float, str] | None = None,
    floor: float | None = None,
) -> str:
    """SVG of lines on common axes; values that are not finite are left out.

    Parameters
    ----------
    rule : tuple of float and str, optional
        A horizontal line and what it is.
    floor : float, optional
        Where the vertical axis starts at the latest.
    """
    known = [
        (line, np.isfinite(line.x) & np.isfinite(line.y) & ((line.x > 0) | (not log_x)))
        for line in series
    ]
    known = [(line, keep) for line, keep in known if keep.any()]
    if not known:
        return _svg(y_title, ["<text x='20' y='40'>No values</text>"])
    xs = np.concatenate([_along(line.x[keep], log_x) for line, keep in known])
    ends = [v[keep] for line, keep in known for v in (line.y, line.low, line.high) if v is not None]
    ys = np.concatenate(ends + ([np.array([rule[0]])] if rule else []))
    x0, x1 = float(xs.min()), float(xs.max())
    y0, y1 = float(np.nanmin(ys)), float(np.nanmax(ys))
    if floor is not None:
        y0 = min(y0, floor)
    x1 = x1 if x1 > x0 else x0 + 1
    pad = 0.06 * (y1 - y0 or 1)
    y0, y1 = (y0 if floor is not None and y0 == floor else y0 - pad), y1 + pad

    def across(values: np.ndarray) -> np.ndarray:
        return LEFT + (_along(values, log_x) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT - 6)

    def up(values: np.ndarray) -> np.ndarray:
        return (HEIGHT - BOTTOM) - (values - y0) / (y1 - y0) * (HEIGHT - BOTTOM - TOP)

    parts = []
    for tick in ticks(y0, y1):
        y = float(up(np.array(tick)))
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" opacity="0.75">{tick:g}</text>'
        )
    at = 10.0 ** np.array(ticks(x0, x1)) if log_x else np.array(ticks(x0, x1))
    if log_x:
        at = np.unique(np.concatenate([line.x[keep] for line, keep in known]))
        if len(at) > MOST_LABELS:
            at = np.array(log_ticks(10**x0, 10**x1))
    for tick, x in zip(at, across(at), strict=True):
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle" '
            f'opacity="0.75">{tick:g}</text>'
        )
    for i, (line, keep) in enumerate(known):
        parts += _drawn(line, keep, OTHERS[i % len(OTHERS)], across, up)
    if rule:
        y = float(up(np.array(rule[0])))
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity="0.6" stroke-dasharray="4 3"/>'
            f'<text x="{WIDTH - RIGHT}" y="{y - 4:.1f}" text-anchor="end" opacity="0.75">'
            f"{html.escape(rule[1])}</text>"
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{html.escape(x_title)}</text>"
    )
    x = float(LEFT)
    for i, (line, _) in enumerate(known if len(known) > 1 else []):
        parts.append(
            f'<rect x="{x:.0f}" y="4" width="10" height="10" fill="{OTHERS[i % len(OTHERS)]}"/>'
            f'<text x="{x + 15:.0f}" y="13" opacity="0.85">{html.escape(line.name)}</text>'
        )
        x += 27 + 6.2 * len(line.name)
    if len(known) == 1:
        parts.append(f'<text x="{LEFT - 40}" y="13" opacity="0.75">{html.escape(y_title)}</text>')
    return _svg(f"{y_title} against {x_title}", parts)


def _along(values: np.ndarray, log: bool) -> np.ndarray:
    return np.log10(values) if log else np.asarray(values, float)


def _drawn(line: Line, keep: np.ndarray, colour: str, across: object, up: object) -> list[str]:
    assert callable(across) and callable(up)
    x, y = across(line.x[keep]), up(line.y[keep])
    parts = []
    if line.low is not None and line.high is not None:
        low, high = up(line.low[keep]), up(line.high[keep])
        outline = [*zip(x, high, strict=True), *zip(x[::-1], low[::-1], strict=True)]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in outline)
        parts.append(f'<polygon points="{points}" fill="{colour}" opacity="0.2"/>')
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    if len(x) > MOST_DOTS:
        return parts
    for a, b, level, value in zip(x, y, line.x[keep], line.y[keep], strict=True):
        title = html.escape(f"{line.name} {level:g}: {value:.3g}".strip())
        parts.append(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.2" fill="{colour}">'
            f"<title>{title}</title></circle>"
        )
    return parts


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two ends, ``most`` of them at the most."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** np.floor(np.log10(span / most))
    step = next(s * power for s in (1, 2, 5, 10, 20) if span / (s * power) <= most)
    first = np.ceil(low / step - 1e-9)
    return [round(float(i * step), 10) + 0.0 for i in np.arange(first, high / step + 1e-9)]


def _svg(label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" '
        f'aria-label="{html.escape(label, quote=True)}" fill="currentColor" font-size="12.5" '
        f'style="display:block">{"".join(parts)}</svg>'
    )
