"""Several images of one source in a row of a Catalogue, such as bands or epochs.

The columns that describe an image describe the first plane. Where another plane differs, columns
with its number behind their name describe it, counted from 1: ``frequency_2``, ``beam_major_3``.
Without such a column, the plane is as the first. A plane that a source lacks is NaN throughout
and named in the column ``missing_planes``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from radioviz.data.source_columns import IMAGE_COLUMNS
from radioviz.errors import CatalogueError

MOST_PLANES = 64
MISSING = "missing_planes"
RESPONSE = "primary_beam_response"
"""Column of the response of the primary beam at the source, 0 to 1."""
PLANE_COLUMNS = (
    *IMAGE_COLUMNS, RESPONSE, "survey", "file", "image_ra", "image_dec", "wcs_header",
)  # fmt: skip
"""Columns that may have another value in each plane."""
_LONGEST_NAME = 40


def numbered(name: str, plane: int) -> str:
    """Column that describes a plane, counted from 0, where it differs from the first."""
    return f"{name}_{plane + 1}"


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of planes, stripped.

    Raises CatalogueError if there are too many, or one is empty, too long, repeated or has a comma.
    """
    found = tuple(" ".join(str(name).split()) for name in names)
    if len(found) > MOST_PLANES:
        raise CatalogueError(
            f"{len(found):,} planes of one source; up to {MOST_PLANES} are kept: choose some"
        )
    for name in found:
        if not name or len(name) > _LONGEST_NAME or "," in name:
            raise CatalogueError(
                f"plane '{name[:60]}' has a name of {len(name)} characters; expected 1 to "
                f"{_LONGEST_NAME}, without commas"
            )
    lower = [name.lower() for name in found]
    if repeated := [name for name in found if lower.count(name.lower()) > 1]:
        raise CatalogueError(f"two planes are called '{repeated[0]}'; each needs another name")
    return found


def number_of(names: Sequence[str], plane: str | int, key: str) -> int:
    """Number of a plane, from 0, by its name or number.

    Raises CatalogueError if there is none; the names are listed.
    """
    if isinstance(plane, int) and 0 <= plane < max(1, len(names)):
        return plane
    lower = [name.lower() for name in names]
    if isinstance(plane, str) and plane.strip().lower() in lower:
        return lower.index(plane.strip().lower())
    known = f"its planes are {', '.join(names)}" if names else "it has one image of each source"
    raise CatalogueError(f"data set '{key}' has no plane '{plane}'; {known}")


def table_of_plane(table: pd.DataFrame, plane: int, shown: int = 0) -> pd.DataFrame:
    """The table with a plane's values in the columns that describe images.

    Those of the plane that they described before, ``shown``, go to its numbered columns. Sizes
    and fluxes that were measured in the other image are taken out.
    """
    if plane == shown:
        return table
    out = table.copy(deep=False)
    # By way of the first plane, whose values hold where another plane has none of its own.
    for name in PLANE_COLUMNS:
        of_first, of_shown = numbered(name, 0), numbered(name, shown)
        if shown and of_first in out:
            out[of_shown], out[name] = out[name], out[of_first]
            out = out.drop(columns=of_first)
        wanted = numbered(name, plane)
        if plane and wanted in out:
            absent = pd.Series(np.nan if out[wanted].dtype.kind in "fiu" else "", out.index)
            out[of_first] = out.get(name, absent)
            out[name] = out[wanted]
            out = out.drop(columns=wanted)
    for value, origin in (("las", "las_origin"), ("flux", "flux_origin")):
        if origin in out:
            measured = out[origin].to_numpy() == "measured"
            out[value] = np.where(measured, np.nan, out[value])
            out[origin] = np.where(measured, "", out[origin])
    return out


def shared_columns(table: pd.DataFrame, planes: int) -> pd.DataFrame:
    """The table without numbered columns that say the same as those of the first plane."""
    for plane in range(1, planes):
        for name in PLANE_COLUMNS:
            own = numbered(name, plane)
            if own not in table:
                continue
            known = table[own].notna() & (table[own] != "")
            if name in table:
                known = (table[own] != table[name]) & (table[own].notna() | table[name].notna())
            if not known.any():
                table = table.drop(columns=own)
    return table
