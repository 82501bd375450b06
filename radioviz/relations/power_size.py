"""The diagram of radio luminosity and linear size: where classes divide and where they lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from radioviz.relations.cosmology import hubble_constant
from radioviz.relations.physical_columns import Physics

_DIVISION, _AT, _H0 = 2e25, 0.178, 50.0
"""Fanaroff & Riley 1974: W/Hz/sr, GHz, km/s/Mpc."""


@dataclass(frozen=True)
class ClassLocus:
    """Where a class lies: logarithms of linear size [kpc] and luminosity at 1.4 GHz [W/Hz]."""

    n: int  # galaxies
    centre: tuple[float, float]
    spread: tuple[float, float]  # standard deviations
    correlation: float


LOCI = {
    "FRI": ClassLocus(344, (2.235, 24.733), (0.264, 0.560), 0.412),
    "FRII": ClassLocus(382, (2.039, 25.183), (0.393, 0.556), 0.294),
}
"""Confident FRI and FRII of MiraBest (Miraghaei & Best 2017, MNRAS 466, 4346), Planck18.

Catalogued sizes and redshifts, fluxes of FIRST measured by RadioViz (``python -m train evaluate
loci``), spectral index -0.7: sources above 40 mJy, most at z of 0.05 to 0.5. Classes overlap, as
they do in deep surveys (Mingo et al. 2019, MNRAS 488, 2701); where they divide depends on the
host's luminosity, too (Ledlow & Owen 1996, AJ 112, 9).
"""


def fr_division(physics: Physics) -> float:
    """Luminosity at 1.4 GHz in W/Hz at which Fanaroff & Riley (1974) saw FRI and FRII divide.

    They give 2e25 W/Hz/sr at 178 MHz for a Hubble constant of 50 km/s/Mpc; a luminosity goes with
    its inverse square.
    """
    scale = (_H0 / hubble_constant(physics.cosmology)) ** 2
    return 4 * math.pi * _DIVISION * scale * (1.4 / _AT) ** physics.alpha


def locus(size: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ellipse that holds 68 % of the galaxies if their logarithms are normal.

    ``size``, ``power``: positive, shape ``(n,)``. Returns a closed line, each of shape ``(73,)``.
    """
    points = np.log10(np.stack([size, power]))
    return _ellipse(points.mean(axis=1), np.cov(points))


def published_locus(label: str, cosmology: str) -> tuple[np.ndarray, np.ndarray]:
    """Ellipse of :data:`LOCI` as :func:`locus` returns it, for the Hubble constant of a cosmology.

    Sizes go with its inverse, luminosities with its inverse square: to 2 % at these redshifts.
    """
    of = LOCI[label]
    shift = np.log10(hubble_constant() / hubble_constant(cosmology))
    x, y = of.spread
    both = of.correlation * x * y
    centre = np.array(of.centre) + shift * np.array([1, 2])
    return _ellipse(centre, np.array([[x * x, both], [both, y * y]]))


def _ellipse(centre: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(covariance)
    radius = math.sqrt(-2 * math.log(1 - 0.68))
    turn = np.linspace(0, 2 * np.pi, 73)
    circle = radius * np.stack([np.cos(turn), np.sin(turn)])
    line = centre[:, None] + vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * circle)
    return 10 ** line[0], 10 ** line[1]
