"""What a map shows, and what the reader did on it: positions and colours in, rows out.

Points of every data set on the map lie in one array; an event gives row numbers into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from radioviz.errors import RadioVizError
from radioviz.ui.map.colouring import Colour

KINDS = ("lasso", "box", "click", "cleared")


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
    """

    size: float = 1.0
    opacity: float = 1.0
    overlay: float = 1.0


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
        Bool of shape ``(n,)``: all others are left out, as by a filter. None: all are shown.
    focus : int or None
        Row with a ring around it.
    x_title, y_title : str
    description : str
        For screen readers.
    marks : PointLook
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

    def __post_init__(self) -> None:
        for name in ("y", "group", "selected", "shown"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self):
                raise RadioVizError(f"map: {name} has {len(value)} entries for {len(self)} points")
        if self.shown is not None:  # neither drawn nor lassoed
            object.__setattr__(self, "x", np.where(self.shown, self.x, np.float32(np.nan)))

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class MapEvent:
    """What the reader did on a map: ``rows`` (int64) by ``kind``, one of :data:`KINDS`."""

    rows: np.ndarray
    kind: str
