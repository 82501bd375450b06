"""Spearman correlations of latent axes with properties of the real galaxies, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from radioviz.data.catalogue import LABELS
from radioviz.ui.map import colouring

_MOST = 20_000  # galaxies of which the error is computed
MIN_GALAXIES = 20  # with a value, below which no correlation is given
_EXCLUDED = {"ra", "dec", "image_ra", "image_dec", "cv_fold", "cv_test", "n_unrelated"}


@dataclass(frozen=True, eq=False)
class Correlations:
    """Rank correlations of ``p`` properties with ``k`` axes."""

    properties: list[str]  # with their units
    axes: list[str]
    # rho, low, high, p_value: shape ``(p, k)``: Spearman's coefficient, its 95 % interval, the
    # two-sided p-value
    rho: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: np.ndarray
    n: np.ndarray  # galaxies with a value, shape ``(p,)``

    @property
    def significant(self) -> np.ndarray:
        """True where p < 0.01 after Bonferroni's correction for all cells of the table."""
        return self.p_value * max(self.rho.size, 1) < 0.01

    @property
    def best(self) -> np.ndarray:
        """For each property the axis of the strongest correlation, shape ``(p,)``."""
        return np.abs(self.rho).argmax(axis=1)

    def frame(self) -> pd.DataFrame:
        """One row a property, four columns an axis: for a CSV file."""
        out = pd.DataFrame({"property": self.properties, "n": self.n})
        for i, axis in enumerate(self.axes):
            for name in ("rho", "low", "high", "p_value"):
                out[f"{axis} {name}"] = getattr(self, name)[:, i]
        return out


def properties(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Properties that can be ranked: numbers, position angles as cos and sin 2 PA, classes.

    A position angle repeats after 180 degrees and so has no rank; a class is 1 for its members and
    0 for those of other classes.
    """
    found: dict[str, np.ndarray] = {}
    for name in table.columns:
        if name in _EXCLUDED or not colouring.is_number(table[name]):
            continue
        values = table[name].to_numpy(float)
        title, unit = colouring.title_of(str(name))
        if name == "position_angle":
            found["cos 2 PA (north-south +1, east-west −1)"] = np.cos(2 * np.radians(values))
            found["sin 2 PA (north-east +1, north-west −1)"] = np.sin(2 * np.radians(values))
            continue
        found[f"{title} [{unit}]" if unit else title] = values
    labels = table["label"].to_numpy(str)
    known = labels != ""
    for label in LABELS:
        if (labels == label).any():
            found[f"Class {label}"] = np.where(known, (labels == label).astype(float), np.nan)
    return found


def correlate(
    values: dict[str, np.ndarray], positions: np.ndarray, axes: list[str]
) -> Correlations:
    """Spearman's rank correlation of every property with every axis.

    The interval is Fisher's transform with the standard error of :func:`standard_errors`, which is
    that of a bootstrap over galaxies for any dependence and any ties. Formulas that assume normal
    variables, as ``(1 + rho²/2) / (n - 3)`` of Bonett & Wright 2000, are too narrow by a fifth and
    more where a property does not rise or fall steadily.

    ``values``: property to ``(n,)`` values, NaN where unknown; those known for fewer than
    :data:`MIN_GALAXIES` galaxies, or constant, are left out. ``positions``: shape ``(n, k)``.
    """
    from scipy.special import stdtr  # scipy.stats takes a second to import

    names, rows, errors, counts = [], [], [], []
    for name, column in values.items():
        known = np.isfinite(column)
        n = int(known.sum())
        if n < MIN_GALAXIES or np.ptp(column[known]) == 0:
            continue
        ranks = pd.Series(column[known]).rank().to_numpy()
        across = pd.DataFrame(np.asarray(positions, dtype=float)[known]).rank().to_numpy()
        ranks = ranks - ranks.mean()
        across = across - across.mean(axis=0)
        norm = np.sqrt((ranks**2).sum() * (across**2).sum(axis=0))
        with np.errstate(invalid="ignore", divide="ignore"):
            rho = np.where(norm > 0, ranks @ across / norm, 0.0)
        names.append(name)
        rows.append(np.clip(rho, -1, 1))
        errors.append(standard_errors(ranks / n, across / n, rows[-1]))
        counts.append(n)
    rho = np.array(rows).reshape(-1, len(axes))
    count = np.array(counts, dtype=np.int64)
    free = count[:, None].astype(float)
    inside = np.clip(rho, -1 + 1e-12, 1 - 1e-12)
    error = np.array(errors).reshape(-1, len(axes)) * np.sqrt(free / (free - 3))
    half = 1.959964 * error / (1 - inside**2)
    low, high = np.tanh(np.arctanh(inside) - half), np.tanh(np.arctanh(inside) + half)
    statistic = np.abs(inside) * np.sqrt((free - 2) / (1 - inside**2))
    return Correlations(names, axes, rho, low, high, 2 * stdtr(free - 2, -statistic), count)


def standard_errors(first: np.ndarray, second: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Standard error of Spearman's coefficient by its influence function (infinitesimal jackknife).

    A galaxy changes the coefficient by its own product of ranks, and by moving the ranks of all
    others; the sum over galaxies of the squares is what a bootstrap would find.

    ``first``, ``second``: centred mean ranks over n, ``(n,)`` and ``(n, k)``; ``rho``: the
    coefficients, ``(k,)``. Returns an array of shape ``(k,)``; 0 where a column is constant.
    """
    n = len(first)
    if n > _MOST:  # the error of so many says that of all
        rows = np.random.default_rng(0).choice(n, _MOST, replace=False)
        first, second = first[rows], second[rows]
    of_first, there = float(np.mean(first**2)), _Above(first)
    # Of the variance of the ranks: constant without ties.
    own = (first**2 + 2 * there(first)) / of_first
    out = np.zeros(second.shape[1])
    for k, column in enumerate(second.T):
        of_second = float(np.mean(column**2))
        if not of_second > 0:
            continue
        here = _Above(column)
        product = first * column + there(column) + here(first)
        variance = own + (column**2 + 2 * here(column)) / of_second
        influence = product / np.sqrt(of_first * of_second) - rho[k] / 2 * variance
        out[k] = np.std(influence) / np.sqrt(n)
    return out


class _Above:
    """For each row the mean over all rows of the weights of those with larger values.

    Equal values count by half.
    """

    def __init__(self, values: np.ndarray) -> None:
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._below, self._upto = (
            np.searchsorted(ordered, ordered, side) for side in ("left", "right")
        )

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0.0], np.cumsum(weights[self._order])])
        out = np.empty(len(weights))
        out[self._order] = total[-1] - (total[self._below] + total[self._upto]) / 2
        return out / len(weights)


def _shade(rho: float) -> str:
    """Background of a cell: orange for positive, blue for negative, stronger for larger |rho|."""
    colour = "213,94,0" if rho > 0 else "31,136,210"
    return f"rgba({colour},{0.65 * min(abs(rho), 1) ** 1.2:.2f})"


def html_table(found: Correlations) -> str:
    """The table, strongest correlation of any axis first; the best axis of a property in bold."""
    strongest = np.abs(found.rho).max(axis=1, initial=0)
    order = np.argsort(-strongest)
    head = "".join(
        f'<th style="text-align:right;padding:4px 12px">{escape(a)}</th>' for a in found.axes
    )
    lines = []
    for i in order:
        cells = []
        for j in range(len(found.axes)):
            rho, sure = found.rho[i, j], found.significant[i, j]
            best = j == found.best[i] and sure and len(found.axes) > 1
            reach = max(found.high[i, j] - rho, rho - found.low[i, j])
            power = found.p_value[i, j]
            value = f"{rho:+.2f}".replace("-", "−")
            p = "p < 10⁻³⁰⁰" if power < 1e-300 else f"p = {power:.1g}"
            title = f"95 %: {found.low[i, j]:+.3f} to {found.high[i, j]:+.3f}; {p}"
            cells.append(
                f'<td title="{title}" style="text-align:right;padding:3px 12px;'
                f"background:{_shade(rho) if sure else 'none'};"
                f'{"" if sure else "opacity:.55;"}{"font-weight:700;" if best else ""}">'
                f'{value}<span style="opacity:.65;font-weight:400;font-size:.85em"> '
                f"± {reach:.2f}</span>"
                "</td>"
            )
        lines.append(
            f'<tr><td style="padding:3px 12px 3px 0">{escape(found.properties[i])}</td>'
            f"{''.join(cells)}"
            f'<td style="text-align:right;padding:3px 0 3px 12px;opacity:.7">{found.n[i]:,}</td>'
            "</tr>"
        )
    return (
        '<table style="border-collapse:collapse;font-size:.88rem;'
        'font-variant-numeric:tabular-nums">'
        f'<thead><tr><th style="text-align:left;padding:4px 12px 4px 0">Property</th>{head}'
        '<th style="text-align:right;padding:4px 0 4px 12px">galaxies</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def strongest(found: Correlations) -> str:
    """The strongest correlation in words; empty when none is significant."""
    if not found.significant.any():
        return ""
    size = np.where(found.significant, np.abs(found.rho), 0)
    i, j = np.unravel_index(int(size.argmax()), size.shape)
    rho = f"{found.rho[i, j]:.2f}".replace("-", "−")
    name = found.properties[i].split(" [")[0]
    name = name[:1].lower() + name[1:] if name[1:2].islower() else name
    return f"{found.axes[j]} mainly traces {name} (ρ = {rho})."
