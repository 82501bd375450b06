"""Galaxies that two data sets share, and where their values differ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import close_pairs, first_of_group


@dataclass(frozen=True, eq=False)
class Overlap:
    """Galaxies of two data sets that lie in one place of the sky."""

    # first, second: the two tables
    first: pd.DataFrame
    second: pd.DataFrame
    # Different galaxies of both together; entries without a position count as different.
    distinct: int
    # Entries of the second that the first has too: row of the first and row of the second, int64,
    # shape ``(k, 2)``, in the order of the second.
    rows: np.ndarray
    separation: np.ndarray  # arcsec, shape ``(k,)``

    @property
    def shared(self) -> int:
        """Entries of the second that the first has too."""
        return len(self.rows)

    @cached_property
    def disagreements(self) -> pd.DataFrame:
        """Shared galaxies whose two classes differ (:meth:`compared`)."""
        found = self.compared("label")
        return found[found["differ"]].drop(columns="differ").reset_index(drop=True)

    def compared(self, column: str, tolerance: float = 0.0) -> pd.DataFrame:
        """Shared galaxies with a column of both data sets.

        ``column``: in both tables; ``tolerance``: part of the mean by which numbers may differ.
        Returns ``name``, ``first`` and ``second`` (the values), ``separation`` (arcsec),
        ``first_id`` and ``second_id``, and ``differ``: False where either value is missing.
        """
        pair = (self.first, self.rows[:, 0]), (self.second, self.rows[:, 1])
        one, other = (t[column].iloc[rows].reset_index(drop=True) for t, rows in pair)
        ids = [t["source_id"].to_numpy(str)[rows] for t, rows in pair]
        if all(pd.api.types.is_numeric_dtype(c) for c in (one, other)):
            values = [c.to_numpy(np.float64, na_value=np.nan) for c in (one, other)]
            differ = np.abs(values[0] - values[1]) > tolerance * np.abs(sum(values)) / 2
        else:
            texts = [c.fillna("").astype(str).to_numpy(str) for c in (one, other)]
            differ = (texts[0] != texts[1]) & (texts[0] != "") & (texts[1] != "")
        return pd.DataFrame(
            {
                "name": self.first["name"].to_numpy(str)[self.rows[:, 0]],
                "first": one,
                "second": other,
                "separation": self.separation,
                "first_id": ids[0],
                "second_id": ids[1],
                "differ": differ,
            }
        )


def overlap_of(first: Catalogue, second: Catalogue) -> Overlap:
    """Compare two data sets by position: within 10 arcsec is one galaxy."""
    tables = (first.table, second.table)
    ra, dec = (np.concatenate([t[c].to_numpy(float) for t in tables]) for c in ("ra", "dec"))
    group = first_of_group(len(ra), *close_pairs(ra, dec)[:2])
    n = len(first.table)
    a, b, apart = close_pairs(ra[:n], dec[:n], ra[n:], dec[n:])
    order = np.lexsort((apart, b))
    nearest = order[np.unique(b[order], return_index=True)[1]]
    rows = np.stack([a[nearest], b[nearest]], axis=1)
    return Overlap(*tables, len(np.unique(group)), rows, apart[nearest])
