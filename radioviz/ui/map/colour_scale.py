"""The scale of a colouring by numbers: its ends, its colours, and where values lie on it."""

from __future__ import annotations

from functools import cache

import numpy as np

from radioviz.ui.image.display import interpolate_colours
from radioviz.ui.map.colouring import Colour
from radioviz.ui.palette import MISSING_COLOUR, PALETTES


def colour_scale(colour: Colour) -> tuple[np.ndarray, float, float]:
    """Values as they are drawn (logarithms where ``log``), ``(n,)``, and the ends of the scale."""
    values = np.asarray(colour.values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.log10(values) if colour.log else values
    known = np.isfinite(drawn)
    low, high = colour_ends(colour, values[known])
    if colour.log and known.any():
        low, high = float(np.log10(low)), float(np.log10(high))
        drawn = np.where(values <= 0, low, drawn)  # below the scale is not the same as unknown
    return drawn, low, high


def colour_range(values: np.ndarray) -> tuple[float, float]:
    """Ends of a colour scale for finite values of shape ``(n,)``; 0 and 1 for none.

    The 0.5th and 99.5th percentile, so that one outlier does not take the whole scale; values
    beyond have the colour of the end.
    """
    if not len(values):
        return 0.0, 1.0
    low, high = np.percentile(values, [0.5, 99.5])
    if not high > low:
        low, high = values.min(), values.max()
    if not high > low:
        low, high = low - 0.5 * abs(low or 1), high + 0.5 * abs(high or 1)
    return float(low), float(high)


def colour_ends(colour: Colour, values: np.ndarray) -> tuple[float, float]:
    """Ends of the scale of a colouring: as the reader set them, else by its finite ``values``."""
    low, high = (0.0, 180.0) if colour.cyclic else colour_range(values)
    own_low, own_high = colour.limits
    low = low if own_low is None or (colour.log and own_low <= 0) else own_low
    high = high if own_high is None or (colour.log and own_high <= 0) else own_high
    if not high > low:  # one end was set beyond the other
        high = low * 10 if colour.log else low + (abs(low) or 1.0)
    return low, high


def colour_ramp(colour: Colour) -> list[str]:
    """Colour of no value, then 255 colours from low to high."""
    return _ramp(colour.palette or ("cyclic" if colour.cyclic else ""))


@cache
def _ramp(palette: str) -> list[str]:
    colours = PALETTES.get(palette, PALETTES["viridis"])
    return [
        MISSING_COLOUR,
        *(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in interpolate_colours(colours, 255)),
    ]
