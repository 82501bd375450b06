"""The map: positions and colours in, selected rows out. Pages do not know what draws it.

Points of every data set on the map lie in one array; an event gives row numbers into it.
What draws is a component of our own (:mod:`radioviz.ui.map`), or Plotly where it is asked
for (:mod:`radioviz.ui.map.plotly_map`); both take the same :class:`MapPoints` and return the same
:class:`MapEvent`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from radioviz.errors import RadioVizError
from radioviz.ui.map.colouring import Colour

# Plotly draws maps of up to this many points: none, since within Streamlit a Plotly chart takes
# either clicks or a lasso, never both, and loses its zoom whenever a mark changes.
MANY_POINTS = 0
ENGINES = ("auto", "plotly", "webgl")

KINDS = ("lasso", "box", "click", "cleared")


@dataclass(frozen=True, eq=False)
class MapPoints:
    """What a map shows.

    Attributes
    ----------
    x, y : numpy.ndarray
        Positions, float32 of shape ``(n,)``; rows that are not finite are not drawn.
    colour : Colour
    hover : sequence of str
        Plain text a point, best made on demand, lines parted by ``\\n`` (renderers escape it);
        empty: none.
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
    hover: Sequence[str] = ()
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
            if value is not None and not (name == "hover" and not len(value)) and len(value) != n:
                raise RadioVizError(f"map: {name} has {len(value)} entries for {n} points")

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class MapEvent:
    """What the reader did on a map: ``rows`` (int64) by ``kind``, one of :data:`KINDS`."""

    rows: np.ndarray
    kind: str


def engine_for(n: int, asked: str = "auto") -> str:
    """What draws ``n`` points: ``plotly`` or ``webgl``.

    ``asked``, or else ``RADIOVIZ_MAP``, decides where it names one of them.

    Raises
    ------
    RadioVizError
        If the name is none of :data:`ENGINES`.
    """
    for name in (asked, os.environ.get("RADIOVIZ_MAP") or "auto"):
        if name not in ENGINES:
            raise RadioVizError(f"no map is drawn by '{name}'; known are {', '.join(ENGINES)}")
        if name != "auto":
            return name
    return "webgl" if n > MANY_POINTS else "plotly"


def new_event(key: str) -> MapEvent | None:
    """What happened on a map since it was last drawn, once; None if nothing did.

    Ask before any map is drawn, so that maps that share a selection all show it.
    """
    if st.session_state.get(f"{key}:engine") == "webgl":
        from radioviz.ui import map as webgl

        return webgl.new_event(key)
    from radioviz.ui.map import plotly_map

    return plotly_map.new_event(key)


def scatter_map(
    points: MapPoints,
    *,
    key: str,
    height: int = 560,
    own_marks: bool = False,
    thumbnail: Callable[[int], str | None] | None = None,
    engine: str = "auto",
    painter: str = "auto",
) -> None:
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
    thumbnail : callable or None
        Address or data URI of the picture of a row, shown on hovering where the map can
        (the component; Plotly shows text alone).
    engine : str
        One of :data:`ENGINES`; see :func:`engine_for`.
    painter : {"auto", "gpu", "cpu"}
        What paints in the component: by default WebGL where hardware draws it.
    """
    chosen = engine_for(len(points), engine)
    before = st.session_state.get(f"{key}:engine")
    st.session_state[f"{key}:engine"] = chosen
    if chosen == "webgl":
        from radioviz.ui import map as webgl

        webgl.draw(points, key=key, height=height, thumbnail=thumbnail, renderer=painter)
        return
    from radioviz.ui.map import plotly_map

    # What the other engine drew is unknown to Plotly.
    own = own_marks and before == chosen
    plotly_map.draw(points, key=key, height=height, own_marks=own)
