"""Match the columns of a user's table to those of the Catalogue: by hand, name or UCD."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from radioviz.errors import CatalogueError
from radioviz.importing.column_names import (
    BARRING,
    FINDERS,
    HAVE_UNITS,
    OTHER_BANDS,
    OTHER_FRAMES,
    SELDOM_NUMBERS,
    SYNONYMS,
    UCDS,
    UNIT_WORDS,
    name_and_unit,
    plain_name,
    plain_synonyms,
)
from radioviz.importing.column_units import convert, parse_unit
from radioviz.importing.positions import angular_unit, degrees_of, written_precision
from radioviz.importing.readers.table_builder import UserTable

_ANGLES = ("ra", "dec", "las", "beam_major", "beam_minor", "beam_pa", "pixel_scale", "source_box")
_TARGETS = {"ra": "deg", "dec": "deg", "las": "arcsec", "flux": "mJy", "beam_major": "arcsec",
            "beam_minor": "arcsec", "beam_pa": "deg", "frequency": "GHz",
            "pixel_scale": "arcsec", "rms": "Jy", "source_box": "arcsec"}  # fmt: skip


@dataclass(frozen=True)
class ColumnMap:
    """The column of each role."""

    # By role: the column. Roles are the Catalogue's columns, and ``image`` for a path.
    columns: dict[str, str]
    how: dict[str, str]  # by role: ``given``, ``name`` or the UCD
    # By role: the unit that the table or the column's name gives.
    units: dict[str, str] = field(default_factory=dict)
    # Frame of ``ra`` and ``dec`` where they are longitude and latitude of another one.
    frame: str = ""
    passed: tuple[str, ...] = ()  # columns that would be a role but for their unit, and why


def map_columns(
    table: UserTable,
    given: Mapping[str, str] | None = None,
    units_given: Collection[str] = (),
) -> ColumnMap:
    """Find the column of each role.

    ``given`` takes precedence, then the Catalogue's own names, the main UCDs, the usual
    names, the other UCDs. An empty name in ``given`` leaves a role out. A column whose unit does
    not fit is passed over, except for a role in ``units_given``.

    Raises CatalogueError if ``given`` names an unknown role or column, or several columns with
    different cells have the name that was found.
    """
    found: dict[str, tuple[str, str]] = {}
    given = dict(given or {})
    for role, name in given.items():
        if role not in SYNONYMS:
            raise CatalogueError(f"columns: unknown role '{role}'; known: {', '.join(SYNONYMS)}")
        if name and name not in table.frame.columns:
            raise CatalogueError(
                f"columns: the table has no column '{name}' for {role}; "
                f"it has {_some(table.frame.columns)}"
            )
        if name:
            found[role] = name, "given"
    passed: list[str] = []
    for role in SYNONYMS:
        if role not in given:
            used = {name for name, _ in found.values()}
            free = _possible(table, role, [str(n) for n in table.frame.columns if n not in used])
            if role not in units_given:
                free = _with_fitting_units(table, role, free, passed)
            names, how = _candidates(table, role, free)
            if names:
                found[role] = _one_of(table, role, names), how
    frame = ""
    if not {"ra", "dec"} & {*found, *given}:
        frame, pair = _other_frame(table)
        found |= {role: (name, "name") for role, name in pair.items()}
    columns = {role: name for role, (name, _) in found.items()}
    units = {role: _unit(table, role, name) for role, name in columns.items()}
    return ColumnMap(
        columns,
        {r: how for r, (_, how) in found.items()},
        {r: u for r, u in units.items() if u},
        frame,
        tuple(passed),
    )


def is_unit(text: str) -> bool:
    """True for a unit as tables write it under the names of their columns."""
    plain = text.strip().strip("\"'")
    if plain.lower() in UNIT_WORDS or re.fullmatch(r"[hd]+:m+:s+", plain):
        return True
    return re.search("[a-zA-Z]", plain) is not None and parse_unit(plain) is not None


def _possible(table: UserTable, role: str, free: list[str]) -> list[str]:
    """Columns whose UCD and cells do not bar them from a role."""
    out = []
    for name in free:
        first, *words = table.ucds.get(name, "").lower().replace(" ", "").split(";")
        # An average is barred as a UCD, but not where its column is called by the role's name.
        averages = ("stat.mean", "stat.median", "stat.value", "stat.max")
        barring = [w for w in words if w.startswith(BARRING)]
        if first.startswith("stat.") or first in ("error", "at_error"):
            continue
        if barring and (
            set(barring) - set(averages) or plain_name(name, role) not in plain_synonyms()[role]
        ):
            continue
        if role == "flux" and any(w.startswith(OTHER_BANDS) for w in words):
            continue
        numbers = table.frame[name].dtype.kind in "iuf"
        if role == "name" and numbers and plain_name(name, role) in SELDOM_NUMBERS:
            continue
        out.append(name)
    return out


def _with_fitting_units(
    table: UserTable, role: str, free: list[str], passed: list[str]
) -> list[str]:
    """Columns whose unit, where they have one, fits the role."""
    if role not in HAVE_UNITS:
        return free
    out = []
    for name in free:
        text = _unit(table, role, name)
        if not text or fits_role(text, role):
            out.append(name)
        elif name == role or _candidates(table, role, [name])[0]:
            what = "an angle" if role in _ANGLES else "a flux density"
            passed.append(f"column '{name}' is not used as {role}: its unit '{text}' is not {what}")
    return out


def fits_role(text: str, role: str) -> bool:
    """True where a unit can be converted to that of a role."""
    if role in ("ra", "dec"):
        try:
            angular_unit(text, role)
        except CatalogueError:
            return False
        return True
    unit = parse_unit(text)
    targets = (_TARGETS[role], "Jy/beam") if role == "rms" else (_TARGETS[role],)
    return unit is not None and any(convert([1.0], unit, to) is not None for to in targets)


def _other_frame(table: UserTable) -> tuple[str, dict[str, str]]:
    """Frame, and columns of longitude and latitude by role; empty where there are none."""
    names = [str(n) for n in table.frame.columns]
    sides = []
    for role in ("ra", "dec"):
        side: dict[str, str] = {}
        for name in _with_fitting_units(table, role, _possible(table, role, names), []):
            side.setdefault(table.ucds.get(name, "").lower().split(";")[0], name)
            side.setdefault(plain_name(name, role), name)
        sides.append(side)
    for frame, pairs in OTHER_FRAMES.items():
        for lon, lat in pairs:
            ellipse = lat == "b" and "a" in sides[1]  # its axes, not latitudes
            if lon in sides[0] and lat in sides[1] and not ellipse:
                return frame, {"ra": sides[0][lon], "dec": sides[1][lat]}
    return "", {}


def _candidates(table: UserTable, role: str, free: list[str]) -> tuple[list[str], str]:
    """Equally good columns for a role, and how they were found; empty for none."""
    if role in free:
        return [role], "name"
    main, other = _by_ucd(table, role, free)
    if main:
        return main[:1], table.ucds[main[0]]
    plain = [plain_name(name, role) for name in free]
    for synonym in SYNONYMS[role]:
        wanted = plain_name(synonym, role)
        if named := [name for name, letters in zip(free, plain, strict=True) if letters == wanted]:
            return named, "name"
    return other[:1], table.ucds[other[0]] if other else ""


def _by_ucd(table: UserTable, role: str, free: list[str]) -> tuple[list[str], list[str]]:
    main: list[str] = []
    other: list[str] = []
    for first, then in UCDS.get(role, ()):
        for name in free:
            words = table.ucds.get(name, "").lower().split(";")
            if words[0] == first and (
                not then or any(f"{w}.".startswith(f"{then}.") for w in words)
            ):
                (main if then or "_" in first else other).append(name)
    return main, other


def _one_of(table: UserTable, role: str, names: list[str]) -> str:
    """The first of equally good columns, or the one in degrees of one and the same position.

    Raises CatalogueError if they have different cells.
    """
    name = names[0]
    rivals = [*names[1:], *(n for n in _copies(table, name) if n not in names)]
    differing = [n for n in rivals if not table.frame[n].equals(table.frame[name])]
    if differing and role in ("ra", "dec"):
        both = [name, *differing]
        units = [_unit(table, role, n) for n in both]
        differing, name = _same_places(table, role, both, units)
    if differing:
        raise CatalogueError(
            f"columns '{name}' and '{differing[0]}' could both be {role} and differ; "
            f"choose one by mapping {role} by hand"
        )
    return name


def _same_places(
    table: UserTable, role: str, names: list[str], units: list[str]
) -> tuple[list[str], str]:
    """Columns that differ from the best one by more than their digits, and the best one."""
    numbers = [table.frame[n].dtype.kind in "iuf" for n in names]
    best = numbers.index(True) if any(numbers) else 0
    exact = degrees_of(table.frame[names[best]], role, units[best])
    differing = []
    for name, unit in zip(names, units, strict=True):
        if name == names[best]:
            continue
        other = degrees_of(table.frame[name], role, unit)
        apart = np.abs((other - exact + 180) % 360 - 180) * 3600
        good = np.isfinite(apart)
        if not good.any() or (apart[good] > written_precision(table.frame[name], role)).any():
            differing.append(name)
    return differing, names[best]


def _copies(table: UserTable, name: str) -> list[str]:
    if name not in table.repeated:
        return []
    pattern = re.compile(re.escape(name) + r"_\d+")
    return [str(n) for n in table.frame.columns if pattern.fullmatch(str(n))]


def _unit(table: UserTable, role: str, name: str) -> str:
    if role not in HAVE_UNITS:
        return ""
    if role == "pixel_scale" and re.sub(r"[\W_]", "", name.lower()).startswith("arcsecper"):
        return "arcsec"
    # VizieR writes "h:m:s" as the unit of text; read_positions accepts it.
    unit = table.units.get(name, "") or name_and_unit(name)[1]
    if not unit and (table.written or not table.units):  # text, or a file without any units
        for columns, units in FINDERS:
            if columns <= set(table.frame.columns):
                return units.get(name, "")
    return unit


def _some(names: Iterable[object], most: int = 30) -> str:
    listed = [str(n) for n in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(f"'{n}'" for n in listed[:most]) + more
