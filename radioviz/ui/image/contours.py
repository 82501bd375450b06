"""Contours in multiples of the noise: levels as text, and as traces of Plotly."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.errors import ImageError
from radioviz.morphology.measuring import noise_of
from radioviz.morphology.noise import CLIP_SIGMA, Noise

DEFAULT = "-3, 3, 6, 12, ..."
MOST = 30  # contours in one image

_NUMBER = re.compile(r"[+\-−]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_ELLIPSIS = re.compile(r"[\s,;]*(?:\.\.+|…)\s*$")


def parse_levels(text: str, highest: float) -> tuple[float, ...]:
    """Levels in sigma from text such as ``-3, 3, 6, 12, ...``, rising, without repeats.

    Three dots continue by the ratio of the last two levels, up to ``highest`` sigma.

    Raises ImageError if there is no level, a word cannot be read as a number, or the dots cannot
    continue.
    """
    continued = _ELLIPSIS.search(text)
    words = [w for w in re.split(r"[\s,;]+", _ELLIPSIS.sub("", text)) if w]
    example = f"expected numbers such as {DEFAULT}"
    wrong = [w for w in words if not _NUMBER.fullmatch(w)]
    if wrong or not words:
        raise ImageError(f"contour level '{wrong[0][:40] if wrong else text[:40]}': {example}")
    levels = [float(w.replace("−", "-")) for w in words]
    if not all(math.isfinite(v) and v != 0 for v in levels):
        raise ImageError(f"contour levels '{text[:40]}' hold 0 or an infinite number: {example}")
    if continued:
        before, last = [1.0, *levels][-2:]
        ratio = last / before
        if not (last > 0 and ratio > 1.01):
            raise ImageError(
                f"contour levels '{text[:40]}' cannot continue from {before:g} to {last:g}; "
                "before the dots, the last two must be positive and rising"
            )
        while levels[-1] * ratio <= highest and len(levels) < MOST:
            levels.append(levels[-1] * ratio)
    return tuple(sorted(set(levels)))[:MOST]


def pixel_value(level: float, noise: Noise) -> float:
    """Pixel value, as stored, of a level in sigma.

    Below the level at which an image was clipped there is no value, NaN. At it, the value is the
    faintest that remains.
    """
    value = noise.background + level * noise.sigma - noise.pedestal
    if not noise.clipped:
        return value
    if level < CLIP_SIGMA - 1e-9:
        return math.nan
    return max(value * (1 - 1e-5), 1e-3 * noise.sigma)


def contour_traces(
    image: np.ndarray, noise: Noise, levels: Sequence[float], grid: dict[str, Any], colour: str
) -> list[dict[str, Any]]:
    """Traces of the levels [sigma] that lie between the pixels of an image; negative ones dashed.

    ``grid`` holds the coordinates ``x`` and ``y``.
    """
    finite = image[np.isfinite(image)]
    if not len(finite) or not noise.sigma > 0:
        return []
    low, high = float(finite.min()), float(finite.max())
    values = {k: pixel_value(k, noise) for k in levels}
    traces = []
    for sign, dash in ((-1, "dot"), (1, "solid")):
        chosen = [v for k, v in values.items() if sign * k > 0 and low < v < high]
        if not chosen:
            continue
        at = np.array(sorted(chosen))
        # Plotly draws levels at even steps: number them, with straight lines in between.
        step = noise.sigma
        nodes = np.concatenate([[at[0] - step], at, [max(high, at[-1]) + step]])
        numbers = np.arange(-1.0, len(at) + 1)
        traces.append(
            grid
            | {
                "type": "contour",
                "z": np.interp(image, nodes, numbers).astype(np.float32),
                "autocontour": False,
                "contours": {"start": 0, "end": len(at) - 1, "size": 1, "coloring": "none"},
                "line": {"color": colour, "width": 1.1, "dash": dash},
                "showscale": False,
                "hoverinfo": "skip",
            }
        )
    return traces


def sky_contours(
    catalogue: Catalogue, row: int, levels: str = DEFAULT
) -> list[tuple[float, np.ndarray]]:
    """Contours of an image on the sky: the level [sigma] and ICRS positions [deg], ``(k, 2)``.

    Raises ImageError as :func:`parse_levels`, and CatalogueError if the source has no sky position.
    """
    from astropy.wcs.utils import pixel_to_skycoord
    from contourpy import contour_generator

    wcs, noise = catalogue.wcs(row), noise_of(catalogue, row)
    image = np.ma.masked_invalid(np.asarray(catalogue.image(row), float))
    if not noise.sigma > 0 or not image.count():
        return []
    highest = (float(image.max()) - noise.background + noise.pedestal) / noise.sigma
    lines = contour_generator(z=image)
    out = []
    for level in parse_levels(levels, highest):
        value = pixel_value(level, noise)
        for line in lines.lines(value) if math.isfinite(value) else ():
            place = pixel_to_skycoord(*np.asarray(line).T, wcs, origin=0).icrs
            out.append((level, np.stack([place.ra.deg, place.dec.deg], axis=1)))
    return out


def outline_trace(mask: np.ndarray, grid: dict[str, Any], colour: str, dash: str) -> dict[str, Any]:
    """Outline of the true pixels of a mask ``(ny, nx)``."""
    return grid | {
        "type": "contour",
        "z": mask.astype(np.float32),
        "autocontour": False,
        "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        "line": {"color": colour, "width": 2, "dash": dash, "smoothing": 0},
        "showscale": False,
        "hoverinfo": "skip",
    }


def contours_text(image: np.ndarray, noise: Noise, levels: Sequence[float], unit: str) -> str:
    """The levels that are drawn, in sigma, and what a sigma is in the image."""
    finite = image[np.isfinite(image)]
    if not len(finite) or not noise.sigma > 0:
        return "No contours: the noise of this image is unknown."
    drawn = [k for k in levels if float(finite.min()) < pixel_value(k, noise) < float(finite.max())]
    if not drawn:
        return f"No pixel is at these levels; 1σ = {noise.sigma:.3g} {unit}."
    text = ", ".join(f"{k:g}" for k in drawn[:8]) + (f", … {drawn[-1]:g}" if drawn[8:] else "")
    clipped = ", nothing below 3σ is left in the image" if noise.clipped else ""
    return f"Contours at {text}σ; 1σ = {noise.sigma:.3g} {unit}{clipped}."
