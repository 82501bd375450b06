"""Grid walk: the plane as one picture, the real galaxies on it, a property overlaid."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from radioviz.atlas import latent_plane
from radioviz.morphology import described
from radioviz.ui import cache, class_probabilities, controls, synthetic
from radioviz.ui.charts.scales import log_ticks, round_ticks
from radioviz.ui.class_probabilities import BATCH
from radioviz.ui.controls import View, linked_select
from radioviz.ui.in_line import in_line
from radioviz.ui.map import colouring
from radioviz.ui.map.colouring import Choice, Colour
from radioviz.ui.map.hover_text import hover_text
from radioviz.ui.pages.grid_walk import plane_component
from radioviz.ui.pages.grid_walk.plane_component import MAX_DOTS, Contour, Dots, Picked
from radioviz.ui.pages.grid_walk.state import (
    Point,
    Walk,
    end_points,
    set_end,
    walk_state,
    walk_to_galaxy,
)
from radioviz.ui.palette import CONTINUOUS, MISSING_COLOUR

NOTHING = "nothing"
CONTOURS, COLOURS = "contours", "colours"
FRII = "class:"  # and the name of a classifier
_SIZES = (10, 20, 40, 60, 80, 120, 160, 200)  # arcsec
_PROBABILITIES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, eq=False)
class Overlay:
    """A property of the decoded images over the plane: contours or a tint, and its legend."""

    contours: list[Contour] = field(default_factory=list)
    tint: bytes | None = None
    note: str = ""
    bar: str = ""  # HTML


def overlay_controls(walk: Walk) -> tuple[Choice | None, str, str]:
    """Draw the controls: colour of the dots, the overlaid property, and how it is drawn."""
    with st.container(key="walk_marks"):
        columns = st.columns([1.3, 1.6, 1], vertical_alignment="bottom")
        choice = None
        if walk.layers:
            first = next(iter(walk.layers.values()))
            found = {
                c.key: c
                for c in colouring.colour_choices(
                    first.table, first.scores, 0, first.described,
                    columns=described(first.catalogue),
                )
                if c.key != colouring.LATENT
            }  # fmt: skip
            with columns[0]:
                key = linked_select(
                    "Colour galaxies by",
                    {k: c.text for k, c in found.items()},
                    "walk_colour",
                    "colour",
                    "label" if "label" in found else None,
                )
            choice = found[key]
        overlays = {
            NOTHING: "None",
            "las": "Angular size, measured [arcsec]",
            "flux": "Flux over peak [beams]",
            **{
                f"{FRII}{name}": f"P(FRII) by {info.title}"
                for name, info in cache.classifiers().items()
            },
        }
        with columns[1]:
            overlay = linked_select(
                "Overlay (from the decoded images)", overlays, "walk_overlay", "overlay"
            )
        with columns[2]:
            shown_as = linked_select(
                "Overlay as", {c: c for c in (CONTOURS, COLOURS)}, "walk_overlay_as", "overlay_as",
                disabled=overlay == NOTHING,
            )  # fmt: skip
    return choice, overlay, shown_as


def plane_panel(walk: Walk, view: View, point: Point) -> None:
    """The picture, dots over it, overlay and legends."""
    choice, name, shown_as = overlay_controls(walk)
    images = cache.plane_images(walk.info.name, walk.plane, walk.conditions)
    overlay = Overlay()
    with controls.show_errors():
        if name != NOTHING:
            overlay = overlay_of(walk, name, shown_as, images)
    dots, colour, outside, left_out = dots_of(walk, choice)
    if colour is not None:
        st.html(legend_html(colour, dots))
    plane_component.draw_latent_plane(
        cache.plane_png(walk.info.name, walk.plane, walk.conditions, view.style),
        walk.plane,
        key="walk_plane",
        label=f"{walk.plane.side} by {walk.plane.side} images decoded by {walk.info.title}; "
        "move with the arrow keys",
        here=point.place,
        ends=[p.place if p else None for p in end_points(walk)],
        dots=dots,
        focus=point.galaxy,
        contours=overlay.contours,
        tint=overlay.tint,
        on_pick=lambda event: picked(event, point),
    )
    if overlay.bar:
        st.html(overlay.bar)
    notes = [overlay.note] if overlay.note else []
    if outside:
        notes.append(f"{controls.galaxies_text(outside)} beyond the plotted range")
    if left_out:
        notes.append(f"{MAX_DOTS:,} of {MAX_DOTS + left_out:,} galaxies drawn, at random")
    if walk.info.latent_dim > 2 and len(dots):
        notes.append(
            f"the plane covers 2 of {walk.info.latent_dim} dimensions: galaxies are projected "
            f"onto it, from a median distance of {median_distance(walk):.2g}"
        )
    if walk.info.draws_detail:
        notes.append("cells show the mean image, the picture beside them adds random detail")
    text = "; ".join(notes)
    st.caption(
        (controls.escape(f"{text[:1].upper()}{text[1:]}. ") if text else "")
        + "Click a cell or a galaxy, or move with the arrow keys. Shift-click to draw a path to "
        "that cell."
    )


def picked(event: Picked, now: Point) -> None:
    """Look at what was clicked; with Shift, draw a path to it, by default from where one was."""
    held = walk_state()
    held.galaxy = event.galaxy
    if event.place is not None:
        st.session_state["walk_a"], st.session_state["walk_b"] = event.place
    if event.galaxy is not None:
        walk_to_galaxy(event.galaxy)
    if event.extend:
        if held.ends[0] is None:
            set_end(0, now)
        held.ends[1] = event.galaxy or event.place


def overlay_of(walk: Walk, name: str, shown_as: str, images: np.ndarray) -> Overlay:
    """Measure an overlay in the decoded images and draw it."""
    values, title, levels = field_of(walk, name, images)
    grid = values.reshape(walk.plane.side, walk.plane.side)
    if shown_as == CONTOURS:
        return Overlay(contours_of(grid, levels, walk), note=f"Contours: {title}")
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if name.startswith(FRII):
        low, high = 0.0, 1.0
    log = low > 0
    if log:
        tint = synthetic.tint_png(np.log10(grid), np.log10(low), np.log10(high), CONTINUOUS)
    else:
        tint = synthetic.tint_png(grid, low, high, CONTINUOUS)
    return Overlay(tint=tint, bar=bar_html(title, low, high, log))


def field_of(walk: Walk, overlay: str, images: np.ndarray) -> tuple[np.ndarray, str, Any]:
    """Values of an overlay ``(n,)``, its title, and the levels to draw."""
    if overlay.startswith(FRII):
        name = overlay.removeprefix(FRII)
        title, slices = f"Classifying {len(images):,} decoded images", -(-len(images) // BATCH)
        with in_line(title, slices, "walk_classify", walk.plane.digest) as progress:
            probability = class_probabilities.probability_of(name, images, "FRII", progress)
        return probability, f"P(FRII) by {cache.models()[name].title}", _PROBABILITIES
    table = cache.plane_properties(walk.info.name, walk.plane, walk.conditions)
    if overlay == "las":
        sizes = table["las_measured"].to_numpy(float)
        return sizes, "Largest angular size measured [arcsec]", _SIZES
    values = table["flux_over_peak"].to_numpy(float)
    known = values[np.isfinite(values) & (values > 0)]
    levels = log_ticks(known.min(), known.max()) if len(known) else np.array([])
    return values, "Integrated flux over peak brightness [beams]", levels


def contours_of(grid: np.ndarray, levels: Any, walk: Walk) -> list[Contour]:
    """Contours of a field on the plane, each level in a colour of the scale."""
    known = grid[np.isfinite(grid)]
    if not len(known):
        return []
    used = [float(v) for v in levels if known.min() < v < known.max()]
    low, step = walk.plane.values[0], walk.plane.step
    out = []
    for i, level in enumerate(used):
        at = round((0.25 + 0.75 * i / max(1, len(used) - 1)) * (len(CONTINUOUS) - 1))
        segments = low + latent_plane.contour(grid, level) * step
        out.append(Contour(segments, f"{level:g}", CONTINUOUS[at]))
    return out


def dots_of(walk: Walk, choice: Choice | None) -> tuple[Dots, Colour | None, int, int]:
    """Dots of the galaxies, their colours, how many lie outside, how many are left out."""
    if choice is None or not walk.layers:
        return Dots([], np.zeros((0, 2)), np.zeros(0, int), [], []), None, 0, 0
    colours, places, pairs, text = [], [], [], []
    for key, located in walk.layers.items():
        rows, latents = walk.rows_of(key), walk.latents_of(key)
        table = located.table.iloc[rows]
        colours.append(colouring.colour_by(choice, table, located.scores.iloc[rows], latents))
        places.append(walk.plane.place(latents)[0])
        pairs += [(key, str(located.atlas.source_ids[i])) for i in rows]
        several = f"\n{located.catalogue.info.title}" if len(walk.layers) > 1 else ""
        text += [line + several for line in hover_text(table)]
    colour = colouring.join_colours(colours)
    where = np.concatenate(places)
    codes, palette = _codes(colour)
    edge = walk.plane.values[-1] + walk.plane.step / 2
    inside = np.flatnonzero((np.abs(where) <= edge).all(axis=1))
    outside = len(where) - len(inside)
    left_out = max(0, len(inside) - MAX_DOTS)
    if left_out:
        inside = np.sort(np.random.default_rng(0).permutation(inside)[:MAX_DOTS])
    dots = Dots(
        [pairs[i] for i in inside], where[inside], codes[inside], palette, [text[i] for i in inside]
    )
    return dots, colour, outside, left_out


def _codes(colour: Colour) -> tuple[np.ndarray, list[str]]:
    """Palette index of each galaxy: its class, or a step of the colour scale."""
    if colour.codes is not None:
        return np.asarray(colour.codes, int), list(colour.colours)
    values = np.asarray(colour.values, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.log10(values) if colour.log else values
    known = np.isfinite(drawn)
    codes = np.zeros(len(values), int)
    if known.any():
        low, high = np.percentile(drawn[known], [0.5, 99.5])
        at = np.clip((drawn[known] - low) / ((high - low) or 1.0), 0, 1)
        codes[known] = 1 + np.rint(at * (len(CONTINUOUS) - 1)).astype(int)
    return codes, [MISSING_COLOUR, *CONTINUOUS]


def legend_html(colour: Colour, dots: Dots) -> str:
    """Classes with their colours and counts, or a colour bar."""
    if colour.codes is None:
        values = np.asarray(colour.values, float)
        known = values[np.isfinite(values) & ((values > 0) if colour.log else True)]
        if not len(known):
            return f"<div>{html.escape(colour.title)}: no value</div>"
        low, high = np.percentile(known, [0.5, 99.5])
        return bar_html(colour.title, float(low), float(high), colour.log)
    counts = np.bincount(dots.codes, minlength=len(colour.names))
    chips = "".join(
        '<span style="display:inline-flex;align-items:center;margin-right:1em">'
        f'<span style="width:10px;height:10px;border-radius:50%;background:{c};'
        f'margin-right:5px"></span>{html.escape(name or "no class")} {n:,}</span>'
        for name, c, n in zip(colour.names, colour.colours, counts, strict=True)
        if n
    )
    return f'<div style="font-size:.85rem">{chips}</div>'


def bar_html(title: str, low: float, high: float, log: bool) -> str:
    """A colour bar with round numbers."""
    ticks = log_ticks(low, high) if log else round_ticks(low, high)
    at = (
        (np.log10(ticks) - np.log10(low)) / (np.log10(high / low) or 1.0)
        if log
        else (ticks - low) / ((high - low) or 1.0)
    )
    marked = "".join(
        f'<span style="position:absolute;left:{100 * p:.1f}%;transform:translateX(-50%)">'
        f"{t:.3g}</span>"
        for t, p in zip(ticks, at, strict=True)
        if -0.001 <= p <= 1.001
    )
    return (
        '<div style="font-size:.8rem;max-width:34rem;padding:0 1.2em">'
        f'<div style="opacity:.8">{html.escape(title)}{", log scale" if log else ""}</div>'
        f'<div style="height:9px;border-radius:4px;margin:3px 0;'
        f'background:linear-gradient(to right,{",".join(CONTINUOUS)})"></div>'
        f'<div style="position:relative;height:1.3em;opacity:.8">{marked}</div></div>'
    )


def median_distance(walk: Walk) -> float:
    """Median distance of the galaxies shown from the plane, in latent units."""
    distances = [walk.plane.place(walk.latents_of(key))[1] for key in walk.layers]
    return float(np.median(np.concatenate(distances)))
