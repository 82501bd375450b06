"""Sizes and classes as bars in HTML, which appear together with the page around them.

A lasso changes these; a Plotly chart in their place takes longer to draw than the gallery.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np

from radioviz.data.catalogue import LABELS
from radioviz.ui.charts.scales import counts_between, log_ticks
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR, SELECTION_COLOUR

BINS = 30
_HEIGHT = 130  # pixels
_ORDER = {name: i for i, name in enumerate(LABELS)}


def size_counts(
    sizes: Mapping[str, np.ndarray], limits: Mapping[str, np.ndarray] | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Edges in log10 of arcsec, shape ``(bins + 1,)``, and counts of each sample.

    The last are the counts of upper limits, which the others do not include; only of samples that
    have any.

    ``sizes``: largest angular sizes in arcsec; NaN and what is not positive is left out. Bins span
    the first sample; without any size in it all results are empty. ``limits``: which of the sizes
    are upper limits, bool, by name.
    """
    upper = {name: (limits or {}).get(name, np.zeros(len(v), bool)) for name, v in sizes.items()}
    known = {name: values > 0 for name, values in sizes.items()}
    first = next(iter(sizes))
    if not known[first].any():
        return np.array([]), {}, {}
    edges = np.histogram_bin_edges(np.log10(sizes[first][known[first]]), BINS)

    def counted(chosen: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {
            name: counts_between(np.log10(values[chosen[name]]), edges)
            for name, values in sizes.items()
        }

    measured = counted({name: k & ~upper[name] for name, k in known.items()})
    limited = counted({name: k & upper[name] for name, k in known.items()})
    return edges, measured, {name: n for name, n in limited.items() if n.any()}


def size_bars(
    sizes: Mapping[str, np.ndarray], limits: Mapping[str, np.ndarray] | None = None
) -> str:
    """Angular sizes on a log axis, as the share of each sample in each bin; see `size_counts`.

    Upper limits stand hatched on top of the measured sizes, with an arrow.
    """
    edges, counts, upper = size_counts(sizes, limits)
    if not len(edges):
        return '<div style="opacity:.75;font-size:.8rem">No angular sizes</div>'
    totals = {name: n + upper.get(name, 0) for name, n in counts.items()}
    numbers = {name: max(total.sum(), 1) for name, total in totals.items()}
    top = max(float(n.max()) / numbers[name] for name, n in totals.items()) or 1.0
    bars, legend = "", ""
    for name, count in counts.items():
        colour = SELECTION_COLOUR if legend else MISSING_COLOUR
        number, height = numbers[name], 100 / (numbers[name] * top)
        # Each part of a bar: counts, what they stand on, what the tooltip adds.
        parts = [(count, np.zeros_like(count), "")]
        if name in upper:
            parts.append((upper[name], count, ", upper limits"))
        for part, base, words in parts:
            hatch = f"repeating-linear-gradient(135deg,{colour} 0 2px,transparent 2px 5px)"
            for i in np.flatnonzero(part):
                ends = f"{10 ** edges[i]:.3g}–{10 ** edges[i + 1]:.3g}″"
                share = f"{part[i] / number:.1%} ({part[i]:,})"
                title = html.escape(f"{name}{words}, {ends}: {share}")
                bars += (
                    f'<div title="{title}" style="position:absolute;opacity:.65;'
                    f"bottom:{height * base[i]:.2f}%;left:{100 * i / BINS:.2f}%;"
                    f"width:{95 / BINS:.2f}%;background:{hatch if words else colour};"
                    f'height:{height * part[i]:.2f}%"></div>'
                )
                if words and height * part[i] > 4:
                    bars += (
                        f'<div aria-hidden="true" style="position:absolute;font-size:.7rem;'
                        f"line-height:1;transform:translate(-100%,50%);left:{100 * i / BINS:.2f}%;"
                        f'bottom:{height * (base[i] + part[i] / 2):.2f}%">←</div>'
                    )
        legend += _key(f"{name} ({totals[name].sum():,})", colour)
        if name in upper:
            legend += _key(f"{name}, upper limits ← ({upper[name].sum():,})", hatch)
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


def class_bar(counts: Mapping[str, int], title: str = "") -> str:
    """Shares of the classes as one bar, with a legend of their counts."""
    names = sorted(counts, key=lambda n: (not n, n not in LABELS, _ORDER.get(n, 0), n))
    whole = sum(counts.values())
    bar, legend = "", ""
    for name in names:
        count, colour = counts[name], LABEL_COLOURS.get(name, MISSING_COLOUR)
        share, shown = count / whole, name or "no class"
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
