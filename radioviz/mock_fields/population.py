"""The sources of a mock field, before they are drawn: positions, fluxes, classes, sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from radioviz.errors import FieldError
from radioviz.mock_fields.settings import COMPACT, FieldSettings

_TRIES = 200  # rounds of drawing positions, each of which fills a good part of the field

Usable = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of pixel positions x, y ``(n,)``, counted from 0: which may hold a source, bool ``(n,)``."""


def draw_sources(settings: FieldSettings, usable: Usable | None = None) -> pd.DataFrame:
    """Sources of a field without their sky positions, one row each.

    Parameters
    ----------
    usable : callable, optional
        Pixels that may hold a source; by default those of a tangent plane, equally many for equal
        areas on the sky.

    Returns
    -------
    pandas.DataFrame
        ``x``, ``y`` (pixels counted from 0, the middle of the first pixel is 0), ``label``,
        ``las`` [arcsec, 0 for unresolved sources], ``flux_mjy``, ``cluster`` (number of the
        cluster, -1 without clusters).

    Raises
    ------
    FieldError
        If too few pixels may hold a source.
    """
    source = np.random.default_rng([settings.seed, 1])
    n = settings.count
    x, y, cluster = _positions(settings, n, source, usable or _equal_area(settings, source))
    classes = list(settings.shares)
    chance = np.array([settings.shares[c] for c in classes], float)
    label = np.array(classes, object)[source.choice(len(classes), n, p=chance / chance.sum())]
    steps = np.linspace(0, 1, len(settings.sizes))
    las = np.exp(np.interp(source.random(n), steps, np.log(np.asarray(settings.sizes, float))))
    return pd.DataFrame(
        {
            "x": x,
            "y": y,
            "label": label.astype(str),
            "las": np.where(label == COMPACT, 0.0, las),
            "flux_mjy": counts_law(source.random(n), *settings.flux_range, settings.slope),
            "cluster": cluster,
        }
    )


def counts_law(u: np.ndarray, low: float, high: float, slope: float) -> np.ndarray:
    """Fluxes at the quantiles ``u`` of source counts dN/dS ~ S^-slope between two limits."""
    power = 1.0 - slope
    if abs(power) < 1e-9:
        return low * (high / low) ** u
    return (low**power + u * (high**power - low**power)) ** (1 / power)


def _equal_area(settings: FieldSettings, source: np.random.Generator) -> Usable:
    """Positions kept as often as a pixel of the tangent plane there is large on the sky."""
    step = np.radians(settings.pixel / 3600)
    middle = (settings.width - 1) / 2, (settings.height - 1) / 2

    def usable(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        far = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) * step**2
        return source.random(len(x)) < (1 + far) ** -1.5

    return usable


def _positions(
    settings: FieldSettings, n: int, source: np.random.Generator, usable: Usable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions within the field, and the cluster of each (Thomas 1949)."""
    sides = np.array([settings.width, settings.height], float)
    radius = settings.cluster_radius * 60 / settings.pixel
    clusters = settings.cluster_members > 0
    if clusters:
        # Clusters lie beyond the edge, too: their members reach into the field.
        reach = 3 * radius
        wide = sides + 2 * reach
        number = max(1, round(n / settings.cluster_members * wide.prod() / sides.prod()))
        middles = source.random((number, 2)) * wide - reach - 0.5
    found: list[np.ndarray] = []
    having = 0
    for _ in range(_TRIES):
        if having >= n:
            break
        more = max(1000, 2 * (n - having))
        if clusters:
            which = source.integers(number, size=more)
            places = middles[which] + radius * source.standard_normal((more, 2))
        else:
            which = np.full(more, -1)
            places = source.random((more, 2)) * sides - 0.5
        drawn = np.column_stack([places, which])
        drawn = drawn[((places >= -0.5) & (places < sides - 0.5)).all(1)]
        drawn = drawn[usable(drawn[:, 0], drawn[:, 1])]
        found.append(drawn)
        having += len(drawn)
    if having < n:
        raise FieldError(
            f"only {having:,} of {n:,} sources found a place; the field has too few usable pixels. "
            "Ask for fewer sources"
        )
    every = np.concatenate(found)[:n] if found else np.empty((0, 3))
    return every[:, 0], every[:, 1], every[:, 2].astype(np.int64)
