"""What a map shows, and what the reader did on it: positions and colours in, rows out.

Points of every data set on the map lie in one array; an event gives row numbers into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from radioviz.errors import RadioVizError
from radioviz.ui.map.binary_columns import content_hash
from radioviz.ui.map.colouring import Colour

KINDS = ("lasso", "box", "click", "cleared")
MISSING = {
    "behind": "Behind the others",
    "among": "Like the others",
    "hidden": "Hidden",
}


@dataclass(frozen=True)
class PointLook:
    """How points look."""

    size: float = 1.0  # factor on the diameter that the map chooses
    opacity: float = 1.0  # of all points, 0..1
    overlay: float = 1.0  # weight of overlaid points, 0..1
    below: bool = False  # overlaid points lie below the others, not above
    missing: str = "behind"  # points without a value: one of :data:`MISSING`


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What a map shows."""

    # x, y: positions, float32 of shape ``(n,)``; rows that are not finite are not drawn
    x: np.ndarray
    y: np.ndarray
    colour: Colour
    # Text of a row for hovering, lines separated by ``\n``; never read as markup.
    hover: Callable[[int], str] | None = None
    # Picture of a row for hovering: an address or data URI, None for none.
    thumbnail: Callable[[int], str | None] | None = None
    # Small integers of shape ``(n,)``: which of ``group_names`` a point belongs to. The first group
    # is drawn as dots, later ones (overlays) as rings.
    group: np.ndarray | None = None
    group_names: tuple[str, ...] = ("",)
    # Bool of shape ``(n,)``: all others are greyed. None: nothing is selected.
    selected: np.ndarray | None = None
    # Bool of shape ``(n,)``: all others are neither drawn nor found, as by a filter. None: all are
    # shown.
    shown: np.ndarray | None = None
    focus: int | None = None  # row with a ring around it
    x_title: str = ""
    y_title: str = ""
    description: str = "Latent map"  # for screen readers
    marks: PointLook = field(default_factory=PointLook)
    contours: bool = False  # draw lines of equal density
    # Text on the map and where, most important first.
    names: list[tuple[str, float, float]] = field(default_factory=list)
    # (x0, x1, y0, y1): part of the map to begin with; None: all of it.
    area: tuple[float, float, float, float] | None = None
    places: str = ""  # hash of positions and groups, where it is known already

    def __post_init__(self) -> None:
        for name in ("y", "group", "selected", "shown"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self):
                raise RadioVizError(f"map: {name} has {len(value)} entries for {len(self)} points")

        if not self.places:
            digest = content_hash(self.x, self.y, self.group, str(len(self.group_names)))
            object.__setattr__(self, "places", digest)

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def visible(self) -> np.ndarray | None:
        """Mask of what is drawn: of ``shown``, those with a value where others are hidden."""
        if self.marks.missing != "hidden":
            return self.shown
        known = self.colour.known
        return known if self.shown is None else self.shown & known

    @cached_property
    def rings(self) -> list[bool]:
        """Whether the points of each category are rings, that is of overlaid groups alone."""
        return (self._of_category(self.ringed) & ~self._of_category(~self.ringed)).tolist()

    @cached_property
    def shapes(self) -> list[str]:
        """What dots and what rings are, where the categories do not say it; else empty."""
        first, *others = self.group_names
        if not others or (
            self.colour.codes is not None
            and not (self._of_category(self.ringed) & self._of_category(~self.ringed)).any()
        ):
            return []
        return [first, ", ".join(others)]

    @property
    def ringed(self) -> np.ndarray:
        """Mask of the points of overlaid groups, which are drawn as rings."""
        return np.zeros(len(self), bool) if self.group is None else np.asarray(self.group) > 0

    def _of_category(self, mask: np.ndarray) -> np.ndarray:
        """Categories that some points of a mask are of."""
        codes = np.asarray(self.colour.codes)[mask]
        return np.bincount(codes, minlength=len(self.colour.names)) > 0


@dataclass(frozen=True)
class SeenMap:
    """What a reader sees of a map."""

    # (x0, x1, y0, y1): what is in view; None where that is not known.
    area: tuple[float, float, float, float] | None = None
    hidden: tuple[int, ...] = ()  # categories hidden in the legend


@dataclass(frozen=True, eq=False)
class MapEvent:
    """What the reader did on a map: ``rows`` (int64) by ``kind``, one of :data:`KINDS`."""

    rows: np.ndarray
    kind: str
