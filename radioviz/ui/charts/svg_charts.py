"""Small charts as SVG text: they need no library in the browser, and follow the theme.

What a lasso changes is drawn with these, since a Plotly chart takes longer to appear than
all of the gallery.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from radioviz.data.catalogue import LABELS
from radioviz.ui.charts.scales import log_ticks
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 6, 26, 44
SELECTION_COLOUR = "#E11D74"
BINS = 30

_CSS = """
div { color: var(--st-text-color); font-family: var(--st-font); }
"""

# st.html() drops SVG. All text in it is escaped where it is made, below.
_JS = """
export default function (component) {
  component.parentElement.querySelector('div').innerHTML = component.data.svg;
}
"""


def draw(svg: str, key: str) -> None:
    """Put a chart on the page; ``key`` is also the CSS class ``st-key-<key>``."""
    component = st.components.v2.component("radioviz_svg", html="<div></div>", css=_CSS, js=_JS)
    component(key=key, data={"svg": svg})


def size_distribution(
    whole: np.ndarray,
    part: np.ndarray | None = None,
    names: tuple[str, str] = ("All", "Selection"),
) -> str:
    """Angular sizes on a log axis, as the share of sources in each bin.

    Parameters
    ----------
    whole, part : numpy.ndarray
        Largest angular sizes in arcsec; NaN and what is not positive is left out.
    names : tuple of str
        What the two are called.
    """
    edges, counts = histogram(whole, part)
    if not len(edges):
        return _frame("No angular sizes", [], "", [], [], [])
    shares = [count / max(count.sum(), 1) for count in counts]
    top = max(float(share.max()) for share in shares) or 1.0
    at = np.log10(edges)
    x = LEFT + (at - at[0]) / (at[-1] - at[0]) * (WIDTH - LEFT - RIGHT)
    bars = []
    for share, count, colour, opacity in zip(
        shares, counts, (MISSING_COLOUR, SELECTION_COLOUR), (0.5, 0.7), strict=False
    ):
        for i in np.flatnonzero(count):
            title = f"{edges[i]:.3g}–{edges[i + 1]:.3g}″: {share[i]:.1%} ({count[i]:,})"
            bars.append(
                _bar(x[i], x[i + 1] - x[i] - 0.7, float(share[i]) / top, colour, opacity, title)
            )
    ticks = [
        (float(np.interp(np.log10(t), at, x)), f"{t:g}") for t in log_ticks(edges[0], edges[-1])
    ]
    legend = [(f"{names[0]} ({counts[0].sum():,})", MISSING_COLOUR)]
    if part is not None:
        legend.append((f"{names[1]} ({counts[1].sum():,})", SELECTION_COLOUR))
    title = "Largest angular size [arcsec], log scale"
    return _frame(title, bars, title, ticks, _shares(top), legend)


def histogram(
    whole: np.ndarray, part: np.ndarray | None = None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Edges of equal bins in the logarithm over ``whole``, and counts of one or both."""
    groups = [g[np.isfinite(g) & (g > 0)] for g in (whole, part) if g is not None]
    if not len(groups[0]):
        return np.array([]), []
    low, high = np.log10(groups[0].min()), np.log10(groups[0].max())
    edges = 10 ** np.linspace(low, high if high > low else low + 0.1, BINS + 1)
    edges[0], edges[-1] = edges[0] * (1 - 1e-9), edges[-1] * (1 + 1e-9)
    return edges, [np.histogram(g, edges)[0] for g in groups]


def class_counts(labels: Sequence[str], part: Sequence[str] | None = None) -> str:
    """Classes as shares of the whole and, beside them, of a selection."""
    present = set(labels) | set(part or ())
    names = [n for n in LABELS if n in present] + sorted(present - set(LABELS) - {""})
    names += [""] if "" in present else []
    groups = [list(labels)] + ([list(part)] if part is not None else [])
    counts = [[sum(1 for g in group if g == n) for n in names] for group in groups]
    shares = [[c / max(len(g), 1) for c in count] for count, g in zip(counts, groups, strict=True)]
    top = max((s for share in shares for s in share), default=0) or 1.0
    slot = (WIDTH - LEFT - RIGHT) / max(len(names), 1)
    width = min(34.0, slot * 0.8 / len(groups))
    bars, ticks = [], []
    for i, name in enumerate(names):
        middle = LEFT + (i + 0.5) * slot
        colour = LABEL_COLOURS.get(name, MISSING_COLOUR)
        ticks.append((middle, name or "no class"))
        for g, (count, share) in enumerate(zip(counts, shares, strict=True)):
            x = middle + (g - len(groups) / 2) * width
            opacity = 0.35 if part is not None and g == 0 else 1.0
            whose = "Selection" if g else "All"
            title = f"{whose}, {name or 'no class'}: {share[i]:.1%} ({count[i]:,})"
            bars.append(_bar(x + 0.5, width - 1, share[i] / top, colour, opacity, title))
            height = share[i] / top * (HEIGHT - TOP - BOTTOM)
            bars.append(
                f'<text x="{x + width / 2:.1f}" y="{HEIGHT - BOTTOM - height - 3:.1f}" '
                f'text-anchor="middle" font-size="11" opacity="{max(opacity, 0.6)}">'
                f"{count[i]:,}</text>"
            )
    legend = [] if part is None else [("faint: all, full: selection", "")]
    return _frame("Classes", bars, "", ticks, _shares(top), legend)


def _shares(top: float) -> list[tuple[float, str]]:
    """Ticks of a vertical axis of shares from 0 to ``top``: height as a fraction, and text."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        if top / step <= 4:
            break
    return [(s / top, f"{s:.0%}") for s in np.arange(0, top + 1e-9, step)]


def _bar(x: float, width: float, share: float, colour: str, opacity: float, title: str) -> str:
    height = share * (HEIGHT - TOP - BOTTOM)
    return (
        f'<rect x="{x:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{max(width, 0.5):.1f}" '
        f'height="{height:.1f}" fill="{colour}" opacity="{opacity}">'
        f"<title>{html.escape(title)}</title></rect>"
    )


def _frame(
    label: str,
    bars: Sequence[str],
    x_title: str,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    legend: Sequence[tuple[str, str]],
) -> str:
    """Axes, ticks and legend about bars; all text is escaped."""
    floor = HEIGHT - BOTTOM
    parts = []
    for share, text in y_ticks:
        y = floor - share * (floor - TOP)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" opacity="0.75">{text}</text>'
        )
    parts += bars
    for x, text in x_ticks:
        parts.append(
            f'<text x="{x:.1f}" y="{floor + 15}" text-anchor="middle" opacity="0.75">'
            f"{html.escape(text)}</text>"
        )
    if x_title:
        parts.append(
            f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
            f"{html.escape(x_title)}</text>"
        )
    if y_ticks:
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="13" text-anchor="end" opacity="0.6">'
            "share of sources</text>"
        )
    x = float(LEFT)
    for text, colour in legend:
        if colour:
            parts.append(f'<rect x="{x:.0f}" y="4" width="10" height="10" fill="{colour}"/>')
            x += 15
        parts.append(f'<text x="{x:.0f}" y="13" opacity="0.85">{html.escape(text)}</text>')
        x += 6.2 * len(text) + 12
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" '
        f'aria-label="{html.escape(label, quote=True)}" fill="currentColor" font-size="12.5" '
        f'style="display:block">{"".join(parts)}</svg>'
    )
