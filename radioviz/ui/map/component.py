"""The map for many points as a Streamlit component; drawn by the bundle built from ``frontend``.

Columns travel beside the app's messages: Streamlit's media files serve them under the hash of
their content, and the page fetches each once. What a rerun sends is a description of about
2 kB, and nothing when nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from radioviz.ui.image import media
from radioviz.ui.map import binary_columns as columns
from radioviz.ui.map.binary_columns import Coloured, Column, Positions
from radioviz.ui.map.colouring import Colour
from radioviz.ui.map.polygon import inside
from radioviz.ui.map.view import MapEvent, MapPoints
from radioviz.ui.palette import CONTINUOUS, MISSING_COLOUR

BUNDLE = Path(__file__).parent / "map.js"

# A picture of a point for hovering: an address or data URI, None for none.
Thumbnail = Callable[[int], str | None]

_STORE = columns.Store()

# Streamlit hands inline scripts to the browser with every change of data, so this one only
# loads the bundle, which is served once under the hash of its content.
_STUB = (
    media.BASE_JS
    + """
export default async (component) =>
  (await import(address(component.data.bundle))).%s(component);
"""
)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """What a session's map shows, to make sense of what is done on it."""

    points: MapPoints
    sent: Positions
    thumbnail: Thumbnail | None


@cache
def _components() -> tuple[Any, Any]:
    """The map, and the component without looks that answers hovering."""
    return (
        st.components.v2.component("radioviz_map", js=_STUB % "map"),
        st.components.v2.component("radioviz_map_hover", js=_STUB % "hover"),
    )


@cache
def _bundle() -> bytes:
    return BUNDLE.read_bytes()


def _sent_column(column: Column, place: str) -> dict[str, str]:
    # Compressed files are passed on as they are; others would be packed anew at every request.
    url = media.serve(column.data, "application/gzip", column.digest, f"map-{place}")
    return {"url": url, "hash": column.digest}


def new_event(key: str) -> MapEvent | None:
    """See :func:`radioviz.ui.map.view.new_event`."""
    drawn = st.session_state.get(f"{key}:webgl")
    value = st.session_state.get(f"{key}_gl")
    event = value.get("event") if isinstance(value, Mapping) else None
    if not isinstance(drawn, _Drawn) or not isinstance(event, Mapping):
        return None
    if event.get("stamp") == st.session_state.get(f"{key}:webgl_seen"):
        return None
    st.session_state[f"{key}:webgl_seen"] = event.get("stamp")
    # The outline of another layout means nothing on this one.
    if event.get("seen") != drawn.sent.coarse.digest:
        return None
    return read_event(event, drawn.points, drawn.sent)


def read_event(event: Mapping[str, Any], points: MapPoints, sent: Positions) -> MapEvent | None:
    """Rows that an event of the browser means; None for one that means nothing.

    Shift adds: the rows are then what was selected before and what is new, the new ones last.
    """
    kind = event.get("kind")
    none = np.zeros(0, dtype=np.int64)
    if kind == "cleared":
        return MapEvent(none, "cleared")
    if kind in ("lasso", "box"):
        try:
            corners = np.asarray(event.get("polygon"), dtype=np.float64).reshape(-1, 2)
        except (TypeError, ValueError):
            return None
        rows = inside(points.x, points.y, corners)
        hidden = event.get("hidden")
        if hidden and points.colour.codes is not None:
            rows = rows[~np.isin(points.colour.codes[rows], np.asarray(hidden, dtype=np.int64))]
    elif kind == "click":
        index = event.get("index")
        if not isinstance(index, int) or not 0 <= index < len(sent.order):
            return None
        rows = sent.order[[index]].astype(np.int64)
    else:
        return None
    if event.get("add") and points.selected is not None:
        before = np.array(points.selected, dtype=bool)
        before[rows] = False
        rows = np.concatenate([np.flatnonzero(before).astype(np.int64), rows])
    return MapEvent(rows, kind if len(rows) else "cleared")


def draw(
    points: MapPoints,
    *,
    key: str,
    height: int,
    thumbnail: Thumbnail | None = None,
    renderer: str = "auto",
) -> None:
    """Draw a map; see :func:`radioviz.ui.map.view.scatter_map`.

    Parameters
    ----------
    thumbnail : callable or None
        Picture of a row for hovering.
    renderer : {"auto", "gpu", "cpu"}
        What paints in the browser; by default WebGL where hardware draws it.
    """
    mount, _ = _components()
    data, sent = describe(points, key, lambda c, place: _sent_column(c, f"{key}-{place}"))
    bundle = _bundle()
    data["bundle"] = media.serve(bundle, "text/javascript", columns.digest(bundle), "map-bundle")
    data |= {
        "height": height,
        "renderer": renderer,
        "hover": bool(len(points.hover)) or thumbnail is not None,
    }
    st.session_state[f"{key}:webgl"] = _Drawn(points, sent, thumbnail)
    with st.container(key=key, gap=None):
        mount(key=f"{key}_gl", data=data, height=height, on_event_change=_noted)
        if data["hover"]:
            _answers(key, data["bundle"])


def _noted() -> None:
    """Streamlit keeps the values of a component that names a callback; it need not do anything."""


@st.fragment
def _answers(key: str, bundle: str) -> None:
    """Text and picture of the point under the pointer; hovering runs this alone."""
    _, mount = _components()
    drawn = st.session_state.get(f"{key}:webgl")
    value = st.session_state.get(f"{key}_hover")
    question = value.get("ask") if isinstance(value, Mapping) else None
    answer = None
    if isinstance(drawn, _Drawn) and isinstance(question, Mapping):
        answer = _answer(drawn, question)
    data = {"channel": key, "bundle": bundle, "answer": answer}
    mount(key=f"{key}_hover", data=data, height=0, on_ask_change=_noted)


def _answer(drawn: _Drawn, question: Mapping[str, Any]) -> dict[str, Any] | None:
    index = question.get("index")
    if question.get("seen") != drawn.sent.coarse.digest or not isinstance(index, int):
        return None
    if not 0 <= index < len(drawn.sent.order):
        return None
    row = int(drawn.sent.order[index])
    return {
        "index": index,
        "seen": drawn.sent.coarse.digest,
        "text": drawn.points.hover[row] if len(drawn.points.hover) else "",
        "image": (drawn.thumbnail(row) if drawn.thumbnail else None) or "",
    }


def describe(
    points: MapPoints, channel: str, serve: Callable[[Column, str], dict[str, str]]
) -> tuple[dict[str, Any], Positions]:
    """What the browser is told of a map (``MapData`` in ``frontend/src/types.ts``).

    Parameters
    ----------
    serve : callable
        Makes an address of a column, given its part in the map.
    """
    names = points.group_names
    group = points.group if len(names) > 1 else None
    base = columns.digest(points.x, points.y, group, str(len(names)))
    sent = _STORE.get(
        f"positions {base}", lambda: columns.positions(points.x, points.y, group, len(names))
    )
    coloured = _colour(points.colour, sent, base)
    selected = None
    if points.selected is not None:
        mask = np.asarray(points.selected, dtype=bool)
        packed = _STORE.get(
            f"bits {columns.digest(mask)} {base}", lambda: columns.bits(mask, sent.order)
        )
        selected = serve(packed, "selected") | {"count": int(mask.sum())}
    focus = None
    if points.focus is not None and (place := sent.place_of(points.focus)) >= 0:
        row = int(sent.order[place])
        x0, x1, y0, y1 = sent.bounds
        focus = [
            (float(points.x[row]) - x0) / (x1 - x0) * 65536,
            (float(points.y[row]) - y0) / (y1 - y0) * 65536,
        ]
    notes = []
    if sent.left_out:
        notes.append(f"{sent.left_out:,} of {len(points):,} points have no position: not drawn.")
    if len(sent.order) > 1 and sent.single:
        notes.append(f"All {len(sent.order):,} points lie in one place.")
    data = {
        "n": len(sent.order),
        "coarse": serve(sent.coarse, "coarse"),
        "fine": serve(sent.fine, "fine"),
        "bounds": sent.bounds,
        "extent": sent.extent,
        "codes": serve(coloured.column, "codes"),
        "colour": coloured.description,
        "groups": [
            {"name": name, "start": start, "end": end}
            for name, (start, end) in zip(names, sent.ends, strict=False)
        ],
        "selected": selected,
        "focus": focus,
        "titles": {"x": points.x_title, "y": points.y_title},
        "description": points.description,
        "channel": channel,
        "notes": notes,
    }
    return data, sent


def _colour(colour: Colour, sent: Positions, base: str) -> Coloured:
    """Legend or colour bar, and the code of every point."""
    held = colour.codes if colour.codes is not None else colour.values
    about = repr((colour.title, colour.log, colour.names, colour.colours))
    key = f"colour {columns.digest(None if held is None else np.asarray(held), about)} {base}"
    make = _categories if colour.codes is not None else _scale
    return _STORE.get(key, lambda: make(colour, sent))


def _categories(colour: Colour, sent: Positions) -> Coloured:
    numbers = np.asarray(colour.codes)
    shown = np.clip(numbers[sent.order], 0, columns.MOST_CATEGORIES)
    description = {
        "kind": "categories",
        "title": colour.title,
        "names": list(colour.names),
        "colours": list(colour.colours),
        "counts": np.bincount(shown, minlength=len(colour.names)).tolist(),
    }
    return Coloured(columns.categories(numbers, sent.order), description)


def _scale(colour: Colour, sent: Positions) -> Coloured:
    from radioviz.ui.map.plotly_map import continuous_scale

    values = np.asarray(colour.values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.log10(values) if colour.log else values
    known = np.isfinite(drawn)
    scale = continuous_scale(colour, values[known])
    low, high = scale["cmin"], scale["cmax"]
    bar = scale.get("colorbar", {})
    description = {
        "kind": "continuous",
        "title": f"{colour.title}, log scale" if colour.log else colour.title,
        "colours": _ramp(),
        "low": low,
        "high": high,
        "ticks": [
            [(value - low) / (high - low), text]
            for value, text in zip(bar.get("tickvals", []), bar.get("ticktext", []), strict=True)
        ],
        "missing": int(len(sent.order) - np.count_nonzero(known[sent.order])),
        "known": bool(known.any()),
    }
    return Coloured(columns.scaled(drawn, low, high, sent.order), description)


@cache
def _ramp() -> list[str]:
    """Colour of no value, then 255 colours from low to high."""
    from plotly.colors import sample_colorscale

    colours = sample_colorscale(list(CONTINUOUS), 255, colortype="tuple")
    return [
        MISSING_COLOUR,
        *("#" + "".join(f"{round(255 * part):02x}" for part in rgb) for rgb in colours),
    ]
