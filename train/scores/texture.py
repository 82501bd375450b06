"""Texture of an image: sharpness, spectrum, edges and islands, at three pixels per beam.

A density of latents misses a step that no beam could produce, a faint star of rays, or a bright
source in place of the galaxy: latents do not encode them, and the preprocessing of the encoders
smooths some of them away. These descriptors use images of :data:`CHAIN`: peak 1, noise clipped to
0, the source in the middle.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from radioviz.data.preprocess import Preprocess
from radioviz.sky import FWHM

CHAIN = Preprocess(size=96)
"""The field of the encoders (``compact64``) at three pixels per beam, the sampling of FIRST and
NVSS: shows structure smaller than a beam, which the preprocessing of encoders smooths away."""

BEAM = 3.0
FAINT = 0.01  # of the peak; brighter pixels are lit
EMPTY = 0.004
RINGS = (0.0, 2.0, 4.0, 6.667, 10.0, 16.0)  # radii in beams
FREQUENCIES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.71)  # cycles a pixel
PREFIX = "drawn_"
NAMES = tuple(
    PREFIX + name
    for name in (
        # Share of the power at each spatial frequency; a beam has little above 0.3.
        *(f"power{i}" for i in range(1, 11)),
        # Islands of light, and light far from the middle.
        *("islands", "small_islands", "ring3", "ring4", "lit3", "lit4", "main_share"),
        *("second_share", "bright_islands", "peak4"),
        # Positions of the peak, of all light, of the main island; light in the middle.
        *("peak_offset", "centroid", "main_offset", "centre_peak", "centre3", "centre6"),
        "asymmetry",
        # Differences of neighbours, curvature, brightness next to empty pixels.
        *("step1", "step5", "curve_up", "curve_down", "edge1", "edge5", "edge20", "floor"),
        # Light around the peak in units of a beam, second moments, area above three levels.
        *("about1", "about2", "point_share", "major", "minor", "area03", "area10", "area30"),
        "filled",
    )
)


def texture_descriptors(images: np.ndarray) -> pd.DataFrame:
    """All descriptors of images ``(n, s, s)`` of :data:`CHAIN`; NaN for blank images.

    Returns ``n`` rows; :data:`NAMES`.
    """
    frame = _Frame(images.shape[1])
    rows = [_one(np.asarray(image, np.float32), frame) for image in images]
    return pd.DataFrame(rows, columns=list(NAMES), dtype=float)


class _Frame:
    """Distances and frequencies of every pixel of a square image."""

    def __init__(self, side: int) -> None:
        self.y, self.x = np.indices((side, side)) - (side - 1) / 2
        self.radius = np.hypot(self.y, self.x)
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
        self.band = np.digitize(frequency, FREQUENCIES)
        # The transform of a real image is half as large; most of its values count twice.
        self.weight = np.full(frequency.shape, 2.0)
        self.weight[:, 0] = 1
        if side % 2 == 0:
            self.weight[:, -1] = 1


def _one(image: np.ndarray, frame: _Frame) -> dict[str, float]:
    if not image.any():
        return {}
    return {
        PREFIX + name: value
        for part in (
            _spectrum(image, frame),
            _places(image, frame),
            _edges(image),
            _shape(image, frame),
        )
        for name, value in part.items()
    }


def _spectrum(image: np.ndarray, frame: _Frame) -> dict[str, float]:
    power = np.square(np.abs(np.fft.rfft2(image))) * frame.weight
    share = np.bincount(frame.band.ravel(), power.ravel(), len(FREQUENCIES) + 1) / power.sum()
    return {f"power{i}": share[i] for i in range(1, 11)}


def _places(image: np.ndarray, frame: _Frame) -> dict[str, float]:
    """Position and islands of the light; distances in pixels."""
    from scipy import ndimage

    total, lit = image.sum(), image > FAINT
    labels, count = ndimage.label(lit, np.ones((3, 3)))
    sums = np.bincount(labels.ravel(), image.ravel())[1:]
    areas = np.bincount(labels.ravel())[1:]
    main = labels.flat[int(image.argmax())]
    inside = labels == main
    weight = image[inside] / image[inside].sum()
    ordered = np.sort(sums)[::-1]
    rings = [
        (frame.radius >= a * BEAM) & (frame.radius < b * BEAM) for a, b in itertools.pairwise(RINGS)
    ]
    middle = frame.radius < 3 * BEAM
    return {
        "islands": count,
        "small_islands": (areas <= 6).sum(),
        "ring3": image[rings[3]].sum() / total,
        "ring4": image[rings[4]].sum() / total,
        "lit3": lit[rings[3]].mean(),
        "lit4": lit[rings[4]].mean(),
        "main_share": sums[main - 1] / total,
        "second_share": ordered[1] / total if count > 1 else 0.0,
        "bright_islands": ndimage.label(image > 0.1)[1],
        "peak4": image[rings[4]].max(),
        "peak_offset": frame.radius.flat[int(image.argmax())],
        "centroid": np.hypot((image * frame.y).sum(), (image * frame.x).sum()) / total,
        "main_offset": np.hypot((weight * frame.y[inside]).sum(), (weight * frame.x[inside]).sum()),
        "centre_peak": image[middle].max(),
        "centre3": image[middle].sum() / total,
        "centre6": image[frame.radius < 6 * BEAM].sum() / total,
        "asymmetry": np.abs(image - image[::-1, ::-1]).sum() / (2 * total),
    }


def _edges(image: np.ndarray) -> dict[str, float]:
    from scipy import ndimage

    steps = [np.abs(np.diff(image, axis=axis)).ravel() for axis in (0, 1)]
    step = np.sort(np.concatenate(steps))[::-1]
    curve = ndimage.laplace(image)
    empty = image <= EMPTY
    beside = np.sort(image[ndimage.binary_dilation(empty) & ~empty])[::-1]
    beside = np.append(beside, np.zeros(20)) if len(beside) < 20 else beside
    return {
        "step1": step[0],
        "step5": step[4],
        "curve_up": curve.max(),
        "curve_down": curve.min(),
        "edge1": beside[0],
        "edge5": beside[4],
        "edge20": beside[19],
        "floor": np.percentile(image[~empty], 5),
    }


def _shape(image: np.ndarray, frame: _Frame) -> dict[str, float]:
    total = image.sum()
    row, column = np.unravel_index(int(image.argmax()), image.shape)
    near = np.hypot(frame.y - frame.y[row, 0], frame.x - frame.x[0, column])
    beam = 2 * np.pi * (BEAM / FWHM) ** 2  # light of a point source of peak 1
    weight = image / total
    y, x = frame.y - (weight * frame.y).sum(), frame.x - (weight * frame.x).sum()
    moments = np.array(
        [[(weight * y * y).sum(), (weight * y * x).sum()], [0.0, (weight * x * x).sum()]]
    )
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(moments, UPLO="U"), 0))
    return {
        "about1": image[near < BEAM].sum() / beam,
        "about2": image[near < 2 * BEAM].sum() / beam,
        "point_share": image[near < 1.5 * BEAM].sum() / total,
        "major": major,
        "minor": minor,
        "area03": (image > 0.03).sum(),
        "area10": (image > 0.1).sum(),
        "area30": (image > 0.3).sum(),
        "filled": image[image > FAINT].mean(),
    }
