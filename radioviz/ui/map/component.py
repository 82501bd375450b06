"""The map as a Streamlit component, drawn by ``map.js`` (built from ``frontend``).

Columns do not travel in the app's messages: Streamlit's media files serve them under the hash of
their content, and the page fetches each once. What a rerun sends is a description of about
2 kB, and nothing when nothing changed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from radioviz.ui.browser_component import register_component
from radioviz.ui.image import media
from radioviz.ui.map import binary_columns
from radioviz.ui.map.binary_columns import PackedColumn, PackedPositions
from radioviz.ui.map.map_description import describe_map
from radioviz.ui.map.map_points import MapEvent, MapPoints, SeenMap
from radioviz.ui.map.polygon import inside

BUNDLE = Path(__file__).parent / "map.js"


@dataclass(frozen=True, eq=False)
class _DrawnMap:
    """What a session's map shows, and the last event on it that was handled."""

    points: MapPoints
    sent: PackedPositions

    def row(self, event: Mapping[str, Any]) -> int | None:
        """Row of the point that an event names; None for an event of other positions."""
        index = event.get("index")
        if event.get("seen") != self.sent.coarse.digest or not isinstance(index, int):
            return None
        return int(self.sent.order[index]) if 0 <= index < len(self.sent.order) else None


@cache
def _bundle() -> bytes:
    return BUNDLE.read_bytes()


def _serve(column: PackedColumn, place: str) -> dict[str, str]:
    # Files declared as compressed are passed on as they are; others are packed at every request.
    url = media.serve(column.data, "application/gzip", column.digest, f"map-{place}")
    return {"url": url, "hash": column.digest}


def _sent_by_browser(key: str, name: str) -> Mapping[str, Any] | None:
    value = st.session_state.get(key)
    sent = value.get(name) if isinstance(value, Mapping) else None
    return sent if isinstance(sent, Mapping) else None


def new_event(key: str) -> MapEvent | None:
    """What happened on a map since it was last drawn, once; None if nothing did.

    Call before any map is drawn, so that maps that share a selection all show it.
    """
    drawn = st.session_state.get(f"{key}:drawn")
    event = _sent_by_browser(f"{key}_gl", "event")
    if not isinstance(drawn, _DrawnMap) or event is None:
        return None
    if event.get("stamp") == st.session_state.get(f"{key}:stamp"):
        return None
    st.session_state[f"{key}:stamp"] = event.get("stamp")
    # The outline of another layout means nothing on this one.
    if event.get("seen") != drawn.sent.coarse.digest:
        return None
    return read_map_event(event, drawn.points, drawn.sent)


def seen_map(key: str) -> SeenMap:
    """What the reader sees of a map, as its browser reported last."""
    found = _sent_by_browser(f"{key}_hover", "view") or {}
    drawn = st.session_state.get(f"{key}:drawn")
    if not isinstance(drawn, _DrawnMap) or found.get("seen") != drawn.sent.coarse.digest:
        return SeenMap()  # of another layout
    area, hidden = found.get("area"), found.get("hidden")
    numbers = [v for v in area or () if isinstance(v, int | float) and math.isfinite(v)]
    good = len(numbers) == 4 and numbers[1] > numbers[0] and numbers[3] > numbers[2]
    codes = tuple(c for c in hidden or () if isinstance(c, int))
    return SeenMap((numbers[0], numbers[1], numbers[2], numbers[3]) if good else None, codes)


def read_map_event(
    event: Mapping[str, Any], points: MapPoints, sent: PackedPositions
) -> MapEvent | None:
    """Rows that an event of the browser selects; None for an event that makes no sense.

    Shift adds: the rows are then those selected before and the new ones, the new ones last.
    """
    kind = event.get("kind")
    if kind == "cleared":
        return MapEvent(np.zeros(0, dtype=np.int64), "cleared")
    if kind in ("lasso", "box"):
        try:
            corners = np.asarray(event.get("polygon"), dtype=np.float64).reshape(-1, 2)
        except (TypeError, ValueError):
            return None
        rows = inside(points.x, points.y, corners)
        if points.visible is not None:
            rows = rows[points.visible[rows]]
        hidden = event.get("hidden")
        if hidden and points.colour.codes is not None:
            rows = rows[~np.isin(points.colour.codes[rows], np.asarray(hidden, dtype=np.int64))]
    elif kind == "click":
        index = event.get("index")
        if not isinstance(index, int) or not 0 <= index < len(sent.order):
            return None
        rows = sent.order[[index]].astype(np.int64)
        if points.visible is not None and not points.visible[rows[0]]:
            return None
    else:
        return None
    if event.get("add") and points.selected is not None:
        before = np.array(points.selected, dtype=bool)
        before[rows] = False
        rows = np.concatenate([np.flatnonzero(before).astype(np.int64), rows])
    return MapEvent(rows, kind if len(rows) else "cleared")


def scatter_map(
    points: MapPoints,
    *,
    key: str,
    height: str = "560px",
    painter: str = "auto",
    on_look: Callable[[SeenMap], None] | None = None,
) -> None:
    """Draw a map; :func:`new_event` gives what the reader did on it.

    Parameters
    ----------
    key : str
        Unique on the page; also the CSS class ``st-key-<key>``.
    height : str
        CSS length.
    painter : {"auto", "gpu", "cpu"}
        What paints in the browser; by default WebGL where hardware draws it, else loops in
        JavaScript, which need neither WebGL nor a graphics card.
    on_look : callable, optional
        Called with what the reader sees, once it rests after a change.
    """
    data, sent = describe_map(points, key, lambda column, place: _serve(column, f"{key}-{place}"))
    digest = binary_columns.content_hash(_bundle())
    data |= {
        "draws": "map",
        "bundle": media.serve(_bundle(), "text/javascript", digest, "map-bundle"),
        "height": height,
        "marks": dataclasses.asdict(points.marks),
        "renderer": painter,
        "hover": points.hover is not None or points.thumbnail is not None,
    }
    st.session_state[f"{key}:drawn"] = _DrawnMap(points, sent)
    with st.container(key=key, gap=None):
        register_component("radioviz_map", __file__)(
            key=f"{key}_gl", data=data, on_event_change=_keep_value
        )
        if data["hover"]:
            _answer_hovering(key, data["bundle"], on_look)


def _keep_value() -> None:
    """Streamlit keeps the values of a component that names a callback; it need not do anything."""


@st.fragment
def _answer_hovering(key: str, bundle: str, on_look: Callable[[SeenMap], None] | None) -> None:
    """Text and picture of the point under the pointer; hovering and moving rerun this alone."""
    if on_look is not None and (seen := seen_map(key)) != SeenMap():
        on_look(seen)
    drawn: _DrawnMap | None = st.session_state.get(f"{key}:drawn")
    question = _sent_by_browser(f"{key}_hover", "ask")
    answer = None
    row = drawn.row(question) if drawn is not None and question is not None else None
    if drawn is not None and question is not None and row is not None:
        points = drawn.points
        answer = {
            "index": question["index"],
            "seen": question["seen"],
            "text": points.hover(row) if points.hover else "",
            "image": (points.thumbnail(row) if points.thumbnail else None) or "",
        }
    data = {"draws": "hover", "bundle": bundle, "channel": key, "answer": answer}
    register_component("radioviz_map_hover", __file__)(
        key=f"{key}_hover",
        data=data,
        height=0,
        on_ask_change=_keep_value,
        on_view_change=_keep_value,
    )
