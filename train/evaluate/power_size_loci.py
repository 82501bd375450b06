"""Where FRI and FRII lie in luminosity and linear size: ``python -m train evaluate loci``.

Confident FRI and FRII of MiraBest (Miraghaei & Best 2017, MNRAS 466, 4346; Porter & Scaife 2023)
with their redshifts and sizes, and fluxes of their raw FIRST images measured as RadioViz does,
for Planck18 and a spectral index of -0.7. Prints the numbers in
:data:`radioviz.relations.power_size.LOCI`; no model is measured, so that nothing is recorded.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from astropy.io import fits

from radioviz.data.preprocess import FIRST_BEAM
from radioviz.morphology.central_source import find_source
from radioviz.relations.cosmology import linear_size, luminosity
from train.core.config import TrainError
from train.evaluate.measured_sizes import PIXEL, raw_folder

_NAME = re.compile(r"([12])0\d_[\d.]+[+-][\d.]+_(-?\d+\.\d+)_(\d+\.\d+)")
_BEAM_PIXELS = np.pi / (4 * np.log(2)) * (FIRST_BEAM / PIXEL) ** 2


def loci() -> None:
    """Print mean and covariance of the logarithms of both classes."""
    for label, (size, power) in classes(raw_folder()).items():
        points = np.log10([size, power])
        x, y = points.mean(axis=1)
        spread, r = points.std(axis=1, ddof=1), np.corrcoef(points)[0, 1]
        print(
            f'"{label}": ClassLocus({len(size)}, ({x:.3f}, {y:.3f}), ({spread[0]:.3f}, '
            f"{spread[1]:.3f}), {r:.3f}),"
        )


def classes(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Linear sizes in kpc and luminosities in W/Hz at 1.4 GHz, ``(n,)`` each, by class.

    Raises TrainError if the folder holds no images.
    """
    rows: dict[str, list[tuple[float, float, float]]] = {"FRI": [], "FRII": []}
    for path in sorted(folder.glob("*.fits")):
        if found := _NAME.match(path.name):
            image = fits.getdata(path, 1).astype(np.float32)
            flux = find_source(image, PIXEL, True, FIRST_BEAM / PIXEL).flux()
            label = "FRI" if found[1] == "1" else "FRII"
            rows[label].append((1e3 * flux / _BEAM_PIXELS, float(found[2]), float(found[3])))
    if not all(rows.values()):
        raise TrainError(f"{folder} holds no raw MiraBest cutouts; set RADIOVIZ_SHARED_DATA")
    out = {}
    for label, values in rows.items():
        flux, z, las = np.array(values).T
        size, power = linear_size(las, z), luminosity(flux, z, 1.4)
        known = np.isfinite(size) & np.isfinite(power) & (size > 0)
        out[label] = size[known], power[known]
    return out
