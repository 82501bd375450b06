"""A user's table as rows of the Catalogue: positions, sizes, classes, identifiers."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from radioviz.data.catalogue import COLUMNS, LABELS, complete_columns
from radioviz.data.source_planes import RESPONSE
from radioviz.errors import CatalogueError
from radioviz.importing.column_names import HAVE_UNITS
from radioviz.importing.column_units import convert, parse_unit
from radioviz.importing.columns import ColumnMap, map_columns
from radioviz.importing.export_tables import is_export, restored
from radioviz.importing.positions import DEC_UNITS, RA_UNITS, read_positions
from radioviz.importing.readers.table_builder import UserTable, no_name, undefined
from radioviz.importing.sky_frames import frame_of_positions, join_parts
from radioviz.importing.source_labels import MORPHOLOGIES, label_of, letters_of
from radioviz.importing.stand_ins import cells_without_stand_ins, without_stand_ins
from radioviz.importing.survey_facts import UNKNOWN, Answers, Question, choice_answer
from radioviz.sky import frame_name, is_j2000, j2000_name, to_j2000

ANGLES = ("arcsec", "arcmin", "deg", "mas")
# Columns that describe the image of a row, and what their unit is taken for if none is given.
_OF_IMAGES = {"beam_major": "arcsec", "beam_minor": "arcsec", "beam_pa": "deg",
              "frequency": "GHz", "pixel_scale": "arcsec", "rms": "Jy/beam",
              "source_box": "arcsec"}  # fmt: skip
FLUXES = ("mJy", "Jy", "uJy", UNKNOWN)

_SPLITS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid",
           "val": "valid", "test": "test", "testing": "test", "excluded": "excluded"}  # fmt: skip
_MAX_REDSHIFT = 20.0
_CORRECTED = dict.fromkeys(("corrected", "true", "t", "yes", "y", "1"), "corrected")
_CORRECTED |= dict.fromkeys(("uncorrected", "false", "f", "no", "n", "0"), "uncorrected")


@dataclass(frozen=True, eq=False)
class SourceList:
    """Sources of a table in the Catalogue's terms."""

    # The Catalogue's columns, then the table's other ones; the index is the row number in the file,
    # from 1.
    frame: pd.DataFrame
    images: pd.Series | None = None  # path of the image of each row, where the table names them
    refused: tuple[tuple[int, str], ...] = ()  # rows left out, by number, and why
    notes: tuple[str, ...] = ()
    # The interpretation of each column, in words.
    found: dict[str, str] = field(default_factory=dict)
    needed: tuple[Question, ...] = ()
    # units, ucds: of the table's other columns
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

    ``answers``: ``columns`` (role to column name), ``ra_unit``, ``dec_unit``, ``las_unit``,
    ``flux_unit``, ``frame``, ``labels`` (value of the table to a class); ``key``: prefix of the
    identifiers of rows that have none; ``positions``: true to refuse rows without a position.
    Raises CatalogueError if columns are missing, repeated or swapped, or an answer is not accepted.
    """
    answers = answers or {}
    given = answers.get("columns") or {}
    if not isinstance(given, Mapping):
        raise CatalogueError(f"columns is {given!r}; expected names of columns by role")
    files = None
    if exported := is_export(table):
        table, files = restored(table)
    units = {role for role in HAVE_UNITS if answers.get(f"{role}_unit")}
    mapping = map_columns(table, given, units)
    sources = SourceListBuilder(table, mapping, answers, positions, exported).build(key)
    if files is not None:
        files = files[sources.frame.index]
        sources = dataclasses.replace(
            sources, images=files, found={**sources.found, "image": f"'{files.name}'"}
        )
    return sources


class SourceListBuilder:
    """Converts a table column by column; see :func:`read_sources`."""

    def __init__(
        self,
        table: UserTable,
        mapping: ColumnMap,
        answers: Answers,
        positions: bool,
        exported: bool = False,
    ) -> None:
        self.exported = exported
        self.table, self.mapping, self.answers = table, mapping, answers
        self.positions = positions
        self.notes = [*table.notes, *mapping.passed]
        self.needed: list[Question] = []
        self.found: dict[str, str] = {}
        if table.names:
            text = f"The file holds {len(table.names)} tables; '{table.name}' is read. Which one?"
            self.needed.append(Question("which_table", text, table.names, table.name))
            self.found["table"] = f"'{table.name}' of {len(table.names)}"
        self.out: dict[str, object] = {}

    def _column(self, role: str) -> pd.Series | None:
        name = self.mapping.columns.get(role)
        return None if name is None else self.table.frame[name]

    def _text(self, role: str) -> list[str]:
        return self.table.text(self.mapping.columns[role])

    def _unit(self, role: str, choices: tuple[str, ...]) -> str:
        given = choice_answer(self.answers, f"{role}_unit", choices)
        return given or self.mapping.units.get(role, "")

    def _note(self, role: str, text: str) -> None:
        how = self.mapping.how.get(role, "")
        by = {"name": "", "": "", "given": " (given by hand)"}.get(how, f" (UCD {how})")
        self.found[role] = text + by

    def build(self, key: str) -> SourceList:
        problems = self.fill_positions()
        self._numbers()
        self._images()
        self._labels()
        self._texts()
        used = set(self.mapping.columns.values()) - {self.mapping.columns.get("image")}
        extra = [n for n in self.table.frame.columns if n not in used]
        # A column with a name of the Catalogue's but another meaning is renamed.
        renamed = {n: f"{n}_table" if n in COLUMNS and not self.exported else str(n) for n in extra}
        if self.exported:  # its columns have the meaning of the Catalogue's
            for name in set(extra) & set(COLUMNS):
                self.out.pop(name, None)
        frame = pd.DataFrame(self.out, index=self.table.frame.index)
        for name in extra:
            frame[renamed[name]] = self._extra(name)
        self._identifiers(frame, key)
        index = frame.index
        frame = complete_columns(frame)
        frame.index = index
        images = None
        if "image" in self.mapping.columns:
            images = pd.Series(self._text("image"), index=index, dtype=object)
        refused = list(self.table.refused)
        if self.positions and not any(q.required for q in self.needed):
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

    def _extra(self, name: str) -> pd.Series:
        """A column without a role, without the usual stand-ins for no value."""
        column = self.table.frame[name]
        if name == self.mapping.columns.get("image"):
            return pd.Series(self._text("image"), index=column.index, dtype="str")
        if column.dtype.kind == "b":
            return column
        if column.dtype.kind not in "if":
            return column.mask(no_name(column.astype("str")), "")
        cells, note = cells_without_stand_ins(column, str(name))
        self.notes += note
        return cells

    def fill_positions(self) -> dict[int, str]:
        """Put RA and Dec into ``out``; why rows have none, by their place."""
        ra, dec = self._column("ra"), self._column("dec")
        roles = self.mapping.columns
        names = (roles.get("ra", ""), roles.get("dec", ""))
        units = {"ra_unit": self._unit("ra", RA_UNITS), "dec_unit": self._unit("dec", DEC_UNITS)}
        parts = ""
        if "given" not in (self.mapping.how.get("ra"), self.mapping.how.get("dec")):
            ra, dec, parts = join_parts(self.table, names) or (ra, dec, "")
        if parts:
            names = (parts.split(", ")[0], parts.split(", ")[-1])
            units = {"ra_unit": "deg", "dec_unit": "deg"}
        if ra is None or dec is None:
            missing = [r for r in ("ra", "dec") if roles.get(r) is None]
            if self.positions or len(missing) == 1:
                raise CatalogueError(self._missing(missing))
            return {}
        frame = frame_of_positions(self.table, names, self.answers, self.mapping.frame)
        if isinstance(frame, Question):
            self.needed.append(frame)
            return {}
        if frame.name not in ("icrs", "fk5", "fk4", "fk4noeterms"):
            units["ra_unit"] = units["ra_unit"] or "deg"  # no frame but these counts in hours
        given = bool(self.answers.get("ra_unit")) or bool(parts)
        result = read_positions(ra, dec, names=names, ra_given=given, **units)
        self.needed += result.needed
        self.out["ra"], self.out["dec"] = result.ra, result.dec
        if result.needed:
            return result.problems
        how = f"RA and Dec from {parts}" if parts else result.how
        if not is_j2000(frame):
            self.out["ra"], self.out["dec"] = to_j2000(result.ra, result.dec, frame)
            converted = f"converted from {frame_name(frame)} to ICRS (J2000)"
            self.notes.append(f"positions {converted}: columns '{names[0]}' and '{names[1]}'")
            how += f"; {converted}"
        self._note("ra", how)
        return result.problems

    def _missing(self, missing: list[str]) -> str:
        names = list(self.table.frame.columns)
        shown = ", ".join(f"'{n}'" for n in names[:30])
        passed = "".join(f" {text}." for text in self.mapping.passed)
        return (
            f"no column for {' and '.join(missing)} in the table; it has {shown}. "
            f"Name it so, or map it by hand (columns).{passed}"
        )

    def _numbers(self) -> None:
        for role, units in (("las", ANGLES), ("flux", FLUXES)):
            column = self._column(role)
            if column is None:
                continue
            name = self.mapping.columns[role]
            values = self._values(name, column)
            unit = self._unit(role, units)
            if not unit:
                # The Catalogue's own column has its unit; a flux of unknown unit is not used.
                own = COLUMNS[role].unit if name == role else UNKNOWN if role == "flux" else None
                text = f"Column '{name}' has no unit: which is it?"
                self.needed.append(Question(f"{role}_unit", text, units, own))
                unit = own or COLUMNS[role].unit
            if unit == UNKNOWN:
                self.mapping.columns.pop(role)
                continue
            values = _converted(values, unit, COLUMNS[role].unit, name)
            with np.errstate(invalid="ignore"):
                bad = np.isinf(values) | ((values <= 0) if role == "las" else False)
            values[bad] = np.nan
            self.out[role] = values
            if role == "las":
                self.out["las_origin"] = np.where(np.isfinite(values), "catalogue", "")
            self._note(role, f"'{name}' in {unit}")
        column = self._column("redshift")
        if column is not None:
            values = self._plain_numbers(self.mapping.columns["redshift"], column)
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
            # A noise without a unit may be in mJy: taken only if given, or written by RadioViz.
            ours = name == role and (role != "rms" or self.exported)
            if not unit and (ours or self.mapping.how.get(role) == "given"):
                unit = own
            parsed = parse_unit(unit)
            values = self._values(name, column)
            converted = None if parsed is None else convert(values, parsed, own)
            if role == "rms" and converted is None and parsed is not None:
                converted = convert(values, parsed, "Jy")
            if converted is None:
                self.mapping.columns.pop(role)
                why = f"unit {unit!r}" if unit else "no unit"
                self.notes.append(
                    f"column '{name}' has {why}: not taken as {role}; map it by hand to take it "
                    f"in {own}"
                )
                continue
            self.out[role] = converted
            self._note(role, f"'{name}' in {unit}")
        self._primary_beam()

    def _primary_beam(self) -> None:
        """Whether images are corrected for the primary beam, and its response at the sources."""
        column = self._column("primary_beam")
        if column is not None:
            said = [text.strip().lower() for text in self._text("primary_beam")]
            self.out["primary_beam"] = [_CORRECTED.get(text, "") for text in said]
            self._note("primary_beam", f"'{self.mapping.columns['primary_beam']}'")
        column = self._column(RESPONSE)
        if column is not None:
            name = self.mapping.columns[RESPONSE]
            values = self._values(name, column)
            with np.errstate(invalid="ignore"):
                bad = np.isfinite(values) & ~((values > 0) & (values <= 1))
            if bad.any():
                self.notes.append(
                    f"column '{name}': {int(bad.sum())} value(s), such as {values[bad][0]:g}, are "
                    "no response of a primary beam (above 0, up to 1); they are no values"
                )
            self.out[RESPONSE] = np.where(bad, np.nan, values)
            self._note(RESPONSE, f"'{name}'")

    def _values(self, name: str, column: pd.Series) -> np.ndarray:
        """Numbers of a column, without the usual stand-ins for no value."""
        values, note = without_stand_ins(self._plain_numbers(name, column), name, large=True)
        self.notes += note
        return values

    def _plain_numbers(self, name: str, column: pd.Series) -> np.ndarray:
        """Numbers of a column; words are NaN, with a note."""
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, copy=True)
        if column.dtype.kind not in "iufb":
            text = column.astype("str")
            words = np.isnan(values) & ~undefined(text).to_numpy(dtype=bool)
            if words.any():
                self.notes.append(
                    f"column '{name}': {int(words.sum())} cell(s) are not numbers, such as "
                    f"'{text[words].iloc[0][:40]}'; they are no values"
                )
        return values

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
        original = self._text("label")
        meaning = {v: by_hand.get(v, label_of(v)) for v in set(original)}
        self.out["label_original"] = original
        self.out["label"] = [meaning[v] for v in original]
        if "morphology" not in self.mapping.columns:
            self.out["morphology"] = [MORPHOLOGIES.get(letters_of(v), "") for v in original]
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
                self.out[role] = self._text(role)
                self._note(role, f"'{self.mapping.columns[role]}'")
        column = self._column("split")
        if column is not None:
            self.out["split"] = [_SPLITS.get(v.lower(), "") for v in self._text("split")]
        if "image" in self.mapping.columns:
            self._note("image", f"'{self.mapping.columns['image']}'")

    def _identifiers(self, frame: pd.DataFrame, key: str) -> None:
        column = self._column("source_id")
        text = self._text("source_id") if column is not None else [""] * len(frame)
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


def _converted(values: np.ndarray, unit: str, to: str, name: str) -> np.ndarray:
    """Values in the Catalogue's unit; logarithms become plain numbers."""
    parsed = parse_unit(unit)
    converted = None if parsed is None else convert(values, parsed, to)
    if converted is None:
        raise CatalogueError(
            f"column '{name}' has the unit '{unit}', which cannot be converted to {to}; "
            "map another column or give its unit by hand"
        )
    return converted
