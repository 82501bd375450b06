"""Sizes and classes as bars in HTML, which appear together with the page around them.

A lasso changes these; a Plotly chart in their place takes longer to draw than the gallery.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np

from radioviz.data.catalogue import LABELS
from radioviz.ui.charts.scales import log_ticks
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR, SELECTION_COLOUR

BINS = 30
_HEIGHT = 130  # pixels
_ORDER = {name: i for i, name in enumerate(LABELS)}


def size_counts(sizes: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Edges in log10 of arcsec, shape ``(bins + 1,)``, and counts of each sample.

    Parameters
    ----------
    sizes : mapping
        Largest angular sizes in arcsec; NaN and what is not positive is left out. Bins span the
        first sample; without any size in it both results are empty.
    """
    known = {name: np.log10(values[values > 0]) for name, values in sizes.items()}
    first = next(iter(known.values()))
    if not len(first):
        return np.array([]), {}
    edges = np.histogram_bin_edges(first, BINS)
    return edges, {name: np.histogram(values, edges)[0] for name, values in known.items()}


def size_bars(sizes: Mapping[str, np.ndarray]) -> str:
    """Angular sizes on a log axis, as the share of each sample in each bin; see `size_counts`."""
    edges, counts = size_counts(sizes)
    if not len(edges):
        return '<div style="opacity:.75;font-size:.8rem">No angular sizes</div>'
    shares = {name: count / max(count.sum(), 1) for name, count in counts.items()}
    top = max(float(share.max()) for share in shares.values()) or 1.0
    bars, legend = "", ""
    for name, count in counts.items():
        colour = SELECTION_COLOUR if legend else MISSING_COLOUR
        for i in np.flatnonzero(count):
            ends = f"{10 ** edges[i]:.3g}–{10 ** edges[i + 1]:.3g}″"
            title = html.escape(f"{name}, {ends}: {shares[name][i]:.1%} ({count[i]:,})")
            bars += (
                f'<div title="{title}" style="position:absolute;bottom:0;opacity:.65;'
                f"left:{100 * i / BINS:.2f}%;width:{95 / BINS:.2f}%;background:{colour};"
                f'height:{100 * shares[name][i] / top:.2f}%"></div>'
            )
        legend += _key(f"{name} ({count.sum():,})", colour)
    ticks = "".join(
        f'<span style="position:absolute;transform:translateX(-50%);'
        f'left:{100 * (np.log10(t) - edges[0]) / (edges[-1] - edges[0]):.1f}%">{t:g}</span>'
        for t in log_ticks(10 ** edges[0], 10 ** edges[-1])
    )
    rule = "border-bottom:1px solid rgba(128,128,128,.4)"
    return (
        f'<div style="font-size:.8rem">{_legend(legend)}'
        f'<div style="opacity:.75">{top:.0%} of sources</div>'
        f'<div style="position:relative;height:{_HEIGHT}px;{rule};'
        f'border-top:1px dashed rgba(128,128,128,.4)">{bars}</div>'
        f'<div style="position:relative;height:1.3em">{ticks}</div>'
        '<div style="text-align:center">Largest angular size [arcsec], log scale</div></div>'
    )


def class_bar(labels: Sequence[str], title: str = "") -> str:
    """Shares of the classes as one bar, with a legend of counts."""
    names = sorted(set(labels), key=lambda n: (not n, n not in LABELS, _ORDER.get(n, 0), n))
    bar, legend = "", ""
    for name in names:
        count, colour = labels.count(name), LABEL_COLOURS.get(name, MISSING_COLOUR)
        share, shown = count / len(labels), name or "no class"
        tip = html.escape(f"{title}, " * bool(title) + f"{shown}: {share:.1%} ({count:,})")
        bar += f'<div title="{tip}" style="width:{100 * share:.3f}%;background:{colour}"></div>'
        legend += _key(f"{shown} {count:,}", colour)
    above = f'<div style="font-size:.84rem">{html.escape(title)}</div>' if title else ""
    return (
        f'{above}<div style="display:flex;height:10px;border-radius:5px;overflow:hidden;gap:1px">'
        f"{bar}</div>{_legend(legend)}"
    )


def _key(text: str, colour: str) -> str:
    return (
        '<span style="white-space:nowrap"><span style="display:inline-block;width:9px;height:9px;'
        f'border-radius:50%;background:{colour};margin-right:5px"></span>{html.escape(text)}</span>'
    )


def _legend(keys: str) -> str:
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:2px 14px;margin-top:6px;font-size:.84rem">'
        f"{keys}</div>"
    )
