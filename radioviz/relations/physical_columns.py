"""Linear size and luminosity of the sources of a table that have a redshift."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Column
from radioviz.relations.cosmology import SPECTRAL_INDEX, linear_size, luminosity

PHYSICAL = {
    "linear_size": Column(
        "float64", "kpc", "phys.size",
        "Projected linear size, from las and redshift (Planck18); where las is an upper limit so "
        "is this",
    ),
    "luminosity": Column(
        "float64", "W/Hz", "phys.luminosity",
        "Luminosity at 1.4 GHz in the frame of the source, from flux, frequency and redshift "
        f"(Planck18, spectral index {SPECTRAL_INDEX:g})",
    ),
}  # fmt: skip


def physical_columns(table: pd.DataFrame) -> pd.DataFrame | None:
    """The columns of :data:`PHYSICAL` for a Catalogue's table; None where no row has any."""
    redshift = table["redshift"].to_numpy(float)
    if not (redshift > 0).any():
        return None
    las, flux, frequency = (table[c].to_numpy(float) for c in ("las", "flux", "frequency"))
    made = {
        "linear_size": linear_size(las, redshift),
        "luminosity": luminosity(flux, redshift, frequency),
    }
    kept = {name: v for name, v in made.items() if np.isfinite(v).any() and name not in table}
    if "linear_size" in kept and "las_limit" in table:
        kept["linear_size_limit"] = table["las_limit"].to_numpy(bool)
    return pd.DataFrame(kept) if kept else None
