"""Morphology measured from images: sizes, angles, flux, profiles, complexity.

:func:`measure` describes what limits the largest angular size.
"""

from __future__ import annotations

from radioviz.morphology.measurements import (
    COMPLETED,
    complete,
    complete_plane,
    described,
)
from radioviz.morphology.measuring import (
    MEASURED,
    VERSION,
    Extent,
    axis_profile,
    extent,
    extent_of,
    measure,
    noise_of,
    stated_noise,
)
