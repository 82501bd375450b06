"""The frame of coordinates that a VOTable or a FITS header names, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astropy.io.votable.tree import CooSys, Group, Resource, TableElement, VOTableFile


def frame_of_header(header: Mapping[str, Any], column: str = "") -> str:
    """Frame in a FITS header, such as ``FK4 1950.0``; empty where it names none.

    ``column``: number of a column, for keywords of its own (``RADEn``, ``EQUIn``).
    """
    systems = (f"RADE{column}",) if column else ("RADESYS", "RADECSYS", "COORDSYS", "COOSYS")
    years = (f"EQUI{column}",) if column else ("EQUINOX", "EPOCH")
    found = []
    for keywords in (systems, years):
        values = {k: header.get(k) for k in keywords}
        texts = [
            str(v).strip()
            for k, v in values.items()
            if isinstance(v, str | int | float)
            # EPOCH is the old name of EQUINOX, and the date of observation in other tables.
            and (k != "EPOCH" or re.fullmatch(r"[BJ]?(1950|2000)(\.0*)?", str(v).strip()))
        ]
        found.append(next(filter(None, texts), ""))
    return " ".join(filter(None, found))


_SYSTEM = r"FK[45](?:-NO-E)?|ICRS|GALACTIC|SUPERGALACTIC|ECLIPTIC"
_YEAR = r"[BJ]?(?:1875|1900|1950|1975|2000)(?:\.0*)?"
# "# Coordinates: B1950", "# equinox = 1950.0", "# RADESYS FK4", "# positions are in FK4 (B1950)".
_SAID = re.compile(
    r"[#\s]*(?:[\w.]+\s+){0,5}?"
    r"(?:coord\w*|positions?|equinox|epoch|frame|rade(?:c)?sys|coosys|system)\b[\s:=('\"]*"
    r"(?:(?:is|are|in|of|at|the|given|equinox|epoch|frame|system)\b[\s:=('\"]*)*"
    rf"(?P<frame>(?:{_SYSTEM})(?:[\s(,]+{_YEAR})?|{_YEAR})(?![\w.-])",
    re.IGNORECASE,
)
_OLD = re.compile(r"(?<![\w.-])(?:FK4|B1950(?:\.0)?|B1875|B1900|1950\.0)(?![\w.-])", re.IGNORECASE)


def frame_of_comments(comments: list[str]) -> str:
    """Frame that comments of a text table name, such as ``FK4 B1950``; empty where they do not.

    It is ``?`` and two names where they name an old frame without saying that the positions
    are in it, or of several.
    """
    said = {
        re.sub(r"[\s(,]+", " ", match["frame"]).upper()
        for comment in comments
        if (match := _SAID.match(comment))
    }
    if len(said) == 1:
        return said.pop()
    if said:
        return "? " + ", ".join(sorted(said))
    old = next((match[0] for comment in comments if (match := _OLD.search(comment))), "")
    return f"? {old}, J2000" if old else ""


def frames_of_fields(document: VOTableFile, table: TableElement) -> dict[str, str]:
    """Frame of each field that refers to a COOSYS, by its ID.

    By the field's ``ref``, a GROUP around it, or a GROUP of STC. Where no field refers to one
    and all COOSYS agree, they hold for all fields, which is under an empty ID; where they do
    not agree it is ``?`` and their names.
    """
    systems = {s.ID: _words(s) for s in _systems(document)}
    groups = list(_groups(table.groups))
    # A field may refer to a group that refers to the COOSYS.
    around = {g.ID: g.ref for g in groups if g.ID and g.ref}
    found: dict[str, str] = {}
    for field in table.fields:
        frame = systems.get(field.ref) or systems.get(around.get(field.ref))
        if frame:
            found[field.ID] = frame
    names = {field.name: field.ID for field in table.fields}
    for group in groups:
        frame = systems.get(group.ref) or _stc_frame(group)
        for entry in group.entries if frame else ():
            ref = getattr(entry, "ref", None)
            if type(entry).__name__ == "FieldRef" and ref:
                found.setdefault(names.get(ref, ref), frame)
    if systems and not found:
        kinds = sorted(set(systems.values()))
        found[""] = kinds[0] if len(kinds) == 1 else "? " + ", ".join(kinds)
    return found


def _words(system: CooSys) -> str:
    name = str(system.system or "")
    equinox = str(system.equinox or "")
    return " ".join(filter(None, (name, equinox)))


def _systems(document: VOTableFile) -> Iterator[CooSys]:
    yield from document.coordinate_systems
    waiting: list[Resource] = list(document.resources)
    while waiting:
        resource = waiting.pop()
        yield from resource.coordinate_systems
        waiting += resource.resources


def _groups(groups: Any) -> Iterator[Group]:
    for group in groups:
        yield group
        yield from _groups(e for e in group.entries if type(e).__name__ == "Group")


def _stc_frame(group: Group) -> str:
    """Frame in a GROUP of the STC data model (VOTable 1.1)."""
    for entry in group.entries:
        utype = str(getattr(entry, "utype", "") or "").lower()
        if type(entry).__name__ == "Param" and utype.endswith(
            ("coordrefframe", "spaceframe.coordframe", "coordframe")
        ):
            return str(entry.value)
    return ""
