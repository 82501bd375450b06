"""Morphology measured from images: sizes, angles, flux, profiles, complexity.

What limits the largest angular size is written at :func:`measure`.
"""

from __future__ import annotations

from radioviz.morphology.measurements import complete
from radioviz.morphology.measuring import (
    MEASURED,
    VERSION,
    Extent,
    axis_profile,
    extent,
    extent_of,
    measure,
)

__all__ = [
    "MEASURED",
    "VERSION",
    "Extent",
    "axis_profile",
    "complete",
    "extent",
    "extent_of",
    "measure",
]
