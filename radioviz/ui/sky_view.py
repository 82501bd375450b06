"""The sky viewer, Aladin Lite: galaxies, contours and coverages over a survey or our own image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from radioviz.data.sky_viewer import PUBLIC, viewer_script
from radioviz.ui import state
from radioviz.ui.browser_component import register_component
from radioviz.ui.image.media import serve
from radioviz.ui.state import page_state

CREDIT = "Aladin Lite: Bonnarel et al. 2000, Boch & Fernique 2014, CDS."


@dataclass(frozen=True, eq=False)
class SkyLines:
    """Lines of one colour: ICRS positions in degrees, each ``(k, 2)``."""

    name: str
    colour: str
    lines: Sequence[np.ndarray]
    dashed: bool = False


@dataclass(frozen=True)
class SkyCoverageLayer:
    """A coverage map as the bytes of its FITS file."""

    name: str
    colour: str
    moc: bytes


@dataclass(frozen=True, eq=False)
class SkyScene:
    """What the viewer shows."""

    data_set: str
    # ids, places: the galaxies, and their ICRS positions in degrees, ``(n, 2)``
    ids: list[str]
    places: np.ndarray
    # Where the view goes to, ICRS in degrees; a reader who moved it stays until this changes.
    target: tuple[float, float]
    width: float  # of the first view in degrees
    focus: str = ""  # identifier of the galaxy in focus; empty without one
    survey: str = ""  # identifier of the HiPS below; empty for the radio image, or for none
    hips: str = ""  # address of the HiPS of the radio image; empty without one
    opacity: float = 0.0  # of the radio image over a survey, 0 to 1
    lines: Sequence[SkyLines] = field(default_factory=tuple)
    coverages: Sequence[SkyCoverageLayer] = field(default_factory=tuple)


@dataclass
class SkyViewState:
    """Whether this session loads the viewer from its public address."""

    public: bool = False


def viewer_is_here(key: str) -> bool:
    """Whether the viewer can be drawn; where it is missing, how to get it is shown."""
    held = page_state(SkyViewState)
    if viewer_script() is not None or held.public:
        return True
    st.info(
        "The viewer is Aladin Lite of the CDS, under the GPL-3, which is not part of RadioViz. "
        "Fetch it once by `radioviz sky-viewer`, which works offline then, or load it now "
        "from its public address.",
        icon=":material/travel_explore:",
    )
    if st.button("Load Aladin Lite from jsdelivr.net", key=f"{key}_public",
                 icon=":material/cloud_download:"):  # fmt: skip
        held.public = True
        st.rerun()
    return False


def draw_viewer(scene: SkyScene, key: str, height: str = "460px") -> None:
    """Draw the viewer (:func:`viewer_is_here` first); clicks and selections change the session's.

    ``key``: of the component; selections made in it have this origin. ``height``: in CSS.
    """
    script, address = viewer_script(), PUBLIC
    if script is not None:
        content = script.read_bytes()
        address = serve(content, "text/javascript", f"aladin-{len(content)}.js", key)
    known = {s: i for i, s in enumerate(scene.ids)}

    def picked() -> None:
        held = st.session_state.get(key) or {}
        value = (held.get("pick") if hasattr(held, "get") else None) or {}
        if value.get("kind") == "select":
            chosen = [(scene.data_set, str(s)) for s in value.get("ids", ()) if s in known]
            state.set_brush(chosen, key)
        elif str(value.get("id")) in known:
            state.set_focus(scene.data_set, str(value["id"]), key)

    rows = np.round(scene.places, 7).tolist()
    sources = [[*p, s] for p, s in zip(rows, scene.ids, strict=True)]
    lines = [
        {
            "name": part.name, "color": part.colour, "dash": part.dashed,
            "lines": [np.round(line, 7).tolist() for line in part.lines],
        }
        for part in scene.lines
    ]  # fmt: skip
    brush = state.brush().groups().get(scene.data_set, [])
    register_component("radioviz_sky", __file__)(
        key=key,
        data={
            "script": address, "local": script is not None, "height": height,
            "target": [round(v, 7) for v in scene.target], "field": scene.width,
            "survey": scene.survey, "hips": scene.hips, "opacity": scene.opacity,
            "dataSet": scene.data_set,
            "focus": scene.focus, "chosen": [known[s] for s in brush if s in known],
            "sources": _served(sources, f"{key}-sources"), "lines": _served(lines, f"{key}-lines"),
            "coverages": [
                {
                    "name": c.name, "color": c.colour,
                    "moc": serve(c.moc, "application/fits", _digest(c.moc), f"{key}-moc-{i}"),
                }
                for i, c in enumerate(scene.coverages)
            ],
        },
        on_pick_change=picked,
    )  # fmt: skip


def _served(content: list[Any], place: str) -> str:
    """Address of a list as JSON; empty for an empty one."""
    if not content:
        return ""
    packed = json.dumps(content, separators=(",", ":")).encode()
    return serve(packed, "application/json", _digest(packed), place)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]
