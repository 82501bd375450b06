"""Galaxies that two data sets share, and where their classes differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue
from radioviz.data.matching import close_pairs, first_of_group


@dataclass(frozen=True, eq=False)
class Overlap:
    """Galaxies of two data sets that lie in one place of the sky.

    Attributes
    ----------
    distinct : int
        Different galaxies of both together; entries without a position count as different.
    shared : int
        Entries of the second that the first has too.
    disagreements : pandas.DataFrame
        Shared galaxies whose two classes differ, in the order of the second: ``name``, ``first``
        and ``second`` (classes), ``separation`` (arcsec), ``first_id`` and ``second_id``.
    """

    distinct: int
    shared: int
    disagreements: pd.DataFrame


def overlap_of(first: Catalogue, second: Catalogue) -> Overlap:
    """Compare two data sets by position: within 10 arcsec is one galaxy."""
    tables = (first.table, second.table)
    ra, dec = (np.concatenate([t[c].to_numpy(float) for t in tables]) for c in ("ra", "dec"))
    group = first_of_group(len(ra), *close_pairs(ra, dec)[:2])
    n = len(first.table)
    a, b, apart = close_pairs(ra[:n], dec[:n], ra[n:], dec[n:])
    order = np.lexsort((apart, b))
    nearest = order[np.unique(b[order], return_index=True)[1]]
    a, b, apart = a[nearest], b[nearest], apart[nearest]
    classes = [t["label"].to_numpy(str)[rows] for t, rows in zip(tables, (a, b), strict=True)]
    differ = (classes[0] != classes[1]) & (classes[0] != "") & (classes[1] != "")
    ids = [t["source_id"].to_numpy(str)[rows] for t, rows in zip(tables, (a, b), strict=True)]
    found = pd.DataFrame(
        {
            "name": first.table["name"].to_numpy(str)[a],
            "first": classes[0],
            "second": classes[1],
            "separation": apart,
            "first_id": ids[0],
            "second_id": ids[1],
        }
    )
    return Overlap(len(np.unique(group)), len(b), found[differ].reset_index(drop=True))
