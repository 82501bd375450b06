"""Beams of the planes of a cube: CASA's table BEAMS, one row a channel and polarisation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from radioviz.errors import ImageError
from radioviz.images.hdus import FitsFile
from radioviz.images.headers import Header
from radioviz.images.known_surveys import Beam
from radioviz.images.quiet import quiet


def beam_of_plane(file: FitsFile, header: Header, index: Mapping[int, int]) -> Beam | None:
    """Beam of a plane where each has its own (CASAMBM); None where the header does not say so.

    ``index`` is that of the plane along each axis that is not on the sky, as
    :func:`radioviz.images.planes.read_plane` gives it.
    """
    if header.get("CASAMBM") is not True:
        return None
    tables = [h for h in file.hdus if h.kind == "table" and h.name.upper() == "BEAMS"]
    if not tables:
        return None
    at = {"CHAN": 0, "POL": 0}
    for axis, k in index.items():
        kind = header.string(f"CTYPE{axis + 1}").upper()
        at["POL" if kind.startswith("STOKES") else "CHAN"] = k
    from astropy.units import Unit

    try:
        with quiet(), np.errstate(all="ignore"):
            table = file.table(tables[0])
            rows = (table.data["CHAN"] == at["CHAN"]) & (table.data["POL"] == at["POL"])
            row = int(np.flatnonzero(rows)[0])
            sizes = []
            for name, unit in (("BMAJ", "arcsec"), ("BMIN", "arcsec"), ("BPA", "deg")):
                factor = Unit(table.columns[name].unit or unit).to(unit)
                sizes.append(float(table.data[name][row]) * factor)
    # A damaged table raises any of a dozen exceptions.
    except ImageError:
        raise
    except Exception:
        return None
    major, minor, angle = sizes
    good = np.isfinite(sizes).all() and 0 < minor <= major
    return Beam(major, minor, angle % 180.0) if good else None
