"""Convert RA and Dec columns of any common format to degrees.

The unit, the format and the range of a whole column decide between degrees, hours, radians
and sexagesimal. An ambiguous column raises a question: right ascensions between 0 and 24
without a unit may be hours or degrees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError
from radioviz.importing.column_units import parse_unit
from radioviz.importing.readers.table_builder import undefined
from radioviz.importing.survey_facts import Question

_DOTTED = r"^([-+]?\d{1,2})\.(\d{2})\.(\d{2}(?:\.\d*)?)$"

RA_UNITS = ("deg", "hour", "rad")
DEC_UNITS = ("deg", "rad")
_FACTORS = {"deg": 1.0, "hour": 15.0, "rad": 180.0 / np.pi, "arcmin": 1 / 60, "arcsec": 1 / 3600}

# Shares of right ascensions beyond 24 in a column without a unit: below the first they may be
# mistakes in a column of hours; above the second a sexagesimal column is in degrees.
_FEW_BEYOND = 0.05
_MOST_BEYOND = 0.5

_SEXAGESIMAL = re.compile(
    r"^\s*(?P<sign>[-+])?\s*(?P<whole>\d{1,3})\s*(?P<letter>[hHdD°:]|\s)\s*"
    r"(?P<minutes>\d{1,2}(?:\.\d*)?)\s*"
    r"(?:[mM'′:\s]\s*(?:(?P<seconds>\d{1,2}(?:\.\d*)?)\s*(?:[sS\"″]|'')?)?)?\s*$"
)


@dataclass(frozen=True, eq=False)
class Positions:
    """Sky positions of a table."""

    # ra, dec: degrees, shape ``(n,)``; NaN where a row has none
    ra: np.ndarray
    dec: np.ndarray
    problems: dict[int, str]  # why a row has no position, by its index
    how: str  # the interpretation of the columns
    # Not empty where RA or Dec is ambiguous; all positions are NaN then.
    needed: tuple[Question, ...] = ()


def read_positions(
    ra: pd.Series,
    dec: pd.Series,
    *,
    ra_unit: str = "",
    dec_unit: str = "",
    ra_given: bool = True,
    names: tuple[str, str] = ("ra", "dec"),
) -> Positions:
    """Positions in degrees.

    Parameters
    ----------
    ra, dec : pandas.Series
        Numbers or text, shape ``(n,)``.
    ra_unit, dec_unit : str
        ``deg``, ``hour``, ``rad``, ``arcmin``, ``arcsec``, a sexagesimal form of VizieR
        (``"h:m:s"``), or empty where unknown.
    ra_given : bool
        False where the unit is the table's: one of degrees on a column such as ``10:30:00``
        raises a question.
    names : tuple of str
        Names of the columns, for messages.

    Raises
    ------
    CatalogueError
        If the two columns are swapped, or a unit is not an angular unit.
    """
    size = len(ra)
    first = _Coordinate(ra, names[0], angular_unit(ra_unit, names[0]), size)
    second = _Coordinate(dec, names[1], angular_unit(dec_unit, names[1]), size)
    _refuse_swapped(first, second)
    ra_how, dec_how = first.right_ascension(ra_given), second.declination()
    if isinstance(ra_how, Question):
        nothing = np.full(size, np.nan)
        return Positions(nothing, nothing.copy(), {}, "", (ra_how,))
    problems = {**second.problems, **first.problems}
    bad = np.zeros(size, bool)
    bad[list(problems)] = True
    with np.errstate(invalid="ignore"):  # text such as "infinity" is a number, and has no angle
        ra_deg, dec_deg = first.degrees % 360.0, second.degrees.copy()
    ra_deg[bad] = dec_deg[bad] = np.nan
    how = f"RA from '{names[0]}' ({ra_how}), Dec from '{names[1]}' ({dec_how})"
    return Positions(ra_deg, dec_deg, problems, how)


def degrees_of(cells: pd.Series, role: str, unit: str = "") -> np.ndarray:
    """One coordinate in degrees, shape ``(n,)``; numbers without a unit are degrees.

    ``cells``: numbers or text; ``role``: ``ra`` or ``dec``.
    """
    column = _Coordinate(cells, role, angular_unit(unit, role), len(cells))
    if role == "ra":
        if isinstance(column.right_ascension(), Question):
            column.unit = "hour" if column.sexagesimal else "deg"
            column.right_ascension()
    else:
        column.declination()
    return column.degrees


def written_precision(cells: pd.Series, role: str) -> float:
    """Arcsec that the last digit of a sexagesimal column stands for, 1.5 at least."""
    if cells.dtype.kind in "iuf":
        return 1.5
    parts = cells.astype("str").str.extract(_SEXAGESIMAL)
    seconds = parts["seconds"].dropna()
    if seconds.empty:
        unit, digits = 60.0, parts["minutes"].dropna()
    else:
        unit, digits = 1.0, seconds
    after = digits.str.extract(r"\.(\d*)")[0].str.len().max()
    arcsec = unit * (15.0 if role == "ra" else 1.0) * 10.0 ** -(0 if np.isnan(after) else after)
    return max(1.5, 1.5 * float(arcsec))


def angular_unit(text: str, name: str) -> str:
    """``deg``, ``hour``, ``rad``, ``arcmin`` or ``arcsec``; empty where none is given.

    Raises CatalogueError if it is not an angular unit; ``name`` is that of the column.
    """
    plain = text.strip().strip("\"'").lower()
    if plain in ("", "-", "none", "---"):
        return ""
    if re.fullmatch(r"(hms|dms|[hd]+[:\s]m+[:\s]s+.*|sexa.*|h|hr|hours?|hourangle)", plain):
        return "hour" if plain.startswith("h") else "deg"
    from astropy import units as u

    unit = parse_unit(text.strip().strip("\"'"))
    if unit in (u.hour, u.hourangle):
        return "hour"
    for known in ("deg", "rad", "arcmin", "arcsec"):
        if unit == u.Unit(known):
            return known
    raise CatalogueError(
        f"column '{name}' has the unit '{text}', which is not an angular unit; "
        "expected deg, hour or rad"
    )


class _Coordinate:
    """One coordinate column and its conversion to degrees."""

    def __init__(self, cells: pd.Series, name: str, unit: str, size: int) -> None:
        self.name, self.unit = name, unit
        self.degrees = np.full(size, np.nan)
        self.problems: dict[int, str] = {}
        self.letters: set[str] = set()
        self.sexagesimal = False
        self.signed = False
        if cells.dtype.kind in "iuf":
            self.values = cells.to_numpy(dtype=float)
            for i in np.flatnonzero(~np.isfinite(self.values)):
                self.problems[int(i)] = f"{name} is empty or not a number"
            return
        text = cells.astype("str").str.strip().str.replace("[−–]", "-", regex=True)
        text = text.str.replace(_DOTTED, r"\1:\2:\3", regex=True)  # CASA: +12.23.28.04
        parts = text.str.extract(_SEXAGESIMAL)
        matched = parts["whole"].notna()
        numbers = pd.to_numeric(text, errors="coerce")
        self.sexagesimal = bool(matched.sum() > numbers.notna().sum())
        empty = undefined(text)
        if self.sexagesimal:
            self.letters = set(parts.loc[matched, "letter"].str.lower()) & {"h", "d", "°"}
            self.signed = bool(parts["sign"].notna().any())
            self.values = self._from_parts(parts)
            bad, what = ~matched.to_numpy(), "sexagesimal, as most of the column is"
        else:
            self.values = numbers.to_numpy(dtype=float, na_value=np.nan)
            bad, what = ~np.isfinite(self.values), "a number"
        for i in np.flatnonzero(bad):
            cell = text.iloc[i]
            self.problems[int(i)] = (
                f"{name} is empty" if empty.iloc[i] else f"{name} '{cell[:40]}' is not {what}"
            )

    def _from_parts(self, parts: pd.DataFrame) -> np.ndarray:
        whole = parts["whole"].astype(float).to_numpy()
        minutes = parts["minutes"].astype(float).to_numpy()
        seconds = parts["seconds"].astype(float).fillna(0.0).to_numpy()
        # Catalogues round 59.96 seconds to 60 without a carry.
        for i in np.flatnonzero((minutes > 60) | (seconds > 60)):
            part = "minutes" if minutes[i] > 60 else "seconds"
            self.problems[int(i)] = f"{self.name} has more than 60 {part}"
        # The sign stands before the whole: -00:30:00 is half a degree south.
        sign = np.where(parts["sign"].eq("-").to_numpy(), -1.0, 1.0)
        return sign * (whole + minutes / 60 + seconds / 3600)

    def right_ascension(self, given: bool = True) -> str | Question:
        """Fill ``degrees``; the interpretation, or the question that decides it."""
        values = self.values.copy()
        values[list(self.problems)] = np.nan
        good = values[np.isfinite(values)]
        beyond = float(np.mean((good > 24) & (good <= 360))) if good.size else 0.0
        if self.sexagesimal and "h" in self.letters:
            if len(self.letters) > 1:
                raise CatalogueError(f"column '{self.name}' mixes hours and degrees")
            unit = "hour"
        elif self.sexagesimal and self.letters:
            unit = "deg"
        elif self.unit and (given or not self.sexagesimal or self.unit != "deg" or beyond):
            unit = self.unit
        elif self.sexagesimal and self.unit and good.size:
            return Question(
                "ra_unit",
                f"Column '{self.name}' is sexagesimal, up to {good.max():.4g}, and its unit is "
                f"degrees: degrees or hours?",
                RA_UNITS,
            )
        elif not good.size:
            unit = "deg"
        elif self.sexagesimal and beyond < _FEW_BEYOND:
            unit = "hour"
        elif beyond >= (_MOST_BEYOND if self.sexagesimal else _FEW_BEYOND) or good.min() < 0:
            unit = "deg"
        else:
            return Question(
                "ra_unit",
                f"Column '{self.name}' holds right ascensions from {good.min():.4g} to "
                f"{good.max():.4g} without a unit: degrees or hours?",
                RA_UNITS,
            )
        how = f"sexagesimal {unit}s" if self.sexagesimal else unit
        degrees = self.values * _FACTORS[unit]
        finite = degrees[np.isfinite(degrees)]
        # -180 to 180 is one convention, 0 to 360 the other.
        low = -180.0 if finite.size and finite.max() <= 180 else 0.0
        self._fill(degrees, low, 360.0, unit)
        return how

    def declination(self) -> str:
        """Fill ``degrees``; the interpretation."""
        if "h" in self.letters or (self.sexagesimal and self.unit == "hour"):
            raise CatalogueError(
                f"column '{self.name}' is used as Dec but is in hours; "
                "if RA and Dec are swapped, map them by hand"
            )
        unit = self.unit or "deg"
        if unit == "hour":
            raise CatalogueError(f"column '{self.name}' is used as Dec but its unit is hours")
        self._fill(self.values * _FACTORS[unit], -90.0, 90.0, unit)
        return f"sexagesimal {unit}s" if self.sexagesimal else unit

    def _fill(self, degrees: np.ndarray, low: float, high: float, unit: str) -> None:
        with np.errstate(invalid="ignore"):
            outside = np.isfinite(degrees) & ((degrees < low) | (degrees > high))
        for i in np.flatnonzero(outside):
            swapped = "; are RA and Dec swapped?" if high == 90.0 else ""
            self.problems.setdefault(
                int(i),
                f"{self.name} is {self.values[i]:.6g} {unit}, "
                f"outside {low:g} to {high:g} deg{swapped}",
            )
        self.degrees = degrees


def _refuse_swapped(ra: _Coordinate, dec: _Coordinate) -> None:
    """Raise CatalogueError where Dec exceeds 90 deg and RA does not, or only RA has signs."""
    advice = f"map them by hand if they are swapped (ra from '{dec.name}', dec from '{ra.name}')"
    if ra.sexagesimal and ra.signed and not dec.signed and dec.sexagesimal:
        raise CatalogueError(
            f"column '{ra.name}' is used as RA but its values have signs, those of "
            f"'{dec.name}' do not: RA and Dec are swapped; {advice}"
        )
    if ra.sexagesimal or dec.sexagesimal or {ra.unit, dec.unit} - {"", "deg"}:
        return
    beyond = np.flatnonzero(np.abs(np.nan_to_num(dec.values)) > 90)
    rights = np.abs(ra.values[np.isfinite(ra.values)])
    if not beyond.size or rights.max(initial=0) > 90:
        return
    if beyond.size >= max(1, 0.05 * len(rights)):
        worst = dec.values[beyond[0]]
        raise CatalogueError(
            f"column '{dec.name}' is used as Dec but contains {worst:g}, beyond 90 deg, in "
            f"{beyond.size} of {len(dec.values)} rows, while '{ra.name}' never exceeds 90: "
            f"RA and Dec are swapped; {advice}"
        )
