"""Round numbers for axes and colour bars."""

from __future__ import annotations

import numpy as np


def log_ticks(low: float, high: float) -> np.ndarray:
    """Round numbers (1, 2, 5 in each decade, or decades alone) between two positive values."""
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = np.array([])
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        ticks = np.array([s * 10.0**d for d in decades for s in steps])
        ticks = ticks[(ticks >= low * 0.999) & (ticks <= high * 1.001)]
        if len(ticks) >= 4:
            return ticks
    return ticks if len(ticks) >= 2 else np.array([low, high])
