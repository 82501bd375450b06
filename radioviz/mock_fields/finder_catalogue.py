"""Another source finder's catalogue of a field: its sources as pixels of the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from radioviz.errors import CatalogueError, FieldError
from radioviz.images.known_surveys import Beam
from radioviz.images.orientation import pixels_of, sky_of
from radioviz.importing.column_names import SYNONYMS
from radioviz.importing.readers.user_tables import read_table, read_table_bytes
from radioviz.importing.source_rows import FLUXES, SourceList, read_sources
from radioviz.importing.survey_facts import UNKNOWN
from radioviz.sky import separation_arcsec

if TYPE_CHECKING:
    from astropy.wcs import WCS

    from radioviz.importing.readers.table_builder import UserTable

FLUX_UNITS = tuple(unit for unit in FLUXES if unit != UNKNOWN)

_OTHER_UNIT = 30.0
"""Found over true flux, or its inverse, from which fluxes are in another unit than they say."""


@dataclass(frozen=True)
class FinderCatalogue:
    """A catalogue that a source finder made of a field: CSV, VOTable, FITS table and others.

    It has columns of right ascension, declination and, for reliability, flux density.
    """

    name: str  # of the file
    content: bytes
    flux_unit: str = ""  # one of :data:`FLUX_UNITS`; empty for what the file says
    # Arcsec within which a source counts as found; None for a beam. See
    # :func:`radioviz.mock_fields.recovery.match_sources`.
    radius: float | None = None

    def on_image(self, wcs: WCS, shape: tuple[int, int]) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """See :func:`sources_on`."""
        return sources_on(wcs, shape, self.name, self.content, flux_unit=self.flux_unit)


def sources_on(
    wcs: WCS,
    shape: tuple[int, int],
    path: str | Path,
    content: bytes | None = None,
    *,
    flux_unit: str = "",
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Sources of a finder's catalogue that lie on an image, and what was left out, in words.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
    shape : tuple of int
        ``(ny, nx)``.
    path : str or path
        The catalogue; its name alone where there is ``content``.
    flux_unit : str
        See :class:`FinderCatalogue`.

    Returns
    -------
    found : pandas.DataFrame
        ``ra``, ``dec`` [deg, J2000], ``flux_mjy`` (NaN without a column of fluxes), ``x``, ``y``
        (FITS pixels).
    notes : tuple of str

    Raises
    ------
    FieldError
        If it is not a table, has no positions, none on the image, or fluxes of an unknown unit.
    """
    name = Path(path).name
    try:
        table = read_table(path) if content is None else read_table_bytes(name, content)
        readings = _readings(table, flux_unit)
    except CatalogueError as error:
        raise FieldError(f"{name}: {str(error).removeprefix(f'{path}: ')}") from error
    placed = [
        on_pixels(r.frame[["ra", "dec", "flux"]].rename(columns={"flux": "flux_mjy"}), wcs, shape)
        for r in readings
    ]
    best = int(np.argmax([len(found) for found, _ in placed]))
    (found, apart), sources = placed[best], readings[best]
    _check_unit(sources, name)
    number = len(sources.frame)
    if not number:
        row, why = sources.refused[0] if sources.refused else (1, "there is none")
        raise FieldError(f"{name}: no row has a usable position (row {row}: {why})")
    if not len(found):
        ra, dec = middle_of(wcs, shape)
        raise FieldError(
            f"{name}: none of its {number:,} positions lies on the image, whose middle is at RA "
            f"{ra:.4f}, Dec {dec:+.4f}; the nearest is {apart:.3g} degrees from there. Expected a "
            "catalogue of this image, with positions in J2000 or a frame that it states"
        )
    notes = []
    if refused := sources.refused:
        row, why = refused[0]
        notes.append(f"{len(refused):,} rows have no usable position (row {row}: {why})")
    if outside := number - len(found):
        notes.append(f"{outside:,} of {number:,} sources lie outside of the image")
    if found["flux_mjy"].isna().all():
        notes.append("it has no column of flux densities, so that reliability is not known")
    return found, tuple(notes)


def _check_unit(sources: SourceList, name: str) -> None:
    """Raise FieldError where fluxes have a wrong unit or none."""
    accepted = ", ".join(FLUX_UNITS)
    for note in sources.notes:
        if "is not used as flux" in note:
            raise FieldError(f"{name}: {note}; expected {accepted}")
    for question in sources.needed:
        if question.key == "flux_unit":
            raise FieldError(f"{name}: {question.text} Say one of {accepted}")


def check_scale(
    truth: pd.DataFrame, found: pd.DataFrame, beam: Beam, pixel: float, name: str
) -> None:
    """Raise FieldError where found fluxes are in another unit than they say.

    ``truth``, ``found``: with ``x``, ``y`` and ``flux_mjy``. Each true source is compared with the
    brightest found one within a beam; it takes three of them.
    """
    if not (len(truth) and len(found)):
        return
    near = cKDTree(found[["x", "y"]]).query_ball_point(truth[["x", "y"]], beam.fwhm / pixel)
    flux = found["flux_mjy"].to_numpy(float)
    ratios = np.array(
        [
            flux[rows].max() / true
            for rows, true in zip(near, truth["flux_mjy"].to_numpy(float), strict=True)
            if rows and flux[rows].max() > 0
        ]
    )
    middle = float(np.median(ratios)) if len(ratios) >= 3 else 1.0
    if not 1 / _OTHER_UNIT < middle < _OTHER_UNIT:
        raise FieldError(
            f"{name}: its fluxes are {middle:.3g} times those of the {len(ratios):,} sources that "
            f"lie there, so that their unit is another one; expected {', '.join(FLUX_UNITS)}, "
            "and that the file, or you, say so"
        )


def _readings(table: UserTable, flux_unit: str) -> list[SourceList]:
    """The table's positions and fluxes; twice, where right ascensions may be degrees or hours."""
    # Other columns are of no use here, and must not be a reason to refuse the table.
    columns = {role: "" for role in SYNONYMS if role not in ("ra", "dec", "flux")}
    answers: dict[str, object] = {"columns": columns}
    if flux_unit:
        answers["flux_unit"] = flux_unit
    sources = read_sources(table, answers)
    required = [q for q in sources.needed if q.required and q.key != "flux_unit"]
    if any(q.key == "ra_unit" for q in required):
        return [read_sources(table, {**answers, "ra_unit": unit}) for unit in ("deg", "hour")]
    if required:
        raise CatalogueError(required[0].text)
    return [sources]


def on_pixels(table: pd.DataFrame, wcs: WCS, shape: tuple[int, ...]) -> tuple[pd.DataFrame, float]:
    """Rows on an image ``(ny, nx)``, with pixels, and how near the nearest is to its middle [deg].

    ``table``: ``ra``, ``dec`` [deg]. FITS pixels ``x``, ``y`` are added, or replaced.
    """
    ra, dec = (table[name].to_numpy(float) for name in ("ra", "dec"))
    apart = separation_arcsec(ra, dec, *middle_of(wcs, shape)) / 3600
    x, y = pixels_of(wcs, ra, dec) if len(ra) else (ra, dec)
    # A projection may have pixels for the other half of the sky, too.
    inside = (apart < 90) & np.isfinite(x) & np.isfinite(y)
    inside &= (x >= -0.5) & (x < shape[1] - 0.5) & (y >= -0.5) & (y < shape[0] - 0.5)
    found = table.assign(x=x + 1, y=y + 1)[inside].reset_index(drop=True)
    return found, float(np.nanmin(apart, initial=np.inf))


def middle_of(wcs: WCS, shape: tuple[int, ...]) -> tuple[float, float]:
    """Right ascension and declination of the middle of an image ``(ny, nx)`` [deg]."""
    ra, dec = sky_of(wcs, np.array([(shape[1] - 1) / 2]), np.array([(shape[0] - 1) / 2]))
    return float(ra[0]), float(dec[0])
