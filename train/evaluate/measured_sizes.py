"""Measured against catalogued angular sizes: ``python -m train evaluate measured-sizes``.

The raw FIRST cutouts of MiraBest (1,083 FITS images, catalogued size in the file name) are divided
into five folds by strips of 0.1 deg in right ascension. In each fold the association of islands
(:mod:`radioviz.morphology.sources`) and the scale of sizes (:mod:`radioviz.morphology.size_scale`)
are fitted to the other four. Sizes of all sources, each measured by what was fitted without it,
are then compared with the catalogue. At the end everything is fitted to all sources and printed:
those are the numbers in the code.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.preprocess import FIRST_BEAM
from radioviz.morphology import size_scale, sources
from radioviz.morphology.central_source import CentralSource, find_source
from radioviz.paths import REPOSITORY
from train.core.config import TrainError
from train.evaluate.benchmarks import Estimate, bootstrap, record
from train.metrics.image_statistics import rank_correlation

PIXEL = 1.8  # arcsec
FOLDS, SEED = 5, 0
EDGES = (0.0, 15.0, 25.0, 40.0, 60.0, 100.0, 150.0, np.inf)
"""Of the bins in catalogued size, arcsec."""

_NAME = re.compile(r"(\d{3})_(\d+\.\d+)([+-]\d+\.\d+)_(-?\d+\.\d+)_(\d+\.\d+)")
_LARGEST_FITTED = 150.0  # beyond, lobes below the noise dominate


@dataclass(frozen=True, eq=False)
class Scale:
    """What is fitted: odds of association, width of lobes, scatter."""

    coefficients: np.ndarray
    intercept: float
    lobe: float
    growth: float
    scatter: float


def raw_folder() -> Path:
    """Folder of the raw cutouts, in ``RADIOVIZ_SHARED_DATA`` or beside this repository."""
    default = REPOSITORY.parent / "shared" / "data"
    return Path(os.environ.get("RADIOVIZ_SHARED_DATA", default)) / "mirabest_fits"


def read_raw(folder: Path) -> tuple[np.ndarray, pd.DataFrame]:
    """Raw cutouts ``(n, 150, 150)`` in Jy/beam, with ``ra``, ``dec`` [deg] and ``las`` [arcsec].

    Raises TrainError if the folder holds none.
    """
    from astropy.io import fits

    images, rows = [], []
    for path in sorted(folder.glob("*.fits")):
        if found := _NAME.match(path.name):
            images.append(fits.getdata(path, 1).astype(np.float32))
            rows.append({"ra": float(found[2]), "dec": float(found[3]), "las": float(found[5])})
    if not images:
        raise TrainError(
            f"{folder} holds no raw MiraBest cutouts (class_RA±Dec_z_size.fits); set "
            "RADIOVIZ_SHARED_DATA to the folder that holds mirabest_fits"
        )
    return np.stack(images), pd.DataFrame(rows)


def fold_of(ra: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Fold of each source, int64 ``(n,)``: strips of 0.1 deg in right ascension, shuffled."""
    strip = np.floor(np.asarray(ra, float) * 10).astype(int) % 3600
    return np.random.default_rng(seed).integers(0, FOLDS, 3600)[strip]


def find_all(images: np.ndarray, raw: bool, shifted: bool = False) -> list[CentralSource]:
    """The source of each FIRST image."""
    return [find_source(image, PIXEL, raw, FIRST_BEAM / PIXEL, shifted) for image in images]


def training_rows(
    found: list[CentralSource], truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features of islands, whether they belong by the catalogued size, stakes, number of source.

    An island whose centre is within 0.65 catalogued sizes of the host belongs, one more than a
    size and 5 arcsec away does not; what is between is left out. At stake is the factor by which a
    wrong decision changes the size (its logarithm).
    """
    features, belongs, stakes, number = [], [], [], []
    for i, (source, size) in enumerate(zip(found, truth, strict=True)):
        islands = source.islands
        rows, seed = sources.association_features(
            islands, source.noise.sigma, source.beam, FIRST_BEAM / PIXEL
        )
        distance = PIXEL * np.hypot(islands.cy, islands.cx)
        used = (distance < 0.65 * size) | (distance > size + 5)
        if seed >= 0:
            used[seed] = False
        alone = PIXEL * max(islands.furthest[seed], source.beam) if seed >= 0 else 10.0
        features.append(rows[used])
        belongs.append(distance[used] < 0.65 * size)
        stakes.append(np.log(np.maximum(distance[used] / alone, 1.2)))
        number.append(np.full(used.sum(), i))
    joined = [np.concatenate(part) for part in (features, belongs, stakes, number)]
    return joined[0], joined[1], joined[2], joined[3]


def associated(
    found: list[CentralSource], coefficients: np.ndarray, intercept: float
) -> list[CentralSource]:
    """The sources with their islands associated by other odds."""
    return [
        dataclasses.replace(
            s,
            belongs=sources.associate(
                s.islands, s.noise.sigma, s.beam, FIRST_BEAM / PIXEL, coefficients, intercept
            ),
        )
        for s in found
    ]


def size_parts(found: list[CentralSource]) -> np.ndarray:
    """Isophote, peaks, spread and reach [arcsec] of each source, ``(n, 4)``; 0 without one."""
    return np.array(
        [
            (s.size.isophote, s.size.peaks, s.size.spread, s.size.reach)
            if s.belongs.any() else (0.0,) * 4
            for s in found
        ]
    )  # fmt: skip


def in_doubt(found: list[CentralSource]) -> np.ndarray:
    """Which sources have no size, or one with a flag; bool ``(n,)``."""
    return np.array([not s.belongs.any() or bool(s.size.flag) for s in found])


def scaled(parts: np.ndarray, lobe: float, growth: float) -> np.ndarray:
    """Sizes on the scale of catalogues, ``(n,)``; half a beam for unresolved sources and none."""
    isophote, peaks, spread, reach = parts.T
    sizes = size_scale.catalogue_scale(isophote, peaks, spread, reach, FIRST_BEAM, lobe, growth)
    return np.maximum(sizes, size_scale.SMALLEST * FIRST_BEAM)


def fit(found: list[CentralSource], truth: np.ndarray) -> Scale:
    """Fit association, lobes and scatter to sources with catalogued sizes [arcsec]."""
    from scipy.optimize import minimize
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, belongs, stakes, _ = training_rows(found, truth)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features, belongs, logisticregression__sample_weight=stakes)
    weights = (model[-1].coef_[0] / model[0].scale_).round(2)
    intercept = round(float(model[-1].intercept_[0] - weights @ model[0].mean_), 2)
    joined = associated(found, weights, intercept)
    parts = size_parts(joined)
    bins = np.digitize(truth, EDGES) - 1

    def loss(logarithms: np.ndarray) -> float:
        off = np.log(scaled(parts, *np.exp(logarithms)) / truth)
        fitted = range(np.searchsorted(EDGES, _LARGEST_FITTED))
        return float(sum(np.median(off[bins == k]) ** 2 for k in fitted if (bins == k).any()))

    start = np.log([size_scale.LOBE, size_scale.GROWTH])
    lobe, growth = np.exp(minimize(loss, start, method="Nelder-Mead").x)
    off = np.abs(np.log(scaled(parts, lobe, growth) / truth))
    scatter = float(np.quantile(off[~in_doubt(joined)], 0.683))
    return Scale(weights, intercept, float(lobe), float(growth), scatter)


def cross_validated(
    found: list[CentralSource], truth: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Scale]]:
    """Size of each source by what was fitted to the other folds [arcsec], all ``(n,)``.

    Also whether the catalogue is within the scatter of that fit, whether the size is in doubt, and
    the fits.
    """
    sizes, fits = np.zeros(len(found)), []
    within, doubtful = np.zeros((2, len(found)), bool)
    for fold in np.unique(folds):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        scale = fit([found[i] for i in train], truth[train])
        tested = associated([found[i] for i in test], scale.coefficients, scale.intercept)
        sizes[test] = scaled(size_parts(tested), scale.lobe, scale.growth)
        within[test] = np.abs(np.log(sizes[test] / truth[test])) < scale.scatter
        doubtful[test] = in_doubt(tested)
        fits.append(scale)
    return sizes, within, doubtful, fits


def agreement(sizes: np.ndarray, truth: np.ndarray) -> dict[str, tuple[Estimate, int]]:
    """Median of measured over catalogued size in each bin with its interval, and the number."""
    found: dict[str, tuple[Estimate, int]] = {}
    for low, high in itertools.pairwise(EDGES):
        inside = (truth >= low) & (truth < high)
        if not inside.any():
            continue
        name = f"{low:g}_{high:g}" if np.isfinite(high) else f"above_{low:g}"
        ratio = bootstrap(sizes[inside] / truth[inside], np.median, 2000)
        found[name] = ratio, int(inside.sum())
    return found


def measured_sizes() -> None:
    """Measure the agreement in five folds, record it, and print what was fitted.

    Raises TrainError if the raw cutouts are not here.
    """
    images, table = read_raw(raw_folder())
    truth, found = table["las"].to_numpy(), find_all(images, raw=True)
    sizes, within, doubtful, fits = cross_validated(found, truth, fold_of(table["ra"].to_numpy()))
    where = f"mirabest raw cutouts, {FOLDS} folds"
    command = "python -m train evaluate measured-sizes"
    pairs = np.stack([sizes, truth], axis=1)
    rank = bootstrap(pairs, rank_correlation, 500)
    covered = bootstrap(within[~doubtful].astype(float), np.mean)
    far = (np.abs(np.log(sizes / truth)) > np.log(1.5)).astype(float)
    wrong = [bootstrap(far[rows], np.mean) for rows in (~doubtful, doubtful)]
    results = {f"ratio_{name}": found for name, found in agreement(sizes, truth).items()} | {
        "spearman": (rank, len(truth)),
        "within_error": (covered, int((~doubtful).sum())),
        "wrong_unflagged": (wrong[0], int((~doubtful).sum())),
        "wrong_flagged": (wrong[1], int(doubtful.sum())),
    }
    for name, (value, n) in results.items():
        print(f"{name:>17}: {value[0]:.4f} [{value[1]:.4f}, {value[2]:.4f}], n = {n}")
        record(f"sizes.{name}", value, n=n, split=where, seeds=[SEED], command=command)
    everything = fit(found, truth)
    for scale in (*fits, everything):
        print(
            f"LOBE, GROWTH, SCATTER = {scale.lobe:.2f}, {scale.growth:.1f}, {scale.scatter:.3f}; "
            f"INTERCEPT = {scale.intercept}; COEFFICIENTS = {scale.coefficients.tolist()}"
        )
