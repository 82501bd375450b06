"""What the fields of a workspace look like, so that a damaged one costs itself alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

_Groups = list[tuple[str, list[str]]]


class _Subset(msgspec.Struct):
    name: str
    colour: str
    groups: _Groups


class _Spectra(msgspec.Struct):
    title: str
    attached: str
    digest: str
    warnings: list[str]


class _Score(msgspec.Struct):
    right: int
    asked: int


class _Fluxes(msgspec.Struct):
    column: str
    frequency: float


_SHAPES: Mapping[str, Any] = {
    "tray": _Groups,
    "selection": _Groups,
    "labels": list[Any],  # each is checked where it is read
    "marks": list[tuple[str, str, float | None, str]],
    "filter": str,
    "subsets": list[_Subset],
    "used": dict[str, list[str]],
    "map_areas": dict[str, list[float]],
    "clusters": dict[str, tuple[str, float, int]],
    "hosts": dict[str, dict[str, dict[str, Any]]],
    "crossmatches": list[dict[str, Any]],
    "charts": list[dict[str, Any]],
    "spectra": dict[str, _Spectra],
    "fluxes": dict[str, _Fluxes],
    "blind_test": dict[str, _Score],
    **dict.fromkeys(("view", "gallery", "table", "relation", "physics"), dict[str, Any]),
}


def sound_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The fields that have their shape, and names of those that do not.

    Another version may have written them, or the file is damaged. Unknown fields are kept.
    """
    sound, lost = {}, []
    for name, value in fields.items():
        try:
            if value is not None and name in _SHAPES:
                msgspec.convert(value, _SHAPES[name])
            sound[name] = value
        except msgspec.ValidationError:
            lost.append(name)
    return sound, lost
