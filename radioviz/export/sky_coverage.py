"""Sky coverage of a selection as a multi-order coverage map (MOC), with its area and density.

The `MOC 2.0 <https://www.ivoa.net/documents/MOC/>`_ of the fields of the cutouts, by mocpy. Aladin,
TOPCAT and VizieR read it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import ExportError

if TYPE_CHECKING:
    from mocpy import MOC

    from radioviz.export.groups import Group

SKY = 41252.96124941927
"""Square degrees of the whole sky."""
MOST_CELLS = 5_000_000
_FINEST = 17  # cells of 1.6 arcsec
_PER_FIELD = 30  # cells across the radius of a field: those at its edge add 3 % of area


@dataclass(frozen=True, eq=False)
class SkyCoverage:
    """Where a selection lies."""

    moc: MOC  # union of discs with the area of each cutout
    # placed, lacking: galaxies with and without a sky position
    placed: int
    lacking: int

    @property
    def area(self) -> float:
        """Square degrees."""
        return float(self.moc.sky_fraction * SKY)

    @property
    def density(self) -> float:
        """Galaxies a square degree of the covered area."""
        return self.placed / self.area

    def sentence(self) -> str:
        """Area and density in words."""
        text = (
            f"{self.placed:,} galaxies cover {self.area:.4g} square degrees by their cutouts, "
            f"{self.density:.4g} a square degree"
        )
        if self.lacking:
            text += f"; {self.lacking:,} have no sky position"
        return f"{text}."


def sky_coverage(groups: Sequence[Group]) -> SkyCoverage:
    """Coverage of the cutouts of some galaxies.

    Raises ExportError if none has a sky position.
    """
    from astropy import units as u
    from mocpy import MOC

    ra, dec, radius, total = [], [], [], 0
    for group in groups:
        table = group.catalogue.table.iloc[group.rows]
        total += len(table)
        here = table[["ra", "dec"]].to_numpy(float)
        if {"image_ra", "image_dec"} <= set(table.columns):
            own = table[["image_ra", "image_dec"]].to_numpy(float)
            here = np.where(np.isfinite(own), own, here)
        ny, nx = group.catalogue.images.shape[1:]
        # A disc of the same area: a square north up would need the WCS of each.
        size = math.sqrt(ny * nx / math.pi) * table["pixel_scale"].to_numpy(float) / 3600
        known = np.isfinite(here).all(axis=1) & (size > 0)
        ra.append(here[known, 0])
        dec.append(here[known, 1])
        radius.append(size[known])
    lon, lat, reach = (np.concatenate(part) if part else np.empty(0) for part in (ra, dec, radius))
    if not len(lon):
        raise ExportError("no galaxy of the selection has a sky position, so it covers no sky")
    cell = np.median(reach) / _PER_FIELD
    order = int(np.clip(math.ceil(math.log2(58.63 / cell)), 6, _FINEST))
    while order > 6 and len(lon) * 2 * np.pi * np.median(reach) * 2**order / 58.63 > MOST_CELLS:
        order -= 1  # cells at the edges of fields; those inside are larger and few
    found = MOC.from_cones(
        lon=lon * u.deg, lat=lat * u.deg, radius=reach * u.deg, max_depth=order, delta_depth=2,
        union_strategy="large_cones",
    )  # fmt: skip
    return SkyCoverage(found, len(lon), total - len(lon))


def moc_bytes(coverage: SkyCoverage, most_ranges: int | None = None) -> bytes:
    """A MOC as a FITS file, with area and number of galaxies in its header.

    With ``most_ranges`` its cells are enlarged until there are as few ranges, for drawing; the area
    in the header stays that of the fine ones.
    """
    import io

    moc = coverage.moc
    while most_ranges and len(moc.to_depth29_ranges) > most_ranges and moc.max_order > 6:
        moc = moc.degrade_to_order(moc.max_order - 1)
    hdus = moc.serialize(format="fits")
    header = hdus[1].header
    header["AREA"] = (round(coverage.area, 8), "[deg2] covered sky")
    header["NSOURCES"] = (coverage.placed, "galaxies in it")
    out = io.BytesIO()
    hdus.writeto(out, checksum=True)
    return out.getvalue()
