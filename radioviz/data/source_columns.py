"""The columns of a Catalogue, the facts about a data set, and how they complete each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError

LABELS = ("FRI", "FRII", "Compact", "Bent", "Hybrid")
SPLITS = ("train", "valid", "test", "excluded")


@dataclass(frozen=True)
class Column:
    """One fixed column: its dtype, unit (a FITS/VOTable string), UCD and meaning."""

    dtype: str
    unit: str
    ucd: str
    description: str


COLUMNS: dict[str, Column] = {
    "source_id": Column("str", "", "meta.id;meta.main", "Unique identifier within RadioViz"),
    "name": Column("str", "", "meta.id", "IAU-style J2000 name, empty without a position"),
    "ra": Column("float64", "deg", "pos.eq.ra;meta.main", "Right ascension, J2000"),
    "dec": Column("float64", "deg", "pos.eq.dec;meta.main", "Declination, J2000"),
    "las": Column("float64", "arcsec", "phys.angSize", "Largest angular size"),
    "las_origin": Column("str", "", "meta.note", "catalogue or measured; empty without a size"),
    "label": Column("str", "", "src.class", "FRI, FRII, Compact, Bent, Hybrid, or empty"),
    "label_original": Column("str", "", "src.class", "Label as the origin gives it"),
    "morphology": Column("str", "", "src.morph.type", "Morphological subtype"),
    "redshift": Column("float64", "", "src.redshift", "Redshift"),
    "flux": Column("float64", "mJy", "phot.flux.density", "Integrated flux density, measured"),
    "beam_major": Column(
        "float64", "arcsec", "phys.angSize;instr.beam", "FWHM of the beam, major axis"
    ),
    "beam_minor": Column(
        "float64", "arcsec", "phys.angSize;instr.beam", "FWHM of the beam, minor axis"
    ),
    "beam_pa": Column(
        "float64", "deg", "pos.posAng;instr.beam", "Major axis of the beam, north through east"
    ),
    "frequency": Column("float64", "GHz", "em.freq", "Observing frequency"),
    "pixel_scale": Column(
        "float64", "arcsec", "phys.angSize;instr.pixel", "Size of a pixel on the sky"
    ),
    "rms": Column("float64", "", "stat.stdev;instr.background", "Noise as the file gives it"),
    "primary_beam": Column(
        "str", "", "meta.code.qual", "corrected or uncorrected; empty where the file is silent"
    ),
    "survey": Column("str", "", "meta.dataset", "Survey of the image"),
    "origin": Column("str", "", "meta.ref", "Catalogue or file the source was taken from"),
    "split": Column("str", "", "meta.code", "train, valid, test or excluded"),
}


SOME_COLUMNS: dict[str, Column] = {
    "source_box": Column(
        "float64", "arcsec", "phys.angSize", "Side of a box that holds the source"
    ),
    "beam": Column(
        "float64", "arcsec", "phys.angSize;instr.beam", "FWHM of the circular beam of the same area"
    ),
    "image_ra": Column("float64", "deg", "pos.eq.ra", "Right ascension of the image centre"),
    "image_dec": Column("float64", "deg", "pos.eq.dec", "Declination of the image centre"),
}
"""Columns with a unit that not every table has."""


IMAGE_COLUMNS = (
    "beam_major", "beam_minor", "beam_pa", "frequency", "pixel_scale", "rms", "primary_beam",
)  # fmt: skip
"""Columns that describe the image of a row. Where a table lacks one, the survey's value holds."""


@dataclass(frozen=True)
class SurveyInfo:
    """Facts about a data set. Each image has its own beam, frequency and pixel scale in the table.

    Attributes
    ----------
    key : str
        Identifier of the data set (``first``, ``mirabest``, ...): ``[a-z0-9_-]+``.
    title : str
        Name shown to people.
    pixel_scale : float
        Arcsec per pixel of most images.
    beam : float or None
        FWHM of the (circular) restoring beam in arcsec; None if unknown, or if images differ.
    bunit : str
        FITS unit of pixel values: ``Jy/beam``, or empty for uncalibrated 8-bit grey levels.
    raw : bool
        True if the images still contain noise (and NaN), so that they need clipping.
    frequency : float or None
        Observing frequency in GHz; None if unknown, or if images differ.
    licence, reference, origin : str
        Terms of use, citation, public address.
    """

    key: str
    title: str
    pixel_scale: float
    beam: float | None = None
    bunit: str = ""
    raw: bool = False
    frequency: float | None = None
    licence: str = ""
    reference: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        for name in ("pixel_scale", "beam", "frequency"):
            value = getattr(self, name)
            if value is None and name != "pixel_scale":
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and 0 < value < math.inf):
                raise CatalogueError(
                    f"survey '{self.key}': {name} is {value!r}; expected a positive number"
                )


def given_columns(table: pd.DataFrame) -> dict[str, Column]:
    """Units and UCDs that a user's own table gave its columns, as the import keeps them."""
    units, ucds = (
        held if isinstance(held := table.attrs.get(kind), dict) else {}
        for kind in ("units", "ucds")
    )
    return {
        name: Column(str(table[name].dtype), str(units.get(name, "")), str(ucds.get(name, "")), "")
        for name in table.columns
        if name in units or name in ucds
    }


def complete_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Table with every fixed column, in order and of its dtype; missing is NaN or ''.

    ``table``: any subset of the fixed columns, plus others, which ride along at the end. Absent
    :data:`IMAGE_COLUMNS` stay absent: a Catalogue fills them with the survey's values.
    """
    out: dict[str, Any] = {}
    for name, column in COLUMNS.items():
        if name in IMAGE_COLUMNS and name not in table.columns:
            continue
        if column.dtype == "str":
            given = table[name] if name in table.columns else pd.Series("", index=table.index)
            out[name] = given.astype(object).where(given.notna(), "").astype(str)
        else:
            given = table[name] if name in table.columns else pd.Series(np.nan, index=table.index)
            out[name] = pd.to_numeric(given, errors="coerce").astype("float64")
    for name in table.columns:
        out.setdefault(name, table[name])
    return pd.DataFrame(out).reset_index(drop=True)


def round_beam(major: np.ndarray, minor: np.ndarray) -> np.ndarray:
    """FWHM of the circular beam of the same area; exactly that of a beam that is circular."""
    return np.where(major == minor, major, np.sqrt(major * minor))


def describe_images(table: pd.DataFrame, info: SurveyInfo) -> pd.DataFrame:
    """The table with all :data:`IMAGE_COLUMNS`; absent ones have the survey's value.

    Raises CatalogueError if a beam, frequency, scale or noise is not positive.
    """
    nan = math.nan
    known: dict[str, Any] = {
        "beam_major": nan if info.beam is None else info.beam,
        "beam_minor": nan if info.beam is None else info.beam,
        "beam_pa": nan if info.beam is None else 0.0,
        "frequency": nan if info.frequency is None else info.frequency,
        "pixel_scale": info.pixel_scale,
        "rms": nan,
        "primary_beam": "",
    }
    if "beam" in table and "file" in table and table["beam"].dtype.kind == "f":
        # Images of files with beams of their own were once described by this column.
        known["beam_major"] = known["beam_minor"] = table["beam"]
    if {"beam_major", "beam_minor"} <= set(table.columns):
        known["beam_pa"] = np.where(table["beam_major"] == table["beam_minor"], 0.0, nan)
    absent = {name: known[name] for name in IMAGE_COLUMNS if name not in table.columns}
    if absent:
        table = table.assign(**absent)
        order = [*(c for c in COLUMNS if c in table), *(c for c in table if c not in COLUMNS)]
        table = table[order]
    if table["pixel_scale"].isna().any():
        table = table.assign(pixel_scale=table["pixel_scale"].fillna(info.pixel_scale))
    for name in ("beam_major", "beam_minor", "frequency", "pixel_scale", "rms"):
        values = table[name].to_numpy(dtype=float)
        bad = np.flatnonzero((values <= 0) | np.isinf(values))
        if bad.size:
            source: Any = int(bad[0])
            if "source_id" in table:
                source = table["source_id"].iat[source]
            raise CatalogueError(
                f"data set '{info.key}': {name} of source '{source}' is {values[bad[0]]:g}; "
                "expected a positive number, or NaN where it is unknown"
            )
    return table
