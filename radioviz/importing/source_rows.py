"""A user's table as rows of the Catalogue: positions, sizes, classes, identifiers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from radioviz.data.catalogue import COLUMNS, LABELS, complete_columns
from radioviz.errors import CatalogueError
from radioviz.importing.columns import ColumnMap, map_columns
from radioviz.importing.positions import DEC_UNITS, RA_UNITS, read_positions
from radioviz.importing.readers.table_builder import UserTable
from radioviz.importing.survey_facts import UNKNOWN, Answers, Question, choice_answer
from radioviz.sky import j2000_name

ANGLES = ("arcsec", "arcmin", "deg", "mas")
# Columns that describe the image of a row, and what their unit is taken for if none is given.
_OF_IMAGES = {"beam_major": "arcsec", "beam_minor": "arcsec", "beam_pa": "deg",
              "frequency": "GHz", "pixel_scale": "arcsec"}  # fmt: skip
FLUXES = ("mJy", "Jy", "uJy", UNKNOWN)

_LABELS = {
    "fri": "FRI", "fr1": "FRI", "i": "FRI", "fanaroffrileyi": "FRI", "fanaroffriley1": "FRI",
    "friclassi": "FRI", "frii": "FRII", "fr2": "FRII", "ii": "FRII", "fanaroffrileyii": "FRII",
    "fanaroffriley2": "FRII", "compact": "Compact", "fr0": "Compact", "point": "Compact",
    "pointlike": "Compact", "pointsource": "Compact", "unresolved": "Compact",
    "bent": "Bent", "wat": "Bent", "nat": "Bent", "benttail": "Bent", "bentt": "Bent",
    "wideangletail": "Bent", "narrowangletail": "Bent", "headtail": "Bent", "ht": "Bent",
    "bt": "Bent", "hybrid": "Hybrid", "hymors": "Hybrid", "hymorrs": "Hybrid", "frifrii": "Hybrid",
    "fr1fr2": "Hybrid",
}  # fmt: skip
# Labels that are more specific than their class.
_MORPHOLOGIES = {
    "wat": "wide-angle tail", "wideangletail": "wide-angle tail", "nat": "narrow-angle tail",
    "narrowangletail": "narrow-angle tail", "ht": "head-tail", "headtail": "head-tail",
}  # fmt: skip
_SPLITS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid",
           "val": "valid", "test": "test", "testing": "test", "excluded": "excluded"}  # fmt: skip
_MAX_REDSHIFT = 20.0


@dataclass(frozen=True, eq=False)
class SourceList:
    """Sources of a table in the Catalogue's terms.

    Attributes
    ----------
    frame : pandas.DataFrame
        The Catalogue's columns, then the table's other ones; the index is the row number in
        the file, from 1.
    images : pandas.Series or None
        Path of the image of each row, where the table names them.
    refused : tuple of (int, str)
        Rows left out, by number, and why.
    notes : tuple of str
    found : dict of str to str
        The interpretation of each column, in words.
    needed : tuple of Question
    units, ucds : dict of str to str
        Of the table's other columns.
    """

    frame: pd.DataFrame
    images: pd.Series | None = None
    refused: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    found: dict[str, str] = field(default_factory=dict)
    needed: tuple[Question, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    ucds: dict[str, str] = field(default_factory=dict)


def read_sources(
    table: UserTable,
    answers: Answers | None = None,
    *,
    key: str = "row",
    positions: bool = True,
) -> SourceList:
    """Convert a table to the Catalogue's columns.

    Parameters
    ----------
    table : UserTable
    answers : mapping, optional
        ``columns`` (role to column name), ``ra_unit``, ``dec_unit``, ``las_unit``,
        ``flux_unit``, ``labels`` (value of the table to a class).
    key : str
        Prefix of the identifiers of rows that have none.
    positions : bool
        True to refuse rows without a position.

    Raises
    ------
    CatalogueError
        If columns are missing, repeated or swapped, or an answer is not accepted.
    """
    answers = answers or {}
    given = answers.get("columns") or {}
    if not isinstance(given, Mapping):
        raise CatalogueError(f"columns is {given!r}; expected names of columns by role")
    mapping = map_columns(table, given)
    return _SourceListBuilder(table, mapping, answers, positions).build(key)


class _SourceListBuilder:
    def __init__(
        self, table: UserTable, mapping: ColumnMap, answers: Answers, positions: bool
    ) -> None:
        self.table, self.mapping, self.answers = table, mapping, answers
        self.positions = positions
        self.notes = list(table.notes)
        self.needed: list[Question] = []
        self.found: dict[str, str] = {}
        self.out: dict[str, object] = {}

    def _column(self, role: str) -> pd.Series | None:
        name = self.mapping.columns.get(role)
        return None if name is None else self.table.frame[name]

    def _unit(self, role: str, choices: tuple[str, ...]) -> str:
        given = choice_answer(self.answers, f"{role}_unit", choices)
        return given or self.mapping.units.get(role, "")

    def _note(self, role: str, text: str) -> None:
        how = self.mapping.how.get(role, "")
        by = {"name": "", "": "", "given": " (given by hand)"}.get(how, f" (UCD {how})")
        self.found[role] = text + by

    def build(self, key: str) -> SourceList:
        problems = self._positions()
        self._numbers()
        self._images()
        self._labels()
        self._texts()
        used = set(self.mapping.columns.values()) - {self.mapping.columns.get("image")}
        extra = [n for n in self.table.frame.columns if n not in used]
        # A column with a name of the Catalogue's but another meaning is renamed.
        renamed = {n: f"{n}_table" if n in COLUMNS else str(n) for n in extra}
        frame = pd.DataFrame(self.out, index=self.table.frame.index)
        for name in extra:
            frame[renamed[name]] = self.table.frame[name]
        self._identifiers(frame, key)
        index = frame.index
        frame = complete_columns(frame)
        frame.index = index
        images = self._column("image")
        refused = list(self.table.refused)
        if self.positions and not self.needed:
            refused += [(int(index[i]), why) for i, why in sorted(problems.items())]
            keep = np.ones(len(frame), bool)
            keep[list(problems)] = False
            frame = frame[keep]
            images = None if images is None else images[keep]
        elif problems:
            self.notes.append(f"{len(problems)} row(s) have no usable position in the table")
        return SourceList(
            frame,
            images,
            tuple(sorted(refused)),
            tuple(self.notes),
            self.found,
            tuple(self.needed),
            {renamed[n]: u for n, u in self.table.units.items() if n in renamed},
            {renamed[n]: u for n, u in self.table.ucds.items() if n in renamed},
        )

    def _positions(self) -> dict[int, str]:
        ra, dec = self._column("ra"), self._column("dec")
        if ra is None or dec is None:
            missing = [r for r in ("ra", "dec") if self.mapping.columns.get(r) is None]
            if self.positions or len(missing) == 1:
                raise CatalogueError(self._missing(missing))
            return {}
        names = (self.mapping.columns["ra"], self.mapping.columns["dec"])
        for name in names:
            described = self.table.descriptions.get(name, "")
            if re.search(r"FK4|B1950|galactic", described, re.I) or re.search("1950", name):
                raise CatalogueError(
                    f"column '{name}' is not in the J2000 equatorial system "
                    f"({described or name}); convert it (TOPCAT, astropy) or map another column"
                )
        units = {"ra_unit": self._unit("ra", RA_UNITS), "dec_unit": self._unit("dec", DEC_UNITS)}
        result = read_positions(ra, dec, names=names, **units)
        self.needed += result.needed
        self.out["ra"], self.out["dec"] = result.ra, result.dec
        if not result.needed:
            self._note("ra", result.how)
        return result.problems

    def _missing(self, missing: list[str]) -> str:
        names = list(self.table.frame.columns)
        shown = ", ".join(f"'{n}'" for n in names[:30])
        lower = {str(n).lower() for n in names}
        hint = ""
        if lower & {"glon", "l", "gal_lon", "glat"}:
            hint = " The table seems to give galactic positions; convert them to RA and Dec."
        elif any("1950" in n for n in lower):
            hint = " The table seems to give B1950 positions; convert them to J2000."
        return (
            f"no column for {' and '.join(missing)} in the table; it has {shown}. "
            f"Map one by hand (columns).{hint}"
        )

    def _numbers(self) -> None:
        for role, units in (("las", ANGLES), ("flux", FLUXES)):
            column = self._column(role)
            if column is None:
                continue
            name = self.mapping.columns[role]
            values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
            unit = self._unit(role, units)
            if not unit:
                # The Catalogue's own column has its unit; a flux of unknown unit is not used.
                own = COLUMNS[role].unit if name == role else UNKNOWN if role == "flux" else None
                text = f"Column '{name}' has no unit: which is it?"
                self.needed.append(Question(f"{role}_unit", text, units, own))
                unit = own or COLUMNS[role].unit
            factor = _factor(unit, COLUMNS[role].unit, name)
            if factor is None:
                self.mapping.columns.pop(role)
                continue
            values = values * factor
            with np.errstate(invalid="ignore"):
                bad = np.isinf(values) | ((values <= 0) if role == "las" else False)
            values[bad] = np.nan
            self.out[role] = values
            if role == "las":
                self.out["las_origin"] = np.where(np.isfinite(values), "catalogue", "")
            self._note(role, f"'{name}' in {unit}")
        column = self._column("redshift")
        if column is not None:
            values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
            with np.errstate(invalid="ignore"):
                bad = np.isfinite(values) & ((values <= 0) | (values > _MAX_REDSHIFT))
            if bad.any():
                outside = f"{int(bad.sum())} redshift(s) outside 0 to {_MAX_REDSHIFT:g}"
                self.notes.append(f"{outside} treated as missing")
            self.out["redshift"] = np.where(bad | ~np.isfinite(values), np.nan, values)
            self._note("redshift", f"'{self.mapping.columns['redshift']}'")

    def _images(self) -> None:
        """Beams, frequencies and scales; a column without a unit is used if the name is ours."""
        for role, own in _OF_IMAGES.items():
            column = self._column(role)
            if column is None:
                continue
            name = self.mapping.columns[role]
            unit = self.mapping.units.get(role, "")
            if not unit and (name == role or self.mapping.how.get(role) == "given"):
                unit = own
            try:
                factor = _factor(unit or UNKNOWN, own, name)
            except CatalogueError:
                factor = None
            if factor is None:
                self.mapping.columns.pop(role)
                why = f"unit {unit!r}" if unit else "no unit"
                self.notes.append(
                    f"column '{name}' has {why}: not taken as {role}; map it by hand to take it "
                    f"in {own}"
                )
                continue
            self.out[role] = pd.to_numeric(column, errors="coerce").to_numpy(float) * factor
            self._note(role, f"'{name}' in {unit}")

    def _labels(self) -> None:
        column = self._column("label")
        if column is None:
            return
        given = self.answers.get("labels") or {}
        if not isinstance(given, Mapping):
            raise CatalogueError(f"labels is {given!r}; expected classes by value of the table")
        by_hand = {}
        for value, label in given.items():
            known = {k.lower(): k for k in (*LABELS, "")}
            if str(label).lower() not in known:
                raise CatalogueError(
                    f"labels: '{value}' is mapped to '{label}'; expected one of {', '.join(LABELS)}"
                )
            by_hand[str(value)] = known[str(label).lower()]
        original = _as_text(column)
        meaning = {v: by_hand.get(v, label_of(v)) for v in set(original)}
        self.out["label_original"] = original
        self.out["label"] = [meaning[v] for v in original]
        if "morphology" not in self.mapping.columns:
            self.out["morphology"] = [_MORPHOLOGIES.get(_letters(v), "") for v in original]
        counts = Counter(original)
        shown = ", ".join(
            f"{v or '(empty)'} -> {meaning[v] or 'no class'}: {n}"
            for v, n in counts.most_common(20)
        )
        self._note("label", f"'{self.mapping.columns['label']}': {shown}")
        unknown = [v for v in counts if v and not meaning[v]]
        if unknown:
            self.notes.append(
                f"{len(unknown)} label(s) without a class here, such as '{unknown[0][:40]}'; "
                f"map them by hand (labels) to {', '.join(LABELS)}"
            )

    def _texts(self) -> None:
        for role in ("name", "morphology", "survey", "origin"):
            column = self._column(role)
            if column is not None:
                self.out[role] = _as_text(column)
                self._note(role, f"'{self.mapping.columns[role]}'")
        column = self._column("split")
        if column is not None:
            self.out["split"] = [_SPLITS.get(v.lower(), "") for v in _as_text(column)]
        if "image" in self.mapping.columns:
            self._note("image", f"'{self.mapping.columns['image']}'")

    def _identifiers(self, frame: pd.DataFrame, key: str) -> None:
        column = self._column("source_id")
        text = _as_text(column) if column is not None else [""] * len(frame)
        frame["source_id"] = unique_ids(text, [f"{key}-{number}" for number in frame.index])
        if column is not None:
            changed = sum(a != b for a, b in zip(text, frame["source_id"], strict=True))
            if changed:
                self.notes.append(
                    f"{changed} identifier(s) of '{self.mapping.columns['source_id']}' are empty "
                    "or repeated; they are numbered"
                )
            self._note("source_id", f"'{self.mapping.columns['source_id']}'")
        if "name" not in frame and "ra" in frame:
            frame["name"] = j2000_name(frame["ra"].to_numpy(), frame["dec"].to_numpy())


def unique_ids(wanted: list[str], otherwise: list[str]) -> list[str]:
    """Identifiers without repeats: an empty one is replaced, a repeated one numbered."""
    seen: set[str] = set(wanted) - {""}
    used: set[str] = set()
    out = []
    for text, fallback in zip(wanted, otherwise, strict=True):
        name, number = text or fallback, 2
        if name in used or (not text and name in seen):
            while f"{name}-{number}" in used or f"{name}-{number}" in seen:
                number += 1
            name = f"{name}-{number}"
        used.add(name)
        out.append(name)
    return out


def label_of(text: str) -> str:
    """Class of a label in its common spellings; '' where unknown."""
    letters = _letters(text)
    if re.fullmatch(r"[12]\d\d|3\d\d", letters):  # MiraBest: first digit FRI, FRII, hybrid
        return {"1": "FRI", "2": "FRII", "3": "Hybrid"}[letters[0]]
    return _LABELS.get(letters, "")


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def _as_text(column: pd.Series) -> list[str]:
    """Cells as text; whole numbers without a decimal point, empty where masked."""
    if column.dtype.kind == "f":
        whole = column.dropna()
        if (whole == whole.round()).all():
            return [f"{int(v)}" if np.isfinite(v) else "" for v in column]
    return ["" if pd.isna(v) else str(v).strip() for v in column]


def _factor(unit: str, to: str, name: str) -> float | None:
    """Factor between two units; None for an unknown one."""
    if unit == UNKNOWN:
        return None
    from astropy import units as u

    try:
        return float(u.Unit(unit).to(u.Unit(to)))
    except (ValueError, TypeError, u.UnitConversionError) as error:
        raise CatalogueError(
            f"column '{name}' has the unit '{unit}', which cannot be converted to {to} ({error}); "
            "map another column or give its unit by hand"
        ) from error
