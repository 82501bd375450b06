"""Find galaxies of several data sets by name or position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError, SelectionError, UnknownNameError
from radioviz.sky import separation_arcsec
from radioviz.ui import cache, coordinates, galaxies

Pair = tuple[str, str]

FAR = 3600.0  # arcsec: farther than this from every source is outside the survey


def look_up(text: str, data_sets: Sequence[str], radius: float) -> list[Pair]:
    """Galaxies that a name, an identifier or a position refers to.

    Parameters
    ----------
    text : str
        Part of a name or identifier, a J2000 name, degrees, or sexagesimal.
    radius : float
        Search radius about a position, arcsec.

    Returns
    -------
    list of (data set, source_id)
        Nearest first for a position, otherwise by data set.

    Raises
    ------
    UnknownNameError, SelectionError
        If nothing matches: what was searched for and where, and how far the nearest source is.
    """
    text = " ".join(text.split())
    if not text:
        raise SelectionError("type a name, or a position such as 116.785 +17.291")
    position = coordinates.parse_position(text)
    catalogues: list[Catalogue] = []
    for key in data_sets:
        try:
            catalogues.append(cache.data_set(key))
        except CatalogueError:
            continue  # not downloaded: its own page says so
    found: list[tuple[float, Pair]] = []
    for catalogue in catalogues:
        try:
            rows = galaxies.find_galaxies(catalogue, text, radius)
        except SelectionError:
            continue
        apart = _separations(catalogue, position) if position else np.zeros(len(catalogue))
        pairs = [(catalogue.info.key, str(s)) for s in catalogue.ids_of(np.asarray(rows, int))]
        found += zip(apart[rows].tolist(), pairs, strict=True)
    if found:
        return [pair for _, pair in sorted(found, key=lambda f: f[0])]
    if position is not None:
        raise SelectionError(no_source_at(position, catalogues, radius))
    titles = ", ".join(c.info.title for c in catalogues) or "no data set"
    raise UnknownNameError(
        f"no source of {titles} is called '{text[:80]}', and it is not a valid position "
        "(degrees: 116.785 +17.291; sexagesimal: 07:47:08.4 +17:17:27)"
    )


def _separations(catalogue: Catalogue, position: tuple[float, float]) -> np.ndarray:
    ra, dec = (catalogue.table[name].to_numpy(float) for name in ("ra", "dec"))
    return separation_arcsec(*position, ra, dec)


def no_source_at(
    position: tuple[float, float], catalogues: Sequence[Catalogue], radius: float
) -> str:
    """Why there is no source at a position: outside the survey, or how far the nearest one is."""
    here = coordinates.sexagesimal(*position)
    nearest: tuple[float, str] | None = None
    for catalogue in catalogues:
        apart = _separations(catalogue, position)
        if np.isfinite(apart).any():
            row = int(np.nanargmin(apart))
            name = f"{galaxies.name_of(catalogue.table, row)} of {catalogue.info.title}"
            one = (float(apart[row]), name)
            nearest = min(nearest, one) if nearest else one
    if nearest is None:
        return f"none of these data sets has sky positions to compare {here} with"
    where = f"the nearest source is {nearest[1]}, {separation_text(nearest[0])} away"
    if nearest[0] > FAR:
        return f"{here} is outside the survey: {where}"
    return f"no source within {radius:g}″ of {here}; {where}: increase the search radius"


def separation_text(arcsec: float) -> str:
    """An angle in a suitable unit: ``12.3″``, ``4.5′``, ``31.2°``; empty for NaN."""
    if not np.isfinite(arcsec):
        return ""
    if arcsec < 120:
        return f"{arcsec:.1f}″"
    return f"{arcsec / 60:.1f}′" if arcsec < 7200 else f"{arcsec / 3600:.1f}°"
