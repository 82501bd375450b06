"""The map: positions and colours in, selected rows out. Pages do not know what draws it.

Points of every data set on the map lie in one array; an event gives row numbers into it.
What draws is Plotly (:mod:`radioviz.ui.plotly_map`); another renderer takes the same
:class:`MapPoints` and returns the same :class:`MapEvent`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from radioviz.errors import RadioVizError
from radioviz.ui.colouring import Colour

KINDS = ("lasso", "box", "click", "cleared")


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What a map shows.

    Attributes
    ----------
    x, y : numpy.ndarray
        Positions, float32 of shape ``(n,)``; rows that are not finite are not drawn.
    colour : Colour
    hover : list of str
        Plain text a point, lines parted by ``\\n`` (renderers escape it); empty: none.
    group : numpy.ndarray or None
        Small integers of shape ``(n,)``: which of ``group_names`` a point belongs to.
        The first group is drawn as dots, later ones (overlays) as rings.
    selected : numpy.ndarray or None
        Bool of shape ``(n,)``: all others are greyed. None: nothing is selected.
    focus : int or None
        Row with a ring about it.
    x_title, y_title : str
    description : str
        For screen readers.
    """

    x: np.ndarray
    y: np.ndarray
    colour: Colour
    hover: list[str] = field(default_factory=list)
    group: np.ndarray | None = None
    group_names: tuple[str, ...] = ("",)
    selected: np.ndarray | None = None
    focus: int | None = None
    x_title: str = ""
    y_title: str = ""
    description: str = "Latent map"

    def __post_init__(self) -> None:
        n = len(self.x)
        for name in ("y", "hover", "group", "selected"):
            value = getattr(self, name)
            if value is not None and not (name == "hover" and not value) and len(value) != n:
                raise RadioVizError(f"map: {name} has {len(value)} entries for {n} points")

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class MapEvent:
    """What the reader did on a map: ``rows`` (int64) by ``kind``, one of :data:`KINDS`."""

    rows: np.ndarray
    kind: str


def new_event(key: str) -> MapEvent | None:
    """What happened on a map since it was last drawn, once; None if nothing did.

    Ask before any map is drawn, so that maps that share a selection all show it.
    """
    from radioviz.ui import plotly_map

    return plotly_map.new_event(key)


def scatter_map(points: MapPoints, *, key: str, height: int = 640, own_marks: bool = False) -> None:
    """Draw a map.

    Parameters
    ----------
    key : str
        Unique on the page; also the CSS class ``st-key-<key>``.
    height : int
        Pixels.
    own_marks : bool
        True when ``selected`` and ``focus`` come from this very map, which shows them
        already: it is then left as it is (zoom and all).
    """
    from radioviz.ui import plotly_map

    plotly_map.draw(points, key=key, height=height, own_marks=own_marks)
