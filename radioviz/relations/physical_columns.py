"""Linear size and luminosity of the sources of a table that have a redshift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Column
from radioviz.errors import RelationError
from radioviz.relations.cosmology import COSMOLOGIES, SPECTRAL_INDEX, linear_size, luminosity


@dataclass(frozen=True)
class Physics:
    """What sizes and luminosities rest on."""

    cosmology: str = COSMOLOGIES[0]  # one of :data:`radioviz.relations.cosmology.COSMOLOGIES`
    # Spectral index of S proportional to nu^alpha, where none is measured.
    alpha: float = SPECTRAL_INDEX

    def __post_init__(self) -> None:
        if self.cosmology not in COSMOLOGIES:
            raise RelationError(f"no cosmology '{self.cosmology}'; known: {', '.join(COSMOLOGIES)}")
        if not -3 <= self.alpha <= 3:
            raise RelationError(f"the spectral index is {self.alpha:g}; expected -3 to 3")

    def described(self, measured: str = "", hosts: bool = False) -> dict[str, Column]:
        """The columns; ``measured`` says where spectral indices are from, if any are."""
        index = f"spectral index {self.alpha:g}"
        if measured:
            index = f"spectral index of {measured} where known, else {self.alpha:g}"
        redshift = "redshift (of the chosen host where there is none)" if hosts else "redshift"
        return {
            "linear_size": Column(
                "float64", "kpc", "phys.size",
                f"Projected linear size, from las and {redshift} ({self.cosmology}); where las is "
                "an upper limit so is this",
            ),
            "luminosity": Column(
                "float64", "W/Hz", "phys.luminosity",
                "Luminosity at 1.4 GHz in the frame of the source, from flux, frequency and "
                f"{redshift} ({self.cosmology}, {index})",
            ),
        }  # fmt: skip


PHYSICAL = Physics().described()


def physical_columns(
    table: pd.DataFrame,
    physics: Physics | None = None,
    *,
    redshift: np.ndarray | None = None,
    index: np.ndarray | None = None,
) -> pd.DataFrame | None:
    """The columns of :data:`PHYSICAL` for a Catalogue's table; None where no row has any.

    ``redshift``: used where the table has none, ``(n,)``; ``index``: spectral index of each source,
    ``(n,)``, NaN where unknown.
    """
    physics = physics or Physics()
    z = table["redshift"].to_numpy(float)
    if redshift is not None:
        z = np.where(np.isfinite(z), z, redshift)
    if not (z > 0).any():
        return None
    las, flux, frequency = (table[c].to_numpy(float) for c in ("las", "flux", "frequency"))
    alpha: np.ndarray | float = physics.alpha
    if index is not None:
        alpha = np.where(np.isfinite(index), index, alpha)
    made = {
        "linear_size": linear_size(las, z, physics.cosmology),
        "luminosity": luminosity(flux, z, frequency, 1.4, alpha, physics.cosmology),
    }
    kept = {name: v for name, v in made.items() if np.isfinite(v).any() and name not in table}
    if "linear_size" in kept and "las_limit" in table:
        kept["linear_size_limit"] = table["las_limit"].to_numpy(bool)
    return pd.DataFrame(kept) if kept else None
