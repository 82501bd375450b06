"""Grid walk: the plane as one picture, the real galaxies on it, a property laid over it."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import streamlit as st

from radioviz.ui import cache, controls, synthetic, url_state, verdicts
from radioviz.ui.charts.scales import log_ticks, round_ticks
from radioviz.ui.controls import View
from radioviz.ui.map import colouring
from radioviz.ui.map.colouring import Choice, Colour
from radioviz.ui.map.hover import hover_text
from radioviz.ui.pages.grid_walk import grid_state, latent_plane, plane_component
from radioviz.ui.pages.grid_walk.grid_state import Point, Walk
from radioviz.ui.pages.grid_walk.plane_component import MOST_POINTS, Contour, Dots
from radioviz.ui.palette import CONTINUOUS, MISSING_COLOUR

NOTHING = "nothing"
CONTOURS, COLOURS = "contours", "colours"
_SIZES = (10, 20, 40, 60, 80, 120, 160, 200)  # arcsec
_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


def marks(walk: Walk) -> tuple[Choice | None, str, str]:
    """Controls of what is laid over the plane: colour of the dots, a property, and how."""
    with st.container(key="walk_marks"):
        columns = st.columns([1.3, 1.6, 1], vertical_alignment="bottom")
        choice = None
        if walk.layers:
            first = next(iter(walk.layers.values()))
            found = {
                c.key: c
                for c in colouring.colour_choices(first.table, first.scores, 0, first.described)
                if c.key != colouring.LATENT
            }
            with columns[0]:
                start = "label" if "label" in found else next(iter(found))
                url_state.linked_choice("walk_colour", "colour", list(found), start)
                key = st.selectbox(
                    "Galaxies coloured by",
                    list(found),
                    format_func=lambda k: found[k].text,
                    key="walk_colour",
                    persist_state="session",
                )
            choice = found[str(key)]
        overlays = {
            NOTHING: "nothing",
            "las": "Angular size, measured [arcsec]",
            "flux": "Flux over peak [beams]",
        }
        overlays |= {
            f"class:{name}": f"FRII probability, {info.title}"
            for name, info in cache.classifiers().items()
        }
        with columns[1]:
            url_state.linked_choice("walk_overlay", "overlay", list(overlays), NOTHING)
            overlay = st.selectbox(
                "Overlay, of the decoded images",
                list(overlays),
                format_func=overlays.__getitem__,
                key="walk_overlay",
                persist_state="session",
            )
        with columns[2]:
            url_state.linked_choice("walk_overlay_as", "overlay_as", (CONTOURS, COLOURS), CONTOURS)
            shown = st.selectbox(
                "Overlay as",
                [CONTOURS, COLOURS],
                key="walk_overlay_as",
                disabled=overlay == NOTHING,
                persist_state="session",
            )
    return choice, str(overlay), str(shown or CONTOURS)


def plane(walk: Walk, view: View, point: Point) -> None:
    """The picture, dots over it, overlay and legends."""
    choice, overlay, shown_as = marks(walk)
    with st.spinner("Decoding the plane …"):
        images = cache.plane_images(walk.info.name, walk.plane, walk.conditions)
    side = walk.plane.side
    contours: list[Contour] = []
    tint, legend = None, ""
    with controls.show_errors():
        if overlay != NOTHING:
            with st.spinner(f"Measuring {len(images):,} decoded images …"):
                values, title, ticks = field_of(walk, overlay, images)
            grid = values.reshape(side, side)
            if shown_as == CONTOURS:
                contours = lines(grid, ticks, walk)
                legend = f"Contours: {title}"
            else:
                known = values[np.isfinite(values)]
                low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
                log = not overlay.startswith("class:") and low > 0
                if overlay.startswith("class:"):
                    low, high = 0.0, 1.0
                use = np.log10(grid) if log else grid
                first, last = (np.log10(low), np.log10(high)) if log else (low, high)
                tint = synthetic.tint_png(use, first, last, CONTINUOUS)
                legend = bar_html(title, low, high, log)
    dots, colour, outside, left_out = dots_of(walk, choice)
    if colour is not None:
        st.html(legend_html(colour, dots))
    ends_now = [p.place if p else None for p in grid_state.end_points(walk)]
    plane_component.draw(
        cache.plane_png(walk.info.name, walk.plane, walk.conditions, view.style),
        key="walk_plane",
        reach=walk.plane.reach,
        step=walk.plane.step,
        side=side,
        titles=walk.plane.titles,
        label=f"{side} by {side} images decoded by {walk.info.title}; arrow keys move",
        here=point.place,
        ends=ends_now,
        dots=dots,
        focus=point.galaxy,
        contours=contours,
        tint=tint,
        on_pick=lambda event: grid_state.picked(event, point),
    )
    if legend.startswith("<"):
        st.html(legend)
    notes = [legend] if legend and not legend.startswith("<") else []
    if outside:
        notes.append(f"{controls.galaxies_text(outside)} beyond the range")
    if left_out:
        notes.append(f"{MOST_POINTS:,} of {MOST_POINTS + left_out:,} galaxies drawn, at random")
    if walk.info.latent_dim > 2 and len(dots):
        notes.append(
            f"the plane is 2 of {walk.info.latent_dim} dimensions: galaxies are shown at the "
            f"foot of their perpendicular, at a median distance of {off_plane(walk):.2g}"
        )
    if walk.info.draws_detail:
        notes.append("cells show the mean image, the picture beside them the detail drawn on it")
    told = "; ".join(notes)
    st.caption(
        (controls.escape(f"{told[:1].upper()}{told[1:]}. ") if told else "")
        + "Click a cell or a galaxy; arrow keys step; Shift and click lead a path there."
    )


def field_of(walk: Walk, overlay: str, images: np.ndarray) -> tuple[np.ndarray, str, Any]:
    """Values of an overlay ``(n,)``, its title, and the levels to draw."""
    if overlay.startswith("class:"):
        name = overlay.removeprefix("class:")
        share = verdicts.share_of(name, images, "FRII")
        return share, f"FRII probability by {cache.models()[name].title}", _SHARES
    table = cache.plane_properties(walk.info.name, walk.plane, walk.conditions)
    if overlay == "las":
        sizes = table["las_measured"].to_numpy(float)
        return sizes, "Largest angular size measured [arcsec]", _SIZES
    values = table["flux_over_peak"].to_numpy(float)
    known = values[np.isfinite(values) & (values > 0)]
    levels = log_ticks(known.min(), known.max()) if len(known) else np.array([])
    return values, "Integrated flux over peak brightness [beams]", levels


def lines(grid: np.ndarray, levels: Any, walk: Walk) -> list[Contour]:
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
    """Galaxies on the plane, their colours, how many lie outside, how many were left out."""
    if choice is None or not walk.layers:
        return Dots([], np.zeros((0, 2)), np.zeros(0, int), [], []), None, 0, 0
    chosen = {key: walk.rows_of(key) for key in walk.layers}
    colour = colouring.join_colours(
        [
            colouring.colour_by(
                choice,
                located.table.iloc[chosen[key]],
                located.scores.iloc[chosen[key]],
                np.asarray(located.atlas.latents[chosen[key]]),
            )
            for key, located in walk.layers.items()
        ]
    )
    places, pairs, text = [], [], []
    for key, located in walk.layers.items():
        rows = chosen[key]
        places.append(walk.plane.place(np.asarray(located.atlas.latents[rows]))[0])
        pairs += [(key, str(located.atlas.source_ids[i])) for i in rows]
        several = f"\n{located.catalogue.info.title}" if len(walk.layers) > 1 else ""
        text += [line + several for line in hover_text(located.table.iloc[rows])]
    where = np.concatenate(places)
    codes, palette = _codes(colour)
    edge = walk.plane.values[-1] + walk.plane.step / 2
    inside = np.flatnonzero((np.abs(where) <= edge).all(axis=1))
    outside = len(where) - len(inside)
    left_out = max(0, len(inside) - MOST_POINTS)
    if left_out:
        inside = np.sort(np.random.default_rng(0).permutation(inside)[:MOST_POINTS])
    dots = Dots(
        [pairs[i] for i in inside], where[inside], codes[inside], palette, [text[i] for i in inside]
    )
    return dots, colour, outside, left_out


def _codes(colour: Colour) -> tuple[np.ndarray, list[str]]:
    """Palette index of every galaxy: classes as they are, numbers in the steps of the scale."""
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


def off_plane(walk: Walk) -> float:
    """Median distance of the galaxies shown from the plane, in latent units."""
    distances = [
        walk.plane.place(np.asarray(located.atlas.latents[walk.rows_of(key)]))[1]
        for key, located in walk.layers.items()
    ]
    return float(np.median(np.concatenate(distances)))
