"""Hosts found in synthetic fields: ``python -m train evaluate hosts``.

30 galaxies a square arcminute to 23 mag, their number growing by a factor of 10^0.35 a magnitude;
hosts of 17 to 22 mag, of which the catalogue has all; sources of 20 to 120 arcsec, whose core is
seen in half. The host lies off the midpoint by Gaussian offsets of
:data:`radioviz.relations.hosts.ASYMMETRY` and :data:`~radioviz.relations.hosts.BEND`. The
intervals recorded are the lowest and the highest of ten seeds.
"""

from __future__ import annotations

import numpy as np

from radioviz.relations.hosts import (
    ASYMMETRY,
    BEND,
    CATALOGUE_ERROR,
    FieldDensity,
    RadioPosition,
    likelihood_ratios,
)
from train.evaluate.benchmarks import record

SOURCES, SEEDS = 1000, 10
DENSITY, FAINTEST, SLOPE = 30 / 3600, 23.0, 0.35
FIELD = 120.0
"""Radius in arcsec within which the catalogue is asked."""
RIGHT = 3.0
SURE = 0.8
CORE_ERROR = 0.5
END_ERROR = 1.0
"""Arcsec: of a core, and of the midpoint from the measured ends."""


def hosts() -> None:
    """Record the share of hosts that are found, and of sure answers that are right."""
    found, sure, right = [], [], []
    for seed in range(SEEDS):
        best, reliability, kind = synthetic_search(SOURCES, seed)
        near = best <= RIGHT
        found.append(float(near.mean()))
        sure.append((reliability > SURE).mean())
        right.append(float(near[reliability > SURE].mean()))
        print(
            f"seed {seed}: found {near.mean():.3f} (core {near[kind].mean():.3f}, midpoint "
            f"{near[~kind].mean():.3f}); reliability above {SURE:g} for {sure[-1]:.3f}, of which "
            f"{right[-1]:.3f} are right"
        )
    print(
        f"hosts found within {RIGHT:g} arcsec: {np.mean(found):.3f} ({min(found):.3f} to "
        f"{max(found):.3f}); of {np.mean(sure):.0%} with reliability above {SURE:g}, "
        f"{np.mean(right):.3f} ({min(right):.3f} to {max(right):.3f}) are right"
    )
    for name, shares in (("found", found), ("sure_right", right)):
        record(
            f"hosts.{name}", (float(np.mean(shares)), min(shares), max(shares)), n=SOURCES,
            split=f"synthetic fields; within {RIGHT:g} arcsec"
            + (f", reliability above {SURE:g}" if name == "sure_right" else ""),
            seeds=list(range(SEEDS)), command="python -m train evaluate hosts",
        )  # fmt: skip


def synthetic_search(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Search the hosts of ``n`` sources.

    Returns ``distance``: of the most likely candidate from the host, arcsec, ``(n,)``;
    ``reliability``; ``core``: whether the core is seen, bool.
    """
    draw = np.random.default_rng(seed)
    distance, reliability = np.empty(n), np.empty(n)
    core = draw.random(n) < 0.5
    for i in range(n):
        las = draw.uniform(20, 120)
        if core[i]:
            along = across = CORE_ERROR
        else:
            along = float(np.hypot(ASYMMETRY * las, END_ERROR))
            across = float(np.hypot(BEND * las, END_ERROR))
        place = RadioPosition(180.0, 0.0, along, across, 0.0, "core" if core[i] else "midpoint")
        frame = draw.normal(0, CATALOGUE_ERROR, 2)
        host = draw.normal(0, (along, across)) + frame
        radius = FIELD * np.sqrt(draw.random(draw.poisson(DENSITY * np.pi * FIELD**2)))
        turn = draw.uniform(0, 2 * np.pi, len(radius))
        x = np.append(radius * np.cos(turn), host[0])
        y = np.append(radius * np.sin(turn), host[1])
        others = FAINTEST + np.log10(draw.uniform(1e-6, 1, len(radius))) / SLOPE
        magnitude = np.append(others, draw.uniform(17, 22))
        reach = max(5 * along, 10.0)
        apart = np.hypot(x, y)
        near = apart <= reach
        around = FieldDensity(magnitude[~near], np.pi * (FIELD**2 - reach**2))
        _, sure = likelihood_ratios(place, x[near], y[near], around, magnitude[near])
        if not near.any():
            distance[i], reliability[i] = np.inf, 0.0
            continue
        best = np.flatnonzero(near)[int(sure.argmax())]
        distance[i] = np.hypot(x[best] - host[0], y[best] - host[1])
        reliability[i] = sure.max()
    return distance, reliability, core
