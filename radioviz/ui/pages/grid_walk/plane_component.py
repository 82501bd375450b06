"""The latent plane in the browser: one picture with dots over it that reports clicks.

Plotly has no selection on heatmaps and images, so the plane is a component of its own. The picture
and the galaxies are files served under the hash of their content and fetched once; a click sends a
few numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from radioviz.atlas.latent_plane import Plane
from radioviz.ui.browser_component import register_component
from radioviz.ui.image import media
from radioviz.ui.pages.grid_walk.state import Pair, Place, walk_state

MAX_DOTS = 5000


@dataclass(frozen=True, eq=False)
class Dots:
    """Real galaxies on a plane."""

    pairs: list[Pair]  # ``(data set, source_id)``
    places: np.ndarray  # shape ``(n, 2)``, in the plane's coordinates
    codes: np.ndarray  # index into ``palette``, shape ``(n,)``
    palette: list[str]  # ``#rrggbb``
    text: list[str]  # tooltips

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class Contour:
    """One level: ``segments`` ``(s, 2, 2)`` in the plane's coordinates, a label, a colour."""

    segments: np.ndarray = field(repr=False)
    text: str
    colour: str


@dataclass(frozen=True)
class Picked:
    """What the reader clicked: a place ``(a, b)``, or a galaxy; ``extend`` with Shift held."""

    place: Place | None
    galaxy: Pair | None
    extend: bool


def draw_latent_plane(
    image: bytes,
    plane: Plane,
    *,
    key: str,
    label: str,
    here: Place,
    ends: Sequence[Place | None] = (None, None),
    dots: Dots | None = None,
    focus: Pair | None = None,
    contours: Sequence[Contour] = (),
    tint: bytes | None = None,
    on_pick: Callable[[Picked], None],
) -> None:
    """Draw the plane.

    ``image``: PNG of the cells of the plane, highest ``b`` on top; ``here``: the place looked at;
    ``ends``: start and end of a path; ``tint``: PNG drawn half transparent over the picture;
    ``on_pick``: called before the next run with what was clicked, or reached with the arrow keys.
    """
    half, step = plane.side // 2, plane.step
    edge = half * step + step / 2
    held = walk_state()
    held.dots, url = ("", []), None
    if dots is not None and len(dots):
        payload = _dots_file(dots, focus)
        digest = hashlib.sha256(payload).hexdigest()[:32]
        url = media.serve(payload, "application/json", digest, f"plane-dots-{key}")
        held.dots = (digest, dots.pairs)
    every = max(1, round(half / 5))
    data = {
        "image": _served(image, key, "image"),
        "tint": _served(tint, key, "tint") if tint else None,
        "extent": [-edge, edge],
        "half": half,
        "step": step,
        "digits": max(0, min(4, len(f"{step:.4f}".rstrip("0").split(".")[1]))),
        "ticks": [
            (n * step, f"{n * step:.4g}".replace("-", "−"))
            for n in range(-half, half + 1)
            if n % every == 0
        ],
        "titles": list(plane.titles),
        "short": [t.split(" ")[0] for t in plane.titles],
        "label": label,
        "here": list(here),
        "ends": [list(e) if e else None for e in ends],
        "points": url,
        "digest": held.dots[0],
        "contours": _contours(contours, edge),
    }

    def picked() -> None:
        value = (st.session_state.get(key) or {}).get("pick")
        event = read_event(value, *walk_state().dots)
        if event is not None:
            on_pick(event)

    register_component("radioviz_plane", __file__)(key=key, data=data, on_pick_change=picked)


def read_event(value: Any, digest: str, pairs: Sequence[Pair]) -> Picked | None:
    """A message of the browser; None where it is malformed, or of dots no longer shown."""
    if not isinstance(value, Mapping):
        return None
    extend = value.get("add") is True
    if value.get("kind") == "galaxy":
        index = value.get("index")
        if value.get("seen") != digest or not isinstance(index, int | float):
            return None
        at = int(index)
        return Picked(None, pairs[at], extend) if 0 <= at < len(pairs) else None
    try:
        place = float(value["a"]), float(value["b"])
    except (KeyError, TypeError, ValueError):
        return None
    return Picked(place, None, extend) if np.isfinite(place).all() else None


def _served(payload: bytes, key: str, part: str) -> str:
    digest = hashlib.sha256(payload).hexdigest()[:32]
    return media.serve(payload, "image/png", digest, f"plane-{part}-{key}")


def _dots_file(dots: Dots, focus: Pair | None) -> bytes:
    at = dots.pairs.index(focus) if focus in dots.pairs else -1
    content = {
        "x": np.round(dots.places[:, 0].astype(float), 4).tolist(),
        "y": np.round(dots.places[:, 1].astype(float), 4).tolist(),
        "c": dots.codes.tolist(),
        "t": dots.text,
        "palette": dots.palette,
        "focus": at,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _contours(contours: Sequence[Contour], edge: float) -> list[dict[str, Any]]:
    """Levels as SVG paths in thousandths of the plane, each with a place for its label.

    A label goes where it is farthest from the labels before it and from the edge.
    """
    out: list[dict[str, Any]] = []
    labels = np.zeros((0, 2))
    for contour in contours:
        x = (contour.segments[..., 0] + edge) / (2 * edge) * 1000
        y = (edge - contour.segments[..., 1]) / (2 * edge) * 1000
        path = "".join(
            f"M{x[i, 0]:.1f} {y[i, 0]:.1f}L{x[i, 1]:.1f} {y[i, 1]:.1f}" for i in range(len(x))
        )
        middles = np.stack([x.mean(axis=1), y.mean(axis=1)], axis=1)
        at = None
        if len(middles):
            gap = np.minimum(middles, 1000 - middles).min(axis=1) * 4
            if len(labels):
                away = np.linalg.norm(middles[:, None] - labels, axis=2).min(axis=1)
                gap = np.minimum(gap, away)
            best = middles[int(gap.argmax())]
            labels = np.vstack([labels, best])
            at = [round(float(v), 1) for v in best]
        out.append({"path": path, "text": contour.text, "colour": contour.colour, "at": at})
    return out
