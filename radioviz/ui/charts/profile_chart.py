"""Brightness along the principal axis, as SVG: the third column of Fig. 11 of Bastien et al."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np

from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR

WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 24, 40


def profiles(images: Mapping[str, np.ndarray], pixel_scale: float, beam: float) -> str:
    """Profiles of several images along the principal axis of the first of them that has one.

    Parameters
    ----------
    images : mapping
        Class to image ``(ny, nx)``, 0..1.
    pixel_scale, beam : float
        Arcsec.
    """
    from radioviz import morphology

    angle = _angle(images, pixel_scale, beam)
    lines = {
        label: morphology.axis_profile(image, angle, pixel_scale=pixel_scale, beam=beam)
        for label, image in images.items()
    }
    top = max((float(y.max()) for _, y in lines.values()), default=0.0) or 1.0
    reach = _reach(lines, top)
    middle, floor = (LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM
    half = (WIDTH - LEFT - RIGHT) / 2
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = floor - share * (floor - TOP)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" opacity="0.75">'
            f"{share * top:.2f}</text>"
        )
    step = next(s for s in (10, 20, 30, 60, 120, 300) if reach / s <= 3.5 or s == 300)
    for tick in np.arange(-(reach // step) * step, reach + 1e-6, step):
        text = f"{tick:.0f}".replace("-", "−")
        parts.append(
            f'<text x="{middle + half * tick / reach:.1f}" y="{floor + 15}" text-anchor="middle" '
            f'opacity="0.75">{text}</text>'
        )
    x = float(LEFT)
    for label, (offset, brightness) in lines.items():
        colour = LABEL_COLOURS.get(label, MISSING_COLOUR)
        shown = np.abs(offset) <= reach
        points = " ".join(
            f"{middle + half * o / reach:.1f},{floor - b / top * (floor - TOP):.1f}"
            for o, b in zip(offset[shown], brightness[shown], strict=True)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
            f'<rect x="{x:.0f}" y="4" width="10" height="10" fill="{colour}"/>'
            f'<text x="{x + 15:.0f}" y="13">{html.escape(label)}</text>'
        )
        x += 30 + 8 * len(label)
    where = "north-south" if angle is None else f"position angle {angle:.0f}°"
    parts.append(
        f'<text x="{WIDTH - RIGHT}" y="13" text-anchor="end" opacity="0.6">brightness</text>'
        f'<text x="{middle:.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"Offset along the principal axis [arcsec], {where}</text>"
    )
    names = " and ".join(images)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" '
        f'aria-label="Profile of {html.escape(names, quote=True)}" fill="currentColor" '
        f'font-size="12" style="display:block">{"".join(parts)}</svg>'
    )


def _angle(images: Mapping[str, np.ndarray], pixel_scale: float, beam: float) -> float | None:
    """Position angle of the last image that has one: FRIIs point the clearest."""
    from radioviz import morphology

    stack = np.stack(list(images.values()))
    found = morphology.measure(stack, pixel_scale, beam)["position_angle"].to_numpy(float)
    known = found[np.isfinite(found)]
    return float(known[-1]) if len(known) else None


def _reach(lines: Mapping[str, tuple[np.ndarray, np.ndarray]], top: float) -> float:
    """Offset beyond which all profiles are fainter than 2 % of the brightest, and a margin."""
    far = [
        float(np.abs(offset[brightness > 0.02 * top]).max(initial=0.0))
        for offset, brightness in lines.values()
    ]
    return max(20.0, 1.15 * max(far, default=0.0))
