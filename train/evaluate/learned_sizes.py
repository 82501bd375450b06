"""``python -m train evaluate learned-sizes``: sizes learned from catalogues, against measured ones.

A regression of the catalogued size (ridge, or boosted trees with the absolute error of its
logarithm) on what the islands of an image say: the size that is measured when islands join the
source at five odds, their number, flux and peak, how doubtful the association is. Five folds by
strips of right ascension, as in ``measured-sizes``, on its raw cutouts and the two data sets with
catalogued sizes. Prints Spearman's correlation with the catalogue; nothing is recorded.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from radioviz.data.preprocess import FIRST_BEAM
from radioviz.data.registry import open_data_set
from radioviz.morphology import size_scale, sources
from radioviz.morphology.central_source import CentralSource, find_source
from radioviz.morphology.noise import is_shifted
from train.evaluate.measured_sizes import (
    PIXEL,
    find_all,
    fold_of,
    raw_folder,
    read_raw,
    scaled,
    size_parts,
)

ODDS = (-1.5, -0.75, 0.0, 0.75, 1.5)


def described(source: CentralSource) -> list[float]:
    """Numbers that the size is learned from."""
    islands, sigma = source.islands, max(source.noise.sigma, 1e-9)
    rows, seed = sources.association_features(islands, sigma, source.beam, FIRST_BEAM / PIXEL)
    odds = rows @ sources.COEFFICIENTS + sources.INTERCEPT
    chance = 1 / (1 + np.exp(-odds))
    out: list[float] = []
    for least in ODDS:
        belongs = odds > least
        if len(belongs):
            belongs[seed if seed >= 0 else int(odds.argmax())] = True
        part = size_parts([dataclasses.replace(source, belongs=belongs)])
        size = scaled(part, size_scale.LOBE, size_scale.GROWTH)
        out += [*np.log1p(part[0]), float(np.log(size[0]))]
    away = PIXEL * np.hypot(islands.cy, islands.cx)
    flux = np.maximum(islands.flux, 0) / sigma
    peak = max(float(islands.peak.max(initial=0)), 0.0) / sigma
    most = float((chance * away).max(initial=0))
    doubt = float((chance * (1 - chance)).sum())
    return [*out, float(np.log1p(chance @ flux)), float(np.log1p(len(islands))),
            float(np.log1p(peak)), doubt, float(seed >= 0), float(np.log1p(most))]  # fmt: skip


def agreement(found: list[CentralSource], truth: np.ndarray, ra: np.ndarray) -> dict[str, float]:
    """Spearman's correlation with catalogued sizes [arcsec], by how sizes are found."""
    from scipy.stats import spearmanr
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, folds = np.array([described(s) for s in found]), np.log(truth), fold_of(ra)
    makes = {
        "ridge": lambda: make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 12))),
        "boosted trees": lambda: HistGradientBoostingRegressor(
            loss="absolute_error", max_depth=3, learning_rate=0.05, max_iter=250,
            min_samples_leaf=15, random_state=0,
        ),
    }  # fmt: skip
    measured = scaled(size_parts(found), size_scale.LOBE, size_scale.GROWTH)
    out = {"measured": float(spearmanr(measured, truth).statistic)}
    for name, make in makes.items():
        guess = np.zeros(len(y))
        for fold in np.unique(folds):
            held = folds == fold
            guess[held] = make().fit(x[~held], y[~held]).predict(x[held])
        out[name] = float(spearmanr(guess, truth).statistic)
    return out


def learned_sizes() -> None:
    """Print the agreement of measured and of learned sizes with catalogues."""
    images, table = read_raw(raw_folder())
    parts = {"raw cutouts": (find_all(images, raw=True), table)}
    for key in ("mirabest", "first"):
        catalogue = open_data_set(key)
        rows = np.flatnonzero(catalogue.table["las_origin"].to_numpy(str) == "catalogue")
        shifted = is_shifted(catalogue.images)
        found = [
            find_source(
                np.asarray(catalogue.images[row]), PIXEL, False, FIRST_BEAM / PIXEL, shifted
            )
            for row in rows
        ]
        parts[key] = found, catalogue.table.iloc[rows]
    for name, (found, chosen) in parts.items():
        numbers = agreement(found, chosen["las"].to_numpy(float), chosen["ra"].to_numpy(float))
        said = ", ".join(f"{how} {value:.3f}" for how, value in numbers.items())
        print(f"{name}, n {len(found):,}: {said}", flush=True)
