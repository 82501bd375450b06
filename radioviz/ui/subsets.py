"""Named subsets of the workspace: galaxies kept under a name, combined, and used in filters."""

from __future__ import annotations

import colorsys
import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from radioviz.errors import SelectionError
from radioviz.ui import cache, session_workspace
from radioviz.ui.crossmatches import joined_names
from radioviz.ui.palette import DATA_SET_COLOURS, OTHERS
from radioviz.ui.state import Selection

MOST = 40
LONGEST_NAME = 60


@dataclass(frozen=True)
class Subset:
    """Galaxies under a name, with the colour of their points."""

    name: str
    colour: str
    members: Selection


def subsets() -> list[Subset]:
    """The subsets of this workspace, in the order they were made."""
    found = session_workspace.value("subsets", [])
    return [
        Subset(str(s["name"]), str(s["colour"]), Selection(session_workspace.pairs_of(s["groups"])))
        for s in found
    ]


def save_subset(name: str, members: Selection) -> None:
    """Keep galaxies under a name; a subset of the same name is replaced.

    Raises SelectionError if the name is empty, too long or a column's, there are no galaxies, or
    too many subsets.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "`" in name:
        raise SelectionError(
            f"'{name[:80]}' cannot name a subset; write 1 to {LONGEST_NAME} characters without `"
        )
    if not len(members):
        raise SelectionError(f"the subset '{name}' would hold no galaxy; select some first")
    for data_set in members.groups():
        if name in cache.filter_columns(data_set, None) or name in joined_names(data_set):
            raise SelectionError(f"'{name}' is a column of {data_set}; choose another name")
    held = [s for s in subsets() if s.name != name]
    if len(held) >= MOST:
        raise SelectionError(f"a workspace keeps at most {MOST} subsets; delete one first")
    before = next((s.colour for s in subsets() if s.name == name), "")
    colour = before or _free_colour({s.colour for s in held})
    _put([*held, Subset(name, colour, members)], f"save the subset {name}")


def recolour_subset(name: str, colour: str) -> None:
    """Draw the galaxies of a subset in another colour: ``#rrggbb``."""
    if re.fullmatch("#[0-9a-fA-F]{6}", colour):
        held = [dataclasses.replace(s, colour=colour) if s.name == name else s for s in subsets()]
        _put(held, f"colour the subset {name}")


def _free_colour(used: Collection[str]) -> str:
    """A colour that no other subset has."""
    for colour in (*DATA_SET_COLOURS, *OTHERS):
        if colour not in used:
            return colour
    hue = (0.618034 * len(used)) % 1.0  # steps round the circle that never meet
    red, green, blue = colorsys.hls_to_rgb(hue, 0.5, 0.6)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def delete_subset(name: str) -> None:
    """Forget a subset; its galaxies stay where they are."""
    _put([s for s in subsets() if s.name != name], f"delete the subset {name}")


def combined(first: Selection, how: str, second: Selection) -> Selection:
    """``and``, ``or``, or ``and not`` of two sets of galaxies, in the order of the first."""
    if how == "or":
        return Selection([*first, *second])
    return Selection(pair for pair in first if (pair in second) == (how == "and"))


def _put(held: list[Subset], what: str) -> None:
    values: list[dict[str, Any]] = [
        {"name": s.name, "colour": s.colour, "groups": session_workspace.groups_of(s.members)}
        for s in held
    ]
    session_workspace.put("subsets", values, what)
