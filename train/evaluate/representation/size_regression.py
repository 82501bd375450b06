"""Angular size from codes (R2, and Fig. 7 of Andrianomena & Tang 2023) and on the maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import open_atlas
from train.evaluate.evaluation_set import measured_catalogue
from train.evaluate.representation.classifiers import Scaler
from train.evaluate.representation.codes import codes

BATCH, PASSES, FIRST_TREES = 1000, 20, 10
NEIGHBOURS = 20


def sizes(key: str) -> np.ndarray:
    """Measured angular size of each galaxy, up to the field of the encoders; ``(n,)``.

    The image of a larger source is cut off, so its code cannot contain the size.
    """
    found = measured_catalogue(key).table["las_isophotal"].to_numpy(float)
    return np.minimum(found, 172.8)


def usable(key: str) -> np.ndarray:
    """True for galaxies with a measured size, shape ``(n,)``."""
    table = measured_catalogue(key).table
    return np.isfinite(table["las_isophotal"].to_numpy(float)) & table["flag"].eq("").to_numpy()


def feature_importance(model: str, key: str = "first") -> pd.DataFrame:
    """Data of Fig. 7: mean value and importance of each component of the codes.

    A random forest for angular size starts with :data:`FIRST_TREES` trees and grows by one tree
    per batch of 1000 galaxies (``warm_start``, Sec. 4.2.1). The paper has a hundred batches; here
    the training galaxies are used :data:`PASSES` times in random order.

    Returns ``encoder``, ``quantity``, ``rank`` (by importance; of principal components by
    variance), ``component`` and ``value``. Quantities: importance (sums to 1), mean value of the
    component, cumulative share of the variance of the principal components.
    """
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestRegressor

    catalogue = measured_catalogue(key)
    x = codes(model, catalogue).values[:, 0]
    rows = np.flatnonzero(usable(key) & (catalogue.table["split"] == "train").to_numpy())
    y = sizes(key)
    rng = np.random.default_rng(0)
    forest = RandomForestRegressor(FIRST_TREES, warm_start=True, max_features="sqrt")
    forest.set_params(random_state=0)
    stream = np.concatenate([rng.permutation(rows) for _ in range(PASSES)])
    for k, start in enumerate(range(0, len(stream) - BATCH + 1, BATCH)):
        batch = stream[start : start + BATCH]
        forest.set_params(n_estimators=FIRST_TREES + k)
        forest.fit(x[batch], y[batch])
    share = PCA().fit(x[rows]).explained_variance_ratio_.cumsum()
    order = np.argsort(-forest.feature_importances_)
    quantities = {
        "importance": forest.feature_importances_[order],
        "mean value of the component": x[rows].mean(axis=0)[order],
        "cumulative PCA variance": share,
    }
    columns = [
        pd.DataFrame(
            {
                "encoder": model,
                "quantity": name,
                "rank": np.arange(1, len(values) + 1),
                "component": order[: len(values)] if "PCA" not in name else -1,
                "value": values,
            }
        )
        for name, values in quantities.items()
    ]
    return pd.concat(columns, ignore_index=True)


LEARN_FROM = ("first", "mirabest", "frdeep-first")
"""Data sets with FIRST's beam and pixels, whose ``train`` splits fit the regression."""


def regress(model: str, key: str = "first") -> tuple[np.ndarray, np.ndarray, float, str]:
    """Predicted and true sizes [arcsec] of the test galaxies, R2 on validation, and the regression.

    The validation split chooses the regression (ridge, support vectors, extra trees) and its
    settings. With eight views, each view is a training example, and predictions are their mean.
    """
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.svm import SVR

    learnt = [codes_and_sizes(model, other, "train") for other in LEARN_FROM]
    views = learnt[0][0].shape[1]
    x = np.concatenate([found.reshape(-1, found.shape[2]) for found, _ in learnt])
    y = np.concatenate([np.repeat(truth, views) for _, truth in learnt])
    (x_valid, y_valid), (x_test, y_test) = (
        codes_and_sizes(model, key, s) for s in ("valid", "test")
    )
    scaler = Scaler(128).fit(x)
    middle, width = y.mean(), y.std()
    makers: dict[str, Any] = {"ridge": RidgeCV(np.logspace(-4, 2, 13))}
    if views == 1:
        makers["extra trees"] = ExtraTreesRegressor(200, min_samples_leaf=2, random_state=0)
    for gamma in (0.02, 0.06, 0.2) if views == 1 else (0.02, 0.06):
        for c in (1.0, 10.0, 100.0) if views == 1 else (10.0, 100.0):
            makers[f"support vectors, gamma {gamma}, C {c:g}"] = SVR(gamma=gamma, C=c)

    def guess(regressor: Any, values: np.ndarray) -> np.ndarray:
        """Mean over the views of what is read off each, arcsec."""
        each = regressor.predict(scaler(values.reshape(-1, values.shape[2])))
        return np.clip(each.reshape(len(values), -1).mean(axis=1) * width + middle, 0, None)

    best: tuple[float, str, Any] | None = None
    for name, regressor in makers.items():
        regressor.fit(scaler(x), (y - middle) / width)
        found = r2(guess(regressor, x_valid), y_valid)
        if best is None or found > best[0]:
            best = found, name, regressor
    assert best is not None  # there is always a regression
    found, name, regressor = best
    return guess(regressor, x_test), y_test, found, name


def codes_and_sizes(model: str, key: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes ``(n, views, d)`` and sizes [arcsec] ``(n,)`` of one split of a data set."""
    catalogue = measured_catalogue(key)
    rows = usable(key) & (catalogue.table["split"] == split).to_numpy()
    return codes(model, catalogue).values[rows], sizes(key)[rows]


def r2(guess: np.ndarray, truth: np.ndarray) -> float:
    """Share of the variance that is explained."""
    return float(1 - np.square(guess - truth).sum() / np.square(truth - truth.mean()).sum())


def neighbour_sizes(model: str, layout: str, key: str = "first") -> tuple[np.ndarray, np.ndarray]:
    """Size of each galaxy and mean size of its 20 neighbours on a map, ``(n, 2)``, arcsec.

    Also returns which of them are test galaxies, ``(n,)``.
    """
    from sklearn.neighbors import NearestNeighbors

    catalogue = measured_catalogue(key)
    ok = usable(key)
    xy = np.asarray(open_atlas(key, model).layouts[layout])[ok]
    size = catalogue.table["las_isophotal"].to_numpy(float)[ok]
    _, near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(xy).kneighbors()
    tested = (catalogue.table["split"] == "test").to_numpy()[ok]
    return np.stack([size, size[near].mean(axis=1)], axis=1), tested
