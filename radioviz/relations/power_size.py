"""The diagram of radio luminosity and linear size: where classes divide and where they lie."""

from __future__ import annotations

import math

import numpy as np

from radioviz.relations.cosmology import hubble_constant
from radioviz.relations.physical_columns import Physics

_DIVISION, _AT, _H0 = 2e25, 0.178, 50.0
"""Fanaroff & Riley 1974: W/Hz/sr, GHz, km/s/Mpc."""


def fr_division(physics: Physics) -> float:
    """Luminosity at 1.4 GHz in W/Hz at which Fanaroff & Riley (1974) saw FRI and FRII divide.

    They give 2e25 W/Hz/sr at 178 MHz for a Hubble constant of 50 km/s/Mpc; a luminosity goes with
    its inverse square.
    """
    scale = (_H0 / hubble_constant(physics.cosmology)) ** 2
    return 4 * math.pi * _DIVISION * scale * (1.4 / _AT) ** physics.alpha


def locus(
    size: np.ndarray, power: np.ndarray, share: float = 0.68
) -> tuple[np.ndarray, np.ndarray]:
    """Ellipse that holds a share of the galaxies if their logarithms are normal.

    ``size``, ``power``: positive, shape ``(n,)``. Returns a closed line, each of shape ``(73,)``.
    """
    points = np.log10(np.stack([size, power]))
    values, vectors = np.linalg.eigh(np.cov(points))
    radius = math.sqrt(-2 * math.log(1 - share))
    turn = np.linspace(0, 2 * np.pi, 73)
    circle = radius * np.stack([np.cos(turn), np.sin(turn)])
    line = points.mean(axis=1, keepdims=True) + vectors @ (
        np.sqrt(np.maximum(values, 0))[:, None] * circle
    )
    return 10 ** line[0], 10 ** line[1]
