"""Synthetic radio fields with known masks: points, doubles and jets in noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

BEAM = 3.0
"""FWHM in pixels."""

_FAINTEST, _BRIGHTEST = 4.0, 400.0  # peak over the noise of the field
_BLANK = 1.0  # sigma: what a source is above belongs to it


@dataclass(frozen=True, eq=False)
class RadioFields:
    """Seeded synthetic fields."""

    # Brightness without noise, float32 ``(n, size, size)``, in units of the noise that belongs to
    # the field.
    clean: np.ndarray
    noisy: np.ndarray  # with that noise, correlated over the beam as in a radio map
    source: np.ndarray  # number of the source that is brightest at each pixel, from 1; 0: sky
    peaks: list[np.ndarray]  # peak brightness of each source of a field


def radio_fields(n: int, seed: int, size: int = 64) -> RadioFields:
    """``n`` fields of one to five sources, some of them double or with a jet."""
    rng = np.random.default_rng(seed)
    clean = np.zeros((n, size, size), np.float32)
    source = np.zeros((n, size, size), np.int16)
    peaks = []
    for field, numbers in zip(clean, source, strict=True):
        found = [_source(rng, size) for _ in range(rng.integers(1, 6))]
        maps = np.stack(found)
        field += maps.sum(axis=0)
        brightest = maps.argmax(axis=0) + 1
        numbers[...] = np.where(maps.max(axis=0) > _BLANK, brightest, 0)
        peaks.append(maps.max(axis=(1, 2)))
    noisy = clean + beam_noise(rng, (n, size, size))
    return RadioFields(clean, noisy.astype(np.float32), source, peaks)


def beam_noise(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Normal noise of sigma 1, smoothed by the beam."""
    width = BEAM / math.sqrt(8 * math.log(2))
    found = gaussian_filter(rng.normal(size=shape), (0, width, width), mode="wrap")
    scaled: np.ndarray = found * (2 * math.sqrt(math.pi) * width)
    return scaled


def _source(rng: np.random.Generator, size: int) -> np.ndarray:
    """Brightness of one source, ``(size, size)``."""
    beam = BEAM / math.sqrt(8 * math.log(2))
    centre = rng.uniform(0.1, 0.9, 2) * size
    angle = rng.uniform(0, math.pi)
    along = np.array([math.cos(angle), math.sin(angle)])
    parts = [(centre, 0.0, 1.0)]
    shape = rng.choice(3, p=[0.5, 0.3, 0.2])
    if shape == 1:  # two lobes
        half = rng.uniform(1, 4) * BEAM
        parts = [(centre + s * half * along, rng.uniform(0.3, 1) * BEAM, rng.uniform(0.5, 1))
                 for s in (-1, 1)]  # fmt: skip
        parts += [(centre + t * half * along, 0.6 * BEAM, rng.uniform(0.1, 0.4))
                  for t in np.linspace(-0.7, 0.7, 5)]  # fmt: skip
    elif shape == 2:  # a core with a jet that fades
        length = rng.uniform(2, 5) * BEAM
        parts += [(centre + t * length * along, (0.3 + t) * BEAM, 0.6 * (1 - t))
                  for t in np.linspace(0.1, 0.9, 6)]  # fmt: skip
    y, x = np.mgrid[:size, :size]
    out = np.zeros((size, size))
    for (cx, cy), width, height in parts:
        sigma = math.hypot(beam, width / 2)
        out += height * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
    # The peak within the field, also of a source that its edge cuts.
    peak = _FAINTEST * (_BRIGHTEST / _FAINTEST) ** rng.random()
    scaled: np.ndarray = peak * out / out.max()
    return scaled
