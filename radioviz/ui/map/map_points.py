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
    """How points look.

    Attributes
    ----------
    size : float
        Factor on the diameter that the map chooses.
    opacity : float
        Of all points, 0..1.
    overlay : float
        Weight of overlaid points, 0..1.
    below : bool
        Overlaid points lie below the others, not above.
    missing : str
        Points without a value: one of :data:`MISSING`.
    """

    size: float = 1.0
    opacity: float = 1.0
    overlay: float = 1.0
    below: bool = False
    missing: str = "behind"


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What a map shows.

    Attributes
    ----------
    x, y : numpy.ndarray
        Positions, float32 of shape ``(n,)``; rows that are not finite are not drawn.
    colour : Colour
    hover : callable or None
        Text of a row for hovering, lines separated by ``\\n``; never read as markup.
    thumbnail : callable or None
        Picture of a row for hovering: an address or data URI, None for none.
    group : numpy.ndarray or None
        Small integers of shape ``(n,)``: which of ``group_names`` a point belongs to.
        The first group is drawn as dots, later ones (overlays) as rings.
    selected : numpy.ndarray or None
        Bool of shape ``(n,)``: all others are greyed. None: nothing is selected.
    shown : numpy.ndarray or None
        Bool of shape ``(n,)``: all others are neither drawn nor found, as by a filter. None: all
        are shown.
    focus : int or None
        Row with a ring around it.
    x_title, y_title : str
    description : str
        For screen readers.
    marks : PointLook
    contours : bool
        Draw lines of equal density.
    names : list of (str, float, float)
        Text on the map and where, most important first.
    area : (x0, x1, y0, y1) or None
        Part of the map to begin with; None: all of it.
    places : str
        Hash of positions and groups, where it is known already.
    """

    x: np.ndarray
    y: np.ndarray
    colour: Colour
    hover: Callable[[int], str] | None = None
    thumbnail: Callable[[int], str | None] | None = None
    group: np.ndarray | None = None
    group_names: tuple[str, ...] = ("",)
    selected: np.ndarray | None = None
    shown: np.ndarray | None = None
    focus: int | None = None
    x_title: str = ""
    y_title: str = ""
    description: str = "Latent map"
    marks: PointLook = field(default_factory=PointLook)
    contours: bool = False
    names: list[tuple[str, float, float]] = field(default_factory=list)
    area: tuple[float, float, float, float] | None = None
    places: str = ""

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


@dataclass(frozen=True)
class SeenMap:
    """What a reader sees of a map.

    Attributes
    ----------
    area : (x0, x1, y0, y1) or None
        What is in view; None where that is not known.
    hidden : tuple of int
        Categories hidden in the legend.
    """

    area: tuple[float, float, float, float] | None = None
    hidden: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class MapEvent:
    """What the reader did on a map: ``rows`` (int64) by ``kind``, one of :data:`KINDS`."""

    rows: np.ndarray
    kind: str
